//! `cargo xtask bench`: speed and size against the limits that the project holds itself to.
//!
//! Speed is a ratio to a program that everybody has, measured in the same run on the same warm file, the best of
//! several alternating runs each: figures of two machines or two days do not compare. Nothing else should run
//! beside it. The browser's part is a test of the `tests` package, which drives a real Chromium.

mod capacity;
mod load;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use flate2::{Compression, write::GzEncoder};

use crate::{
    build,
    registry::Registry,
    setup::{self, Purpose},
    steps::{Steps, say},
    system::Run,
    tools::Workspace,
};

/// Bytes of the file that is hashed: 1 GiB, as in the limits.
const WEIGHTS_BYTES: u64 = 1 << 30;

/// Runs of each program, alternating. The best of each counts.
const RUNS: usize = 5;

/// `verify` hashes chunks on all cores.
const VERIFY_LIMIT: f64 = 0.55;

/// `attest` also computes the file's own SHA-256, which one core does from end to end as openssl does.
const ATTEST_LIMIT: f64 = 1.05;

/// Bytes of all that the page downloads, each file compressed as the registry sends it to browsers: with brotli.
const SIZE_LIMIT_BYTES: usize = 345_000;

const PUBLISHER: &str = "bench.example";

/// One thing that is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// `weighbridge verify` of one file of 1 GiB, against openssl.
    Verify,
    /// `weighbridge attest` of the same file, against openssl.
    Attest,
    /// What a browser downloads.
    Size,
    /// The page's verification, against the SHA-256 in wasm that pages use today; and how soon the page is there.
    Browser,
    /// Publishes, searches, badges and other reads, against openssl's signature checks and nginx.
    Load,
    /// Memory and disk of a log of a million records; takes some minutes and 10 GB of disk.
    Capacity,
}

/// Builds everything in release and measures `only`, or everything when it is empty.
///
/// # Errors
/// When something does not build or run, or a limit is not kept; every part is measured before.
pub(crate) fn run(workspace: &Workspace, only: &[Part], steps: &mut Steps) -> Result<()> {
    let wanted = |part: Part| only.is_empty() || only.contains(&part);
    let loads = wanted(Part::Load) || wanted(Part::Capacity);
    setup::run(workspace, Purpose::Everything, steps)?;
    if loads {
        setup::run(workspace, Purpose::Load, steps)?;
    }
    if wanted(Part::Size) || wanted(Part::Browser) || loads {
        build::web(workspace, true, steps)?;
    }
    let mut kept = true;
    if wanted(Part::Verify) || wanted(Part::Attest) {
        build::programs(workspace, "release", steps)?;
        kept &= steps.run("hash 1 GiB", || {
            hashing(workspace, wanted(Part::Attest), wanted(Part::Verify))
        })?;
    }
    if loads {
        build::programs(workspace, "release", steps)?;
        steps.run("build the load", || {
            let build = [
                "build",
                "--locked",
                "--release",
                "-p",
                "weighbridge-tests",
                "--bin",
                "load",
            ];
            workspace.cargo().args(build).show()
        })?;
    }
    if wanted(Part::Load) {
        kept &= steps.run("serve and publish", || load::run(workspace))?;
    }
    if wanted(Part::Capacity) {
        kept &= steps.run("a million records", || capacity::run(workspace))?;
    }
    if wanted(Part::Size) {
        kept &= steps.run("size of the page", || size(&workspace.dist()))?;
    }
    if wanted(Part::Browser) {
        build::programs(workspace, "debug", steps)?;
        let browser = || {
            let alone = ["--", "--ignored", "--nocapture", "--test-threads=1"];
            workspace.end_to_end("chromium_speed").args(alone).show()
        };
        kept &= steps.run("verify in the browser", browser).is_ok();
    }
    ensure!(kept, "not every limit is kept; the figures are above");
    Ok(())
}

