//! Whether a log has only grown since this browser last saw it: what is remembered, and the proof from the log's tiles.

use std::{cell::RefCell, collections::BTreeMap};

use provenance::{
    checkpoint::Checkpoint,
    evidence::Evidence,
    json::{self, At, FromJson, WrongValue},
    merkle::{
        ConsistencyProof, Frontier, ProveError, TreeHead,
        tile::{TileCoord, TileHashReader, TileReadError},
    },
    note::SignedNote,
};
use serde::Serialize;

use crate::{api, store, task::now_s};

/// Longest text that is kept for one log.
const MAX_KEPT_BYTES: usize = 256 << 10;

/// Most tiles that one comparison asks for; a proof over 2^63 entries needs fewer.
const MOST_TILES: usize = 40;

/// The view that this browser has kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Kept {
    v: u32,
    at: u64,
    note: String,
}

impl FromJson for Kept {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            at: at.get("at")?,
            note: at.get("note")?,
        })
    }
}

/// An earlier view, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remembered {
    /// Entries that it had.
    pub(crate) size: u64,
    /// Entries that there are now.
    pub(crate) now: u64,
    /// Seconds since it was seen.
    pub(crate) age_s: u64,
}

/// How a log stands to what this browser remembers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Growth {
    /// Nothing is remembered.
    First,
    /// It has the earlier view in it.
    Grew {
        /// The earlier view.
        before: Remembered,
        /// Tiles that the proof was made from.
        tiles: usize,
    },
    /// It does not.
    Broken {
        /// The file that shows it to others.
        evidence: Evidence,
        /// What does not fit.
        why: String,
    },
    /// It could not be found out.
    Unknown(String),
}

fn key(origin: &str) -> String {
    format!("checkpoint {origin}")
}

/// The view of the log `origin` that was kept last.
pub(crate) async fn recall(origin: &str) -> Option<(String, u64)> {
    let text = store::load(&key(origin)).await.ok()??;
    let kept: Kept = json::read(text.as_bytes(), MAX_KEPT_BYTES).ok()?;
    Some((kept.note, kept.at))
}

/// Keeps this view of the log `origin`. A browser that keeps nothing compares nothing, and says so at the next visit.
pub(crate) async fn remember(origin: &str, note: &str) {
    let kept = Kept {
        v: 1,
        at: now_s(),
        note: note.to_owned(),
    };
    if let Ok(text) = serde_json::to_string(&kept) {
        let _ = store::save(&key(origin), &text).await;
    }
}

/// What tiles say of two trees.
enum Compared {
    /// The second begins with the first.
    Grew,
    /// It begins with another one of that size; both are proved.
    Forked(TreeHead, ConsistencyProof),
}

fn compare<F>(
    reader: &TileHashReader<F>,
    from: &TreeHead,
    to: &TreeHead,
) -> Result<Compared, ProveError<TileReadError<TileCoord>>>
where
    F: Fn(TileCoord) -> Result<Vec<u8>, TileCoord>,
{
    let proof = ConsistencyProof::prove(reader, from.size, to.size)?;
    if proof.verify(from, to).is_ok() {
        return Ok(Compared::Grew);
    }
    let prefix = Frontier::read(reader, from.size).map_err(ProveError::Read)?;
    Ok(Compared::Forked(prefix.tree_head(), proof))
}

/// Compares what is shown now, a note and the checkpoint in it, with the view that is remembered.
pub(crate) async fn check(remembered: Option<(String, u64)>, note: &SignedNote, now: &Checkpoint) -> Growth {
    let Some((earlier, at)) = remembered else {
        return Growth::First;
    };
    let earlier = SignedNote::parse(&earlier).ok().and_then(|note| {
        let checkpoint = Checkpoint::parse(note.text()).ok()?;
        Some((note, checkpoint))
    });
    let Some((before_note, earlier)) = earlier else {
        // What does not read any more was never a view of this log.
        return Growth::First;
    };
    let (from, to) = (earlier.head, now.head);
    let before = Remembered {
        size: from.size.get(),
        now: to.size.get(),
        age_s: now_s().saturating_sub(at),
    };
    if to.size < from.size || (to.size == from.size && to.root != from.root) {
        let why = if to.size < from.size {
            format!("it had {} entries then and shows {} now", from.size, to.size)
        } else {
            format!("it showed two different trees of {} entries", from.size)
        };
        let evidence = Evidence::of_heads(&before_note, note);
        return Growth::Broken { evidence, why };
    }
    let tiles: RefCell<BTreeMap<TileCoord, Vec<u8>>> = RefCell::default();
    for _ in 0..=MOST_TILES {
        let read = |tile: TileCoord| tiles.borrow().get(&tile).cloned().ok_or(tile);
        let reader = TileHashReader::new(to.size, read);
        match compare(&reader, &from, &to) {
            Ok(Compared::Grew) => {
                let tiles = tiles.borrow().len();
                return Growth::Grew { before, tiles };
            }
            Ok(Compared::Forked(prefix, proof)) => {
                let why = format!(
                    "its first {} entries are no longer those that it showed then",
                    from.size
                );
                let evidence = Evidence::of_fork(&before_note, note, prefix.root, proof);
                return Growth::Broken { evidence, why };
            }
            Err(ProveError::Read(TileReadError::Read(missing))) => match api::tile(missing).await {
                Ok(bytes) => drop(tiles.borrow_mut().insert(missing, bytes)),
                Err(error) => return Growth::Unknown(error.to_string()),
            },
            Err(error) => return Growth::Unknown(error.to_string()),
        }
    }
    Growth::Unknown("the proof would need more tiles than any log has".to_owned())
}
