//! The corpus: every defect in a file that a command reads.

use std::fs;

use provenance::{dsse::Envelope, key::SigningKey};

use crate::{
    GENESIS, NOWHERE, assert_refused, attest,
    common::{Place, names},
    corpus::cases,
    registries::answering,
    said,
};

#[test]
fn trust_files() {
    let place = Place::new();
    place.write("model/config.json", "{}");
    for case in cases("trust") {
        let says = case
            .says
            .as_deref()
            .expect("every trust file of the corpus is refused");
        let file = place.write("trust", &case.bytes);
        let verify = ["verify", "model", "--trust", "trust", "--registry", NOWHERE];
        let pin = ["publisher", "trust", "acme.example", GENESIS, "--trust", "trust"];
        let publisher = ["show", "acme.example", "--trust", "trust", "--registry", NOWHERE];
        for command in [verify.as_slice(), &pin, &publisher] {
            assert_refused(
                &format!("{} {}", command[0], case.id),
                &place.run(command),
                2,
                says,
            );
        }
        assert_eq!(fs::read(file).unwrap(), case.bytes, "{} was written to", case.id);
        assert_eq!(names(place.folder.path()), ["model", "trust"], "{}", case.id);
    }
}

#[test]
fn private_keys() {
    let place = Place::new();
    place.write("model/config.json", "{}");
    for case in cases("private-key") {
        let says = case.says.as_deref().expect("every key of the corpus is refused");
        place.write("lab.key", &case.bytes);
        let create = [
            "publisher",
            "create",
            "acme.example",
            "--key",
            "lab.key",
            "--registry",
            NOWHERE,
        ];
        for command in [attest("model", "lab.key").as_slice(), &create] {
            let ran = place.run(command);
            let said = said(&case.id, &ran);
            assert!(matches!(ran.code, 2 | 7), "{}: {said}", case.id);
            assert!(said.contains(says), "{}: wanted {says:?} in {said}", case.id);
            // What is in a key file is never shown.
            assert!(
                !said.contains("mc4c") && !said.contains("b3blbnnza"),
                "{}: {said}",
                case.id
            );
        }
        assert_eq!(names(place.folder.path()), ["lab.key", "model"], "{}", case.id);
    }
}

#[test]
fn envelopes_and_statements_are_not_sent() {
    let place = Place::new();
    let key = SigningKey::from_seed(&[7; 32]);
    let signed = |kind| {
        cases(kind).into_iter().map(|mut case| {
            case.bytes = Envelope::sign(case.bytes, &[&key]).to_json();
            case
        })
    };
    let all = cases("envelope")
        .into_iter()
        .chain(signed("statement"))
        .chain(signed("keyset"));
    for case in all {
        let Some(says) = &case.says else { continue };
        place.write("att/1-signature.dsse.json", &case.bytes);
        fs::create_dir_all(place.path("att/blob")).unwrap();
        // Refused before the registry is asked: nothing listens there.
        let ran = place.run(&["publish", "att", "--registry", NOWHERE]);
        assert_refused(&format!("publish {} ({})", case.id, case.name), &ran, 2, says);
    }
}

/// Headers of weights: what does not read is neither signed nor kept, and checking it ends in words.
fn assert_headers_are_judged(kind: &str, name: &str) {
    let place = Place::new();
    place.key();
    for case in cases(kind) {
        place.write(&format!("model/{name}"), &case.bytes);
        let ran = place.run(&attest("model", "lab.key"));
        if let Some(says) = &case.says {
            assert_refused(&format!("attest {}", case.id), &ran, 2, says);
            assert!(!place.path("att").exists(), "{}", case.id);
        } else {
            assert_eq!(ran.code, 0, "{}: {}", case.id, ran.stderr);
            fs::remove_dir_all(place.path("att")).unwrap();
        }
        let ran = place.run(&["verify", "model", "--offline"]);
        let told = said(&case.id, &ran);
        assert_eq!(ran.code, 3, "verify {}: {told}", case.id);
    }
}

#[test]
fn safetensors_headers() {
    assert_headers_are_judged("safetensors", "w.safetensors");
}

#[test]
fn gguf_headers() {
    assert_headers_are_judged("gguf", "w.gguf");
}

#[test]
fn files_that_are_no_weights() {
    let place = Place::new();
    place.key();
    let nothing = answering(br#"{"v":1,"keys":0,"digits":0,"as_of_size":0,"matches":[]}"#.to_vec());
    for case in cases("junk") {
        place.write("model/model.safetensors", &case.bytes);
        let ran = place.run(&attest("model", "lab.key"));
        let told = said(&case.id, &ran);
        assert_eq!(ran.code, 2, "attest {}: {told}", case.id);
        assert!(ran.stderr.contains("next: "), "attest {}: {told}", case.id);
        assert!(!place.path("att").exists(), "{}", case.id);
        let ran = place.run(&["verify", "model", "--registry", &nothing, "--json"]);
        said(&case.id, &ran);
        assert_eq!(ran.code, 3, "verify {}: {}", case.id, ran.stderr);
        assert_eq!(
            ran.json()["subtype"].as_str(),
            case.says.as_deref(),
            "verify {}",
            case.id
        );
    }
}

#[test]
fn bundles() {
    let place = Place::new();
    place.write("model/config.json", "{}");
    for case in cases("bundle") {
        let Some(says) = &case.says else { continue };
        let beside = place.write("model/x.weighbridge", &case.bytes);
        let verify = ["verify", "model", "--offline"];
        let named = ["verify", "model", "--offline", "--bundle", "model/x.weighbridge"];
        let refresh = [
            "bundle",
            "--refresh",
            "model/x.weighbridge",
            "--registry",
            NOWHERE,
        ];
        for (command, code) in [(verify.as_slice(), 9), (&named, 9), (&refresh, 9)] {
            assert_refused(
                &format!("{command:?} {}", case.id),
                &place.run(command),
                code,
                says,
            );
        }
        assert_eq!(
            fs::read(&beside).unwrap(),
            case.bytes,
            "{} was written to",
            case.id
        );
    }
}

#[test]
fn signatures_of_model_signing() {
    let place = Place::new();
    place.write("model/README.md", "x");
    let honest = cases("public-key")
        .into_iter()
        .find(|case| case.says.is_none())
        .expect("one key is as it should be");
    place.write("lab.pub", honest.bytes);
    for case in cases("oms") {
        let says = case
            .says
            .as_deref()
            .expect("every signature of the corpus is refused");
        place.write("model.sig", &case.bytes);
        let verify = [
            "oms",
            "verify",
            "model",
            "--signature",
            "model.sig",
            "--public-key",
            "lab.pub",
        ];
        assert_refused(&format!("oms verify {}", case.id), &place.run(&verify), 2, says);
    }
}

#[test]
fn queries_name_what_was_wanted() {
    let place = Place::new();
    for case in cases("query") {
        // No command line takes a NUL, and no system takes arguments of any length.
        if case.bytes.contains(&0) {
            continue;
        }
        let text = String::from_utf8(case.bytes).unwrap();
        let ran = place.run(&["show", "--registry", NOWHERE, "--", &text]);
        let said = said(&case.id, &ran);
        // Sixty-three digits could be a publisher's name, which is asked for.
        assert!(matches!(ran.code, 2 | 8), "{}: {said}", case.id);
    }
}
