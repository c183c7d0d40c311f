//! Bringing the index up to the log at start: trusting it as far as its size and root agree, building it anew
//! otherwise.

use std::path::Path;

use provenance::{
    merkle::{TreeHead, TreeSize},
    record::{Record, RecordError},
};

use super::segments::{SegmentError, Segments};
use crate::index::{Index, IndexError};

/// Entries that go into the index in one batch while it is built.
const BATCH_ENTRIES: usize = 512;

/// Why the index could not be built.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IndexingError {
    /// The index itself.
    #[error(transparent)]
    Index(#[from] IndexError),
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
pub(crate) fn open_index(
    folder: &Path,
    segments: &Segments,
    head: &TreeHead,
) -> Result<Index, IndexingError> {
    let reason = match Index::open(folder) {
        Err(error) => error.to_string(),
        Ok(index) => match bring_up(&index, segments, head)? {
            Outcome::Whole => return Ok(index),
            Outcome::Foreign => "it speaks for another log, or for more than this one holds".to_owned(),
        },
    };
    if folder.exists() {
        let aside = Index::set_aside(folder)?;
        tracing::warn!(aside = %aside.display(), "setting the index aside and building it again: {reason}");
    }
    let index = Index::open(folder)?;
    bring_up(&index, segments, head)?;
    Ok(index)
}

pub(super) enum Outcome {
    Whole,
    Foreign,
}

/// Applies what the index lacks of a log with `head`, from the commits. What was committed past `head` is left out.
pub(super) fn bring_up(
    index: &Index,
    segments: &Segments,
    head: &TreeHead,
) -> Result<Outcome, IndexingError> {
    let applied = index.head()?;
    if applied.size >= head.size {
        return Ok(if applied == *head {
            Outcome::Whole
        } else {
            Outcome::Foreign
        });
    }
    let mut pending: Vec<(u64, Record)> = Vec::new();
    let mut agrees = applied == TreeHead::EMPTY;
    let missing = head.size.get() - applied.size.get();
    segments.scan(applied.size.get(), |_, _, commit| {
        if commit.start >= head.size.get() {
            return Ok::<_, IndexingError>(());
        }
        let before = TreeHead {
            size: TreeSize::new(commit.start),
            root: commit.previous,
        };
        agrees |= before == applied;
        if !agrees {
            return Ok(());
        }
        if pending.len() >= BATCH_ENTRIES {
            apply(index, &mut pending, &before)?;
        }
        for (at, (_, item)) in (commit.start..).zip(&commit.items) {
            let record =
                Record::parse(item.payload).map_err(|source| IndexingError::Record { index: at, source })?;
            pending.push((at, record));
        }
        Ok(())
    })?;
    if !agrees {
        return Ok(Outcome::Foreign);
    }
    apply(index, &mut pending, head)?;
    tracing::info!(entries = missing, "indexed {missing} entries");
    Ok(Outcome::Whole)
}

fn apply(index: &Index, pending: &mut Vec<(u64, Record)>, head: &TreeHead) -> Result<(), IndexError> {
    index.apply(pending, head)?;
    pending.clear();
    Ok(())
}
