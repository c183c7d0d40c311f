//! The Verify page on a GGUF model, and on what is no model at all.

use std::{fs, sync::Arc};

use harness::{
    lab::{self, Lab},
    models::{Model, lfs_pointer_to},
    page::VerifyPage,
    registry::TestRegistry,
    wait::Shared,
};
use provenance::chunk::CHUNK_SIZE;

/// One registry with a GGUF model for the tests of this file; every test has a browser of its own.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(|| {
        let folder = tempfile::tempdir().expect("a temporary folder").keep();
        Lab::on(TestRegistry::start(), Model::gguf(&folder))
    })
}

#[test]
fn the_changed_tensor_of_a_gguf_file_is_named_on_the_page() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(lab.model.folder());
    assert!(card.green, "{}", card.text);
    page.start_over();

    let model = lab.copy("changed");
    let output = model.tensor("output.weight");
    model.flip_bit(output.start + 5000);
    let card = page.weigh(model.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "altered"),
        "{}",
        card.text
    );
    assert!(
        card.file("model.gguf")
            .tensors
            .contains(&"output.weight".to_owned()),
        "{}",
        card.text
    );
    page.assert_no_console_errors();
}

#[test]
fn a_gguf_file_changed_in_its_first_chunk_is_found_by_its_tensors_on_the_page() {
    let lab = lab();
    let model = lab.copy("first-chunk");
    model.flip_bit(CHUNK_SIZE - 10);
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(model.folder());
    assert_eq!(card.verdict, "mismatch", "{}", card.text);
    assert_eq!(card.file("model.gguf").tensors, ["token_embd.weight"]);
}

#[test]
fn a_pointer_is_told_what_it_stands_for_on_the_page() {
    let lab = lab();
    let folder = lab.work().join("pointer");
    fs::create_dir_all(&folder).expect("a new folder");
    let text = lfs_pointer_to(&lab.model.weights());
    fs::write(folder.join("weights.gguf"), text).expect("a writable folder");
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(&folder);
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("unknown", "lfs-pointer")
    );
    assert!(
        card.text.contains("It points to model.gguf of record ") && card.text.contains("git lfs pull"),
        "{}",
        card.text
    );
}

#[test]
fn a_record_signed_with_p256_is_authentic_on_the_page() {
    let lab = Lab::small();
    let cli = lab.cli(&lab.trust());
    cli.ok(&[
        "key",
        "new",
        "--algorithm",
        "p256",
        "--out",
        "curve.key",
        "--no-passphrase",
    ]);
    let created = cli
        .ok(&[
            "publisher",
            "create",
            "curve.example",
            "--key",
            "curve.key",
            "--json",
        ])
        .json();
    let genesis = created["genesis"].as_str().expect("a genesis");
    lab::publish(
        &cli,
        &lab.model,
        "curve.key",
        "curve.example",
        "curve/minilm",
        "1.0",
        "att-curve",
    );
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&format!(
        "{}publisher curve.example {genesis}\n",
        lab.registry.trust()
    ));
    let card = page.weigh(lab.model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(
        card.text.contains("curve.example, in your trust file"),
        "{}",
        card.text
    );
}
