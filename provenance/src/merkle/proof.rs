//! Inclusion and consistency proofs, RFC 6962 section 2.1; checked as in RFC 9162 sections 2.1.3 and 2.1.4.

use super::{
    HashReader, LeafHash, LeafIndex, MAX_PROOF_HASHES, RootHash, TreeHead, TreeSize, node_hash, subtree_root,
};
use crate::digest::Sha256Digest;

/// Proof that a leaf is in a tree. Hashes from the leaf's sibling up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InclusionProof {
    /// At most 63.
    pub hashes: Vec<Sha256Digest>,
}

/// Proof that a tree is a prefix of another.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConsistencyProof {
    /// At most 63.
    pub hashes: Vec<Sha256Digest>,
}

/// Why a proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError<E> {
    /// An index or a size past the tree's.
    #[error("there is no {what} {wanted} in a tree of {size} leaves")]
    OutOfRange {
        /// `leaf` or `size`.
        what: &'static str,
        /// What was asked for.
        wanted: u64,
        /// The tree's size.
        size: u64,
    },
    /// A hash could not be read.
    #[error("a hash of the tree could not be read")]
    Read(#[source] E),
}

/// Why an inclusion proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InclusionError {
    /// An index past the end.
    #[error("entry {index} is past the end of a tree of {size}")]
    OutOfRange {
        /// Index claimed.
        index: LeafIndex,
        /// The tree's size.
        size: TreeSize,
    },
    /// A proof of another length than index and size imply.
    #[error("the inclusion proof of entry {index} in a tree of {size} has {expected} hashes, got {found}")]
    Length {
        /// Index claimed.
        index: LeafIndex,
        /// The tree's size.
        size: TreeSize,
        /// Hashes wanted.
        expected: usize,
        /// Hashes found.
        found: usize,
    },
    /// The proof leads to another root.
    #[error("the inclusion proof leads to the root {found}, the tree has {expected}")]
    Root {
        /// The tree's root.
        expected: RootHash,
        /// The root that the proof gives.
        found: RootHash,
    },
}

/// Why a consistency proof does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConsistencyError {
    /// The older tree is larger.
    #[error("the older tree has {old} leaves, the newer {new}")]
    Shrinks {
        /// Older size.
        old: TreeSize,
        /// Newer size.
        new: TreeSize,
    },
    /// A proof of another length than the sizes imply.
    #[error("the consistency proof from {old} to {new} leaves does not have the right number of hashes")]
    Length {
        /// Older size.
        old: TreeSize,
        /// Newer size.
        new: TreeSize,
    },
    /// The proof does not lead to the older root.
    #[error("the proof leads to the older root {found}, wanted {expected}: the log changed its past")]
    OldRoot {
        /// The older tree's root.
        expected: RootHash,
        /// The root that the proof gives.
        found: RootHash,
    },
    /// The proof does not lead to the newer root.
    #[error("the proof leads to the newer root {found}, wanted {expected}")]
    NewRoot {
        /// The newer tree's root.
        expected: RootHash,
        /// The root that the proof gives.
        found: RootHash,
    },
}

/// Largest power of two below `n`, `n` at least 2: where a tree of `n` leaves splits.
fn split(n: u64) -> u64 {
    1 << (n - 1).ilog2()
}

