//! Bringing the index up to the log: trusting it as far as its edge agrees, building it anew otherwise.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
};

use provenance::{
    merkle::{LeafHash, TreeHead},
    record::{Record, RecordError},
};

use super::{Shared, segments::SegmentError};
use crate::{
    clock::posix_now,
    index::{Index, IndexError, NewEntry},
};

/// Entries that are read from the commits before they go into the index, at least, while it is built; fewer when their
/// payloads have [`READ_AHEAD_BYTES`].
const READ_AHEAD_ENTRIES: usize = 512;

/// Bytes of payloads that are enough: 8 MiB. Parsed they take several times that.
const READ_AHEAD_BYTES: usize = 8 << 20;

/// Why the index could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexingError {
    /// The index itself.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// It is not of this log.
    #[error("the index is of another tree than the log's, which has {} entries", head.size)]
    Disagrees {
        /// The log's.
        head: TreeHead,
    },
    /// The commits.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// A payload that this program would not have logged.
    #[error("the payload of entry {index} does not parse: {source}")]
    Record {
        /// Index of its entry.
        index: u64,
        /// Why.
        source: RecordError,
    },
}

/// Opens the index in `folder` and applies what it lacks of a log with `head`. A damaged one, or one that does
/// not belong to this log, is set aside and built again.
pub(crate) fn open_index(folder: &Path, shared: &Shared, head: &TreeHead) -> Result<Index, IndexingError> {
    let log = shared.verifier.to_string();
    let reason = match Index::open(folder, &log) {
        Err(error) => error.to_string(),
        // sled reports some damage by a panic.
        Ok(index) => match catch_unwind(AssertUnwindSafe(|| bring_up(&index, shared, head))) {
            Ok(Ok(())) => return Ok(index),
            Ok(Err(error @ (IndexingError::Disagrees { .. } | IndexingError::Index(_)))) => error.to_string(),
            Ok(Err(error)) => return Err(error),
            Err(_) => IndexError::Panic.to_string(),
        },
    };
    if folder.exists() {
        let aside = Index::set_aside(folder)?;
        tracing::warn!(aside = %aside.display(), "setting the index aside and building it again: {reason}");
    }
    let index = Index::open(folder, &log)?;
    bring_up(&index, shared, head)?;
    Ok(index)
}

/// Applies what the index lacks of a log with `head`, from the commits. What was committed past `head` is left out. Before
/// anything is applied, the tree of the index has to be the one that the next commit stands on.
pub(super) fn bring_up(index: &Index, shared: &Shared, head: &TreeHead) -> Result<(), IndexingError> {
    if index.timed() > head.size.get() {
        return Err(IndexingError::Disagrees { head: *head });
    }
    let mut edge = index.edge();
    if edge.tree_head() == *head {
        return Ok(());
    }
    let applied = edge.size().get();
    let (mut pending, mut bytes) = (Vec::new(), 0);
    let mut agrees = true;
    shared.segments.scan(applied, |_, _, commit| {
        if commit.start >= head.size.get() {
            return Ok::<_, IndexingError>(());
        }
        // A commit of which the index has a part already starts before its edge.
        agrees &= commit.start < applied || edge.root() == commit.previous;
        if !agrees {
            return Ok(());
        }
        if pending.len() >= READ_AHEAD_ENTRIES || bytes >= READ_AHEAD_BYTES {
            index.apply(&pending, posix_now())?;
            pending.clear();
            bytes = 0;
        }
        for (at, (_, item)) in (commit.start..).zip(&commit.items) {
            if at < applied {
                continue;
            }
            let record =
                Record::parse(item.payload).map_err(|source| IndexingError::Record { index: at, source })?;
            let leaf = LeafHash::of(item.entry);
            edge.push(leaf);
            bytes += item.payload.len();
            pending.push(NewEntry {
                index: at,
                leaf,
                is_first: shared.places().is_first(&record.id, at),
                record,
            });
        }
        Ok(())
    })?;
    if !agrees || edge.tree_head() != *head {
        return Err(IndexingError::Disagrees { head: *head });
    }
    index.apply(&pending, posix_now())?;
    let missing = head.size.get() - applied;
    tracing::info!(entries = missing, "indexed {missing} entries");
    Ok(())
}

/// Applies the entries that bring the index to `head`.
pub(super) fn apply(index: &Index, entries: &[NewEntry], head: &TreeHead) -> Result<(), IndexingError> {
    if index.apply(entries, posix_now())?.tree_head() == *head {
        Ok(())
    } else {
        Err(IndexingError::Disagrees { head: *head })
    }
}
