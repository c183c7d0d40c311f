//! Chunks: a file cut into pieces of 4 MiB, each with its own SHA-256.
//!
//! A chunk list costs 8 bytes per MiB of weights and lets a reader check every piece on arrival, hash one file
//! on several cores, name the first bad byte range and fetch only what is broken.

use std::ops::Range;

use crate::digest::Sha256Digest;

/// Bytes in every chunk but the last: 4 MiB. Version 1 knows no other size.
pub const CHUNK_SIZE: u64 = 4 << 20;

/// Largest file that is described: 16 TiB, whose chunk list has 128 MiB.
pub const MAX_FILE_BYTES: u64 = 16 << 40;

/// Number of chunks of a file of `size` bytes: 0 when it is empty.
pub const fn chunk_count(size: u64) -> u64 {
    size.div_ceil(CHUNK_SIZE)
}

/// The bytes `[start, end)` of chunk `chunk` in a file of `size` bytes.
pub fn chunk_range(chunk: u64, size: u64) -> Range<u64> {
    let start = chunk.saturating_mul(CHUNK_SIZE).min(size);
    start..start.saturating_add(CHUNK_SIZE).min(size)
}

/// The digests of a file's chunks, in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChunkList(Vec<Sha256Digest>);

/// Why bytes are not the chunk list of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChunkListError {
    /// Not 32 bytes for each chunk.
    #[error("the chunk list of a file of {size} bytes has {expected} bytes, got {found}")]
    Length {
        /// The file's size in bytes.
        size: u64,
        /// Bytes wanted: 32 for each chunk.
        expected: u64,
        /// Bytes found.
        found: usize,
    },
}

impl ChunkList {
    /// A list of digests that the caller computed.
    pub fn new(digests: Vec<Sha256Digest>) -> Self {
        Self(digests)
    }

    /// Reads the sidecar of a file of `size` bytes: its raw digests, one after the other.
    ///
    /// # Errors
    /// [`ChunkListError::Length`].
    pub fn from_bytes(bytes: &[u8], size: u64) -> Result<Self, ChunkListError> {
        let expected = chunk_count(size) * Sha256Digest::LEN as u64;
        if bytes.len() as u64 != expected {
            return Err(ChunkListError::Length {
                size,
                expected,
                found: bytes.len(),
            });
        }
        let (digests, _) = bytes.as_chunks::<{ Sha256Digest::LEN }>();
        Ok(Self(
            digests.iter().map(|d| Sha256Digest::from_bytes(*d)).collect(),
        ))
    }

    /// The sidecar's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|d| *d.as_bytes()).collect()
    }

    /// The SHA-256 of [`Self::to_bytes`]: `weighbridge_chunks`.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.to_bytes())
    }

    /// The first chunk's digest, or that of nothing for an empty file: `weighbridge_chunk0`.
    pub fn chunk0(&self) -> Sha256Digest {
        self.0.first().copied().unwrap_or(Sha256Digest::OF_NOTHING)
    }

    /// The digests.
    pub fn digests(&self) -> &[Sha256Digest] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_chunk_is_short() {
        assert_eq!(chunk_count(0), 0);
        assert_eq!(chunk_count(1), 1);
        assert_eq!(chunk_count(CHUNK_SIZE), 1);
        assert_eq!(chunk_count(CHUNK_SIZE + 1), 2);
        assert_eq!(chunk_range(1, CHUNK_SIZE + 1), CHUNK_SIZE..CHUNK_SIZE + 1);
        assert!(chunk_range(2, CHUNK_SIZE + 1).is_empty());
    }

    #[test]
    fn an_empty_file_has_an_empty_list() {
        let list = ChunkList::from_bytes(b"", 0).unwrap();
        assert_eq!(
            (list.digest(), list.chunk0()),
            (Sha256Digest::OF_NOTHING, Sha256Digest::OF_NOTHING)
        );
    }

    #[test]
    fn refuses_a_list_of_another_length() {
        let error = ChunkList::from_bytes(&[0; 33], 5).unwrap_err();
        assert_eq!(
            error,
            ChunkListError::Length {
                size: 5,
                expected: 32,
                found: 33
            }
        );
        assert!(ChunkList::from_bytes(&[0; 64], CHUNK_SIZE + 1).is_ok());
    }
}
