//! Questions that the index answers. Every answer is bounded; the limits are listed in docs/API.md.

use std::collections::BTreeMap;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{GrowthPoint, Summary},
    json,
    lookup::{KeyKind, Match},
};

use super::{Index, IndexError, rows, store_error};

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

/// Most bytes of one summary; the record it is made of may be long, its name and version are not.
const MAX_SUMMARY_BYTES: usize = 64 << 10;

/// Most rows that one word of a search reads; each stands for up to 64 records.
const MAX_CANDIDATES: usize = 5000;

impl Index {
    /// Index of the first leaf of a record.
    pub(crate) fn first_index(&self, record: &RecordId) -> Result<Option<u64>, IndexError> {
        let value = self.db.get(rows::first_leaf(record));
        let value = value.map_err(store_error("reading"))?;
        let wrong = IndexError::Row { prefix: 'r' };
        value.map(|value| rows::number(&value).ok_or(wrong)).transpose()
    }

    /// Number of lookup keys.
    pub fn keys(&self) -> Result<u64, IndexError> {
        self.count(rows::KEYS)
    }

    /// All lookup keys whose hex form starts with `digits` (lowercase hex, possibly none), or nothing when
    /// they are more than [`MAX_MATCHES`].
    pub fn lookup(&self, digits: &str) -> Result<Option<Vec<Match>>, IndexError> {
        let whole =
            hex::decode(&digits[..digits.len() / 2 * 2]).map_err(|_| IndexError::Row { prefix: 'k' })?;
        let mut matches = Vec::new();
        let mut prefix = rows::lookup_prefix(&whole);
        let half = digits.len() % 2 == 1;
        let mut nibble = None;
        if half {
            let digit = digits
                .chars()
                .last()
                .and_then(|c| c.to_digit(16))
                .ok_or(IndexError::Row { prefix: 'k' })?;
            let low = u8::try_from(digit << 4).map_err(|_| IndexError::Row { prefix: 'k' })?;
            nibble = Some(low);
            prefix.push(low);
        }
        // For half a byte the range starts at x0 and ends after xf.
        let fits = |key: &[u8]| match nibble {
            None => key.starts_with(&prefix),
            Some(low) => {
                let (head, last) = (&prefix[..prefix.len() - 1], prefix.len() - 1);
                key.starts_with(head) && key.get(last).is_some_and(|byte| byte & 0xf0 == low)
            }
        };
        for row in self.db.range(prefix.clone()..) {
            let (key, value) = row.map_err(store_error("reading"))?;
            if !fits(&key) {
                break;
            }
            if matches.len() == MAX_MATCHES {
                return Ok(None);
            }
            let (key, kind, _, record, path) =
                rows::lookup_row(&key, &value).ok_or(IndexError::Row { prefix: 'k' })?;
            matches.push(Match {
                key,
                kind,
                record,
                path,
            });
        }
        Ok(Some(matches))
    }

    fn summary(&self, index: u64) -> Result<Option<Summary>, IndexError> {
        let value = self
            .db
            .get(rows::summary(index))
            .map_err(store_error("reading"))?;
        value.map(|value| self.read_summary(&value)).transpose()
    }

    fn read_summary(&self, value: &[u8]) -> Result<Summary, IndexError> {
        let wrong = |_| IndexError::Row { prefix: 's' };
        let summary: Summary = json::read(value, MAX_SUMMARY_BYTES).map_err(wrong)?;
        Ok(Summary {
            taken_at: Some(self.taken_at(summary.index)?),
            ..summary
        })
    }

    /// The newest records of everybody, at most [`MAX_NEWEST`]: of all, or of those with an index below `before`.
    pub fn newest(&self, before: Option<u64>) -> Result<Vec<Summary>, IndexError> {
        let all = rows::summary(0)..rows::summary(before.unwrap_or(u64::MAX));
        let newest = self.db.range(all).values().rev().take(MAX_NEWEST);
        newest
            .map(|value| self.read_summary(&value.map_err(store_error("reading"))?))
            .collect()
    }

    /// How large the log was when, at most [`MAX_GROWTH_POINTS`] points at even steps of its `size`, its first entry and
    /// its last among them.
    pub fn growth(&self, size: u64) -> Result<Vec<GrowthPoint>, IndexError> {
        let Some(last) = size.checked_sub(1) else {
            return Ok(Vec::new());
        };
        let steps = last.min(MAX_GROWTH_POINTS - 1);
        let at = |step: u64| {
            let index = u128::from(last) * u128::from(step) / u128::from(steps.max(1));
            let index = u64::try_from(index).unwrap_or(last);
            Ok(GrowthPoint {
                size: index + 1,
                taken_at: self.taken_at(index)?,
            })
        };
        (0..=steps).map(at).collect()
    }

    /// When this index took the record at `index` in, in POSIX seconds. The log has no times; an index that was built
    /// anew has the time of that.
    fn taken_at(&self, index: u64) -> Result<u64, IndexError> {
        // One row for all that were taken in together: the last one up to this index.
        let row = self
            .db
            .get_lt(rows::taken(index + 1))
            .map_err(store_error("reading"))?;
        let wrong = IndexError::Row { prefix: 'd' };
        let (key, _) = row.filter(|(key, _)| key.first() == Some(&b'd')).ok_or(wrong)?;
        self.count(&key)
    }

