//! The RFC 6962 Merkle tree: hashes, heads, proofs, and its tiles.
//!
//! Leaf hash SHA-256(0x00 || entry), node hash SHA-256(0x01 || left || right). The mathematics does no I/O: it
//! asks a [`HashReader`] for the hashes of complete subtrees. Sizes, indexes and hashes have a type each, so
//! that no two can be swapped.

mod frontier;
mod hash;
mod memory;
mod proof;
pub mod tile;

pub use frontier::Frontier;
pub use hash::{LeafHash, LeafIndex, NumberError, RootHash, TreeHead, TreeSize, node_hash};
pub use memory::{MemoryTree, NoSuchNode};
pub use proof::{ConsistencyError, ConsistencyProof, InclusionError, InclusionProof, ProveError};

use crate::digest::Sha256Digest;

/// Most hashes in a proof: a tree of 2^63 leaves has 63 levels.
pub const MAX_PROOF_HASHES: usize = 63;

/// Where the hashes of complete subtrees come from.
pub trait HashReader {
    /// Why a hash could not be had.
    type Error;

    /// The hash of the complete subtree with 2^`level` leaves whose first leaf is `index` * 2^`level`.
    ///
    /// # Errors
    /// When the hash is not stored or could not be read.
    fn node(&self, level: u8, index: u64) -> Result<Sha256Digest, Self::Error>;
}

/// The root of the leaves `[start, end)`, which hang below one node of a tree of at least `end` leaves: complete
/// subtrees are asked for, the ragged rest is folded from the right.
fn subtree_root<R: HashReader>(reader: &R, start: u64, end: u64) -> Result<Sha256Digest, R::Error> {
    let mut hashes = Vec::new();
    let mut at = start;
    while at < end {
        let level = complete_level(at, end);
        hashes.push(reader.node(level, at >> level)?);
        at += 1 << level;
    }
    let mut root = hashes.pop().unwrap_or(Sha256Digest::OF_NOTHING);
    while let Some(left) = hashes.pop() {
        root = node_hash(&left, &root);
    }
    Ok(root)
}

/// Level of the largest complete subtree that starts at `at` and ends by `end`, `at < end`.
fn complete_level(at: u64, end: u64) -> u8 {
    let fits = (end - at).ilog2();
    let aligned = if at == 0 { 63 } else { at.trailing_zeros() };
    u8::try_from(fits.min(aligned)).unwrap_or(63)
}
