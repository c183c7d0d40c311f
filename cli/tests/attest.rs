//! `attest`: what it writes, what it refuses, and that it says where.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case has failed")]

mod common;

use std::{fs, path::Path};

use common::{Place, names, safetensors};
use provenance::{
    Sha256Digest,
    dsse::{Envelope, pae},
    key::SigningKey,
    record::{Body, Record},
    tensor::TensorIndex,
};

const GENESIS: &str = "abababababababababababababababababababababababababababababababab";

/// Arguments of a complete call.
fn call<'a>(path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "attest",
        path,
        "--publisher",
        "acme.example",
        "--key",
        "lab.key",
        "--name",
        "acme/minilm",
        "--version",
        "1.0",
        "--genesis",
        GENESIS,
        "--out",
        "att",
    ];
    [&base, more].concat()
}

/// The record in an envelope whose signature verifies under the key `lab.key`.
fn record(place: &Place, name: &str) -> Record {
    let envelope = Envelope::parse(&fs::read(place.path("att").join(name)).unwrap()).unwrap();
    let key = SigningKey::from_pkcs8_pem(&fs::read_to_string(place.path("lab.key")).unwrap()).unwrap();
    assert_eq!(envelope.signatures.len(), 1);
    assert!(
        key.public()
            .verify_envelope(&pae(&envelope.payload), &envelope.signatures[0].sig)
            .is_some()
    );
    Record::parse(&envelope.payload).unwrap()
}

fn model(place: &Place) -> Vec<u8> {
    let weights = safetensors(9_000_000);
    place.write("model/model.safetensors", &weights);
    place.write("model/config.json", "{}");
    place.write("model/empty.txt", "");
    place.write("model/sub/vocab.txt", "a\nb\n");
    place.write("model/.gitattributes", "* lfs");
    weights
}

#[test]
fn a_folder_becomes_a_signature_record_with_its_sidecars() {
    let place = Place::new();
    place.key();
    let weights = model(&place);
    let ran = place.expect(
        0,
        &call("model", &["--official", "https://acme.example/minilm", "--json"]),
    );
    assert_eq!(names(&place.path("att")), ["1-signature.dsse.json", "blob"]);

    let record = record(&place, "1-signature.dsse.json");
    let Body::Signature(signature) = &record.body else {
        panic!("{record:?}")
    };
    let files = signature.manifest.files();
    let paths: Vec<_> = files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(
        paths,
        ["config.json", "empty.txt", "model.safetensors", "sub/vocab.txt"]
    );
    let listed = &files[2];
    assert_eq!(
        (listed.size, listed.sha256),
        (weights.len() as u64, Sha256Digest::of(&weights))
    );
    let subject = &signature.artifact.subject;
    assert_eq!(
        (subject.name.as_str(), subject.version.as_deref()),
        ("acme/minilm", Some("1.0"))
    );
    assert_eq!(subject.genesis.to_string(), GENESIS);
    assert_eq!(subject.official, ["https://acme.example/minilm"]);

    // dirHash1 computed the plain way.
    let lines: Vec<_> = files
        .iter()
        .map(|file| format!("{}  {}\n", file.sha256, file.path))
        .collect();
    let lines = lines.concat();
    let report = ran.json();
    assert_eq!(
        report["dir_hash1"],
        Sha256Digest::of(lines.as_bytes()).to_string()
    );
    assert_eq!(report["oms_root"], signature.manifest.oms_root().to_string());
    assert!(report["oms_root_components"].is_string());
    assert_eq!(report["records"][0]["record"], record.id.to_string());

    let blob = |digest: Sha256Digest| fs::read(place.path("att/blob").join(digest.to_string())).unwrap();
    let chunks: Vec<u8> = weights
        .chunks(4 << 20)
        .flat_map(|c| *Sha256Digest::of(c).as_bytes())
        .collect();
    assert_eq!(blob(listed.chunks), chunks);
    let index = TensorIndex::from_bytes(&blob(listed.tensors.unwrap())).unwrap();
    let tensors: Vec<_> = index
        .tensors()
        .iter()
        .map(|tensor| tensor.name.as_str())
        .collect();
    assert_eq!(tensors, ["a.weight", "b.weight"]);
}

