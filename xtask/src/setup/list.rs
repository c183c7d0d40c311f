//! The list of what is needed, and how each is found and installed. Versions are pinned where a file format
//! depends on them.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    Need, Purpose,
    models::MODELS,
    python::{AICS_TLOG, MODEL_SIGNING, Tool},
};
use crate::{
    steps::say,
    system::{Run, on_path},
    tools::Workspace,
};

/// Trunk builds the page. 0.22 needs a newer compiler.
const TRUNK: &str = "0.21.14";
/// Must equal the `wasm-bindgen` of Cargo.lock exactly.
const WASM_BINDGEN: &str = "0.2.130";
/// The npm package that carries wasm-opt; Debian's is too old for what the compiler emits.
const BINARYEN: &str = "132.0.0";
/// The SHA-256 in wasm that pages use today; the browser benchmark compares with it.
const HASH_WASM: &str = "4.12.0";
/// Drives Firefox for the page tests.
const GECKODRIVER: &str = "0.37.1";
/// Finds what keeps people from using the page.
const AXE_CORE: &str = "4.14.1";

/// Everything that building and testing needs, in the order of installation.
pub(super) fn needs(workspace: &Workspace) -> Vec<Need<'_>> {
    let mut needs = Vec::from(packages(workspace));
    needs.extend(page(workspace));
    needs.extend(tests(workspace));
    needs.extend(models(workspace));
    needs
}

/// What only an administrator can install.
fn packages(workspace: &Workspace) -> [Need<'_>; 11] {
    [
        Need::system(
            Purpose::Page,
            "make",
            Box::new(|| on_path("make").is_some()),
            &["make"],
            "make, with which the registry's allocator is built",
        ),
        Need::system(
            Purpose::Page,
            "node and npm",
            Box::new(|| starts(workspace, "node") && starts(workspace, "npm")),
            &["nodejs", "npm"],
            "Node.js 18 or newer with npm",
        ),
        Need::system(
            Purpose::Everything,
            "chromium and chromedriver",
            Box::new(|| on_path("chromium").is_some() && on_path("chromedriver").is_some()),
            &["chromium", "chromium-driver"],
            "Chromium as `chromium` and its ChromeDriver as `chromedriver` on the PATH",
        ),
        Need::system(
            Purpose::Everything,
            "firefox",
            Box::new(|| on_path("firefox-esr").is_some() || on_path("firefox").is_some()),
            &["firefox-esr"],
            "Firefox as `firefox-esr` or `firefox` on the PATH",
        ),
        Need::system(
            Purpose::Everything,
            "pip",
            Box::new(|| {
                workspace
                    .run("python3")
                    .args(["-m", "pip", "--version"])
                    .answer()
                    .is_some()
            }),
            &["python3", "python3-pip"],
            "Python 3 with pip",
        ),
        Need::system(
            Purpose::Everything,
            "venv",
            Box::new(|| {
                let probe = workspace.run("python3").args(["-c", "import ensurepip, venv"]);
                probe.answer().is_some()
            }),
            &["python3-venv"],
            "Python's modules venv and ensurepip",
        ),
        Need::system(
            Purpose::Everything,
            "openssl",
            Box::new(|| workspace.run("openssl").arg("version").answer().is_some()),
            &["openssl"],
            "the openssl program",
        ),
        Need::system(
            Purpose::Everything,
            "strace",
            Box::new(|| on_path("strace").is_some()),
            &["strace"],
            "strace, which shows system calls and lets them fail (on Linux)",
        ),
        Need::system(
            Purpose::Everything,
            "go and its x/mod packages",
            Box::new(|| {
                on_path("go").is_some()
                    && Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").is_dir()
            }),
            &["golang-go", "golang-golang-x-mod-dev"],
            "Go, and the sources of golang.org/x/mod below /usr/share/gocode: they read our logs as strangers",
        ),
        Need::system(
            Purpose::Load,
            "wrk",
            Box::new(|| on_path("wrk").is_some()),
            &["wrk"],
            "wrk, which asks a web server as fast as it answers",
        ),
        Need::system(
            Purpose::Load,
            "nginx",
            Box::new(|| on_path("nginx").is_some()),
            &["nginx-light"],
            "nginx, to compare with",
        ),
    ]
}

