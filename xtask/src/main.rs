//! `cargo xtask`: the habits of this house as code.
//!
//! Sets a machine up, builds the page, runs every check, starts the demo and the benchmarks. What needs our own
//! crates (the demo, the benchmarks) lives in the `tests` package as programs that this one builds and starts;
//! `xtask` itself depends on none of them and so builds in seconds.

mod bench;
mod build;
mod check;
mod demo;
mod fuzz;
#[cfg(test)]
mod limits;
mod registry;
mod setup;
mod shots;
mod steps;
mod system;
mod tools;

use std::{path::PathBuf, process::ExitCode};

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::{
    setup::Purpose,
    steps::{Steps, say},
    tools::Workspace,
};

/// Sets up, builds, tests and shows Weighbridge.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Xtask {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Install what is missing to build and test, and nothing else
    ///
    /// Tools go to the user's cargo folder. As root on Debian, system packages are installed too; elsewhere this
    /// says what to install and stops.
    Setup,
    /// Build the page and its hashing worker into dist/
    BuildWeb {
        /// Optimise for size and speed, as it is shipped
        #[arg(long)]
        release: bool,
    },
    /// Set up, then formatting, lints and every test
    Test,
    /// What continuous integration runs: the same as test
    Ci {
        /// Also run what takes long, and check licences and sources of all dependencies
        #[arg(long)]
        slow: bool,
    },
    /// Start a registry with a published model, and say what to try
    Demo {
        /// Folder of a model to publish [default: a small one is generated]
        #[arg(long, value_name = "DIR")]
        model: Option<PathBuf>,
        /// Address to listen on
        #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
        listen: String,
    },
    /// Look for inputs that break a parser, with nightly Rust and libFuzzer (docs/FUZZING.md)
    Fuzz {
        /// Run only these targets. May be repeated [default: every one]
        #[arg(long, value_name = "NAME")]
        target: Vec<String>,
        /// Minutes for each target
        #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1440))]
        minutes: u32,
        /// Minimise what was found into the committed corpus
        #[arg(long)]
        keep: bool,
    },
    /// Kill a registry under full load, again and again, and let its disk fail: nothing may be lost
    Torture {
        /// Kills
        #[arg(long, value_name = "N", default_value_t = 20)]
        rounds: u32,
        /// Entries in the log before the first one
        #[arg(long, value_name = "N", default_value_t = 100_000)]
        entries: u32,
        /// What the random times follow from
        #[arg(long, value_name = "N", default_value_t = 1)]
        seed: u32,
    },
    /// Take pictures of every page in every state into target/shots
    Shots {
        /// Only these walks through the pages, such as site or verdicts. May be repeated
        #[arg(long, value_name = "WALK")]
        only: Vec<String>,
    },
    /// Compare speed and size with the limits that the project holds itself to
    Bench {
        /// Run only these parts. May be repeated
        #[arg(long, value_name = "PART")]
        only: Vec<bench::Part>,
    },
}

fn main() -> ExitCode {
    let command = Xtask::parse().command;
    let mut steps = Steps::new();
    let result = Workspace::find().and_then(|workspace| run(command, &workspace, &mut steps));
    steps.summary(result.is_ok());
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("\n{error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn torture(workspace: &Workspace, numbers: [u32; 3], steps: &mut Steps) -> Result<()> {
    setup::run(workspace, Purpose::Everything, steps)?;
    build::programs(workspace, "release", steps)?;
    steps.run("build the torturer", || {
        let run = workspace.cargo().args(["build", "--locked", "--release"]);
        run.args(["-p", "weighbridge-tests", "--bin", "torture"]).show()
    })?;
    steps.run("torture", || {
        let run = workspace.program("release", "torture");
        run.args(numbers.map(|number| number.to_string())).show()
    })
}

fn run(command: Command, workspace: &Workspace, steps: &mut Steps) -> Result<()> {
    match command {
        Command::Setup => setup::run(workspace, Purpose::Everything, steps),
        Command::BuildWeb { release } => {
            setup::run(workspace, Purpose::Page, steps)?;
            build::web(workspace, release, steps)
        }
        Command::Test | Command::Ci { slow: false } => check::test(workspace, steps),
        Command::Ci { slow: true } => {
            check::test(workspace, steps)?;
            check::slow(workspace, steps)
        }
        Command::Demo { model, listen } => demo::run(workspace, model.as_deref(), &listen, steps),
        Command::Fuzz {
            target,
            minutes,
            keep,
        } => fuzz::run(workspace, &target, minutes, keep, steps),
        Command::Torture {
            rounds,
            entries,
            seed,
        } => torture(workspace, [rounds, entries, seed], steps),
        Command::Shots { only } => shots::run(workspace, &only, steps),
        Command::Bench { only } => bench::run(workspace, &only, steps),
    }
}
