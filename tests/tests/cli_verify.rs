//! The command line on the real all-MiniLM-L6-v2: attested, published, verified, damaged in every way.

use std::{ffi::OsStr, fs, path::Path};

use harness::{
    cli::Ran,
    lab::{self, Lab, PUBLISHER},
    models::{Model, noise},
    proxy::Proxy,
    registry::TestRegistry,
    wait::Shared,
};
use provenance::chunk::CHUNK_SIZE;
use serde_json::{Value, json};

/// One registry with the real model for all tests of this file.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> std::sync::Arc<Lab> {
    LAB.get(|| Lab::on(TestRegistry::start_without_page(), Model::minilm()))
}

/// Wants exit code and verdict, and gives the report.
fn expect(ran: &Ran, code: i32, verdict: &str) -> Value {
    let report = ran.json();
    assert_eq!((ran.code, &report["verdict"]), (code, &json!(verdict)), "{ran}");
    assert_eq!(report["v"], 1);
    let not_proven = report["not_proven"].as_array().expect("a list");
    assert!(!not_proven.is_empty(), "{ran}");
    report
}

/// Paths of the files that do not match, with their verdicts.
fn differing(report: &Value) -> Vec<(String, String)> {
    let text = |file: &Value, member: &str| file[member].as_str().expect("text").to_owned();
    let files = report["files"].as_array().expect("a list").iter();
    files
        .map(|file| (text(file, "path"), text(file, "verdict")))
        .filter(|(_, verdict)| verdict != "match")
        .collect()
}

fn file<'a>(report: &'a Value, path: &str) -> &'a Value {
    let files = report["files"].as_array().expect("a list");
    files
        .iter()
        .find(|file| file["path"] == path)
        .unwrap_or_else(|| panic!("{path} is in {report}"))
}

fn pair(path: &str, verdict: &str) -> (String, String) {
    (path.into(), verdict.into())
}

/// Flips one bit at `offset` of a copy and wants the report to name chunk, range and `tensor`.
fn assert_names_the_tensor(lab: &Lab, copy: &str, offset: u64, tensor: &str) {
    let model = lab.copy(copy);
    assert_eq!(model.tensor_at(offset), tensor);
    model.flip_bit(offset);
    let report = expect(&lab.verify(model.folder()), 1, "mismatch");
    assert_eq!(report["subtype"], "altered");
    assert_eq!(differing(&report), [pair("model.safetensors", "altered")]);
    let weights = file(&report, "model.safetensors");
    assert_eq!(weights["chunks"], json!([offset / CHUNK_SIZE]));
    let (from, to) = (weights["bytes"][0].as_u64(), weights["bytes"][1].as_u64());
    assert!(from <= Some(offset) && Some(offset) < to, "{weights}");
    let tensors = weights["tensors"].as_array().expect("a list");
    assert!(tensors.contains(&json!(tensor)), "{weights}");
    for named in tensors {
        let bytes = model.tensor(named.as_str().expect("text"));
        assert!(
            Some(bytes.start) < to && Some(bytes.end) > from,
            "{named} has no byte in the changed chunk"
        );
    }
}

#[test]
fn the_real_model_is_untrusted_without_a_pin_and_authentic_with_it() {
    let lab = lab();
    let unpinned = lab.verify_with(&lab.trust(), lab.model.folder(), &[]);
    let report = expect(&unpinned, 10, "untrusted");
    assert_eq!(
        (&report["record"], &report["publisher"]),
        (&json!(lab.record), &json!(PUBLISHER))
    );
    assert!(
        report["next"]
            .as_str()
            .is_some_and(|next| next.contains(&lab.genesis)),
        "{unpinned}"
    );

    let report = expect(&lab.verify(lab.model.folder()), 0, "authentic");
    assert_eq!(
        (&report["record"], &report["publisher"]),
        (&json!(lab.record), &json!(PUBLISHER))
    );
    assert_eq!(differing(&report), []);
    assert!(
        report["files"].as_array().is_some_and(|files| files.len() == 12),
        "all but .gitattributes"
    );
    file(&report, "1_Pooling/config.json");
    let checks = report["checks"].as_array().expect("a list");
    for name in [
        "record-id",
        "log-signature",
        "inclusion",
        "state",
        "signatures",
        "publisher",
        "bytes",
        "complete",
    ] {
        let check = checks.iter().find(|check| check["name"] == name);
        assert!(
            check.is_some_and(|check| check["ok"] == true),
            "{name} held: {checks:?}"
        );
    }
}

