//! Several records that name the same bytes, on the Verify page: which one is judged, and what the visitor is asked.

use std::fs;

use harness::{
    browser::Role,
    lab::{self, Lab, PUBLISHER},
    models::Model,
    page::VerifyPage,
    registry::TestRegistry,
};

#[test]
fn a_second_record_of_the_same_bytes_does_not_hide_the_trusted_one() {
    let work = tempfile::tempdir().unwrap();
    let lab = Lab::on(TestRegistry::start(), Model::small(&work.path().join("model")));
    publish_copycat(&lab);
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(lab.model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(
        card.text.contains("acme/minilm") && !card.text.contains("copycat"),
        "{}",
        card.text
    );
}

/// A lab with a small model, of which it also published a version 1.1 with another configuration of the same size.
struct TwoVersions {
    lab: Lab,
    newer: Model,
    _work: tempfile::TempDir,
}

fn two_versions() -> TwoVersions {
    let work = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::on(TestRegistry::start(), Model::small(&work.path().join("model")));
    let newer = lab.copy("newer");
    let config = fs::read_to_string(newer.path("config.json")).expect("a readable file");
    newer.write("config.json", config.replace("512", "513").as_bytes());
    publish_as(&lab, &newer, "lab.key", PUBLISHER, "acme/minilm", "1.1");
    TwoVersions {
        lab,
        newer,
        _work: work,
    }
}

fn publish_as(lab: &Lab, model: &Model, key: &str, publisher: &str, name: &str, version: &str) {
    let out = format!("att-{publisher}-{version}");
    lab::publish(&lab.cli(&lab.trust()), model, key, publisher, name, version, &out);
}

/// Publishes the lab's own model once more, as somebody else.
fn publish_copycat(lab: &Lab) -> String {
    let genesis = lab::create_publisher(&lab.cli(&lab.trust()), "copycat.example", "copycat.key");
    publish_as(
        lab,
        &lab.model,
        "copycat.key",
        "copycat.example",
        "copycat/minilm",
        "9.9",
    );
    genesis
}

#[test]
fn of_two_versions_that_differ_in_one_small_file_the_bytes_tell_which_one_it_is() {
    let TwoVersions { lab, newer, _work } = two_versions();
    let page = VerifyPage::trusting(&lab);
    for (model, version, other) in [(&lab.model, "1.0", "1.1"), (&newer, "1.1", "1.0")] {
        let card = page.weigh(model.folder());
        assert_eq!(card.verdict, "authentic", "{version}: {}", card.text);
        assert!(
            card.text.contains(&format!("acme/minilm {version}"))
                && !card.text.contains(&format!("minilm {other}")),
            "{}",
            card.text
        );
        page.start_over();
    }
    assert_eq!(page.verdicts_shown(), ["authentic (green)"]);

    // Neither: against the publisher whom one trusts that is a change, and its place is told.
    let neither = lab.copy("neither");
    neither.flip_bit(5_000_000);
    let tensor = neither.tensor_at(5_000_000);
    let card = page.weigh(neither.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "altered"),
        "{}",
        card.text
    );
    assert!(card.text.contains("acme/minilm 1.0"), "{}", card.text);
    assert_eq!(card.differing(), [("model.safetensors", "altered")]);
    let tensors = &card.file("model.safetensors").tensors;
    assert!(tensors.contains(&tensor), "{tensor} is named: {tensors:?}");
    page.assert_no_console_errors();
}

#[test]
fn of_two_versions_by_a_stranger_the_bytes_tell_which_one_it_is() {
    let TwoVersions { lab, newer, _work } = two_versions();
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    let card = page.weigh(newer.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("untrusted", ""),
        "{}",
        card.text
    );
    assert!(card.text.contains("acme/minilm 1.1"), "{}", card.text);
    assert_eq!(page.browser.count("candidate"), 0);
}

#[test]
fn the_same_bytes_published_again_by_the_same_publisher_are_named_beside_the_oldest_record() {
    let work = tempfile::tempdir().unwrap();
    let lab = Lab::on(TestRegistry::start(), Model::small(&work.path().join("model")));
    publish_as(&lab, &lab.model, "lab.key", PUBLISHER, "acme/minilm", "1.0.1");
    let page = VerifyPage::trusting(&lab);
    let card = page.weigh(lab.model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(
        card.text
            .contains("Also recorded as acme/minilm 1.0.1 by acme.example."),
        "{}",
        card.text
    );
}

#[test]
fn the_same_bytes_by_several_strangers_are_read_once_and_then_the_visitor_is_asked() {
    let work = tempfile::tempdir().unwrap();
    let lab = Lab::on(TestRegistry::start(), Model::small(&work.path().join("model")));
    let genesis = publish_copycat(&lab);
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    page.check_folder(lab.model.folder());
    page.browser.wait_for("a choice", |browser| {
        (browser.count("candidate") == 2).then_some(())
    });
    let text = page.browser.text();
    for part in [
        "the same bytes, recorded by several publishers",
        "the one whose genesis you got from the publisher itself",
        &genesis,
        &lab.genesis,
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(
        text.find("acme/minilm") < text.find("copycat/minilm"),
        "the oldest comes first: {text}"
    );

    // Nothing is left to read: the files may be gone by now.
    page.browser.js::<serde_json::Value>(
        "document.querySelectorAll('[data-test=candidate]')[1].querySelector('button.button').click()",
        vec![],
    );
    let card = page.verdict();
    assert_eq!(card.verdict, "untrusted", "{}", card.text);
    assert!(card.text.contains("copycat/minilm 9.9"), "{}", card.text);
    assert!(
        card.text
            .contains("Also recorded as acme/minilm 1.0 by acme.example."),
        "{}",
        card.text
    );

    // Trust settles it, whatever was picked.
    page.browser.click(Role::Button, "Forget this choice");
    page.browser.wait_for("no trust", |browser| {
        (browser.count("trust-forget") == 0).then_some(())
    });
    page.paste_trust(&lab.trust_pinned_text());
    let card = page.verdict_is("authentic");
    assert!(
        card.text.contains("acme/minilm 1.0") && !card.text.contains("copycat"),
        "{}",
        card.text
    );
    page.assert_no_console_errors();
}
