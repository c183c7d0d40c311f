//! Trust files: the quorum rules of c2sp.org/tlog-policy, and what a checkpoint needs to be trusted.

use provenance::{
    PublisherName, RecordId,
    checkpoint::Checkpoint,
    merkle::TreeHead,
    note::{NoteAlgorithm, NoteSigner, SignedNote},
    trust::{CheckpointTrustError, Freshness, TrustError, TrustFile},
};

use super::{checkpoint, log_key, witness};

const NOW: u64 = 1_790_000_000;

fn log_line() -> String {
    format!("log {} https://log.example/log\n", log_key().verifier())
}

/// The log and `count` witnesses named w1, w2 and so on.
fn with_witnesses(count: u8) -> String {
    let lines = (1..=count).map(|n| format!("witness w{n} {}\n", witness(n).verifier()));
    log_line() + &lines.collect::<String>()
}

/// Whether the quorum that `rules` describe over six witnesses holds with these.
fn holds(rules: &str, signed: &[u8]) -> bool {
    let trust = TrustFile::parse(&(with_witnesses(6) + rules)).unwrap();
    let times: Vec<_> = signed.iter().map(|n| (*n, NOW)).collect();
    let freshness = trust
        .check_checkpoint(&checkpoint(5, &times))
        .unwrap()
        .freshness(Some(NOW));
    match freshness {
        Freshness::Fresh => true,
        Freshness::QuorumMissing { have, .. } if have == signed.len() => false,
        other => panic!("{other:?}"),
    }
}

/// The line of the trust file that is refused, and why.
fn refused(text: &str) -> (usize, String) {
    match TrustFile::parse(text) {
        Err(TrustError::Line { line, reason }) => (line, reason),
        other => panic!("{other:?} for {text}"),
    }
}

#[test]
fn one_witness_can_be_the_quorum() {
    assert!(holds("quorum w2\n", &[2]));
    assert!(!holds("quorum w2\n", &[1, 3]));
}

#[test]
fn any_all_and_k_of_n_are_counted() {
    for (threshold, least) in [("any", 1), ("1", 1), ("2", 2), ("3", 3), ("all", 3)] {
        let rules = format!("group g {threshold} w1 w2 w3\nquorum g\n");
        for count in 1..=3 {
            let signed: Vec<u8> = (1..=count).collect();
            assert_eq!(
                holds(&rules, &signed),
                usize::from(count) >= least,
                "{threshold} with {count}"
            );
        }
        assert!(
            !holds(&rules, &[4, 5, 6]),
            "{threshold} with strangers to the group"
        );
    }
}

#[test]
fn groups_of_groups_are_counted_by_group() {
    let rules = "group x 2 w1 w2 w3\ngroup y any w4 w5 w6\ngroup both all x y\nquorum both\n";
    assert!(holds(rules, &[1, 3, 6]));
    assert!(!holds(rules, &[1, 2, 3]));
    assert!(!holds(rules, &[1, 4, 5, 6]));
}

#[test]
fn lines_may_be_indented_commented_and_tabbed() {
    let text = with_witnesses(1).replace("witness ", " \twitness\t ") + "# done\n\n  #\nquorum w1";
    assert_eq!(
        TrustFile::parse(&text).unwrap().witnesses().collect::<Vec<_>>(),
        ["w1"]
    );
}

#[test]
fn thirty_two_logs_witnesses_and_groups_are_read() {
    let log = |n: u8| {
        NoteSigner::from_seed(
            format!("log{n}").parse().unwrap(),
            NoteAlgorithm::Ed25519,
            &[100 + n; 32],
        )
    };
    let mut lines = Vec::new();
    lines.extend((0..32).map(|n| format!("log {}\n", log(n).unwrap().verifier())));
    lines.extend((1..=32).map(|n| format!("witness w{n} {}\n", witness(n).verifier())));
    lines.extend((1..=32).map(|n| format!("group g{n} any w{n}\n")));
    let file = TrustFile::parse(&(lines.concat() + "quorum g32\n")).unwrap();
    assert_eq!((file.logs().len(), file.witnesses().count()), (32, 32));
}

