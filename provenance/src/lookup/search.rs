//! The order in which a client looks files up, and what it has told the registry so far. No I/O: the client reads,
//! asks and hands over what came back, and all clients go the same way.

use serde::Serialize;

use super::{KeyKind, LookupAnswer, LookupInfo, MAX_CANDIDATES, Match, order_of_files, prefix};
use crate::{digest::Sha256Digest, order::sort_by, record_id::RecordId};

/// The registry's index as far as it was read.
#[derive(Debug)]
pub struct Index {
    digits: u32,
    as_of_size: u64,
    /// All of it, when it is small.
    whole: Option<Vec<Match>>,
    /// By the prefixes that were sent; a few dozen at the most.
    answers: Vec<(String, Vec<Match>)>,
}

/// A registry that gives neither its whole index nor a number of digits to ask with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it asks for no digits and gives no list")]
pub struct NoDigits;

/// What a registry was told in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Sent {
    /// Different prefixes of hashes.
    pub prefixes: usize,
    /// Hex digits in each of them.
    pub digits: u32,
    /// Log size that the answers reflect.
    pub as_of_size: u64,
}

impl Index {
    /// An index of which nothing was asked yet.
    ///
    /// # Errors
    /// [`NoDigits`].
    pub fn new(info: LookupInfo) -> Result<Self, NoDigits> {
        let digits = info.digits_to_send();
        if info.matches.is_none() && digits == 0 {
            return Err(NoDigits);
        }
        Ok(Self {
            digits,
            as_of_size: info.as_of_size,
            whole: info.matches,
            answers: Vec::new(),
        })
    }

    /// The prefix to ask for before `key` can be found; none when its answer is here.
    pub fn must_ask(&self, key: &Sha256Digest) -> Option<String> {
        let digits = prefix(key, self.digits);
        let known = self.whole.is_some() || self.answers.iter().any(|(asked, _)| *asked == digits);
        (!known).then_some(digits)
    }

    /// Takes the answer for a prefix that was sent.
    pub fn learn(&mut self, digits: String, answer: LookupAnswer) {
        self.answers.push((digits, answer.matches));
    }

    /// Everything under `key`, as far as it was asked for.
    pub fn matches(&self, key: &Sha256Digest) -> Vec<Match> {
        let digits = prefix(key, self.digits);
        let answered = self.answers.iter().find(|(asked, _)| *asked == digits);
        let among = self.whole.as_ref().or(answered.map(|(_, matches)| matches));
        let among = among.into_iter().flatten();
        among.filter(|found| found.key == *key).cloned().collect()
    }

    /// What the registry was told so far.
    pub fn sent(&self) -> Sent {
        Sent {
            prefixes: self.answers.len(),
            digits: if self.answers.is_empty() { 0 } else { self.digits },
            as_of_size: self.as_of_size,
        }
    }
}

impl Sent {
    /// What the registry was told, in a sentence.
    pub fn words(&self) -> String {
        let digits = match self.digits {
            1 => "hex digit".to_owned(),
            n => format!("{n} hex digits"),
        };
        match self.prefixes {
            0 => "The registry was told no hash: its whole index is small enough to fetch.".to_owned(),
            1 => format!("The registry was told the first {digits} of one hash."),
            n => format!("The registry was told the first {digits} of {n} hashes."),
        }
    }
}

/// The next key of a [`Search`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Position of the file.
    pub file: usize,
    /// [`KeyKind::Chunk0`] or [`KeyKind::Tensors`].
    pub kind: KeyKind,
}

/// A search for the records that list some files: the first chunk of the largest; without a record of it its tensor
/// index; then the first chunks of up to [`super::FURTHER_FILES`] further files, by size.
#[derive(Debug)]
pub struct Search {
    order: Vec<usize>,
    at: usize,
    kind: KeyKind,
    hits: Vec<(RecordId, usize)>,
}

impl Search {
    /// A search for files of these sizes.
    pub fn new(sizes: &[u64]) -> Self {
        Self {
            order: order_of_files(sizes),
            at: 0,
            kind: KeyKind::Chunk0,
            hits: Vec::new(),
        }
    }

