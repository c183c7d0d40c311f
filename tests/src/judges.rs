//! Programs that read what we write and share no code with ours: of C2SP logs `aics-tlog` (Python) and the packages behind Go's
//! checksum database; of bundles a verifier in Python that was written from docs/SPEC.md (`tests/judges/second`). One that is
//! not there is named; `WEIGHBRIDGE_EVERY_JUDGE=1` makes that a failure, as `cargo xtask ci --slow` does.

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::OnceLock,
    thread,
};

use serde::Serialize;
use serde_json::Value;
use tempfile::TempDir;

use crate::binaries::place_of_tool;

/// Makes a judge that is missing a failure.
const EVERY_JUDGE: &str = "WEIGHBRIDGE_EVERY_JUDGE";

/// Where Debian puts the sources of golang.org/x/mod.
const GO_PACKAGES: &str = "/usr/share/gocode";

fn missing(name: &str, why: &str) {
    let text = format!("the judge {name} is missing: {why}; run: cargo xtask setup");
    assert!(env::var_os(EVERY_JUDGE).is_none(), "{text}");
    // Nobody to tell is no reason to fail.
    let _ = writeln!(io::stderr(), "SKIPPED: {text}");
}

fn ran(name: &str, command: &mut Command) -> Result<(), String> {
    let output = command.output().unwrap_or_else(|e| panic!("{name} starts: {e}"));
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{name} says: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    ))
}

/// A log at an address, and its key.
#[derive(Debug, Clone, Copy)]
pub struct Judged<'a> {
    /// Where its registry is.
    pub url: &'a str,
    /// The key that it should have.
    pub key: &'a str,
}

/// `aics-tlog`, with the checkpoint that it saw last.
#[derive(Debug)]
pub struct Aics {
    python: PathBuf,
    folder: TempDir,
}

impl Aics {
    /// None when it is not installed: it needs Python 3.12.
    pub fn find() -> Option<Self> {
        let python = place_of_tool("aics-tlog/bin/python");
        if !python.is_file() {
            missing("aics-tlog", "it is not installed, which takes Python 3.12");
            return None;
        }
        let folder = tempfile::tempdir().expect("a temporary folder");
        Some(Self { python, folder })
    }

    fn run(&self, command: &str, Judged { url, key }: Judged<'_>, more: &[&str]) -> Result<(), String> {
        let origin = key.split('+').next().unwrap_or_default();
        let mut run = Command::new(&self.python);
        let run = run.args(["-m", "aics_tlog", command, "--log-key", key, "--origin", origin]);
        let tiles = format!("{url}/log");
        ran("aics-tlog", run.args(["--tiles", &tiles]).args(more))
    }

    /// Reads `log`: its checkpoint and tiles, that it grew from the one seen before, and that `last`, its last entry, is in it.
    ///
    /// # Errors
    /// What the judge says.
    pub fn judge(&self, log: Judged<'_>, last: Option<(u64, &[u8])>) -> Result<(), String> {
        let path = |name: &str| self.folder.path().join(name).to_string_lossy().into_owned();
        let (before, now) = (path("before"), path("now"));
        self.run("verify-checkpoint", log, &["--save-checkpoint", &now])?;
        if Path::new(&before).exists() {
            self.run("verify-consistency", log, &["--old-checkpoint", &before])?;
        }
        if let Some((index, entry)) = last {
            let leaf = path("leaf");
            fs::write(&leaf, entry).expect("a file");
            let arguments = ["--leaf", &leaf, "--index", &index.to_string()];
            self.run("verify-inclusion", log, &arguments)?;
        }
        fs::rename(now, before).expect("the checkpoint that was seen");
        Ok(())
    }
}

/// A program around golang.org/x/mod/sumdb, built once.
#[derive(Debug)]
pub struct SumDb {
    program: PathBuf,
}

impl SumDb {
    /// None when Go or the packages are not there.
    pub fn find() -> Option<Self> {
        static BUILT: OnceLock<TempDir> = OnceLock::new();
        let packages = Path::new(GO_PACKAGES).join("src/golang.org/x/mod/sumdb/tlog");
        if !packages.is_dir() || Command::new("go").arg("version").output().is_err() {
            missing("golang.org/x/mod/sumdb", "Go or its packages are not there");
            return None;
        }
        let folder = BUILT.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/sumdb.go");
            let mut go = Command::new("go");
            let go = go.env("GO111MODULE", "off").env("GOPATH", GO_PACKAGES);
            let go = go
                .env("GOCACHE", folder.path().join("cache"))
                .args(["build", "-o"]);
            let built = ran("go build", go.arg(folder.path().join("sumdb")).arg(source));
            built.unwrap_or_else(|said| panic!("{said}"));
            folder
        });
        let program = folder.path().join("sumdb");
        Some(Self { program })
    }

    /// Reads the whole log, and makes and checks its proofs.
    ///
    /// # Errors
    /// What the judge says.
    pub fn judge(&self, Judged { url, key }: Judged<'_>) -> Result<(), String> {
        let mut run = Command::new(&self.program);
        ran("golang.org/x/mod/sumdb", run.arg(format!("{url}/log")).arg(key))
    }
}

/// A case for the verifier that was written from the specification.
#[derive(Debug, Serialize)]
pub struct Case {
    /// The model's folder.
    pub folder: PathBuf,
    /// The bundle, which lies elsewhere.
    pub bundle: PathBuf,
    /// The trust file.
    pub trust: PathBuf,
    /// The time, in POSIX seconds.
    pub now: u64,
}

/// The verifier that was written from the specification.
#[derive(Debug)]
pub struct Second {
    python: PathBuf,
}

impl Second {
    /// None when there is no Python with the package `cryptography`, which comes with `model_signing`.
    pub fn find() -> Option<Self> {
        let python = place_of_tool("model-signing/bin/python");
        if !python.is_file() {
            missing(
                "the second verifier",
                "model_signing, with which its library comes, is not installed",
            );
            return None;
        }
        Some(Self { python })
    }

    /// Its verdicts of these cases, in order.
    ///
    /// # Panics
    /// When it fails.
    pub fn judge(&self, cases: &[Case]) -> Vec<String> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("judges/second/verify.py");
        // It writes no bytecode beside its source.
        let mut run = Command::new(&self.python);
        let run = run
            .arg("-B")
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut running = run.spawn().expect("Python starts");
        let mut input = running.stdin.take().expect("a pipe");
        let lines: Vec<String> = cases
            .iter()
            .map(|case| serde_json::to_string(case).expect("a case is JSON") + "\n")
            .collect();
        let writing = thread::spawn(move || input.write_all(lines.concat().as_bytes()));
        let output = running.wait_with_output().expect("Python ends");
        assert!(output.status.success(), "the second verifier fails");
        writing
            .join()
            .expect("nothing panics")
            .expect("all cases are read");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        let verdict = |line: &str| {
            let answer: Value = serde_json::from_str(line).expect("a line of JSON");
            answer["verdict"].as_str().expect("a verdict").to_owned()
        };
        let verdicts: Vec<String> = said.lines().map(verdict).collect();
        assert_eq!(verdicts.len(), cases.len());
        verdicts
    }
}
