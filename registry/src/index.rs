//! The index: what the log holds, in sled, for questions that the log's own files cannot answer. The only
//! file, with its folder, that knows sled.
//!
//! Nothing here is a source of truth. Every row is derived from committed entries, the edge is written in the
//! same atomic batch as the rows it speaks for, and the whole folder can be deleted at any time: the next
//! start builds it again (docs/adr/0002-sled-is-an-index.md).

mod answers;
mod rows;

use std::{
    collections::{HashMap, HashSet},
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::Summary,
    lookup::KeyKind,
    merkle::{Frontier, LeafHash},
    record::Record,
};

pub use answers::{MAX_LISTED, MAX_MATCHES, MAX_RESULTS};

/// Memory that sled may use for its pages, in bytes. Its own default is 1 GiB.
const CACHE_BYTES: u64 = 32 << 20;

/// How often sled writes behind. What it has not written is applied again at the next start.
const FLUSH_MILLISECONDS: u64 = 500;

/// Entries that are written in one atomic batch, at most. sled copies a page for every row, and frees none of the copies
/// before the batch ends: they are a few MiB (docs/adr/0002-sled-is-an-index.md).
const BATCH_ENTRIES: usize = 64;

/// A batch that has this many files of manifests takes no further entry: each has up to four rows.
const BATCH_FILES: usize = 256;

/// An entry that the index takes in.
#[derive(Debug)]
pub(crate) struct NewEntry {
    /// Its index in the log.
    pub(crate) index: u64,
    /// Its leaf hash.
    pub(crate) leaf: LeafHash,
    /// The record that it is about.
    pub(crate) record: Record,
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
    /// Fewer or more rows than were written.
    #[error("the index has {found} rows, {expected} were written")]
    Rows {
        /// Rows written.
        expected: u64,
        /// Rows found.
        found: u64,
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
        let index = Self {
            db: config.open().map_err(store_error("opening"))?,
        };
        let layout = index.count(rows::VERSION)?;
        if layout != rows::LAYOUT && !index.db.is_empty() {
            return Err(IndexError::Layout { found: layout });
        }
        index.edge()?;
        let mut found = 0;
        for row in index.db.iter() {
            let (key, _) = row.map_err(store_error("reading"))?;
            found += u64::from(key.first() != Some(&b'm'));
        }
        let expected = index.count(rows::ROWS)?;
        if found == expected {
            Ok(index)
        } else {
            Err(IndexError::Rows { expected, found })
        }
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

    /// How much of the log is in the index: the right edge of the tree of these entries.
    pub fn edge(&self) -> Result<Frontier, IndexError> {
        match self.db.get(rows::EDGE).map_err(store_error("reading"))? {
            None => Ok(Frontier::new()),
            Some(value) => rows::edge(&value).ok_or(IndexError::Row { prefix: 'm' }),
        }
    }

    fn count(&self, key: &[u8]) -> Result<u64, IndexError> {
        match self.db.get(key).map_err(store_error("reading"))? {
            None => Ok(0),
            Some(value) => rows::number(&value).ok_or(IndexError::Row { prefix: 'm' }),
        }
    }

    /// Takes in the entries that follow those it has, without a gap; gives the edge after them. A crash on the way leaves
    /// some of them in, with an edge that says so. Called by one thread only.
    pub(crate) fn apply(&self, entries: &[NewEntry]) -> Result<Frontier, IndexError> {
        let mut edge = self.edge()?;
        let mut left = entries;
        while !left.is_empty() {
            let mut files = 0;
            let fits = |entry: &&NewEntry| {
                let room = files < BATCH_FILES;
                files += entry
                    .record
                    .manifest()
                    .map_or(0, |manifest| manifest.files().len());
                room
            };
            let count = left.iter().take(BATCH_ENTRIES).take_while(fits).count();
            let (some, rest) = left.split_at(count);
            for entry in some {
                edge.push(entry.leaf);
            }
            self.apply_batch(some, &edge)?;
            left = rest;
        }
        Ok(edge)
    }

    /// Writes the rows of at least one entry, and the edge after them.
    fn apply_batch(&self, entries: &[NewEntry], edge: &Frontier) -> Result<(), IndexError> {
        // A clock before 1970 is none.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let first = entries.first().map_or(0, |entry| entry.index);
        let mut batch = Batch::default();
        let mut seen = HashSet::new();
        batch.row(rows::taken(first), now.as_secs().to_be_bytes().to_vec());
        for NewEntry { index, record, .. } in entries {
            if seen.insert(record.id) && self.first_index(&record.id)?.is_none() {
                batch.record(*index, record);
            }
        }
        for ((set, block), mut bits) in std::mem::take(&mut batch.sets) {
            let key = rows::block(&set, block);
            let before = if rows::begins_before(block, first) {
                self.count(&key)?
            } else {
                0
            };
            bits |= before;
            batch.rows += u64::from(before == 0);
            batch.writes.insert(key, bits.to_be_bytes().to_vec());
        }
        for (publisher, count) in std::mem::take(&mut batch.counts) {
            let key = rows::publisher_count(&publisher);
            let before = self.count(&key)?;
            batch.rows += u64::from(before == 0);
            batch.writes.insert(key, (before + count).to_be_bytes().to_vec());
        }
        let totals = [
            (rows::VERSION, rows::LAYOUT),
            (rows::KEYS, self.count(rows::KEYS)? + batch.keys),
            (rows::ROWS, self.count(rows::ROWS)? + batch.rows),
        ];
        for (key, number) in totals {
            batch.writes.insert(key, number.to_be_bytes().to_vec());
        }
        batch.writes.insert(rows::EDGE, rows::edge_value(edge));
        self.db.apply_batch(batch.writes).map_err(store_error("writing"))
    }

    /// Writes everything to disk; at shutdown only, for a quick next start.
    pub(crate) fn flush(&self) -> Result<(), IndexError> {
        self.db.flush().map(|_| ()).map_err(store_error("flushing"))
    }
}

/// Rows to be written together.
#[derive(Default)]
struct Batch {
    writes: sled::Batch,
    sets: rows::Sets,
    /// Further records of each publisher.
    counts: HashMap<PublisherName, u64>,
    rows: u64,
    keys: u64,
}

impl Batch {
    fn row(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.rows += 1;
        self.writes.insert(key, value);
    }

