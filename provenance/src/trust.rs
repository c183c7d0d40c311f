//! The trust file: whom a user believes. A c2sp.org/tlog-policy text and two kinds of lines of our own.
//!
//! ```text
//! log <vkey> [<url>]
//! witness <name> <vkey> [<url>]
//! group <name> any|all|<k> <member>…
//! quorum <name>|none                    exactly one
//! publisher <name> <genesis>
//! max_age 24h|none                      24h when absent; units s, m, h, d
//! # comment
//! ```
//! Only a trust file makes a [`TrustedCheckpoint`]; nothing that a server says changes it.

mod checkpoint;
mod quorum;

use std::{fmt, str::FromStr};

pub use checkpoint::{CheckpointTrustError, Freshness, TrustedCheckpoint};
use quorum::Quorum;

use crate::{
    note::{NoteAlgorithm, VerifierKey},
    path::is_hidden_character,
    publisher::PublisherName,
    record_id::RecordId,
};

/// Largest trust file in bytes.
pub const MAX_TRUST_BYTES: usize = 256 << 10;

/// Age of a view past which a withdrawal might be missed, when the file does not say: 24 hours.
pub const DEFAULT_MAX_AGE_S: u64 = 24 * 60 * 60;

/// A log that the user believes to be append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedLog {
    /// Its key, named as its origin.
    pub key: VerifierKey,
    /// Where it is served, ending in `/log`.
    pub url: Option<String>,
}

/// A publisher that the user believes to be who its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// The name.
    pub publisher: PublisherName,
    /// The genesis id that the user compared.
    pub genesis: RecordId,
}

/// A parsed trust file. Keeps its own text, comments included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustFile {
    text: String,
    logs: Vec<TrustedLog>,
    quorum: Quorum,
    pins: Vec<Pin>,
    max_age_s: Option<u64>,
}

/// Why a text is not a trust file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// Over [`MAX_TRUST_BYTES`].
    #[error("a trust file has at most {MAX_TRUST_BYTES} bytes, got {found}")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A line that cannot be used.
    #[error("line {line} of the trust file: {reason}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What is wrong, and what belongs there.
        reason: String,
    },
    /// No log at all.
    #[error("the trust file names no log; it needs a line 'log VKEY URL'")]
    NoLog,
    /// No quorum line.
    #[error("the trust file has no quorum; it needs one line 'quorum NAME' or 'quorum none'")]
    NoQuorum,
    /// A second genesis for a name.
    #[error(
        "{publisher} is pinned already, with the genesis {pinned}; remove that line first if it is wrong"
    )]
    OtherGenesis {
        /// The name.
        publisher: PublisherName,
        /// The genesis in the file.
        pinned: RecordId,
    },
}

impl TrustFile {
    /// Parses a trust file.
    ///
    /// # Errors
    /// [`TrustError`], naming the line.
    pub fn parse(text: &str) -> Result<Self, TrustError> {
        if text.len() > MAX_TRUST_BYTES {
            return Err(TrustError::TooLong { found: text.len() });
        }
        let mut parser = Parser::default();
        for (at, line) in text.split('\n').enumerate() {
            // A trust file is shown in full before it is adopted, so nothing in it may hide or reorder what is shown.
            if let Some(found) = line.chars().find(|&c| c != '\t' && is_hidden_character(c)) {
                let reason = format!(
                    "it holds the hidden character U+{:04X}, which is not allowed; if every line ends in U+000D, save \
                     the file with LF line ends",
                    u32::from(found)
                );
                return Err(TrustError::Line { line: at + 1, reason });
            }
            let words: Vec<&str> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_some_and(|word| !word.starts_with('#')) {
                parser
                    .line(&words)
                    .map_err(|reason| TrustError::Line { line: at + 1, reason })?;
            }
        }
        let Parser {
            logs,
            quorum,
            pins,
            max_age,
        } = parser;
        if logs.is_empty() {
            return Err(TrustError::NoLog);
        }
        if !quorum.is_chosen() {
            return Err(TrustError::NoQuorum);
        }
        let max_age_s = match max_age {
            Some(MaxAge::Seconds(seconds)) => Some(seconds),
            Some(MaxAge::Unlimited) => None,
            None => Some(DEFAULT_MAX_AGE_S),
        };
        Ok(Self {
            text: text.to_owned(),
            logs,
            quorum,
            pins,
            max_age_s,
        })
    }

    /// A file for one log without witnesses: what a registry offers to start with.
    pub fn starter(log: &VerifierKey, url: &str) -> String {
        format!("log {log} {url}\nquorum none\nmax_age none\n")
    }

