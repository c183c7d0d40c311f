//! Hashes files: chunk digests on every core, and beside them, when asked, each file's own SHA-256, in one pass
//! over the data and in constant memory.
//!
//! A file's own digest is a chain, each byte needs the one before it, while chunks are independent. So the work
//! is cut into two kinds of task that any thread may take: *read* a chunk and hash it while it is warm in the
//! cache, and *chain* a chunk that was read into its file's own digest. Chaining goes first, since it is what a
//! large file waits for; with one file on two cores both stay busy to the end. The policy is in [`crate::schedule`].
//!
//! Out of scope: which files there are (`walk`), and what a digest means (`provenance`).

use std::{
    fs::{File, Metadata},
    io,
    num::NonZeroUsize,
    ops::Range,
    path::PathBuf,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use provenance::{
    Sha256Digest, Sha256Hasher,
    chunk::{CHUNK_SIZE, ChunkList, MAX_FILE_BYTES, chunk_range},
};

use crate::{
    failure::{Exit, Failure, chain},
    schedule::{OnError, Schedule, Task},
};

/// Bytes read at a time. Small enough that hashing finds them in the core's own cache.
const PIECE_BYTES: usize = 256 << 10;

/// Most threads used; 2 buffers of 4 MiB belong to each when whole files are hashed.
const MAX_THREADS: usize = 16;

/// Which digests are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Chunk digests only: what `verify` compares.
    Chunks,
    /// Chunk digests and each file's own SHA-256.
    ChunksAndWhole,
}

/// A file to hash, as it looked when it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// How it looked.
    pub(crate) stamp: Stamp,
}

/// What tells that a file is still the one that was found, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Size in bytes.
    pub(crate) size: u64,
    modified: Option<SystemTime>,
    identity: Option<(u64, u64)>,
}

impl Stamp {
    /// The stamp of a file with this metadata.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: metadata.modified().ok(),
            identity: identity(metadata),
        }
    }
}

/// The digests of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HashedFile {
    /// The chunk digests, in order.
    pub(crate) chunks: ChunkList,
    /// The file's own SHA-256, when it was asked for.
    pub(crate) sha256: Option<Sha256Digest>,
}

/// Why a file was not hashed. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HashError {
    /// The file could not be opened.
    #[error("could not open {}", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A read failed.
    #[error("could not read {} at byte {offset}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// First byte of the piece that was being read.
        offset: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not the one that was found, or not as it was.
    #[error("{} changed while it was being read", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// Larger than a record can describe.
    #[error("{} has {size} bytes, more than the {MAX_FILE_BYTES} that a record can describe", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Its size in bytes.
        size: u64,
    },
}

impl From<HashError> for Failure {
    fn from(error: HashError) -> Self {
        let failure = Failure::new(Exit::Io, chain(&error));
        match error {
            HashError::Changed { .. } => Failure {
                why: Some("another program writes to it, or a download is still running".into()),
                ..failure
            }
            .next("wait until nothing writes to it, then run the same command"),
            HashError::Open { .. } => {
                failure.next("give this account the right to read it, then run the same command")
            }
            HashError::Read { .. } => failure.next("check the disk; the file could not be read to its end"),
            HashError::TooLarge { .. } => failure.next("split the file"),
        }
    }
}

/// Number of threads worth starting: one for each core this process may use.
pub(crate) fn thread_count() -> usize {
    std::thread::available_parallelism()
        .map_or(1, NonZeroUsize::get)
        .min(MAX_THREADS)
}