    /// What to look up next; none when the search is over.
    pub fn step(&self) -> Option<Step> {
        // Many records share a first chunk when many models share a file; the next file tells them apart.
        let found = (1..=MAX_CANDIDATES).contains(&self.hits.len());
        let file = *self.order.get(self.at)?;
        let kind = self.kind;
        (!found).then_some(Step { file, kind })
    }

    /// The file of this step is no model data: the next one takes its place.
    pub fn pass_over(&mut self) {
        if self.at < self.order.len() {
            self.order.remove(self.at);
        }
    }

    /// Takes what was found under the key of this step; nothing when the file has no such key.
    pub fn answer(&mut self, matches: &[Match]) {
        let of_kind = matches.iter().filter(|found| found.kind == self.kind);
        let mut records: Vec<RecordId> = of_kind.map(|found| found.record).collect();
        sort_by(&mut records, Ord::cmp);
        records.dedup();
        self.hits.extend(records.into_iter().map(|record| (record, 1)));
        sort_by(&mut self.hits, |a, b| a.0.cmp(&b.0));
        self.hits.dedup_by(|next, first| {
            let same = next.0 == first.0;
            first.1 += if same { next.1 } else { 0 };
            same
        });
        if self.at == 0 && self.kind == KeyKind::Chunk0 && self.hits.is_empty() {
            self.kind = KeyKind::Tensors;
        } else {
            self.kind = KeyKind::Chunk0;
            self.at += 1;
        }
    }

