//! The real command line, away from the user's own configuration.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::Value;

use crate::binaries;

/// Runs `weighbridge` in a folder, with a home folder of its own in it.
#[derive(Debug, Clone)]
pub struct Cli {
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

/// What a run ended with.
#[derive(Debug, Clone)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// All of stdout.
    pub stdout: String,
    /// All of stderr.
    pub stderr: String,
}

impl Cli {
    /// Runs in `folder`.
    pub fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            environment: Vec::new(),
        }
    }

    /// The same, with an environment variable more.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// The command, ready to run.
    pub fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(binaries::program("weighbridge"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .stdin(Stdio::null());
        for name in [
            "WEIGHBRIDGE_REGISTRY",
            "WEIGHBRIDGE_TRUST",
            "XDG_STATE_HOME",
            "http_proxy",
            "HTTP_PROXY",
            "all_proxy",
            "ALL_PROXY",
        ] {
            command.env_remove(name);
        }
        let home = self.folder.join("home");
        command
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join(".config"))
            .env("NO_COLOR", "1");
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs to the end.
    pub fn run<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        Ran::of(self.command(arguments).output().expect("the command line starts"))
    }

    /// Runs, and wants exit code 0.
    pub fn ok<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Ran {
        let ran = self.run(arguments);
        let shown: Vec<_> = arguments
            .iter()
            .map(|a| a.as_ref().to_string_lossy().into_owned())
            .collect();
        assert_eq!(ran.code, 0, "weighbridge {}\n{ran}", shown.join(" "));
        ran
    }
}

impl Ran {
    /// What `output` says.
    pub fn of(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("the command line prints UTF-8");
        let Output {
            status,
            stdout,
            stderr,
        } = output;
        let ran = Self {
            code: status.code().expect("it ends by itself"),
            stdout: text(stdout),
            stderr: text(stderr),
        };
        assert!(!ran.stderr.contains("panicked at"), "{ran}");
        ran
    }

    /// stdout as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "exit code {}\nstdout: {}\nstderr: {}",
            self.code, self.stdout, self.stderr
        )
    }
}
