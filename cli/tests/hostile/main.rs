//! The hostile corpus (tests/vectors/hostile) through every command that takes its kinds, folders with names that
//! mislead, and registries that misbehave. No command panics, writes half of anything, or shows a hidden character.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../../../tests/src/corpus.rs"]
#[expect(unreachable_pub, reason = "public in the package that shares it")]
mod corpus;
mod folders;
mod inputs;
mod registries;

use common::Ran;
use provenance::path::is_hidden_character;

/// Nothing listens at port 1 of loopback on any common system.
const NOWHERE: &str = "http://127.0.0.1:1";
const GENESIS: &str = "5b41362bc82b7f3d56edc5a306db22105707d01ff4819e26faef9724a2d406c9";

/// What a command said, without anything hidden in it.
fn said(what: &str, ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    let hidden = |c: char| c != '\n' && is_hidden_character(c);
    assert!(!ran.stderr.contains(hidden), "{what}: {:?}", ran.stderr);
    assert!(!ran.stdout.contains(hidden), "{what}: {:?}", ran.stdout);
    for word in ["unwrap", "os error", "RUST_BACKTRACE", "Some(", "invalid"] {
        assert!(!ran.stderr.contains(word), "{what}: {}", ran.stderr);
    }
    all.to_lowercase()
}

/// The command ends with `code` and says `says`, and what to do next.
fn assert_refused(what: &str, ran: &Ran, code: i32, says: &str) {
    let said = said(what, ran);
    assert_eq!(ran.code, code, "{what}: {said}");
    assert!(
        said.contains(&says.to_lowercase()),
        "{what}: wanted {says:?} in {said}"
    );
    assert!(ran.stderr.contains("next: "), "{what}: {said}");
}

fn attest<'a>(path: &'a str, key: &'a str) -> [&'a str; 13] {
    let publisher = "acme.example";
    [
        "attest",
        path,
        "--publisher",
        publisher,
        "--genesis",
        GENESIS,
        "--key",
        key,
        "--name",
        "acme/tiny",
        "--out",
        "att",
        "--quiet",
    ]
}
