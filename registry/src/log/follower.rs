//! The follower: the thread that brings the index after the log. The log does not wait for it: while the index is opened,
//! or built again, entries are committed and published, and everything that is not a question to the index is answered.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel},
    },
    thread::JoinHandle,
    time::{Duration, Instant},
};

use provenance::{merkle::TreeHead, record::Record};

use super::{
    LogError,
    catch_up::{self, IndexingError},
    segments::Segments,
};
use crate::index::Index;

/// Published batches that wait for the index; when there are more, the follower reads them from the commits.
const MOST_WAITING: usize = 64;

/// How long a question waits for the index to reflect what was published before it was asked.
const INDEX_PATIENCE: Duration = Duration::from_secs(2);

/// Pause before an index that could not be built is built again.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(10);

/// A batch of entries that was published.
#[derive(Debug)]
pub(crate) struct Published {
    /// Index and record of each.
    pub(crate) entries: Vec<(u64, Record)>,
    /// The tree after them.
    pub(crate) head: TreeHead,
}

/// The index, as far as it has come.
#[derive(Debug, Default)]
struct Slot {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// None while it is opened or built.
    index: Option<Arc<Index>>,
    /// Entries that it reflects.
    applied: u64,
    /// Whether nothing will come any more.
    ended: bool,
}

/// The follower's end that the log holds.
#[derive(Debug)]
pub(crate) struct Follower {
    slot: Arc<Slot>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Follower {
    /// Opens the index in `folder`, brings it to `head`, and follows what comes through the sender.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(crate) fn start(
        folder: PathBuf,
        segments: Segments,
        head: TreeHead,
    ) -> std::io::Result<(Self, SyncSender<Published>)> {
        let (sender, batches) = sync_channel(MOST_WAITING);
        let slot = Arc::new(Slot::default());
        let there = Arc::clone(&slot);
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(move || {
                let mut run = Run {
                    slot: &there,
                    folder: &folder,
                    segments: &segments,
                    head,
                };
                run.follow(&batches);
                there.change(|state| state.ended = true);
            })?;
        let follower = Self {
            slot,
            thread: Mutex::new(Some(thread)),
        };
        Ok((follower, sender))
    }

    /// The index, once it reflects `size` entries or [`INDEX_PATIENCE`] is over: then it may lag, and says so by its size.
    ///
    /// # Errors
    /// [`LogError::NotIndexed`] while it is still opened or built.
    pub(crate) fn index(&self, size: u64) -> Result<Arc<Index>, LogError> {
        let end = Instant::now() + INDEX_PATIENCE;
        let mut state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.index.is_some() && state.applied >= size || left.is_zero() || state.ended {
                return state.index.clone().ok_or(LogError::NotIndexed);
            }
            let waited = self.slot.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many entries the index reflects; none while it is opened or built.
    pub(crate) fn applied(&self) -> Option<u64> {
        let state = self.slot.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.index.as_ref().map(|_| state.applied)
    }

    /// Waits until everything that was sent is applied. The sender is gone by then.
    pub(crate) fn close(&self) {
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A follower that panicked has nothing to say; the next start brings the index up.
            let _ = thread.join();
        }
    }
}

/// Hands a batch over; the follower reads it from the commits when it is too far behind to take it.
pub(crate) fn tell(follower: &SyncSender<Published>, batch: Published) {
    match follower.try_send(batch) {
        Ok(()) | Err(TrySendError::Full(_)) => {}
        Err(TrySendError::Disconnected(_)) => tracing::error!("the index is no longer brought up to the log"),
    }
}

impl Slot {
    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_all();
    }
}

/// The thread's own things.
struct Run<'a> {
    slot: &'a Slot,
    folder: &'a Path,
    segments: &'a Segments,
    /// The newest head that is known to be published.
    head: TreeHead,
}

impl Run<'_> {
    /// Until the log ends: opens the index and follows; an index that fails on the way is opened again, which sets it
    /// aside and builds another when it is damaged.
    fn follow(&mut self, batches: &Receiver<Published>) {
        loop {
            // sled reports some damage by a panic.
            let ended = std::panic::catch_unwind(AssertUnwindSafe(|| self.open_and_follow(batches)));
            self.slot.change(|state| state.index = None);
            match ended {
                Ok(Ok(())) => return,
                Ok(Err(error)) => tracing::error!(%error, "the index failed, and is opened again: {error}"),
                Err(_) => tracing::error!("the index panicked, and is opened again"),
            }
            // Whoever closes the log meanwhile waits for this.
            match batches.recv_timeout(BEFORE_ANOTHER_TRY) {
                Ok(batch) => self.head = batch.head,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn open_and_follow(&mut self, batches: &Receiver<Published>) -> Result<(), IndexingError> {
        let index = Arc::new(catch_up::open_index(self.folder, self.segments, &self.head)?);
        let mut applied = index.head()?.size.get();
        self.slot.change(|state| {
            state.index = Some(Arc::clone(&index));
            state.applied = applied;
        });
        while let Ok(Published { entries, head }) = batches.recv() {
            self.head = head;
            if head.size.get() <= applied {
                continue;
            }
            if entries.first().is_some_and(|(first, _)| *first == applied) {
                index.apply(&entries, &head)?;
            } else {
                catch_up::bring_up(&index, self.segments, &head)?;
            }
            applied = head.size.get();
            self.slot.change(|state| state.applied = applied);
        }
        Ok(index.flush()?)
    }
}