#[test]
fn groups_that_cannot_work_are_refused() {
    for (rules, line, why) in [
        ("group g any w1 w9\n", 4, "w9"),
        ("group g any g\n", 4, "\"g\""),
        ("group g any none\n", 4, "none"),
        ("group g any\n", 4, "as many as it has"),
        ("group g 0 w1\n", 4, "as many as it has"),
        ("group g 3 w1 w2\n", 4, "as many as it has"),
        ("group g +1 w1 w2\n", 4, "as many as it has"),
        ("group g 02 w1 w2\n", 4, "as many as it has"),
        ("group g some w1 w2\n", 4, "as many as it has"),
        ("group g any w1 w1\n", 4, "one only"),
        ("group g any w1\ngroup h any w1 w2\n", 5, "one only"),
        ("group g any w1\ngroup h any g\ngroup i any g\n", 6, "one only"),
        ("group w1 any w2\n", 4, "taken"),
        ("group none any w2\n", 4, "taken"),
    ] {
        let (found, reason) = refused(&(with_witnesses(2) + rules + "quorum none\n"));
        assert_eq!(found, line, "{rules}");
        assert!(reason.contains(why), "{rules} {reason}");
    }
}

#[test]
fn a_quorum_must_be_named_once_and_after_its_members() {
    assert!(matches!(TrustFile::parse(&log_line()), Err(TrustError::NoQuorum)));
    assert_eq!(refused(&(log_line() + "quorum none\nquorum none\n")).0, 3);
    assert_eq!(
        refused(&format!(
            "{}quorum w1\nwitness w1 {}\n",
            log_line(),
            witness(1).verifier()
        ))
        .0,
        2
    );
    assert_eq!(refused(&(with_witnesses(1) + "quorum w1 w1\n")).0, 3);
}

#[test]
fn one_key_under_two_names_does_not_count_twice() {
    let renamed =
        NoteSigner::from_seed("other".parse().unwrap(), NoteAlgorithm::CosignatureV1, &[1; 32]).unwrap();
    let text = format!(
        "{}witness again {}\nquorum none\n",
        with_witnesses(1),
        renamed.verifier()
    );
    let (line, reason) = refused(&text);
    assert!(line == 3 && reason.contains("already"), "{reason}");
    let log = NoteSigner::from_seed("other".parse().unwrap(), NoteAlgorithm::Ed25519, &[9; 32]).unwrap();
    assert_eq!(refused(&format!("{}log {}\n", log_line(), log.verifier())).0, 2);
}

#[test]
fn a_key_of_the_wrong_type_is_refused() {
    let (line, reason) = refused(&format!("log {}\n", witness(1).verifier()));
    assert!(line == 1 && reason.contains("0x01"), "{reason}");
    let (line, reason) = refused(&format!(
        "{}witness w {}\n",
        log_line(),
        log_key().verifier().to_string().replace("log.example", "x")
    ));
    assert!(line == 2 && reason.contains("key"), "{reason}");
}

#[test]
fn control_characters_and_windows_line_ends_are_refused_with_the_reason() {
    let (line, reason) = refused(&(log_line() + "quorum none\n").replace('\n', "\r\n"));
    assert!(line == 1 && reason.contains("LF"), "{reason}");
    assert_eq!(refused(&(log_line() + "# \u{1b}[2J\nquorum none\n")).0, 2);
}

#[test]
fn a_file_without_pins_stays_byte_for_byte_when_one_comes_and_goes() {
    let text = format!("# mine\n{}quorum none\n# end", log_line());
    let file = TrustFile::parse(&text).unwrap();
    let (name, genesis): (PublisherName, _) = ("acme.example".parse().unwrap(), RecordId::of_payload(b"1"));
    let pinned = file.pin(&name, genesis).unwrap();
    assert_eq!(
        pinned.to_string(),
        format!("{text}\npublisher acme.example {genesis}\n")
    );
    assert_eq!(pinned.pinned_genesis(&name), Some(genesis));
    assert_eq!(pinned.unpin(&name).unwrap().to_string(), format!("{text}\n"));
}