#[test]
fn the_same_facts_give_the_same_record() {
    let place = Place::new();
    place.key();
    model(&place);
    let first = place.expect(0, &call("model", &["--json"])).json();
    let again = place.expect(0, &call("model", &["--json", "--force"])).json();
    assert_eq!(first["records"], again["records"]);
}

#[test]
fn a_stage_adds_a_provenance_record_that_the_signature_names() {
    let place = Place::new();
    place.key();
    model(&place);
    let parent = "cd".repeat(32);
    let (input, digest) = (
        format!("training-dataset={parent}"),
        format!("base-model={parent}@{parent}"),
    );
    let stage = [
        "--stage",
        "pretraining",
        "--input",
        &input,
        "--input",
        &digest,
        "--metric",
        "validation_loss=2.31",
    ];
    let ran = place.expect(0, &call("model", &stage));
    assert!(
        ran.stdout.contains("OMS root") && ran.stdout.contains("weighbridge publish att"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        names(&place.path("att")),
        ["1-provenance.dsse.json", "2-signature.dsse.json", "blob"]
    );
    let made = record(&place, "1-provenance.dsse.json");
    let Body::Provenance(provenance) = &made.body else {
        panic!("{made:?}")
    };
    assert_eq!(provenance.run.stage, "pretraining");
    assert_eq!(provenance.run.metrics["validation_loss"], "2.31");
    let inputs: Vec<_> = provenance
        .run
        .inputs
        .iter()
        .map(|i| (i.role.as_str(), i.dir_hash1.is_some()))
        .collect();
    assert_eq!(inputs, [("training-dataset", false), ("base-model", true)]);
    let Body::Signature(signature) = record(&place, "2-signature.dsse.json").body else {
        panic!()
    };
    assert_eq!(signature.provenance, [made.id]);
}

#[test]
fn one_file_is_recorded_under_its_base_name() {
    let place = Place::new();
    place.key();
    place.write("deep/data.bin", "data");
    place.expect(0, &call("deep/data.bin", &[]));
    let record = record(&place, "1-signature.dsse.json");
    let paths: Vec<_> = record
        .manifest()
        .unwrap()
        .files()
        .iter()
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(paths, ["data.bin"]);
}

#[test]
fn the_genesis_is_taken_from_the_note_beside_the_key() {
    let place = Place::new();
    place.key();
    place.write("m/x", "x");
    let args = [
        "attest",
        "m",
        "--publisher",
        "acme.example",
        "--key",
        "lab.key",
        "--name",
        "m",
        "--out",
        "att",
    ];
    let ran = place.expect(2, &args);
    assert!(
        ran.stderr.contains("publisher create acme.example"),
        "{}",
        ran.stderr
    );
    let pem = fs::read_to_string(place.path("lab.key.pub")).unwrap();
    let keyid = Sha256Digest::of(pem.as_bytes());
    let note = format!(
        r#"{{"v":1,"publisher":"acme.example","genesis":"{GENESIS}","index":0,"origin":"o","keyid":"{keyid}","holder":"h"}}"#
    );
    place.write("lab.key.publisher.json", note);
    place.expect(0, &args);
    assert_eq!(
        record(&place, "1-signature.dsse.json")
            .artifact()
            .unwrap()
            .subject
            .genesis
            .to_string(),
        GENESIS
    );
    let other = [
        "attest",
        "m",
        "--publisher",
        "other.example",
        "--key",
        "lab.key",
        "--name",
        "m",
        "--out",
        "att2",
    ];
    let ran = place.expect(2, &other);
    assert!(
        ran.stderr.contains("is about the publisher acme.example"),
        "{}",
        ran.stderr
    );
    place.expect(0, &["key", "new", "--out", "other.key", "--no-passphrase"]);
    fs::copy(
        place.path("lab.key.publisher.json"),
        place.path("other.key.publisher.json"),
    )
    .unwrap();
    let other: Vec<_> = args
        .iter()
        .map(|arg| if *arg == "lab.key" { "other.key" } else { arg })
        .collect();
    let ran = place.expect(2, &other);
    assert!(ran.stderr.contains("belong together"), "{}", ran.stderr);
}

/// Runs `attest model`, which must fail with `code`, name `wanted` and leave no `att`.
#[track_caller]
fn refused(place: &Place, code: i32, more: &[&str], wanted: &[&str]) {
    let ran = place.expect(code, &call("model", more));
    for text in wanted {
        assert!(ran.stderr.contains(text), "wanted {text:?} in {}", ran.stderr);
    }
    assert!(ran.stderr.contains("next:"), "{}", ran.stderr);
    assert!(!place.path("att").exists());
}

#[test]
fn what_cannot_be_recorded_is_refused_by_name() {
    let place = Place::new();
    place.key();
    fs::create_dir(place.path("model")).unwrap();
    refused(&place, 2, &[], &["holds no file"]);
    place.write("model/m.gguf", "GGUF\u{4}\0\0\0");
    refused(
        &place,
        2,
        &[],
        &[
            "m.gguf does not read as GGUF",
            "GGUF version 4",
            "attest it with a version",
        ],
    );
    place.write("model/m.gguf", safetensors(100));
    refused(&place, 2, &[], &["it is safetensors, under another name"]);
    fs::remove_file(place.path("model/m.gguf")).unwrap();
    place.write("model/w.safetensors", "not a header at all");
    refused(&place, 2, &[], &["w.safetensors"]);
    place.write("model/w.safetensors", "");
    refused(&place, 2, &[], &["w.safetensors", "empty"]);
    fs::remove_file(place.path("model/w.safetensors")).unwrap();
    place.write("model/a", "");
    place.write("model/A", "");
    refused(&place, 2, &[], &["ignore case"]);
    fs::remove_file(place.path("model/A")).unwrap();
    place.write("model/gpj.\u{202e}py", "");
    refused(&place, 2, &[], &["\\u{202e}"]);
}

#[test]
fn facts_that_no_reader_would_accept_are_refused() {
    let place = Place::new();
    place.key();
    place.write("model/x", "x");
    for address in ["", "acme.example/minilm", "ftp://acme.example"] {
        let ran = place.expect(2, &call("model", &["--official", address]));
        assert!(ran.stderr.contains("wanted a URL"), "{}", ran.stderr);
    }
    let hidden = ["--official", "https://acme.example/\u{202e}b"];
    refused(&place, 2, &hidden, &["weighbridge_official"]);
    let input = format!("={}", "ab".repeat(32));
    place.expect(2, &call("model", &["--stage", "merge", "--input", &input]));
    let twice = ["--stage", "merge", "--metric", "loss=1", "--metric", "loss=2"];
    refused(&place, 2, &twice, &["loss is given twice"]);
}

#[test]
#[cfg(unix)]
fn links_are_refused_by_name() {
    let place = Place::new();
    place.key();
    place.write("model/x", "x");
    std::os::unix::fs::symlink("x", place.path("model/link")).unwrap();
    refused(&place, 7, &[], &["model/link is a symbolic link"]);
}

#[test]
fn a_key_or_a_result_inside_the_model_is_refused() {
    let place = Place::new();
    place.key();
    place.write("model/x", "x");
    fs::copy(place.path("lab.key"), place.path("model/lab.key")).unwrap();
    let with = |old: &str, new: &'static str| -> Vec<&str> {
        call("model", &[])
            .into_iter()
            .map(|arg| if arg == old { new } else { arg })
            .collect()
    };
    let ran = place.expect(2, &with("lab.key", "model/lab.key"));
    assert!(
        ran.stderr
            .contains("the private key model/lab.key lies in the folder"),
        "{}",
        ran.stderr
    );
    for inside in ["model/att", "model/new/att", "model"] {
        let ran = place.expect(2, &with("att", inside));
        assert!(ran.stderr.contains("--out"), "{}", ran.stderr);
    }
    let ran = place.expect(2, &with("att", "model/new/att"));
    assert!(ran.stderr.contains("lies in the folder"), "{}", ran.stderr);
}

