//! Passphrases of private keys: where they come from, and what a new one must be.
//!
//! A passphrase comes from a file, an open descriptor or the terminal, never from the command line or the environment,
//! which other programs can read. It is wiped from memory when dropped and shown nowhere.

use std::{
    fmt,
    fs::File,
    io::{self, IsTerminal, Read},
    path::{Path, PathBuf},
};

use zeroize::{Zeroize as _, Zeroizing};

use crate::{
    failure::{Failure, plain_io},
    output::Output,
    shell::quoted,
};

/// Fewest characters of a new passphrase. A key file that was copied can be tried at leisure.
pub(crate) const MIN_CHARACTERS: usize = 12;

/// Most bytes of a passphrase that are read.
const MAX_BYTES: usize = 1024;

/// A passphrase.
pub(crate) struct Passphrase(Zeroizing<Vec<u8>>);

impl Passphrase {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Passphrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passphrase(not shown)")
    }
}

/// Where a passphrase is to come from: a file, else a descriptor, else the terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    /// The option that names a file, as it is typed.
    pub(crate) option: &'static str,
    /// The file.
    pub(crate) file: Option<&'a Path>,
    /// The descriptor.
    pub(crate) descriptor: Option<u32>,
}

impl Source<'_> {
    /// Whether something was said on the command line.
    pub(crate) fn is_given(self) -> bool {
        self.file.is_some() || self.descriptor.is_some()
    }

    /// The passphrase of the key file `key`, which exists.
    ///
    /// # Errors
    /// When there is none to be had. Without a terminal that is at once.
    pub(crate) fn existing(self, output: Output, key: &Path) -> Result<Passphrase, Failure> {
        let found = match self.given(output)? {
            Some(found) => found,
            None => self.ask(
                &format!("Passphrase for {}: ", key.display()),
                &format!("the key {} is encrypted", key.display()),
            )?,
        };
        if found.0.is_empty() {
            return Err(Failure::usage("the passphrase is empty").next(format!(
                "type it again, or name another file with {}",
                self.option
            )));
        }
        Ok(found)
    }

    /// A new passphrase for `purpose`, such as `lab.key`. On the terminal it is asked for twice.
    ///
    /// # Errors
    /// As [`Self::existing`]; and when it is too short, or was typed in two ways.
    pub(crate) fn new_one(self, output: Output, purpose: &str) -> Result<Passphrase, Failure> {
        if let Some(found) = self.given(output)? {
            refuse_short(&found)?;
            return Ok(found);
        }
        let needed = format!("{purpose} needs a passphrase");
        let prompt = format!("New passphrase for {purpose} (at least {MIN_CHARACTERS} characters): ");
        let found = self.ask(&prompt, &needed)?;
        refuse_short(&found)?;
        if self.ask("The same again: ", &needed)?.0 != found.0 {
            return Err(
                Failure::usage("the two passphrases differ, so nothing was written")
                    .next("run it again and type the same one twice"),
            );
        }
        Ok(found)
    }

    fn given(self, output: Output) -> Result<Option<Passphrase>, Failure> {
        if let Some(path) = self.file {
            return read_file(path, output).map(Some);
        }
        let Some(descriptor) = self.descriptor else {
            return Ok(None);
        };
        let named = format!("descriptor {descriptor}");
        if descriptor == 0 {
            return first_line(io::stdin().lock(), &named, Path::new("stdin")).map(Some);
        }
        // Opening this path duplicates the descriptor that the caller left open.
        let path = PathBuf::from(format!("/dev/fd/{descriptor}"));
        let file = File::open(&path).map_err(|error| {
            Failure::usage(format!("{named} cannot be read"))
                .why(plain_io(&error))
                .next(format!(
                    "open it for this command, as in: weighbridge ... {descriptor}< FILE"
                ))
        })?;
        first_line(file, &named, &path).map(Some)
    }

    fn ask(self, prompt: &str, needed: &str) -> Result<Passphrase, Failure> {
        let no_terminal = || {
            Failure::usage(format!("{needed}, and there is no terminal to ask for it on")).next(format!(
                "add {} FILE, whose first line is the passphrase",
                self.option
            ))
        };
        // A command whose input is not the terminal is a script's: it must not wait for somebody.
        if !io::stdin().is_terminal() {
            return Err(no_terminal());
        }
        // From before the prompt on: what is typed the moment it stands there must not show.
        let _hidden = NoEcho::on_terminal();
        match rpassword::prompt_password(prompt) {
            Ok(text) => Ok(Passphrase(Zeroizing::new(text.into_bytes()))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Err(Failure::usage("no passphrase was typed, so nothing was written"))
            }
            Err(error) => Err(no_terminal().why(plain_io(&error))),
        }
    }
}

/// Keeps the terminal from showing what is typed, until it is dropped. `rpassword` does so only after its prompt.
#[cfg(unix)]
struct NoEcho {
    terminal: File,
    before: rustix::termios::Termios,
}

