//! The right edge of a growing tree: all that is needed to append and to know the root.

use super::{HashReader, LeafHash, RootHash, TreeHead, TreeSize, node_hash};
use crate::digest::Sha256Digest;

/// A compact range `[0, size)`: the roots of the complete subtrees that make up the tree, largest first. At
/// most 63 hashes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Frontier {
    size: u64,
    peaks: Vec<Sha256Digest>,
}

impl Frontier {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of the first `size` leaves of the tree behind `reader`.
    ///
    /// # Errors
    /// The reader's.
    pub fn read<R: HashReader>(reader: &R, size: TreeSize) -> Result<Self, R::Error> {
        let (mut at, end) = (0, size.get());
        let mut peaks = Vec::new();
        while at < end {
            let level = super::complete_level(at, end);
            peaks.push(reader.node(level, at >> level)?);
            at += 1 << level;
        }
        Ok(Self { size: end, peaks })
    }

    /// The edge of a tree with `size` leaves, of which these are the peaks, as [`peaks`](Self::peaks) gives them. None when
    /// a tree of this size has another number of them.
    pub fn from_peaks(size: TreeSize, peaks: Vec<Sha256Digest>) -> Option<Self> {
        let size = size.get();
        (peaks.len() == size.count_ones() as usize).then_some(Self { size, peaks })
    }

    /// The roots of the complete subtrees that make up the tree, largest first.
    pub fn peaks(&self) -> &[Sha256Digest] {
        &self.peaks
    }

    /// Appends a leaf.
    pub fn push(&mut self, leaf: LeafHash) {
        let mut hash = *leaf.digest();
        for _ in 0..self.size.trailing_ones() {
            let left = self.peaks.pop().expect("a set bit of the size has a peak");
            hash = node_hash(&left, &hash);
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// Number of leaves.
    pub fn size(&self) -> TreeSize {
        TreeSize::new(self.size)
    }

    /// Root over all leaves.
    pub fn root(&self) -> RootHash {
        let mut peaks = self.peaks.iter().rev();
        let last = peaks.next().copied().unwrap_or(Sha256Digest::OF_NOTHING);
        RootHash::from(peaks.fold(last, |root, left| node_hash(left, &root)))
    }

    /// Size and root.
    pub fn tree_head(&self) -> TreeHead {
        TreeHead {
            size: self.size(),
            root: self.root(),
        }
    }
}
