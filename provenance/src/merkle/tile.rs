//! Tiles and entry bundles: the tree as static files (c2sp.org/tlog-tiles).
//!
//! ```text
//! tile/<L>/<N>[.p/<W>]         hash i = root of leaves [(N*256+i)*256^L, (N*256+i+1)*256^L), 32 bytes each
//! tile/entries/<N>[.p/<W>]     entries, each behind its length as big-endian u16
//! N in groups of three digits, all but the last after an x: 1234067 is x001/x234/067
//! ```
//! A partial tile is never hashed into the level above it.

mod bundle;
mod reader;

use std::fmt;

pub use bundle::{BundleError, MAX_BUNDLE_BYTES, decode_bundle, encode_bundle};
pub use reader::{TileHashReader, TileReadError};

use super::{HashReader, LeafIndex, TreeSize};
use crate::{digest::Sha256Digest, entry::decimal};

/// Hashes in a full tile, entries in a full bundle.
pub const TILE_WIDTH: u64 = 256;

/// Levels of the tree in a tile.
pub const TILE_HEIGHT: u8 = 8;

/// Highest tile level that a tree of 2^63 leaves has.
const MAX_LEVEL: u8 = 63;

/// What a static file of the log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TileKind {
    /// Hashes of one tile level, 0 for leaf hashes.
    Hashes(u8),
    /// Entries.
    Entries,
}

/// Names one tile or bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileCoord {
    /// Hashes of which level, or entries.
    pub kind: TileKind,
    /// Position at its level.
    pub index: u64,
    /// Hashes or entries in it: 256 when full.
    pub width: u16,
}

/// Text that is not the path of a tile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{path:?} is not the path of a tile or entry bundle")]
pub struct TilePathError {
    /// The text.
    pub path: String,
}

impl TileCoord {
    /// The full tile in the same place, which begins with the same hashes. A partial one may be gone once it is there.
    #[must_use]
    pub fn whole(self) -> Self {
        Self { width: 256, ..self }
    }

    /// Whether all 256 places are taken.
    pub fn is_full(&self) -> bool {
        u64::from(self.width) == TILE_WIDTH
    }

    /// Leaves below one hash of this tile; entries count one.
    fn leaves_per_hash(&self) -> Option<u64> {
        match self.kind {
            TileKind::Entries => Some(1),
            TileKind::Hashes(level) => 1u64.checked_shl(u32::from(level) * u32::from(TILE_HEIGHT)),
        }
    }

    /// Whether a tree of `size` leaves has all hashes or entries of this tile.
    pub fn is_within(&self, size: TreeSize) -> bool {
        let end = self
            .index
            .checked_mul(TILE_WIDTH)
            .and_then(|first| first.checked_add(u64::from(self.width)));
        let leaves = end
            .zip(self.leaves_per_hash())
            .and_then(|(end, each)| end.checked_mul(each));
        leaves.is_some_and(|leaves| leaves <= size.get())
    }

    /// Parses a path such as `tile/0/x001/067.p/5`, strictly.
    ///
    /// # Errors
    /// [`TilePathError`].
    pub fn parse(path: &str) -> Result<Self, TilePathError> {
        parse(path).ok_or_else(|| TilePathError {
            path: path.chars().take(200).collect(),
        })
    }
}

fn parse(path: &str) -> Option<TileCoord> {
    let (level, mut rest) = path.strip_prefix("tile/")?.split_once('/')?;
    let kind = match level {
        "entries" => TileKind::Entries,
        level => TileKind::Hashes(u8::try_from(decimal(level)?).ok().filter(|l| *l <= MAX_LEVEL)?),
    };
    let mut width = u16::try_from(TILE_WIDTH).ok()?;
    if let Some((number, partial)) = rest.split_once(".p/") {
        width = u16::try_from(decimal(partial)?)
            .ok()
            .filter(|w| (1..256).contains(w))?;
        rest = number;
    }
    let groups: Vec<&str> = rest.split('/').collect();
    let (last, leading) = groups.split_last()?;
    let mut index = 0u64;
    for (at, group) in leading
        .iter()
        .map(|g| g.strip_prefix('x'))
        .chain([Some(*last)])
        .enumerate()
    {
        let group = group.filter(|g| g.len() == 3 && g.bytes().all(|b| b.is_ascii_digit()))?;
        if at == 0 && !leading.is_empty() && group == "000" {
            return None;
        }
        index = index.checked_mul(1000)?.checked_add(group.parse().ok()?)?;
    }
    Some(TileCoord { kind, index, width })
}

impl fmt::Display for TileCoord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries/")?,
            TileKind::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![self.index % 1000];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(rest % 1000);
            rest /= 1000;
        }
        for (at, group) in groups.iter().enumerate().rev() {
            if at > 0 {
                write!(f, "x{group:03}/")?;
            } else {
                write!(f, "{group:03}")?;
            }
        }
        if self.is_full() {
            Ok(())
        } else {
            write!(f, ".p/{}", self.width)
        }
    }
}

/// The files of one kind that a tree of `new` leaves has and one of `old` leaves did not.
fn growth_of(kind: TileKind, old: u64, new: u64) -> impl Iterator<Item = TileCoord> {
    let first = old / TILE_WIDTH;
    let last = if new > old {
        new.div_ceil(TILE_WIDTH)
    } else {
        first
    };
    (first..last).map(move |index| {
        let width = (new - index * TILE_WIDTH).min(TILE_WIDTH);
        TileCoord {
            kind,
            index,
            width: u16::try_from(width).expect("at most 256"),
        }
    })
}

