//! Why bytes are not a bundle: which member, at which byte, and what is wrong with it.

use std::fmt;

use super::place::Place;
use crate::{
    checkpoint::CheckpointError, digest::Sha256Digest, entry::EntryError, note::NoteError, path::clip,
    state::StateProofError, tlog_proof::TlogProofError,
};

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleError {
    /// The member concerned; empty where none has begun.
    pub member: String,
    /// Where in the file: of a header that is wrong the byte, else where the member begins.
    pub at: u64,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong at a place of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// Larger than any bundle.
    #[error("a bundle has at most {limit} bytes", limit = super::MAX_BUNDLE_BYTES)]
    TooLong,
    /// More members than any bundle has.
    #[error("a bundle has at most {limit} members", limit = super::MAX_MEMBERS)]
    TooMany,
    /// Not even a tar archive.
    #[error("this is no bundle: a bundle begins as a tar archive does")]
    NoArchive,
    /// It ends before it is complete.
    #[error("the file is cut short here")]
    Cut,
    /// Something other than two empty blocks at the end.
    #[error("a bundle ends with two empty blocks of 512 bytes and nothing behind them")]
    End,
    /// A header field with another value than the one it always has.
    #[error("the {field} in the header is not what a bundle has there")]
    Field {
        /// The field.
        field: &'static str,
    },
    /// A name that is not greater than the one before.
    #[error("it stands behind {previous}, but members are in bytewise order, each once")]
    Order {
        /// The member before.
        previous: String,
    },
    /// Bytes between a member and the next block.
    #[error("the padding behind it is not empty")]
    Padding,
    /// A name that no member has.
    #[error("a bundle has no member of that name")]
    Name,
    /// A member that is larger than any of its kind.
    #[error("it has {found} bytes, and at most {limit} are taken")]
    Size {
        /// Bytes found.
        found: usize,
        /// Most bytes of this kind.
        limit: usize,
    },
    /// Content that is not what the name says.
    #[error("its content has the SHA-256 {found}")]
    Digest {
        /// Digest of the content.
        found: Sha256Digest,
    },
    /// Not UTF-8.
    #[error("it is not UTF-8 text")]
    NotText,
    /// The checkpoint is not a signed note.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// The checkpoint's text is not a checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An entry that does not parse.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An inclusion proof that does not parse.
    #[error(transparent)]
    TlogProof(#[from] TlogProofError),
    /// A state proof that does not parse.
    #[error(transparent)]
    State(#[from] StateProofError),
    /// A proof with data that nothing authenticates.
    #[error("its proof has an extra line, which a bundle does not carry")]
    Extra,
    /// A proof for another entry, or another publisher's state.
    #[error("it is for {found}")]
    Other {
        /// What it is for.
        found: String,
    },
    /// A proof to another checkpoint than the bundle's.
    #[error("its checkpoint is not the one of the bundle")]
    OtherCheckpoint,
    /// A second entry for one payload.
    #[error("another entry of the bundle is for the same payload {payload}")]
    Twice {
        /// The payload.
        payload: Sha256Digest,
    },
    /// No checkpoint.
    #[error("it is missing, and every bundle has one")]
    NoCheckpoint,
}

impl BundleError {
    pub(super) fn new(member: &str, at: usize, fault: Fault) -> Self {
        Self {
            member: clip(member),
            at: at as u64,
            fault,
        }
    }

    pub(super) fn missing_checkpoint(at: usize) -> Self {
        Self::new(&Place::Checkpoint.to_string(), at, Fault::NoCheckpoint)
    }
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { member, at, fault } = self;
        if member.is_empty() {
            write!(f, "byte {at}: {fault}")
        } else {
            write!(f, "{member} (byte {at}): {fault}")
        }
    }
}

impl std::error::Error for BundleError {}