/// What builds the page, and any user can install.
fn page(workspace: &Workspace) -> [Need<'_>; 4] {
    [
        Need::own(
            Purpose::Page,
            "wasm32 target",
            Box::new(|| has_wasm_target(workspace)),
            "adding Rust's wasm32 standard library (2 s)",
            Box::new(|| {
                workspace
                    .run("rustup")
                    .args(["target", "add", "wasm32-unknown-unknown"])
                    .show()
            }),
        ),
        Need::own(
            Purpose::Page,
            "trunk",
            Box::new(|| is_version(workspace, "trunk", &format!("trunk {TRUNK}"))),
            "compiling Trunk (about 4 min on 2 cores)",
            Box::new(|| trunk(workspace)),
        ),
        Need::own(
            Purpose::Page,
            "wasm-bindgen",
            Box::new(|| is_version(workspace, "wasm-bindgen", &format!("wasm-bindgen {WASM_BINDGEN}"))),
            "compiling wasm-bindgen (about 3 min on 2 cores)",
            Box::new(|| wasm_bindgen(workspace)),
        ),
        Need::own(
            Purpose::Page,
            "wasm-opt",
            Box::new(|| is_version(workspace, "wasm-opt", "wasm-opt version 132")),
            "installing binaryen with npm (5 s)",
            Box::new(|| wasm_opt(workspace)),
        ),
    ]
}

/// What tests and benchmarks need besides, and any user can install.
fn tests(workspace: &Workspace) -> Vec<Need<'_>> {
    let mut needs = vec![
        Need::own(
            Purpose::Everything,
            "rustfmt and clippy",
            Box::new(|| starts(workspace, "cargo-fmt") && starts(workspace, "cargo-clippy")),
            "adding them to the Rust toolchain (5 s)",
            Box::new(|| {
                workspace
                    .run("rustup")
                    .args(["component", "add", "rustfmt", "clippy"])
                    .show()
            }),
        ),
        Need::own(
            Purpose::Everything,
            "geckodriver",
            Box::new(|| is_version(workspace, "geckodriver", &format!("geckodriver {GECKODRIVER}"))),
            "compiling geckodriver (about 2 min on 2 cores)",
            Box::new(|| geckodriver(workspace)),
        ),
        npm_need(
            workspace,
            "hash-wasm",
            HASH_WASM,
            "installing it with npm, to compare speed with (3 s)",
        ),
        npm_need(
            workspace,
            "axe-core",
            AXE_CORE,
            "installing it with npm, to check that everyone can use the page (3 s)",
        ),
        python_need(
            workspace,
            &MODEL_SIGNING,
            "installing the Python tool that OMS signatures are compared with, in a folder of its own (20 s)",
        ),
    ];
    if AICS_TLOG.is_there(workspace) || AICS_TLOG.python(workspace).is_some() {
        needs.push(python_need(
            workspace,
            &AICS_TLOG,
            "installing the Python tool that reads our logs as a stranger, in a folder of its own (5 s)",
        ));
    } else {
        say("   no Python 3.12 or newer is here: the judge aics-tlog is left out, and its tests say so");
    }
    needs
}

fn python_need<'a>(workspace: &'a Workspace, tool: &'static Tool, about: &'static str) -> Need<'a> {
    Need::own(
        Purpose::Everything,
        tool.name,
        Box::new(|| tool.is_there(workspace)),
        about,
        Box::new(|| tool.install(workspace)),
    )
}

/// A package that tests read out of node_modules.
fn npm_need<'a>(
    workspace: &'a Workspace,
    name: &'static str,
    version: &'static str,
    about: &'static str,
) -> Need<'a> {
    Need::own(
        Purpose::Everything,
        name,
        Box::new(move || npm_version(workspace, name).as_deref() == Some(version)),
        about,
        Box::new(move || npm(workspace, &format!("{name}@{version}"))),
    )
}

/// Real models that tests publish and verify.
fn models(workspace: &Workspace) -> impl Iterator<Item = Need<'_>> {
    MODELS.iter().map(|model| {
        Need::own(
            Purpose::Everything,
            model.name,
            Box::new(|| model.is_present(workspace)),
            model.about,
            Box::new(|| model.install(workspace)),
        )
    })
}

fn starts(workspace: &Workspace, program: &str) -> bool {
    workspace.run(program).arg("--version").answer().is_some()
}

fn is_version(workspace: &Workspace, program: &str, wanted: &str) -> bool {
    let answer = workspace.run(program).arg("--version").answer();
    // The wanted version ends where the answer does or at a space or line end: 0.2.13 is not 0.2.130.
    answer.is_some_and(|answer| {
        answer
            .strip_prefix(wanted)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(char::is_whitespace))
    })
}