/// Hash tiles to write when the tree grows from `old` to `new` leaves, lowest level first. Partial tiles of the
/// new size are among them.
pub fn tiles_for_growth(old: TreeSize, new: TreeSize) -> Vec<TileCoord> {
    let (mut old, mut new, mut level) = (old.get(), new.get(), 0);
    let mut tiles = Vec::new();
    while new > 0 {
        tiles.extend(growth_of(TileKind::Hashes(level), old, new));
        (old, new, level) = (old / TILE_WIDTH, new / TILE_WIDTH, level + 1);
    }
    tiles
}

/// Entry bundles to write when the tree grows from `old` to `new` leaves.
pub fn bundles_for_growth(old: TreeSize, new: TreeSize) -> Vec<TileCoord> {
    growth_of(TileKind::Entries, old.get(), new.get()).collect()
}

/// The bytes of the hash tile `index` at tile level `level`.
///
/// # Errors
/// The reader's; numbers that no tree has are its to refuse, as they reach it cut to the largest ones.
pub fn tile_bytes<R: HashReader>(reader: &R, level: u8, index: u64, width: u16) -> Result<Vec<u8>, R::Error> {
    let mut bytes = Vec::with_capacity(usize::from(width) * Sha256Digest::LEN);
    let (level, first) = (
        level.saturating_mul(TILE_HEIGHT),
        index.saturating_mul(TILE_WIDTH),
    );
    for at in 0..u64::from(width) {
        bytes.extend_from_slice(reader.node(level, first.saturating_add(at))?.as_bytes());
    }
    Ok(bytes)
}

/// The bundle that holds an entry in a tree of `size` leaves, and the entry's position in it; none when the
/// index is past the end.
pub fn bundle_of(index: LeafIndex, size: TreeSize) -> Option<(TileCoord, usize)> {
    if index.get() >= size.get() {
        return None;
    }
    let bundle = index.get() / TILE_WIDTH;
    let width = u16::try_from((size.get() - bundle * TILE_WIDTH).min(TILE_WIDTH)).ok()?;
    let position = usize::try_from(index.get() % TILE_WIDTH).ok()?;
    Some((
        TileCoord {
            kind: TileKind::Entries,
            index: bundle,
            width,
        },
        position,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_those_of_the_specification() {
        let expected = [
            (0, "tile/0/000"),
            (5, "tile/0/005"),
            (999, "tile/0/999"),
            (1000, "tile/0/x001/000"),
            (1_234_067, "tile/0/x001/x234/067"),
        ];
        for (index, path) in expected {
            let tile = TileCoord {
                kind: TileKind::Hashes(0),
                index,
                width: 256,
            };
            assert_eq!(
                (tile.to_string().as_str(), TileCoord::parse(path)),
                (path, Ok(tile))
            );
        }
        let partial = TileCoord {
            kind: TileKind::Entries,
            index: 1000,
            width: 7,
        };
        assert_eq!(partial.to_string(), "tile/entries/x001/000.p/7");
        assert_eq!(TileCoord::parse("tile/entries/x001/000.p/7"), Ok(partial));
    }

    #[test]
    fn refuses_every_other_spelling_of_a_path() {
        for path in [
            "",
            "tile/0/0",
            "tile/00/000",
            "tile/64/000",
            "tile/0/000.p/0",
            "tile/0/000.p/256",
            "tile/0/000.p/05",
            "tile/0/x000/000",
            "tile/0/x001",
            "tile/0/001/000",
            "tile/0/000/",
            "/tile/0/000",
            "tile/0/../000",
            "tile/0/x99999999999999999999/000",
            "tile/data/000",
            "tile/-1/000",
            "tile/0/+01",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert!(TileCoord::parse(path).is_err(), "{path}");
        }
    }

    #[test]
    fn growth_has_the_widths_of_the_specification() {
        let tiles = tiles_for_growth(TreeSize::new(0), TreeSize::new(70_000));
        let count = |level| {
            tiles
                .iter()
                .filter(|t| t.kind == TileKind::Hashes(level) && t.is_full())
                .count()
        };
        let partial = |level| {
            tiles
                .iter()
                .find(|t| t.kind == TileKind::Hashes(level) && !t.is_full())
                .map(|t| t.width)
        };
        assert_eq!([count(0), count(1), count(2)], [273, 1, 0]);
        assert_eq!(
            [partial(0), partial(1), partial(2)],
            [Some(112), Some(17), Some(1)]
        );
        let paths: Vec<_> = tiles_for_growth(TreeSize::new(255), TreeSize::new(256))
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(paths, ["tile/0/000", "tile/1/000.p/1"]);
        assert!(tiles_for_growth(TreeSize::new(5), TreeSize::new(5)).is_empty());
    }

    #[test]
    fn a_tile_past_the_tree_is_not_within_it() {
        let tile = |path| TileCoord::parse(path).unwrap();
        let size = TreeSize::new(300);
        for (path, within) in [
            ("tile/0/000", true),
            ("tile/0/001", false),
            ("tile/0/001.p/44", true),
            ("tile/0/001.p/45", false),
            ("tile/1/000.p/1", true),
            ("tile/1/000.p/2", false),
            ("tile/63/000", false),
            ("tile/entries/001.p/44", true),
            ("tile/entries/002.p/1", false),
        ] {
            assert_eq!(tile(path).is_within(size), within, "{path}");
        }
    }
}
