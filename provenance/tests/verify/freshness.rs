//! Views that no or too few witnesses confirm are stale, whatever the bytes say.

use std::fmt::Write as _;

use provenance::verify::{Report, open};

use super::{
    check,
    log::witness,
    verdict,
    world::{NOW, World},
};

/// The report under a trust file that wants 2 of 3 witnesses within a day.
fn cosigned(times: &[(u8, u64)], now: Option<u64>) -> Report {
    let mut world = World::honest();
    world.trust.clear();
    for n in 1..=3 {
        writeln!(world.trust, "witness w{n} {}", witness(n).verifier()).unwrap();
    }
    world.trust.push_str("group g 2 w1 w2 w3\nquorum g\n");
    world.log.cosignatures = times.to_vec();
    world.refresh();
    let trust = world.trust_file(true);
    let opened = open(Some(&trust), world.record(), &world.payload, &world.proof, now);
    opened.judge(&world.disk.seen(&world.disk))
}

const HOUR: u64 = 3600;

#[test]
fn a_view_that_enough_witnesses_signed_lately_is_authentic() {
    let report = cosigned(&[(1, NOW), (3, NOW - 23 * HOUR)], Some(NOW));
    assert_eq!(
        (verdict(&report), check(&report, "freshness")),
        (("authentic", None), Some(true))
    );
    assert_eq!(report.log.unwrap().witnesses, 2);
}

#[test]
fn an_old_view_is_stale_and_its_age_is_said() {
    let report = cosigned(&[(1, NOW - 31 * HOUR), (2, NOW - 31 * HOUR)], Some(NOW));
    assert_eq!(verdict(&report), ("stale", Some("old")));
    assert!(
        report.summary.contains("31 h") && report.summary.contains("24 h"),
        "{}",
        report.summary
    );
}

#[test]
fn the_age_said_is_the_one_at_which_the_quorum_last_held() {
    let report = cosigned(&[(1, NOW), (2, NOW - 31 * HOUR)], Some(NOW));
    assert_eq!(verdict(&report), ("stale", Some("old")));
    assert!(!report.summary.contains("0 min old"), "{}", report.summary);
}

#[test]
fn too_few_witnesses_are_stale() {
    for times in [&[][..], &[(1, NOW)], &[(1, NOW), (9, NOW)]] {
        assert_eq!(
            verdict(&cosigned(times, Some(NOW))),
            ("stale", Some("quorum")),
            "{times:?}"
        );
    }
}

#[test]
fn a_clock_behind_the_witnesses_or_none_is_stale() {
    assert_eq!(
        verdict(&cosigned(&[(1, NOW + 301), (2, NOW)], Some(NOW))),
        ("stale", Some("clock"))
    );
    assert_eq!(
        verdict(&cosigned(&[(1, NOW), (2, NOW)], None)),
        ("stale", Some("clock"))
    );
}

#[test]
fn a_limit_that_no_witness_could_confirm_is_stale() {
    let mut world = World::honest();
    world.trust = "quorum none\nmax_age 24h\n".into();
    let report = world.open().judge(&world.disk.seen(&world.disk));
    assert_eq!(verdict(&report), ("stale", Some("no-witness")));
}

#[test]
fn a_changed_file_outweighs_a_stale_view() {
    let mut world = World::honest();
    world.trust = "quorum none\nmax_age 24h\n".into();
    let mut disk = world.disk.clone();
    disk.bytes("config.json")[0] ^= 1;
    assert_eq!(
        verdict(&world.open().judge(&disk.seen(&world.disk))),
        ("mismatch", Some("altered"))
    );
}

#[test]
fn a_forged_line_of_a_known_witness_is_a_log_fault() {
    let mut world = World::honest();
    world.trust = format!("witness w1 {}\nquorum w1\n", witness(1).verifier());
    world.log.cosignatures = vec![(1, NOW)];
    world.refresh();
    let other = World::honest();
    // The cosignature of one checkpoint under another of the same log.
    let line = world.proof.proof.lines().last().unwrap().to_owned();
    let mut log = other.log;
    log.publish(b"one more", &[1], |_| {});
    world.log = log;
    world.refresh();
    writeln!(world.proof.proof, "{line}").unwrap();
    let report = world.open().judge(&world.disk.seen(&world.disk));
    assert_eq!(
        (verdict(&report), check(&report, "log-signature")),
        (("log-fault", Some("checkpoint")), Some(false))
    );
}