    fn key(&mut self, digest: Sha256Digest, kind: KeyKind, at: (u64, u32), record: RecordId, path: &str) {
        // An empty file says nothing: half of all artifacts have one.
        if digest != Sha256Digest::OF_NOTHING {
            self.keys += 1;
            self.row(
                rows::lookup(&digest, kind, at.0, at.1),
                rows::lookup_value(&record, path),
            );
        }
    }

    fn record(&mut self, index: u64, record: &Record) {
        let summary = summary(index, record);
        let texts = [
            summary.name.as_str(),
            summary.publisher.as_str(),
            summary.version.as_deref().unwrap_or(""),
        ];
        for word in rows::words(texts) {
            rows::insert(&mut self.sets, rows::word(&word), index);
        }
        rows::insert(&mut self.sets, rows::publisher_records(&summary.publisher), index);
        *self.counts.entry(summary.publisher.clone()).or_default() += 1;
        self.row(rows::first_leaf(&record.id), index.to_be_bytes().to_vec());
        self.row(
            rows::summary(index),
            serde_json::to_vec(&summary).unwrap_or_default(),
        );
        let id = record.id;
        if let Some(artifact) = record.artifact() {
            self.key(artifact.dir_hash1, KeyKind::DirHash1, (index, 0), id, "");
            self.key(artifact.oms_root, KeyKind::OmsRoot, (index, 0), id, "");
        }
        let Some(manifest) = record.manifest() else { return };
        self.key(
            manifest.oms_root_components(),
            KeyKind::OmsRootComponents,
            (index, 0),
            id,
            "",
        );
        for (number, file) in (0_u32..).zip(manifest.files()) {
            let (at, path) = ((index, number), file.path.as_str());
            self.key(file.sha256, KeyKind::File, at, id, path);
            self.key(file.chunks, KeyKind::Chunks, at, id, path);
            self.key(file.chunk0, KeyKind::Chunk0, at, id, path);
            if let Some(tensors) = file.tensors {
                self.key(tensors, KeyKind::Tensors, at, id, path);
            }
        }
    }
}

fn summary(index: u64, record: &Record) -> Summary {
    let subject = record.artifact().map(|a| &a.subject);
    Summary {
        record: record.id,
        publisher: record.publisher().clone(),
        kind: record.kind.clone(),
        index,
        name: subject.map_or_else(|| record.publisher().to_string(), |s| s.name.clone()),
        version: subject.and_then(|s| s.version.clone()),
        // One row for all that are taken in together has it.
        taken_at: None,
    }
}
