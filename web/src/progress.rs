//! Hashing under way: which chunks are done, which differ, how far along it all is.
//!
//! Chunks come from several workers in any order. Each is compared on arrival with the signed chunk list, so
//! that the first difference shows while the rest is still being read. The verdict is not made here: the judge
//! sees the same digests at the end.

use std::ops::Range;

use provenance::{
    Sha256Digest,
    chunk::{CHUNK_SIZE, ChunkList, chunk_count, chunk_range},
    tensor::TensorIndex,
};

use crate::{pace::Pace, text};

/// Tensors named in the alert; the verdict names all.
const NAMED_TENSORS: usize = 3;

/// What a record says about one file, as far as it was fetched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Digests of the chunks.
    pub(crate) chunks: Option<ChunkList>,
    /// The signed tensor index.
    pub(crate) tensors: Option<TensorIndex>,
}

/// Where one file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RowState {
    /// No byte read yet.
    Queued,
    /// Being read.
    Reading,
    /// All chunks are as signed.
    Matches,
    /// A chunk differs.
    Differs,
    /// Read, with nothing to compare against.
    Read,
    /// Not on record, so not read.
    Skipped,
    /// Could not be read.
    Unreadable,
}

impl RowState {
    /// The word shown.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Queued => "waiting",
            Self::Reading => "reading",
            Self::Matches => "matches",
            Self::Differs => "differs",
            Self::Read => "read",
            Self::Skipped => "not on record",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether the file's bytes are wanted.
    pub(crate) fn is_to_read(self) -> bool {
        self != Self::Skipped
    }

    /// Stable name for styles and tests.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Reading => "reading",
            Self::Matches => "matches",
            Self::Differs => "differs",
            Self::Read => "read",
            Self::Skipped => "skipped",
            Self::Unreadable => "unreadable",
        }
    }
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    /// Path as shown.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Where it stands.
    pub(crate) state: RowState,
    /// Bytes hashed.
    pub(crate) done_bytes: u64,
    expected: Expected,
    digests: Vec<Option<Sha256Digest>>,
    whole: Option<Sha256Digest>,
    failure: Option<String>,
}

/// What one file's hashing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Every chunk, and the whole file's digest if it is known.
    Hashed(ChunkList, Option<Sha256Digest>),
    /// Not read, because not on record.
    Skipped,
    /// Could not be read; why.
    Unreadable(String),
}

/// The first difference seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Difference {
    /// Path of the file.
    pub(crate) path: String,
    /// The chunk, from 0.
    pub(crate) chunk: u64,
    /// Chunks in the file at hand.
    pub(crate) chunks: u64,
    /// Its bytes.
    pub(crate) range: Range<u64>,
    /// Names of tensors in these bytes, the first few.
    pub(crate) tensors: Vec<String>,
    /// Tensors in these bytes that are not named.
    pub(crate) more_tensors: usize,
}

/// All files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    /// In order of the plan.
    pub(crate) rows: Vec<Row>,
    /// Bytes hashed.
    pub(crate) done_bytes: u64,
    /// Bytes to hash.
    pub(crate) total_bytes: u64,
    /// Whether reading is paused.
    pub(crate) paused: bool,
    /// The first difference.
    pub(crate) difference: Option<Difference>,
    pace: Pace,
}

impl Row {
    /// A file to hash and what the record says of it; without `expected` it is not read.
    pub(crate) fn new(path: String, size: u64, expected: Option<Expected>) -> Self {
        let chunks = usize::try_from(chunk_count(size)).unwrap_or(usize::MAX);
        let state = if expected.is_some() {
            RowState::Queued
        } else {
            RowState::Skipped
        };
        let digests = if expected.is_some() {
            vec![None; chunks]
        } else {
            Vec::new()
        };
        let expected = expected.unwrap_or_default();
        Self {
            path,
            size,
            state,
            done_bytes: 0,
            expected,
            digests,
            whole: None,
            failure: None,
        }
    }

    fn is_read(&self) -> bool {
        self.state.is_to_read()
    }

    fn is_complete(&self) -> bool {
        self.done_bytes == self.size
    }

    /// The state of a row whose last chunk has come.
    fn settled(&self) -> RowState {
        match &self.expected.chunks {
            _ if self.state == RowState::Differs => RowState::Differs,
            None => RowState::Read,
            Some(expected) => {
                let listed = expected.digests();
                let same = self.digests.len() == listed.len()
                    && self
                        .digests
                        .iter()
                        .zip(listed)
                        .all(|(have, want)| *have == Some(*want));
                if same {
                    RowState::Matches
                } else {
                    RowState::Differs
                }
            }
        }
    }
}

impl Progress {
    /// Starts over `rows`.
    pub(crate) fn new(mut rows: Vec<Row>) -> Self {
        for row in rows.iter_mut().filter(|row| row.is_read() && row.size == 0) {
            row.state = row.settled();
        }
        let total_bytes = rows
            .iter()
            .filter(|row| row.is_read())
            .fold(0_u64, |sum, row| sum.saturating_add(row.size));
        Self {
            rows,
            total_bytes,
            ..Self::default()
        }
    }

