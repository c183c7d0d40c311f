//! Offline proofs that an entry is logged (c2sp.org/tlog-proof), the file `*.tlog-proof`.
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra <base64>            optional, not authenticated
//! index <decimal>
//! <base64 hash>             0 to 63, the leaf's sibling first
//!                           (empty line)
//! <checkpoint, a signed note, verbatim>
//! ```

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    digest::Sha256Digest,
    merkle::{InclusionProof, LeafIndex, MAX_PROOF_HASHES},
    note::{MAX_NOTE_BYTES, NoteError, SignedNote},
};

/// First line of a proof.
pub const TLOG_PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Largest proof in bytes: a note, 63 hashes and 64 KiB of `extra`.
pub const MAX_TLOG_PROOF_BYTES: usize = MAX_NOTE_BYTES + (72 << 10);

/// A parsed proof. Parsed is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// Index of the entry.
    pub index: LeafIndex,
    /// Its inclusion in the checkpoint's tree.
    pub proof: InclusionProof,
    /// The checkpoint, with its signatures.
    pub checkpoint: SignedNote,
}

/// Why a text is not a proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// Over [`MAX_TLOG_PROOF_BYTES`].
    #[error("a log proof has at most {MAX_TLOG_PROOF_BYTES} bytes, got {found}")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A line that is not what its place wants.
    #[error("line {line} of the log proof: wanted {wanted}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// The checkpoint at its end is not a signed note.
    #[error("the checkpoint of the log proof: {0}")]
    Checkpoint(#[from] NoteError),
}

impl TlogProof {
    /// Parses a proof.
    ///
    /// # Errors
    /// [`TlogProofError`].
    pub fn parse(text: &str) -> Result<Self, TlogProofError> {
        if text.len() > MAX_TLOG_PROOF_BYTES {
            return Err(TlogProofError::TooLong { found: text.len() });
        }
        let (head, note) = text.split_once("\n\n").ok_or(TlogProofError::Line {
            line: 1,
            wanted: "an empty line later on",
        })?;
        let mut lines = head.split('\n').zip(1..).peekable();
        let wrong = |line, wanted| TlogProofError::Line { line, wanted };
        if lines.next().is_none_or(|(header, _)| header != TLOG_PROOF_HEADER) {
            return Err(wrong(1, "the header line"));
        }
        let mut extra = None;
        if let Some((line, number)) = lines.next_if(|(line, _)| line.starts_with("extra ")) {
            let decoded = STANDARD.decode(&line["extra ".len()..]);
            extra = Some(decoded.map_err(|_| wrong(number, "extra BASE64"))?);
        }
        let (line, number) = lines.next().ok_or(wrong(2, "index DECIMAL"))?;
        let index = line.strip_prefix("index ").and_then(|index| index.parse().ok());
        let index = index.ok_or(wrong(number, "index DECIMAL"))?;
        let mut hashes = Vec::new();
        for (line, number) in lines {
            if hashes.len() == MAX_PROOF_HASHES {
                return Err(wrong(number, "at most 63 hashes"));
            }
            hashes.push(Sha256Digest::from_base64(line).map_err(|_| wrong(number, "the base64 of a hash"))?);
        }
        Ok(Self {
            extra,
            index,
            proof: InclusionProof { hashes },
            checkpoint: SignedNote::parse(note)?,
        })
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TLOG_PROOF_HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.proof
            .hashes
            .iter()
            .try_for_each(|hash| writeln!(f, "{}", hash.to_base64()))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
