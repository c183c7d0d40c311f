//! The layout of the index: two kinds of rows in sled for the sorted runs, and the rows that are packed in them.
//!
//! In sled, one tree, a one-byte prefix for each kind:
//!
//! ```text
//! m version                                -> number 8                 of this layout
//! m log                                    -> text                     verifier key of the log that this is the index of
//! r index 8                                -> see `Run::value`         the run that begins with this entry
//! b index 8, last key                      -> rows                     a block of this run
//! d inverted index 8                       -> end 8, POSIX seconds 8   as below, of entries that are in no run yet
//! ```
//!
//! In runs, and in memory until there is a run of them:
//!
//! ```text
//! k digest 32, kind 1, index 8, file 4     -> record 32, path          lookup keys
//! s inverted index 8                       -> summary                  first leaves only, newest first
//! p name, 0, inverted bitmap 8             -> bits 8                   records of a publisher, newest first
//! c name                                   -> count 8                  how many of these are in this run
//! t word, 0, inverted bitmap 8             -> bits 8                   words of name, version and publisher
//! d inverted index 8                       -> end 8, POSIX seconds 8   when this index took in the entries from here to the end
//! ```
//! Integers are big-endian, so that keys sort as numbers; an inverted one is `u64::MAX` less the number, so that they sort the
//! other way. A bitmap stands for [`BITMAP`] indices, the lowest bit for the first: what many records have in common costs one row for
//! all of them.

use provenance::{PublisherName, RecordId, Sha256Digest, api::Summary, lookup::KeyKind};
use serde::{Deserialize, Serialize};

/// The number that a value is.
pub(super) fn number(value: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(value.try_into().ok()?))
}

/// The layout that this program writes.
pub(super) const LAYOUT: u64 = 4;
/// Which layout the index has.
pub(super) const VERSION: &[u8] = b"mversion";
/// Which log it is the index of.
pub(super) const LOG: &[u8] = b"mlog";

/// All times.
pub(super) const TAKEN: &[u8] = b"d";
/// All lookup keys.
pub(super) const LOOKUPS: &[u8] = b"k";
/// All summaries.
pub(super) const SUMMARIES: &[u8] = b"s";
/// All counts of publishers.
pub(super) const COUNTS: &[u8] = b"c";

/// Indices in a bitmap.
const BITMAP: u64 = 64;

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

fn inverted(index: u64) -> [u8; 8] {
    (u64::MAX - index).to_be_bytes()
}

/// The row of a set that holds `index`, or would; those of smaller indices come after it.
pub(super) fn bitmap_of(set: &[u8], index: u64) -> Vec<u8> {
    [set, &inverted(index / BITMAP)].concat()
}

/// The bit of an index in its bitmap.
pub(super) fn bit(index: u64) -> u64 {
    1 << (index % BITMAP)
}

/// The number of the bitmap at the end of a key, and the bits in a value.
pub(super) fn bits(key: &[u8], value: &[u8]) -> Option<(u64, u64)> {
    let bitmap = u64::MAX - u64::from_be_bytes(*key.last_chunk::<8>()?);
    (bitmap <= u64::MAX / BITMAP).then_some((bitmap, number(value)?))
}

/// The indices in a bitmap, newest first.
pub(super) fn indices(bitmap: u64, bits: u64) -> impl Iterator<Item = u64> {
    let set = (0..BITMAP).rev().filter(move |bit| bits >> bit & 1 == 1);
    set.map(move |bit| bitmap * BITMAP + bit)
}

/// The row of a run in sled.
pub(super) fn run(start: u64) -> Vec<u8> {
    key(b'r', &[&start.to_be_bytes()])
}

/// The block of a run that ends with a key; with an empty key it is before all others.
pub(super) fn block_of_run(start: u64, last: &[u8]) -> Vec<u8> {
    key(b'b', &[&start.to_be_bytes(), last])
}

/// The index in the key of a run or of one of its blocks.
pub(super) fn start(row: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*row.get(1..)?.first_chunk::<8>()?))
}

/// When the entries from `index` on were taken in; where an earlier row says it, that is the next one.
pub(super) fn taken(index: u64) -> Vec<u8> {
    key(b'd', &[&inverted(index)])
}

/// Index of the first entry whose time a row says.
pub(super) fn taken_from(row: &[u8]) -> Option<u64> {
    Some(u64::MAX - start(row)?)
}