    /// Notes a chunk at `now` milliseconds. Returns whether something changed that should be shown at once.
    pub(crate) fn chunk(&mut self, file: usize, index: u64, digest: Sha256Digest, now: f64) -> bool {
        let Some(row) = self.rows.get_mut(file) else {
            return false;
        };
        let Some(slot) = usize::try_from(index).ok().and_then(|at| row.digests.get_mut(at)) else {
            return false;
        };
        if slot.replace(digest).is_some() {
            return false;
        }
        let before = row.state;
        let range = chunk_range(index, row.size);
        row.done_bytes += range.end - range.start;
        self.done_bytes += range.end - range.start;
        self.pace.note(now, self.done_bytes);
        let at = usize::try_from(index).unwrap_or(usize::MAX);
        let differs = row
            .expected
            .chunks
            .as_ref()
            .is_some_and(|list| list.digests().get(at) != Some(&digest));
        if matches!(row.state, RowState::Queued | RowState::Reading) {
            row.state = RowState::Reading;
        }
        if differs {
            row.state = RowState::Differs;
            if self.difference.is_none() {
                self.difference = Some(Difference::at(row, index, range));
            }
        }
        if row.is_complete() {
            row.state = row.settled();
        }
        row.state != before
    }

    /// Notes a whole file's digest.
    pub(crate) fn whole(&mut self, file: usize, digest: Sha256Digest) {
        if let Some(row) = self.rows.get_mut(file) {
            row.whole = Some(digest);
        }
    }

    /// Notes that a file could not be read; what is left of it counts as done.
    pub(crate) fn unreadable(&mut self, file: usize, why: String) {
        let Some(row) = self.rows.get_mut(file).filter(|row| row.failure.is_none()) else {
            return;
        };
        self.total_bytes -= row.size - row.done_bytes;
        row.state = RowState::Unreadable;
        row.failure = Some(why);
    }

    /// Stops or goes on. Whatever was measured before a pause says nothing about the time after it.
    pub(crate) fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.pace.restart();
    }

    /// Whole percent.
    pub(crate) fn percent(&self) -> u64 {
        text::percent(self.done_bytes, self.total_bytes)
    }

    /// One line for eyes and screen readers: `38.2 MiB of 86.7 MiB, 512 MiB/s, a few seconds left`.
    pub(crate) fn line(&self) -> String {
        let mut line = format!(
            "{} of {}",
            text::bytes(self.done_bytes),
            text::bytes(self.total_bytes)
        );
        if self.paused {
            line.push_str(", paused");
            return line;
        }
        if let Some(rate) = self.pace.rate() {
            line.push_str(", ");
            line.push_str(&text::rate(rate));
        }
        if let Some(seconds) = self
            .pace
            .seconds_left(self.total_bytes)
            .filter(|_| self.done_bytes < self.total_bytes)
        {
            line.push_str(", ");
            line.push_str(&text::time_left(seconds));
        }
        line
    }

    /// What each file came to, in order of the plan. A file whose chunks did not all come is unreadable.
    pub(crate) fn outcomes(&self) -> Vec<Outcome> {
        self.rows.iter().map(Row::outcome).collect()
    }
}

impl Row {
    fn outcome(&self) -> Outcome {
        if let Some(why) = &self.failure {
            return Outcome::Unreadable(why.clone());
        }
        if !self.is_read() {
            return Outcome::Skipped;
        }
        match self.digests.iter().copied().collect::<Option<Vec<_>>>() {
            Some(digests) => {
                // One chunk is the whole file, and no chunk is nothing: no second pass over the bytes is needed.
                let whole = match digests.as_slice() {
                    [] => Some(Sha256Digest::OF_NOTHING),
                    [only] => Some(*only),
                    _ => self.whole,
                };
                Outcome::Hashed(ChunkList::new(digests), whole)
            }
            None => Outcome::Unreadable("not all of it was read".to_owned()),
        }
    }
}

impl Difference {
    fn at(row: &Row, chunk: u64, range: Range<u64>) -> Self {
        let touched: Vec<&str> = match &row.expected.tensors {
            Some(index) => index
                .touching(range.clone())
                .map(|tensor| tensor.name.as_str())
                .collect(),
            None => Vec::new(),
        };
        Self {
            path: row.path.clone(),
            chunk,
            chunks: chunk_count(row.size),
            tensors: touched
                .iter()
                .take(NAMED_TENSORS)
                .map(|name| (*name).to_owned())
                .collect(),
            more_tensors: touched.len().saturating_sub(NAMED_TENSORS),
            range,
        }
    }

    /// Where it is, for people.
    pub(crate) fn place(&self) -> String {
        format!(
            "the {} of {} (bytes {} to {})",
            text::ordinal(self.chunk + 1),
            text::counted_u64(self.chunks.max(self.chunk + 1), "chunk"),
            text::grouped(self.range.start),
            text::grouped(self.range.end.saturating_sub(1)),
        )
    }
}

