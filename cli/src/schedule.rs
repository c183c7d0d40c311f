//! Which thread hashes what next: the bookkeeping behind [`crate::hashing`], without a byte of I/O.
//!
//! Bounds: at most [`Schedule::MOST_KEPT`] chunks for each thread are kept in memory. A kept chunk waits for the
//! chunks before it to be chained; since a file's chunks are handed out in order, the first of the waiting ones
//! is always in memory or being read, so the run cannot block itself.

use std::{collections::BTreeMap, fs::File, sync::Arc};

use provenance::{
    Sha256Digest, Sha256Hasher,
    chunk::{CHUNK_SIZE, ChunkList, chunk_count},
};

use crate::source::HashError;

/// Which digests are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// Chunk digests only: what `verify` compares.
    Chunks,
    /// Chunk digests and each file's own SHA-256.
    ChunksAndWhole,
}

/// The digests of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct HashedFile {
    /// The chunk digests, in order.
    pub(crate) chunks: ChunkList,
    /// The file's own SHA-256, when it was asked for.
    pub(crate) sha256: Option<Sha256Digest>,
}

/// What a file that cannot be hashed means for the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnError {
    /// The run ends.
    Stop,
    /// They are hashed all the same.
    GoOn,
}

/// One piece of work for one thread. `source` is an index into the caller's list.
pub(crate) enum Task {
    /// Open the file; hash it at once when it is small.
    Open {
        /// Which file.
        source: usize,
    },
    /// Read a chunk and hash it, and keep it when there is a buffer.
    Read {
        /// Which file.
        source: usize,
        /// The open file.
        file: Arc<File>,
        /// Which chunk, from 0.
        chunk: u64,
        /// Room for one chunk, when the file's own digest is wanted.
        buffer: Option<Vec<u8>>,
    },
    /// Append a chunk to the file's own digest.
    Chain {
        /// Which file.
        source: usize,
        /// The digest of everything before this chunk, lent to the task.
        hasher: Sha256Hasher,
        /// Which chunk, from 0.
        chunk: u64,
        /// The chunk's bytes.
        buffer: Vec<u8>,
    },
}

impl Task {
    /// Which file the task belongs to.
    pub(crate) fn source(&self) -> usize {
        match self {
            Self::Open { source } | Self::Read { source, .. } | Self::Chain { source, .. } => *source,
        }
    }
}

/// A file whose last byte was hashed; it is still to be checked for changes.
pub(crate) struct Finished {
    /// Which file.
    pub(crate) source: usize,
    /// The open file.
    pub(crate) file: Arc<File>,
    /// Its digests.
    pub(crate) hashed: HashedFile,
}

/// All files of a run, and how far each is.
pub(crate) struct Schedule {
    depth: Depth,
    threads: usize,
    next_source: usize,
    active: Vec<Active>,
    on_error: OnError,
    results: Vec<Option<Result<HashedFile, HashError>>>,
    left: usize,
    stopped: bool,
    spare: Vec<Vec<u8>>,
    buffers_in_use: usize,
}

/// A file of more than one chunk that is being hashed.
struct Active {
    source: usize,
    file: Arc<File>,
    count: u64,
    next_read: u64,
    digests: Vec<Sha256Digest>,
    chunks_hashed: u64,
    chain: Chain,
}

/// The state of a file's own digest.
struct Chain {
    /// Absent while a task holds it, and for good when it is not wanted.
    hasher: Option<Sha256Hasher>,
    next: u64,
    waiting: BTreeMap<u64, Vec<u8>>,
}

impl Schedule {
    /// Chunks kept in memory for each thread.
    const MOST_KEPT: usize = 3;

    /// A schedule of `count` files, none begun.
    pub(crate) fn new(count: usize, depth: Depth, on_error: OnError, threads: usize) -> Self {
        Self {
            depth,
            threads,
            next_source: 0,
            active: Vec::new(),
            on_error,
            results: (0..count).map(|_| None).collect(),
            left: count,
            stopped: false,
            spare: Vec::new(),
            buffers_in_use: 0,
        }
    }

