//! A lab that has published a model: registry, key, record, and trust files with and without its pin.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    cli::{Cli, Ran},
    models::Model,
    registry::TestRegistry,
};

/// The lab's name.
pub const PUBLISHER: &str = "acme.example";

/// A registry with one publisher and one published model.
#[derive(Debug)]
pub struct Lab {
    /// The registry.
    pub registry: TestRegistry,
    /// The model as published. Damage copies, not this.
    pub model: Model,
    /// The publisher's genesis id.
    pub genesis: String,
    /// The signature record's id.
    pub record: String,
    /// What `publish` answered.
    pub published: Value,
    work: TempDir,
}

impl Lab {
    /// Publishes `model` in a new registry that serves the page.
    pub fn new(model: Model) -> Self {
        Self::on(TestRegistry::start(), model)
    }

    /// Publishes the generated model in a new registry without a page.
    pub fn small_without_page() -> Self {
        let registry = TestRegistry::start_without_page();
        let work = tempfile::tempdir().expect("a temporary folder");
        let model = Model::small(&work.path().join("original"));
        Self::in_folder(work, registry, model)
    }

    /// Publishes the generated model in a new registry that serves the page.
    pub fn small() -> Self {
        let work = tempfile::tempdir().expect("a temporary folder");
        let model = Model::small(&work.path().join("original"));
        Self::in_folder(work, TestRegistry::start(), model)
    }

    /// Publishes `model` in `registry`.
    pub fn on(registry: TestRegistry, model: Model) -> Self {
        Self::in_folder(tempfile::tempdir().expect("a temporary folder"), registry, model)
    }

    fn in_folder(work: TempDir, registry: TestRegistry, model: Model) -> Self {
        let cli = Cli::new(work.path()).with("WEIGHBRIDGE_REGISTRY", registry.url());
        let plain = work.path().join("trust");
        fs::write(&plain, registry.trust()).expect("a writable folder");
        let cli = cli.with("WEIGHBRIDGE_TRUST", plain.to_string_lossy());
        let genesis = create_publisher(&cli, PUBLISHER, "lab.key");
        let published = publish(&cli, &model, "lab.key", PUBLISHER, "acme/minilm", "1.0", "att");
        let record = published["records"][0]["record"]
            .as_str()
            .expect("a record id")
            .to_owned();
        let pinned = work.path().join("trust-pinned");
        fs::copy(&plain, &pinned).expect("a file can be copied");
        let pin = [
            OsStr::new("publisher"),
            "trust".as_ref(),
            PUBLISHER.as_ref(),
            genesis.as_ref(),
        ];
        cli.with("WEIGHBRIDGE_TRUST", pinned.to_string_lossy()).ok(&pin);
        Self {
            registry,
            model,
            genesis,
            record,
            published,
            work,
        }
    }

    /// The folder for copies and other things of a test.
    pub fn work(&self) -> &Path {
        self.work.path()
    }

    /// A copy of the model, to damage.
    pub fn copy(&self, name: &str) -> Model {
        self.model.copy_to(&self.work().join(name))
    }

    /// A trust file with the log and no publisher.
    pub fn trust(&self) -> PathBuf {
        self.work().join("trust")
    }

    /// A trust file with the log and the lab.
    pub fn trust_pinned(&self) -> PathBuf {
        self.work().join("trust-pinned")
    }

    /// The text of [`Self::trust_pinned`].
    ///
    /// # Panics
    /// When it cannot be read.
    pub fn trust_pinned_text(&self) -> String {
        fs::read_to_string(self.trust_pinned()).expect("the pinned trust file")
    }

    /// The command line, with this registry and the trust file `trust`.
    pub fn cli(&self, trust: &Path) -> Cli {
        Cli::new(self.work())
            .with("WEIGHBRIDGE_REGISTRY", self.registry.url())
            .with("WEIGHBRIDGE_TRUST", trust.to_string_lossy())
    }

    /// `weighbridge verify PATH --json` with the lab pinned.
    pub fn verify(&self, path: &Path) -> Ran {
        self.verify_with(&self.trust_pinned(), path, &[])
    }

    /// `weighbridge verify PATH --json` with a trust file and further arguments.
    pub fn verify_with(&self, trust: &Path, path: &Path, more: &[&str]) -> Ran {
        let mut arguments = vec![OsStr::new("verify"), path.as_os_str(), OsStr::new("--json")];
        arguments.extend(more.iter().map(OsStr::new));
        self.cli(trust).run(&arguments)
    }
}

/// Makes a key and creates a publisher with it; gives its genesis.
pub fn create_publisher(cli: &Cli, name: &str, key: &str) -> String {
    cli.ok(&["key", "new", "--out", key, "--no-passphrase"]);
    let created = cli
        .ok(&["publisher", "create", name, "--key", key, "--json"])
        .json();
    assert_eq!(
        (&created["v"], &created["publisher"]),
        (&1.into(), &name.into()),
        "{created}"
    );
    created["genesis"].as_str().expect("a genesis id").to_owned()
}

/// Attests and publishes `model`; gives what `publish --json` printed.
pub fn publish(
    cli: &Cli,
    model: &Model,
    key: &str,
    publisher: &str,
    name: &str,
    version: &str,
    out: &str,
) -> Value {
    attest(cli, model, key, publisher, name, version, out);
    cli.ok(&["publish", out, "--json"]).json()
}

/// Attests `model` into the folder `out`.
pub fn attest(cli: &Cli, model: &Model, key: &str, publisher: &str, name: &str, version: &str, out: &str) {
    let folder = model.folder().to_string_lossy();
    cli.ok(&[
        "attest",
        &folder,
        "--publisher",
        publisher,
        "--key",
        key,
        "--name",
        name,
        "--version",
        version,
        "--out",
        out,
    ]);
}