#[test]
fn without_a_trust_file_nothing_is_green() {
    let lab = lab();
    let cli = harness::cli::Cli::new(lab.work());
    let path = lab.model.folder().to_string_lossy();
    let ran = cli.run(&["verify", &path, "--registry", lab.registry.url(), "--json"]);
    let report = expect(&ran, 10, "untrusted");
    assert_eq!(report["subtype"], "no-log");
    assert_eq!(
        report["headline"],
        "The bytes match a record that is not proved yet"
    );
}

#[test]
fn naming_the_record_or_computing_whole_digests_gives_the_same_verdict() {
    let lab = lab();
    let (trust, model) = (lab.trust_pinned(), lab.model.folder());
    expect(
        &lab.verify_with(&trust, model, &["--record", &lab.record]),
        0,
        "authentic",
    );
    let report = expect(&lab.verify_with(&trust, model, &["--full"]), 0, "authentic");
    let whole = report["checks"]
        .as_array()
        .expect("a list")
        .iter()
        .find(|check| check["name"] == "file-digests");
    assert!(whole.is_some_and(|check| check["ok"] == true), "{report}");
}

#[test]
fn a_single_file_is_judged_alone() {
    let lab = lab();
    let report = expect(&lab.verify(&lab.model.weights()), 0, "authentic");
    assert_eq!(file(&report, "model.safetensors")["verdict"], "match");
    assert_eq!(
        report["files"].as_array().map(Vec::len),
        Some(1),
        "the others were not given"
    );
    let summary = report["summary"].as_str().expect("text");
    assert!(summary.contains("the record lists 11 more"), "{summary}");
}

#[test]
fn a_bit_flipped_in_the_middle_of_a_tensor_is_found_and_the_tensor_named() {
    let lab = lab();
    let tensor = "encoder.layer.3.attention.self.query.weight";
    let bytes = lab.model.tensor(tensor);
    assert_names_the_tensor(&lab, "middle", bytes.start.midpoint(bytes.end), tensor);
}

#[test]
fn a_bit_flipped_in_the_first_chunk_is_found_though_its_digest_is_unknown() {
    let lab = lab();
    let offset = CHUNK_SIZE / 2;
    let tensor = lab.model.tensor_at(offset);
    assert_names_the_tensor(&lab, "first-chunk", offset, &tensor);
}

#[test]
fn a_changed_header_is_a_mismatch_when_the_record_is_named() {
    let lab = lab();
    let model = lab.copy("header");
    model.flip_bit(20);
    let report = expect(
        &lab.verify_with(&lab.trust_pinned(), model.folder(), &["--record", &lab.record]),
        1,
        "mismatch",
    );
    assert_eq!(differing(&report), [pair("model.safetensors", "altered")]);
}

#[test]
fn a_truncated_file_is_called_truncated() {
    let lab = lab();
    let model = lab.copy("truncated");
    model.truncate(50_000_000);
    let report = expect(&lab.verify(model.folder()), 1, "mismatch");
    assert_eq!(report["subtype"], "truncated");
    assert_eq!(differing(&report), [pair("model.safetensors", "truncated")]);
}

#[test]
fn an_added_python_file_is_a_mismatch_until_it_is_accepted() {
    let lab = lab();
    let model = lab.copy("added");
    model.write("modeling_x.py", b"print('hello')\n");
    let report = expect(&lab.verify(model.folder()), 1, "mismatch");
    assert_eq!(report["subtype"], "extra");
    assert_eq!(report["headline"], "A file was added that is not on record");
    assert_eq!(differing(&report), [pair("modeling_x.py", "extra")]);
    expect(
        &lab.verify_with(&lab.trust_pinned(), model.folder(), &["--allow-extra"]),
        0,
        "authentic",
    );
}

#[test]
fn two_files_that_swapped_names_are_told_from_damage() {
    let lab = lab();
    let model = lab.copy("swapped");
    model.swap("config.json", "tokenizer_config.json");
    let report = expect(&lab.verify(model.folder()), 1, "mismatch");
    assert_eq!(report["subtype"], "swapped");
    assert_eq!(
        differing(&report),
        [
            pair("config.json", "swapped"),
            pair("tokenizer_config.json", "swapped")
        ]
    );
}

#[test]
fn a_missing_file_is_incomplete() {
    let lab = lab();
    let model = lab.copy("missing");
    model.remove("vocab.txt");
    let report = expect(&lab.verify(model.folder()), 6, "incomplete");
    assert_eq!(differing(&report), [pair("vocab.txt", "missing")]);
}

#[test]
fn a_file_that_nobody_recorded_is_unknown() {
    let lab = lab();
    let path = lab.work().join("nobody.safetensors");
    fs::write(&path, noise(99, 5_000_000)).unwrap();
    let report = expect(&lab.verify(&path), 3, "unknown");
    assert_eq!(report["record"], Value::Null);
}

