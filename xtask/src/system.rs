//! Running other programs: one builder that says what it runs and fails with what to look at.

use std::{
    env,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result, bail};

use crate::steps::say;

/// A program with its arguments, run to its end.
#[derive(Debug)]
pub(crate) struct Run {
    command: Command,
    text: String,
}

impl Run {
    /// Prepares `program`, found on the PATH.
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let text = Path::new(&program)
            .file_name()
            .unwrap_or(program.as_ref())
            .to_string_lossy()
            .into_owned();
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command, text }
    }

    /// Adds one argument.
    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.text.push(' ');
        self.text.push_str(&arg.as_ref().to_string_lossy());
        self.command.arg(arg);
        self
    }

    /// Adds arguments.
    pub(crate) fn args<S: AsRef<OsStr>>(self, args: impl IntoIterator<Item = S>) -> Self {
        args.into_iter().fold(self, Self::arg)
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Takes an environment variable away.
    pub(crate) fn without_env(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    /// Runs in `folder`.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.command.current_dir(folder);
        self
    }

    /// Says what runs, and runs it with its output shown.
    ///
    /// # Errors
    /// When it cannot start or does not end with success.
    pub(crate) fn show(mut self) -> Result<()> {
        say(&format!("   $ {}", self.text));
        let status = self
            .command
            .status()
            .with_context(|| format!("cannot start `{}`", self.text))?;
        if !status.success() {
            bail!("`{}` ended with {status}; its output is above", self.text);
        }
        Ok(())
    }

    /// Says what runs, runs it with its stderr shown, and answers its stdout.
    ///
    /// # Errors
    /// When it cannot start, does not end with success, or does not print UTF-8.
    pub(crate) fn show_and_answer(mut self) -> Result<String> {
        say(&format!("   $ {}", self.text));
        let output = self.command.stderr(Stdio::inherit()).output();
        let output = output.with_context(|| format!("cannot start `{}`", self.text))?;
        if !output.status.success() {
            bail!(
                "`{}` ended with {}; what it says is above",
                self.text,
                output.status
            );
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{}` did not print UTF-8", self.text))
    }

    /// Runs it to its end; what it prints is shown only when it does not succeed.
    ///
    /// # Errors
    /// When it cannot start or does not end with success.
    pub(crate) fn quiet(mut self) -> Result<()> {
        let output = self
            .command
            .output()
            .with_context(|| format!("cannot start `{}`", self.text))?;
        if !output.status.success() {
            let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim().to_owned();
            let (out, err) = (said(&output.stdout), said(&output.stderr));
            bail!("`{}` ended with {}\n{out}\n{err}", self.text, output.status);
        }
        Ok(())
    }

    /// Says what runs, runs it to its end, and answers whether it succeeded and what it said on stderr.
    ///
    /// # Errors
    /// When it cannot start.
    pub(crate) fn stderr(mut self) -> Result<(bool, String)> {
        say(&format!("   $ {}", self.text));
        let output = self.command.output();
        let output = output.with_context(|| format!("cannot start `{}`", self.text))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.success(), said))
    }

    /// Says what runs and starts it, with its stdout piped to this process.
    ///
    /// # Errors
    /// When it cannot start.
    pub(crate) fn start(mut self) -> Result<Child> {
        say(&format!("   $ {}", self.text));
        self.command
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{}`", self.text))
    }

    /// Runs it quietly and answers its stdout, or nothing when it is not there or does not succeed.
    pub(crate) fn answer(mut self) -> Option<String> {
        let output = self.command.stderr(Stdio::null()).output().ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Replaces this process with the program, so that signals from the terminal reach it alone.
    ///
    /// # Errors
    /// When it cannot start; it never returns otherwise.
    #[cfg(unix)]
    pub(crate) fn become_it(mut self) -> Result<()> {
        use std::os::unix::process::CommandExt as _;
        let error = self.command.stdin(Stdio::inherit()).exec();
        Err(error).with_context(|| format!("cannot start `{}`", self.text))
    }

    /// Runs it to its end with its output shown.
    ///
    /// # Errors
    /// When it cannot start or does not end with success.
    #[cfg(not(unix))]
    pub(crate) fn become_it(self) -> Result<()> {
        self.show()
    }
}

/// The file that `program` names on the PATH.
pub(crate) fn on_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|file| file.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_fails_is_named() {
        let error = Run::new("rustc").arg("--no-such-option").quiet().unwrap_err();
        assert!(error.to_string().contains("rustc --no-such-option"), "{error}");
    }

    #[test]
    fn a_program_that_is_not_there_answers_nothing() {
        assert_eq!(
            Run::new("weighbridge-no-such-program").arg("--version").answer(),
            None
        );
        assert_eq!(on_path("weighbridge-no-such-program"), None);
    }
}
