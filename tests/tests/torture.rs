//! A short run of `cargo xtask torture`.

use harness::torture::{Plan, run};

#[test]
fn nothing_is_lost_and_nothing_forks_when_the_registry_is_killed_under_load() {
    let plan = Plan {
        rounds: 3,
        entries: 300,
        seed: 1,
    };
    let outcome = run(plan, &mut |line| eprintln!("{line}"));
    assert!(outcome.acknowledged > 300, "{outcome:?}");
    assert!(outcome.checkpoints > 3, "{outcome:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fails_and_a_kill_at_every_step_of_a_commit_lose_nothing() {
    let injected = harness::torture::faults(&mut |line| eprintln!("{line}"));
    // A publish opens, writes, fsyncs and renames about seven files, and appends to one; all of it twice.
    assert!(injected >= 60, "{injected} faults");
}

/// The position of the first call in `calls` whose line has all of `parts`.
#[cfg(target_os = "linux")]
fn place(calls: &[String], parts: &[&str]) -> usize {
    let has = |line: &String| parts.iter().all(|part| line.contains(part));
    let found = calls.iter().position(has);
    found.unwrap_or_else(|| panic!("no call with {parts:?} in {calls:#?}"))
}

/// What a publish does on the disk, in its order, and when the publisher hears of it.
#[cfg(target_os = "linux")]
#[test]
fn nothing_is_acknowledged_or_published_before_it_is_durable() {
    use harness::{
        envelopes::{Busy, origin},
        registry::TestRegistry,
        strace::Strace,
    };
    for (wait, answer) in [("published", "HTTP/1.1 200"), ("sequenced", "HTTP/1.1 202")] {
        let mut registry = TestRegistry::start_without_page();
        let publisher = Busy::new("torture.example", &origin(&registry));
        let client = registry.client();
        client
            .post("/api/v1/attestations", &publisher.first().to_json())
            .ok();
        let strace = Strace::watch(
            registry.pid(),
            "fsync,fdatasync,rename,renameat2,write,writev,sendto,sendmsg",
        );
        let path = format!("/api/v1/attestations?wait={wait}");
        let got = client.post(&path, &publisher.record(1).to_json());
        assert!(got.status < 300, "{got:?}");
        if wait == "sequenced" {
            // It is published a moment later all the same.
            harness::wait::wait_for("the checkpoint", || {
                client
                    .get("/log/checkpoint")
                    .text()
                    .contains("\n2\n")
                    .then_some(())
            });
        }
        registry.kill9();
        let calls = strace.lines();
        let commit = place(&calls, &["fdatasync(", "/commit/"]);
        let tile = place(&calls, &["fsync(", "/tile/"]);
        let named = place(&calls, &["rename(", "/tile/"]);
        let signed = place(&calls, &["renameat2(", "signed-state"]);
        let published = place(&calls, &["rename(", "/checkpoint\""]);
        let told = place(&calls, &[answer]);
        assert!(
            commit < tile && tile < named && named < signed && signed < published,
            "{calls:#?}"
        );
        if wait == "published" {
            assert!(
                published < told,
                "acknowledged before it was published: {calls:#?}"
            );
        } else {
            assert!(commit < told, "acknowledged before it was durable: {calls:#?}");
        }
    }
}