    /// The logs.
    pub fn logs(&self) -> &[TrustedLog] {
        &self.logs
    }

    /// The pinned publishers.
    pub fn pins(&self) -> &[Pin] {
        &self.pins
    }

    /// Names of the witnesses.
    pub fn witnesses(&self) -> impl Iterator<Item = &str> {
        self.quorum.witnesses().map(|(name, _)| name)
    }

    /// The quorum in words: a name, or `none`.
    pub fn quorum(&self) -> String {
        self.quorum.describe()
    }

    /// Largest age of a view in seconds; none when the file says `max_age none`.
    pub fn max_age_s(&self) -> Option<u64> {
        self.max_age_s
    }

    /// Whether `publisher` is pinned with exactly this genesis.
    pub fn is_pinned(&self, publisher: &PublisherName, genesis: RecordId) -> bool {
        self.pinned_genesis(publisher) == Some(genesis)
    }

    /// The genesis pinned for `publisher`.
    pub fn pinned_genesis(&self, publisher: &PublisherName) -> Option<RecordId> {
        self.pins
            .iter()
            .find(|pin| pin.publisher == *publisher)
            .map(|pin| pin.genesis)
    }

    /// Pins a publisher: the same file with one line more. Pinning twice changes nothing.
    ///
    /// # Errors
    /// [`TrustError::OtherGenesis`], [`TrustError::TooLong`].
    pub fn pin(&self, publisher: &PublisherName, genesis: RecordId) -> Result<Self, TrustError> {
        match self.pinned_genesis(publisher) {
            Some(pinned) if pinned == genesis => Ok(self.clone()),
            Some(pinned) => Err(TrustError::OtherGenesis {
                publisher: publisher.clone(),
                pinned,
            }),
            None => {
                let gap = if self.text.is_empty() || self.text.ends_with('\n') {
                    ""
                } else {
                    "\n"
                };
                Self::parse(&format!("{}{gap}publisher {publisher} {genesis}\n", self.text))
            }
        }
    }

    /// Forgets a publisher: the same file without its line.
    ///
    /// # Errors
    /// Never in practice: a file without a pin still parses.
    pub fn unpin(&self, publisher: &PublisherName) -> Result<Self, TrustError> {
        let is_pin = |line: &&str| {
            let mut words = line.split([' ', '\t']).filter(|word| !word.is_empty());
            words.next() == Some("publisher") && words.next() == Some(publisher.as_str())
        };
        let kept: Vec<&str> = self
            .text
            .split_inclusive('\n')
            .filter(|line| !is_pin(&line.trim_end()))
            .collect();
        Self::parse(&kept.concat())
    }
}

impl FromStr for TrustFile {
    type Err = TrustError;

    fn from_str(text: &str) -> Result<Self, TrustError> {
        Self::parse(text)
    }
}

impl fmt::Display for TrustFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Default)]
struct Parser {
    logs: Vec<TrustedLog>,
    quorum: Quorum,
    pins: Vec<Pin>,
    max_age: Option<MaxAge>,
}

/// Largest age of a view.
#[derive(Clone, Copy)]
enum MaxAge {
    Seconds(u64),
    Unlimited,
}

impl Parser {
    fn line(&mut self, words: &[&str]) -> Result<(), String> {
        match words {
            ["log", vkey, url @ ..] if url.len() <= 1 => self.log(vkey, url.first()),
            ["witness", name, vkey, url @ ..] if url.len() <= 1 => {
                let key: VerifierKey = vkey.parse().map_err(|e| format!("the witness key: {e}"))?;
                self.refuse_known_key(&key)?;
                self.quorum.add_witness(name, key)
            }
            ["group", name, threshold, members @ ..] => self.quorum.add_group(name, threshold, members),
            ["quorum", name] => self.quorum.choose(name),
            ["publisher", name, genesis] => self.publisher(name, genesis),
            ["max_age", age] if self.max_age.is_none() => {
                let wanted = "wanted 'max_age 24h' (units s, m, h, d) or 'max_age none'";
                self.max_age = Some(max_age(age).ok_or(wanted)?);
                Ok(())
            }
            ["max_age", _] => Err("max_age stands twice".into()),
            [
                word @ ("log" | "witness" | "group" | "quorum" | "publisher" | "max_age"),
                rest @ ..,
            ] => Err(format!("{word:?} does not stand before {} words", rest.len())),
            [word, ..] => Err(format!(
                "no line of a trust file begins with {word:?}: they begin with log, witness, group, quorum, publisher or max_age"
            )),
            [] => Ok(()),
        }
    }