fn has_wasm_target(workspace: &Workspace) -> bool {
    let libdir = workspace
        .run("rustc")
        .args(["--print", "target-libdir", "--target", "wasm32-unknown-unknown"])
        .answer();
    libdir.is_some_and(|folder| Path::new(&folder).is_dir())
}

/// `cargo install`, all into one target folder: the tools share half of what they are made of, and nothing of it mixes
/// with ours. They work for seconds and compile for minutes, so nothing is optimised.
fn cargo_install(workspace: &Workspace) -> Run {
    let settings = [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "0")];
    let run = workspace.cargo().arg("install");
    let run = run.env("CARGO_TARGET_DIR", workspace.root().join("target/tools"));
    settings.iter().fold(run, |run, (name, value)| {
        run.env(&format!("CARGO_PROFILE_RELEASE_{name}"), value)
    })
}

fn trunk(workspace: &Workspace) -> Result<()> {
    let features = ["--locked", "--no-default-features", "--features", "rustls"];
    cargo_install(workspace)
        .args(["trunk", "--version", TRUNK, "--force"])
        .args(features)
        .show()
}

fn wasm_bindgen(workspace: &Workspace) -> Result<()> {
    // Without --locked: its lock file names a version of a crate that is not to be had.
    cargo_install(workspace)
        .args(["wasm-bindgen-cli", "--version", WASM_BINDGEN, "--force"])
        .show()
}

fn geckodriver(workspace: &Workspace) -> Result<()> {
    cargo_install(workspace)
        .args(["geckodriver", "--version", GECKODRIVER, "--force", "--locked"])
        .show()
}

/// The version of `package` that npm installed for us.
fn npm_version(workspace: &Workspace, package: &str) -> Option<String> {
    let about = workspace
        .tools()
        .join("node_modules")
        .join(package)
        .join("package.json");
    let about: serde_json::Value = serde_json::from_slice(&fs::read(about).ok()?).ok()?;
    about.get("version")?.as_str().map(str::to_owned)
}

fn npm(workspace: &Workspace, package: &str) -> Result<()> {
    let tools = workspace.tools();
    fs::create_dir_all(&tools).with_context(|| format!("cannot make the folder {}", tools.display()))?;
    let quiet = [
        "--no-audit",
        "--no-fund",
        "--loglevel",
        "error",
        "--ignore-scripts",
    ];
    workspace
        .run("npm")
        .args(["install", "--prefix"])
        .arg(&tools)
        .args(quiet)
        .arg(package)
        .show()
}

fn wasm_opt(workspace: &Workspace) -> Result<()> {
    npm(workspace, &format!("binaryen@{BINARYEN}"))?;
    link(
        &workspace.tools().join("node_modules/.bin/wasm-opt"),
        &workspace.bin().join("wasm-opt"),
    )
}

/// Makes `program` findable as `name`. What stands there under our own link is replaced.
fn link(program: &Path, name: &Path) -> Result<()> {
    if name.is_symlink() {
        fs::remove_file(name).with_context(|| format!("cannot replace the link {}", name.display()))?;
    }
    if let Some(folder) = name.parent() {
        fs::create_dir_all(folder)?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(program, name)
        .with_context(|| format!("cannot make the link {}", name.display()))?;
    #[cfg(not(unix))]
    fs::copy(program, name).with_context(|| format!("cannot write {}", name.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pinned_wasm_bindgen_is_the_one_of_the_lock_file() {
        let workspace = Workspace::find().unwrap();
        let lock = fs::read_to_string(workspace.root().join("Cargo.lock")).unwrap();
        assert!(lock.contains(&format!(
            "name = \"wasm-bindgen\"\nversion = \"{WASM_BINDGEN}\"\n"
        )));
    }

    #[test]
    fn the_page_is_built_with_the_pinned_tools() {
        let workspace = Workspace::find().unwrap();
        let trunk = fs::read_to_string(workspace.root().join("Trunk.toml")).unwrap();
        assert!(
            trunk.contains(&format!("wasm_bindgen = \"{WASM_BINDGEN}\"")),
            "{trunk}"
        );
        let (major, _) = BINARYEN.split_once('.').unwrap();
        assert!(
            trunk.contains(&format!("wasm_opt = \"version_{major}\"")),
            "{trunk}"
        );
    }
}
