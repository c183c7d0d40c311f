//! What ends a command early: what happened, where, why it is likely, what to type next, and the exit code.
//!
//! Every error of a library becomes a [`Failure`] where its context is known; the texts are for people.

use std::{fmt, io, path::Path};

/// The exit codes. They are an interface: scripts branch on them (UX 7.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Exit {
    /// Done; for `verify`: authentic, or superseded.
    Done = 0,
    /// The files differ from the record.
    Mismatch = 1,
    /// The command line, or a file it names, cannot be used; or the registry refused the request as it is.
    Usage = 2,
    /// Nothing on record.
    Unknown = 3,
    /// Withdrawn, or a parent is.
    Withdrawn = 4,
    /// Everything matches, but currency could not be confirmed.
    Stale = 5,
    /// Files are missing.
    Incomplete = 6,
    /// A file could not be read or written.
    Io = 7,
    /// The registry could not be reached, or could not answer.
    Network = 8,
    /// A record or a proof does not hold.
    LogFault = 9,
    /// The publisher is not one the user chose to trust.
    Untrusted = 10,
}

/// An error as the user sees it.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub(crate) exit: Exit,
    /// What happened, and where.
    pub(crate) what: String,
    /// Why, as far as we know.
    pub(crate) why: Option<String>,
    /// What to do or type next.
    pub(crate) next: Option<String>,
}

impl Failure {
    /// A failure that is fully told by `what`.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            why: None,
            next: None,
        }
    }

    /// Something about the command line or a file it names.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// A file operation that failed; `doing` reads like `read` or `create`.
    pub(crate) fn io(doing: &str, path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::Io, format!("could not {doing} {}", path.display())).why(plain_io(error))
    }

    /// Adds why it happened.
    pub(crate) fn why(mut self, why: impl fmt::Display) -> Self {
        self.why = Some(why.to_string());
        self
    }

    /// Adds what to do next.
    pub(crate) fn next(mut self, next: impl Into<String>) -> Self {
        self.next = Some(next.into());
        self
    }

    /// Adds another way on to what to do next.
    pub(crate) fn or_next(mut self, other: &str) -> Self {
        self.next = Some(
            self.next
                .map_or_else(|| other.to_owned(), |next| format!("{next}; {other}")),
        );
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

/// An I/O error in words, without the operating system's number.
pub(crate) fn plain_io(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file or folder".into(),
        io::ErrorKind::PermissionDenied => "this account may not do that".into(),
        io::ErrorKind::AlreadyExists => "it exists already, and is never overwritten".into(),
        io::ErrorKind::StorageFull => "the disk is full".into(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

/// An error and everything that caused it, in one line.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause
            .downcast_ref::<io::Error>()
            .map_or_else(|| cause.to_string(), plain_io);
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}
