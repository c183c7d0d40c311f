//! Signing and publishing a tree head: steps 3 and 5 of the write path, for the sequencer and for recovery.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use provenance::{
    checkpoint::{Checkpoint, CheckpointError},
    merkle::TreeHead,
    note::{NoteError, SignedNote},
    state::StateTree,
};

use super::{
    keys::LogKey,
    receipts::SharedByReceipts,
    signed_state::{SignedState, SignedStateError},
};
use crate::{
    durable::{self, DurableError, io_error},
    folder::Folder,
};

/// What is published now: everything that a proof is made against.
#[derive(Debug)]
pub struct View {
    /// The signed checkpoint, as text.
    pub note: String,
    /// The same, parsed.
    pub(crate) signed: SignedNote,
    /// Size and root.
    pub head: TreeHead,
    /// The state tree after the last entry.
    pub(crate) state: Arc<StateTree>,
    /// The last entry; empty in an empty log.
    pub(crate) last_entry: Vec<u8>,
    /// What its receipts share.
    pub(super) shared: Mutex<SharedByReceipts>,
}

impl View {
    /// The view that `signed` is of.
    pub(crate) fn new(
        signed: SignedNote,
        head: TreeHead,
        state: Arc<StateTree>,
        last_entry: Vec<u8>,
    ) -> Self {
        Self {
            note: signed.to_string(),
            signed,
            head,
            state,
            last_entry,
            shared: Mutex::default(),
        }
    }
}

/// Why a head was not published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// The signed state forbids it, or cannot be written.
    #[error(transparent)]
    SignedState(#[from] SignedStateError),
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// Why the published checkpoint cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishedError {
    /// Not a note, or not signed by the log's key.
    #[error("the file checkpoint is not signed by this log: {0}")]
    Note(#[from] NoteError),
    /// Not a checkpoint.
    #[error("the file checkpoint does not parse: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// Another log's.
    #[error("the file checkpoint is of the log {found:?}, this is {wanted:?}")]
    Origin {
        /// This log.
        wanted: String,
        /// Origin found.
        found: String,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// Signs and publishes. Owned by one thread.
#[derive(Debug)]
pub(crate) struct Press {
    key: LogKey,
    signed_state: SignedState,
    checkpoint: std::path::PathBuf,
    checkpoints: std::path::PathBuf,
}

impl Press {
    /// A press for the log in `folder`.
    pub(crate) fn new(folder: &Folder, key: LogKey, signed_state: SignedState) -> Self {
        Self {
            key,
            signed_state,
            checkpoint: folder.checkpoint(),
            checkpoints: folder.checkpoints(),
        }
    }

    /// The log's key.
    pub(crate) fn key(&self) -> &LogKey {
        &self.key
    }

    /// Largest head ever signed.
    pub(crate) fn signed(&self) -> &TreeHead {
        self.signed_state.head()
    }

    /// Signs `head`, whose tiles are durable, and publishes it.
    ///
    /// A crash before the last step leaves a head that was signed and not published: the next start signs the
    /// same bytes again, since Ed25519 is deterministic.
    pub(crate) fn publish(&mut self, head: TreeHead) -> Result<SignedNote, PublishError> {
        self.signed_state.advance(head)?;
        let checkpoint = Checkpoint {
            origin: self.key.origin().clone(),
            head,
            extensions: Vec::new(),
        };
        let signed = checkpoint.sign(self.key.signer());
        let note = signed.to_string();
        let archived = self.checkpoints.join(head.size.to_string());
        durable::renew_immutable(&archived, note.as_bytes())?;
        durable::replace_by_link(&self.checkpoint, &archived, note.as_bytes())?;
        Ok(signed)
    }
}

/// The largest of the checkpoints that were ever published, which lie in `folder` by their sizes; `key` has to have signed it.
pub(crate) fn newest_archived(folder: &Path, key: &LogKey) -> Result<TreeHead, PublishedError> {
    let mut newest: Option<(u64, PathBuf)> = None;
    if !folder.exists() {
        return Ok(TreeHead::EMPTY);
    }
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let path = entry.map_err(io_error("list", folder))?.path();
        let size = path
            .file_name()
            .and_then(|name| name.to_str())
            .and_then(|name| name.parse().ok());
        if let Some(size) = size.filter(|size| newest.as_ref().is_none_or(|(most, _)| most < size)) {
            newest = Some((size, path));
        }
    }
    match newest {
        Some((_, path)) => Ok(read_published(&path, key)?.1),
        None => Ok(TreeHead::EMPTY),
    }
}

/// Reads what is published in `path`, and checks that `key` signed it.
pub(crate) fn read_published(path: &Path, key: &LogKey) -> Result<(SignedNote, TreeHead), PublishedError> {
    let note = fs::read_to_string(path).map_err(io_error("read", path))?;
    let signed = SignedNote::parse(&note)?;
    signed.verify(std::slice::from_ref(key.verifier()))?;
    let checkpoint = Checkpoint::parse(signed.text())?;
    if checkpoint.origin != *key.origin() {
        let (wanted, found) = (key.origin().to_string(), checkpoint.origin.to_string());
        return Err(PublishedError::Origin { wanted, found });
    }
    Ok((signed, checkpoint.head))
}
