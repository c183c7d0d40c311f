//! Tools in Python that ours are compared with, each in an environment of its own: `model_signing`, the reference of
//! OpenSSF Model Signing, which must verify what `weighbridge oms export` writes; and `aics-tlog`, which reads
//! transparency logs and shares no code with ours. Both unmodified.

use std::{fs, path::PathBuf};

use anyhow::{Context as _, Result};

use crate::{system::Run, tools::Workspace};

/// A tool, and what it is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    /// Its version, as `--version` ends with it.
    version: &'static str,
    packages: &'static [&'static str],
    /// What follows `python` to start it.
    module: &'static [&'static str],
    /// The oldest minor version of Python 3 that it runs on.
    oldest: u32,
}

/// The reference of OpenSSF Model Signing, and what it imports without saying so.
pub(super) const MODEL_SIGNING: Tool = Tool {
    name: "model_signing",
    version: "1.1.1",
    packages: &["model-signing==1.1.1", "pyOpenSSL"],
    module: &["-m", "model_signing"],
    oldest: 10,
};

/// A reader of C2SP transparency logs.
pub(super) const AICS_TLOG: Tool = Tool {
    name: "aics-tlog",
    version: "0.2.1",
    packages: &["aics-tlog==0.2.1"],
    module: &["-m", "aics_tlog"],
    oldest: 12,
};

impl Tool {
    fn folder(&self, workspace: &Workspace) -> PathBuf {
        workspace.tools().join(self.name.replace('_', "-"))
    }

    /// Whether it is there, in the version wanted, and starts.
    pub(super) fn is_there(&self, workspace: &Workspace) -> bool {
        let run = Run::new(self.folder(workspace).join("bin/python"));
        let answer = run.args(self.module).arg("--version").answer();
        answer.is_some_and(|answer| answer.ends_with(self.version))
    }

    /// A Python that it runs on: `python3`, another one on the PATH, or one of pyenv's.
    pub(super) fn python(&self, workspace: &Workspace) -> Option<PathBuf> {
        let test = format!(
            "import ensurepip, sys, venv; sys.exit(sys.version_info < (3, {}))",
            self.oldest
        );
        let named = ["python3", "python3.14", "python3.13", "python3.12"].map(PathBuf::from);
        let all = named.into_iter().chain(of_pyenv(workspace));
        let mut fitting = all.filter(|python| Run::new(python).args(["-c", &test]).quiet().is_ok());
        fitting.next()
    }

    /// Installs it.
    ///
    /// # Errors
    /// When there is no Python for which its dependencies are published ready-made.
    pub(super) fn install(&self, workspace: &Workspace) -> Result<()> {
        let folder = self.folder(workspace);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
        }
        let install = || {
            let python = self.python(workspace).context("there is no such Python")?;
            Run::new(python).args(["-m", "venv"]).arg(&folder).show()?;
            // Only ready-made packages: compiling them would need compilers of three more languages.
            Run::new(folder.join("bin/python"))
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .args(["--only-binary", ":all:"])
                .args(self.packages)
                .show()
        };
        install().with_context(|| {
            format!(
                "the Python tool {} {} could not be installed; it needs Python 3.{} or newer, one for which its \
                 dependencies are published ready-made",
                self.name, self.version, self.oldest
            )
        })
    }
}

fn of_pyenv(workspace: &Workspace) -> Vec<PathBuf> {
    let root = workspace.run("pyenv").arg("root").answer();
    let versions = root.and_then(|root| fs::read_dir(PathBuf::from(root).join("versions")).ok());
    let folders = versions.into_iter().flatten().flatten();
    folders.map(|version| version.path().join("bin/python")).collect()
}
