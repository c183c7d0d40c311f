//! A file as it was found: opening it, reading it at places, and noticing that it is not the same any more.
//!
//! Out of scope: which bytes are read on which thread ([`crate::hashing`]).

use std::{
    fs::{File, Metadata},
    io,
    ops::Range,
    path::PathBuf,
    time::SystemTime,
};

use provenance::{
    Sha256Digest, Sha256Hasher,
    chunk::{MAX_FILE_BYTES, chunk_range},
};

use crate::failure::{Exit, Failure, chain};

/// Bytes read at a time. Small enough that hashing finds them in the core's own cache.
const PIECE_BYTES: usize = 256 << 10;

/// A file to hash, as it looked when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How it looked.
    pub(crate) stamp: Stamp,
}

/// What tells that a file is still the one that was found, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Size in bytes.
    pub(crate) size: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
}

impl Stamp {
    /// The stamp of a file with this metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

/// Why a file was not hashed. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// The file could not be opened.
    #[error("could not open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A read failed.
    #[error("could not read {} at byte {offset}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// First byte of the piece that was being read.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not the one that was found, or not as it was.
    #[error("{} changed while it was being read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Larger than a record can describe.
    #[error("{} has {size} bytes, more than the {MAX_FILE_BYTES} that a record can describe", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        let failure = Failure::new(Exit::Io, chain(&error));
        match error {
            HashError::Changed { .. } => Failure {
                why: Some("another program writes to it, or a download is still running".into()),
                ..failure
            }
            .next("wait until nothing writes to it, then run the same command"),
            HashError::Open { .. } => {
                failure.next("give this account the right to read it, then run the same command")
            }
            HashError::Read { .. } => failure.next("check the disk; the file could not be read to its end"),
            HashError::TooLarge { .. } => failure.next("split the file"),
        }
    }
}

/// The digest of a file's first chunk: how a 40 GB file is recognised after 4 MiB.
///
/// # Errors
/// [`HashError`] when the file cannot be read, or is not as it was found.
pub(crate) fn first_chunk(source: &Source) -> Result<Sha256Digest, HashError> {
    let file = open(source)?;
    let digest = hash_range(&file, source, chunk_range(0, source.stamp.size), None, &|_| ())?;
    check_unchanged(&file, source)?;
    Ok(digest)
}

/// The bytes of `range`, which the caller has bounded and which lies within the file.
///
/// # Errors
/// [`HashError`] when the file cannot be read, or is not as it was found.
pub(crate) fn read_range(source: &Source, range: Range<u64>) -> Result<Vec<u8>, HashError> {
    let file = open(source)?;
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
    read_exact_at(&file, source, &mut bytes, range.start)?;
    check_unchanged(&file, source)?;
    Ok(bytes)
}

/// The length in memory of a range of at most one chunk.
pub(crate) fn length_of(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).expect("a chunk has at most 4 MiB")
}

/// Opens the file that was found.
///
/// # Errors
/// [`HashError::Open`], [`HashError::Changed`].
pub(crate) fn open(source: &Source) -> Result<File, HashError> {
    let file = File::open(&source.path).map_err(|error| HashError::Open {
        path: source.path.clone(),
        source: error,
    })?;
    check_unchanged(&file, source)?;
    Ok(file)
}

/// Compares size, time of change and identity with what was found. Someone who sets the time back is not caught
/// here, but by the digests.
pub(crate) fn check_unchanged(file: &File, source: &Source) -> Result<(), HashError> {
    let metadata = file.metadata().map_err(|error| HashError::Open {
        path: source.path.clone(),
        source: error,
    })?;
    if Stamp::of(&metadata) == source.stamp {
        Ok(())
    } else {
        Err(HashError::Changed {
            path: source.path.clone(),
        })
    }
}

/// Hashes `range`, and keeps its bytes in `keep`, which has room for a chunk, when the file's own digest needs them.
pub(crate) fn hash_range(
    file: &File,
    source: &Source,
    range: Range<u64>,
    keep: Option<&mut [u8]>,
    progress: &dyn Fn(u64),
) -> Result<Sha256Digest, HashError> {
    let mut hasher = Sha256Hasher::new();
    let length = length_of(&range);
    let mut offset = range.start;
    let mut add = |piece: &mut [u8]| {
        read_exact_at(file, source, piece, offset)?;
        hasher.update(piece);
        offset += piece.len() as u64;
        progress(piece.len() as u64);
        Ok(())
    };
    if let Some(buffer) = keep {
        buffer[..length].chunks_mut(PIECE_BYTES).try_for_each(&mut add)?;
    } else {
        let mut piece = vec![0; length.min(PIECE_BYTES)];
        let mut left = length;
        while left > 0 {
            let now = left.min(PIECE_BYTES);
            add(&mut piece[..now])?;
            left -= now;
        }
    }
    Ok(hasher.finish())
}

/// Fills `buffer` from `offset`. A file that ends early was cut while we read it.
fn read_exact_at(file: &File, source: &Source, buffer: &mut [u8], mut offset: u64) -> Result<(), HashError> {
    let mut rest = buffer;
    while !rest.is_empty() {
        match read_at(file, rest, offset) {
            Ok(0) => {
                return Err(HashError::Changed {
                    path: source.path.clone(),
                });
            }
            Ok(count) => {
                rest = &mut rest[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(HashError::Read {
                    path: source.path.clone(),
                    offset,
                    source: error,
                });
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such identity")]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// The source at `path`, for a file that is known to be there.
///
/// # Errors
/// [`HashError::Open`] when its metadata cannot be read.
#[cfg(test)]
pub(crate) fn source_at(path: &std::path::Path) -> Result<Source, HashError> {
    let metadata = path.metadata().map_err(|source| HashError::Open {
        path: path.to_owned(),
        source,
    })?;
    Ok(Source {
        path: path.to_owned(),
        stamp: Stamp::of(&metadata),
    })
}
