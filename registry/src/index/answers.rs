//! Questions that the index answers. Every answer is bounded; the limits are listed in docs/API.md.

use std::collections::{BTreeMap, HashMap};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{GrowthPoint, Summary},
    lookup::{KeyKind, Match},
};

use super::{Index, IndexError, reader::Reader, rows};

/// Most keys in one lookup answer. A prefix stands for some thousand keys at the most, unless somebody
/// publishes keys on purpose to fill one.
pub const MAX_MATCHES: usize = 16_384;

/// Most records in one list.
pub const MAX_LISTED: usize = 1000;

/// Most results of one search.
pub const MAX_RESULTS: usize = 50;

/// Most records in the list of the newest.
const MAX_NEWEST: usize = 100;

/// Most points in an answer on the growth of the log.
const MAX_GROWTH_POINTS: u64 = 64;

/// Most rows that one word of a search reads; each stands for up to 64 records.
const MAX_CANDIDATES: usize = 5000;

/// A row that does not read, under this prefix.
fn wrong(prefix: char) -> IndexError {
    IndexError::Row { prefix }
}

impl Index {
    /// Number of lookup keys.
    pub fn keys(&self) -> u64 {
        self.look().keys
    }

    /// All lookup keys whose hex form starts with `digits` (lowercase hex, possibly none), or nothing when
    /// they are more than [`MAX_MATCHES`].
    pub fn lookup(&self, digits: &str) -> Result<Option<Vec<Match>>, IndexError> {
        // An odd digit is half a byte: the rows are those from x0 to xf.
        let padded = format!("{digits}{}", "0".repeat(digits.len() % 2));
        let from = rows::lookup_prefix(&hex::decode(padded).map_err(|_| wrong('k'))?);
        let length = from.len();
        let fits = |key: &[u8]| {
            let digest = key
                .strip_prefix(rows::LOOKUPS)
                .and_then(|rest| rest.get(..length - 1));
            digest.is_some_and(|start| hex::encode(start).starts_with(digits))
        };
        let reader = self.reader();
        let mut found = BTreeMap::new();
        for row in reader.rows(reader.sources(), from, fits) {
            if found.len() == MAX_MATCHES {
                return Ok(None);
            }
            let (key, value) = row?;
            let (digest, kind, _, record, path) = rows::lookup_row(&key, &value).ok_or(wrong('k'))?;
            let one = Match {
                key: digest,
                kind,
                record,
                path,
            };
            found.insert(key, one);
        }
        Ok(Some(found.into_values().collect()))
    }

    /// The newest records of everybody, at most [`MAX_NEWEST`]: of all, or of those with an index below `before`.
    pub fn newest(&self, before: Option<u64>) -> Result<Vec<Summary>, IndexError> {
        let reader = self.reader();
        match before.unwrap_or(u64::MAX).checked_sub(1) {
            Some(newest) => reader.summaries_from(newest).take(MAX_NEWEST).collect(),
            None => Ok(Vec::new()),
        }
    }

    /// How large the log was when, at most [`MAX_GROWTH_POINTS`] points at even steps of its `size`, its first entry and
    /// its last among them.
    pub fn growth(&self, size: u64) -> Result<Vec<GrowthPoint>, IndexError> {
        let Some(last) = size.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let steps = last.min(MAX_GROWTH_POINTS - 1);
        let reader = self.reader();
        let at = |step: u64| {
            let index = u128::from(last) * u128::from(step) / u128::from(steps.max(1));
            let index = u64::try_from(index).unwrap_or(last);
            Ok(GrowthPoint {
                size: index + 1,
                taken_at: reader.taken_at(index)?,
            })
        };
        (0..=steps).map(at).collect()
    }

    /// What a list says of the record whose first leaf is at `index`; none when that is not in the index, or no first leaf.
    pub fn summary(&self, index: u64) -> Result<Option<Summary>, IndexError> {
        self.reader().summary(index)
    }

    /// Records about the artifact `dir_hash1`, oldest first, at most [`MAX_LISTED`].
    pub fn artifact(&self, dir_hash1: &Sha256Digest) -> Result<Vec<Summary>, IndexError> {
        let reader = self.reader();
        let prefix = rows::lookup_kind(dir_hash1, KeyKind::DirHash1);
        let mut found = Vec::new();
        for row in reader.with_prefix(reader.sources(), &prefix).take(MAX_LISTED) {
            found.extend(reader.summary(index_of_key(&row?)?)?);
        }
        Ok(found)
    }

