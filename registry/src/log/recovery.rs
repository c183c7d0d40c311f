//! Opening a log: making a new one, or reading an existing one back and refusing to guess.
//!
//! Everything is computed again from the commits: the tree, every tile, the state tree. What the folder shows
//! must be equal to that. A tail that was committed and never published is first copied to a segment of its
//! own (a failed fsync may have left pages that only look written), then materialised, signed and published as
//! the sequencer would have done.

use std::path::PathBuf;

use provenance::{
    RecordId,
    entry::{Entry, EntryError},
    merkle::{RootHash, TreeHead},
    record::{Record, RecordError},
    state::is_control_kind,
};

use super::{
    commit::Commit,
    keys::{LogKey, LogKeyError},
    materialise::{self, Edge, Object},
    places::Places,
    publish::{self, Press, PublishError, PublishedError, View},
    publishers::Publishers,
    segments::{Scan, SegmentError, SegmentWriter, Segments, location},
    signed_state::{SignedState, SignedStateError},
};
use crate::{
    durable::{self, DurableError},
    folder::{Age, Folder},
};

/// Why a log cannot be opened. Each of these is a refusal to guess.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecoveryError {
    /// The key.
    #[error(transparent)]
    Key(#[from] LogKeyError),
    /// The signed state.
    #[error(transparent)]
    SignedState(#[from] SignedStateError),
    /// The published checkpoint.
    #[error(transparent)]
    Published(#[from] PublishedError),
    /// The commits.
    #[error(transparent)]
    Segments(#[from] SegmentError),
    /// A file that cannot be read or written, or a tile that differs.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The tail cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// An entry that this program would not have written.
    #[error("entry {index} does not parse: {source}")]
    Entry {
        /// Its index.
        index: u64,
        /// Why.
        source: EntryError,
    },
    /// A payload that this program would not have written.
    #[error("the payload of entry {index} does not parse: {source}")]
    Record {
        /// Index of its entry.
        index: u64,
        /// Why.
        source: RecordError,
    },
    /// An entry that contradicts its payload or what was logged before it.
    #[error("entry {index} contradicts {what}")]
    Contradiction {
        /// Its index.
        index: u64,
        /// What it contradicts.
        what: &'static str,
    },
    /// The roots do not join.
    #[error("the batch that starts with entry {start} was written after another history")]
    Chain {
        /// Index of its first entry.
        start: u64,
    },
    /// More was published or signed than is there.
    #[error(
        "{what} {claimed} entries, and the commits hold {size}; entries are lost. If this folder was restored from a \
         backup, it must not be used: a log that goes back is a split log"
    )]
    Shorter {
        /// `the checkpoint shows`, `this log has signed`, or `a file of checkpoints/ shows`.
        what: &'static str,
        /// Entries there.
        claimed: u64,
        /// Entries in the commits.
        size: u64,
    },
    /// The same size, another root.
    #[error("{what} another root for {size} entries than the commits have")]
    Root {
        /// `the checkpoint shows`, `this log has signed`, or `a file of checkpoints/ shows`.
        what: &'static str,
        /// The size.
        size: u64,
    },
    /// A published size in the middle of a batch.
    #[error("{what} {size} entries, which is not where a batch ends")]
    NotABoundary {
        /// `the checkpoint shows`, `this log has signed`, or `a file of checkpoints/ shows`.
        what: &'static str,
        /// The size.
        size: u64,
    },
    /// Published without having been signed.
    #[error("the checkpoint shows {published} entries, and only {signed} were ever signed")]
    Unsigned {
        /// Size published.
        published: u64,
        /// Size signed.
        signed: u64,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no randomness")]
    Randomness,
}

/// An opened log: all that the sequencer needs to go on.
#[derive(Debug)]
pub(crate) struct Recovered {
    /// Right edge of the tree.
    pub(crate) edge: Edge,
    /// All publishers.
    pub(crate) publishers: Publishers,
    /// Where the next batch goes.
    pub(crate) writer: SegmentWriter,
    /// Signs and publishes.
    pub(crate) press: Press,
    /// What is published.
    pub(crate) view: View,
    /// Where every entry lies.
    pub(crate) places: Places,
}

const SHOWN: &str = "the checkpoint shows";
const SIGNED: &str = "this log has signed";
const ARCHIVED: &str = "a file of checkpoints/ shows";

/// Opens the log in `folder`, or makes one.
pub(crate) fn open(
    folder: &Folder,
    age: Age,
    origin: Option<&str>,
    segments: &Segments,
) -> Result<Recovered, RecoveryError> {
    let mut press = match age {
        Age::New => create(folder, origin)?,
        Age::Existing => {
            let key = LogKey::open(folder, origin)?;
            Press::new(folder, key, SignedState::open(&folder.signed_state())?)
        }
    };
    durable::remove_leftovers(&folder.checkpoints())?;
    let (signed_note, published) = publish::read_published(&folder.checkpoint(), press.key())?;
    let signed = *press.signed();
    if published.size > signed.size {
        return Err(RecoveryError::Unsigned {
            published: published.size.get(),
            signed: signed.size.get(),
        });
    }
    // Whoever saw the newest one of these saw that tree, whatever the other files say.
    let archived = publish::newest_archived(&folder.checkpoints(), press.key())?;
    let mut replay = Replay::new(
        folder.tiles(),
        [(SHOWN, published), (SIGNED, signed), (ARCHIVED, archived)],
    );
    replay.check_heads()?;
    let scan = segments.scan(0, |segment, offset, commit| replay.take(segment, offset, commit))?;
    if scan.torn {
        let (segment, at) = (scan.last.unwrap_or_default(), scan.valid_bytes);
        tracing::warn!(
            segment,
            at,
            "the segment {segment} does not read from byte {at} on"
        );
    }
    replay.check_end()?;
    let nonce = nonce()?;
    let last = settle(segments, &scan, published.size.get(), replay.tail_at)?;
    if let Some((_, offset)) = replay.tail_at.filter(|(segment, _)| scan.last == Some(*segment)) {
        replay
            .places
            .moved(published.size.get(), published.size.get(), offset);
    }
    let writer = SegmentWriter::resume(segments.clone(), nonce, last)?;
    let head = replay.edge.head();
    let mut signed_note = signed_note;
    if head.size > published.size {
        tracing::info!(
            published = published.size.get(),
            size = head.size.get(),
            "publishing {} entries that were committed before the last stop",
            head.size.get() - published.size.get()
        );
        materialise::renew(&folder.tiles(), &replay.tail)?;
        signed_note = press.publish(head)?;
    }
    let view = View::new(
        signed_note,
        head,
        replay.publishers.state().clone(),
        replay.last_entry,
    );
    Ok(Recovered {
        edge: replay.edge,
        publishers: replay.publishers,
        places: replay.places,
        writer,
        press,
        view,
    })
}

fn create(folder: &Folder, origin: Option<&str>) -> Result<Press, RecoveryError> {
    folder.begin()?;
    let key = LogKey::create(folder, origin)?;
    let signed_state = SignedState::create(&folder.signed_state(), TreeHead::EMPTY)?;
    let mut press = Press::new(folder, key, signed_state);
    press.publish(TreeHead::EMPTY)?;
    folder.finish()?;
    Ok(press)
}

fn nonce() -> Result<[u8; 16], RecoveryError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|_| RecoveryError::Randomness)?;
    Ok(nonce)
}