/// Measures `attest` and `verify`; answers whether the limits were kept.
fn hashing(workspace: &Workspace, attest: bool, verify: bool) -> Result<bool> {
    let folder = workspace.target().join("bench");
    let bench = Bench {
        workspace,
        weights: folder.join("weights.safetensors"),
        folder,
    };
    bench.prepare()?;
    let openssl = || {
        workspace
            .run("openssl")
            .args(["dgst", "-sha256"])
            .arg(&bench.weights)
    };
    openssl().answer().context("openssl did not hash the file")?;
    let mut kept = true;
    if attest {
        let (ours, theirs) = best_of(RUNS, || bench.attest(), openssl)?;
        kept &= compare("weighbridge attest", ours, theirs, ATTEST_LIMIT);
    }
    if verify {
        let registry = bench.registry()?;
        let url = format!("http://{}", registry.address());
        bench.publish(&url)?;
        let (ours, theirs) = best_of(RUNS, || bench.cli(&url, &["verify"]).arg(&bench.weights), openssl)?;
        kept &= compare("weighbridge verify", ours, theirs, VERIFY_LIMIT);
    }
    Ok(kept)
}

/// Runs both in turn and answers the shortest time of each.
fn best_of(runs: usize, ours: impl Fn() -> Run, theirs: impl Fn() -> Run) -> Result<(Duration, Duration)> {
    let mut best = (Duration::MAX, Duration::MAX);
    for _ in 0..runs {
        best.0 = best.0.min(time(ours())?);
        best.1 = best.1.min(time(theirs())?);
    }
    Ok(best)
}

fn time(run: Run) -> Result<Duration> {
    let begin = Instant::now();
    run.quiet()?;
    Ok(begin.elapsed())
}

fn compare(name: &str, ours: Duration, theirs: Duration, limit: f64) -> bool {
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    let kept = ratio <= limit;
    say(&format!(
        "   {name}: {:.3} s; openssl dgst -sha256: {:.3} s; ratio {ratio:.2}, at most {limit:.2}: {}",
        ours.as_secs_f64(),
        theirs.as_secs_f64(),
        verdict(kept)
    ));
    kept
}

fn verdict(kept: bool) -> &'static str {
    if kept { "kept" } else { "NOT KEPT" }
}

/// A lab with one large file.
struct Bench<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
    weights: PathBuf,
}

impl Bench<'_> {
    /// Writes the file (once) and makes a key and a publisher's genesis that `attest` can name.
    fn prepare(&self) -> Result<()> {
        fs::create_dir_all(&self.folder)?;
        for name in ["registry", "att"] {
            let folder = self.folder.join(name);
            if folder.exists() {
                fs::remove_dir_all(folder)?;
            }
        }
        for name in ["lab.key", "lab.key.pub", "lab.key.publisher.json", "trust"] {
            let file = self.folder.join(name);
            if file.exists() {
                fs::remove_file(file)?;
            }
        }
        if self.weights.metadata().map_or(0, |found| found.len()) != WEIGHTS_BYTES {
            write_weights(&self.weights)
                .with_context(|| format!("cannot write {}", self.weights.display()))?;
        }
        self.cli("", &["key", "new", "--no-passphrase", "--out"])
            .arg(self.key())
            .quiet()
    }

    fn key(&self) -> PathBuf {
        self.folder.join("lab.key")
    }

    fn registry(&self) -> Result<Registry> {
        let run = self.workspace.program("release", "weighbridge-registry");
        let run = run.arg("--data").arg(self.folder.join("registry")).args([
            "--admission",
            "open",
            "--log-level",
            "warn",
        ]);
        let registry = Registry::start(run, "127.0.0.1:0")?;
        fs::copy(self.folder.join("registry/trust"), self.folder.join("trust"))?;
        Ok(registry)
    }

    /// The command line with `words` last, so that their values can follow; with no `registry`, none is named.
    fn cli(&self, registry: &str, words: &[&str]) -> Run {
        let run = self
            .workspace
            .program("release", "weighbridge")
            .args(["--json", "--quiet"]);
        let run = run
            .env("WEIGHBRIDGE_TRUST", self.folder.join("trust"))
            .without_env("WEIGHBRIDGE_REGISTRY");
        if registry.is_empty() {
            run
        } else {
            run.args(["--registry", registry])
        }
        .args(words)
    }

    fn attest(&self) -> Run {
        let words = [
            "attest",
            "--publisher",
            PUBLISHER,
            "--name",
            "bench/weights",
            "--version",
            "1.0",
            "--force",
        ];
        let run = self
            .cli("", &words)
            .arg("--key")
            .arg(self.key())
            .arg("--out")
            .arg(self.folder.join("att"));
        let run = run.arg(&self.weights);
        // While only attest is measured there is no publisher yet; any genesis costs the same.
        if self.folder.join("lab.key.publisher.json").exists() {
            run
        } else {
            run.args(["--genesis", &"0".repeat(64)])
        }
    }

    fn publish(&self, url: &str) -> Result<()> {
        let created = self
            .cli(url, &["publisher", "create", PUBLISHER, "--key"])
            .arg(self.key())
            .show_and_answer()?;
        let created: serde_json::Value = serde_json::from_str(&created)?;
        let genesis = created["genesis"]
            .as_str()
            .context("`weighbridge publisher create` named no genesis")?;
        self.cli(url, &["publisher", "trust", PUBLISHER, genesis])
            .quiet()?;
        self.attest().quiet()?;
        self.cli(url, &["publish"]).arg(self.folder.join("att")).quiet()
    }
}