    /// The records found and how many keys they share with the files, those that share most first.
    pub fn into_records(self) -> Vec<(RecordId, usize)> {
        let mut records = self.hits;
        sort_by(&mut records, |a, b| b.1.cmp(&a.1));
        records
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(n: u8) -> RecordId {
        RecordId::from_digest(Sha256Digest::from_bytes([n; 32]))
    }

    fn found(kind: KeyKind, n: u8) -> Match {
        Match {
            key: Sha256Digest::of(b"key"),
            kind,
            record: record(n),
            path: None,
        }
    }

    /// The keys that were looked up, and the records with the keys that they share.
    type Played = (Vec<(usize, KeyKind)>, Vec<(RecordId, usize)>);

    /// Plays a search over files of these sizes; `on_record` says which records each key is found in.
    fn play(sizes: &[u64], junk: &[usize], on_record: &dyn Fn(usize, KeyKind) -> Vec<u8>) -> Played {
        let (mut search, mut asked) = (Search::new(sizes), Vec::new());
        while let Some(Step { file, kind }) = search.step() {
            if junk.contains(&file) {
                search.pass_over();
                continue;
            }
            asked.push((file, kind));
            let matches: Vec<_> = on_record(file, kind)
                .into_iter()
                .map(|n| found(kind, n))
                .collect();
            search.answer(&matches);
        }
        (asked, search.into_records())
    }

    use KeyKind::{Chunk0, Tensors};

    #[test]
    fn the_order_is_the_largest_file_its_tensors_and_then_further_files_by_size() {
        let nothing = |_, _| Vec::new();
        for (sizes, wanted) in [
            (&[][..], &[][..]),
            (&[0, 0], &[]),
            // A lone file, of any format.
            (&[9], &[(0, Chunk0), (0, Tensors)]),
            (
                &[5, 0, 9, 7],
                &[(2, Chunk0), (2, Tensors), (3, Chunk0), (0, Chunk0)],
            ),
        ] {
            assert_eq!(play(sizes, &[], &nothing).0, wanted, "{sizes:?}");
        }
        let many = play(&[1; 20], &[], &nothing).0;
        assert_eq!(many.len(), 9);
        assert_eq!(many[8], (7, Chunk0));
    }

    #[test]
    fn the_search_ends_with_the_first_record_found() {
        let only = |file, kind| {
            move |f, k| {
                if (f, k) == (file, kind) {
                    vec![1]
                } else {
                    Vec::new()
                }
            }
        };
        let sizes = [5, 9, 7];
        for (hit, asked) in [
            ((1, Chunk0), 1),
            ((1, Tensors), 2),
            ((2, Chunk0), 3),
            ((0, Chunk0), 4),
            ((0, Tensors), 4),
        ] {
            let (keys, records) = play(&sizes, &[], &only(hit.0, hit.1));
            assert_eq!(keys.len(), asked, "{hit:?}");
            assert_eq!(records.len(), usize::from(hit != (0, Tensors)), "{hit:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_model_data_is_not_looked_up_and_the_next_takes_its_place() {
        let nothing = |_, _| Vec::new();
        assert_eq!(play(&[9, 8, 7], &[0, 2], &nothing).0, [(1, Chunk0), (1, Tensors)]);
        assert_eq!(play(&[9], &[0], &nothing).0, []);
    }

    #[test]
    fn records_that_share_more_files_come_first_when_too_many_share_one() {
        // Twenty records list the largest file, two of them the next as well.
        let on_record = |file, _| if file == 0 { (0..20).collect() } else { vec![13, 7] };
        let (asked, records) = play(&[9, 8, 7], &[], &on_record);
        assert_eq!(asked, [(0, Chunk0), (1, Chunk0), (2, Chunk0)]);
        assert_eq!(records.len(), 20);
        assert_eq!(records[..2], [(record(7), 3), (record(13), 3)]);
    }

    #[test]
    fn only_keys_of_the_kind_that_was_looked_up_count() {
        let mut search = Search::new(&[9]);
        search.answer(&[found(KeyKind::File, 1), found(Tensors, 2)]);
        assert_eq!(
            search.step(),
            Some(Step {
                file: 0,
                kind: Tensors
            })
        );
        search.answer(&[found(Chunk0, 1), found(Tensors, 2), found(Tensors, 2)]);
        assert_eq!(search.into_records(), [(record(2), 1)]);
    }

    fn info(keys: u64, digits: u32, matches: Option<Vec<Match>>) -> LookupInfo {
        LookupInfo {
            v: 1,
            keys,
            digits,
            as_of_size: 9,
            matches,
        }
    }

    #[test]
    fn a_registry_cannot_make_a_client_send_more_digits_than_its_index_calls_for() {
        let key = Sha256Digest::of(b"secret weights");
        for (keys, asked, sent) in [
            (70_000, 2, 2),
            (70_000, 1, 1),
            (5000, 64, 1),
            (4096, 5, 1),
            (u64::MAX, u32::MAX, 5),
        ] {
            let index = Index::new(info(keys, asked, None)).unwrap();
            assert_eq!(index.must_ask(&key), Some(prefix(&key, sent)));
        }
        for (keys, digits) in [(10, 0), (10, 5), (4095, 5), (u64::MAX, 0)] {
            assert_eq!(Index::new(info(keys, digits, None)).unwrap_err(), NoDigits);
        }
    }

    #[test]
    fn an_index_that_is_given_whole_is_not_asked() {
        let key = Sha256Digest::of(b"key");
        for keys in [0, 70_000] {
            let index = Index::new(info(keys, 5, Some(vec![found(Chunk0, 1)]))).unwrap();
            assert_eq!(index.must_ask(&key), None);
            assert_eq!(index.matches(&key), [found(Chunk0, 1)]);
            assert_eq!(index.matches(&Sha256Digest::of(b"other")), []);
            assert_eq!(index.sent().prefixes, 0);
        }
    }

    #[test]
    fn each_prefix_is_sent_and_counted_once() {
        let mut index = Index::new(info(70_000, 2, None)).unwrap();
        let key = found(Chunk0, 1).key;
        let digits = index.must_ask(&key).unwrap();
        let mut near = *key.as_bytes();
        near[31] ^= 1;
        let near = Match {
            key: Sha256Digest::from_bytes(near),
            ..found(Chunk0, 2)
        };
        let answer = LookupAnswer {
            v: 1,
            as_of_size: 9,
            matches: vec![near.clone(), found(Chunk0, 1)],
        };
        assert_eq!(
            index.sent().words(),
            "The registry was told no hash: its whole index is small enough to fetch."
        );
        index.learn(digits, answer);
        assert_eq!(index.must_ask(&near.key), None);
        // Keys that only share the prefix are not found.
        assert_eq!(index.matches(&key), [found(Chunk0, 1)]);
        let sent = index.sent();
        assert_eq!((sent.prefixes, sent.digits, sent.as_of_size), (1, 2, 9));
        assert_eq!(
            sent.words(),
            "The registry was told the first 2 hex digits of one hash."
        );
        let two = Sent {
            prefixes: 2,
            digits: 1,
            ..sent
        };
        assert_eq!(
            two.words(),
            "The registry was told the first hex digit of 2 hashes."
        );
    }
}