    /// Whether nothing is left to take, for any thread, ever.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0 || self.stopped
    }

    /// What a free thread does now; none while everything waits for a task that runs.
    pub(crate) fn next_task(&mut self) -> Option<Task> {
        self.next_chain()
            .or_else(|| self.next_read())
            .or_else(|| self.next_open())
    }

    /// What became of each file. When the run was stopped, only of the one that stopped it.
    pub(crate) fn into_results(self) -> Vec<Result<HashedFile, HashError>> {
        if self.stopped {
            return self
                .results
                .into_iter()
                .flatten()
                .filter(Result::is_err)
                .collect();
        }
        self.results
            .into_iter()
            .map(|result| result.expect("every file is hashed or failed"))
            .collect()
    }

    /// Takes note of an open file of `size` bytes, more than one chunk.
    pub(crate) fn file_opened(&mut self, source: usize, file: File, size: u64) {
        let count = chunk_count(size);
        let length = usize::try_from(count).expect("at most 2^22 chunks, since sizes were checked");
        let hasher = (self.depth == Depth::ChunksAndWhole).then(Sha256Hasher::new);
        self.active.push(Active {
            source,
            file: Arc::new(file),
            count,
            next_read: 0,
            digests: vec![Sha256Digest::OF_NOTHING; length],
            chunks_hashed: 0,
            chain: Chain {
                hasher,
                next: 0,
                waiting: BTreeMap::new(),
            },
        });
    }

    /// Takes note of a chunk that was read; the file, when that was the last of its work.
    pub(crate) fn chunk_read(
        &mut self,
        source: usize,
        chunk: u64,
        digest: Sha256Digest,
        buffer: Option<Vec<u8>>,
    ) -> Option<Finished> {
        let Some(file) = self.active.iter_mut().find(|file| file.source == source) else {
            // The file failed meanwhile.
            self.give_back(buffer);
            return None;
        };
        file.digests[usize::try_from(chunk).ok()?] = digest;
        file.chunks_hashed += 1;
        if let Some(buffer) = buffer {
            file.chain.waiting.insert(chunk, buffer);
        }
        self.take_finished(source)
    }

    /// Takes note of a chunk that was chained; the file, when that was the last of its work.
    pub(crate) fn chunk_chained(
        &mut self,
        source: usize,
        hasher: Sha256Hasher,
        buffer: Vec<u8>,
    ) -> Option<Finished> {
        self.give_back(Some(buffer));
        let file = self.active.iter_mut().find(|file| file.source == source)?;
        file.chain.hasher = Some(hasher);
        file.chain.next += 1;
        self.take_finished(source)
    }

    /// Takes note of a file that is hashed and checked.
    pub(crate) fn file_done(&mut self, source: usize, hashed: HashedFile) {
        self.results[source] = Some(Ok(hashed));
        self.left -= 1;
    }

    /// Takes note of a file that cannot be hashed; its other tasks may still be under way. The first reason counts.
    pub(crate) fn file_failed(&mut self, source: usize, error: HashError) {
        if self.results[source].is_none() {
            self.results[source] = Some(Err(error));
            self.left -= 1;
        }
        if let Some(at) = self.active.iter().position(|file| file.source == source) {
            for (_, buffer) in self.active.remove(at).chain.waiting {
                self.give_back(Some(buffer));
            }
        }
        self.stopped |= self.on_error == OnError::Stop;
    }

    /// Takes back a buffer whose bytes are no longer needed.
    pub(crate) fn give_back(&mut self, buffer: Option<Vec<u8>>) {
        if let Some(buffer) = buffer {
            self.spare.push(buffer);
            self.buffers_in_use -= 1;
        }
    }

    fn take_finished(&mut self, source: usize) -> Option<Finished> {
        let wants_chain = self.depth == Depth::ChunksAndWhole;
        let complete = |file: &Active| {
            file.chunks_hashed == file.count && (!wants_chain || file.chain.next == file.count)
        };
        let at = self
            .active
            .iter()
            .position(|file| file.source == source && complete(file))?;
        let file = self.active.remove(at);
        let sha256 = file.chain.hasher.map(Sha256Hasher::finish);
        let hashed = HashedFile {
            chunks: ChunkList::new(file.digests),
            sha256,
        };
        Some(Finished {
            source,
            file: file.file,
            hashed,
        })
    }

    fn next_chain(&mut self) -> Option<Task> {
        let ready = |file: &&mut Active| {
            file.chain.hasher.is_some() && file.chain.waiting.contains_key(&file.chain.next)
        };
        let file = self.active.iter_mut().find(ready)?;
        let chunk = file.chain.next;
        let buffer = file.chain.waiting.remove(&chunk)?;
        let hasher = file.chain.hasher.take()?;
        Some(Task::Chain {
            source: file.source,
            hasher,
            chunk,
            buffer,
        })
    }

    fn next_read(&mut self) -> Option<Task> {
        let keeps = self.depth == Depth::ChunksAndWhole;
        if keeps && self.buffers_in_use >= self.threads * Self::MOST_KEPT {
            return None;
        }
        // One file may not take every buffer: while it chains, the other threads hash the next file.
        let most_ahead = self.threads as u64 + 1;
        let may_read = |file: &&mut Active| {
            file.next_read < file.count && (!keeps || file.next_read - file.chain.next < most_ahead)
        };
        let file = self.active.iter_mut().find(may_read)?;
        let chunk = file.next_read;
        file.next_read += 1;
        let (source, handle) = (file.source, Arc::clone(&file.file));
        let buffer = keeps.then(|| {
            self.buffers_in_use += 1;
            self.spare.pop().unwrap_or_else(|| vec![0; CHUNK_BYTES])
        });
        Some(Task::Read {
            source,
            file: handle,
            chunk,
            buffer,
        })
    }

    /// Another file is begun when the open ones leave a thread without work, so a folder is read in order.
    fn next_open(&mut self) -> Option<Task> {
        if self.next_source == self.results.len() || self.active.len() >= self.threads * 2 {
            return None;
        }
        self.next_source += 1;
        Some(Task::Open {
            source: self.next_source - 1,
        })
    }
}

/// [`CHUNK_SIZE`] as a length in memory.
#[expect(clippy::cast_possible_truncation, reason = "4 MiB fits every usize")]
const CHUNK_BYTES: usize = CHUNK_SIZE as usize;
