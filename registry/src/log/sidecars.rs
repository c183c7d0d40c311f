//! The sidecars that a record names: which blobs it needs, and whether they are what it says.

use std::{collections::BTreeMap, time::SystemTime};

use provenance::{
    Sha256Digest,
    api::{BlobKind, MissingBlob},
    chunk::{ChunkList, chunk_count},
    manifest::{Manifest, ManifestFile},
    tensor::TensorIndex,
};

use crate::{
    blobs::{Blobs, MAX_CHUNK_LIST_BYTES, MAX_TENSOR_INDEX_BYTES},
    durable::DurableError,
};

/// Why sidecars cannot be taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SidecarError {
    /// One digest for two things of different length or kind.
    #[error("the sidecar {digest} of {path:?} is also listed with another length or as another kind")]
    Contradiction {
        /// The digest.
        digest: Sha256Digest,
        /// One of the files.
        path: String,
    },
    /// A file so large that its chunk list is not taken.
    #[error("the chunk list of {path:?} would have {found} bytes; at most {MAX_CHUNK_LIST_BYTES} are taken")]
    TooLarge {
        /// The file.
        path: String,
        /// Bytes of its chunk list.
        found: u64,
    },
    /// An uploaded sidecar that contradicts the record.
    #[error("the sidecar {digest} of {path:?} contradicts the record: {reason}")]
    Malformed {
        /// The digest.
        digest: Sha256Digest,
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
    /// A sidecar that went away while it was looked at.
    #[error("the sidecar {digest} is not there any more")]
    Gone {
        /// The digest.
        digest: Sha256Digest,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// Which sidecars of a record are there.
#[derive(Debug, Default)]
pub(crate) struct Inventory {
    /// Those that are not.
    pub(crate) missing: Vec<MissingBlob>,
    /// Bytes of the largest one that is.
    pub(crate) largest: u64,
}

/// Looks for the blobs that `manifest` names. Those that are there are kept from the orphans' fate.
pub(crate) fn take_inventory(
    manifest: &Manifest,
    blobs: &Blobs,
    now: SystemTime,
) -> Result<Inventory, SidecarError> {
    let mut inventory = Inventory::default();
    for (digest, blob) in needed(manifest)? {
        match blobs.keep(&digest, now)? {
            Some(length) => inventory.largest = inventory.largest.max(length),
            None => inventory.missing.push(blob),
        }
    }
    Ok(inventory)
}

fn needed(manifest: &Manifest) -> Result<BTreeMap<Sha256Digest, MissingBlob>, SidecarError> {
    let mut needed: BTreeMap<Sha256Digest, MissingBlob> = BTreeMap::new();
    for file in manifest.files().iter().filter(|f| f.size > 0) {
        let length = chunk_count(file.size) * Sha256Digest::LEN as u64;
        if length > MAX_CHUNK_LIST_BYTES {
            return Err(SidecarError::TooLarge {
                path: file.path.to_string(),
                found: length,
            });
        }
        let chunks = MissingBlob {
            digest: file.chunks,
            kind: BlobKind::Chunks,
            length: Some(length),
            max_length: length,
        };
        let tensors = file.tensors.map(|digest| MissingBlob {
            digest,
            kind: BlobKind::Tensors,
            length: None,
            max_length: MAX_TENSOR_INDEX_BYTES,
        });
        for blob in std::iter::once(chunks).chain(tensors) {
            let digest = blob.digest;
            if *needed.entry(digest).or_insert_with(|| blob.clone()) != blob {
                return Err(SidecarError::Contradiction {
                    digest,
                    path: file.path.to_string(),
                });
            }
        }
    }
    Ok(needed)
}

/// Checks that every sidecar is what `manifest` says: a chunk list whose first digest is the file's first
/// chunk, a tensor index that reads and lies within the file.
pub(crate) fn check(manifest: &Manifest, blobs: &Blobs) -> Result<(), SidecarError> {
    for file in manifest.files().iter().filter(|f| f.size > 0) {
        check_chunks(file, &held(blobs, &file.chunks)?)?;
        if let Some(tensors) = file.tensors {
            check_tensors(file, tensors, &held(blobs, &tensors)?)?;
        }
    }
    Ok(())
}

fn held(blobs: &Blobs, digest: &Sha256Digest) -> Result<Vec<u8>, SidecarError> {
    blobs.read(digest)?.ok_or(SidecarError::Gone { digest: *digest })
}

fn check_chunks(file: &ManifestFile, bytes: &[u8]) -> Result<(), SidecarError> {
    let malformed = |reason| SidecarError::Malformed {
        digest: file.chunks,
        path: file.path.to_string(),
        reason,
    };
    let list = ChunkList::from_bytes(bytes, file.size).map_err(|e| malformed(e.to_string()))?;
    if list.chunk0() == file.chunk0 {
        return Ok(());
    }
    let (listed, stated) = (list.chunk0(), file.chunk0);
    Err(malformed(format!(
        "its first chunk is {listed}, weighbridge_chunk0 is {stated}"
    )))
}

fn check_tensors(file: &ManifestFile, digest: Sha256Digest, bytes: &[u8]) -> Result<(), SidecarError> {
    let malformed = |reason| SidecarError::Malformed {
        digest,
        path: file.path.to_string(),
        reason,
    };
    let index = TensorIndex::from_bytes(bytes).map_err(|e| malformed(e.to_string()))?;
    match index
        .tensors()
        .iter()
        .find(|t| t.begin > t.end || t.end > file.size)
    {
        None => Ok(()),
        Some(tensor) => {
            let (begin, end, size) = (tensor.begin, tensor.end, file.size);
            Err(malformed(format!(
                "a tensor at [{begin}, {end}) does not lie in a file of {size} bytes"
            )))
        }
    }
}
