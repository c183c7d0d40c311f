//! Our trees, tiles and checkpoints against the `tlog_tiles` crate, which others wrote.

use proptest::prelude::*;
use provenance::{
    Sha256Digest,
    checkpoint::Checkpoint,
    merkle::{
        ConsistencyProof, InclusionProof, LeafIndex, TreeSize,
        tile::{TileCoord, TileKind, tile_bytes, tiles_for_growth},
    },
};
use tlog_tiles::{Hash, Tile};

use super::{changed, changes, checkpoint, leaf, tree};

/// Their store: hashes in the order in which they come into being.
#[derive(Default)]
struct Stored {
    hashes: Vec<Hash>,
    size: u64,
}

impl Stored {
    fn new(size: u64) -> Self {
        let mut stored = Self::default();
        while stored.size < size {
            let new = tlog_tiles::stored_hashes(stored.size, &stored.size.to_be_bytes(), &stored).unwrap();
            stored.hashes.extend(new);
            stored.size += 1;
        }
        stored
    }
}

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, tlog_tiles::Error> {
        Ok(indexes
            .iter()
            .map(|index| self.hashes[usize::try_from(*index).unwrap()])
            .collect())
    }
}

fn theirs(hashes: &[Sha256Digest]) -> Vec<Hash> {
    hashes.iter().map(|hash| Hash(*hash.as_bytes())).collect()
}

/// Their paths name the height.
fn their_path(coord: &TileCoord) -> String {
    coord.to_string().replacen("tile/", "tile/8/", 1)
}

#[test]
fn both_build_the_same_trees_and_accept_each_others_proofs() {
    const MOST: u64 = 300;
    let (ours, stored) = (tree(MOST), Stored::new(MOST));
    for size in (1..=MOST).filter(|size| size % 7 == 0 || size.is_power_of_two() || *size > 250) {
        let head = ours.head_at(TreeSize::new(size)).unwrap();
        let root = tlog_tiles::tree_hash(size, &stored).unwrap();
        assert_eq!(root.0, *head.root.digest().as_bytes(), "{size}");
        for index in (0..size).filter(|index| index % 11 == 0 || index + 2 > size) {
            let proof = InclusionProof::prove(&ours, head.size, LeafIndex::new(index)).unwrap();
            let hashes = theirs(&proof.hashes);
            assert_eq!(
                tlog_tiles::prove_record(size, index, &stored).unwrap(),
                hashes,
                "{index} in {size}"
            );
            let hash = Hash(*leaf(index).digest().as_bytes());
            tlog_tiles::check_record(&hashes, size, root, index, hash).unwrap();
        }
        for old in (1..size).filter(|old| old % 13 == 0 || old.is_power_of_two()) {
            let before = ours.head_at(TreeSize::new(old)).unwrap();
            let proof = ConsistencyProof::prove(&ours, before.size, head.size).unwrap();
            let hashes = theirs(&proof.hashes);
            assert_eq!(
                tlog_tiles::prove_tree(size, old, &stored).unwrap(),
                hashes,
                "{old} to {size}"
            );
            let old_root = Hash(*before.root.digest().as_bytes());
            tlog_tiles::check_tree(&hashes, size, root, old, old_root).unwrap();
        }
    }
}

#[test]
fn both_write_the_same_tiles_with_the_same_bytes() {
    let (ours, stored) = (tree(700), Stored::new(700));
    for (old, new) in [
        (0, 1),
        (1, 255),
        (255, 256),
        (256, 257),
        (0, 512),
        (300, 700),
        (699, 700),
    ] {
        let tiles = tiles_for_growth(TreeSize::new(old), TreeSize::new(new));
        let listed = Tile::new_tiles(8, old, new);
        let paths: Vec<_> = listed.iter().map(Tile::path).collect();
        assert_eq!(
            tiles.iter().map(their_path).collect::<Vec<_>>(),
            paths,
            "{old} to {new}"
        );
        for (coord, tile) in tiles.iter().zip(listed) {
            let TileKind::Hashes(level) = coord.kind else {
                panic!("{coord} is no hash tile")
            };
            let bytes = tile_bytes(&ours, level, coord.index, coord.width).unwrap();
            assert_eq!(bytes, tile.read_data(&stored).unwrap(), "{coord}");
        }
    }
}

proptest! {
    #[test]
    fn both_list_the_same_tiles_for_logs_of_any_size(new in 1_u64..1 << 47, bits in 0..47_u32, grown in 0_u64..100_000) {
        let new = (new >> bits).max(1);
        let old = new.saturating_sub(grown);
        let ours = tiles_for_growth(TreeSize::new(old), TreeSize::new(new));
        let theirs: Vec<_> = Tile::new_tiles(8, old, new).iter().map(Tile::path).collect();
        prop_assert_eq!(ours.iter().map(their_path).collect::<Vec<_>>(), theirs);
        prop_assert!(ours.iter().all(|coord| coord.is_within(TreeSize::new(new))));
        prop_assert!(ours.iter().all(|coord| !coord.is_within(TreeSize::new(old))));
    }

    #[test]
    fn both_read_the_same_tile_paths(
        level in prop_oneof!["[0-7]", "0[0-9]", "[1-5][0-9]", "6[0-3]", "x"],
        groups in prop::collection::vec(prop_oneof!["x[0-9]{3}", "[0-9]{3}", "x000", "[0-9]{2}", "x?[0-9]{4}"], 0..5),
        last in prop_oneof!["[0-9]{3}", "[0-9]{1,2}", "x[0-9]{3}", ""],
        width in prop_oneof![Just(String::new()), "\\.p/[1-9][0-9]{0,2}", "\\.p/0[1-9]", "\\.p", "\\.p/"],
    ) {
        let tail = groups.iter().chain([&last]).cloned().collect::<Vec<_>>().join("/");
        let path = format!("tile/{level}/{tail}{width}");
        let ours = TileCoord::parse(&path);
        let theirs = Tile::from_path(&path.replacen("tile/", "tile/8/", 1));
        prop_assert_eq!(ours.is_ok(), theirs.is_ok(), "{}", path);
        if let (Ok(ours), Ok(theirs)) = (ours, theirs) {
            prop_assert_eq!(ours.to_string(), path);
            let numbers = (ours.kind, ours.index, u32::from(ours.width));
            prop_assert_eq!(numbers, (TileKind::Hashes(theirs.level()), theirs.level_index(), theirs.width()));
        }
    }

    #[test]
    fn we_read_no_checkpoint_that_they_do_not(changes in changes()) {
        let text = changed(checkpoint(5, &[]).text(), &changes);
        let theirs = tlog_tiles::Checkpoint::from_bytes(text.as_bytes());
        match Checkpoint::parse(&text) {
            Ok(ours) => {
                let theirs = theirs.unwrap();
                prop_assert_eq!(ours.origin.as_str(), theirs.origin());
                prop_assert_eq!(ours.head.size.get(), theirs.size());
                prop_assert_eq!(ours.head.root.digest().as_bytes(), &theirs.hash().0);
                prop_assert_eq!(ours.to_string().into_bytes(), theirs.to_bytes());
            }
            // We are stricter on purpose: an origin is also a key name, sizes fit 63 bits, the empty root is one.
            Err(error) => if let Ok(theirs) = theirs {
                let strict = theirs.origin().chars().any(|c| c.is_whitespace() || c == '+' || !c.is_ascii_graphic())
                    || theirs.size() >= 1 << 63
                    || theirs.size() == 0;
                prop_assert!(strict, "{}: {:?}", error, text);
            }
        }
    }
}
