//! The time of day, where one is wanted.

use std::time::{SystemTime, UNIX_EPOCH};

/// POSIX seconds; a clock before 1970 is at nought.
pub(crate) fn posix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}
