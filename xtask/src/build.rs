//! Building the page and the programs, and proving that every shipped wasm loads.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{steps::Steps, tools::Workspace};

/// Builds the page and its worker into `dist/`, then loads every wasm of it in Node.
///
/// # Errors
/// When a step fails.
pub(crate) fn web(workspace: &Workspace, release: bool, steps: &mut Steps) -> Result<()> {
    steps.run("fetch the dependencies", || {
        workspace.cargo().args(["fetch", "--locked", "--quiet"]).show()
    })?;
    steps.run("build the page", || {
        // A file of an earlier build that this one no longer makes must not be served.
        let dist = workspace.dist();
        if dist.exists() {
            fs::remove_dir_all(&dist).with_context(|| format!("cannot empty {}", dist.display()))?;
        }
        // Trunk takes NO_COLOR for a boolean and refuses the usual `1`.
        let trunk = workspace
            .run("trunk")
            .without_env("NO_COLOR")
            .env("CARGO_ENCODED_RUSTFLAGS", short_paths(workspace)?)
            .arg("build")
            .arg("--locked");
        if release { trunk.arg("--release") } else { trunk }.show()
    })?;
    steps.run("load every wasm in Node", || check_wasm(workspace))
}

/// Flags that leave the folders of this machine out of the page: the same sources make the same bytes anywhere.
fn short_paths(workspace: &Workspace) -> Result<String> {
    let sources = workspace.sources();
    let listed = fs::read_dir(&sources).with_context(|| format!("cannot list {}", sources.display()))?;
    let mut flags = vec![format!("--remap-path-prefix={}=.", workspace.root().display())];
    for entry in listed {
        flags.push(format!("--remap-path-prefix={}=deps", entry?.path().display()));
    }
    // Cargo's own separator, which no path holds.
    Ok(flags.join("\u{1f}"))
}

fn check_wasm(workspace: &Workspace) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(workspace.dist()).context("cannot list dist; Trunk should have made it")? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "wasm") {
            files.push(path);
        }
    }
    if files.len() != 1 {
        bail!(
            "dist holds {} wasm files, wanted the one that page and workers share",
            files.len()
        );
    }
    workspace
        .run("node")
        .arg("xtask/js/check_wasm.mjs")
        .args(files)
        .show()
}

/// Builds the server and the command line with `profile`, `debug` or `release`.
///
/// # Errors
/// When they do not build.
pub(crate) fn programs(workspace: &Workspace, profile: &str, steps: &mut Steps) -> Result<()> {
    steps.run("build the programs", || {
        let programs = ["--bin", "weighbridge-registry", "--bin", "weighbridge"];
        let run = workspace.cargo().args(["build", "--locked"]).args(programs);
        if profile == "release" {
            run.arg("--release")
        } else {
            run
        }
        .show()
    })
}
