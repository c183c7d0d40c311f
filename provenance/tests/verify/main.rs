//! `provenance::verify` from outside: every verdict that files can lead to, and every lie of a registry.
//!
//! One crate with a small world in memory ([`log`], [`world`], [`disk`]); nothing is mocked: keys sign, trees hash,
//! proofs are made and then bent.
#![cfg(not(target_family = "wasm"))]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

mod bundles;
mod bytes;
mod disk;
mod folders;
mod freshness;
mod lies;
mod lies_in_records;
mod log;
mod loose_files;
mod world;

use provenance::verify::Report;

/// Verdict and subtype as they stand in JSON.
fn verdict(report: &Report) -> (&str, Option<&str>) {
    (report.verdict.code(), report.subtype.as_deref())
}

/// What became of the file at `path`.
fn file<'a>(report: &'a Report, path: &str) -> &'a provenance::verify::FileReport {
    let found = report.files.iter().find(|f| f.path == path);
    found.unwrap_or_else(|| panic!("{path} is not in the report: {:?}", report.files))
}

/// The last check named `name`: whether it held, or was not made.
fn check(report: &Report, name: &str) -> Option<bool> {
    let found = report.checks.iter().rev().find(|c| c.name == name);
    found
        .unwrap_or_else(|| panic!("no check {name} in {:?}", report.checks))
        .ok
}
