//! Finds the records that files may belong to, in the order of docs/SPEC.md, "Lookup": the first chunk of the
//! largest file; without a candidate its tensor index, then up to seven further files by size.
//!
//! Only the first hex digits of a digest are sent, so files that are not on record stay hidden among hundreds.
//! Fetching a candidate afterwards does reveal interest in it.

use std::collections::{BTreeMap, BTreeSet};

use provenance::{
    RecordId, Sha256Digest,
    api::paths,
    lookup::{KeyKind, LookupAnswer, LookupInfo, MAX_CANDIDATES, Match, digits_for, order_of_files, prefix},
};

use crate::{
    client::Client,
    failure::Failure,
    hashing::{Source, first_chunk},
    header::read_tensor_index,
};

/// What a search found.
#[derive(Debug, Default)]
pub(crate) struct Candidates {
    /// Records, the ones that share most with the files first; at most eight.
    pub(crate) records: Vec<RecordId>,
    /// Prefixes that were sent.
    pub(crate) prefixes_sent: usize,
    /// Digits of each prefix.
    pub(crate) digits: u32,
    /// Log size that the answers reflect.
    pub(crate) as_of_size: u64,
}

struct Finder<'a> {
    client: &'a Client,
    info: LookupInfo,
    digits: u32,
    answers: BTreeMap<String, Vec<Match>>,
    hits: BTreeMap<RecordId, usize>,
}

/// Looks for records that list these files.
///
/// # Errors
/// [`crate::failure::Exit::Network`] when the registry does not answer, [`crate::failure::Exit::Io`] when a file cannot be read.
pub(crate) fn find_candidates(client: &Client, sources: &[Source]) -> Result<Candidates, Failure> {
    let info: LookupInfo = client.get_json(paths::LOOKUP)?;
    // A registry may ask for fewer digits than the size of its index calls for, never for more.
    let digits = info.digits.min(digits_for(info.keys));
    let mut finder = Finder {
        client,
        info,
        digits,
        answers: BTreeMap::new(),
        hits: BTreeMap::new(),
    };
    let sizes: Vec<_> = sources.iter().map(|source| source.stamp.size).collect();
    for (position, at) in order_of_files(&sizes).into_iter().enumerate() {
        let source = &sources[at];
        finder.ask(first_chunk(source)?, KeyKind::Chunk0)?;
        if position == 0 && finder.hits.is_empty() {
            // A header that does not parse has no index to look up.
            if let Ok(index) = read_tensor_index(source)? {
                finder.ask(index.digest(), KeyKind::Tensors)?;
            }
        }
        // Many records share a first chunk when many models share a file; the next file tells them apart.
        if (1..=MAX_CANDIDATES).contains(&finder.hits.len()) {
            break;
        }
    }
    Ok(finder.finish())
}

/// Everything on record under `digest`, whatever it is the digest of.
///
/// # Errors
/// [`crate::failure::Exit::Network`].
pub(crate) fn find_digest(client: &Client, digest: Sha256Digest) -> Result<Vec<Match>, Failure> {
    let info: LookupInfo = client.get_json(paths::LOOKUP)?;
    let digits = info.digits.min(digits_for(info.keys));
    let mut finder = Finder {
        client,
        info,
        digits,
        answers: BTreeMap::new(),
        hits: BTreeMap::new(),
    };
    finder.matches(digest)
}

impl Finder<'_> {
    fn ask(&mut self, key: Sha256Digest, kind: KeyKind) -> Result<(), Failure> {
        let records: BTreeSet<_> = self
            .matches(key)?
            .into_iter()
            .filter(|found| found.kind == kind)
            .map(|found| found.record)
            .collect();
        for record in records {
            *self.hits.entry(record).or_default() += 1;
        }
        Ok(())
    }

    fn matches(&mut self, key: Sha256Digest) -> Result<Vec<Match>, Failure> {
        let of_key = |found: &[Match]| found.iter().filter(|found| found.key == key).cloned().collect();
        if let Some(all) = &self.info.matches {
            return Ok(of_key(all));
        }
        let digits = prefix(&key, self.digits);
        if !self.answers.contains_key(&digits) {
            let path = if digits.is_empty() {
                paths::LOOKUP.to_owned()
            } else {
                paths::lookup(&digits)
            };
            let answer: LookupAnswer = self.client.get_json(&path)?;
            self.answers.insert(digits.clone(), answer.matches);
        }
        Ok(of_key(&self.answers[&digits]))
    }

    fn finish(self) -> Candidates {
        let mut records: Vec<_> = self.hits.into_iter().collect();
        records.sort_by_key(|(_, hits)| std::cmp::Reverse(*hits));
        records.truncate(MAX_CANDIDATES);
        Candidates {
            records: records.into_iter().map(|(record, _)| record).collect(),
            prefixes_sent: self.answers.len(),
            digits: self.digits,
            as_of_size: self.info.as_of_size,
        }
    }
}
