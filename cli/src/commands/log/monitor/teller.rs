//! Tells of an event: a line on stdout, a command, a web address.

use std::{
    io::{self, Write as _},
    process::{Command, Stdio},
    time::Duration,
};

use serde_json::Value;
use ureq::Agent;

use crate::{
    args::MonitorArgs,
    client::agent,
    failure::{Exit, Failure},
    output::Output,
};

/// Who is told.
pub(super) struct Teller {
    exec: Option<String>,
    webhook: Option<String>,
    agent: Agent,
}

impl Teller {
    /// Those whom the options name. A webhook has `timeout` to answer.
    pub(super) fn new(args: &MonitorArgs, timeout: Duration) -> Self {
        Self {
            exec: args.exec.clone(),
            webhook: args.webhook.clone(),
            agent: agent(|config| config.timeout_global(Some(timeout))),
        }
    }

    /// Tells all of them.
    ///
    /// # Errors
    /// [`Exit::Io`] or [`Exit::Network`] when one was not told; those before it were.
    pub(super) fn tell(&self, event: &Value) -> Result<(), Failure> {
        let line = event.to_string();
        Output::print(&line)?;
        if let Some(command) = &self.exec {
            execute(command, &line)?;
        }
        if let Some(url) = &self.webhook {
            self.post(url, &line)?;
        }
        Ok(())
    }

    fn post(&self, url: &str, line: &str) -> Result<(), Failure> {
        let request = self.agent.post(url).header("Content-Type", "application/json");
        let failed = || Failure::new(Exit::Network, format!("the webhook {url} was not told"));
        match request.send(line.as_bytes()) {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(failed().why(format!("it answered {}", answer.status()))),
            Err(error) => Err(failed().why(error)),
        }
    }
}

/// Runs `command` in the shell with `line` on its stdin. What it prints goes to stderr: stdout is for the events.
fn execute(command: &str, line: &str) -> Result<(), Failure> {
    let failed = || {
        Failure::new(
            Exit::Io,
            format!("the command `{command}` did not take the event"),
        )
    };
    let mut shell = if cfg!(windows) {
        let mut shell = Command::new("cmd");
        shell.arg("/C");
        shell
    } else {
        let mut shell = Command::new("sh");
        shell.arg("-c");
        shell
    };
    let shell = shell.arg(command).stdin(Stdio::piped());
    let mut child = shell
        .stdout(io::stderr())
        .spawn()
        .map_err(|error| failed().why(error))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A command that does not read its stdin has the event all the same: it was run.
        let _ = stdin
            .write_all(line.as_bytes())
            .and_then(|()| stdin.write_all(b"\n"));
    }
    let status = child.wait().map_err(|error| failed().why(error))?;
    if status.success() {
        Ok(())
    } else {
        Err(failed().why(format!("it ended with {status}")))
    }
}