#[test]
fn an_earlier_result_is_kept_unless_force_is_given() {
    let place = Place::new();
    place.key();
    place.write("model/x", "x");
    place.expect(0, &call("model", &[]));
    let before = fs::read(place.path("att/1-signature.dsse.json")).unwrap();
    place.write("model/x", "y");
    let ran = place.expect(2, &call("model", &[]));
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(fs::read(place.path("att/1-signature.dsse.json")).unwrap(), before);
    place.expect(0, &call("model", &["--force"]));
    assert_ne!(fs::read(place.path("att/1-signature.dsse.json")).unwrap(), before);
    place.write("att/notes.txt", "mine");
    let ran = place.expect(2, &call("model", &["--force"]));
    assert!(ran.stderr.contains("notes.txt"), "{}", ran.stderr);
    assert!(Path::exists(&place.path("att/notes.txt")));
}

#[test]
fn a_gguf_model_in_parts_must_be_whole_and_called_what_it_is() {
    let place = Place::new();
    place.key();
    let part = |n: usize| {
        let name = format!("split-0000{n}-of-00003.gguf");
        fs::read(format!(
            "{}/../tests/vectors/gguf/{name}",
            env!("CARGO_MANIFEST_DIR")
        ))
        .unwrap()
    };
    place.write("model/m-00001-of-00003.gguf", part(1));
    place.write("model/m-00003-of-00003.gguf", part(3));
    refused(
        &place,
        2,
        &[],
        &["1 of 3 parts of m is not there", "m-00002-of-00003.gguf missing"],
    );
    place.write("model/m-00002-of-00003.gguf", part(1));
    refused(
        &place,
        2,
        &[],
        &["m-00002-of-00003.gguf is part 1 of 3", "its name does not say so"],
    );
    fs::remove_file(place.path("model/m-00002-of-00003.gguf")).unwrap();
    place.write("model/second.gguf", part(2));
    refused(
        &place,
        2,
        &[],
        &["second.gguf is part 2 of 3", "NAME-00002-of-00003.gguf"],
    );
    fs::rename(
        place.path("model/second.gguf"),
        place.path("model/m-00002-of-00003.gguf"),
    )
    .unwrap();
    let attested = place.expect(0, &call("model", &[]));
    assert!(attested.stdout.contains("Signed"), "{}", attested.stdout);
}

