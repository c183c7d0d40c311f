//! The tree against RFC 6962 section 2.1 written down as recursion, at random sizes and at every edge.

use std::convert::Infallible;

use proptest::prelude::*;
use provenance::{
    Sha256Digest,
    merkle::{
        ConsistencyError, ConsistencyProof, Frontier, InclusionError, InclusionProof, LeafHash, LeafIndex,
        RootHash, TreeHead, TreeSize, node_hash,
        tile::{TileHashReader, TileKind, TileReadError, tile_bytes, tiles_for_growth},
    },
};

use super::{leaf, tree};

/// k, the largest power of two smaller than n.
fn split(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

/// MTH(D[n]).
fn mth(leaves: &[LeafHash]) -> Sha256Digest {
    match leaves {
        [] => Sha256Digest::of(b""),
        [leaf] => *leaf.digest(),
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// PATH(m, D[n]).
fn path(m: usize, leaves: &[LeafHash]) -> Vec<Sha256Digest> {
    if leaves.len() == 1 {
        return vec![];
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m < k {
        [path(m, left), vec![mth(right)]].concat()
    } else {
        [path(m - k, right), vec![mth(left)]].concat()
    }
}

/// SUBPROOF(m, D[n], b).
fn subproof(m: usize, leaves: &[LeafHash], b: bool) -> Vec<Sha256Digest> {
    if m == leaves.len() {
        return if b { vec![] } else { vec![mth(leaves)] };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    if m <= k {
        [subproof(m, left, b), vec![mth(right)]].concat()
    } else {
        [subproof(m - k, right, false), vec![mth(left)]].concat()
    }
}

fn leaves(size: u64) -> Vec<LeafHash> {
    (0..size).map(leaf).collect()
}

fn head(size: u64) -> TreeHead {
    TreeHead {
        size: TreeSize::new(size),
        root: mth(&leaves(size)).into(),
    }
}

/// Powers of two up to 1024, and their neighbours.
fn edges() -> impl Iterator<Item = u64> {
    (0..=10).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])
}

/// A size up to 600 and one at most as large, edges as often as others.
fn sizes() -> impl Strategy<Value = (u64, u64)> {
    let edge: Vec<u64> = edges().filter(|size| (1..=600).contains(size)).collect();
    let new = prop_oneof![1_u64..=600, prop::sample::select(edge)];
    new.prop_flat_map(|new| (0..=new, Just(new)))
}

#[test]
fn roots_are_those_of_the_definition_at_every_edge() {
    let (tree, mut frontier) = (tree(1025), Frontier::new());
    for size in edges() {
        while frontier.size().get() < size {
            frontier.push(leaf(frontier.size().get()));
        }
        let expected = head(size);
        assert_eq!(tree.head_at(expected.size), Some(expected));
        if frontier.size() == expected.size {
            assert_eq!(frontier.tree_head(), expected);
        }
        assert_eq!(
            Frontier::read(&tree, expected.size).unwrap().tree_head(),
            expected
        );
    }
    assert_eq!(tree.head_at(TreeSize::new(1026)), None);
}

#[test]
fn proofs_between_edges_are_those_of_the_definition() {
    let (tree, all) = (tree(1025), leaves(1025));
    for size in edges().filter(|size| *size > 0) {
        let now = tree.head_at(TreeSize::new(size)).unwrap();
        let known = &all[..usize::try_from(size).unwrap()];
        for other in edges().filter(|other| *other > 0 && *other < size) {
            let at = usize::try_from(other).unwrap();
            let inclusion = InclusionProof::prove(&tree, now.size, LeafIndex::new(other)).unwrap();
            assert_eq!(inclusion.hashes, path(at, known), "{other} in {size}");
            let old = tree.head_at(TreeSize::new(other)).unwrap();
            let consistency = ConsistencyProof::prove(&tree, old.size, now.size).unwrap();
            assert_eq!(consistency.hashes, subproof(at, known, true), "{other} to {size}");
            assert_eq!(consistency.verify(&old, &now), Ok(()), "{other} to {size}");
        }
    }
}

#[test]
fn every_tile_of_a_growing_log_rebuilds_its_root() {
    let tree = tree(66_000);
    let mut files = std::collections::BTreeMap::new();
    let mut before = TreeSize::new(0);
    for size in [1, 255, 256, 257, 65_535, 65_536, 65_537, 66_000].map(TreeSize::new) {
        for coord in tiles_for_growth(before, size) {
            let TileKind::Hashes(level) = coord.kind else {
                panic!("{coord} is no hash tile")
            };
            assert!(
                coord.is_within(size) && !coord.is_within(before),
                "{coord} from {before} to {size}"
            );
            files.insert(coord, tile_bytes(&tree, level, coord.index, coord.width).unwrap());
        }
        let reader = TileHashReader::new(size, |coord| files.get(&coord).cloned().ok_or(coord));
        let rebuilt = Frontier::read(&reader, size).unwrap().tree_head();
        assert_eq!(Some(rebuilt), tree.head_at(size), "{size}");
        let proof = ConsistencyProof::prove(&reader, before, size).unwrap();
        assert_eq!(
            proof.verify(&tree.head_at(before).unwrap(), &rebuilt),
            Ok(()),
            "{size}"
        );
        before = size;
    }
}

#[test]
fn each_tile_of_a_proof_is_read_once() {
    let tree = tree(1000);
    let reads = std::cell::Cell::new(0);
    let reader = TileHashReader::new(tree.size(), |coord| {
        reads.set(reads.get() + 1);
        let TileKind::Hashes(level) = coord.kind else {
            panic!("{coord} is no hash tile")
        };
        tile_bytes(&tree, level, coord.index, coord.width)
    });
    InclusionProof::prove(&reader, tree.size(), LeafIndex::new(300)).unwrap();
    // Its own tile, the one at the right edge, and the level above.
    assert_eq!(reads.get(), 3);
}

#[test]
fn a_tile_of_the_wrong_length_is_not_read() {
    let reader = TileHashReader::new(TreeSize::new(3), |_| Ok::<_, Infallible>(vec![0; 64]));
    let error = Frontier::read(&reader, TreeSize::new(3)).unwrap_err();
    assert!(
        matches!(
            error,
            TileReadError::Length {
                expected: 96,
                found: 64,
                ..
            }
        ),
        "{error}"
    );
    let beyond = Frontier::read(&reader, TreeSize::new(4)).unwrap_err();
    assert!(
        matches!(beyond, TileReadError::NoSuchNode { level: 2, index: 0 }),
        "{beyond}"
    );
}

#[test]
fn a_proof_for_swapped_sizes_is_refused() {
    let tree = tree(6);
    let (old, new) = (tree.head_at(TreeSize::new(3)).unwrap(), tree.head());
    let proof = ConsistencyProof::prove(&tree, old.size, new.size).unwrap();
    assert!(matches!(
        proof.verify(&new, &old),
        Err(ConsistencyError::Shrinks { .. })
    ));
    let crossed = TreeHead {
        size: old.size,
        root: new.root,
    };
    assert!(matches!(
        proof.verify(&crossed, &new),
        Err(ConsistencyError::OldRoot { .. })
    ));
    let crossed = TreeHead {
        size: new.size,
        root: old.root,
    };
    assert!(matches!(
        proof.verify(&old, &crossed),
        Err(ConsistencyError::NewRoot { .. })
    ));
}

#[test]
fn only_the_true_empty_tree_precedes_every_tree() {
    let head = tree(5).head();
    let nothing = ConsistencyProof::default();
    assert_eq!(nothing.verify(&TreeHead::EMPTY, &head), Ok(()));
    let false_empty = TreeHead {
        size: TreeSize::new(0),
        root: head.root,
    };
    assert!(matches!(
        nothing.verify(&false_empty, &head),
        Err(ConsistencyError::OldRoot { .. })
    ));
    assert!(nothing.verify(&TreeHead::EMPTY, &false_empty).is_err());
    let fork = TreeHead {
        root: TreeHead::EMPTY.root,
        ..head
    };
    assert!(nothing.verify(&head, &fork).is_err());
    let padded = ConsistencyProof {
        hashes: vec![*head.root.digest()],
    };
    assert!(matches!(
        padded.verify(&head, &head),
        Err(ConsistencyError::Length { .. })
    ));
    assert!(matches!(
        padded.verify(&TreeHead::EMPTY, &head),
        Err(ConsistencyError::Length { .. })
    ));
}

proptest! {
    #[test]
    fn inclusion_proofs_are_those_of_the_definition((index, size) in sizes()) {
        prop_assume!(index < size);
        let (tree, known, index) = (tree(size), leaves(size), LeafIndex::new(index));
        let proof = InclusionProof::prove(&tree, TreeSize::new(size), index).unwrap();
        let at = usize::try_from(index.get()).unwrap();
        prop_assert_eq!(&proof.hashes, &path(at, &known));
        prop_assert_eq!(proof.verify(&head(size), index, &known[at]), Ok(()));
    }

    #[test]
    fn consistency_proofs_are_those_of_the_definition((old, new) in sizes()) {
        let tree = tree(new);
        let proof = ConsistencyProof::prove(&tree, TreeSize::new(old), TreeSize::new(new)).unwrap();
        let expected = if old == 0 { vec![] } else { subproof(usize::try_from(old).unwrap(), &leaves(new), true) };
        prop_assert_eq!(&proof.hashes, &expected);
        prop_assert_eq!(proof.verify(&head(old), &head(new)), Ok(()));
    }

    #[test]
    fn a_changed_hash_in_an_inclusion_proof_is_found((index, size) in sizes(), at in any::<prop::sample::Index>(), bit in 0..256_usize) {
        prop_assume!(index < size && size > 1);
        let tree = tree(size);
        let index = LeafIndex::new(index);
        let mut proof = InclusionProof::prove(&tree, tree.size(), index).unwrap();
        let at = at.index(proof.hashes.len());
        proof.hashes[at] = flipped(proof.hashes[at], bit);
        let refused = proof.verify(&tree.head(), index, &leaf(index.get()));
        prop_assert!(matches!(refused, Err(InclusionError::Root { .. })), "{:?}", refused);
    }

    #[test]
    fn a_changed_hash_in_a_consistency_proof_is_found((old, new) in sizes(), at in any::<prop::sample::Index>(), bit in 0..256_usize) {
        prop_assume!(0 < old && old < new);
        let tree = tree(new);
        let [old, new] = [old, new].map(|size| tree.head_at(TreeSize::new(size)).unwrap());
        let mut proof = ConsistencyProof::prove(&tree, old.size, new.size).unwrap();
        let at = at.index(proof.hashes.len());
        proof.hashes[at] = flipped(proof.hashes[at], bit);
        let refused = proof.verify(&old, &new);
        prop_assert!(matches!(refused, Err(ConsistencyError::OldRoot { .. } | ConsistencyError::NewRoot { .. })), "{:?}", refused);
    }

    #[test]
    fn another_number_of_hashes_is_refused((index, size) in sizes(), length in 0..70_usize) {
        prop_assume!(index < size);
        let tree = tree(size);
        let index = LeafIndex::new(index);
        let right = InclusionProof::prove(&tree, tree.size(), index).unwrap().hashes;
        prop_assume!(right.len() != length);
        let hashes: Vec<_> = right.iter().copied().chain(std::iter::repeat(Sha256Digest::OF_NOTHING)).take(length).collect();
        let refused = InclusionProof { hashes }.verify(&tree.head(), index, &leaf(index.get()));
        let lengths = (right.len(), length);
        prop_assert!(matches!(refused, Err(InclusionError::Length { expected, found, .. }) if (expected, found) == lengths), "{:?}", refused);
    }

    #[test]
    fn a_leaf_is_not_found_at_another_index((index, size) in sizes(), other in 0_u64..700) {
        prop_assume!(index < size && index != other);
        let tree = tree(size);
        let proof = InclusionProof::prove(&tree, tree.size(), LeafIndex::new(index)).unwrap();
        prop_assert!(proof.verify(&tree.head(), LeafIndex::new(other), &leaf(index)).is_err());
    }

    #[test]
    fn no_numbers_and_no_hashes_make_a_check_panic(
        (a, b) in (any::<u64>(), any::<u64>()),
        bits in (0..64_u32, 0..64_u32),
        count in 0..70_usize,
    ) {
        let (a, b) = (a >> bits.0, b >> bits.1);
        let root = RootHash::from(Sha256Digest::OF_NOTHING);
        let hashes = vec![Sha256Digest::OF_NOTHING; count];
        let [a, b] = [a, b].map(|size| TreeHead { size: TreeSize::new(size), root });
        let found = InclusionProof { hashes: hashes.clone() }.verify(&a, LeafIndex::new(b.size.get()), &leaf(0));
        prop_assert!(found.is_err());
        let old_is_known = a.size.get() == 0 || a.size == b.size;
        let holds = ConsistencyProof { hashes }.verify(&a, &b).is_ok();
        prop_assert_eq!(holds, old_is_known && count == 0);
    }
}

fn flipped(hash: Sha256Digest, bit: usize) -> Sha256Digest {
    let mut bytes = *hash.as_bytes();
    bytes[bit / 8] ^= 1 << (bit % 8);
    Sha256Digest::from_bytes(bytes)
}
