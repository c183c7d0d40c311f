//! Materialising: tiles and entry bundles as a pure function of the committed entries (c2sp tlog-tiles).
//!
//! [`Edge`] is the right edge of the tree: of each level the hashes of the tile that is not full yet, and the
//! entries of the last bundle. Pushing every entry from the first on gives every tile of the log; pushing the
//! entries of one batch gives exactly the tiles that this batch adds. The same code serves the sequencer and
//! recovery, so both can only write the same bytes.

use std::path::{Path, PathBuf};

use provenance::{
    Sha256Digest,
    merkle::{
        Frontier, LeafHash, TreeHead,
        tile::{TILE_WIDTH, TileCoord, TileKind},
    },
};

use crate::durable::{self, DurableError};

/// A file under `tile/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Object {
    /// Which tile or bundle.
    pub(crate) coord: TileCoord,
    /// Its bytes.
    pub(crate) bytes: Vec<u8>,
}

/// Where a tile or bundle lies under the folder `tile/`.
pub(crate) fn tile_path(tiles: &Path, coord: &TileCoord) -> PathBuf {
    let path = coord.to_string();
    tiles.join(path.strip_prefix("tile/").unwrap_or(&path))
}

/// The right edge of the tree.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    frontier: Frontier,
    /// Of each level, the hashes of its last tile while that is not full.
    levels: Vec<Vec<Sha256Digest>>,
    /// The last bundle while it is not full: each entry behind its big-endian 16-bit length.
    bundle: Vec<u8>,
    /// Number of levels, from the lowest, that have grown since the partials were last taken.
    grown: usize,
}

impl Edge {
    /// Number of entries.
    pub(crate) fn size(&self) -> u64 {
        self.frontier.size().get()
    }

    /// Size and root of the tree.
    pub(crate) fn head(&self) -> TreeHead {
        self.frontier.tree_head()
    }

    /// Appends an entry and gives what became full by it: nothing, or a bundle and one tile for each level.
    pub(crate) fn push(&mut self, entry: &[u8]) -> Vec<Object> {
        let mut full = Vec::new();
        let leaf = LeafHash::of(entry);
        let mut index = self.size() / TILE_WIDTH;
        self.frontier.push(leaf);
        let length = u16::try_from(entry.len()).expect("entries are at most 32 KiB");
        self.bundle.extend_from_slice(&length.to_be_bytes());
        self.bundle.extend_from_slice(entry);
        if self.size().is_multiple_of(TILE_WIDTH) {
            let bytes = std::mem::take(&mut self.bundle);
            full.push(object(TileKind::Entries, index, TILE_WIDTH, bytes));
        }
        let mut hash = *leaf.digest();
        for level in 0.. {
            if self.levels.len() == level {
                self.levels.push(Vec::new());
            }
            self.grown = self.grown.max(level + 1);
            let hashes = &mut self.levels[level];
            hashes.push(hash);
            if (hashes.len() as u64) < TILE_WIDTH {
                break;
            }
            full.push(object(hashes_of(level), index, TILE_WIDTH, concatenated(hashes)));
            hash = root_of_full(hashes);
            hashes.clear();
            index /= TILE_WIDTH;
        }
        full
    }

    /// The partial tiles and the partial bundle that have grown since this was last called.
    pub(crate) fn take_partials(&mut self) -> Vec<Object> {
        let mut partials = Vec::new();
        let mut index = self.size();
        for (level, hashes) in self.levels.iter().enumerate().take(self.grown) {
            index /= TILE_WIDTH;
            let width = hashes.len() as u64;
            if width == 0 {
                continue;
            }
            if level == 0 {
                partials.push(object(TileKind::Entries, index, width, self.bundle.clone()));
            }
            partials.push(object(hashes_of(level), index, width, concatenated(hashes)));
        }
        self.grown = 0;
        partials
    }
}

fn hashes_of(level: usize) -> TileKind {
    TileKind::Hashes(u8::try_from(level).expect("a tree of 2^63 leaves has 8 levels of tiles"))
}

