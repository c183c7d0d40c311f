//! `weighbridge`: for labs that publish models, and for everyone who checks what they downloaded.
//!
//! Parses the command line, runs one command, ends with its exit code. `args` says what can be typed, `commands`
//! does it; judgements about records and files are `provenance`'s.

mod also;
mod args;
mod att_folder;
mod bundle_file;
mod client;
mod commands;
mod evidence;
mod failure;
mod find;
mod hashing;
mod header;
mod key_file;
mod observe;
mod output;
mod passphrase;
mod place;
mod progress;
mod report;
mod schedule;
mod shell;
mod source;
mod supply;
mod tiles;
mod trust_store;
mod usage;
mod values;
mod walk;

use std::process::ExitCode;

use crate::{args::Cli, output::Output};

fn main() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(error) => return usage::tell(error),
    };
    let output = Output::new(&cli.global);
    let exit = commands::run(cli, output).unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    ExitCode::from(exit as u8)
}
