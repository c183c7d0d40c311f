//! The index: what the log holds, in sled, for questions that the log's own files cannot answer. The only
//! file, with its folder, that knows sled.
//!
//! Nothing here is a source of truth. Every row is derived from committed entries, what makes a run of rows count is
//! written after them, and the whole folder can be deleted at any time: the next start builds it again
//! (docs/adr/0002-sled-is-an-index.md, 0015-sorted-runs.md).

mod answers;
mod memtable;
mod opening;
mod reader;
mod rows;
mod run;

use std::{
    collections::HashMap,
    fmt,
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use provenance::{
    PublisherName,
    merkle::{Frontier, LeafHash, TreeSize},
    record::Record,
};

use self::{
    memtable::Memtable,
    reader::Reader,
    run::{Run, Sealing},
};
pub use answers::{MAX_LISTED, MAX_MATCHES, MAX_RESULTS};

/// Memory that sled may use for its pages, in bytes. Its own default is 1 GiB.
const CACHE_BYTES: u64 = 32 << 20;

/// How often sled writes behind. What it has not written is applied again at the next start.
const FLUSH_MILLISECONDS: u64 = 500;

/// Bytes of rows that make a run: 8 MiB, some 25,000 entries. In memory they take three times that; after a start as many
/// are read from the commits again. Tests have runs of few entries.
const RUN_BYTES: usize = if cfg!(test) { 4 << 10 } else { 8 << 20 };

/// Blocks of a run that are written together. sled copies pages for every row, and frees none of the copies before the batch ends.
const BATCH_BLOCKS: usize = 64;

/// An entry that the index takes in.
#[derive(Debug)]
pub(crate) struct NewEntry {
    /// Its index in the log.
    pub(crate) index: u64,
    /// Its leaf hash.
    pub(crate) leaf: LeafHash,
    /// The record that it is about.
    pub(crate) record: Record,
    /// Whether no entry before it is about the same.
    pub(crate) is_first: bool,
}

/// Why the index does not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// sled reports an error, as text: its types stay in here.
    #[error("the index failed while {doing}: {reason}")]
    Store {
        /// What was being done.
        doing: &'static str,
        /// What sled said.
        reason: String,
    },
    /// sled panicked.
    #[error("the index panicked while it was opened")]
    Panic,
    /// A row that this program did not write.
    #[error("the index holds a row that does not read, under the prefix {prefix:?}")]
    Row {
        /// First byte of its key.
        prefix: char,
    },
    /// The index of another log.
    #[error("the index is that of another log, {found}")]
    Log {
        /// Its verifier key.
        found: String,
    },
    /// Times that do not follow each other.
    #[error("the index lacks the time at which entry {index} was taken in")]
    Time {
        /// The first one that it lacks.
        index: u64,
    },
    /// Rows in another order than this program writes them.
    #[error("the index has the layout {found}, this server writes {}", rows::LAYOUT)]
    Layout {
        /// Its number.
        found: u64,
    },
    /// A run whose blocks are not those that were written, or that does not follow the one before it.
    #[error("the run of the index that begins with entry {start} is damaged")]
    Run {
        /// Index of its first entry.
        start: u64,
    },
    /// The damaged folder cannot be moved away.
    #[error("cannot set the damaged index {} aside: {source}", path.display())]
    SetAside {
        /// Which folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn store_error(doing: &'static str) -> impl FnOnce(sled::Error) -> IndexError {
    move |e| IndexError::Store {
        doing,
        reason: e.to_string(),
    }
}

/// The index.
pub struct Index {
    db: sled::Db,
    shelf: RwLock<Shelf>,
}

impl fmt::Debug for Index {
    // sled would print every row.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index")
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// What is known of all rows, and those that are in no run yet.
#[derive(Debug, Default)]
struct Shelf {
    /// Index of the first entry of each run.
    runs: Arc<Vec<u64>>,
    /// Index of the first entry that is in no run.
    start: u64,
    /// Rows of the entries from there on.
    fresh: Arc<RwLock<Memtable>>,
    /// The edge after all entries.
    edge: Frontier,
    /// Lookup keys of all entries.
    keys: u64,
    /// Records of each publisher.
    counts: HashMap<PublisherName, u64>,
    /// Entries up to here have a time at which they were taken in.
    timed: u64,
}

impl Index {
    /// Opens the index in `folder` of the log whose verifier key is `log`, and reads all of it once. Damage, or a panic inside
    /// sled, is an error.
    ///
    /// # Errors
    /// [`IndexError`]; the caller sets the folder aside and builds a new one.
    pub(crate) fn open(folder: &Path, log: &str) -> Result<Self, IndexError> {
        let (folder, log) = (folder.to_owned(), log.to_owned());
        let opening = std::thread::Builder::new()
            .name("open-index".into())
            .spawn(move || {
                std::panic::catch_unwind(AssertUnwindSafe(|| Self::open_and_read(&folder, &log)))
                    .unwrap_or(Err(IndexError::Panic))
            });
        let reason = |e: std::io::Error| IndexError::Store {
            doing: "starting a thread",
            reason: e.to_string(),
        };
        opening.map_err(reason)?.join().unwrap_or(Err(IndexError::Panic))
    }

    fn open_and_read(folder: &Path, log: &str) -> Result<Self, IndexError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_MILLISECONDS));
        let db = config.open().map_err(store_error("opening"))?;
        if db.is_empty() {
            let mut batch = sled::Batch::default();
            batch.insert(rows::VERSION, &rows::LAYOUT.to_be_bytes());
            batch.insert(rows::LOG, log);
            db.apply_batch(batch).map_err(store_error("writing"))?;
        }
        let shelf = opening::read_all(&db, log)?;
        let index = Self {
            db,
            shelf: RwLock::new(shelf),
        };
        let counts = index.reader().counts()?;
        index.change().counts = counts;
        Ok(index)
    }

    /// Moves a damaged index out of the way, to the first free `set-aside-<n>` beside it.
    ///
    /// # Errors
    /// [`IndexError::SetAside`].
    pub(crate) fn set_aside(folder: &Path) -> Result<PathBuf, IndexError> {
        let names = (1..).map(|n: u32| folder.with_file_name(format!("set-aside-{n}")));
        let free = names.into_iter().find(|path| !path.exists()).unwrap_or_default();
        let source = |source| IndexError::SetAside {
            path: folder.to_owned(),
            source,
        };
        std::fs::rename(folder, &free).map_err(source)?;
        Ok(free)
    }

    fn reader(&self) -> Reader {
        let shelf = self.look();
        Reader {
            db: self.db.clone(),
            runs: Arc::clone(&shelf.runs),
            start: shelf.start,
            fresh: Arc::clone(&shelf.fresh),
        }
    }

    fn look(&self) -> RwLockReadGuard<'_, Shelf> {
        self.shelf.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the log is in the index: the right edge of the tree of these entries.
    pub(crate) fn edge(&self) -> Frontier {
        self.look().edge.clone()
    }

    /// Number of entries in the index.
    pub fn size(&self) -> TreeSize {
        self.look().edge.size()
    }

    /// Entries up to here were taken in once, as far as this index knows.
    pub(crate) fn timed(&self) -> u64 {
        self.look().timed
    }

    /// Takes in the entries that follow those it has, without a gap, at `now` in POSIX seconds; gives the edge after them. After a
    /// crash, those that are in no run have to be taken in again. Called by one thread only.
    pub(crate) fn apply(&self, entries: &[NewEntry], now: u64) -> Result<Frontier, IndexError> {
        self.note_time(entries, now)?;
        for entry in entries {
            let fresh = Arc::clone(&self.look().fresh);
            let (mut keys, mut bytes) = (0, 0);
            if entry.is_first {
                let mut rows = fresh.write().unwrap_or_else(PoisonError::into_inner);
                keys = rows.record(entry.index, &entry.record);
                bytes = rows.bytes();
            }
            {
                // After its rows: an answer knows no less than the size says.
                let mut shelf = self.change();
                shelf.edge.push(entry.leaf);
                if entry.is_first {
                    shelf.keys += keys;
                    *shelf.counts.entry(entry.record.publisher().clone()).or_default() += 1;
                }
            }
            if bytes >= RUN_BYTES {
                self.finish_run()?;
            }
        }
        Ok(self.edge())
    }

    /// Writes down when entries are taken in, unless that was done before a crash.
    fn note_time(&self, entries: &[NewEntry], now: u64) -> Result<(), IndexError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let (first, end) = (first.index.max(self.timed()), last.index + 1);
        if first < end {
            let (key, value) = (rows::taken(first), rows::taken_value(end, now));
            self.db
                .insert(&key, value.as_slice())
                .map_err(store_error("writing"))?;
            let mut shelf = self.change();
            let mut fresh = shelf.fresh.write().unwrap_or_else(PoisonError::into_inner);
            fresh.insert(key, value);
            drop(fresh);
            shelf.timed = end;
        }
        Ok(())
    }

    /// Writes the rows in memory as a run. Until the last step they are read from memory, and after a crash they are
    /// taken in again.
    fn finish_run(&self) -> Result<(), IndexError> {
        let (start, run, before) = {
            let shelf = self.look();
            let run = Run {
                edge: shelf.edge.clone(),
                keys: shelf.keys,
            };
            (shelf.start, run, Arc::clone(&shelf.fresh))
        };
        let fresh = before.read().unwrap_or_else(PoisonError::into_inner);
        let mut sealing = Sealing::default();
        let mut blocks = run::pack(fresh.rows().iter()).peekable();
        while blocks.peek().is_some() {
            let mut batch = sled::Batch::default();
            for (last, block) in blocks.by_ref().take(BATCH_BLOCKS) {
                let key = rows::block_of_run(start, &last);
                sealing.block(&key, &block);
                batch.insert(key, block);
            }
            self.db.apply_batch(batch).map_err(store_error("writing"))?;
        }
        self.db
            .insert(rows::run(start), run.value(sealing))
            .map_err(store_error("writing"))?;
        let end = run.edge.size().get();
        {
            let mut shelf = self.change();
            Arc::make_mut(&mut shelf.runs).push(start);
            shelf.start = end;
            shelf.fresh = Arc::default();
        }
        opening::remove_all(&self.db, rows::TAKEN, |value| {
            rows::taken_read(value).is_none_or(|(until, _)| until <= end)
        })
    }

    /// Writes everything to disk; at shutdown only, for a quick next start.
    pub(crate) fn flush(&self) -> Result<(), IndexError> {
        self.db.flush().map(|_| ()).map_err(store_error("flushing"))
    }
}

#[cfg(test)]
mod tests;