impl InclusionProof {
    /// Proves that leaf `index` is in the first `size` leaves behind `reader`.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove<R: HashReader>(
        reader: &R,
        size: TreeSize,
        index: LeafIndex,
    ) -> Result<Self, ProveError<R::Error>> {
        let (size, index) = (size.get(), index.get());
        if index >= size {
            return Err(ProveError::OutOfRange {
                what: "leaf",
                wanted: index,
                size,
            });
        }
        let (mut start, mut end) = (0, size);
        let mut hashes = Vec::new();
        while end - start > 1 {
            let middle = start + split(end - start);
            let (from, to) = if index < middle {
                (middle, end)
            } else {
                (start, middle)
            };
            hashes.push(subtree_root(reader, from, to).map_err(ProveError::Read)?);
            (start, end) = if index < middle {
                (start, middle)
            } else {
                (middle, end)
            };
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// Checks that `leaf` is entry `index` of the tree with `head`.
    ///
    /// # Errors
    /// [`InclusionError`].
    pub fn verify(&self, head: &TreeHead, index: LeafIndex, leaf: &LeafHash) -> Result<(), InclusionError> {
        let size = head.size;
        if index.get() >= size.get() {
            return Err(InclusionError::OutOfRange { index, size });
        }
        let (mut node, mut last) = (index.get(), size.get() - 1);
        let mut hash = *leaf.digest();
        let mut hashes = self.hashes.iter();
        let mut expected = 0;
        while last > 0 {
            // A node without right sibling rises unchanged.
            if node < last || node % 2 == 1 {
                expected += 1;
                if let Some(sibling) = hashes.next() {
                    hash = if node % 2 == 1 {
                        node_hash(sibling, &hash)
                    } else {
                        node_hash(&hash, sibling)
                    };
                }
            }
            (node, last) = (node / 2, last / 2);
        }
        let found = self.hashes.len();
        if found != expected || found > MAX_PROOF_HASHES {
            return Err(InclusionError::Length {
                index,
                size,
                expected,
                found,
            });
        }
        let root = RootHash::from(hash);
        if root != head.root {
            return Err(InclusionError::Root {
                expected: head.root,
                found: root,
            });
        }
        Ok(())
    }
}

impl ConsistencyProof {
    /// Proves that the first `old` leaves behind `reader` are a prefix of the first `new`.
    ///
    /// # Errors
    /// [`ProveError`].
    pub fn prove<R: HashReader>(
        reader: &R,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<Self, ProveError<R::Error>> {
        let (old, new) = (old.get(), new.get());
        if old > new {
            return Err(ProveError::OutOfRange {
                what: "size",
                wanted: old,
                size: new,
            });
        }
        let mut hashes = Vec::new();
        let (mut start, mut end) = (0, new);
        // Down to the node that ends at `old`; `start == 0` there means that the verifier knows it already.
        while old > 0 && old < end {
            let middle = start + split(end - start);
            let (from, to) = if old <= middle {
                (middle, end)
            } else {
                (start, middle)
            };
            hashes.push(subtree_root(reader, from, to).map_err(ProveError::Read)?);
            (start, end) = if old <= middle {
                (start, middle)
            } else {
                (middle, end)
            };
        }
        if start > 0 {
            hashes.push(subtree_root(reader, start, end).map_err(ProveError::Read)?);
        }
        hashes.reverse();
        Ok(Self { hashes })
    }

    /// Checks that the tree with head `old` is a prefix of the one with head `new`.
    ///
    /// # Errors
    /// [`ConsistencyError`].
    pub fn verify(&self, old: &TreeHead, new: &TreeHead) -> Result<(), ConsistencyError> {
        let (m, n) = (old.size.get(), new.size.get());
        let length = ConsistencyError::Length {
            old: old.size,
            new: new.size,
        };
        if m > n {
            return Err(ConsistencyError::Shrinks {
                old: old.size,
                new: new.size,
            });
        }
        if self.hashes.len() > MAX_PROOF_HASHES || ((m == 0 || m == n) && !self.hashes.is_empty()) {
            return Err(length);
        }
        let is = |expected: RootHash, found: Sha256Digest| (expected == found.into()).then_some(());
        if m == 0 || m == n {
            // Everything continues the empty tree, whose root is known; a tree continues only itself at its size.
            let pairs = [
                (m == 0).then_some((TreeHead::EMPTY.root, old.root)),
                (m == n).then_some((old.root, new.root)),
            ];
            let differing = pairs
                .into_iter()
                .flatten()
                .find(|(expected, found)| expected != found);
            return match differing {
                Some((expected, found)) => Err(ConsistencyError::OldRoot { expected, found }),
                None => Ok(()),
            };
        }
        let mut hashes = self.hashes.iter();
        let (mut node, mut last) = (m - 1, n - 1);
        while node % 2 == 1 {
            (node, last) = (node / 2, last / 2);
        }
        // A complete older tree is its own first hash.
        let first = if node == 0 {
            *old.root.digest()
        } else {
            *hashes.next().ok_or(length.clone())?
        };
        let (mut older, mut newer) = (first, first);
        while last > 0 {
            if node % 2 == 1 {
                let left = hashes.next().ok_or(length.clone())?;
                (older, newer) = (node_hash(left, &older), node_hash(left, &newer));
            } else if node < last {
                newer = node_hash(&newer, hashes.next().ok_or(length.clone())?);
            }
            (node, last) = (node / 2, last / 2);
        }
        if hashes.next().is_some() {
            return Err(length);
        }
        is(old.root, older).ok_or(ConsistencyError::OldRoot {
            expected: old.root,
            found: older.into(),
        })?;
        is(new.root, newer).ok_or(ConsistencyError::NewRoot {
            expected: new.root,
            found: newer.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::merkle::{Frontier, MemoryTree};

    /// RFC 6962 section 2.1, word for word and slow.
    fn mth(leaves: &[LeafHash]) -> Sha256Digest {
        match leaves {
            [] => Sha256Digest::OF_NOTHING,
            [leaf] => *leaf.digest(),
            _ => {
                let (left, right) = leaves.split_at(usize::try_from(split(leaves.len() as u64)).unwrap());
                node_hash(&mth(left), &mth(right))
            }
        }
    }

    /// PATH(m, D[n]).
    fn path(m: usize, leaves: &[LeafHash]) -> Vec<Sha256Digest> {
        if leaves.len() <= 1 {
            return Vec::new();
        }
        let k = usize::try_from(split(leaves.len() as u64)).unwrap();
        let (left, right) = leaves.split_at(k);
        let (mut inner, other) = if m < k {
            (path(m, left), mth(right))
        } else {
            (path(m - k, right), mth(left))
        };
        inner.push(other);
        inner
    }

    /// SUBPROOF(m, D[n], b).
    fn subproof(m: usize, leaves: &[LeafHash], known: bool) -> Vec<Sha256Digest> {
        if m == leaves.len() {
            return if known { Vec::new() } else { vec![mth(leaves)] };
        }
        let k = usize::try_from(split(leaves.len() as u64)).unwrap();
        let (left, right) = leaves.split_at(k);
        let (mut inner, other) = if m <= k {
            (subproof(m, left, known), mth(right))
        } else {
            (subproof(m - k, right, false), mth(left))
        };
        inner.push(other);
        inner
    }

    fn leaves(n: u64) -> Vec<LeafHash> {
        (0..n).map(|i| LeafHash::of(&i.to_be_bytes())).collect()
    }

    fn head(leaves: &[LeafHash]) -> TreeHead {
        TreeHead {
            size: TreeSize::new(leaves.len() as u64),
            root: mth(leaves).into(),
        }
    }

    #[test]
    fn agrees_with_the_recursive_definition_at_every_small_size() {
        let all = leaves(70);
        let mut tree = MemoryTree::new();
        let mut frontier = Frontier::new();
        for n in 0..=all.len() {
            let now = head(&all[..n]);
            assert_eq!(
                (tree.head(), frontier.tree_head(), tree.frontier()),
                (now, now, frontier.clone())
            );
            for m in 0..n {
                let index = LeafIndex::new(m as u64);
                let proof = InclusionProof::prove(&tree, now.size, index).unwrap();
                assert_eq!(proof.hashes, path(m, &all[..n]), "{m} in {n}");
                assert_eq!(proof.verify(&now, index, &all[m]), Ok(()));
            }
            for m in 0..=n {
                let old = head(&all[..m]);
                let proof = ConsistencyProof::prove(&tree, old.size, now.size).unwrap();
                let expected = if m == 0 {
                    Vec::new()
                } else {
                    subproof(m, &all[..n], true)
                };
                assert_eq!(proof.hashes, expected, "{m} to {n}");
                assert_eq!(proof.verify(&old, &now), Ok(()), "{m} to {n}");
            }
            if let Some(leaf) = all.get(n) {
                tree.push(*leaf);
                frontier.push(*leaf);
            }
        }
    }

    #[test]
    fn a_proof_holds_only_for_its_own_leaf_index_and_tree() {
        let all = leaves(11);
        let mut tree = MemoryTree::new();
        for leaf in &all {
            tree.push(*leaf);
        }
        let now = tree.head();
        for index in 0..11 {
            let proof = InclusionProof::prove(&tree, now.size, LeafIndex::new(index)).unwrap();
            for other in (0..12).filter(|o| *o != index) {
                assert!(
                    proof
                        .verify(&now, LeafIndex::new(other), &all[usize::try_from(index).unwrap()])
                        .is_err()
                );
            }
            for cut in 0..proof.hashes.len() {
                let short = InclusionProof {
                    hashes: proof.hashes[..cut].to_vec(),
                };
                let verified =
                    short.verify(&now, LeafIndex::new(index), &all[usize::try_from(index).unwrap()]);
                assert!(matches!(verified, Err(InclusionError::Length { .. })));
            }
        }
    }

    #[test]
    fn a_log_that_changed_its_past_is_caught() {
        let all = leaves(9);
        let mut forged = all.clone();
        forged[1] = LeafHash::of(b"forged");
        let mut tree = MemoryTree::new();
        for leaf in &forged {
            tree.push(*leaf);
        }
        for m in 2..9 {
            let old = head(&all[..m]);
            let proof = ConsistencyProof::prove(&tree, old.size, tree.size()).unwrap();
            assert!(proof.verify(&old, &tree.head()).is_err(), "{m}");
        }
        let shrunk = ConsistencyProof::default().verify(&head(&all), &head(&all[..3]));
        assert!(matches!(shrunk, Err(ConsistencyError::Shrinks { .. })));
    }
}
