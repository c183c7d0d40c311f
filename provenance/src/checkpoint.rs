//! Checkpoints of the log (c2sp.org/tlog-checkpoint v1.0.0).
//!
//! ```text
//! <origin>
//! <size, decimal>
//! <base64 of the 32-byte root>
//! [extension lines, opaque]
//! ```
//! The text of a signed note. Our own log writes no extension lines.

use std::{fmt, str::FromStr};

use crate::{
    digest::Sha256Digest,
    merkle::{TreeHead, TreeSize},
    note::{NoteSigner, SignedNote},
    path::is_hidden_character,
};

/// Longest origin in bytes.
pub const MAX_ORIGIN_BYTES: usize = 256;

/// Names a log: a schema-less URL prefix such as `registry.example/log`. Not empty, no white space, no plus
/// sign, so that it can name the log's key as well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Origin(String);

/// A text that cannot be an origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "an origin has 1 to {MAX_ORIGIN_BYTES} bytes without white space, hidden characters and '+', got {found:?}"
)]
pub struct OriginError {
    /// The text.
    pub found: String,
}

impl Origin {
    /// The origin as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, OriginError> {
        let wrong = |c: char| c.is_whitespace() || is_hidden_character(c) || c == '+';
        if text.is_empty() || text.len() > MAX_ORIGIN_BYTES || text.contains(wrong) {
            return Err(OriginError {
                found: text.chars().take(80).collect(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A parsed checkpoint. Parsed is not trusted: see [`crate::trust::TrustedCheckpoint`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: Origin,
    /// Its size and root.
    pub head: TreeHead,
    /// Extension lines, opaque.
    pub extensions: Vec<String>,
}

/// Why a note's text is not a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Fewer than three lines, an empty one, or no final line feed.
    #[error("a checkpoint has three or more lines, none of them empty, each ending in a line feed")]
    Lines,
    /// A bad origin.
    #[error("line 1 of the checkpoint: {0}")]
    Origin(#[from] OriginError),
    /// A size that is not a decimal in its one form.
    #[error("line 2 of the checkpoint: wanted a decimal size without leading zeros, got {found:?}")]
    Size {
        /// The line.
        found: String,
    },
    /// A root that is not base64 of 32 bytes.
    #[error("line 3 of the checkpoint: wanted the base64 of a 32-byte root, got {found:?}")]
    Root {
        /// The line.
        found: String,
    },
    /// Size 0 with another root than that of nothing.
    #[error("the checkpoint of an empty log has another root than that of nothing")]
    EmptyRoot,
}

impl Checkpoint {
    /// Parses a note's text.
    ///
    /// # Errors
    /// [`CheckpointError`].
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let body = text.strip_suffix('\n').ok_or(CheckpointError::Lines)?;
        let lines: Vec<&str> = body.split('\n').collect();
        let [origin, size, root, extensions @ ..] = lines.as_slice() else {
            return Err(CheckpointError::Lines);
        };
        if lines.iter().any(|line| line.is_empty()) {
            return Err(CheckpointError::Lines);
        }
        let found = |line: &str| line.chars().take(80).collect();
        let head = TreeHead {
            size: size
                .parse()
                .map_err(|_| CheckpointError::Size { found: found(size) })?,
            root: Sha256Digest::from_base64(root)
                .map_err(|_| CheckpointError::Root { found: found(root) })?
                .into(),
        };
        if head.size == TreeSize::new(0) && head != TreeHead::EMPTY {
            return Err(CheckpointError::EmptyRoot);
        }
        let extensions = extensions.iter().map(|line| (*line).to_owned()).collect();
        Ok(Self {
            origin: origin.parse()?,
            head,
            extensions,
        })
    }

    /// Signs the checkpoint as a note.
    pub fn sign(&self, signer: &NoteSigner) -> SignedNote {
        signer.sign_note(self.to_string())
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}\n{}\n{}",
            self.origin,
            self.head.size,
            self.head.root.digest().to_base64()
        )?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "registry.example/log\n5\nEhW8Rp4p/73H29YiKN5izLKgUVgXuy90CSLzbbFhBDc=\n";

    #[test]
    fn text_round_trips_with_and_without_extensions() {
        for text in [TEXT.to_owned(), format!("{TEXT}extension\n")] {
            assert_eq!(Checkpoint::parse(&text).unwrap().to_string(), text);
        }
    }

    #[test]
    fn refuses_every_other_spelling() {
        for text in [
            TEXT.trim_end().to_owned(),
            TEXT.replace("\n5\n", "\n05\n"),
            TEXT.replace("\n5\n", "\n+5\n"),
            TEXT.replace("\n5\n", "\n0\n"),
            TEXT.replace("\n5\n", "\n18446744073709551616\n"),
            TEXT.replace("Dc=", "Dc"),
            TEXT.replace("Dc=", "Dd="),
            TEXT.replace("registry", "regi stry"),
            format!("{TEXT}\n"),
            "registry.example/log\n5\n".into(),
            String::new(),
        ] {
            assert!(Checkpoint::parse(&text).is_err(), "{text:?}");
        }
    }
}
