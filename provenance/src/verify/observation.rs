//! What a client found: the files that were given, and what was hashed of them.

use std::collections::BTreeMap;

use super::junk::Junk;
use crate::{
    chunk::ChunkList,
    digest::Sha256Digest,
    tensor::{HeaderError, TensorIndex},
};

/// What was given to check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// A folder with its paths; it must be whole.
    Folder,
    /// Files without folder names; they are matched one to one by base name, then by size and content.
    Flat,
    /// One file named by itself, judged alone.
    SingleFile,
}

/// What a file's own header came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OwnHeader {
    /// It has none that reads, or none was looked for.
    Absent,
    /// Where its tensors lie.
    Index(TensorIndex),
    /// It may be sound, but this version cannot read it; why.
    Unsupported(String),
}

impl OwnHeader {
    /// The index, where it was read.
    pub fn index(&self) -> Option<&TensorIndex> {
        match self {
            Self::Index(index) => Some(index),
            Self::Absent | Self::Unsupported(_) => None,
        }
    }
}

impl From<Result<TensorIndex, HeaderError>> for OwnHeader {
    fn from(read: Result<TensorIndex, HeaderError>) -> Self {
        match read {
            Ok(index) => Self::Index(index),
            Err(error) if error.is_unsupported() => Self::Unsupported(error.to_string()),
            Err(_) => Self::Absent,
        }
    }
}

/// What a client read of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bytes {
    /// Nothing: the file is not listed, so its content does not matter.
    NotRead,
    /// It could not be read; why.
    Unreadable(String),
    /// All of it.
    Hashed {
        /// Digests of its chunks.
        chunks: ChunkList,
        /// Its whole digest, if this run computed it.
        sha256: Option<Sha256Digest>,
        /// What its own header says.
        header: OwnHeader,
        /// What its first bytes look like.
        junk: Option<Junk>,
    },
}

/// One file that a client found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenFile {
    /// Path relative to the folder, with slashes; a base name when folders were not seen.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// What was read.
    pub bytes: Bytes,
}

/// Everything that a client observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observation {
    /// What was given.
    pub scope: Scope,
    /// The files found.
    pub files: Vec<SeenFile>,
    /// Sidecars as fetched, by the digest they were asked by; they are checked here, and only localise.
    pub sidecars: BTreeMap<Sha256Digest, Vec<u8>>,
    /// Whether the user named the record, rather than a lookup finding it.
    pub named: bool,
    /// Files that were left out because the fixed ignore list names them (docs/SPEC.md section 3).
    pub ignored: u64,
    /// Whether unlisted files that a loader might prefer are accepted.
    pub allow_extra: bool,
}