    /// Records of a publisher, newest first, at most [`MAX_LISTED`]: all, or those with an index below `before`.
    pub fn records_of(
        &self,
        publisher: &PublisherName,
        before: Option<u64>,
    ) -> Result<Vec<Summary>, IndexError> {
        let before = before.unwrap_or(u64::MAX);
        let reader = self.reader();
        reader.records_of(publisher, before).take(MAX_LISTED).collect()
    }

    /// The newest record of a publisher that fits, of its newest [`MAX_LISTED`].
    pub fn newest_of(
        &self,
        publisher: &PublisherName,
        fits: impl Fn(&Summary) -> bool,
    ) -> Result<Option<Summary>, IndexError> {
        let reader = self.reader();
        let mut newest = reader.records_of(publisher, u64::MAX).take(MAX_LISTED);
        newest
            .find(|summary| summary.as_ref().map_or(true, &fits))
            .transpose()
    }

    /// Number of records of a publisher.
    pub fn number_of_records(&self, publisher: &PublisherName) -> u64 {
        self.look().counts.get(publisher).copied().unwrap_or_default()
    }

    /// Whether a logged record names this blob. An empty one, which has no lookup key, counts as named.
    pub fn names_blob(&self, digest: &Sha256Digest) -> Result<bool, IndexError> {
        if *digest == Sha256Digest::OF_NOTHING {
            return Ok(true);
        }
        let reader = self.reader();
        for kind in [KeyKind::Chunks, KeyKind::Tensors] {
            let prefix = rows::lookup_kind(digest, kind);
            if reader
                .with_prefix(reader.sources(), &prefix)
                .next()
                .transpose()?
                .is_some()
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records whose name, version or publisher has every word of `query` (as the start of a word), newest
    /// first; for a whole digest the records that it names or that name it. At most [`MAX_RESULTS`]. The log says at which index
    /// a record is.
    pub fn search(
        &self,
        query: &str,
        index_of: impl FnOnce(&RecordId) -> Option<u64>,
    ) -> Result<Vec<Summary>, IndexError> {
        let reader = self.reader();
        let mut indices = match query.trim().to_ascii_lowercase().parse::<Sha256Digest>() {
            Ok(digest) => {
                let mut indices = reader.under_digest(&digest)?;
                indices.extend(index_of(&RecordId::from_digest(digest)));
                indices
            }
            Err(_) => reader.under_words(&rows::wanted(query))?,
        };
        indices.sort_unstable_by(|a, b| b.cmp(a));
        indices.dedup();
        let mut found = Vec::new();
        for index in indices.into_iter().take(MAX_RESULTS) {
            found.extend(reader.summary(index)?);
        }
        Ok(found)
    }
}

/// The index in the row of a lookup key.
fn index_of_key((key, value): &(Vec<u8>, Vec<u8>)) -> Result<u64, IndexError> {
    rows::lookup_row(key, value)
        .map(|(_, _, index, ..)| index)
        .ok_or(wrong('k'))
}

impl Reader {
    /// Number of records of every publisher.
    pub(super) fn counts(&self) -> Result<HashMap<PublisherName, u64>, IndexError> {
        let mut counts = HashMap::new();
        for row in self.with_prefix(self.sources(), rows::COUNTS) {
            let (key, value) = row?;
            let read = || Some((rows::counted(&key)?, rows::number(&value)?));
            let (publisher, count) = read().ok_or(wrong('c'))?;
            *counts.entry(publisher).or_default() += count;
        }
        Ok(counts)
    }

    /// Summaries of the records whose first leaves are at `newest` and below, newest first.
    fn summaries_from(&self, newest: u64) -> impl Iterator<Item = Result<Summary, IndexError>> {
        let from = rows::summary(newest);
        let sources = (0..=self.source_of(newest)).rev();
        self.rows(sources, from, |key| key.starts_with(rows::SUMMARIES))
            .map(|row| {
                let (key, value) = row?;
                let summary = rows::summary_row(&key, &value).ok_or(wrong('s'))?;
                Ok(Summary {
                    taken_at: Some(self.taken_at(summary.index)?),
                    ..summary
                })
            })
    }

    /// The summary of the record whose first leaf is at `index`.
    fn summary(&self, index: u64) -> Result<Option<Summary>, IndexError> {
        let first = self.summaries_from(index).next().transpose()?;
        Ok(first.filter(|summary| summary.index == index))
    }

    /// When this index took the record at `index` in, in POSIX seconds. The log has no times; an index that was built
    /// anew has the time of that.
    fn taken_at(&self, index: u64) -> Result<u64, IndexError> {
        let from = rows::taken(index);
        // One row for all that were taken in together: the last one up to this index.
        let sources = (0..=self.source_of(index)).rev();
        let row = self
            .rows(sources, from, |key| key.starts_with(rows::TAKEN))
            .next()
            .ok_or(wrong('d'))?;
        rows::taken_read(&row?.1)
            .map(|(_, seconds)| seconds)
            .ok_or(wrong('d'))
    }

    /// Records of a publisher with an index below `before`, newest first.
    fn records_of(
        &self,
        publisher: &PublisherName,
        before: u64,
    ) -> impl Iterator<Item = Result<Summary, IndexError>> {
        let set = rows::publisher_records(publisher);
        let from = rows::bitmap_of(&set, before);
        let rows = self.rows(self.sources().rev(), from, move |key| key.starts_with(&set));
        let indices = rows.flat_map(move |row| {
            let read = row.and_then(|(key, value)| rows::bits(&key, &value).ok_or(wrong('p')));
            match read {
                Ok((bitmap, bits)) => rows::indices(bitmap, bits)
                    .filter(|index| *index < before)
                    .map(Ok)
                    .collect(),
                Err(error) => vec![Err(error)],
            }
        });
        indices.filter_map(|index| index.and_then(|index| self.summary(index)).transpose())
    }

    /// Records that one of a digest's lookup keys names, of each source and kind the oldest first.
    fn under_digest(&self, digest: &Sha256Digest) -> Result<Vec<u64>, IndexError> {
        let mut indices = Vec::new();
        for kind in rows::kinds() {
            let prefix = rows::lookup_kind(digest, kind);
            for source in self.sources().rev() {
                let mut next = Some(0);
                // One record may have very many files of these bytes; it is one step.
                while let Some(index) = next.filter(|_| indices.len() < MAX_CANDIDATES) {
                    let from = rows::lookup(digest, kind, index, 0);
                    let mut rows = self.rows(std::iter::once(source), from, |key| key.starts_with(&prefix));
                    let found = rows.next().map(|row| index_of_key(&row?)).transpose()?;
                    indices.extend(found);
                    next = found.and_then(|index| index.checked_add(1));
                }
            }
        }
        Ok(indices)
    }

    /// Records that have, for each of these words, a word that begins with it.
    fn under_words(&self, wanted: &[String]) -> Result<Vec<u64>, IndexError> {
        let mut common: Option<BTreeMap<u64, u64>> = None;
        for word in wanted {
            let here = self.under_word(word)?;
            let both = match common {
                None => here,
                Some(mut common) => {
                    common.retain(|bitmap, bits| {
                        *bits &= here.get(bitmap).copied().unwrap_or_default();
                        *bits != 0
                    });
                    common
                }
            };
            if both.is_empty() {
                return Ok(Vec::new());
            }
            common = Some(both);
        }
        let newest = common.unwrap_or_default().into_iter().rev();
        let indices = newest.flat_map(|(bitmap, bits)| rows::indices(bitmap, bits));
        Ok(indices.take(MAX_RESULTS).collect())
    }

    /// Bitmaps of the records that have a word that begins with `prefix`: of the word itself, and of longer ones, so that many
    /// longer words hide no record of the word itself.
    fn under_word(&self, prefix: &str) -> Result<BTreeMap<u64, u64>, IndexError> {
        let mut found = BTreeMap::new();
        let (word, begins) = (rows::word(prefix), rows::word_prefix(prefix));
        let itself = self.with_prefix(self.sources().rev(), &word);
        let longer = self.rows(self.sources().rev(), rows::longer_words(prefix), |key| {
            key.starts_with(&begins)
        });
        for row in itself.take(MAX_CANDIDATES).chain(longer.take(MAX_CANDIDATES)) {
            let (key, value) = row?;
            let (bitmap, bits) = rows::bits(&key, &value).ok_or(wrong('t'))?;
            *found.entry(bitmap).or_default() |= bits;
        }
        Ok(found)
    }
}
