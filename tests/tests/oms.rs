//! OpenSSF Model Signing both ways: samples of other programs through `oms verify`, and what `oms export` writes
//! through the unmodified Python tool.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use harness::{
    cli::{Cli, Ran},
    lab::{Lab, PUBLISHER},
    models::Model,
    python_tool::{model_signing, openssl_key, statement},
    registry::TestRegistry,
    wait::Shared,
};
use serde_json::{Value, json};
use tempfile::TempDir;

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/oms")
}

fn verify(cli: &Cli, path: &Path, signature: &Path, key: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec![
        OsStr::new("oms"),
        "verify".as_ref(),
        path.as_os_str(),
        "--signature".as_ref(),
        signature.as_os_str(),
        "--public-key".as_ref(),
        key.as_os_str(),
    ];
    arguments.extend(more.iter().map(OsStr::new));
    cli.run(&arguments)
}

fn python_verify(path: &Path, signature: &Path, key: &Path) -> bool {
    let told = model_signing(&[
        OsStr::new("verify"),
        "key".as_ref(),
        path.as_os_str(),
        "--signature".as_ref(),
        signature.as_os_str(),
        "--public_key".as_ref(),
        key.as_os_str(),
    ]);
    assert_eq!(
        told.ok,
        told.text.contains("Verification succeeded"),
        "{}",
        told.text
    );
    told.ok
}

/// The key of the samples that the Python tool made.
const PYTHON: &str = "ec-pub.pem";

/// The key of most other samples.
const HAND: &str = "extra/hand-p256.pub.pem";

/// A signature of the sample model, a key, the exit code, and what must be said.
const SAMPLES: [(&str, &str, i32, &str); 23] = [
    (
        "model/model.sig",
        PYTHON,
        0,
        "ok Signed with this key, and unchanged",
    ),
    ("extra/hand-p256.sig", HAND, 0, "P-256  0945c1c5"),
    (
        "extra/python-p384.sig",
        "extra/python-p384.pub.pem",
        0,
        "P-384  8290edc0",
    ),
    (
        "extra/hand-p521.sig",
        "extra/hand-p521.pub.pem",
        0,
        "P-521  40b4caf9",
    ),
    (
        "extra/neg-ed25519.sig",
        "extra/neg-ed25519.pub.pem",
        0,
        "Ed25519  9d25585e",
    ),
    (
        "extra/multi-p256-first.sig",
        HAND,
        0,
        "warning     the bundle has 2 signatures",
    ),
    (
        "extra/warn-no-hint.sig",
        HAND,
        0,
        "warning     the bundle does not say which key",
    ),
    (
        "extra/extra-predicate-member.sig",
        HAND,
        0,
        "warning     the predicate has a member",
    ),
    ("extra/reverse-order.sig", HAND, 0, "all 7 signed files match"),
    (
        "extra/neg-wrong-hint.sig",
        HAND,
        1,
        "Key mismatch: the bundle names the key 0000",
    ),
    (
        "extra/neg-slsa-predicate.sig",
        HAND,
        1,
        "its predicate type is \"https://slsa.dev",
    ),
    (
        "extra/neg-raw-rs-signature.sig",
        HAND,
        1,
        "The signature is not DER",
    ),
    (
        "extra/hand-p256.sig",
        PYTHON,
        1,
        "Key mismatch: the bundle names the key 0945",
    ),
    (
        "extra/api-blake3.sig",
        PYTHON,
        2,
        "hashed with \"blake3\", which is not supported",
    ),
    (
        "extra/api-blake2b.sig",
        PYTHON,
        2,
        "hashed with \"blake2b\", which is not supported",
    ),
    (
        "extra/api-shards-10000.sig",
        PYTHON,
        2,
        "covers shards of files, a serialisation that is not supported",
    ),
    (
        "extra/hand-shards-10000.sig",
        PYTHON,
        2,
        "covers shards of files, a serialisation that is not supported",
    ),
    (
        "extra/expired-leaf-certificate.sig",
        PYTHON,
        2,
        "signed with a certificate, which is not supported",
    ),
    ("extra/keyless.sig", PYTHON, 2, "signed keyless (Sigstore"),
    ("ec-pub.pem", PYTHON, 2, "the file is not an OMS signature"),
    (
        "model/model.sig",
        "extra/expired-leaf-ca.pem",
        2,
        "holds no public key in PEM form, but a block named CERT",
    ),
    (
        "model/model.sig",
        "model/README.md",
        2,
        "holds no public key in PEM form",
    ),
    ("extra/not-there.sig", PYTHON, 7, "there is no such file"),
];

