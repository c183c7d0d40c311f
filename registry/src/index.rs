//! The index: what the log holds, in sled, for questions that the log's own files cannot answer. The only
//! file, with its folder, that knows sled.
//!
//! Nothing here is a source of truth. Every row is derived from committed entries, the edge is written in the
//! same atomic batch as the rows it speaks for, and the whole folder can be deleted at any time: the next
//! start builds it again (docs/adr/0002-sled-is-an-index.md).

mod answers;
mod memtable;
mod reader;
mod rows;
mod run;

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{PoisonError, RwLock, RwLockWriteGuard},
    time::{SystemTime, UNIX_EPOCH},
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
#[derive(Debug)]
pub struct Index {
    db: sled::Db,
    shelf: RwLock<Shelf>,
}

/// What is known of all rows, and those that are in no run yet.
#[derive(Debug, Default)]
struct Shelf {
    /// Index of the first entry of each run.
    runs: Vec<u64>,
    /// The edge after the last run.
    written: Frontier,
    /// Lookup keys in the runs.
    written_keys: u64,
    /// Rows of the entries after the last run.
    fresh: Memtable,
    /// The edge after these.
    edge: Frontier,
    /// Records of each publisher.
    counts: HashMap<PublisherName, u64>,
    /// Entries up to here have a time at which they were taken in.
    timed: u64,
}

impl Shelf {
    /// Index of the first entry that is in no run.
    fn start(&self) -> u64 {
        self.written.size().get()
    }
}

impl Index {
    /// Opens the index in `folder`, and reads all of it once. Damage, or a panic inside sled, is an error.
    ///
    /// # Errors
    /// [`IndexError`]; the caller sets the folder aside and builds a new one.
    pub(crate) fn open(folder: &Path) -> Result<Self, IndexError> {
        let folder = folder.to_owned();
        let opening = std::thread::Builder::new()
            .name("open-index".into())
            .spawn(move || {
                std::panic::catch_unwind(AssertUnwindSafe(|| Self::open_and_read(&folder)))
                    .unwrap_or(Err(IndexError::Panic))
            });
        let reason = |e: std::io::Error| IndexError::Store {
            doing: "starting a thread",
            reason: e.to_string(),
        };
        opening.map_err(reason)?.join().unwrap_or(Err(IndexError::Panic))
    }

    fn open_and_read(folder: &Path) -> Result<Self, IndexError> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE_BYTES)
            .flush_every_ms(Some(FLUSH_MILLISECONDS));
        let db = config.open().map_err(store_error("opening"))?;
        if db.is_empty() {
            db.insert(rows::VERSION, &rows::LAYOUT.to_be_bytes())
                .map_err(store_error("writing"))?;
        }
        let shelf = read_all(&db)?;
        let index = Self {
            db,
            shelf: RwLock::new(shelf),
        };
        let counts = index.reader().counts()?;
        index.write().counts = counts;
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

    fn reader(&self) -> Reader<'_> {
        Reader {
            db: &self.db,
            shelf: self.shelf.read().unwrap_or_else(PoisonError::into_inner),
        }
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shelf> {
        self.shelf.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the log is in the index: the right edge of the tree of these entries.
    pub(crate) fn edge(&self) -> Frontier {
        self.reader().shelf.edge.clone()
    }

    /// Number of entries in the index.
    pub fn size(&self) -> TreeSize {
        self.reader().shelf.edge.size()
    }

    /// Entries up to here were taken in once; never more than the log has.
    pub(crate) fn timed(&self) -> u64 {
        self.reader().shelf.timed
    }

    /// Takes in the entries that follow those it has, without a gap; gives the edge after them. After a crash, those that are in
    /// no run have to be taken in again. Called by one thread only.
    pub(crate) fn apply(&self, entries: &[NewEntry]) -> Result<Frontier, IndexError> {
        self.note_time(entries)?;
        for entry in entries {
            let full = {
                let mut shelf = self.write();
                shelf.edge.push(entry.leaf);
                if entry.is_first {
                    shelf.fresh.record(entry.index, &entry.record);
                    *shelf.counts.entry(entry.record.publisher().clone()).or_default() += 1;
                }
                shelf.fresh.bytes() >= RUN_BYTES
            };
            if full {
                self.finish_run()?;
            }
        }
        Ok(self.edge())
    }

    /// Writes down when entries are taken in, unless that was done before a crash.
    fn note_time(&self, entries: &[NewEntry]) -> Result<(), IndexError> {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Ok(());
        };
        let (first, end) = (first.index.max(self.timed()), last.index + 1);
        if first < end {
            // A clock before 1970 is none.
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            let (key, value) = (rows::taken(first), rows::taken_value(end, now.as_secs()));
            self.db
                .insert(&key, value.as_slice())
                .map_err(store_error("writing"))?;
            let mut shelf = self.write();
            shelf.fresh.insert(key, value);
            shelf.timed = end;
        }
        Ok(())
    }

    /// Writes the rows in memory as a run. Until the last step they are read from memory, and after a crash they are
    /// taken in again.
    fn finish_run(&self) -> Result<(), IndexError> {
        let run = {
            let shelf = &self.reader().shelf;
            let start = shelf.start();
            let mut sealing = Sealing::default();
            let mut blocks = run::pack(shelf.fresh.rows().iter()).peekable();
            while blocks.peek().is_some() {
                let mut batch = sled::Batch::default();
                for (last, block) in blocks.by_ref().take(BATCH_BLOCKS) {
                    let key = rows::block_of_run(start, &last);
                    sealing.block(&key, &block);
                    batch.insert(key, block);
                }
                self.db.apply_batch(batch).map_err(store_error("writing"))?;
            }
            Run {
                start,
                edge: shelf.edge.clone(),
                keys: shelf.written_keys + shelf.fresh.keys(),
                seal: sealing.finish(),
            }
        };
        self.db
            .insert(rows::run(run.start), run.value())
            .map_err(store_error("writing"))?;
        let mut shelf = self.write();
        shelf.runs.push(run.start);
        shelf.written = run.edge;
        shelf.written_keys = run.keys;
        shelf.fresh = Memtable::default();
        forget_times(&self.db, shelf.start())
    }

    /// Writes everything to disk; at shutdown only, for a quick next start.
    pub(crate) fn flush(&self) -> Result<(), IndexError> {
        self.db.flush().map(|_| ()).map_err(store_error("flushing"))
    }
}