fn signed_by(key: &NoteSigner, origin: &str) -> SignedNote {
    Checkpoint {
        origin: origin.parse().unwrap(),
        head: TreeHead::EMPTY,
        extensions: vec![],
    }
    .sign(key)
}

#[test]
fn a_checkpoint_needs_the_signature_of_its_own_log() {
    let trust = TrustFile::parse(&(log_line() + "quorum none\n")).unwrap();
    let (own, impostor) = (
        log_key(),
        NoteSigner::from_seed("log.example".parse().unwrap(), NoteAlgorithm::Ed25519, &[8; 32]).unwrap(),
    );
    assert!(trust.check_checkpoint(&signed_by(&own, "log.example")).is_ok());

    let unknown = trust.check_checkpoint(&signed_by(&own, "other.example"));
    assert!(
        matches!(unknown, Err(CheckpointTrustError::UnknownLog { .. })),
        "{unknown:?}"
    );
    let other_key = trust.check_checkpoint(&signed_by(&impostor, "log.example"));
    assert!(
        matches!(other_key, Err(CheckpointTrustError::OtherKey { .. })),
        "{other_key:?}"
    );
    let text = signed_by(&own, "log.example")
        .to_string()
        .replace("\n0\n", "\n1\n");
    let forged = trust.check_checkpoint(&SignedNote::parse(&text).unwrap());
    assert!(
        matches!(forged, Err(CheckpointTrustError::OtherKey { .. })),
        "{forged:?}"
    );
    let no_checkpoint = trust.check_checkpoint(&own.sign_note("hello\n".into()));
    assert!(
        matches!(no_checkpoint, Err(CheckpointTrustError::Checkpoint(_))),
        "{no_checkpoint:?}"
    );
}

#[test]
fn a_log_that_changes_its_key_can_be_listed_with_both() {
    let next =
        NoteSigner::from_seed("log.example".parse().unwrap(), NoteAlgorithm::Ed25519, &[8; 32]).unwrap();
    let trust = TrustFile::parse(&format!("{}log {}\nquorum none\n", log_line(), next.verifier())).unwrap();
    for key in [log_key(), next] {
        assert!(trust.check_checkpoint(&signed_by(&key, "log.example")).is_ok());
    }
}

#[test]
fn a_forged_line_does_not_count_toward_the_quorum() {
    let trust = TrustFile::parse(&(with_witnesses(2) + "group g 2 w1 w2\nquorum g\n")).unwrap();
    // The second witness signed another checkpoint of the same log.
    let other = checkpoint(6, &[(2, NOW)]);
    let mut note = checkpoint(5, &[(1, NOW)]);
    note.add(other.signatures()[1].clone());
    let refused = trust.check_checkpoint(&note);
    assert!(
        matches!(refused, Err(CheckpointTrustError::Witness { .. })),
        "{refused:?}"
    );
}

#[test]
fn without_an_age_limit_old_cosignatures_count_and_future_ones_do_not() {
    let trust = TrustFile::parse(&(with_witnesses(1) + "quorum w1\nmax_age none\n")).unwrap();
    let freshness = |time| {
        trust
            .check_checkpoint(&checkpoint(5, &[(1, time)]))
            .unwrap()
            .freshness(Some(NOW))
    };
    assert_eq!(freshness(1), Freshness::Fresh);
    assert_eq!(freshness(NOW + 300), Freshness::Fresh);
    assert_eq!(freshness(NOW + 301), Freshness::ClockBehind);
}

#[test]
fn what_a_quorum_asks_for_is_told_with_names() {
    let trust = TrustFile::parse(&(with_witnesses(2) + "group g all w1 w2\nquorum g\n")).unwrap();
    let missing = trust
        .check_checkpoint(&checkpoint(5, &[(2, NOW)]))
        .unwrap()
        .freshness(Some(NOW));
    assert_eq!(
        missing,
        Freshness::QuorumMissing {
            have: 1,
            need: "g (2 of w1, w2)".into()
        }
    );
}
