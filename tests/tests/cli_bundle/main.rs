//! Bundles by command line: made, laid beside the weights, verified with the registry gone, renewed, and refused when
//! they do not hold.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

mod views;

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use harness::{
    cli::{Cli, Ran},
    forgery::forged_bundle,
    lab::{self, Lab, PUBLISHER},
    models::{Model, noise},
    wait::Shared,
};
use provenance::{bundle::Bundle, lookup::MAX_CANDIDATES};
use serde_json::{Value, json};

/// One registry with the generated model, for tests that leave it running.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> std::sync::Arc<Lab> {
    LAB.get(Lab::small_without_page)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// A copy of the model with its bundle in it.
fn bundled(lab: &Lab, name: &str) -> (Model, PathBuf) {
    let model = lab.copy(name);
    let bundle = model.path("minilm.weighbridge");
    lab.cli(&lab.trust_pinned())
        .ok(&["bundle", &lab.record, "-o", &text(&bundle)]);
    (model, bundle)
}

fn verify(cli: &Cli, path: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec![OsStr::new("verify"), path.as_os_str(), OsStr::new("--json")];
    arguments.extend(more.iter().map(OsStr::new));
    cli.run(&arguments)
}

/// Wants exit code, verdict and who supplied the record, and gives the report.
fn expect(ran: &Ran, code: i32, verdict: &str, kind: Option<&str>) -> Value {
    let report = ran.json();
    assert_eq!((ran.code, &report["verdict"]), (code, &json!(verdict)), "{ran}");
    assert_eq!(report["source"]["kind"].as_str(), kind, "{ran}");
    report
}

#[test]
fn a_model_is_verified_with_the_registry_gone() {
    let mut lab = Lab::small_without_page();
    let (model, bundle) = bundled(&lab, "whole");
    let (damaged, _) = bundled(&lab, "damaged");
    let alone = lab.work().join("alone");
    fs::create_dir(&alone).unwrap();
    fs::copy(model.weights(), alone.join("model.safetensors")).unwrap();
    fs::copy(&bundle, alone.join("any.weighbridge")).unwrap();
    let (pinned, plain) = (lab.cli(&lab.trust_pinned()), lab.cli(&lab.trust()));
    let nobody = Cli::new(lab.work());
    lab.registry.kill9();

    let ran = verify(&pinned, model.folder(), &[]);
    let report = expect(&ran, 0, "authentic", Some("bundle"));
    assert_eq!(report["source"]["at"], text(&bundle));
    assert_eq!(report["source"]["registry_asked"], false);
    assert_eq!(report["record"], lab.record);
    assert!(ran.stderr.contains("nothing was sent"), "{ran}");
    let human = pinned.ok(&["verify", &text(model.folder())]);
    let line = format!("bundle {}; nothing was sent", text(&bundle));
    assert!(human.stdout.contains(&line), "{human}");

    for more in [&["--offline"][..], &["--record", &lab.record], &["--full"]] {
        expect(
            &verify(&pinned, model.folder(), more),
            0,
            "authentic",
            Some("bundle"),
        );
    }
    expect(
        &verify(&pinned, &alone.join("model.safetensors"), &[]),
        0,
        "authentic",
        Some("bundle"),
    );
    let elsewhere = lab.copy("elsewhere");
    let named = ["--offline", "--bundle", &text(&bundle)];
    expect(
        &verify(&pinned, elsewhere.folder(), &named),
        0,
        "authentic",
        Some("bundle"),
    );
    // A bundle changes no trust.
    expect(
        &verify(&plain, model.folder(), &[]),
        10,
        "untrusted",
        Some("bundle"),
    );
    let ran = verify(&nobody, model.folder(), &["--offline"]);
    assert_eq!(expect(&ran, 10, "untrusted", Some("bundle"))["subtype"], "no-log");

    let tensor = damaged.tensors().remove(0);
    damaged.flip_bit(damaged.tensor(&tensor.name).start);
    for more in [&[][..], &["--offline"]] {
        let report = expect(
            &verify(&pinned, damaged.folder(), more),
            1,
            "mismatch",
            Some("bundle"),
        );
        let files = report["files"].as_array().unwrap();
        let weights = files.iter().find(|file| file["verdict"] == "altered").unwrap();
        assert!(
            weights["tensors"]
                .as_array()
                .unwrap()
                .contains(&json!(tensor.name)),
            "{weights}"
        );
    }
    let ran = verify(&pinned, damaged.folder(), &[]);
    assert!(ran.stderr.contains("the registry could not be asked"), "{ran}");
}

