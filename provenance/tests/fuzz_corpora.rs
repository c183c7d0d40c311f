//! The fuzz targets of this crate on stable: every sample, every file of the committed corpora, every regression.
//!
//! `cargo xtask fuzz` looks for more (docs/FUZZING.md); what it ever found stays here.
#![cfg(not(target_family = "wasm"))]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[path = "verify/disk.rs"]
#[expect(dead_code, reason = "the tests of `verify` use more of it")]
mod disk;
#[path = "../../fuzz/src/foreign.rs"]
mod foreign;
#[path = "properties/formats.rs"]
mod formats;
#[path = "verify/log.rs"]
mod log;
#[path = "properties/samples.rs"]
mod samples;
#[path = "../../fuzz/src/target.rs"]
mod target;
#[path = "../../fuzz/src/targets.rs"]
mod targets;
#[path = "verify/world.rs"]
#[expect(dead_code, reason = "the tests of `verify` use more of it")]
mod world;

use std::path::Path;

#[test]
fn every_corpus_holds() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    for target in targets::TARGETS.into_iter().chain(foreign::TARGETS) {
        target.replay(&fuzz);
    }
}