/// Whether a listed file of `size` bytes has a chunk list that is known without fetching it: none or one chunk.
pub(crate) fn known_chunk_list(size: u64, chunk0: Sha256Digest) -> Option<ChunkList> {
    match size {
        0 => Some(ChunkList::default()),
        1..=CHUNK_SIZE => Some(ChunkList::new(vec![chunk0])),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest(n: u8) -> Sha256Digest {
        Sha256Digest::of(&[n])
    }

    fn row(size: u64, expected: &[Sha256Digest]) -> Row {
        let chunks = Some(ChunkList::new(expected.to_vec()));
        Row::new(
            "model.safetensors".into(),
            size,
            Some(Expected {
                chunks,
                tensors: None,
            }),
        )
    }

    #[test]
    fn chunks_in_any_order_make_a_match() {
        let size = 2 * CHUNK_SIZE + 5;
        let list = [digest(0), digest(1), digest(2)];
        let mut progress = Progress::new(vec![row(size, &list)]);
        for (now, index) in [(0.0, 2_u8), (1.0, 0), (2.0, 1)] {
            progress.chunk(0, index.into(), digest(index), now);
        }
        assert_eq!(
            (progress.rows[0].state, progress.percent()),
            (RowState::Matches, 100)
        );
        assert_eq!(
            progress.outcomes(),
            [Outcome::Hashed(ChunkList::new(list.to_vec()), None)]
        );
    }

    #[test]
    fn the_first_difference_is_known_before_the_rest_is_read() {
        let mut progress = Progress::new(vec![row(3 * CHUNK_SIZE, &[digest(0), digest(1), digest(2)])]);
        assert!(progress.chunk(0, 1, digest(9), 0.0));
        let difference = progress.difference.clone().unwrap();
        assert_eq!(
            difference.place(),
            "the 2nd of 3 chunks (bytes 4,194,304 to 8,388,607)"
        );
        assert_eq!(progress.rows[0].state, RowState::Differs);
        progress.chunk(0, 0, digest(0), 1.0);
        progress.chunk(0, 2, digest(2), 2.0);
        assert_eq!(progress.rows[0].state, RowState::Differs);
    }

    #[test]
    fn a_file_cut_at_a_chunk_border_differs() {
        let mut progress = Progress::new(vec![row(CHUNK_SIZE, &[digest(0), digest(1)])]);
        progress.chunk(0, 0, digest(0), 0.0);
        assert_eq!(progress.rows[0].state, RowState::Differs);
    }

    #[test]
    fn chunks_that_do_not_belong_or_come_twice_change_nothing() {
        let mut progress = Progress::new(vec![row(5, &[digest(0)])]);
        assert!(!progress.chunk(7, 0, digest(0), 0.0));
        assert!(!progress.chunk(0, 1, digest(0), 0.0));
        assert!(progress.chunk(0, 0, digest(0), 0.0));
        assert!(!progress.chunk(0, 0, digest(1), 0.0));
        assert_eq!(progress.done_bytes, 5);
    }

    #[test]
    fn a_file_that_was_not_wholly_read_is_never_hashed() {
        let mut progress = Progress::new(vec![row(CHUNK_SIZE + 1, &[digest(0), digest(1)])]);
        progress.chunk(0, 0, digest(0), 0.0);
        assert!(matches!(progress.outcomes()[0], Outcome::Unreadable(_)));
    }

    #[test]
    fn an_unreadable_file_does_not_hold_the_bar_up() {
        let mut progress = Progress::new(vec![row(5, &[digest(0)]), row(7, &[digest(1)])]);
        progress.unreadable(0, "moved".into());
        progress.unreadable(0, "moved again".into());
        progress.chunk(1, 0, digest(1), 0.0);
        assert_eq!(progress.percent(), 100);
        assert_eq!(progress.outcomes()[0], Outcome::Unreadable("moved".into()));
    }

    #[test]
    fn an_empty_file_is_done_at_once_and_a_skipped_one_is_not_counted() {
        let progress = Progress::new(vec![row(0, &[]), Row::new("x".into(), 9, None)]);
        assert_eq!(
            (progress.rows[0].state, progress.total_bytes),
            (RowState::Matches, 0)
        );
        let nothing = Outcome::Hashed(ChunkList::default(), Some(Sha256Digest::OF_NOTHING));
        assert_eq!(progress.outcomes(), [nothing, Outcome::Skipped]);
    }

    #[test]
    fn a_pause_shows_no_rate() {
        let mut progress = Progress::new(vec![row(2 * CHUNK_SIZE, &[digest(0), digest(1)])]);
        progress.chunk(0, 0, digest(0), 0.0);
        progress.set_paused(true);
        assert_eq!(progress.line(), "4.00 MiB of 8.00 MiB, paused");
    }
}
