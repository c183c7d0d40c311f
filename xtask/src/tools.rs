//! Where things are: the workspace, the user's cargo folder, and what `setup` puts there.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::system::Run;

/// The clone and the folders around it.
#[derive(Debug)]
pub(crate) struct Workspace {
    root: PathBuf,
    cargo_home: PathBuf,
    target: PathBuf,
    path: OsString,
}

impl Workspace {
    /// Finds the folders from the environment that cargo gives.
    ///
    /// # Errors
    /// When neither `CARGO_HOME` nor a home folder is known.
    pub(crate) fn find() -> Result<Self> {
        // As cargo says now, rather than at compile time: two clones may share a target folder.
        let own = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let root = Path::new(&own)
            .parent()
            .context("xtask is not in a workspace")?
            .to_path_buf();
        let cargo_home = match env::var_os("CARGO_HOME") {
            Some(folder) => PathBuf::from(folder),
            None => env::home_dir()
                .context("neither CARGO_HOME nor HOME is set")?
                .join(".cargo"),
        };
        let target = match env::var_os("CARGO_TARGET_DIR") {
            // Cargo takes a relative one from the current folder.
            Some(folder) => {
                std::path::absolute(PathBuf::from(folder)).context("cannot read CARGO_TARGET_DIR")?
            }
            None => root.join("target"),
        };
        // What setup installs is found even when the shell's PATH does not name the cargo folder.
        let own = cargo_home.join("bin");
        let rest = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths(std::iter::once(own).chain(env::split_paths(&rest)))?;
        Ok(Self {
            root,
            cargo_home,
            target,
            path,
        })
    }

    /// The clone.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Where cargo builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// The built page.
    pub(crate) fn dist(&self) -> PathBuf {
        self.root.join("dist")
    }

    /// Programs that setup installs.
    pub(crate) fn bin(&self) -> PathBuf {
        self.cargo_home.join("bin")
    }

    /// Where cargo keeps the sources of dependencies: a folder for each registry.
    pub(crate) fn sources(&self) -> PathBuf {
        self.cargo_home.join("registry/src")
    }

    /// What setup installs that is not a cargo program. The end-to-end tests look here too.
    pub(crate) fn tools(&self) -> PathBuf {
        self.cargo_home.join("weighbridge-tools")
    }

    /// Prepares `program` in the clone, with our tools on its PATH.
    pub(crate) fn run(&self, program: &str) -> Run {
        // A program is looked up on the PATH that it is given, so this finds what was installed a moment ago.
        Run::new(program).env("PATH", &self.path).within(&self.root)
    }

    /// Prepares a program of ours, built with `profile`.
    pub(crate) fn program(&self, profile: &str, name: &str) -> Run {
        let file = self
            .target
            .join(profile)
            .join(format!("{name}{}", env::consts::EXE_SUFFIX));
        Run::new(file).within(&self.root)
    }

    /// Prepares cargo in the clone.
    pub(crate) fn cargo(&self) -> Run {
        // Not env CARGO: the proxy on the PATH picks the toolchain of rust-toolchain.toml.
        self.run("cargo")
            .without_env("CARGO_MANIFEST_DIR")
            .env("CARGO_TERM_COLOR", color())
    }

    /// Prepares one program of end-to-end tests.
    pub(crate) fn end_to_end(&self, test: &str) -> Run {
        self.cargo()
            .args(["test", "--locked", "-p", "weighbridge-tests", "--test", test])
    }
}

fn color() -> OsString {
    env::var_os("CARGO_TERM_COLOR").unwrap_or_else(|| "auto".into())
}
