//! Waiting for conditions, and sharing what is costly to start. Nothing here sleeps and hopes.

use std::{
    fmt::Debug,
    sync::{Arc, Mutex, PoisonError, Weak},
    thread,
    time::{Duration, Instant},
};

/// How long a condition may take. Far more than any needs on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Waits until `look` gives something; panics with `what` when it does not in [`PATIENCE`].
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited {} s for {what}", PATIENCE.as_secs());
        thread::sleep(BETWEEN_LOOKS);
    }
}

/// Looks again and again for `span`, and panics as soon as the answer is another than at first.
pub fn assert_unchanged<T: PartialEq + Debug>(what: &str, span: Duration, mut look: impl FnMut() -> T) -> T {
    let first = look();
    let end = Instant::now() + span;
    while Instant::now() < end {
        assert_eq!(look(), first, "{what} changed");
        thread::sleep(BETWEEN_LOOKS);
    }
    first
}

/// Waits until `look` has given the same answer for `span`, and gives that answer.
pub fn wait_until_still<T: PartialEq>(what: &str, span: Duration, mut look: impl FnMut() -> T) -> T {
    let (mut last, mut since) = (look(), Instant::now());
    wait_for(what, || {
        let now = look();
        if now != last {
            (last, since) = (look(), Instant::now());
        }
        (since.elapsed() >= span).then_some(())
    });
    last
}

/// One value for all tests of a file that run at the same time; dropped (and with it its processes) when the
/// last of them ends. A plain `static` would never be dropped.
#[derive(Debug, Default)]
pub struct Shared<T>(Mutex<Weak<T>>);

impl<T> Shared<T> {
    /// Nothing shared yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Weak::new()))
    }

    /// The value, made by `make` when there is none.
    pub fn get(&self, make: impl FnOnce() -> T) -> Arc<T> {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        slot.upgrade().unwrap_or_else(|| {
            let made = Arc::new(make());
            *slot = Arc::downgrade(&made);
            made
        })
    }
}
