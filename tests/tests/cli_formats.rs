//! The command line on formats and folders that the field has: GGUF, caches, and what is no model at all.

use std::{fs, path::PathBuf};

use harness::{
    cli::Ran,
    lab::Lab,
    models::{Model, lfs_pointer_to},
    registry::TestRegistry,
    wait::Shared,
};
use provenance::{Sha256Digest, chunk::CHUNK_SIZE};
use serde_json::{Value, json};

/// One registry with a GGUF model for the tests of this file.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> std::sync::Arc<Lab> {
    LAB.get(|| {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        Lab::on(TestRegistry::start_without_page(), Model::gguf(&folder))
    })
}

/// Wants exit code, verdict and subtype, and gives the report.
fn expect(ran: &Ran, code: i32, verdict: &str, subtype: Option<&str>) -> Value {
    let report = ran.json();
    assert_eq!(
        (ran.code, &report["verdict"], &report["subtype"]),
        (code, &json!(verdict), &json!(subtype)),
        "{ran}"
    );
    report
}

fn file<'a>(report: &'a Value, path: &str) -> &'a Value {
    let files = report["files"].as_array().expect("a list");
    let found = files.iter().find(|file| file["path"] == path);
    found.unwrap_or_else(|| panic!("{path} is in {report}"))
}

#[test]
fn a_gguf_model_is_attested_published_and_authentic() {
    let lab = lab();
    let report = expect(&lab.verify(lab.model.folder()), 0, "authentic", None);
    assert_eq!(report["files"].as_array().map(Vec::len), Some(3));
    // By itself, under the name that a cache gives it, it is the same file.
    let alone = lab.work().join("blob-without-an-ending");
    fs::copy(lab.model.weights(), &alone).expect("a file can be copied");
    expect(&lab.verify(&alone), 0, "authentic", None);
}

#[test]
fn the_changed_tensor_of_a_gguf_file_is_named() {
    let lab = lab();
    let model = lab.copy("changed");
    let tensors = model.tensors();
    assert_eq!(
        tensors
            .iter()
            .map(|tensor| tensor.dtype.as_str())
            .collect::<Vec<_>>(),
        ["F32", "Q4_K", "Q8_0", "F16"]
    );
    let output = tensors.last().expect("four tensors");
    let offset = output.begin + 5000;
    model.flip_bit(offset);
    let report = expect(&lab.verify(model.folder()), 1, "mismatch", Some("altered"));
    let weights = file(&report, "model.gguf");
    assert_eq!(weights["chunks"], json!([offset / CHUNK_SIZE]));
    let named = weights["tensors"].as_array().expect("a list");
    assert!(named.contains(&json!("output.weight")), "{weights}");
    let detail = weights["tensor_details"].as_array().expect("a list");
    assert!(detail.iter().any(|tensor| tensor["dtype"] == "F16"), "{weights}");
}

#[test]
fn a_gguf_file_changed_in_its_first_chunk_is_found_by_its_tensors() {
    let lab = lab();
    let model = lab.copy("first-chunk");
    model.flip_bit(CHUNK_SIZE - 10);
    // In its folder, and by itself where nothing else can lead to the record.
    for path in [model.folder().to_owned(), model.weights()] {
        let report = expect(&lab.verify(&path), 1, "mismatch", Some("altered"));
        let weights = file(&report, "model.gguf");
        assert_eq!(weights["tensors"], json!(["token_embd.weight"]), "{weights}");
    }
}

/// A new folder of this lab's with these files in it.
fn folder(lab: &Lab, name: &str, files: &[(&str, &[u8])]) -> PathBuf {
    let folder = lab.work().join(name);
    for (path, bytes) in files {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a new folder");
        fs::write(path, bytes).expect("a writable folder");
    }
    folder
}

#[test]
fn a_lone_pointer_is_told_what_it_stands_for() {
    let lab = lab();
    let text = lfs_pointer_to(&lab.model.weights());
    let folder = folder(&lab, "lone-pointer", &[("weights.gguf", text.as_bytes())]);
    for path in [folder.join("weights.gguf"), folder] {
        let report = expect(&lab.verify(&path), 3, "unknown", Some("lfs-pointer"));
        let to = &report["points_to"][0];
        assert_eq!(
            (&to["pointer"], &to["path"], &to["record"], &to["trusted"]),
            (
                &json!("weights.gguf"),
                &json!("model.gguf"),
                &json!(lab.record),
                &json!(true)
            )
        );
        let summary = report["summary"].as_str().expect("text");
        assert!(
            summary.contains("Git LFS pointer, not the weights. It points to model.gguf of record ")
                && summary.ends_with(" by acme.example."),
            "{summary}"
        );
        assert_eq!(report["next"], "git lfs pull");
    }
}