/// Hashes every file of `sources` on `threads` threads; `progress` is told of each piece, in bytes, as it is read.
///
/// The result has one item for each source, in the same order.
///
/// # Errors
/// The first [`HashError`] met; the other files are then left alone.
pub(crate) fn hash_files(
    sources: &[Source],
    depth: Depth,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Result<Vec<HashedFile>, HashError> {
    if let Some(large) = sources.iter().find(|s| s.stamp.size > MAX_FILE_BYTES) {
        return Err(HashError::TooLarge {
            path: large.path.clone(),
            size: large.stamp.size,
        });
    }
    run(sources, depth, OnError::Stop, threads, progress)
        .into_iter()
        .collect()
}

/// As [`hash_files`], but a file that cannot be hashed does not keep the others from being hashed.
pub(crate) fn hash_each(
    sources: &[Source],
    depth: Depth,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Vec<Result<HashedFile, HashError>> {
    run(sources, depth, OnError::GoOn, threads, progress)
}

fn run(
    sources: &[Source],
    depth: Depth,
    on_error: OnError,
    threads: usize,
    progress: &(dyn Fn(u64) + Sync),
) -> Vec<Result<HashedFile, HashError>> {
    let engine = Engine {
        sources,
        depth,
        progress,
        schedule: Mutex::new(Schedule::new(sources.len(), depth, on_error, threads)),
        wake: Condvar::new(),
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(|| engine.work());
        }
        engine.work();
    });
    engine
        .schedule
        .into_inner()
        .unwrap_or_else(PoisonError::into_inner)
        .into_results()
}

/// The digest of a file's first chunk: how a 40 GB file is recognised after 4 MiB.
///
/// # Errors
/// [`HashError`] when the file cannot be read, or is not as it was found.
pub(crate) fn first_chunk(source: &Source) -> Result<Sha256Digest, HashError> {
    let file = open(source)?;
    let digest = hash_range(&file, source, chunk_range(0, source.stamp.size), None, &|_| ())?;
    check_unchanged(&file, source)?;
    Ok(digest)
}

/// The bytes of `range`, which the caller has bounded and which lies within the file.
///
/// # Errors
/// [`HashError`] when the file cannot be read, or is not as it was found.
pub(crate) fn read_range(source: &Source, range: Range<u64>) -> Result<Vec<u8>, HashError> {
    let file = open(source)?;
    let mut bytes = vec![0; usize::try_from(range.end - range.start).unwrap_or(usize::MAX)];
    read_exact_at(&file, source, &mut bytes, range.start)?;
    check_unchanged(&file, source)?;
    Ok(bytes)
}

struct Engine<'a> {
    sources: &'a [Source],
    depth: Depth,
    progress: &'a (dyn Fn(u64) + Sync),
    schedule: Mutex<Schedule>,
    wake: Condvar,
}