#[test]
fn every_sample_of_another_program_is_told_as_it_should_be() {
    let work = tempfile::tempdir().unwrap();
    let cli = Cli::new(work.path());
    let folder = samples();
    for (signature, key, code, wanted) in SAMPLES {
        let (signature, key) = (folder.join(signature), folder.join(key));
        let ran = verify(&cli, &folder.join("model"), &signature, &key, &[]);
        assert_eq!(ran.code, code, "{}: {ran}", signature.display());
        let said = if matches!(code, 0 | 1) {
            &ran.stdout
        } else {
            &ran.stderr
        };
        assert!(said.contains(wanted), "{}: {ran}", signature.display());
        assert!(
            code != 2 || said.contains("next:"),
            "{}: {ran}",
            signature.display()
        );
        let told = verify(&cli, &folder.join("model"), &signature, &key, &["--json"]);
        let json = told.json();
        assert_eq!((told.code, &json["v"]), (code, &json!(1)), "{told}");
        match code {
            0 | 1 => assert_eq!(json["verified"], code == 0, "{told}"),
            _ => assert_eq!(json["error"]["exit"], code, "{told}"),
        }
    }
    let chunked = verify(
        &cli,
        &folder.join("extra/chunk-annotations-model"),
        &folder.join("extra/chunk-annotations.sig"),
        &folder.join("extra/chunk-annotations.pub.pem"),
        &[],
    );
    assert_eq!(chunked.code, 0, "{chunked}");
}

/// A copy of the sample model to change, and the command line.
fn sample_copy() -> (TempDir, Cli, PathBuf) {
    let work = tempfile::tempdir().unwrap();
    let model = work.path().join("model");
    for name in [
        ".gitattributes",
        ".hidden",
        "README.md",
        "config.json",
        "empty.txt",
        "model.safetensors",
        "model.sig",
        "tokenizer-extra/x.txt",
        "tokenizer/vocab.txt",
    ] {
        let to = model.join(name);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(samples().join("model").join(name), to).unwrap();
    }
    let cli = Cli::new(work.path());
    (work, cli, model)
}

#[test]
fn changed_missing_added_and_linked_files_are_told_by_name() {
    let (_work, cli, model) = sample_copy();
    let (signature, key) = (model.join("model.sig"), samples().join("ec-pub.pem"));
    let check = |more: &[&str]| verify(&cli, &model, &signature, &key, more);
    assert_eq!(check(&[]).code, 0);

    fs::write(model.join("evil.py"), "import os\n").unwrap();
    let ran = check(&[]);
    assert!(
        ran.code == 1 && ran.stdout.contains("evil.py  is not signed"),
        "{ran}"
    );
    let ran = check(&["--ignore-unsigned-files"]);
    assert!(
        ran.code == 0 && ran.stdout.contains("in place of a signed one: evil.py"),
        "{ran}"
    );
    let ran = check(&["--ignore-paths", "evil.py"]);
    assert!(
        ran.code == 0 && ran.stdout.contains("left out    evil.py  (1 file, not checked)"),
        "{ran}"
    );
    fs::remove_file(model.join("evil.py")).unwrap();

    fs::create_dir(model.join(".github")).unwrap();
    fs::write(model.join(".github/evil.py"), "import os\n").unwrap();
    let ran = check(&[]);
    assert!(
        ran.code == 0 && ran.stdout.contains("in place of a signed one: .github/evil.py"),
        "{ran}"
    );

    let mut weights = fs::read(model.join("model.safetensors")).unwrap();
    weights[9000] ^= 1;
    fs::write(model.join("model.safetensors"), &weights).unwrap();
    fs::rename(model.join("config.json"), model.join("config.yaml")).unwrap();
    let ran = check(&[]);
    assert_eq!(ran.code, 1, "{ran}");
    for wanted in [
        "model.safetensors  differs: signed ac1f6eb2…, here ",
        "config.json  is signed, and is missing",
        "config.yaml  is not signed",
    ] {
        assert!(ran.stdout.contains(wanted), "{wanted}: {ran}");
    }
    assert!(!python_verify(&model, &signature, &key));
}