/// When the entries up to `end` were taken in.
pub(super) fn taken_value(end: u64, seconds: u64) -> Vec<u8> {
    [end.to_be_bytes(), seconds.to_be_bytes()].concat()
}

/// The end and the POSIX seconds in a value.
pub(super) fn taken_read(value: &[u8]) -> Option<(u64, u64)> {
    let (end, seconds) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*end), number(seconds)?))
}

/// The summary of the record whose first leaf is at `index`; those of smaller indices come after it.
pub(super) fn summary(index: u64) -> Vec<u8> {
    key(b's', &[&inverted(index)])
}

/// A summary as it is stored; its index is in the key, and its time in a row for many.
#[derive(Debug, Serialize, Deserialize)]
struct StoredSummary<'a> {
    record: [u8; 32],
    publisher: &'a str,
    kind: &'a str,
    name: &'a str,
    version: Option<&'a str>,
}

pub(super) fn summary_value(summary: &Summary) -> Vec<u8> {
    let stored = StoredSummary {
        record: *summary.record.digest().as_bytes(),
        publisher: summary.publisher.as_str(),
        kind: &summary.kind,
        name: &summary.name,
        version: summary.version.as_deref(),
    };
    postcard::to_allocvec(&stored).expect("texts serialise")
}

/// The summary in a row.
pub(super) fn summary_row(row: &[u8], value: &[u8]) -> Option<Summary> {
    let stored: StoredSummary<'_> = postcard::from_bytes(value).ok()?;
    Some(Summary {
        record: RecordId::from_digest(Sha256Digest::from_bytes(stored.record)),
        publisher: stored.publisher.parse().ok()?,
        kind: stored.kind.to_owned(),
        index: u64::MAX - start(row)?,
        name: stored.name.to_owned(),
        version: stored.version.map(str::to_owned),
        taken_at: None,
    })
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

/// All lookup keys with a digest that starts with these bytes.
pub(super) fn lookup_prefix(digest: &[u8]) -> Vec<u8> {
    key(b'k', &[digest])
}

/// Every kind of key that is stored.
pub(super) fn kinds() -> impl Iterator<Item = KeyKind> {
    KINDS.iter().map(|(kind, _)| *kind)
}

fn kind_number(kind: KeyKind) -> u8 {
    KINDS
        .iter()
        .find(|(known, _)| *known == kind)
        .map_or(0, |(_, number)| *number)
}

/// All files and records under one digest of one kind.
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

/// The publisher in the key of a count.
pub(super) fn counted(row: &[u8]) -> Option<PublisherName> {
    std::str::from_utf8(row.get(1..)?).ok()?.parse().ok()
}

/// The sets of the words that begin with `prefix`.
pub(super) fn word_prefix(prefix: &str) -> Vec<u8> {
    key(b't', &[prefix.as_bytes()])
}

/// Where the sets of the longer words that begin with `prefix` begin.
pub(super) fn longer_words(prefix: &str) -> Vec<u8> {
    key(b't', &[prefix.as_bytes(), &[1]])
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

/// The words of a query, without those that another one begins with.
pub(super) fn wanted(query: &str) -> Vec<String> {
    let all = words([query]);
    let implied = |word: &String| {
        all.iter()
            .any(|other| other != word && other.starts_with(word.as_str()))
    };
    all.iter().filter(|word| !implied(word)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

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
    fn summaries_round_trip() {
        let summary = Summary {
            record: RecordId::of_payload(b"p"),
            publisher: "acme.example".parse().unwrap(),
            kind: "https://example.com/kind".into(),
            index: 77,
            name: "model".into(),
            version: None,
            taken_at: None,
        };
        let value = summary_value(&summary);
        assert_eq!(summary_row(&super::summary(77), &value), Some(summary));
        assert_eq!(summary_row(&super::summary(77), &value[..40]), None);
    }

    #[test]
    fn sets_give_back_their_indices_newest_first() {
        let mut rows = BTreeMap::<_, u64>::new();
        for index in [3, 63, 64, 700] {
            *rows.entry(bitmap_of(&word("x"), index)).or_default() |= bit(index);
        }
        let blocks = rows
            .iter()
            .map(|(key, set)| bits(key, &set.to_be_bytes()).unwrap());
        let found: Vec<u64> = blocks.flat_map(|(number, bits)| indices(number, bits)).collect();
        assert_eq!(found, [700, 64, 63, 3]);
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
