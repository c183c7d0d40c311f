//! `cargo xtask demo`: the whole way from a lab to a visitor, on this machine.
//!
//! Everything lies in `demo/` of the clone, made anew each time. What the lab does is done with the real command
//! line, as a lab would; the commands are shown.

mod host;
mod model;

use std::{
    ffi::OsString,
    fs,
    io::Write as _,
    path::{Path, PathBuf, absolute},
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

use crate::{
    build,
    registry::Registry,
    setup::{self, Purpose},
    steps::{Steps, say},
    system::Run,
    tools::Workspace,
};

const PUBLISHER: &str = "demo-lab.example";

/// Stands in the folder that a demo made, so that no other folder is ever deleted.
const MARK: &str = "made-by-demo";

/// OMS's name for a record of what the bytes are.
const SIGNATURE: &str = "https://model_signing/signature/v1.0";

/// Builds, starts the registry, publishes, says what to try, and runs until Ctrl-C.
///
/// # Errors
/// When something does not build or start, or the lab's commands do not succeed.
pub(crate) fn run(
    workspace: &Workspace,
    model: Option<&Path>,
    listen: &str,
    steps: &mut Steps,
) -> Result<()> {
    let model = model
        .map(absolute)
        .transpose()
        .context("--model is not a usable path")?;
    if let Some(folder) = model.as_ref().filter(|folder| !folder.is_dir()) {
        bail!("--model wants a folder, and {} is none", folder.display());
    }
    setup::run(workspace, Purpose::Page, steps)?;
    build::web(workspace, true, steps)?;
    build::programs(workspace, "debug", steps)?;
    let lab = Lab {
        workspace,
        folder: workspace.root().join("demo"),
    };
    let registry = steps.run("start the registry", || {
        lab.empty_folder()?;
        Registry::start(lab.registry(&workspace.dist()), listen)
    })?;
    let publish = "create a lab; publish a dataset, a base model and a model";
    let shown = steps.run(publish, || lab.publish(model.as_deref()))?;
    let address = registry.address().to_owned();
    let web = lab.folder.join("web");
    steps.run("a host's page with badges", || {
        host::write(&web, &workspace.dist(), &registry, &lab.trust(), &shown)
    })?;
    drop(registry);
    lab.explain(&shown, &format!("http://{address}"));
    // From here on this process is the registry, so that Ctrl-C or a signal reaches it and nothing is left behind.
    lab.registry(&web).args(["--listen", &address]).become_it()
}

/// The lab's side.
struct Lab<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

/// What there is to try.
struct Shown {
    good: PathBuf,
    changed: PathBuf,
    genesis: String,
    record: String,
}

impl Lab<'_> {
    fn registry(&self, web: &Path) -> Run {
        let run = self.workspace.program("debug", "weighbridge-registry");
        let run = run.arg("--data").arg(self.folder.join("registry"));
        run.args(["--admission", "open", "--log-level", "warn", "--web"])
            .arg(web)
    }

    fn empty_folder(&self) -> Result<()> {
        let folder = &self.folder;
        if folder.exists() {
            ensure!(
                folder.join(MARK).is_file(),
                "{} exists and no demo made it; move it away and run this again",
                folder.display()
            );
            fs::remove_dir_all(folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
        fs::write(
            folder.join(MARK),
            "Everything here is made anew by each `cargo xtask demo`.\n",
        )?;
        Ok(())
    }

    fn publish(&self, given: Option<&Path>) -> Result<Shown> {
        // The starter file that the registry wrote names its log; the pin is added to our own copy of it.
        fs::copy(self.folder.join("registry/trust"), self.trust())
            .context("the registry wrote no trust file")?;
        fs::create_dir(self.folder.join("lab"))?;
        let (key, passphrase) = (self.key(), self.passphrase());
        // A lab types its passphrase; a demo has nobody to ask.
        write_private(&passphrase, "a demo keeps no secrets\n")?;
        let with_passphrase: [&Path; 3] = [&key, "--passphrase-file".as_ref(), &passphrase];
        self.weighbridge(&["key", "new", "--out"], &with_passphrase)?;
        let create = ["publisher", "create", PUBLISHER, "--key"];
        let created = self.weighbridge(&create, &with_passphrase)?;
        let genesis = member(&created, "genesis")?;
        self.weighbridge(&["publisher", "trust", PUBLISHER, &genesis], &[])?;

        let dataset = self.folder.join("lab/dataset");
        model::write_dataset(&dataset)?;
        let dataset = self.attest(&dataset, "demo-lab/sentences", &["--stage", "dataset"])?;
        let from_dataset = format!("training-dataset={dataset}");

        let base = self.folder.join("lab/base");
        model::write(&base, 7, &[256, 256])?;
        let how = [
            "--stage",
            "pretraining",
            "--input",
            &from_dataset,
            "--metric",
            "validation_loss=2.31",
        ];
        let base = self.attest(&base, "demo-lab/base", &how)?;
        let from_base = format!("base-model={base}");

        let good = self.folder.join("good-copy");
        match given {
            Some(folder) => model::copy(folder, &good)?,
            None => model::write(&good, 11, &[1536])?,
        }
        let how = [
            "--stage",
            "post-training",
            "--input",
            &from_base,
            "--metric",
            "validation_loss=2.07",
        ];
        let record = self.attest(&good, "demo-lab/model", &how)?;

        let changed = self.folder.join("changed-copy");
        model::copy(&good, &changed)?;
        model::flip_one_bit(&changed)?;
        Ok(Shown {
            good,
            changed,
            genesis,
            record,
        })
    }

    /// Attests and publishes `folder`; answers the id of its signature record.
    fn attest(&self, folder: &Path, name: &str, how: &[&str]) -> Result<String> {
        let out = self.folder.join("lab").join(name.replace('/', "-"));
        let (key, passphrase) = (self.key(), self.passphrase());
        let fixed = [
            "attest",
            "--publisher",
            PUBLISHER,
            "--name",
            name,
            "--version",
            "1.0",
        ];
        let paths: [&Path; 7] = [
            "--key".as_ref(),
            &key,
            "--passphrase-file".as_ref(),
            &passphrase,
            "--out".as_ref(),
            &out,
            folder,
        ];
        self.weighbridge(&[&fixed, how].concat(), &paths)?;
        let published = self.weighbridge(&["publish"], &[&out])?;
        let records = published["records"]
            .as_array()
            .context("`weighbridge publish` printed no records")?;
        let signature = records.iter().find(|record| record["kind"] == SIGNATURE);
        member(
            signature.context("`weighbridge publish` printed no signature record")?,
            "record",
        )
    }

    fn weighbridge(&self, words: &[&str], paths: &[&Path]) -> Result<Value> {
        let words = words
            .iter()
            .map(OsString::from)
            .chain(paths.iter().map(|path| path.as_os_str().to_owned()));
        let run = self
            .workspace
            .program("debug", "weighbridge")
            .args(words)
            .args(["--json", "--quiet"]);
        let text = run
            .env("WEIGHBRIDGE_TRUST", self.trust())
            .without_env("WEIGHBRIDGE_REGISTRY")
            .show_and_answer()?;
        serde_json::from_str(&text).with_context(|| format!("it printed {text:?}, which is not JSON"))
    }

    fn trust(&self) -> PathBuf {
        self.folder.join("trust")
    }

    fn key(&self) -> PathBuf {
        self.folder.join("lab/lab.key")
    }

    fn passphrase(&self) -> PathBuf {
        self.folder.join("lab/passphrase")
    }

    fn explain(&self, shown: &Shown, url: &str) {
        let Shown {
            good,
            changed,
            genesis,
            record,
        } = shown;
        let (good, changed) = (good.display(), changed.display());
        let program = self.workspace.target().join("debug/weighbridge");
        let program = program.display();
        let trust = self.trust();
        let trust = trust.display();
        say(&format!(
            "
The demo runs. Nothing leaves this machine; everything it made is in {folder}

  page         {url}
  record       {record}
  publisher    {PUBLISHER}, genesis {genesis}
  trust file   {trust}

In the browser
  1  Open {url}
  2  Drop the folder {good}
     The page has no log to trust yet, so it says what it found and calls nothing authentic.
  3  In the trust panel, open the trust file {trust}
     and check again: authentic. It names this registry's log and pins the publisher.
     Or adopt the registry's own file, which pins nobody: untrusted, until you choose to trust {PUBLISHER}.
  4  Drop the folder {changed}
     One bit is flipped: the card names the file, the bytes and the tensors in them.

On somebody else's page
  5  Open {url}/embed-demo: every badge, and the element that proves the record itself.

On the command line
  {program} --trust {trust} verify {good}
  {program} --trust {trust} verify {changed}
  {program} --trust {trust} show {record}

Ctrl-C ends it.",
            folder = self.folder.display(),
        ));
    }
}

fn member(value: &Value, name: &str) -> Result<String> {
    Ok(value[name]
        .as_str()
        .with_context(|| format!("there is no member {name} in {value}"))?
        .to_owned())
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
