//! A registry that lies in its answers: a log fault, each time by the check that found it, and never green.

use provenance::{
    RecordId, Sha256Digest,
    api::Base64Bytes,
    checkpoint::Checkpoint,
    merkle::{InclusionProof, LeafIndex, RootHash},
    state::{StateLeaf, StateProof},
    statement::KEYSET_TYPE,
    tlog_proof::TlogProof,
    verify::{Report, open},
};

use super::{
    check,
    disk::WEIGHTS,
    log::{ACME, ORIGIN, keyset_payload, log_signer},
    verdict,
    world::{NOW, World},
};

/// What a client that pins the publisher reports when the registry's answer is bent by `lie`.
fn told(lie: impl FnOnce(&mut World)) -> Report {
    let mut world = World::honest();
    lie(&mut world);
    world.open().judge(&world.disk.seen(&world.disk))
}

#[track_caller]
fn assert_fault(report: &Report, subtype: &str, by: &str) {
    assert_eq!(
        verdict(report),
        ("log-fault", Some(subtype)),
        "{}",
        report.summary
    );
    let failed = report
        .checks
        .iter()
        .find(|c| c.ok == Some(false))
        .map(|c| c.name.as_str());
    assert_eq!(failed, Some(by), "{:?}", report.checks);
    assert!(
        report.summary.ends_with("It says nothing about your files."),
        "{}",
        report.summary
    );
    assert!(report.identity.is_none());
}

fn bend_proof(world: &mut World, bend: impl FnOnce(&mut TlogProof)) {
    let mut proof = TlogProof::parse(&world.proof.proof).unwrap();
    bend(&mut proof);
    world.proof.proof = proof.to_string();
}

fn bend_state(world: &mut World, bend: impl FnOnce(&mut StateProof)) {
    let mut proof = StateProof::parse(&world.proof.state).unwrap();
    bend(&mut proof);
    world.proof.state = proof.to_string();
}

#[test]
fn the_payload_of_another_record() {
    let world = World::honest();
    let asked = RecordId::of_payload(b"another record");
    let opened = open(
        Some(&world.trust_file(true)),
        asked,
        &world.payload,
        &world.proof,
        Some(NOW),
    );
    assert_fault(
        &opened.judge(&world.disk.seen(&world.disk)),
        "record",
        "record-id",
    );
}

#[test]
fn the_payload_of_another_record_is_noticed_without_a_trust_file() {
    let world = World::honest();
    let asked = RecordId::of_payload(b"another record");
    let opened = open(None, asked, &world.payload, &world.proof, Some(NOW));
    assert_fault(
        &opened.judge(&world.disk.seen(&world.disk)),
        "record",
        "record-id",
    );
}

#[test]
fn the_entry_of_another_record() {
    let report = told(|world| {
        let other = world.log.record_proof(world.index - 1);
        world.proof.entry = other.entry;
    });
    assert_fault(&report, "record", "entry");
    assert_fault(
        &told(|world| world.proof = world.log.record_proof(world.index - 1)),
        "record",
        "entry",
    );
}

#[test]
fn an_entry_that_is_no_text() {
    assert_fault(
        &told(|world| world.proof.entry = Base64Bytes(b"\xff\n".to_vec())),
        "record",
        "entry",
    );
}

#[test]
fn an_entry_that_was_changed_after_it_was_logged() {
    let report = told(|world| {
        let text = String::from_utf8(world.proof.entry.0.clone()).unwrap();
        let line = text.lines().find(|l| l.starts_with("state ")).unwrap().to_owned();
        world.proof.entry.0 = text
            .replace(&line, &format!("state {}", Sha256Digest::of(b"x")))
            .into_bytes();
    });
    assert_fault(&report, "proof", "inclusion");
}

