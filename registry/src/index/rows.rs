//! The layout of the index: one tree, a one-byte prefix for each kind of row, small values only.
//!
//! ```text
//! m version                                -> number 8                 of this layout
//! m edge                                   -> size 8, peaks 32 each    how much of the log is in the index, and its right edge
//! m keys                                   -> count 8                  rows under k
//! m rows                                   -> count 8                  rows of all kinds but m
//! r record 32                              -> index 8                  the first leaf of a record
//! s index 8                                -> summary as JSON          first leaves only, as all below
//! k digest 32, kind 1, index 8, file 4     -> record 32, path          lookup keys
//! p name, 0, inverted block 8              -> bits 8                   records of a publisher, newest block first
//! c name                                   -> count 8                  how many these are
//! t word, 0, inverted block 8              -> bits 8                   words of name, version and publisher
//! d index 8                                -> POSIX seconds 8          when this index took in the records from here on
//! ```
//! Integers are big-endian, so that keys sort as numbers. A block is [`BLOCK`] indices, and of its bits the lowest is the
//! first: what many records have in common costs one row for all of a block.

use std::collections::BTreeMap;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    lookup::KeyKind,
    merkle::{Frontier, TreeSize},
};

/// The number that a value is.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

/// The layout that this program writes.
pub(super) const LAYOUT: u64 = 3;
/// Which layout the index has.
pub(super) const VERSION: &[u8] = b"mversion";
/// The right edge of what is in the index.
pub(super) const EDGE: &[u8] = b"medge";
/// Number of lookup keys.
pub(super) const KEYS: &[u8] = b"mkeys";
/// Number of rows but those of the kind `m`.
pub(super) const ROWS: &[u8] = b"mrows";

/// Indices in a block.
const BLOCK: u64 = 64;

/// Sets of indices, as rows: by the beginning of their keys, and by block.
pub(super) type Sets = BTreeMap<(Vec<u8>, u64), u64>;

/// Longest word that is indexed, in bytes.
const MAX_WORD_BYTES: usize = 64;

/// Most words of one record that are indexed.
const MAX_WORDS: usize = 32;

fn key(prefix: u8, parts: &[&[u8]]) -> Vec<u8> {
    let mut key = vec![prefix];
    for part in parts {
        key.extend_from_slice(part);
    }
    key
}

/// Adds `index` to the set whose keys begin with `set`.
pub(super) fn insert(sets: &mut Sets, set: Vec<u8>, index: u64) {
    *sets.entry((set, index / BLOCK)).or_default() |= 1 << (index % BLOCK);
}

/// The row of a set that holds the indices of one block.
pub(super) fn block(set: &[u8], block: u64) -> Vec<u8> {
    let mut key = set.to_vec();
    key.extend_from_slice(&(u64::MAX - block).to_be_bytes());
    key
}

/// The row of a set that holds `index`, or would; those of smaller indices come after it.
pub(super) fn block_of(set: &[u8], index: u64) -> Vec<u8> {
    block(set, index / BLOCK)
}

/// Whether a block may have indices below `index`.
pub(super) fn begins_before(block: u64, index: u64) -> bool {
    block * BLOCK < index
}

/// The block at the end of a key, and the bits in a value.
pub(super) fn bits(key: &[u8], value: &[u8]) -> Option<(u64, u64)> {
    let block = u64::MAX - u64::from_be_bytes(*key.last_chunk::<8>()?);
    (block <= u64::MAX / BLOCK).then_some((block, u64::from_be_bytes(value.try_into().ok()?)))
}

/// The indices of a block, newest first.
pub(super) fn indices(block: u64, bits: u64) -> impl Iterator<Item = u64> {
    let set = (0..BLOCK).rev().filter(move |bit| bits >> bit & 1 == 1);
    set.map(move |bit| block * BLOCK + bit)
}

pub(super) fn taken(index: u64) -> Vec<u8> {
    key(b'd', &[&index.to_be_bytes()])
}

pub(super) fn first_leaf(record: &RecordId) -> Vec<u8> {
    key(b'r', &[record.digest().as_bytes()])
}

pub(super) fn summary(index: u64) -> Vec<u8> {
    key(b's', &[&index.to_be_bytes()])
}

/// Every kind of key that is stored, with its number.
const KINDS: [(KeyKind, u8); 7] = [
    (KeyKind::DirHash1, 1),
    (KeyKind::OmsRoot, 2),
    (KeyKind::OmsRootComponents, 3),
    (KeyKind::File, 4),
    (KeyKind::Chunks, 5),
    (KeyKind::Chunk0, 6),
    (KeyKind::Tensors, 7),
];

/// An edge: its size, then its peaks.
pub(super) fn edge_value(edge: &Frontier) -> Vec<u8> {
    let mut value = edge.size().get().to_be_bytes().to_vec();
    value.extend(edge.peaks().iter().flat_map(Sha256Digest::as_bytes));
    value
}

/// The edge that a value is.
pub(super) fn edge(value: &[u8]) -> Option<Frontier> {
    let (size, peaks) = value.split_first_chunk::<8>()?;
    let peaks = peaks.chunks(32).map(Sha256Digest::from_slice);
    Frontier::from_peaks(
        TreeSize::new(u64::from_be_bytes(*size)),
        peaks.collect::<Option<_>>()?,
    )
}

