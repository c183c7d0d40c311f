//! The log: submit a record, read what is published. Everything above this module sees only [`Log`].
//!
//! http threads -> [`Log::admit`] -> [`Log::submit`] -> queue -> sequencer (its own thread) -> files.
//! Readers take the published [`View`] and the files; they never wait for the writer. Nor does the writer wait for the
//! index, which the follower's thread brings after it.

mod admission;
mod catch_up;
mod collect;
mod commit;
mod follower;
mod keys;
mod materialise;
mod places;
mod publish;
mod publishers;
mod receipts;
mod recovery;
pub(crate) mod segments;
mod sequencer;
pub(crate) mod sidecars;
mod signed_state;
#[cfg(test)]
mod tests;

use std::{
    io,
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, SyncSender, TrySendError},
    },
    thread::JoinHandle,
    time::SystemTime,
};

use provenance::{
    PublisherName, RecordId,
    api::RecordProof,
    merkle::{
        ConsistencyProof, LeafIndex, TreeHead, TreeSize,
        tile::{TILE_WIDTH, TileCoord},
    },
    note::VerifierKey,
};
use tokio::sync::oneshot;

pub(crate) use admission::Admitted;
pub use admission::{AdmissionError, MAX_KEYSET_BYTES};
pub use catch_up::IndexingError;
pub use keys::LogKeyError;
pub use publish::{PublishError, PublishedError, View};
pub use publishers::Publisher;
pub use recovery::RecoveryError;
pub use segments::SegmentError;
pub use sequencer::{
    Ack, MAX_BATCH_BYTES, MAX_BATCH_ENTRIES, MAX_PENDING_BYTES, PUBLISH_INTERVAL, SequencerError, Wait,
};
pub use sidecars::SidecarError;
pub use signed_state::SignedStateError;

use self::{
    admission::Rules,
    follower::Follower,
    materialise::tile_path,
    places::Places,
    publishers::Publishers,
    receipts::Included,
    segments::Segments,
    sequencer::{Job, Pending, Sequencer},
};
use crate::{
    config::Config,
    durable::{DurableError, read_if_there},
    folder::{Age, Folder},
    index::Index,
};

/// Requests that may wait for the sequencer; a further one is told to come back.
pub const QUEUE_LENGTH: usize = 4096;