#[cfg(unix)]
impl NoEcho {
    /// None where there is no terminal to change; the prompt then says so.
    fn on_terminal() -> Option<Self> {
        use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
        let terminal = File::open("/dev/tty").ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut quiet = before.clone();
        quiet.local_modes.remove(LocalModes::ECHO);
        tcsetattr(&terminal, OptionalActions::Now, &quiet).ok()?;
        Some(Self { terminal, before })
    }
}

#[cfg(unix)]
impl Drop for NoEcho {
    fn drop(&mut self) {
        // A terminal that is gone needs no echo.
        let _ = rustix::termios::tcsetattr(
            &self.terminal,
            rustix::termios::OptionalActions::Now,
            &self.before,
        );
    }
}

#[cfg(not(unix))]
struct NoEcho;

#[cfg(not(unix))]
impl NoEcho {
    fn on_terminal() -> Self {
        Self
    }
}

fn refuse_short(passphrase: &Passphrase) -> Result<(), Failure> {
    let characters = String::from_utf8_lossy(&passphrase.0).chars().count();
    if characters >= MIN_CHARACTERS {
        return Ok(());
    }
    let what = match characters {
        0 => "the passphrase is empty".to_owned(),
        1 => "the passphrase has 1 character".to_owned(),
        more => format!("the passphrase has {more} characters"),
    };
    Err(Failure::usage(format!("{what}, so nothing was written"))
        .why(format!(
            "at least {MIN_CHARACTERS} are needed: whoever gets a copy of the file can try short ones"
        ))
        .next("take four or five words at random"))
}

fn read_file(path: &Path, output: Output) -> Result<Passphrase, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open the passphrase file", path, &error))?;
    #[cfg(unix)]
    if let Ok(metadata) = file.metadata() {
        use std::os::unix::fs::PermissionsExt as _;
        if metadata.is_file() && metadata.permissions().mode() & 0o044 != 0 {
            output.note(format!(
                "warning: others can read the passphrase in {}; to keep it to yourself: chmod 600 {}",
                path.display(),
                quoted(&path.display().to_string())
            ));
        }
    }
    first_line(file, &path.display().to_string(), path)
}

/// The first line, without its line ending.
fn first_line(from: impl Read, named: &str, path: &Path) -> Result<Passphrase, Failure> {
    // Room for all that is read, so that no copy is left behind by growing.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES + 2));
    let mut from = from.take(MAX_BYTES as u64 + 2);
    let mut buffer = Zeroizing::new([0; 256]);
    loop {
        let read = match from.read(&mut *buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(Failure::io("read the passphrase from", path, &error)),
        };
        bytes.extend_from_slice(&buffer[..read]);
        if buffer[..read].contains(&b'\n') {
            break;
        }
    }
    let end = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(bytes.len());
    bytes[end..].zeroize();
    bytes.truncate(end);
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    if bytes.len() > MAX_BYTES {
        return Err(Failure::usage(format!(
            "the first line of {named} is longer than {MAX_BYTES} bytes, the most that a passphrase may have"
        ))
        .next("is this the right file?"));
    }
    Ok(Passphrase(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &[u8]) -> Result<Vec<u8>, Failure> {
        first_line(text, "x", Path::new("x")).map(|found| found.bytes().to_vec())
    }

    #[test]
    fn the_first_line_counts_without_its_ending() {
        for text in [&b"a b "[..], b"a b \n", b"a b \r\n", b"a b \nsecond\n"] {
            assert_eq!(line(text).unwrap(), b"a b ");
        }
        assert_eq!(line(b"").unwrap(), b"");
        assert_eq!(line(b"\nx").unwrap(), b"");
        assert_eq!(line(&[b'x'; MAX_BYTES]).unwrap().len(), MAX_BYTES);
        assert!(line(&[b'x'; MAX_BYTES + 1]).is_err());
        assert!(line(&[b'x'; MAX_BYTES * 4]).is_err());
    }

    #[test]
    fn a_passphrase_is_never_shown() {
        let passphrase = Passphrase(Zeroizing::new(b"correct horse battery".to_vec()));
        assert!(!format!("{passphrase:?}").contains("horse"));
        assert!(
            !format!(
                "{:?}",
                refuse_short(&Passphrase(Zeroizing::new(b"horse".to_vec())))
            )
            .contains("horse")
        );
    }

    #[test]
    fn short_ones_are_refused_by_characters_not_bytes() {
        let long_enough = |text: &str| refuse_short(&Passphrase(Zeroizing::new(text.into()))).is_ok();
        assert!(long_enough(&"é".repeat(MIN_CHARACTERS)));
        assert!(!long_enough(&"é".repeat(MIN_CHARACTERS - 1)));
        assert!(!long_enough(""));
    }
}
