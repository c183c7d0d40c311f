//! Which records are opened where more list the same files than a client opens.
//!
//! Anyone may record bytes that another published, as often as they like. So the records of names in the user's
//! trust file go first, then those that share most keys with the files, and among equals the oldest: a flood of
//! newcomers pushes out neither whom the user trusts nor whom they copied. Place and name are the registry's word
//! here; what is opened is proved.

use std::cmp::Reverse;

use super::MAX_CANDIDATES;
use crate::{order::sort_by, record_id::RecordId};

/// Most records whose name and place in the log are asked for: those that share most keys with the files.
pub const MOST_RANKED: usize = 64;

/// Why a record is worth opening; the greatest is opened first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Promise {
    /// The trust file has its publisher's name.
    pub known: bool,
    /// Keys that it shares with the files.
    pub shared: usize,
    /// Its place in the log.
    pub oldest: Reverse<u64>,
}

/// The [`MAX_CANDIDATES`] records to open, the most promising first.
pub fn most_promising(mut records: Vec<(Promise, RecordId)>) -> Vec<RecordId> {
    sort_by(&mut records, |a, b| b.0.cmp(&a.0));
    records.truncate(MAX_CANDIDATES);
    records.into_iter().map(|(_, id)| id).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Sha256Digest;

    #[test]
    fn a_flood_of_newcomers_pushes_out_neither_the_trusted_nor_the_oldest() {
        let id = |n| RecordId::from_digest(Sha256Digest::from_bytes([n; 32]));
        let promise = |known, index| Promise {
            known,
            shared: 1,
            oldest: Reverse(index),
        };
        let mut records: Vec<_> = (10..90).map(|at| (promise(false, at), id(200))).collect();
        records.push((promise(false, 1), id(1)));
        records.push((promise(true, 99), id(2)));
        let opened = most_promising(records);
        assert_eq!(opened.len(), MAX_CANDIDATES);
        assert_eq!(opened[..3], [id(2), id(1), id(200)]);
    }
}
