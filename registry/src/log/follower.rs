//! The follower: the thread that brings the index after the log. The log does not wait for it: while the index is opened,
//! or built again, entries are committed and published, and everything that is not a question to the index is answered.

use std::{
    panic::AssertUnwindSafe,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use provenance::merkle::TreeHead;
use tokio::sync::watch;

use super::{
    LogError, Shared,
    catch_up::{self, IndexingError},
};
use crate::index::{Index, NewEntry};

/// Bytes of published entries and payloads that wait for the index; when there are more, the follower reads them from the
/// commits: 8 MiB.
const MOST_WAITING_BYTES: usize = 8 << 20;

/// How long a question waits for the index to reflect what was published before it was asked.
const INDEX_PATIENCE: Duration = Duration::from_secs(2);

/// Pause before an index that could not be built is built again.
const BEFORE_ANOTHER_TRY: Duration = Duration::from_secs(10);

/// Entries that were published.
#[derive(Debug)]
pub(crate) struct Published {
    /// Each of them, in order.
    pub(crate) entries: Vec<NewEntry>,
    /// The tree after them.
    pub(crate) head: TreeHead,
    /// Bytes of their entries and payloads.
    pub(crate) bytes: usize,
}

/// What the log, those who ask and the follower's thread share.
#[derive(Debug)]
struct Slot {
    state: Mutex<State>,
    /// Wakes the follower.
    changed: Condvar,
    /// Wakes those who ask.
    progress: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    /// None while it is opened or built.
    index: Option<Arc<Index>>,
    /// Entries that it reflects.
    applied: u64,
    /// The newest head that is published.
    published: TreeHead,
    /// Entries up to that head; some are left out when they were too many.
    waiting: Vec<NewEntry>,
    /// Bytes of these.
    waiting_bytes: usize,
    /// Whether nothing will be published any more.
    closed: bool,
    /// Whether the follower's thread has ended.
    ended: bool,
}

/// The log's end of the follower.
#[derive(Debug)]
pub(crate) struct Follower {
    slot: Arc<Slot>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// The sequencer's end of the follower.
#[derive(Debug, Clone)]
pub(crate) struct Feed(Arc<Slot>);

impl Follower {
    /// Opens the index in `folder`, brings it to `head`, and follows what is told through the feed.
    ///
    /// # Errors
    /// When there is no thread for it.
    pub(crate) fn start(folder: PathBuf, shared: Arc<Shared>, head: TreeHead) -> std::io::Result<Self> {
        let state = State {
            index: None,
            applied: 0,
            published: head,
            waiting: Vec::new(),
            waiting_bytes: 0,
            closed: false,
            ended: false,
        };
        let slot = Arc::new(Slot {
            state: Mutex::new(state),
            changed: Condvar::new(),
            progress: watch::Sender::new(()),
        });
        let there = Arc::clone(&slot);
        let thread = std::thread::Builder::new()
            .name("follower".into())
            .spawn(move || {
                follow(&there, &folder, &shared);
                there.change(|state| state.ended = true);
            })?;
        Ok(Self {
            slot,
            thread: Mutex::new(Some(thread)),
        })
    }

    /// Where the sequencer tells what it has published.
    pub(crate) fn feed(&self) -> Feed {
        Feed(Arc::clone(&self.slot))
    }

    /// The index, once it reflects `size` entries or [`INDEX_PATIENCE`] is over: then it may lag, and says so by its size.
    ///
    /// # Errors
    /// [`LogError::NotIndexed`] while it is still opened or built.
    pub(crate) async fn index(&self, size: u64) -> Result<Arc<Index>, LogError> {
        let mut progress = self.slot.progress.subscribe();
        let there = || {
            let state = self.slot.state();
            state.index.is_some() && state.applied >= size || state.ended
        };
        let arrival = async { while !there() && progress.changed().await.is_ok() {} };
        // What is not there by then is answered as far as it has come.
        let _ = tokio::time::timeout(INDEX_PATIENCE, arrival).await;
        self.slot.state().index.clone().ok_or(LogError::NotIndexed)
    }

    /// How many entries the index reflects; none while it is opened or built.
    pub(crate) fn applied(&self) -> Option<u64> {
        let state = self.slot.state();
        state.index.as_ref().map(|_| state.applied)
    }

    /// Waits until everything that was published is applied.
    pub(crate) fn close(&self) {
        self.slot.change(|state| state.closed = true);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // A follower that panicked has nothing to say; the next start brings the index up.
            let _ = thread.join();
        }
    }
}

impl Feed {
    /// Hands entries over; the follower reads them from the commits when it is too far behind to take them.
    pub(crate) fn tell(&self, published: Published) {
        self.0.change(|state| {
            state.published = published.head;
            if state.waiting_bytes + published.bytes > MOST_WAITING_BYTES {
                state.waiting.clear();
                state.waiting_bytes = 0;
            } else {
                state.waiting.extend(published.entries);
                state.waiting_bytes += published.bytes;
            }
        });
    }
}

impl Slot {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state());
        self.changed.notify_all();
        self.progress.send_replace(());
    }

    /// What was published after the first `applied` entries, once there is something; none when nothing will be.
    fn next(&self, applied: u64) -> Option<(Vec<NewEntry>, TreeHead)> {
        let mut state = self.state();
        while state.published.size.get() <= applied {
            if state.closed {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting_bytes = 0;
        Some((std::mem::take(&mut state.waiting), state.published))
    }

    /// Waits before the index is opened again; answers whether nobody wants it any more.
    fn pause(&self) -> bool {
        let end = Instant::now() + BEFORE_ANOTHER_TRY;
        let mut state = self.state();
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return state.closed;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// Until the log ends: opens the index and follows; an index that fails on the way is opened again, which sets it
/// aside and builds another when it is damaged.
fn follow(slot: &Slot, folder: &Path, shared: &Shared) {
    loop {
        // sled reports some damage by a panic.
        let ended = std::panic::catch_unwind(AssertUnwindSafe(|| open_and_follow(slot, folder, shared)));
        slot.change(|state| state.index = None);
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => tracing::error!(%error, "the index failed, and is opened again: {error}"),
            Err(_) => tracing::error!("the index panicked, and is opened again"),
        }
        if slot.pause() {
            return;
        }
    }
}

fn open_and_follow(slot: &Slot, folder: &Path, shared: &Shared) -> Result<(), IndexingError> {
    let published = slot.state().published;
    let index = Arc::new(catch_up::open_index(folder, shared, &published)?);
    let mut applied = index.size().get();
    slot.change(|state| {
        state.index = Some(Arc::clone(&index));
        state.applied = applied;
    });
    while let Some((mut entries, head)) = slot.next(applied) {
        // Those that came while the index was opened may be in it.
        entries.retain(|entry| entry.index >= applied);
        let size = head.size.get();
        if entries.len() as u64 == size - applied {
            catch_up::apply(&index, &entries, &head)?;
        } else {
            catch_up::bring_up(&index, shared, &head)?;
        }
        applied = size;
        slot.change(|state| state.applied = applied);
    }
    Ok(index.flush()?)
}
