//! Fuzz targets: every parser that reads what strangers send, and what must hold for any bytes.
//!
//! The bodies need no fuzzer. Ordinary tests include the same files and replay the corpora on stable:
//! `provenance/tests/fuzz_corpora.rs`, and the tests of the registry's commit records and of the page's query.
//! A program in `fuzz_targets` is four lines; docs/FUZZING.md says how to run them and how to add one.

#[path = "../../registry/src/log/commit.rs"]
#[expect(dead_code, reason = "the rest is not for fuzzing")]
mod commit;
mod commit_body;
#[path = "../../provenance/tests/verify/disk.rs"]
#[expect(dead_code, reason = "the rest is not for fuzzing")]
mod disk;
mod foreign;
#[path = "../../provenance/tests/properties/formats.rs"]
mod formats;
#[path = "../../provenance/tests/verify/log.rs"]
mod log;
#[path = "../../web/src/query.rs"]
mod query;
mod query_body;
#[path = "../../provenance/tests/properties/samples.rs"]
mod samples;
#[expect(dead_code, reason = "the replay is for ordinary tests")]
mod target;
mod targets;
#[path = "../../provenance/tests/verify/world.rs"]
#[expect(dead_code, reason = "the rest is not for fuzzing")]
mod world;

use target::Target;

/// Targets whose code is not in `provenance`.
const OTHERS: [Target; 2] = [commit_body::TARGET, query_body::TARGET];

fn all() -> impl Iterator<Item = Target> {
    targets::TARGETS.into_iter().chain(foreign::TARGETS).chain(OTHERS)
}

/// Runs the target `name` on `bytes`; panics when something does not hold.
pub fn run(name: &str, bytes: &[u8]) {
    let target = all().find(|target| target.name == name);
    (target.expect("a target of this name").run)(bytes);
}

/// Name and samples of every target: what an honest writer makes, for the fuzzer to start from.
pub fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    all().map(|target| (target.name, (target.samples)())).collect()
}