    /// What a list says of one record.
    pub fn summary_of(&self, record: &RecordId) -> Result<Option<Summary>, IndexError> {
        match self.first_index(record)? {
            Some(index) => self.summary(index),
            None => Ok(None),
        }
    }

    /// Records about the artifact `dir_hash1`, oldest first, at most [`MAX_LISTED`].
    pub fn artifact(&self, dir_hash1: &Sha256Digest) -> Result<Vec<Summary>, IndexError> {
        let mut found = Vec::new();
        for row in self
            .db
            .scan_prefix(rows::lookup_kind(dir_hash1, KeyKind::DirHash1))
            .take(MAX_LISTED)
        {
            let (key, value) = row.map_err(store_error("reading"))?;
            let (_, _, index, ..) = rows::lookup_row(&key, &value).ok_or(IndexError::Row { prefix: 'k' })?;
            found.extend(self.summary(index)?);
        }
        Ok(found)
    }

    /// Records of a publisher, newest first, at most [`MAX_LISTED`]: all, or those with an index below `before`.
    pub fn records_of(
        &self,
        publisher: &PublisherName,
        before: Option<u64>,
    ) -> Result<Vec<Summary>, IndexError> {
        let set = rows::publisher_records(publisher);
        let before = before.unwrap_or(u64::MAX);
        let mut found = Vec::new();
        for row in self.db.range(rows::block_of(&set, before)..) {
            let (key, value) = row.map_err(store_error("reading"))?;
            if !key.starts_with(&set) {
                break;
            }
            let (block, bits) = rows::bits(&key, &value).ok_or(IndexError::Row { prefix: 'p' })?;
            for index in rows::indices(block, bits).filter(|index| *index < before) {
                if found.len() == MAX_LISTED {
                    return Ok(found);
                }
                found.extend(self.summary(index)?);
            }
        }
        Ok(found)
    }

    /// Number of records of a publisher.
    pub fn number_of_records(&self, publisher: &PublisherName) -> Result<u64, IndexError> {
        self.count(&rows::publisher_count(publisher))
    }

    /// Whether a logged record names this blob. An empty one, which has no lookup key, counts as named.
    pub fn names_blob(&self, digest: &Sha256Digest) -> Result<bool, IndexError> {
        if *digest == Sha256Digest::OF_NOTHING {
            return Ok(true);
        }
        for kind in [KeyKind::Chunks, KeyKind::Tensors] {
            let mut rows = self.db.scan_prefix(rows::lookup_kind(digest, kind));
            if rows.next().transpose().map_err(store_error("reading"))?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Records whose name, version or publisher has every word of `query` (as the start of a word), newest
    /// first; for a whole digest the records that it names or that name it. At most [`MAX_RESULTS`].
    pub fn search(&self, query: &str) -> Result<Vec<Summary>, IndexError> {
        let mut indices = match query.trim().to_ascii_lowercase().parse::<Sha256Digest>() {
            Ok(digest) => self.under_digest(&digest)?,
            Err(_) => self.under_words(&rows::words([query]))?,
        };
        indices.sort_unstable_by(|a, b| b.cmp(a));
        indices.dedup();
        let mut found = Vec::new();
        for index in indices.into_iter().take(MAX_RESULTS) {
            found.extend(self.summary(index)?);
        }
        Ok(found)
    }

    fn under_digest(&self, digest: &Sha256Digest) -> Result<Vec<u64>, IndexError> {
        let mut indices: Vec<u64> = self
            .first_index(&RecordId::from_digest(*digest))?
            .into_iter()
            .collect();
        for row in self
            .db
            .scan_prefix(rows::lookup_prefix(digest.as_bytes()))
            .take(MAX_CANDIDATES)
        {
            let (key, value) = row.map_err(store_error("reading"))?;
            indices.push(
                rows::lookup_row(&key, &value)
                    .ok_or(IndexError::Row { prefix: 'k' })?
                    .2,
            );
        }
        Ok(indices)
    }

    /// Records that have, for each of these words, a word that begins with it.
    fn under_words(&self, wanted: &[String]) -> Result<Vec<u64>, IndexError> {
        let mut common: Option<BTreeMap<u64, u64>> = None;
        for word in wanted {
            let here = self.under_word(word)?;
            common = Some(match common {
                None => here,
                Some(mut common) => {
                    common.retain(|block, bits| {
                        *bits &= here.get(block).copied().unwrap_or_default();
                        *bits != 0
                    });
                    common
                }
            });
        }
        let newest = common.unwrap_or_default().into_iter().rev();
        let indices = newest.flat_map(|(block, bits)| rows::indices(block, bits));
        Ok(indices.take(MAX_RESULTS).collect())
    }

    /// Blocks and bits of the records that have a word that begins with `prefix`.
    fn under_word(&self, prefix: &str) -> Result<BTreeMap<u64, u64>, IndexError> {
        let mut blocks = BTreeMap::new();
        for row in self
            .db
            .scan_prefix(rows::word_prefix(prefix))
            .take(MAX_CANDIDATES)
        {
            let (key, value) = row.map_err(store_error("reading"))?;
            let (block, bits) = rows::bits(&key, &value).ok_or(IndexError::Row { prefix: 't' })?;
            *blocks.entry(block).or_default() |= bits;
        }
        Ok(blocks)
    }
}