#[test]
fn a_folder_of_pointers_only_names_one_that_leads_somewhere() {
    let lab = lab();
    let known = lfs_pointer_to(&lab.model.weights());
    let unknown = known.replace("size ", "size 9");
    let files: [(&str, &[u8]); 2] = [
        ("a.safetensors", unknown.as_bytes()),
        ("b.gguf", known.as_bytes()),
    ];
    let folder = folder(&lab, "pointers", &files);
    let report = expect(&lab.verify(&folder), 3, "unknown", Some("lfs-pointer"));
    assert_eq!(report["points_to"].as_array().map(Vec::len), Some(1));
    let summary = report["summary"].as_str().expect("text");
    assert!(
        summary.starts_with("b.gguf is a ") && summary.ends_with("1 more file is no model data either."),
        "{summary}"
    );
}

#[test]
fn a_pointer_among_good_files_is_not_the_weights_of_a_trusted_record() {
    let lab = lab();
    let model = lab.copy("half-cloned");
    model.write("model.gguf", lfs_pointer_to(&lab.model.weights()).as_bytes());
    let report = expect(&lab.verify(model.folder()), 1, "mismatch", Some("not-weights"));
    let detail = file(&report, "model.gguf")["detail"].as_str().expect("text");
    assert!(
        detail.contains("Git LFS pointer, not the weights. Next: git lfs pull"),
        "{detail}"
    );
    // Of a stranger's record the same is no accusation.
    let ran = lab.verify_with(&lab.trust(), model.folder(), &[]);
    expect(&ran, 3, "unknown", Some("near"));
}

#[test]
fn what_is_no_model_data_is_named_for_what_it_is() {
    let lab = lab();
    for (name, bytes, subtype, words) in [
        (
            "empty/model.gguf",
            &b""[..],
            "empty",
            "model.gguf is empty (0 bytes).",
        ),
        (
            "page/weights.bin",
            b"<!DOCTYPE html><p>Sign in",
            "html",
            "weights.bin starts with \"<!DOCTYPE html\". A web page was saved",
        ),
        (
            "zip/model.safetensors",
            b"PK\x03\x04\x14\0\0\0\x08\0zip",
            "wrong-format",
            "model.safetensors is a zip archive, not what its name says.",
        ),
        (
            "error/model.gguf",
            b"{\"error\":\"Entry not found\"}",
            "wrong-format",
            "model.gguf is a JSON text",
        ),
    ] {
        let path = folder(&lab, "junk", &[(name, bytes)]).join(name);
        let report = expect(&lab.verify(&path), 3, "unknown", Some(subtype));
        let summary = report["summary"].as_str().expect("text");
        assert!(summary.starts_with(words), "{summary}");
        assert!(report["next"].is_string(), "{report}");
        // As a listed file of a named record it is a mismatch.
        let model = lab.copy(&format!("with-{subtype}"));
        model.write("model.gguf", bytes);
        let named = lab.verify_with(&lab.trust(), model.folder(), &["--record", &lab.record]);
        let wanted = if subtype == "empty" {
            "empty"
        } else {
            "not-weights"
        };
        // Under this name a zip archive, a page and an error are all no GGUF.
        expect(&named, 1, "mismatch", Some(wanted));
    }
}

#[test]
fn json_says_what_the_registry_was_told() {
    let lab = lab();
    let report = expect(&lab.verify(lab.model.folder()), 0, "authentic", None);
    // The index of this registry is small enough to be fetched whole.
    assert_eq!(report["lookup"]["prefixes"], 0);
    assert!(report["lookup"]["as_of_size"].as_u64() > Some(0), "{report}");
    let named = lab.verify_with(
        &lab.trust_pinned(),
        lab.model.folder(),
        &["--record", &lab.record],
    );
    assert_eq!(expect(&named, 0, "authentic", None).get("lookup"), None);
}

/// The hub's cache of the lab's model: files in `blobs`, and snapshots of links to them.
#[cfg(unix)]
fn hub_cache(lab: &Lab, name: &str, revisions: &[&str]) -> PathBuf {
    let root = lab.work().join(name).join("models--acme--tiny");
    for revision in revisions {
        for file in lab.model.files() {
            let bytes = fs::read(lab.model.path(&file)).expect("a readable file");
            let blob = root.join("blobs").join(Sha256Digest::of(&bytes).to_string());
            let link = root.join("snapshots").join(revision).join(&file);
            for path in [&blob, &link] {
                fs::create_dir_all(path.parent().expect("a folder above")).expect("a new folder");
            }
            fs::write(&blob, bytes).expect("a writable folder");
            std::os::unix::fs::symlink(&blob, link).expect("a new link");
        }
    }
    root
}