#[test]
fn an_inclusion_proof_for_another_index() {
    let report = told(|world| bend_proof(world, |p| p.index = LeafIndex::new(p.index.get() - 1)));
    assert_fault(&report, "proof", "inclusion");
    let report = told(|world| bend_proof(world, |p| p.index = LeafIndex::new(1 << 40)));
    assert_fault(&report, "proof", "inclusion");
}

#[test]
fn an_inclusion_proof_that_is_cut_long_or_flipped() {
    assert_fault(
        &told(|world| bend_proof(world, |p| p.proof.hashes.truncate(1))),
        "proof",
        "inclusion",
    );
    let longer = |p: &mut TlogProof| p.proof.hashes.push(Sha256Digest::of(b"x"));
    assert_fault(&told(|world| bend_proof(world, longer)), "proof", "inclusion");
    let flip = |p: &mut TlogProof| p.proof.hashes[1] = Sha256Digest::of(b"x");
    assert_fault(&told(|world| bend_proof(world, flip)), "proof", "inclusion");
    assert_fault(
        &told(|world| world.proof.proof.truncate(40)),
        "proof",
        "inclusion",
    );
}

#[test]
fn a_checkpoint_by_another_key() {
    let report = told(|world| {
        world.log.signer = log_signer(ORIGIN, 77);
        world.refresh();
    });
    assert_fault(&report, "checkpoint", "log-signature");
}

#[test]
fn a_checkpoint_of_a_log_that_nobody_trusts() {
    let report = told(|world| {
        world.log.signer = log_signer("evil.example/log", 9);
        world.refresh();
    });
    assert_fault(&report, "checkpoint", "log-signature");
    assert!(report.summary.contains("evil.example/log"), "{}", report.summary);
}

#[test]
fn a_checkpoint_whose_root_was_changed_after_signing() {
    let report = told(|world| {
        let text = TlogProof::parse(&world.proof.proof)
            .unwrap()
            .checkpoint
            .text()
            .to_owned();
        let mut other = Checkpoint::parse(&text).unwrap();
        other.head.root = RootHash::from(Sha256Digest::of(b"x"));
        world.proof.proof = world.proof.proof.replace(&text, &other.to_string());
    });
    assert_fault(&report, "checkpoint", "log-signature");
}

#[test]
fn a_note_without_any_signature_of_the_log() {
    let report = told(|world| {
        let start = world.proof.proof.rfind('\u{2014}').unwrap();
        world.proof.proof.truncate(start);
        world.proof.proof.push_str("\u{2014} w1.example AAAAAAAA\n");
    });
    assert_fault(&report, "checkpoint", "log-signature");
}

#[test]
fn a_state_root_that_is_false() {
    let report = told(|world| {
        let last = keyset_payload("late.example", ORIGIN, &[(52, "lea")], 1);
        world.log.publish(&last, &[52], |entry| {
            entry.state = RootHash::from(Sha256Digest::of(b"false"));
        });
        world.refresh();
    });
    assert_fault(&report, "proof", "state");
}

#[test]
fn a_state_proof_of_an_older_view() {
    let report = told(|world| {
        let older = world.proof.state.clone();
        world.log.publish(b"one more", &[1], |_| {});
        world.refresh();
        world.proof.state = older;
    });
    assert_fault(&report, "proof", "state");
}

#[test]
fn a_state_proof_that_starts_from_an_entry_before_the_last() {
    let report = told(|world| {
        let size = world.log.size();
        let (entry, _) = &world.log.entries[usize::try_from(size - 2).unwrap()];
        let (bytes, earlier) = (entry.to_bytes(), world.log.proof_at(size - 2, size));
        bend_state(world, |proof| {
            proof.entry = bytes;
            proof.tlog_proof = earlier;
        });
    });
    assert_fault(&report, "proof", "state");
}

#[test]
fn a_state_leaf_of_another_publisher() {
    let report = told(|world| {
        world.proof.state = world
            .log
            .state_proof(&"other.example".parse().unwrap())
            .to_string();
    });
    assert_fault(&report, "proof", "state");
    assert!(report.summary.contains("other.example"), "{}", report.summary);
}

