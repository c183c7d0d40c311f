//! Sorted runs: how rows lie in sled when they are many.
//!
//! A leaf of sled's tree holds at most sixteen rows, and each costs memory as long as the server runs. So rows are packed: a run is all rows of some
//! consecutive entries, sorted and cut into blocks of about [`BLOCK_BYTES`]; the key of a block is the last that it holds, so
//! that a block is found by going forward: on the way back sled can go round in a circle. A run is written once, front to back, and never changed.

use provenance::{
    Sha256Digest,
    digest::Sha256Hasher,
    merkle::{Frontier, TreeSize},
};
use serde::{Deserialize, Serialize};

/// Bytes of a block, about: it is full with the first row that makes it longer.
const BLOCK_BYTES: usize = 1 << 10;

/// A row: its key and its value.
pub(super) type Row = (Vec<u8>, Vec<u8>);

/// A row as a block has it: what its key has in common with the one before is left out.
#[derive(Debug, Serialize, Deserialize)]
struct Packed<'a> {
    shared: u16,
    rest: &'a [u8],
    value: &'a [u8],
}

/// Packs sorted rows into blocks, each with its last key.
pub(super) fn pack<'a>(rows: impl Iterator<Item = (&'a Vec<u8>, &'a Vec<u8>)>) -> impl Iterator<Item = Row> {
    let mut rows = rows.peekable();
    std::iter::from_fn(move || {
        let (mut packed, mut bytes) = (Vec::new(), 0);
        let mut last: &[u8] = &[];
        while let Some((key, value)) = rows.next_if(|_| bytes < BLOCK_BYTES) {
            let same = key.iter().zip(last).take_while(|(a, b)| a == b).count();
            let shared = u16::try_from(same).unwrap_or(u16::MAX);
            let rest = &key[usize::from(shared)..];
            bytes += rest.len() + value.len();
            last = key;
            packed.push(Packed { shared, rest, value });
        }
        let block = || postcard::to_allocvec(&packed).expect("byte strings serialise");
        (!packed.is_empty()).then(|| (last.to_vec(), block()))
    })
}

/// The rows of a block; none when it does not read.
pub(super) fn unpack(block: &[u8]) -> Option<Vec<Row>> {
    let packed: Vec<Packed<'_>> = postcard::from_bytes(block).ok()?;
    let mut rows: Vec<Row> = Vec::with_capacity(packed.len());
    for Packed { shared, rest, value } in packed {
        let before = rows.last().map_or(&[][..], |(key, _)| key);
        let key = [before.get(..usize::from(shared))?, rest].concat();
        rows.push((key, value.to_vec()));
    }
    Some(rows)
}

/// What a run holds; its row in sled is written after all of its blocks, and makes them count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// The right edge of the tree after its last entry.
    pub(super) edge: Frontier,
    /// Lookup keys in it and in all runs before it.
    pub(super) keys: u64,
}

impl Run {
    /// What its row says, but for the seal.
    fn head(&self) -> Vec<u8> {
        let mut head = Vec::new();
        head.extend_from_slice(&self.keys.to_be_bytes());
        head.extend_from_slice(&self.edge.size().get().to_be_bytes());
        head.extend(self.edge.peaks().iter().flat_map(Sha256Digest::as_bytes));
        head
    }

    /// The value of its row: a seal, keys 8, size 8, peaks 32 each.
    pub(super) fn value(&self, blocks: Sealing) -> Vec<u8> {
        let head = self.head();
        [blocks.seal(&head).as_bytes().as_slice(), &head].concat()
    }

    /// The run that a row says; none when it does not read, or these are not its blocks.
    pub(super) fn read(value: &[u8], blocks: Sealing) -> Option<Self> {
        let (seal, head) = value.split_first_chunk::<32>()?;
        if blocks.seal(head).as_bytes() != seal {
            return None;
        }
        let (keys, rest) = head.split_first_chunk::<8>()?;
        let (size, peaks) = rest.split_first_chunk::<8>()?;
        let peaks = peaks.chunks(32).map(Sha256Digest::from_slice);
        Some(Self {
            edge: Frontier::from_peaks(
                TreeSize::new(u64::from_be_bytes(*size)),
                peaks.collect::<Option<_>>()?,
            )?,
            keys: u64::from_be_bytes(*keys),
        })
    }
}

/// The blocks of a run, hashed one after the other: with what its row says they make its seal, by which any damage shows.
#[derive(Default)]
pub(super) struct Sealing(Sha256Hasher);

impl Sealing {
    /// Takes in the next block, with its key.
    pub(super) fn block(&mut self, key: &[u8], block: &[u8]) {
        for part in [key, block] {
            self.0.update(&(part.len() as u64).to_be_bytes());
            self.0.update(part);
        }
    }

    fn seal(mut self, head: &[u8]) -> Sha256Digest {
        self.0.update(head);
        self.0.finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use provenance::merkle::LeafHash;

    use super::*;

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(
            rows in proptest::collection::btree_map(
                proptest::collection::vec(0..3_u8, 0..40),
                proptest::collection::vec(any::<u8>(), 0..400),
                0..200,
            ),
        ) {
            let blocks: Vec<Row> = pack(rows.iter()).collect();
            let mut found = BTreeMap::new();
            for (key, block) in blocks {
                let unpacked = unpack(&block).unwrap();
                let (last, but_the_last) = unpacked.split_last().unwrap();
                prop_assert_eq!(&key, &last.0);
                prop_assert!(but_the_last.iter().map(|(_, value)| value.len()).sum::<usize>() < BLOCK_BYTES);
                found.extend(unpacked);
            }
            prop_assert_eq!(found, rows);
        }

        #[test]
        fn junk_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = unpack(&bytes);
            let _ = Run::read(&bytes, Sealing::default());
        }
    }

    #[test]
    fn runs_round_trip() {
        let blocks = |with: u8| {
            let mut blocks = Sealing::default();
            blocks.block(b"key", &[with]);
            blocks
        };
        let mut edge = Frontier::new();
        for n in 0..=9_u8 {
            let run = Run {
                edge: edge.clone(),
                keys: 7,
            };
            let mut value = run.value(blocks(1));
            assert_eq!(Run::read(&value, blocks(1)).as_ref(), Some(&run));
            assert_eq!(Run::read(&value, blocks(2)), None);
            assert_eq!(Run::read(&value[..value.len() - 1], blocks(1)), None);
            value[32] ^= 1;
            assert_eq!(Run::read(&value, blocks(1)), None);
            edge.push(LeafHash::of(&[n]));
        }
    }
}