#[test]
fn a_bundle_holds_the_record_its_provenance_and_what_proves_them() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let ran = cli.ok(&["bundle", &lab.record, "-o", "made.weighbridge", "--json"]);
    let told = ran.json();
    assert_eq!((&told["v"], &told["proved"]), (&json!(1), &json!(true)), "{ran}");
    let path = lab.work().join("made.weighbridge");
    let bytes = fs::read(&path).unwrap();
    assert_eq!(told["bytes"], bytes.len());
    let bundle = Bundle::parse(bytes).unwrap();
    let records: Vec<_> = bundle.records().iter().map(ToString::to_string).collect();
    assert_eq!(told["records"], json!(records));
    assert!(
        records.contains(&lab.record) && records.contains(&lab.genesis),
        "{ran}"
    );

    let again = cli.run(&["bundle", &lab.record, "-o", "made.weighbridge"]);
    assert_eq!(again.code, 2, "{again}");
    assert!(
        again.stderr.contains("there already") && again.stderr.contains("--refresh"),
        "{again}"
    );
    cli.ok(&["bundle", &lab.record, "-o", "made.weighbridge", "--force"]);
    let unproved = Cli::new(lab.work()).with("WEIGHBRIDGE_REGISTRY", lab.registry.url());
    let ran = unproved.ok(&["bundle", &lab.record]);
    assert!(
        ran.stdout.contains("acme-minilm.weighbridge") && ran.stdout.contains("not checked"),
        "{ran}"
    );
    let nothing = cli.run(&["bundle", &"0".repeat(64)]);
    assert_eq!(nothing.code, 3, "{nothing}");
}

#[test]
fn a_bundle_that_does_not_hold_is_told_and_never_silently_skipped() {
    let lab = lab();
    let (model, bundle) = bundled(&lab, "corrupt");
    let cli = lab.cli(&lab.trust_pinned());
    let good = fs::read(&bundle).unwrap();
    let mut bent = good.clone();
    let at = bent.len() / 2;
    bent[at] ^= 1;
    for bytes in [
        bent,
        good[..good.len() - 1].to_vec(),
        b"<html>".to_vec(),
        Vec::new(),
    ] {
        fs::write(&bundle, bytes).unwrap();
        let ran = verify(&cli, model.folder(), &[]);
        expect(&ran, 0, "authentic", Some("registry"));
        assert!(ran.stderr.contains("minilm.weighbridge does not hold"), "{ran}");
        let ran = verify(&cli, model.folder(), &["--offline"]);
        assert_eq!(ran.code, 9, "{ran}");
        assert!(
            ran.stderr.contains("minilm.weighbridge does not hold") && ran.stderr.contains("byte"),
            "{ran}"
        );
    }
}

#[test]
fn a_bundle_of_another_log_is_a_fault_offline_and_passed_over_online() {
    let lab = lab();
    let other = Lab::small_without_page();
    let (model, bundle) = bundled(&other, "foreign");
    let cli = lab.cli(&lab.trust_pinned());
    let ran = verify(&cli, model.folder(), &["--offline"]);
    let report = expect(&ran, 9, "log-fault", Some("bundle"));
    assert_eq!(report["subtype"], "checkpoint", "{ran}");
    assert!(report["next"].as_str().unwrap().contains(&text(&bundle)), "{ran}");
    let ran = verify(&cli, model.folder(), &[]);
    expect(&ran, 0, "authentic", Some("registry"));
    assert!(
        ran.stderr.contains("foreign/minilm.weighbridge does not hold"),
        "{ran}"
    );
}

#[test]
fn a_bundle_of_another_model_answers_nothing() {
    let lab = lab();
    let (_, bundle) = bundled(&lab, "right");
    let cli = lab.cli(&lab.trust_pinned());
    let strange = lab.work().join("strange");
    fs::create_dir_all(&strange).unwrap();
    fs::write(strange.join("model.bin"), noise(3, 5000)).unwrap();
    fs::copy(&bundle, strange.join("left-over.weighbridge")).unwrap();
    let ran = verify(&cli, &strange, &["--offline"]);
    let report = expect(&ran, 3, "unknown", None);
    assert!(
        report["summary"]
            .as_str()
            .unwrap()
            .contains("left-over.weighbridge (of acme/minilm 1.0 by acme.example)"),
        "{ran}"
    );
    let ran = verify(&cli, &strange, &[]);
    expect(&ran, 3, "unknown", None);
    assert!(ran.stderr.contains("holds no record of these files"), "{ran}");
    fs::remove_file(strange.join("left-over.weighbridge")).unwrap();
    let report = expect(&verify(&cli, &strange, &["--offline"]), 3, "unknown", None);
    assert_eq!(
        (&report["subtype"], &report["headline"]),
        (&json!("offline"), &json!("Nothing was looked up"))
    );
    let missing = verify(&cli, &strange, &["--bundle", "nowhere.weighbridge"]);
    assert_eq!(missing.code, 7, "{missing}");
}