/// Writes a safetensors file of [`WEIGHTS_BYTES`] with one tensor.
fn write_weights(path: &Path) -> Result<()> {
    const BLOCK: usize = 1 << 20;
    // The length of the header's text does not change the sum: it is padded with spaces, as the format allows.
    const HEADER: usize = 120;
    let data = WEIGHTS_BYTES - 8 - HEADER as u64;
    let header = format!(r#"{{"weights":{{"dtype":"U8","shape":[{data}],"data_offsets":[0,{data}]}}}}"#);
    let mut state = 1_u64;
    let mut noise = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        state.to_be_bytes()[0]
    });
    let mut block: Vec<u8> = noise.by_ref().take(BLOCK).collect();
    let mut file = File::create(path)?;
    file.write_all(&(HEADER as u64).to_le_bytes())?;
    file.write_all(format!("{header:HEADER$}").as_bytes())?;
    let mut left = data;
    while left > 0 {
        let now = usize::try_from(left.min(BLOCK as u64))?;
        // No two blocks are equal.
        block[..8].copy_from_slice(&left.to_le_bytes());
        file.write_all(&block[..now])?;
        left -= now as u64;
    }
    Ok(())
}

/// Prints the compressed size of each file of the page; answers whether the limit was kept.
fn size(dist: &Path) -> Result<bool> {
    let (mut total, mut total_gzip) = (0, 0);
    let mut files = Vec::new();
    list(dist, &mut files)?;
    files.sort();
    for file in &files {
        let bytes = fs::read(file)?;
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, 11, 22);
        brotli.write_all(&bytes)?;
        let compressed = brotli.into_inner().len();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&bytes)?;
        total += compressed;
        total_gzip += gzip.finish()?.len();
        let name = file.strip_prefix(dist).unwrap_or(file).display();
        say(&format!(
            "   {compressed:>8} bytes with brotli, {:>8} plain: {name}",
            bytes.len()
        ));
    }
    let kept = total <= SIZE_LIMIT_BYTES;
    say(&format!(
        "   {total:>8} bytes with brotli in all, at most {SIZE_LIMIT_BYTES}: {} (with gzip: {total_gzip})",
        verdict(kept)
    ));
    Ok(kept)
}

fn list(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            list(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_at_the_limit_is_kept_and_above_it_is_not() {
        let second = Duration::from_secs(1);
        assert!(compare("this", second, second * 2, 0.5));
        assert!(!compare("this", second * 2, second * 2, 0.99));
    }
}
