//! Mistakes on the command line: clap's words on stderr, and with `--json` an object on stdout as for every failure.

use std::{env, process::ExitCode};

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::{
    failure::{Exit, Failure},
    output::Output,
};

/// Tells what clap has to say, and gives the exit code. Help and version are no mistakes and end with 0.
pub(crate) fn tell(mut error: clap::Error) -> ExitCode {
    shortest_first(&mut error);
    let error = &error;
    // Nobody is left to tell that the streams are closed.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    let wants_json = env::args_os()
        .skip(1)
        .take_while(|arg| arg != "--")
        .any(|arg| arg == "--json");
    if wants_json {
        Output::failure_json(&failure(error));
    }
    ExitCode::from(Exit::Usage as u8)
}

/// Puts the shortest of several suggestions first: who types `verfy` means `verify`, not `verify-evidence`.
fn shortest_first(error: &mut clap::Error) {
    let kind = ContextKind::SuggestedSubcommand;
    if let Some(ContextValue::Strings(names)) = error.get(kind) {
        let mut names = names.clone();
        names.sort_by_key(String::len);
        error.insert(kind, ContextValue::Strings(names));
    }
}

fn failure(error: &clap::Error) -> Failure {
    let help = "weighbridge --help, or --help after the command";
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Failure::usage("no command was given").next(help);
    }
    let text = error.render().to_string();
    // The first paragraph says what is wrong; usage and tips come after it.
    let first = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<_> = first.split_whitespace().collect();
    let what = words.join(" ");
    Failure::usage(what.strip_prefix("error: ").unwrap_or(&what)).next(help)
}
