//! The Python tool `model_signing`, the reference of OpenSSF Model Signing: it must verify what `weighbridge oms export`
//! writes, unmodified.

use std::fs;

use anyhow::{Context as _, Result};

use crate::{system::Run, tools::Workspace};

/// Its version.
const MODEL_SIGNING: &str = "1.1.1";
/// What it imports without saying so.
const MODEL_SIGNING_NEEDS: &str = "pyOpenSSL";

/// Whether it is there, in the version wanted, and starts.
pub(super) fn is_there(workspace: &Workspace) -> bool {
    let python = workspace.model_signing().join("bin/python");
    let run = Run::new(python).args(["-m", "model_signing", "--version"]);
    run.answer()
        .is_some_and(|answer| answer.ends_with(&format!("version {MODEL_SIGNING}")))
}

/// Installs it in an environment of its own.
///
/// # Errors
/// When there is no Python for which its dependencies are published ready-made.
pub(super) fn install(workspace: &Workspace) -> Result<()> {
    let folder = workspace.model_signing();
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    // Only ready-made packages: compiling them would need compilers of three more languages.
    let install = || {
        workspace
            .run("python3")
            .args(["-m", "venv"])
            .arg(&folder)
            .show()?;
        Run::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--only-binary", ":all:"])
            .arg(format!("model-signing=={MODEL_SIGNING}"))
            .arg(MODEL_SIGNING_NEEDS)
            .show()
    };
    install().with_context(|| {
        format!(
            "the Python tool model_signing {MODEL_SIGNING} could not be installed; it needs Python 3.10 or newer as \
             `python3`, one for which its dependencies are published ready-made"
        )
    })
}
