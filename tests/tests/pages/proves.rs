//! The page proves instead of believing: every lie of a hostile log is told for what it is, and none turns green.
//!
//! The page has been given a trust file that trusts the hostile log and pins its publisher, and files that equal
//! the record byte for byte. Only the lie stands between them and green.

use std::sync::Arc;

use harness::{
    hostile::{HostileLog, Lie},
    models::Model,
    page::{Card, VerifyPage},
    registry::TestRegistry,
    wait::Shared,
};
use tempfile::TempDir;

/// The registry whose page is served, and the model.
struct Stage {
    registry: TestRegistry,
    model: Model,
    _folder: TempDir,
}

static STAGE: Shared<Stage> = Shared::new();

fn stage() -> Arc<Stage> {
    STAGE.get(|| {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let model = Model::small(&folder.path().join("model"));
        Stage {
            registry: TestRegistry::start(),
            model,
            _folder: folder,
        }
    })
}

/// What the page says to `lie`.
fn card_for(lie: Lie) -> Card {
    let stage = stage();
    let log = HostileLog::about(&stage.model, lie);
    let trust = log.trust().to_owned();
    let proxy = log.tell(&stage.registry);
    let page = VerifyPage::open(proxy.url());
    page.paste_trust(&trust);
    let card = page.weigh(stage.model.folder());
    if lie != Lie::None {
        let shown = page.verdicts_shown();
        assert!(
            !shown.iter().any(|verdict| verdict.contains("green")),
            "{lie:?} showed {shown:?}"
        );
    }
    page.assert_no_console_errors();
    card
}

/// Wants a log fault whose failed check is `check` and whose text says `message`.
fn assert_fault(lie: Lie, check: &str, message: &str) {
    let card = card_for(lie);
    assert_eq!(card.verdict, "log-fault", "{lie:?}: {}", card.text);
    assert!(
        !card.green && card.text.contains("This record does not hold"),
        "{}",
        card.text
    );
    assert_eq!(card.check(check).ok, "false", "{:?}", card.checks);
    assert!(
        card.text.contains(message),
        "{message:?} is missing: {}",
        card.text
    );
}

#[test]
fn the_same_log_told_honestly_is_authentic() {
    let card = card_for(Lie::None);
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(card.green);
}

#[test]
fn a_wrong_signature() {
    assert_fault(Lie::WrongSignature, "signatures", "does not verify");
}

#[test]
fn a_signature_by_a_stranger() {
    assert_fault(
        Lie::StrangersSignature,
        "signatures",
        "is not in the publisher's keyset",
    );
}

#[test]
fn a_wrong_inclusion_proof() {
    assert_fault(Lie::WrongInclusionProof, "inclusion", "root");
}

#[test]
fn a_false_state_root() {
    assert_fault(
        Lie::FalseStateRoot,
        "state",
        "state root of the log does not contain this publisher's state",
    );
}

#[test]
fn a_checkpoint_signed_by_another_key() {
    assert_fault(
        Lie::OtherLogKey,
        "log-signature",
        "is not signed by the log key in your trust file",
    );
}

#[test]
fn a_payload_that_does_not_match_its_id() {
    assert_fault(
        Lie::OtherPayload,
        "record-id",
        "the payload that was served is record",
    );
}

#[test]
fn a_payload_that_names_another_publisher() {
    assert_fault(
        Lie::OtherPublisher,
        "entry",
        "for another publisher than the payload served",
    );
}

#[test]
fn a_record_that_names_another_genesis() {
    assert_fault(Lie::OtherGenesis, "signatures", "names another genesis");
}

#[test]
fn a_manifest_that_leads_out_of_the_folder() {
    assert_fault(
        Lie::PathOutOfTheFolder,
        "statement",
        "could lead out of the folder",
    );
}

#[test]
fn a_keyset_that_is_withheld() {
    let card = card_for(Lie::WithheldKeyset);
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("stale", "withheld"),
        "{}",
        card.text
    );
    assert!(
        !card.green && card.text.contains("was not shown"),
        "{}",
        card.text
    );
    assert_eq!(card.check("control").ok, "false");
}

#[test]
fn a_record_asked_for_by_name_is_not_believed_either() {
    let stage = stage();
    let log = HostileLog::about(&stage.model, Lie::WrongSignature);
    let (trust, record) = (log.trust().to_owned(), log.record());
    let proxy = log.tell(&stage.registry);
    let page = VerifyPage::open(proxy.url());
    page.paste_trust(&trust);
    page.visit(&format!("/verify#record={record}"));
    page.browser.wait_for_text("does not hold");
    assert!(
        page.browser.text().contains("does not verify"),
        "{}",
        page.browser.text()
    );
}
