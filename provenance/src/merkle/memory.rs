//! A whole tree in memory: for state trees, and for batches before they are written.

use super::{Frontier, HashReader, LeafHash, TreeHead, TreeSize, node_hash, subtree_root};
use crate::digest::Sha256Digest;

/// All complete subtrees of a tree; about 64 bytes a leaf.
#[derive(Debug, Clone, Default)]
pub struct MemoryTree {
    levels: Vec<Vec<Sha256Digest>>,
}

/// A node was asked for that the tree does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the tree has no node {index} at level {level}")]
pub struct NoSuchNode {
    /// Level, 0 for leaves.
    pub level: u8,
    /// Position at that level.
    pub index: u64,
}

impl MemoryTree {
    /// The empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: LeafHash) {
        let mut hash = *leaf.digest();
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            let row = &mut self.levels[level];
            row.push(hash);
            if row.len() % 2 == 1 {
                break;
            }
            hash = node_hash(&row[row.len() - 2], &row[row.len() - 1]);
        }
    }

    /// Number of leaves.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.levels.first().map_or(0, |row| row.len() as u64))
    }

    /// Size and root.
    pub fn head(&self) -> TreeHead {
        self.head_at(self.size()).unwrap_or(TreeHead::EMPTY)
    }

    /// Size and root of the first `size` leaves; none when there are fewer.
    pub fn head_at(&self, size: TreeSize) -> Option<TreeHead> {
        let root = subtree_root(self, 0, size.get()).ok()?;
        Some(TreeHead {
            size,
            root: root.into(),
        })
    }

    /// The right edge.
    pub fn frontier(&self) -> Frontier {
        Frontier::read(self, self.size()).unwrap_or_default()
    }
}

impl HashReader for MemoryTree {
    type Error = NoSuchNode;

    fn node(&self, level: u8, index: u64) -> Result<Sha256Digest, NoSuchNode> {
        let row = self.levels.get(usize::from(level));
        let at = usize::try_from(index).ok();
        row.zip(at)
            .and_then(|(row, at)| row.get(at))
            .copied()
            .ok_or(NoSuchNode { level, index })
    }
}