    fn log(&mut self, vkey: &str, url: Option<&&str>) -> Result<(), String> {
        let key: VerifierKey = vkey.parse().map_err(|e| format!("the log key: {e}"))?;
        if key.algorithm() != NoteAlgorithm::Ed25519 {
            return Err("the log key must be an Ed25519 note key, type 0x01".into());
        }
        self.refuse_known_key(&key)?;
        let url = url.map(|url| (*url).to_owned());
        if url
            .as_ref()
            .is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://"))
        {
            return Err("the address of a log starts with https:// or http://".into());
        }
        self.logs.push(TrustedLog { key, url });
        Ok(())
    }

    /// The same key under two names would count twice.
    fn refuse_known_key(&self, key: &VerifierKey) -> Result<(), String> {
        let keys = self
            .logs
            .iter()
            .map(|log| &log.key)
            .chain(self.quorum.witnesses().map(|(_, key)| key));
        let twice = keys
            .into_iter()
            .any(|known| known.public_key() == key.public_key());
        if twice {
            Err(format!("the key of {} is in the file already", key.name()))
        } else {
            Ok(())
        }
    }

    fn publisher(&mut self, name: &str, genesis: &str) -> Result<(), String> {
        let publisher: PublisherName = name.parse().map_err(|e| format!("{e}"))?;
        let genesis = genesis.parse().map_err(|e| format!("the genesis id: {e}"))?;
        if self.pins.iter().any(|pin| pin.publisher == publisher) {
            return Err(format!("{publisher} is pinned twice"));
        }
        self.pins.push(Pin { publisher, genesis });
        Ok(())
    }
}

/// Reads `24h` or `none`.
fn max_age(text: &str) -> Option<MaxAge> {
    if text == "none" {
        return Some(MaxAge::Unlimited);
    }
    let unit = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        _ => return None,
    };
    let number = crate::entry::decimal(&text[..text.len() - 1]).filter(|n| *n > 0)?;
    number.checked_mul(unit).map(MaxAge::Seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "log registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 http://127.0.0.1:1/log";

    fn genesis(n: u8) -> RecordId {
        RecordId::of_payload(&[n])
    }

    #[test]
    fn a_starter_file_parses_and_keeps_its_text() {
        let text = format!("# mine\n{LOG}\n\nquorum none\nmax_age none\n");
        let file = TrustFile::parse(&text).unwrap();
        assert_eq!(
            (file.to_string(), file.max_age_s(), file.quorum().as_str()),
            (text, None, "none")
        );
        assert_eq!(
            TrustFile::parse(&format!("{LOG}\nquorum none"))
                .unwrap()
                .max_age_s(),
            Some(DEFAULT_MAX_AGE_S)
        );
    }

    #[test]
    fn pinning_adds_one_line_and_refuses_a_second_genesis() {
        let file = TrustFile::parse(&format!("{LOG}\nquorum none")).unwrap();
        let name: PublisherName = "acme.example".parse().unwrap();
        let pinned = file.pin(&name, genesis(1)).unwrap();
        assert!(pinned.is_pinned(&name, genesis(1)) && !pinned.is_pinned(&name, genesis(2)));
        assert_eq!(pinned.pin(&name, genesis(1)).unwrap(), pinned);
        assert!(matches!(
            pinned.pin(&name, genesis(2)),
            Err(TrustError::OtherGenesis { .. })
        ));
        assert!(pinned.unpin(&name).unwrap().pins().is_empty());
    }

    #[test]
    fn refuses_files_that_leave_a_question_open() {
        let genesis = genesis(1);
        for (text, line) in [
            ("nonsense".to_owned(), Some(1)),
            (format!("{LOG}\nquorum none\nquorum none"), Some(3)),
            (format!("{LOG}\nquorum missing"), Some(2)),
            (format!("{LOG}\n{LOG}\nquorum none"), Some(2)),
            (format!("{LOG}\nquorum none\nmax_age 5"), Some(3)),
            (format!("{LOG}\nquorum none\nmax_age 0s"), Some(3)),
            (format!("{LOG}\nquorum none\nmax_age 1h\nmax_age 1h"), Some(4)),
            (format!("{LOG}\nquorum none\npublisher Acme {genesis}"), Some(3)),
            (
                format!("{LOG}\nquorum none\npublisher a {genesis}\npublisher a {genesis}"),
                Some(4),
            ),
            (format!("{LOG} ftp://x\nquorum none"), Some(1)),
            (LOG.to_owned(), None),
            ("quorum none".to_owned(), None),
        ] {
            let error = TrustFile::parse(&text).unwrap_err();
            let found = if let TrustError::Line { line, .. } = error {
                Some(line)
            } else {
                None
            };
            assert_eq!(found, line, "{text}");
        }
    }
}
