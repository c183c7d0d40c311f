//! Who goes first, and what is said when several publishers recorded the same bytes.

use provenance::{Sha256Digest, verify::Check};

use super::*;

fn rank(grade: u8, index: u64) -> Rank {
    Rank {
        grade,
        trusted: false,
        same_bytes: 7,
        fit: Some((1, 1)),
        oldest: Reverse(index),
    }
}

fn id(byte: u8) -> RecordId {
    RecordId::from_digest(Sha256Digest::from_bytes([byte; 32]))
}

fn identity(name: &str, genesis: u8, other: Option<u8>) -> Identity {
    Identity {
        publisher: name.parse().unwrap(),
        genesis: id(genesis),
        signers: Vec::new(),
        pinned: false,
        other_genesis: other.map(id),
    }
}

fn also(name: &str, genesis: u8, other: Option<u8>) -> Also {
    Also {
        record: id(9),
        publisher: name.parse().unwrap(),
        name: Some("acme/minilm".into()),
        version: Some("1.0".into()),
        verdict: Verdict::Untrusted,
        index: 3,
        genesis: Some(id(genesis)),
        other_genesis: other.map(id),
    }
}

fn outcome(also: Vec<Also>) -> Outcome {
    let mut report = Report::unknown(None, "");
    report.verdict = Verdict::Untrusted;
    report.identity = Some(identity("acme.example", 1, None));
    report.next = Some("weighbridge publisher trust acme.example 01".into());
    report.checks = Vec::<Check>::new();
    Outcome {
        report,
        evidence: Evidence::default(),
        also,
        source: None,
    }
}

#[test]
fn the_oldest_goes_first_among_equals_and_only_among_equals() {
    let (old, new) = (rank(5, 3), rank(5, 8));
    assert!(old > new, "publishing a known model again changes nothing");
    assert!(rank(6, 8) > old, "a verdict that says more goes first");
    let better = Rank {
        same_bytes: 8,
        ..rank(5, 8)
    };
    assert!(better > old, "more equal bytes go first");
    let trusted = Rank { trusted: true, ..new };
    assert!(
        trusted > old && trusted > better,
        "a trusted publisher goes first"
    );
}

#[test]
fn what_a_trusted_publisher_says_goes_before_any_match_of_others() {
    for verdict in [
        Verdict::Mismatch,
        Verdict::Incomplete,
        Verdict::Stale,
        Verdict::Unreadable,
    ] {
        assert!(
            grade(verdict, true, true) > grade(Verdict::Untrusted, false, false),
            "{verdict:?}"
        );
        assert!(
            grade(verdict, true, true) > grade(Verdict::Stale, true, false),
            "{verdict:?}"
        );
    }
}

#[test]
fn one_of_several_claimants_is_never_offered_ready_to_paste() {
    let mut several = outcome(vec![also("copy.example", 2, None), also("acme.example", 1, None)]);
    assert_eq!(claimants(&several).len(), 2, "one publisher counts once");
    settle(&mut several);
    let next = several.report.next.unwrap();
    assert!(!next.contains("weighbridge publisher trust"), "{next}");
    assert!(
        next.contains("genesis you got from the publisher itself"),
        "{next}"
    );
    let summary = several.report.summary;
    assert!(summary.contains("acme.example, copy.example"), "{summary}");

    let mut one = outcome(vec![also("acme.example", 1, None)]);
    let before = one.report.clone();
    settle(&mut one);
    assert_eq!(one.report, before);
}

#[test]
fn a_name_that_is_pinned_with_another_genesis_is_told_first() {
    let mut outcome = outcome(vec![also("lab.example", 2, Some(4))]);
    settle(&mut outcome);
    let summary = &outcome.report.summary;
    assert!(
        summary.starts_with("The name lab.example is on record here with another genesis id"),
        "{summary}"
    );
    assert!(
        summary.contains("02020202…") && summary.contains("04040404…"),
        "{summary}"
    );
    let next = outcome.report.next.unwrap();
    assert!(next.contains("outside this registry"), "{next}");
}

#[test]
fn a_trusted_publisher_needs_no_words_about_others() {
    let mut outcome = outcome(vec![also("copy.example", 2, Some(4))]);
    outcome.report.verdict = Verdict::Authentic;
    outcome.report.identity.as_mut().unwrap().pinned = true;
    let before = outcome.report.clone();
    settle(&mut outcome);
    assert_eq!(outcome.report, before);
}

#[test]
fn the_line_names_all_that_is_needed_to_ask_for_the_record() {
    let mut also = also("acme.example", 1, None);
    assert_eq!(
        also.line(),
        format!("acme/minilm 1.0 by acme.example, record {}", id(9))
    );
    also.verdict = Verdict::Mismatch;
    assert!(also.line().ends_with("(its files differ)"), "{}", also.line());
}