#[test]
fn a_state_leaf_with_a_line_left_out_or_a_proof_bent() {
    let shorter = |proof: &mut StateProof| proof.leaf.data = b"acme.example\n".to_vec();
    assert_fault(&told(|world| bend_state(world, shorter)), "proof", "state");
    let elsewhere = |proof: &mut StateProof| proof.leaf.index = LeafIndex::new(1);
    assert_fault(&told(|world| bend_state(world, elsewhere)), "proof", "state");
    let none = |proof: &mut StateProof| proof.leaf.proof = InclusionProof::default();
    assert_fault(&told(|world| bend_state(world, none)), "proof", "state");
    assert_fault(&told(|world| world.proof.state.clear()), "proof", "state");
}

#[test]
fn a_keyset_that_is_withheld_makes_the_view_stale() {
    let report = told(|world| world.proof.control.clear());
    assert_eq!(
        (verdict(&report), check(&report, "control")),
        (("stale", Some("withheld")), Some(false))
    );
    assert!(report.identity.is_none());
    let text = &report.summary;
    assert!(
        text.contains("it is not proved that acme.example signed it"),
        "{text}"
    );

    // With other bytes nothing is said against the publisher, whom the trust file pins.
    let mut world = World::honest();
    world.proof.control.clear();
    let mut disk = world.disk.clone();
    disk.bytes(WEIGHTS)[0] ^= 1;
    let report = world.open().judge(&disk.seen(&world.disk));
    assert_eq!(verdict(&report), ("unknown", Some("near")));
    let text = &report.summary;
    assert!(
        text.contains("which is not proved") && !text.contains("chosen"),
        "{text}"
    );
    assert!(!report.next.unwrap_or_default().contains("trust the publisher"));
}

#[test]
fn a_keyset_is_about_nothing_else() {
    let row = |target: &str| format!("acme.example\n1 {KEYSET_TYPE} {} {target}\n", "ab".repeat(32));
    assert!(StateLeaf::parse(row("-").as_bytes()).is_ok());
    assert!(StateLeaf::parse(row(&"cd".repeat(32)).as_bytes()).is_err());
}

#[test]
fn a_withdrawal_that_is_withheld_makes_the_view_stale() {
    let report = told(|world| {
        // Any later control entry of the publisher; what it says is not judged before it is shown.
        let later = keyset_payload(ACME, ORIGIN, &[(2, "mallory")], 1);
        world.log.publish(&later, &[2], |_| {});
        world.refresh();
        world.proof.control.truncate(1);
    });
    assert_eq!(verdict(&report), ("stale", Some("withheld")));
}

#[test]
fn a_control_entry_that_cannot_be_judged_is_never_green() {
    let report = told(|world| {
        let later = keyset_payload(ACME, ORIGIN, &[(2, "mallory")], 1);
        world.log.publish(&later, &[2], |_| {});
        world.refresh();
    });
    assert_eq!(verdict(&report), ("stale", Some("unsupported")));
}

#[test]
fn a_control_entry_that_is_another_one() {
    let report = told(|world| {
        let index = world.proof.control[0].index;
        world.proof.control[0] = world.log.control(0);
        world.proof.control[0].index = index;
    });
    assert_fault(&report, "proof", "control");
    let report = told(|world| world.proof.control[0].proof = world.log.proof(0));
    assert_fault(&report, "proof", "control");
    let report = told(|world| world.proof.control[0].payload = Base64Bytes(b"{}".to_vec()));
    assert_fault(&report, "record", "keyset");
    let stronger = keyset_payload(ACME, ORIGIN, &[(66, "mallory")], 1);
    let report = told(|world| world.proof.control[0].payload = Base64Bytes(stronger));
    assert_fault(&report, "record", "entry");
}