#[cfg(unix)]
#[test]
fn a_link_counts_as_the_signature_says() {
    use std::os::unix::fs::symlink;
    let (work, cli, model) = sample_copy();
    let (signature, key) = (model.join("model.sig"), samples().join("ec-pub.pem"));
    let aside = work.path().join("aside");
    fs::rename(model.join("README.md"), &aside).unwrap();
    symlink(&aside, model.join("README.md")).unwrap();
    let ran = verify(&cli, &model, &signature, &key, &[]);
    assert!(
        ran.code == 1 && ran.stdout.contains("README.md  is a symbolic link"),
        "{ran}"
    );
    assert!(!python_verify(&model, &signature, &key));
    // Signed anew, with links followed.
    let (private, public) = openssl_key(work.path(), "p256", "P-256");
    let signature = work.path().join("linked.sig");
    let signed = model_signing(&[
        OsStr::new("sign"),
        "key".as_ref(),
        model.as_os_str(),
        "--allow_symlinks".as_ref(),
        "--private_key".as_ref(),
        private.as_os_str(),
        "--signature".as_ref(),
        signature.as_os_str(),
    ]);
    assert!(signed.ok, "{}", signed.text);
    let ran = verify(&cli, &model, &signature, &public, &[]);
    assert_eq!(ran.code, 0, "{ran}");
    fs::write(&aside, "changed").unwrap();
    let ran = verify(&cli, &model, &signature, &public, &[]);
    assert!(
        ran.code == 1 && ran.stdout.contains("README.md  differs"),
        "{ran}"
    );
}

#[test]
fn fresh_signatures_of_the_python_tool_verify_on_every_curve() {
    let (work, cli, model) = sample_copy();
    for curve in ["P-256", "P-384", "P-521"] {
        let (private, public) = openssl_key(work.path(), curve, curve);
        let signature = work.path().join(format!("{curve}.sig"));
        let single = work.path().join(format!("{curve}-single.sig"));
        for (path, signature) in [(&model, &signature), (&model.join("config.json"), &single)] {
            let signed = model_signing(&[
                OsStr::new("sign"),
                "key".as_ref(),
                path.as_os_str(),
                "--private_key".as_ref(),
                private.as_os_str(),
                "--signature".as_ref(),
                signature.as_os_str(),
            ]);
            assert!(signed.ok, "{}", signed.text);
            let ran = verify(&cli, path, signature, &public, &["--json"]);
            let json = ran.json();
            assert_eq!(
                (ran.code, &json["signer"]["algorithm"]),
                (0, &json!(curve)),
                "{ran}"
            );
            assert_eq!(
                json["root"],
                statement(signature)["subject"][0]["digest"]["sha256"]
            );
        }
        let ran = verify(&cli, &model, &single, &public, &[]);
        assert!(
            ran.code == 2 && ran.stderr.contains("the signature is over a single file"),
            "{ran}"
        );
        let ran = verify(&cli, &model.join("README.md"), &single, &public, &[]);
        assert_eq!(ran.code, 1, "another file: {ran}");
    }
}

/// One registry with a small model for the tests that export.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> std::sync::Arc<Lab> {
    LAB.get(Lab::small_without_page)
}

fn export(cli: &Cli, what: &str, out: &Path, key: &Path, more: &[&str]) -> Ran {
    let mut arguments = vec![
        OsStr::new("oms"),
        "export".as_ref(),
        what.as_ref(),
        "-o".as_ref(),
        out.as_os_str(),
        "--key".as_ref(),
        key.as_os_str(),
    ];
    arguments.extend(more.iter().map(OsStr::new));
    cli.run(&arguments)
}

#[test]
fn exported_records_verify_with_the_unmodified_python_tool_and_a_changed_byte_does_not() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let work = tempfile::tempdir().unwrap();
    let (private, public) = openssl_key(work.path(), "p256", "P-256");
    let model = lab.copy("exported");
    for (what, name) in [("att", "from-att.sig"), (lab.record.as_str(), "from-record.sig")] {
        let out = work.path().join(name);
        let ran = export(&cli, what, &out, &private, &[]);
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.stdout.contains("model_signing verify key"), "{ran}");
        assert!(python_verify(model.folder(), &out, &public), "{what}");
        assert_eq!(verify(&cli, model.folder(), &out, &public, &[]).code, 0, "{what}");
        assert_exported_as_specified(&out, &lab.record);
    }
    // As publishers lay it: beside the weights.
    let beside = model.path("model.sig");
    fs::copy(work.path().join("from-record.sig"), &beside).unwrap();
    assert!(python_verify(model.folder(), &beside, &public));
    assert_eq!(verify(&cli, model.folder(), &beside, &public, &[]).code, 0);
    model.flip_bit(5_000_000);
    assert!(!python_verify(model.folder(), &beside, &public));
    let ran = verify(&cli, model.folder(), &beside, &public, &[]);
    assert!(
        ran.code == 1 && ran.stdout.contains("model.safetensors  differs"),
        "{ran}"
    );
}

