//! `cargo xtask test` and `ci`: formatting, lints and every test, cheapest first.

use anyhow::Result;

use crate::{
    build,
    setup::{self, Purpose},
    steps::{Steps, say},
    system::{Run, on_path},
    tools::Workspace,
};

/// Crates that run in a browser. The page's own logic has native tests too.
const WASM_CRATES: [&str; 4] = ["-p", "weighbridge-web", "-p", "weighbridge-verifier-wasm"];

const WASM_TARGET: [&str; 2] = ["--target", "wasm32-unknown-unknown"];

/// Sets up, checks formatting and lints, builds, and runs every test.
///
/// # Errors
/// The first step that fails.
pub(crate) fn test(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    setup::run(workspace, Purpose::Everything, steps)?;
    steps.run("formatting", || {
        workspace.cargo().args(["fmt", "--all", "--", "--check"]).show()
    })?;
    let clippy = || {
        workspace
            .cargo()
            .args(["clippy", "--locked", "--quiet", "--all-targets"])
    };
    let deny = ["--", "--deny", "warnings"];
    // The page's many dependencies are compiled for lints once, for the target that it runs on.
    let native = ["--workspace", "--exclude", "weighbridge-web"];
    steps.run("lints", || clippy().args(native).args(deny).show())?;
    steps.run("lints for wasm32", || {
        clippy().args(WASM_TARGET).args(WASM_CRATES).args(deny).show()
    })?;
    build::web(workspace, true, steps)?;
    build::programs(workspace, "debug", steps)?;
    steps.run("tests", || {
        workspace
            .cargo()
            .args(["test", "--locked", "--workspace", "--no-fail-fast"])
            .show()
    })?;
    steps.run("tests of the log formats and of OMS in wasm", || {
        wasm_tests(workspace).show()
    })
}

/// The tests that are written for both: the domain reproduces the log's vectors, and judges the samples of OMS, as wasm
/// under Node too.
fn wasm_tests(workspace: &Workspace) -> Run {
    let test = workspace
        .cargo()
        .args(["test", "--locked"])
        .args(WASM_TARGET)
        .args(["-p", "weighbridge-provenance"])
        .args(["--test", "tlog_fixtures", "--test", "oms_fixtures"]);
    test.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        "wasm-bindgen-test-runner",
    )
}

/// What takes long: tests that are ignored otherwise, and the licences and sources of every dependency.
///
/// # Errors
/// The first step that fails.
pub(crate) fn slow(workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    steps.run("slow tests", || {
        workspace
            .cargo()
            .args([
                "test",
                "--locked",
                "--workspace",
                "--no-fail-fast",
                "--",
                "--ignored",
            ])
            .env("WEIGHBRIDGE_EVERY_JUDGE", "1")
            .show()
    })?;
    steps.run("every state and hostile input in Firefox", || {
        workspace.end_to_end("firefox_thorough").show()
    })?;
    steps.run("licences and sources of dependencies", || {
        if on_path("cargo-deny").is_none() && !workspace.bin().join("cargo-deny").is_file() {
            say("   cargo-deny is missing: compiling it (about 5 min on 2 cores)");
            workspace
                .cargo()
                .without_env("CARGO_TARGET_DIR")
                .args(["install", "cargo-deny", "--locked"])
                .show()?;
        }
        // The advisory database is not always in reach; deny.toml says when it was read by hand.
        workspace
            .cargo()
            .args(["deny", "--locked", "check", "bans", "licenses", "sources"])
            .show()
    })
}