/// Brings the segments into order after a crash, and says where the next record goes.
fn settle(
    segments: &Segments,
    scan: &Scan,
    published: u64,
    tail_at: Option<(u64, u64)>,
) -> Result<Option<(u64, u64)>, RecoveryError> {
    if let Some((start, length)) = scan.superseded {
        tracing::warn!(
            start,
            length,
            "cutting the segment {start} to {length} bytes: the next one holds the rest"
        );
        segments.cut(start, length)?;
    }
    let Some(last) = scan.last else { return Ok(None) };
    let Some((segment, offset)) = tail_at else {
        if scan.torn {
            tracing::warn!(
                segment = last,
                length = scan.valid_bytes,
                "cutting off a batch that was never finished"
            );
            segments.cut(last, scan.valid_bytes)?;
        }
        return Ok(Some((last, scan.valid_bytes)));
    };
    if segment != last {
        segments.rewrite(segment, scan.valid_bytes)?;
        return Ok(Some((last, scan.valid_bytes)));
    }
    segments.copy_tail(segment, offset, scan.valid_bytes, published)?;
    Ok(Some((published, scan.valid_bytes - offset)))
}

/// Computes the log again from its commits.
struct Replay {
    tiles: PathBuf,
    /// What was shown of the log before, the first one being the checkpoint.
    heads: [(&'static str, TreeHead); 3],
    edge: Edge,
    publishers: Publishers,
    state: RootHash,
    last_entry: Vec<u8>,
    /// Segment and offset of the first record past the published size.
    tail_at: Option<(u64, u64)>,
    /// Tiles and bundles past the published size.
    tail: Vec<Object>,
    places: Places,
}

impl Replay {
    fn new(tiles: PathBuf, heads: [(&'static str, TreeHead); 3]) -> Self {
        let publishers = Publishers::default();
        Self {
            tiles,
            heads,
            edge: Edge::default(),
            state: publishers.state().root(),
            publishers,
            last_entry: Vec::new(),
            tail_at: None,
            tail: Vec::new(),
            places: Places::default(),
        }
    }

    fn published(&self) -> u64 {
        let [(_, published), ..] = self.heads;
        published.size.get()
    }

    fn sizes(&self) -> [(&'static str, u64); 3] {
        self.heads.map(|(what, head)| (what, head.size.get()))
    }

    fn take(&mut self, segment: u64, offset: u64, commit: &Commit<'_>) -> Result<(), RecoveryError> {
        if commit.previous != self.edge.head().root {
            return Err(RecoveryError::Chain { start: commit.start });
        }
        let end = commit.start + commit.items.len() as u64;
        for (what, claimed) in self.sizes() {
            if commit.start < claimed && claimed < end {
                return Err(RecoveryError::NotABoundary { what, size: claimed });
            }
        }
        let published = self.published();
        let is_tail = commit.start >= published;
        if is_tail && self.tail_at.is_none() {
            self.tail_at = Some((segment, offset));
        }
        for (item_offset, item) in &commit.items {
            let index = self.edge.size();
            let record = self.take_entry(index, item.entry, item.payload)?;
            self.places
                .push(record, location(segment, offset, *item_offset, item));
            let full = self.edge.push(item.entry);
            self.show(full, is_tail)?;
        }
        self.check_heads()?;
        let size = self.edge.size();
        if size == published || is_tail {
            let partials = self.edge.take_partials();
            self.show(partials, is_tail)?;
        }
        if let Some((_, last)) = commit.items.last() {
            self.last_entry = last.entry.to_vec();
        }
        Ok(())
    }

    /// What was published must be there and equal; what is missing is written. The tail is kept for later.
    fn show(&mut self, objects: Vec<Object>, is_tail: bool) -> Result<(), RecoveryError> {
        if is_tail {
            self.tail.extend(objects);
            return Ok(());
        }
        Ok(materialise::write(&self.tiles, &objects)?)
    }

    /// Checks an entry against what was logged before it, and gives its record.
    fn take_entry(&mut self, index: u64, bytes: &[u8], payload: &[u8]) -> Result<RecordId, RecoveryError> {
        let contradiction = |what| RecoveryError::Contradiction { index, what };
        let entry = Entry::parse(bytes).map_err(|source| RecoveryError::Entry { index, source })?;
        if entry.size != payload.len() as u64 {
            return Err(contradiction("the length of its payload"));
        }
        if is_control_kind(&entry.kind) {
            let record = Record::parse(payload).map_err(|source| RecoveryError::Record { index, source })?;
            if record.kind != entry.kind
                || record.publisher() != &entry.publisher
                || record.id != entry.payload
            {
                return Err(contradiction("its payload"));
            }
            let taken = self.publishers.take(index, &record);
            if taken.map_err(|_| contradiction("the keysets before it"))? {
                self.state = self.publishers.state().root();
            }
        } else if entry.payload != RecordId::of_payload(payload) {
            return Err(contradiction("its payload"));
        }
        if entry.state == self.state {
            Ok(entry.payload)
        } else {
            Err(contradiction("the state tree"))
        }
    }

    /// Compares the heads that were published and signed, where the replay reaches their size.
    fn check_heads(&self) -> Result<(), RecoveryError> {
        let head = self.edge.head();
        for (what, claimed) in self.heads {
            if head.size == claimed.size && head.root != claimed.root {
                return Err(RecoveryError::Root {
                    what,
                    size: claimed.size.get(),
                });
            }
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), RecoveryError> {
        let size = self.edge.size();
        for (what, claimed) in self.sizes() {
            if claimed > size {
                return Err(RecoveryError::Shorter { what, claimed, size });
            }
        }
        Ok(())
    }
}
