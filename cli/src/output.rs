//! Writing to the terminal: results on stdout, everything else on stderr; colours and JSON.
//!
//! A reader that closes the pipe early (`| head`) ends the output, not the command: its exit code stands.

use std::{
    env,
    fmt::Display,
    io::{self, IsTerminal, Write, stderr, stdout},
};

use provenance::path::visible;
use serde::Serialize;
use serde_json::json;

use crate::{
    args::Global,
    failure::{Exit, Failure},
};

/// A colour with a meaning; never the only carrier of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    /// All is well.
    Good,
    /// Something is wrong.
    Bad,
    /// Something is open.
    Open,
    /// Less important.
    Faint,
    /// A heading.
    Strong,
}

impl Tone {
    fn code(self) -> &'static str {
        match self {
            Self::Good => "32",
            Self::Bad => "31",
            Self::Open => "33",
            Self::Faint => "2",
            Self::Strong => "1",
        }
    }
}

/// Where and how to write.
#[derive(Debug, Clone, Copy)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four independent facts about two streams"
)]
pub(crate) struct Output {
    /// The result is wanted as JSON.
    pub(crate) json: bool,
    /// Only the result is wanted.
    pub(crate) quiet: bool,
    colour_stdout: bool,
    colour_stderr: bool,
}

impl Output {
    /// Output as the options and the terminal ask.
    pub(crate) fn new(global: &Global) -> Self {
        let refused = global.no_color || env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
        let colour = !refused && !dumb;
        Self {
            json: global.json,
            quiet: global.quiet,
            colour_stdout: colour && stdout().is_terminal(),
            colour_stderr: colour && stderr().is_terminal(),
        }
    }

    /// Text without colours, as tests compare it.
    #[cfg(test)]
    pub(crate) fn plain() -> Self {
        Self {
            json: false,
            quiet: false,
            colour_stdout: false,
            colour_stderr: false,
        }
    }

    /// Whether a progress bar is welcome.
    pub(crate) fn wants_progress(self) -> bool {
        !self.json && !self.quiet
    }

    /// Writes one text, which may have several lines, to stdout.
    ///
    /// # Errors
    /// [`Exit::Io`] when it cannot be written; a closed pipe is no error.
    pub(crate) fn print(text: &str) -> Result<(), Failure> {
        let mut out = stdout().lock();
        let written = out
            .write_all(text.as_bytes())
            .and_then(|()| out.write_all(b"\n"))
            .and_then(|()| out.flush());
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Failure::new(Exit::Io, "could not write the result").why(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes a value as JSON to stdout.
    ///
    /// # Errors
    /// As [`Self::print`].
    pub(crate) fn print_json(value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value)
            .map_err(|error| Failure::new(Exit::Io, "could not write the result as JSON").why(error))?;
        Self::print(&text)
    }

    /// Writes a remark to stderr, unless `--quiet`.
    pub(crate) fn note(self, text: impl Display) {
        if !self.quiet {
            say(&shown(&text.to_string()));
        }
    }

    /// Tells a failure: for people on stderr, and with `--json` also as an object on stdout.
    pub(crate) fn failure(self, failure: &Failure) {
        let mut text = self.paint_error("error:", Tone::Bad);
        text.push(' ');
        text.push_str(&shown(&failure.to_string()));
        if let Some(next) = &failure.next {
            text.push_str("\n  next: ");
            text.push_str(&shown(next));
        }
        say(&text);
        if self.json {
            Self::failure_json(failure);
        }
    }

    /// Tells a failure to programs, on stdout.
    pub(crate) fn failure_json(failure: &Failure) {
        let error = json!({
            "exit": failure.exit as u8, "what": failure.what, "why": failure.why, "next": failure.next,
        });
        // The failure has been told on stderr; there is nobody left to tell that stdout is closed.
        let _ = Self::print_json(&json!({ "v": 1, "error": error }));
    }

    /// `text` in the colour of `tone`, for stdout.
    pub(crate) fn paint(self, text: impl Display, tone: Tone) -> String {
        painted(&text, tone, self.colour_stdout)
    }

    fn paint_error(self, text: impl Display, tone: Tone) -> String {
        painted(&text, tone, self.colour_stderr)
    }
}

/// `text` with every hidden character written out, so that no file name or answer of a stranger moves the cursor or
/// turns a line around. Line feeds stay: our texts have several lines.
fn shown(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    lines.join("\n")
}

fn painted(text: &impl Display, tone: Tone, colour: bool) -> String {
    if colour {
        format!("\x1b[{}m{text}\x1b[0m", tone.code())
    } else {
        text.to_string()
    }
}

fn say(text: &str) {
    // Without stderr there is no place left to complain.
    let _ = writeln!(stderr().lock(), "{text}");
}

/// A byte count for people: `13.9 GiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if count < 1024 {
        return if count == 1 {
            "1 byte".into()
        } else {
            format!("{count} bytes")
        };
    }
    let unit = (count.ilog2() / 10).min(5);
    // Tenths of the unit, rounded to nearest in integers.
    let scale = 1u128 << (10 * unit);
    let tenths = (u128::from(count) * 10 + scale / 2) / scale;
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit as usize - 1])
}

/// A whole number with thousands separated: `1,728,053,248`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 file`, `14 files`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{} {noun}s", grouped(number as u64))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn byte_counts_read_like_a_file_manager() {
        let expected = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.0 KiB"),
            (90_868_376, "86.7 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ];
        for (number, text) in expected {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn numbers_are_grouped_by_thousands() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (1_728_053_248, "1,728,053,248"),
        ] {
            assert_eq!(grouped(number), text);
        }
        assert_eq!(
            (count(1, "file"), count(2, "file")),
            ("1 file".into(), "2 files".into())
        );
    }
}