impl Engine<'_> {
    /// Takes tasks until there are none left, or one failed.
    fn work(&self) {
        while let Some(task) = self.next_task() {
            let source = task.source();
            if let Err(error) = self.run(task) {
                self.lock().file_failed(source, error);
            }
            self.wake.notify_all();
        }
    }

    fn next_task(&self) -> Option<Task> {
        let mut schedule = self.lock();
        loop {
            if schedule.is_over() {
                return None;
            }
            if let Some(task) = schedule.next_task() {
                return Some(task);
            }
            schedule = self.wake.wait(schedule).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn run(&self, task: Task) -> Result<(), HashError> {
        let finished = match task {
            Task::Open { source: index } => return self.begin(index),
            Task::Read {
                source: index,
                file,
                chunk,
                mut buffer,
            } => {
                let source = &self.sources[index];
                let range = chunk_range(chunk, source.stamp.size);
                match hash_range(&file, source, range, buffer.as_deref_mut(), self.progress) {
                    Ok(digest) => self.lock().chunk_read(index, chunk, digest, buffer),
                    Err(error) => {
                        self.lock().give_back(buffer);
                        return Err(error);
                    }
                }
            }
            Task::Chain {
                source: index,
                mut hasher,
                chunk,
                buffer,
            } => {
                let range = chunk_range(chunk, self.sources[index].stamp.size);
                hasher.update(&buffer[..length_of(&range)]);
                self.lock().chunk_chained(index, hasher, buffer)
            }
        };
        if let Some(finished) = finished {
            check_unchanged(&finished.file, &self.sources[finished.source])?;
            self.lock().file_done(finished.source, finished.hashed);
        }
        Ok(())
    }

    /// Opens a file, and hashes it here and now when it has at most one chunk: its own digest is then the
    /// chunk's, and there is nothing to share.
    fn begin(&self, index: usize) -> Result<(), HashError> {
        let source = &self.sources[index];
        if source.stamp.size > MAX_FILE_BYTES {
            return Err(HashError::TooLarge {
                path: source.path.clone(),
                size: source.stamp.size,
            });
        }
        let file = open(source)?;
        if source.stamp.size > CHUNK_SIZE {
            self.lock().file_opened(index, file, source.stamp.size);
            return Ok(());
        }
        let digest = hash_range(&file, source, 0..source.stamp.size, None, self.progress)?;
        check_unchanged(&file, source)?;
        let chunks = ChunkList::new(if source.stamp.size == 0 {
            Vec::new()
        } else {
            vec![digest]
        });
        let sha256 = (self.depth == Depth::ChunksAndWhole).then_some(digest);
        self.lock().file_done(index, HashedFile { chunks, sha256 });
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Schedule> {
        self.schedule.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn length_of(range: &Range<u64>) -> usize {
    usize::try_from(range.end - range.start).expect("a chunk has at most 4 MiB")
}

fn open(source: &Source) -> Result<File, HashError> {
    let file = File::open(&source.path).map_err(|error| HashError::Open {
        path: source.path.clone(),
        source: error,
    })?;
    check_unchanged(&file, source)?;
    Ok(file)
}

/// Compares size, time of change and identity with what was found. Someone who sets the time back is not caught
/// here, but by the digests.
fn check_unchanged(file: &File, source: &Source) -> Result<(), HashError> {
    let metadata = file.metadata().map_err(|error| HashError::Open {
        path: source.path.clone(),
        source: error,
    })?;
    if Stamp::of(&metadata) == source.stamp {
        Ok(())
    } else {
        Err(HashError::Changed {
            path: source.path.clone(),
        })
    }
}

/// Hashes `range`, and keeps its bytes in `keep`, which has room for a chunk, when the file's own digest needs them.
fn hash_range(
    file: &File,
    source: &Source,
    range: Range<u64>,
    keep: Option<&mut [u8]>,
    progress: &dyn Fn(u64),
) -> Result<Sha256Digest, HashError> {
    let mut hasher = Sha256Hasher::new();
    let length = length_of(&range);
    let mut offset = range.start;
    let mut add = |piece: &mut [u8]| {
        read_exact_at(file, source, piece, offset)?;
        hasher.update(piece);
        offset += piece.len() as u64;
        progress(piece.len() as u64);
        Ok(())
    };
    if let Some(buffer) = keep {
        buffer[..length].chunks_mut(PIECE_BYTES).try_for_each(&mut add)?;
    } else {
        let mut piece = vec![0; length.min(PIECE_BYTES)];
        let mut left = length;
        while left > 0 {
            let now = left.min(PIECE_BYTES);
            add(&mut piece[..now])?;
            left -= now;
        }
    }
    Ok(hasher.finish())
}

/// Fills `buffer` from `offset`. A file that ends early was cut while we read it.
fn read_exact_at(file: &File, source: &Source, buffer: &mut [u8], mut offset: u64) -> Result<(), HashError> {
    let mut rest = buffer;
    while !rest.is_empty() {
        match read_at(file, rest, offset) {
            Ok(0) => {
                return Err(HashError::Changed {
                    path: source.path.clone(),
                });
            }
            Ok(count) => {
                rest = &mut rest[count..];
                offset += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                return Err(HashError::Read {
                    path: source.path.clone(),
                    offset,
                    source: error,
                });
            }
        }
    }
    Ok(())
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, buffer, offset)
}

#[cfg(unix)]
#[expect(clippy::unnecessary_wraps, reason = "other systems have no such identity")]
fn identity(metadata: &Metadata) -> Option<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    Some((metadata.dev(), metadata.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> Option<(u64, u64)> {
    None
}

/// The source at `path`, for a file that is known to be there.
///
/// # Errors
/// [`HashError::Open`] when its metadata cannot be read.
#[cfg(test)]
pub(crate) fn source_at(path: &std::path::Path) -> Result<Source, HashError> {
    let metadata = path.metadata().map_err(|source| HashError::Open {
        path: path.to_owned(),
        source,
    })?;
    Ok(Source {
        path: path.to_owned(),
        stamp: Stamp::of(&metadata),
    })
}

#[cfg(test)]
mod tests;