fn object(kind: TileKind, index: u64, width: u64, bytes: Vec<u8>) -> Object {
    let width = u16::try_from(width).expect("a tile has at most 256 hashes");
    Object {
        coord: TileCoord { kind, index, width },
        bytes,
    }
}

fn concatenated(hashes: &[Sha256Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

/// What a full tile is in the level above: the root over its hashes.
fn root_of_full(hashes: &[Sha256Digest]) -> Sha256Digest {
    let mut subtree = Frontier::new();
    for hash in hashes {
        subtree.push(LeafHash::from(*hash));
    }
    *subtree.root().digest()
}

/// Writes what one batch adds: every new full object, then the partials. Everything is durable on return.
pub(crate) fn write(tiles: &Path, objects: &[Object]) -> Result<(), DurableError> {
    objects
        .iter()
        .try_for_each(|object| durable::put_immutable(&tile_path(tiles, &object.coord), &object.bytes))
}

/// As [`write`], for what a crash may have left half durable: equal files are written anew.
pub(crate) fn renew(tiles: &Path, objects: &[Object]) -> Result<(), DurableError> {
    objects
        .iter()
        .try_for_each(|object| durable::renew_immutable(&tile_path(tiles, &object.coord), &object.bytes))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use provenance::merkle::{
        MemoryTree, TreeSize,
        tile::{bundles_for_growth, decode_bundle, tile_bytes, tiles_for_growth},
    };

    use super::*;

    /// Grows a log through `sizes` and compares what was written with the tiles of a tree in memory.
    fn grow(sizes: &[u64]) {
        let (mut edge, mut tree) = (Edge::default(), MemoryTree::new());
        let mut written: BTreeMap<TileCoord, Vec<u8>> = BTreeMap::new();
        for &size in sizes {
            let before = tree.size();
            let mut objects = Vec::new();
            while edge.size() < size {
                let entry = edge.size().to_string();
                tree.push(LeafHash::of(entry.as_bytes()));
                objects.extend(edge.push(entry.as_bytes()));
            }
            objects.extend(edge.take_partials());
            assert_eq!(edge.head(), tree.head());
            let mut expected = tiles_for_growth(before, TreeSize::new(size));
            expected.extend(bundles_for_growth(before, TreeSize::new(size)));
            expected.sort();
            let mut found: Vec<_> = objects.iter().map(|o| o.coord).collect();
            found.sort();
            assert_eq!(found, expected, "from {before} to {size}");
            for Object { coord, bytes } in objects {
                if let TileKind::Hashes(level) = coord.kind {
                    assert_eq!(
                        bytes,
                        tile_bytes(&tree, level, coord.index, coord.width).unwrap(),
                        "{coord}"
                    );
                } else {
                    let first = coord.index * TILE_WIDTH;
                    let entries = decode_bundle(&bytes, coord.width).unwrap();
                    let texts = (first..).map(|n| n.to_string().into_bytes()).take(entries.len());
                    assert_eq!(entries, texts.collect::<Vec<_>>(), "{coord}");
                }
                written.insert(coord, bytes);
            }
        }
        assert!(written.keys().all(|coord| coord.is_within(tree.size())));
    }

    #[test]
    fn writes_exactly_the_tiles_of_each_growth() {
        grow(&[1, 2, 3, 255, 256, 257, 511, 512, 600, 1024, 1025]);
        grow(&[256]);
        grow(&[70_000, 70_001]);
        grow(&[65_535, 65_536, 65_537]);
    }

    #[test]
    fn a_tile_that_differs_stops_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let mut edge = Edge::default();
        edge.push(b"a");
        let objects = edge.take_partials();
        write(folder.path(), &objects).unwrap();
        write(folder.path(), &objects).unwrap();
        std::fs::write(folder.path().join("0/000.p/1"), [0; 32]).unwrap();
        assert!(matches!(
            write(folder.path(), &objects),
            Err(DurableError::Differs { .. })
        ));
        assert!(matches!(
            renew(folder.path(), &objects),
            Err(DurableError::Differs { .. })
        ));
    }
}