#[test]
fn a_registry_of_another_log_than_the_trusted_one_is_named_as_such() {
    let lab = lab();
    let other = TestRegistry::start_without_page();
    let ran = lab.verify_with(
        &lab.trust_pinned(),
        lab.model.folder(),
        &["--registry", other.url()],
    );
    let report = expect(&ran, 3, "unknown");
    let summary = report["summary"].as_str().expect("text");
    assert!(
        summary.contains("not a registry of a log that you trust"),
        "{ran}"
    );
    let next = report["next"].as_str().expect("text");
    assert!(next.contains("--registry"), "{ran}");
}

#[test]
fn damaged_files_of_a_publisher_nobody_pinned_are_unknown_but_near() {
    let lab = lab();
    let model = lab.copy("near");
    model.flip_bit(60_000_000);
    let report = expect(&lab.verify_with(&lab.trust(), model.folder(), &[]), 3, "unknown");
    assert_eq!(report["subtype"], "near");
    let headline = "Not what acme.example recorded, and you have not chosen whom to trust";
    assert_eq!(report["headline"], headline);
    let summary = report["summary"].as_str().expect("text");
    assert!(
        summary.contains(" files differs. The record is by acme.example, whom you have not chosen to trust."),
        "{summary}"
    );
}

#[test]
fn a_renamed_file_is_told_by_its_name_on_record() {
    let lab = lab();
    let model = lab.copy("renamed");
    let at = |name: &str| model.folder().join(name);
    std::fs::rename(at("model.safetensors"), at("weights.safetensors")).expect("a rename");
    let report = expect(&lab.verify(model.folder()), 1, "mismatch");
    assert_eq!(report["subtype"], "extra");
    let text = |name: &str| report[name].as_str().expect("text").to_owned();
    let summary = text("summary");
    assert!(
        summary.starts_with("weights.safetensors has the bytes of model.safetensors")
            && !summary.contains("missing"),
        "{summary}"
    );
    assert!(text("next").contains("Give the files the names"), "{report}");
    let report = expect(&lab.verify_with(&lab.trust(), model.folder(), &[]), 3, "unknown");
    let summary = report["summary"].as_str().expect("text");
    assert!(summary.contains("; 1 file is under another name."), "{summary}");
}

#[test]
fn records_are_found_by_words() {
    let lab = lab();
    let cli = lab.cli(&lab.trust());
    let found = cli.ok(&["search", "acme", "--json"]).json();
    let records = found["records"].as_array().expect("a list");
    assert!(
        records.iter().any(|found| found["record"] == lab.record.as_str()),
        "{found}"
    );
    let shown = cli.ok(&["search", "acme"]);
    assert!(
        shown.stdout.contains(&lab.record) && shown.stdout.contains("weighbridge show "),
        "{shown}"
    );
    let none = cli.run(&["search", "nosuchmodel"]);
    assert_eq!(none.code, 3, "{none}");
    assert!(none.stdout.contains("No record"), "{none}");
}

#[test]
fn publishing_again_changes_nothing() {
    let lab = lab();
    let again = lab.cli(&lab.trust()).ok(&["publish", "att", "--json"]).json();
    for member in ["record", "publisher", "kind", "index", "leaf_hash"] {
        assert_eq!(
            again["records"][0][member], lab.published["records"][0][member],
            "{member}"
        );
        assert!(!again["records"][0][member].is_null(), "{member}");
    }
}

#[test]
fn a_record_with_its_making_is_published_and_shown() {
    let lab = lab();
    let small = Model::small(&lab.work().join("with-stage"));
    let cli = lab.cli(&lab.trust_pinned());
    let folder = small.folder().to_string_lossy();
    let parent = format!("base-model={}", lab.record);
    cli.ok(&[
        "attest",
        &folder,
        "--publisher",
        PUBLISHER,
        "--key",
        "lab.key",
        "--name",
        "acme/tuned",
        "--version",
        "2.0",
        "--stage",
        "post-training",
        "--input",
        &parent,
        "--metric",
        "loss=2.31",
        "--out",
        "att-tuned",
    ]);
    let published = cli.ok(&["publish", "att-tuned", "--json"]).json();
    let kinds: Vec<_> = published["records"]
        .as_array()
        .unwrap()
        .iter()
        .map(|record| &record["kind"])
        .collect();
    assert_eq!(
        kinds,
        [
            "https://slsa.dev/provenance/v1",
            "https://model_signing/signature/v1.0"
        ]
    );
    expect(&lab.verify(small.folder()), 0, "authentic");
    let shown = cli.ok(&["show", PUBLISHER]);
    assert!(
        shown.stdout.contains(&lab.genesis) && shown.stdout.contains("acme/tuned"),
        "{shown}"
    );
    for record in published["records"].as_array().unwrap() {
        let id = record["record"].as_str().unwrap();
        let shown = cli.ok(&["show", id]);
        assert!(shown.stdout.contains(id), "{shown}");
    }
}

