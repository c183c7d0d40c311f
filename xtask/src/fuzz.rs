//! `cargo xtask fuzz`: every fuzz target for some minutes, and what the runs found.
//!
//! The targets are programs of the workspace `fuzz`, built with nightly; docs/FUZZING.md says what they hold. New
//! inputs of a run lie in `fuzz/target` and are thrown away with it, unless `--keep` minimises them into the
//! committed corpus.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use crate::{
    steps::{Steps, say},
    system::Run,
    tools::Workspace,
};

/// Longest input in bytes. Every format has shorter ones that show all of it.
const MAX_INPUT_BYTES: usize = 64 << 10;

/// Seconds that one input may take. The slowest honest one takes milliseconds.
const MAX_INPUT_SECONDS: u32 = 10;

/// MiB that a target may take: no input makes a parser take more than a few times its length.
const MAX_MEMORY_MIB: u32 = 1024;

/// Most files of a target's committed corpus, and most bytes of each.
const MAX_KEPT_FILES: usize = 32;
const MAX_KEPT_BYTES: u64 = 4 << 10;

/// What one run of a target came to.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    name: String,
    executions: String,
    edges: String,
    inputs: String,
}

/// Runs `only`, or every target, `minutes` each.
///
/// # Errors
/// The first target that found something, with where it lies.
pub(crate) fn run(
    workspace: &Workspace,
    only: &[String],
    minutes: u32,
    keep: bool,
    steps: &mut Steps,
) -> Result<()> {
    steps.run("tools for fuzzing", || tools(workspace))?;
    let programs = steps.run("fuzz targets", || build(workspace))?;
    let fuzz = Fuzz {
        folder: workspace.root().join("fuzz"),
        programs,
        seconds: minutes * 60,
    };
    let all = fuzz.seeds(workspace)?;
    if let Some(unknown) = only.iter().find(|name| !all.contains(name)) {
        bail!(
            "there is no fuzz target {unknown:?}; there are {}",
            all.join(", ")
        );
    }
    let mut rows = vec![
        "| target | executions | edges reached | inputs kept in the run |".to_owned(),
        "|---|---|---|---|".to_owned(),
    ];
    for name in all.iter().filter(|name| only.is_empty() || only.contains(name)) {
        let Outcome {
            name,
            executions,
            edges,
            inputs,
        } = steps.run(name, || fuzz.run(workspace, name))?;
        rows.push(format!("| `{name}` | {executions} | {edges} | {inputs} |"));
        if keep {
            fuzz.keep(workspace, &name)?;
        }
    }
    say(&format!("\n{}", rows.join("\n")));
    Ok(())
}

fn tools(workspace: &Workspace) -> Result<()> {
    if workspace
        .cargo()
        .args(["+nightly", "--version"])
        .answer()
        .is_none()
    {
        say("   nightly Rust is missing: installing it");
        workspace
            .run("rustup")
            .args(["toolchain", "install", "nightly", "--profile", "minimal"])
            .show()?;
    }
    if workspace.cargo().args(["fuzz", "--version"]).answer().is_none() {
        say("   cargo-fuzz is missing: compiling it (about a minute)");
        workspace
            .cargo()
            .without_env("CARGO_TARGET_DIR")
            .args(["install", "cargo-fuzz", "--locked"])
            .show()?;
    }
    Ok(())
}

/// Builds every target with the address sanitizer; gives the folder of the programs.
fn build(workspace: &Workspace) -> Result<PathBuf> {
    let fuzz = workspace.root().join("fuzz");
    workspace
        .cargo()
        .without_env("CARGO_TARGET_DIR")
        .args(["+nightly", "fuzz", "build", "--fuzz-dir"])
        .arg(&fuzz)
        .show()?;
    let about = workspace.run("rustc").args(["+nightly", "-vV"]).answer();
    let host = about
        .as_deref()
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("host: ")));
    let host = host.context("rustc does not say for which machine it builds")?;
    Ok(fuzz.join("target").join(host).join("release"))
}

struct Fuzz {
    folder: PathBuf,
    programs: PathBuf,
    seconds: u32,
}

impl Fuzz {
    /// Inputs of this machine's runs: `corpus` grows from run to run, `seeds` are what honest writers make.
    fn own(&self, kind: &str, name: &str) -> PathBuf {
        self.folder.join("target").join(kind).join(name)
    }

    fn program(&self, workspace: &Workspace, name: &str) -> Run {
        workspace.run(&self.programs.join(name).to_string_lossy())
    }

    /// Writes the samples of every target, and names the targets.
    fn seeds(&self, workspace: &Workspace) -> Result<Vec<String>> {
        let seeds = self
            .program(workspace, "seeds")
            .arg(self.folder.join("target/seeds"));
        let mut names: Vec<String> = seeds.show_and_answer()?.lines().map(str::to_owned).collect();
        names.sort();
        Ok(names)
    }

