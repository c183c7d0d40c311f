//! A tree behind its tiles.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use super::{TILE_HEIGHT, TILE_WIDTH, TileCoord, TileKind};
use crate::{
    digest::Sha256Digest,
    merkle::{HashReader, TreeSize, node_hash},
};

/// Reads the hashes of a tree of `size` leaves from its tiles. `read` gives a tile's bytes, and is asked for each
/// tile once: a proof takes several hashes from one tile. What is read is not trusted until a proof made from it
/// is verified.
pub struct TileHashReader<F> {
    size: TreeSize,
    read: F,
    seen: RefCell<BTreeMap<TileCoord, Rc<[u8]>>>,
}

/// Why a hash could not be had from tiles.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileReadError<E> {
    /// The tree has no such node.
    #[error("the tree has no complete node {index} at level {level}")]
    NoSuchNode {
        /// Level of the node.
        level: u8,
        /// Position at that level.
        index: u64,
    },
    /// The tile has another length than its width implies.
    #[error("{tile} has {found} bytes, wanted {expected}")]
    Length {
        /// The tile.
        tile: TileCoord,
        /// Bytes wanted.
        expected: usize,
        /// Bytes found.
        found: usize,
    },
    /// The tile could not be read.
    #[error("a tile could not be read")]
    Read(#[source] E),
}

impl<E, F: Fn(TileCoord) -> Result<Vec<u8>, E>> TileHashReader<F> {
    /// Reads tiles of a tree of `size` leaves through `read`.
    pub fn new(size: TreeSize, read: F) -> Self {
        Self {
            size,
            read,
            seen: RefCell::default(),
        }
    }

    /// The bytes of `tile`, of the length that its width implies.
    fn tile(&self, tile: TileCoord) -> Result<Rc<[u8]>, TileReadError<E>> {
        if let Some(bytes) = self.seen.borrow().get(&tile) {
            return Ok(Rc::clone(bytes));
        }
        let bytes = (self.read)(tile).map_err(TileReadError::Read)?;
        let (expected, found) = (usize::from(tile.width) * Sha256Digest::LEN, bytes.len());
        if expected != found {
            return Err(TileReadError::Length {
                tile,
                expected,
                found,
            });
        }
        let bytes: Rc<[u8]> = bytes.into();
        self.seen.borrow_mut().insert(tile, Rc::clone(&bytes));
        Ok(bytes)
    }
}

impl<E, F: Fn(TileCoord) -> Result<Vec<u8>, E>> HashReader for TileHashReader<F> {
    type Error = TileReadError<E>;

    fn node(&self, level: u8, index: u64) -> Result<Sha256Digest, Self::Error> {
        let none = TileReadError::NoSuchNode { level, index };
        let (tile_level, inner) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
        let rows = self
            .size
            .get()
            .checked_shr(u32::from(tile_level) * u32::from(TILE_HEIGHT))
            .unwrap_or(0);
        let first = index.checked_mul(1 << inner);
        let Some(first) = first.filter(|first| first.checked_add(1 << inner).is_some_and(|end| end <= rows))
        else {
            return Err(none);
        };
        let tile_index = first / TILE_WIDTH;
        let width = u16::try_from((rows - tile_index * TILE_WIDTH).min(TILE_WIDTH)).expect("at most 256");
        let tile = TileCoord {
            kind: TileKind::Hashes(tile_level),
            index: tile_index,
            width,
        };
        let bytes = self.tile(tile)?;
        let (hashes, _) = bytes.as_chunks::<{ Sha256Digest::LEN }>();
        let from = usize::try_from(first % TILE_WIDTH).expect("below 256");
        let mut row: Vec<_> = hashes[from..from + (1 << inner)]
            .iter()
            .map(|h| Sha256Digest::from_bytes(*h))
            .collect();
        while row.len() > 1 {
            row = row
                .chunks_exact(2)
                .map(|pair| node_hash(&pair[0], &pair[1]))
                .collect();
        }
        row.first().copied().ok_or(none)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{
        Frontier, InclusionProof, LeafHash, LeafIndex, MemoryTree,
        tile::{tile_bytes, tiles_for_growth},
    };

    #[test]
    fn proofs_from_tiles_equal_proofs_from_memory() {
        let mut tree = MemoryTree::new();
        let mut files: BTreeMap<TileCoord, Vec<u8>> = BTreeMap::new();
        let mut before = TreeSize::new(0);
        for size in [1u64, 2, 255, 256, 257, 600, 66_000] {
            while tree.size().get() < size {
                tree.push(LeafHash::of(&tree.size().get().to_be_bytes()));
            }
            for tile in tiles_for_growth(before, tree.size()) {
                let TileKind::Hashes(level) = tile.kind else {
                    unreachable!()
                };
                assert!(tile.is_within(tree.size()));
                files.insert(tile, tile_bytes(&tree, level, tile.index, tile.width).unwrap());
            }
            before = tree.size();
            let reader = TileHashReader::new(tree.size(), |tile| files.get(&tile).cloned().ok_or(tile));
            assert_eq!(Frontier::read(&reader, tree.size()).unwrap(), tree.frontier());
            for index in [0, size / 2, size - 1] {
                let index = LeafIndex::new(index);
                let proof = InclusionProof::prove(&reader, tree.size(), index).unwrap();
                assert_eq!(proof, InclusionProof::prove(&tree, tree.size(), index).unwrap());
            }
            assert!(matches!(
                reader.node(0, size),
                Err(TileReadError::NoSuchNode { .. })
            ));
        }
    }
}