#[test]
fn people_read_the_headline_and_the_tensor() {
    let lab = lab();
    let model = lab.copy("for-people");
    model.flip_bit(60_000_000);
    let tensor = model.tensor_at(60_000_000);
    let ran = lab
        .cli(&lab.trust_pinned())
        .run(&[OsStr::new("verify"), model.folder().as_os_str()]);
    assert_eq!(ran.code, 1, "{ran}");
    for text in [
        "These files were changed",
        &tensor,
        "model.safetensors",
        "accident from attack",
    ] {
        assert!(ran.stdout.contains(text), "{text:?} is missing:\n{ran}");
    }
    assert!(!ran.stdout.contains('!') && !ran.stdout.contains('\x1b'), "{ran}");
}

#[test]
fn a_registry_that_is_not_there_is_a_network_failure() {
    let lab = lab();
    let path = lab.model.folder().to_string_lossy();
    let cli = lab.cli(&lab.trust_pinned());
    // Port 1 of loopback: nothing listens there.
    let ran = cli.run(&["verify", &path, "--registry", "http://127.0.0.1:1", "--json"]);
    assert_eq!(ran.code, 8, "{ran}");
    assert!(ran.stderr.contains("127.0.0.1:1"), "{ran}");
}

#[test]
fn what_is_sent_does_not_hold_a_whole_digest_of_an_unknown_file() {
    let lab = lab();
    let proxy = Proxy::start(lab.registry.url(), |_, _| None);
    let path = lab.work().join("secret.safetensors");
    fs::write(&path, noise(100, 5_000_000)).unwrap();
    let cli = lab
        .cli(&lab.trust_pinned())
        .with("WEIGHBRIDGE_REGISTRY", proxy.url());
    let ran = cli.run(&[OsStr::new("verify"), path.as_os_str(), OsStr::new("--json")]);
    expect(&ran, 3, "unknown");
    let seen = proxy.seen();
    assert!(!seen.is_empty());
    for path in &seen {
        let longest = path.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert!(longest <= Some(5), "{path} says too much");
    }
}

#[test]
fn a_proof_that_does_not_hold_is_a_log_fault() {
    let lab = lab();
    let record = lab.record.clone();
    let proxy = Proxy::start(lab.registry.url(), move |path, body| {
        let is_proof = path == format!("/api/v1/records/{record}/proof");
        is_proof.then(|| {
            let mut proof: Value = serde_json::from_slice(body).unwrap();
            proof["proof"] = proof["control"][0]["proof"].clone();
            serde_json::to_vec(&proof).unwrap()
        })
    });
    let cli = lab
        .cli(&lab.trust_pinned())
        .with("WEIGHBRIDGE_REGISTRY", proxy.url());
    let ran = cli.run(&[
        OsStr::new("verify"),
        lab.model.folder().as_os_str(),
        OsStr::new("--json"),
    ]);
    let report = expect(&ran, 9, "log-fault");
    assert_eq!(report["headline"], "This record does not hold");
}

#[test]
fn a_log_that_the_trust_file_does_not_name_is_refused() {
    let lab = lab();
    let other = TestRegistry::start_without_page();
    let trust = lab.work().join("trust-other-log");
    fs::write(
        &trust,
        format!("{}publisher {PUBLISHER} {}\n", other.trust(), lab.genesis),
    )
    .unwrap();
    let ran = lab.verify_with(&trust, lab.model.folder(), &[]);
    let report = expect(&ran, 9, "log-fault");
    assert!(
        report["summary"]
            .as_str()
            .is_some_and(|text| text.contains("not in your trust file")),
        "{ran}"
    );
}

#[test]
fn a_lab_key_signs_for_its_own_publisher_only() {
    let lab = lab();
    let cli = lab.cli(&lab.trust());
    lab::create_publisher(&cli, "mallory.example", "mallory.key");
    let small = Model::small(&lab.work().join("claimed"));
    let folder = small.folder().to_string_lossy();
    // Signed by mallory's key under acme's name and genesis.
    cli.ok(&[
        "attest",
        &folder,
        "--publisher",
        PUBLISHER,
        "--key",
        "mallory.key",
        "--genesis",
        &lab.genesis,
        "--name",
        "acme/claimed",
        "--out",
        "att-claimed",
    ]);
    let ran = cli.run(&["publish", "att-claimed", "--json"]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("signatures-insufficient"), "{ran}");
    assert!(!Path::new(&lab.work().join("att-claimed/receipts")).exists());
}