/// The exporter's rule: one signature, both names of the key, no log entry, and a payload that is the record's.
fn assert_exported_as_specified(bundle: &Path, record: &str) {
    let value: Value = serde_json::from_slice(&fs::read(bundle).unwrap()).unwrap();
    let hint = &value["verificationMaterial"]["publicKey"]["hint"];
    assert_eq!(value["verificationMaterial"]["tlogEntries"], json!([]));
    let signatures = value["dsseEnvelope"]["signatures"].as_array().unwrap();
    assert_eq!((signatures.len(), &signatures[0]["keyid"]), (1, hint));
    let members = |value: &Value| {
        let mut names: Vec<_> = value.as_object().unwrap().keys().cloned().collect();
        names.sort();
        names
    };
    assert_eq!(
        members(&value),
        ["dsseEnvelope", "mediaType", "verificationMaterial"]
    );
    let statement = statement(bundle);
    assert_eq!(
        members(&statement),
        ["_type", "predicate", "predicateType", "subject"]
    );
    assert_eq!(members(&statement["predicate"]), ["resources", "serialization"]);
    let serialization = &statement["predicate"]["serialization"];
    assert_eq!(
        members(serialization),
        ["allow_symlinks", "hash_type", "ignore_paths", "method"]
    );
    let ignored = serialization["ignore_paths"].as_array().unwrap();
    assert!(ignored.contains(&json!("model.sig")), "{ignored:?}");
    let names: Vec<_> = (statement["predicate"]["resources"].as_array().unwrap().iter())
        .map(|resource| resource["name"].as_str().unwrap())
        .collect();
    assert!(names.is_sorted(), "{names:?}");
    let payload = value["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, payload).unwrap();
    assert_eq!(provenance::RecordId::of_payload(&payload).to_string(), record);
}

#[test]
fn export_refuses_what_other_tools_could_not_use_and_never_overwrites() {
    let lab = lab();
    let cli = lab.cli(&lab.trust_pinned());
    let work = tempfile::tempdir().unwrap();
    let (private, public) = openssl_key(work.path(), "p256", "P-256");
    let (p384, _) = openssl_key(work.path(), "p384", "P-384");
    let out = work.path().join("model.sig");
    let refused = |what: &str, key: &Path, code: i32, wanted: &str| {
        let ran = export(&cli, what, &out, key, &[]);
        assert!(ran.code == code && ran.stderr.contains(wanted), "{wanted}: {ran}");
        assert!(ran.stderr.contains("next:"), "{ran}");
        assert!(!out.exists(), "nothing is written");
    };
    let ed25519 = lab.work().join("lab.key");
    refused("att", &ed25519, 2, "weighbridge key new --algorithm p256");
    refused("att", &p384, 2, "another elliptic curve than P-256");
    refused("att", &public, 2, "public key");
    refused(&lab.genesis, &private, 2, "is no signature record");
    refused(&"0".repeat(64), &private, 3, "has no record 0000");
    refused("not-there", &private, 2, "is neither a record id nor a folder");
    fs::create_dir_all(lab.work().join("nothing")).unwrap();
    refused("nothing", &private, 2, "is not a folder that attest wrote");
    // A record is proved first, and by whom it is counts.
    let ran = export(&lab.cli(&lab.trust()), &lab.record, &out, &private, &[]);
    assert!(
        ran.code == 10 && ran.stderr.contains("publisher trust acme.example"),
        "{ran}"
    );
    let other_log = work.path().join("other-trust");
    fs::write(&other_log, TestRegistry::start_without_page().trust()).unwrap();
    let ran = export(&lab.cli(&other_log), &lab.record, &out, &private, &[]);
    assert_eq!(ran.code, 9, "{ran}");
    assert!(!out.exists());

    fs::write(&out, "mine").unwrap();
    let ran = export(&cli, "att", &out, &private, &[]);
    assert!(ran.code == 7 && ran.stderr.contains("--force"), "{ran}");
    assert_eq!(fs::read_to_string(&out).unwrap(), "mine");
    assert_eq!(export(&cli, "att", &out, &private, &["--force"]).code, 0);
    assert!(fs::read(&out).unwrap().starts_with(b"{\"mediaType\""));
    let left: Vec<_> = fs::read_dir(work.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        !left.iter().any(|name| name.to_string_lossy().ends_with(".new")),
        "{left:?}"
    );
}

#[test]
fn attest_prints_the_root_that_the_python_tool_signs_for_minilm() {
    let work = tempfile::tempdir().unwrap();
    let model = Model::minilm().copy_to(&work.path().join("minilm"));
    // Names for which the order by components is not that by code points, and what is left out.
    model.write("tokenizer/vocab.txt", b"vocab\n");
    model.write("tokenizer-extra/x.txt", b"extra\n");
    model.write(".git/config", b"[core]\n");
    model.write(".cache/huggingface/download", b"x\n");
    let (private, public) = openssl_key(work.path(), "p256", "P-256");
    let signature = model.path("model.sig");
    let mut sign = vec![
        OsStr::new("sign"),
        "key".as_ref(),
        model.folder().as_os_str(),
        "--private_key".as_ref(),
        private.as_os_str(),
        "--signature".as_ref(),
        signature.as_os_str(),
    ];
    let ignored: Vec<_> = provenance::path::IGNORED_TOP_LEVEL
        .iter()
        .map(|name| model.path(name))
        .collect();
    for path in &ignored {
        sign.extend([OsStr::new("--ignore-paths"), path.as_os_str()]);
    }
    let signed = model_signing(&sign);
    assert!(signed.ok, "{}", signed.text);
    let root = statement(&signature)["subject"][0]["digest"]["sha256"].clone();
    let cli = Cli::new(work.path());
    assert_eq!(verify(&cli, model.folder(), &signature, &public, &[]).code, 0);

    cli.ok(&["key", "new", "--out", "lab.key", "--no-passphrase"]);
    let genesis = "ab".repeat(32);
    let attest = [
        "attest",
        "minilm",
        "--publisher",
        PUBLISHER,
        "--genesis",
        &genesis,
        "--key",
        "lab.key",
        "--name",
        "acme/minilm",
        "--out",
    ];
    let json = cli.ok(&[&attest[..], &["att-json", "--json"]].concat()).json();
    assert_eq!(json["oms_root_components"], root);
    assert_ne!(json["oms_root"], root, "the two orders differ for these names");
    let human = cli.ok(&[&attest[..], &["att"]].concat()).stdout;
    let wanted = format!("OMS root (Python tool) {}", root.as_str().unwrap());
    assert!(human.contains(&wanted), "{human}");
}

#[test]
fn the_conformance_adapter_signs_and_verifies_and_names_what_it_cannot() {
    let (work, cli, model) = sample_copy();
    let bundle = work.path().join("bundle.sig");
    for curve in ["P-256", "P-384", "P-521"] {
        let (private, public) = openssl_key(work.path(), curve, curve);
        let sign = |model: &Path, method: &str| {
            cli.run(&[
                OsStr::new("oms"),
                "conformance".as_ref(),
                "sign-model".as_ref(),
                "--method".as_ref(),
                method.as_ref(),
                "--model-path".as_ref(),
                model.as_os_str(),
                "--output-bundle".as_ref(),
                bundle.as_os_str(),
                "--private-key".as_ref(),
                private.as_os_str(),
                "--ignore-paths".as_ref(),
                model.join("model.sig").as_os_str(),
            ])
        };
        let ran = sign(&model, "key");
        assert_eq!(ran.code, 0, "{ran}");
        assert!(python_verify(&model, &bundle, &public), "{curve}");
        let check = |method: &str| {
            cli.run(&[
                OsStr::new("oms"),
                "conformance".as_ref(),
                "verify-model".as_ref(),
                "--method".as_ref(),
                method.as_ref(),
                "--model-path".as_ref(),
                model.as_os_str(),
                "--bundle".as_ref(),
                bundle.as_os_str(),
                "--public-key".as_ref(),
                public.as_os_str(),
            ])
        };
        assert_eq!(check("key").code, 0);
        let ran = check("certificate");
        assert!(
            ran.code == 2 && ran.stderr.contains("the method certificate is not supported"),
            "{ran}"
        );
        let ran = sign(&model, "sigstore");
        assert!(
            ran.code == 2 && ran.stderr.contains("the method sigstore is not supported"),
            "{ran}"
        );
        let empty = work.path().join("empty");
        fs::create_dir_all(&empty).unwrap();
        let ran = sign(&empty, "key");
        assert!(
            ran.code == 2 && ran.stderr.contains("holds no file to sign"),
            "{ran}"
        );
    }
}