#[cfg(unix)]
#[test]
fn of_a_hub_cache_the_snapshot_that_main_names_is_checked() {
    let lab = lab();
    let (old, new) = ("a".repeat(40), "b".repeat(40));
    let root = hub_cache(&lab, "hub", &[&old, &new]);
    fs::write(
        root.join("snapshots").join(&old).join("config.json.extra.py"),
        "x",
    )
    .expect("a writable folder");

    let ran = lab.verify(&root);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(
        ran.stderr.contains(&old) && ran.stderr.contains("name the folder of one snapshot"),
        "{ran}"
    );

    fs::create_dir(root.join("refs")).expect("a new folder");
    fs::write(root.join("refs/main"), &new).expect("a writable folder");
    let report = expect(&lab.verify(&root), 0, "authentic", None);
    let recognised = report["recognised"].as_str().expect("text");
    assert!(
        recognised.contains("acme/tiny") && recognised.contains(&new),
        "{recognised}"
    );

    // One of its blobs alone, and the cache above it.
    let blob = fs::canonicalize(root.join("snapshots").join(&new).join("model.gguf")).expect("a link");
    expect(&lab.verify(&blob), 0, "authentic", None);
    let ran = lab.verify(root.parent().expect("a folder above"));
    assert!(
        ran.code == 2 && ran.stderr.contains("models--acme--tiny"),
        "{ran}"
    );
}

#[test]
fn downloads_that_are_not_finished_are_warned_of() {
    let lab = lab();
    let model = lab.copy("downloading");
    model.write(".cache/huggingface/download/x.abc.incomplete", b"part");
    let report = expect(&lab.verify(model.folder()), 0, "authentic", None);
    assert_eq!(
        report["unfinished"],
        json!([".cache/huggingface/download/x.abc.incomplete"])
    );
}

#[test]
fn the_name_of_a_blob_is_a_claim_that_its_bytes_hold_or_not() {
    let lab = lab();
    let bytes = fs::read(lab.model.weights()).expect("a readable file");
    let digest = Sha256Digest::of(&bytes);
    let (right, wrong) = (format!("sha256-{digest}"), format!("sha256-{}", "0".repeat(64)));
    let store = folder(&lab, "ollama/models/blobs", &[(&right, &bytes)]);
    let report = expect(&lab.verify(&store.join(&right)), 0, "authentic", None);
    assert!(
        !report["summary"].as_str().expect("text").contains("the name of"),
        "{report}"
    );

    let lying = folder(&lab, "lying-blob", &[(&wrong, &bytes)]).join(&wrong);
    let report = expect(&lab.verify(&lying), 0, "authentic", None);
    let summary = report["summary"].as_str().expect("text");
    assert!(
        summary.contains(&format!(
            "says sha256:{}, the bytes are sha256:{digest}",
            "0".repeat(64)
        )),
        "{summary}"
    );
    let checks = report["checks"].as_array().expect("a list");
    assert!(
        checks
            .iter()
            .any(|check| check["name"] == "file-name" && check["ok"] == false)
    );

    // The folder of one model: its blobs are found by their bytes, and what the record lists besides is missing.
    let manifest = "manifests/registry.ollama.ai/library/tiny/latest";
    let root = folder(&lab, "ollama/models", &[(manifest, b"{}")]);
    let report = expect(&lab.verify(&root), 6, "incomplete", None);
    assert!(
        report["recognised"]
            .as_str()
            .expect("text")
            .contains("tiny:latest"),
        "{report}"
    );
    let summary = report["summary"].as_str().expect("text");
    assert!(
        summary.contains("missing: config.json, README.md")
            || summary.contains("missing: README.md, config.json"),
        "{summary}"
    );
    let manifest = "manifests/registry.ollama.ai/library/big/7b";
    folder(&lab, "ollama/models", &[(manifest, b"{}")]);
    let ran = lab.verify(&root);
    assert!(
        ran.code == 2 && ran.stderr.contains("big:7b, tiny:latest"),
        "{ran}"
    );
}

#[test]
fn a_folder_of_several_models_is_told_as_one_unless_a_record_is_named() {
    let lab = lab();
    let bytes = fs::read(lab.model.weights()).expect("a readable file");
    let root = folder(
        &lab,
        "lm-studio-models",
        &[
            ("acme/tiny-GGUF/model.gguf", &bytes),
            ("other/big-GGUF/big.gguf", b"GGUF"),
        ],
    );
    let ran = lab.verify(&root);
    assert!(
        ran.code == 2
            && ran
                .stderr
                .contains("in the way of LM Studio: acme/tiny-GGUF, other/big-GGUF")
            && ran.stderr.contains("name the folder of one model"),
        "{ran}"
    );
    let named = lab.verify_with(&lab.trust_pinned(), &root, &["--record", &lab.record]);
    assert_ne!(named.code, 2, "{named}");
    expect(&lab.verify(&root.join("acme/tiny-GGUF")), 6, "incomplete", None);
}