#[test]
fn a_bundle_beside_a_newer_model_does_not_turn_it_red() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let (model, _) = bundled(&lab, "newer");
    model.write("config.json", br#"{"model_type":"bert","revision":2}"#);
    lab::publish(
        &cli,
        &model,
        "lab.key",
        PUBLISHER,
        "acme/minilm",
        "2.0",
        "att-newer",
    );
    let ran = verify(&cli, model.folder(), &[]);
    let report = expect(&ran, 0, "authentic", Some("registry"));
    assert_eq!(report["version"], "2.0", "{ran}");
    assert!(ran.stderr.contains("not what the bundle's record lists"), "{ran}");
}

#[test]
fn a_strangers_bundle_does_not_hide_the_record_of_a_trusted_publisher() {
    let mut lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust_pinned());
    let model = lab.copy("strangers");
    lab::create_publisher(&cli, "mallory.example", "mallory.key");
    let published = lab::publish(
        &cli,
        &model,
        "mallory.key",
        "mallory.example",
        "acme/minilm",
        "1.0",
        "att-mallory",
    );
    let record = published["records"][0]["record"].as_str().unwrap();
    cli.ok(&["bundle", record, "-o", &text(&model.path("minilm.weighbridge"))]);

    let ran = verify(&cli, model.folder(), &[]);
    let report = expect(&ran, 0, "authentic", Some("registry"));
    assert_eq!(report["record"], lab.record, "{ran}");
    assert!(ran.stderr.contains("not by a publisher that you trust"), "{ran}");
    let ran = verify(&cli, model.folder(), &["--offline"]);
    expect(&ran, 10, "untrusted", Some("bundle"));
    assert!(ran.stderr.contains("nothing was sent"), "{ran}");
    // Who names the stranger's record is told about that one.
    let ran = verify(&cli, model.folder(), &["--record", record]);
    expect(&ran, 10, "untrusted", Some("bundle"));
    lab.registry.kill9();
    let ran = verify(&cli, model.folder(), &[]);
    expect(&ran, 10, "untrusted", Some("bundle"));
    assert!(ran.stderr.contains("the registry could not be asked"), "{ran}");
}

#[test]
fn a_flood_of_records_that_do_not_hold_silences_no_honest_bundle() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let (model, path) = bundled(&lab, "flooded");
    let honest = Bundle::parse(fs::read(&path).unwrap()).unwrap();
    let forged = forged_bundle(&honest, &lab.record, MAX_CANDIDATES + 4);
    fs::write(model.path("a.weighbridge"), forged.as_bytes()).unwrap();
    for more in [&["--offline"][..], &[]] {
        let ran = verify(&cli, model.folder(), more);
        let report = expect(&ran, 0, "authentic", Some("bundle"));
        assert_eq!(
            (&report["record"], &report["source"]["at"]),
            (&json!(lab.record), &json!(text(&path))),
            "{ran}"
        );
        let told = ran.stderr.matches("a.weighbridge does not hold").count();
        assert_eq!(told, 1, "{ran}");
    }
    fs::remove_file(&path).unwrap();
    let ran = verify(&cli, model.folder(), &["--offline"]);
    expect(&ran, 9, "log-fault", Some("bundle"));
    let ran = verify(&cli, model.folder(), &[]);
    expect(&ran, 0, "authentic", Some("registry"));
}

#[test]
fn of_too_many_bundles_those_not_tried_are_named() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let (model, _) = bundled(&lab, "many");
    for n in 10..26 {
        fs::write(model.path(&format!("a{n}.weighbridge")), "x").unwrap();
    }
    let ran = verify(&cli, model.folder(), &[]);
    expect(&ran, 0, "authentic", Some("registry"));
    let named = ran.stderr.split("not tried: ").nth(1).unwrap();
    assert!(
        named.contains("minilm.weighbridge") && !named.contains("a25.weighbridge"),
        "{ran}"
    );
}

/// Reading a process's memory from its beginning is an I/O error for every account.
#[cfg(target_os = "linux")]
#[test]
fn an_unreadable_bundle_is_passed_over_unless_it_was_named() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let (model, path) = bundled(&lab, "unreadable");
    let unreadable = model.path("a.weighbridge");
    std::os::unix::fs::symlink("/proc/self/mem", &unreadable).unwrap();
    for more in [&["--offline"][..], &[]] {
        let ran = verify(&cli, model.folder(), more);
        let report = expect(&ran, 0, "authentic", Some("bundle"));
        assert_eq!(report["source"]["at"], text(&path), "{ran}");
        assert!(
            ran.stderr.contains("could not read the bundle") && ran.stderr.contains("passed over"),
            "{ran}"
        );
    }
    let ran = verify(&cli, model.folder(), &["--bundle", &text(&unreadable)]);
    assert_eq!(ran.code, 7, "{ran}");
}