    fn run(&self, workspace: &Workspace, name: &str) -> Result<Outcome> {
        let own = self.own("corpus", name);
        let findings = self.folder.join("artifacts").join(name);
        for folder in [&own, &findings] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let mut program = self
            .program(workspace, name)
            .arg(format!("-max_total_time={}", self.seconds))
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-timeout={MAX_INPUT_SECONDS}"))
            .arg(format!("-rss_limit_mb={MAX_MEMORY_MIB}"))
            .arg(format!("-artifact_prefix={}/", findings.display()))
            .arg("-print_final_stats=1")
            .arg(&own)
            .arg(self.own("seeds", name));
        for kind in ["corpus", "regressions"] {
            let folder = self.folder.join(kind).join(name);
            if folder.is_dir() {
                program = program.arg(folder);
            }
        }
        let (ended_well, said) = program.stderr()?;
        if !ended_well {
            let tail: Vec<&str> = said.lines().rev().take(30).collect();
            for line in tail.iter().rev() {
                say(line);
            }
            bail!(
                "the target {name} found an input, in {}. Mend what it shows, then move it to fuzz/regressions/{name}",
                findings.display()
            );
        }
        let outcome = outcome(name, &said).with_context(|| format!("the fuzzer said no figures: {said}"))?;
        say(&format!(
            "   {} executions, {} edges",
            outcome.executions, outcome.edges
        ));
        Ok(outcome)
    }

    /// Replaces the committed corpus by the smallest inputs that reach everything known, as far as they are small.
    fn keep(&self, workspace: &Workspace, name: &str) -> Result<()> {
        let (committed, least) = (self.folder.join("corpus").join(name), self.own("least", name));
        for folder in [&committed, &least] {
            fs::create_dir_all(folder)?;
        }
        for old in fs::read_dir(&least)? {
            fs::remove_file(old?.path())?;
        }
        let merge = self
            .program(workspace, name)
            .arg("-set_cover_merge=1")
            .arg(&least)
            .arg(self.own("corpus", name))
            .arg(self.own("seeds", name))
            .arg(&committed);
        let (ended_well, said) = merge.stderr()?;
        if !ended_well {
            bail!("the inputs of {name} could not be minimised:\n{said}");
        }
        replace(&least, &committed)?;
        Ok(())
    }
}

/// Moves the smallest files of `from` to `to`, in place of what is there.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        files.push((entry.metadata()?.len(), entry.file_name()));
    }
    files.sort();
    // The smallest stays whatever its size: a target without a corpus is a mistake.
    let small = files
        .iter()
        .take_while(|(size, _)| *size <= MAX_KEPT_BYTES)
        .count();
    files.truncate(small.clamp(1, MAX_KEPT_FILES));
    for old in fs::read_dir(to)? {
        fs::remove_file(old?.path())?;
    }
    for (_, name) in &files {
        fs::copy(from.join(name), to.join(name))?;
    }
    Ok(())
}

/// Reads the figures that libFuzzer prints at the end.
fn outcome(name: &str, said: &str) -> Option<Outcome> {
    let executions = said
        .lines()
        .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))?;
    // Such as: #123 DONE cov: 456 ft: 789 corp: 12/3456b lim: 512 exec/s: 1000 rss: 100Mb
    let last = said.lines().rev().find(|line| line.contains(" cov: "))?;
    let after = |word: &str| {
        let (_, rest) = last.split_once(word)?;
        rest.split([' ', '/']).next().map(str::to_owned)
    };
    Some(Outcome {
        name: name.to_owned(),
        executions: executions.trim().to_owned(),
        edges: after(" cov: ")?,
        inputs: after(" corp: ")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_run_are_read() {
        let said = "#2\tINITED cov: 10 ft: 11 corp: 1/5b exec/s: 0 rss: 50Mb\n\
            #777\tDONE   cov: 456 ft: 789 corp: 12/3456b lim: 512 exec/s: 1000 rss: 100Mb\n\
            stat::number_of_executed_units: 777\nstat::average_exec_per_sec:     12\n";
        let expected = Outcome {
            name: "note".into(),
            executions: "777".into(),
            edges: "456".into(),
            inputs: "12".into(),
        };
        assert_eq!(outcome("note", said), Some(expected));
        assert_eq!(outcome("note", "ERROR: no interesting inputs"), None);
    }

    #[test]
    fn every_target_has_its_program() {
        let fuzz = Workspace::find().unwrap().root().join("fuzz");
        let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
        for program in fs::read_dir(fuzz.join("fuzz_targets")).unwrap() {
            let path = program.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap();
            assert!(
                manifest.contains(&format!("[[bin]]\nname = \"{name}\"\n")),
                "{name}"
            );
            let text = fs::read_to_string(&path).unwrap();
            assert!(
                text.contains(&format!("targets::run(\"{name}\", bytes)")),
                "{name}"
            );
            assert!(fuzz.join("corpus").join(name).is_dir(), "{name}");
        }
    }
}