#[test]
fn a_safetensors_model_in_parts_must_hold_what_its_index_says() {
    let place = Place::new();
    place.key();
    let index = |second: &str| {
        format!(
            r#"{{"metadata":{{"total_size":1.5e3}},"weight_map":{{"a.weight":"m-00001-of-00002.safetensors","{second}":"m-00002-of-00002.safetensors"}}}}"#
        )
    };
    place.write("model/sub/model.safetensors.index.json", index("b.weight"));
    place.write("model/sub/m-00001-of-00002.safetensors", safetensors(100));
    refused(
        &place,
        2,
        &[],
        &[
            "names 1 part that is not there",
            "m-00002-of-00002.safetensors missing",
        ],
    );
    place.write("model/sub/m-00002-of-00002.safetensors", safetensors(200));
    place.write("model/sub/model.safetensors.index.json", index("c.weight"));
    refused(
        &place,
        2,
        &[],
        &[
            "puts 1 tensor in m-00002-of-00002.safetensors that is not in it: c.weight",
            "from one revision",
        ],
    );
    for broken in ["{", r#"{"weight_map":[]}"#, r#"{"weight_map":{"a.weight":1}}"#] {
        place.write("model/sub/model.safetensors.index.json", broken);
        refused(
            &place,
            2,
            &[],
            &["does not read as the index of a model in parts"],
        );
    }
    place.write("model/sub/model.safetensors.index.json", index("b.weight"));
    place.expect(0, &call("model", &[]));
}
