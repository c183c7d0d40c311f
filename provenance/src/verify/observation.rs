//! What a client found: the files that were given, and what was hashed of them.

use std::collections::BTreeMap;

use crate::{chunk::ChunkList, digest::Sha256Digest, tensor::TensorIndex};

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

/// Files that are not what their name promises, told by their first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Junk {
    /// No byte at all.
    Empty,
    /// A Git LFS pointer.
    LfsPointer,
    /// A web page.
    Html,
}

impl Junk {
    /// Bytes that [`Junk::sniff`] looks at.
    pub const SNIFF_BYTES: usize = 64;

    /// Recognises junk from the first bytes of a file of `size` bytes.
    pub fn sniff(first: &[u8], size: u64) -> Option<Self> {
        let start = first.trim_ascii_start();
        let begins = |tag: &[u8]| {
            start
                .get(..tag.len())
                .is_some_and(|s| s.eq_ignore_ascii_case(tag))
        };
        match size {
            0 => Some(Self::Empty),
            _ if first.starts_with(b"version https://git-lfs.github.com/spec/") => Some(Self::LfsPointer),
            _ if begins(b"<!doctype html") || begins(b"<html") => Some(Self::Html),
            _ => None,
        }
    }

    /// Subtype of the verdict `unknown`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::LfsPointer => "lfs-pointer",
            Self::Html => "html",
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
        /// The tensor index parsed from its own header, if it has one that parses.
        tensors: Option<TensorIndex>,
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
