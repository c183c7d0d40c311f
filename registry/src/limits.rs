//! Limits of connections. Those of bodies, lists and files stand where they are counted; docs/LIMITS.md has all.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Time in which the head of a connection's first request must have arrived: 10 s, then 408.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// How long a connection is kept on which nothing is asked: 15 s, as long as a visitor reads before the next click.
pub const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Time that a client has to take the end of an answer when the server closes the connection: 5 s.
pub const CLOSING_DEADLINE: Duration = Duration::from_secs(5);

/// The connections that are open. At most half of those that may be are kept after an answer: the HTTP library gives only
/// the first head of a connection a deadline, so a client could hold a kept one for ever with one byte of a second. The
/// other half is closed after each answer, and always comes free.
#[derive(Debug)]
pub(crate) struct Connections {
    open: AtomicUsize,
    kept: usize,
}

/// One open connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Open(Arc<Connections>);

impl Connections {
    /// None open, of `most`.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            open: AtomicUsize::new(0),
            kept: most / 2,
        }
    }

    /// Counts one more.
    pub(crate) fn opened(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        Open(Arc::clone(self))
    }

    /// How many are open.
    pub(crate) fn count(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Whether too many are open for one to be kept after its answer.
    pub(crate) fn are_many(&self) -> bool {
        self.open.load(Ordering::Relaxed) > self.kept
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
