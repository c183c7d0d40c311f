//! Panics go where everything else is logged, cut short: sled's message can be its whole tree, a gigabyte for a large index.

use std::{backtrace::Backtrace, panic};

/// Characters of a panic's message that are logged, at most.
const MAX_MESSAGE_CHARACTERS: usize = 1000;

/// From now on panics are logged.
pub(crate) fn log_them() {
    panic::set_hook(Box::new(|info| {
        let payload = info.payload();
        let formatted = payload.downcast_ref::<String>().map(String::as_str);
        let message = formatted
            .or(payload.downcast_ref().copied())
            .unwrap_or("no message");
        let message: String = message.chars().take(MAX_MESSAGE_CHARACTERS).collect();
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let thread = std::thread::current()
            .name()
            .unwrap_or("without a name")
            .to_owned();
        // Says that it is disabled unless RUST_BACKTRACE asks for one.
        let backtrace = Backtrace::capture();
        tracing::error!(%backtrace, "the thread {thread} panicked at {place}: {message}");
    }));
}
