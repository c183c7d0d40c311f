//! Runs the real binary in a folder of its own, away from the user's configuration.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test that cannot set up its case has failed")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

/// A folder, and the binary run in it.
pub(crate) struct Place {
    /// Deleted at the end.
    pub(crate) folder: tempfile::TempDir,
}

/// What a run ended with.
pub(crate) struct Ran {
    /// The exit code.
    pub(crate) code: i32,
    /// All of stdout.
    pub(crate) stdout: String,
    /// All of stderr.
    pub(crate) stderr: String,
}

impl Place {
    /// An empty folder.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// `name` below the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The binary, with nothing of the caller's settings.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge"));
        command.args(args).current_dir(self.folder.path());
        for name in [
            "WEIGHBRIDGE_REGISTRY",
            "WEIGHBRIDGE_TRUST",
            "NO_COLOR",
            "http_proxy",
            "HTTP_PROXY",
            "all_proxy",
        ] {
            command.env_remove(name);
        }
        command
            .env("HOME", self.path("home"))
            .env("XDG_CONFIG_HOME", self.path("home/.config"));
        command
    }

    /// Runs to the end.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let Output {
            status,
            stdout,
            stderr,
        } = self.command(args).output().unwrap();
        let ran = Ran {
            code: status.code().expect("ended by itself"),
            stdout: String::from_utf8(stdout).unwrap(),
            stderr: String::from_utf8(stderr).unwrap(),
        };
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// Runs, and wants exit code `code`.
    pub(crate) fn expect(&self, code: i32, args: &[&str]) -> Ran {
        let ran = self.run(args);
        assert_eq!(
            ran.code, code,
            "{args:?}\nstdout: {}\nstderr: {}",
            ran.stdout, ran.stderr
        );
        ran
    }

    /// A key called `lab.key`.
    pub(crate) fn key(&self) {
        self.expect(0, &["key", "new", "--out", "lab.key", "--no-passphrase"]);
    }
}

impl Ran {
    /// stdout as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in {}", self.stdout))
    }
}

/// A safetensors file with two tensors: `a.weight`, one row of bytes, and `b.weight`, `size` bytes.
pub(crate) fn safetensors(size: usize) -> Vec<u8> {
    let header = format!(
        r#"{{"__metadata__":{{"format":"pt"}},"a.weight":{{"dtype":"U8","shape":[16],"data_offsets":[0,16]}},"b.weight":{{"dtype":"U8","shape":[{size}],"data_offsets":[16,{}]}}}}"#,
        size + 16
    );
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend((0..size + 16).map(|i| u8::try_from(i * i % 251).unwrap()));
    bytes
}

/// Names in a folder, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}