/// All lookup keys with a digest that starts with these bytes.
pub(super) fn lookup_prefix(digest: &[u8]) -> Vec<u8> {
    key(b'k', &[digest])
}

fn kind_number(kind: KeyKind) -> u8 {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(0, |(_, number)| *number)
}

/// All records under one digest of one kind.
pub(super) fn lookup_kind(digest: &Sha256Digest, kind: KeyKind) -> Vec<u8> {
    key(b'k', &[digest.as_bytes(), &[kind_number(kind)]])
}

pub(super) fn lookup(digest: &Sha256Digest, kind: KeyKind, index: u64, file: u32) -> Vec<u8> {
    key(
        b'k',
        &[
            digest.as_bytes(),
            &[kind_number(kind)],
            &index.to_be_bytes(),
            &file.to_be_bytes(),
        ],
    )
}

pub(super) fn lookup_value(record: &RecordId, path: &str) -> Vec<u8> {
    let mut value = record.digest().as_bytes().to_vec();
    value.extend_from_slice(path.as_bytes());
    value
}

/// A lookup row: digest, kind, index, record and path.
pub(super) fn lookup_row(
    row: &[u8],
    value: &[u8],
) -> Option<(Sha256Digest, KeyKind, u64, RecordId, Option<String>)> {
    let (digest, rest) = row.get(1..)?.split_first_chunk::<32>()?;
    let (number, rest) = rest.split_first()?;
    let kind = KINDS.iter().find(|(_, n)| n == number)?.0;
    let index = u64::from_be_bytes(*rest.first_chunk::<8>()?);
    let (record, path) = value.split_first_chunk::<32>()?;
    let path = std::str::from_utf8(path)
        .ok()
        .filter(|p| !p.is_empty())
        .map(str::to_owned);
    let record = RecordId::from_digest(Sha256Digest::from_bytes(*record));
    Some((Sha256Digest::from_bytes(*digest), kind, index, record, path))
}

/// The set of a publisher's records.
pub(super) fn publisher_records(name: &PublisherName) -> Vec<u8> {
    key(b'p', &[name.as_str().as_bytes(), &[0]])
}

pub(super) fn publisher_count(name: &PublisherName) -> Vec<u8> {
    key(b'c', &[name.as_str().as_bytes()])
}

pub(super) fn word_prefix(prefix: &str) -> Vec<u8> {
    key(b't', &[prefix.as_bytes()])
}

/// The set of the records that have a word.
pub(super) fn word(word: &str) -> Vec<u8> {
    key(b't', &[word.as_bytes(), &[0]])
}

/// The words of a text that are searched: runs of letters and digits, in lower case.
pub(super) fn words<'a>(texts: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut words = Vec::new();
    for text in texts {
        let runs = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|w| !w.is_empty());
        for mut word in runs.map(str::to_lowercase) {
            let mut end = word.len().min(MAX_WORD_BYTES);
            while !word.is_char_boundary(end) {
                end -= 1;
            }
            word.truncate(end);
            if !words.contains(&word) && words.len() < MAX_WORDS {
                words.push(word);
            }
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use provenance::merkle::LeafHash;

    use super::*;

    #[test]
    fn rows_round_trip() {
        let (digest, record) = (Sha256Digest::of(b"d"), RecordId::of_payload(b"p"));
        let row = lookup(&digest, KeyKind::Chunk0, 7, 1);
        let found = lookup_row(&row, &lookup_value(&record, "a/b")).unwrap();
        assert_eq!(found, (digest, KeyKind::Chunk0, 7, record, Some("a/b".into())));
        assert!(row.starts_with(&lookup_kind(&digest, KeyKind::Chunk0)));
    }

    #[test]
    fn edges_round_trip() {
        let mut one = Frontier::new();
        for n in 0..=9_u8 {
            assert_eq!(edge(&edge_value(&one)), Some(one.clone()));
            one.push(LeafHash::of(&[n]));
        }
        let value = edge_value(&one);
        assert_eq!(edge(&value[..value.len() - 1]), None);
        assert_eq!(edge(&value[..value.len() - 32]), None);
        assert_eq!(edge(&value[..7]), None);
    }

    #[test]
    fn sets_give_back_their_indices_newest_first() {
        let mut sets = Sets::new();
        for index in [3, 63, 64, 700] {
            insert(&mut sets, word("x"), index);
        }
        let mut rows: Vec<_> = sets
            .iter()
            .map(|((set, number), bits)| (block(set, *number), bits.to_be_bytes()))
            .collect();
        rows.sort();
        let blocks = rows.iter().map(|(key, value)| bits(key, value).unwrap());
        let found: Vec<u64> = blocks.flat_map(|(number, bits)| indices(number, bits)).collect();
        assert_eq!(found, [700, 64, 63, 3]);
        assert!(begins_before(0, 1) && !begins_before(1, 64) && begins_before(1, 65));
    }

    #[test]
    fn words_are_lowercase_runs_without_repeats() {
        assert_eq!(
            words(["Acme/MiniLM-L6", "acme.example", "1.0"]),
            ["acme", "minilm", "l6", "example", "1", "0"]
        );
        assert_eq!(words(["é".repeat(100).as_str()])[0].len(), 64);
    }
}