/// Why the log did not do what it was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The record may not enter.
    #[error(transparent)]
    Admission(#[from] AdmissionError),
    /// Too many requests wait.
    #[error("{QUEUE_LENGTH} records wait to be logged")]
    QueueFull,
    /// The sequencer has stopped.
    #[error("the log has stopped")]
    Stopped,
    /// The index is still opened, or built again.
    #[error("the index is not there yet: it is being opened or built again")]
    NotIndexed,
    /// The commits.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// A file.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// An entry or its payload does not read as it was written.
    #[error("entry {index} does not read as it was written; the disk or the index is damaged")]
    Damaged {
        /// Its index.
        index: u64,
    },
    /// A proof could not be made.
    #[error("a proof could not be made: {reason}")]
    Proof {
        /// Why.
        reason: String,
    },
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder is damaged.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// No thread for the sequencer or the follower.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// What the writing thread and the readers share.
#[derive(Debug)]
pub(crate) struct Shared {
    verifier: VerifierKey,
    view: RwLock<Arc<View>>,
    publishers: RwLock<Publishers>,
    places: RwLock<Places>,
    segments: Segments,
    tiles: PathBuf,
    checkpoints: PathBuf,
    running: AtomicBool,
}

impl Shared {
    fn places(&self) -> RwLockReadGuard<'_, Places> {
        self.places.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log.
#[derive(Debug)]
pub struct Log {
    rules: Rules,
    shared: Arc<Shared>,
    follower: Follower,
    queue: Mutex<Option<SyncSender<Job>>>,
    sequencer: Mutex<Option<JoinHandle<()>>>,
}

/// Says how the sequencer ended.
pub type Ended = oneshot::Receiver<Result<(), SequencerError>>;

impl Log {
    /// Opens or makes the log in `folder` and starts its sequencer.
    ///
    /// # Errors
    /// [`OpenError`]: the folder is damaged, and nobody guesses.
    pub fn open(folder: &Folder, age: Age, config: &Config) -> Result<(Self, Ended), OpenError> {
        let segments = Segments::new(folder.commits());
        let recovered = recovery::open(folder, age, config.origin.as_deref(), &segments)?;
        let rules = Rules {
            mode: config.admission,
            origin: recovered.press.key().origin().to_string(),
            max_payload_bytes: config.max_payload_bytes,
        };
        let state = recovered.publishers.state().root();
        let head = recovered.view.head;
        let shared = Arc::new(Shared {
            verifier: recovered.press.key().verifier().clone(),
            view: RwLock::new(Arc::new(recovered.view)),
            publishers: RwLock::new(recovered.publishers),
            places: RwLock::new(recovered.places),
            segments,
            tiles: folder.tiles(),
            checkpoints: folder.checkpoints(),
            running: AtomicBool::new(true),
        });
        let follower =
            Follower::start(folder.sled(), Arc::clone(&shared), head).map_err(OpenError::Thread)?;
        let sequencer = Sequencer {
            shared: Arc::clone(&shared),
            edge: recovered.edge,
            writer: recovered.writer,
            press: recovered.press,
            state,
            follower: follower.feed(),
            pending: Pending::default(),
            published: None,
        };
        let (queue, jobs) = mpsc::sync_channel(QUEUE_LENGTH);
        let (end, ended) = oneshot::channel();
        let running = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("sequencer".into())
            .spawn(move || {
                let run = AssertUnwindSafe(|| sequencer.run(&jobs));
                let result = std::panic::catch_unwind(run).unwrap_or(Err(SequencerError::Panic));
                running.running.store(false, Ordering::Release);
                // Requests that still wait are dropped with `jobs`, and hear that the log has stopped.
                let _ = end.send(result);
            });
        let sequencer = Mutex::new(Some(thread.map_err(OpenError::Thread)?));
        Ok((
            Self {
                rules,
                shared,
                follower,
                queue: Mutex::new(Some(queue)),
                sequencer,
            },
            ended,
        ))
    }

    /// The log's public key; its name is the log's origin.
    pub fn verifier(&self) -> &VerifierKey {
        &self.shared.verifier
    }

    /// What is published now.
    pub fn view(&self) -> Arc<View> {
        Arc::clone(&self.shared.view.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether records are taken.
    pub fn is_running(&self) -> bool {
        self.shared.running.load(Ordering::Acquire)
    }

    /// The index, once it reflects what is published now, or after two seconds as far as it has come.
    ///
    /// # Errors
    /// [`LogError::NotIndexed`] while it is opened or built.
    pub async fn index(&self) -> Result<Arc<Index>, LogError> {
        self.follower.index(self.view().head.size.get()).await
    }

    /// How many entries the index reflects now; none while it is opened or built.
    pub fn indexed(&self) -> Option<u64> {
        self.follower.applied()
    }

    /// The publisher of this name; its genesis may be committed and not yet published.
    pub fn publisher(&self, name: &PublisherName) -> Option<Publisher> {
        admission::look_up(&self.shared.publishers, name)
    }

    /// All publishers by name.
    pub fn publishers(&self) -> Vec<(PublisherName, Publisher)> {
        let publishers = self
            .shared
            .publishers
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        publishers
            .iter()
            .map(|(name, publisher)| (name.clone(), publisher.clone()))
            .collect()
    }

    /// Checks an envelope: everything but its sidecars, and the invitation that came with it.
    pub(crate) fn admit(&self, envelope: &[u8], invited: bool) -> Result<Admitted, AdmissionError> {
        admission::admit(envelope, &self.rules, invited, |name| self.publisher(name))
    }

    /// Index of the first leaf of the same record, when nothing new would be logged for this one.
    pub(crate) fn duplicate_of(&self, admitted: &Admitted) -> Result<Option<u64>, LogError> {
        let logged = self.shared.logged(admitted, self.view().head.size.get())?;
        Ok(logged
            .filter(|logged| admitted.holders().is_subset(&logged.holders))
            .map(|logged| logged.first))
    }

    /// Queues a record and waits for its place.
    pub(crate) async fn submit(&self, admitted: Admitted, wait: Wait) -> Result<Ack, LogError> {
        let (answer, ack) = oneshot::channel();
        {
            let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
            let queue = queue.as_ref().ok_or(LogError::Stopped)?;
            queue
                .try_send(Job {
                    admitted,
                    wait,
                    answer,
                })
                .map_err(|e| match e {
                    TrySendError::Full(_) => LogError::QueueFull,
                    TrySendError::Disconnected(_) => LogError::Stopped,
                })?;
        }
        ack.await.unwrap_or(Err(LogError::Stopped))
    }

    /// Proves a record against what is published now: by the leaf at `index`, or else by its first one.
    pub fn prove(&self, id: &RecordId, index: Option<u64>) -> Result<Option<RecordProof>, LogError> {
        self.shared.prove(&self.view(), id, index)
    }

    /// Proves that the entry at `index` is in the tree of `size` published entries.
    pub(crate) fn inclusion(&self, index: LeafIndex, size: TreeSize) -> Result<Included, LogError> {
        self.shared.inclusion(&self.view(), index, size)
    }

    /// Proves that the tree of `to` published entries begins with the one of `from`; with both heads.
    pub(crate) fn consistency(
        &self,
        from: TreeSize,
        to: TreeSize,
    ) -> Result<(ConsistencyProof, [TreeHead; 2]), LogError> {
        self.shared.consistency(&self.view(), from, to)
    }

    /// The checkpoint that was published at `size` entries; none when none was.
    pub(crate) fn archived_checkpoint(&self, size: TreeSize) -> Result<Option<Vec<u8>>, LogError> {
        if size > self.view().head.size {
            return Ok(None);
        }
        Ok(read_if_there(&self.shared.checkpoints.join(size.to_string()))?)
    }

    /// Index of the first leaf of a record; none when it is not published.
    pub fn index_of(&self, id: &RecordId) -> Option<u64> {
        let published = self.view().head.size.get();
        self.shared.places().first(id).filter(|index| *index < published)
    }

    /// A record's payload, hashed on the way; none when it is not published.
    pub fn payload(&self, id: &RecordId) -> Result<Option<Vec<u8>>, LogError> {
        let Some(index) = self.index_of(id) else {
            return Ok(None);
        };
        let (entry, _, payload) = self.shared.entry_and_payload(index)?;
        if entry.payload == *id {
            Ok(Some(payload))
        } else {
            Err(LogError::Damaged { index })
        }
    }

    /// The bytes of a tile or bundle; none when no checkpoint needed it. The caller has checked that it is not
    /// above the published size.
    pub fn tile(&self, coord: &TileCoord) -> Result<Option<Vec<u8>>, LogError> {
        let read = |coord: &TileCoord| read_if_there(&tile_path(&self.shared.tiles, coord));
        if let Some(bytes) = read(coord)? {
            return Ok(Some(bytes));
        }
        // A partial one may have been collected.
        let full = if coord.is_full() {
            None
        } else {
            read(&coord.whole())?
        };
        let cut = full.map(|full| collect::cut(coord, full));
        cut.transpose().map_err(|_| LogError::Damaged {
            index: coord.index.saturating_mul(TILE_WIDTH),
        })
    }

    /// Removes partial tiles and bundles whose full one has been there for an hour; answers how many.
    pub(crate) fn collect_partials(&self, now: SystemTime) -> Result<usize, LogError> {
        Ok(collect::collect(&self.shared.tiles, now)?)
    }

    /// Takes no further record, and waits until those in the queue are answered.
    pub fn close(&self) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let thread = self
            .sequencer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            // How it ended was said through `Ended`.
            let _ = thread.join();
        }
        self.follower.close();
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}
