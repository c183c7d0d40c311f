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
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

use provenance::chunk::{CHUNK_SIZE, ChunkList, MAX_FILE_BYTES, chunk_range};

pub(crate) use crate::schedule::{Depth, HashedFile};
use crate::{
    schedule::{OnError, Schedule, Task},
    source::{HashError, Source, check_unchanged, hash_range, length_of, open},
};

/// Most threads used; up to 3 chunks of 4 MiB are kept for each when whole files are hashed.
const MAX_THREADS: usize = 16;

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

#[cfg(test)]
mod tests;