/// Reads every row in sled once: which runs there are, whether all of them are whole, and when the entries after them were taken
/// in. What a crash left of a run that was never finished is removed.
fn read_all(db: &sled::Db) -> Result<Shelf, IndexError> {
    let row_error = |prefix: u8| IndexError::Row {
        prefix: char::from(prefix),
    };
    let mut shelf = Shelf::default();
    let mut seals = BTreeMap::<u64, Sealing>::new();
    for row in db.iter() {
        let (key, value) = row.map_err(store_error("reading"))?;
        let prefix = key.first().copied().unwrap_or_default();
        let start = || rows::start(&key).ok_or_else(|| row_error(prefix));
        match prefix {
            b'b' => seals.entry(start()?).or_default().block(&key, &value),
            b'd' => {}
            b'm' => {
                let found = rows::number(&value).ok_or_else(|| row_error(prefix))?;
                if *key != *rows::VERSION || found != rows::LAYOUT {
                    return Err(IndexError::Layout { found });
                }
            }
            // After all blocks, by the order of prefixes.
            b'r' => {
                let start = start()?;
                let run = Run::read(start, &value).ok_or_else(|| row_error(prefix))?;
                let found = seals.remove(&start).map(Sealing::finish);
                if found != Some(run.seal) || start != shelf.start() {
                    return Err(IndexError::Run { start });
                }
                shelf.runs.push(start);
                shelf.written = run.edge;
                shelf.written_keys = run.keys;
            }
            _ => return Err(row_error(prefix)),
        }
    }
    for start in seals.into_keys() {
        if start != shelf.start() {
            return Err(IndexError::Run { start });
        }
        for row in db.scan_prefix(rows::block_of_run(start, b"")) {
            let (key, _) = row.map_err(store_error("reading"))?;
            db.remove(key).map_err(store_error("writing"))?;
        }
    }
    shelf.edge = shelf.written.clone();
    forget_times(db, shelf.start())?;
    for row in db.scan_prefix(rows::TAKEN) {
        let (key, value) = row.map_err(store_error("reading"))?;
        let (end, _) = rows::taken_read(&value).ok_or_else(|| row_error(b'd'))?;
        shelf.timed = shelf.timed.max(end);
        shelf.fresh.insert(key.to_vec(), value.to_vec());
    }
    Ok(shelf)
}

/// Removes the times of entries that are all in runs, which have them.
fn forget_times(db: &sled::Db, start: u64) -> Result<(), IndexError> {
    for row in db.scan_prefix(rows::TAKEN) {
        let (key, value) = row.map_err(store_error("reading"))?;
        let (end, _) = rows::taken_read(&value).ok_or(IndexError::Row { prefix: 'd' })?;
        if end <= start {
            db.remove(key).map_err(store_error("writing"))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
