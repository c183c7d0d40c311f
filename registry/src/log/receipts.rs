//! Receipts: everything that proves one record, against one published checkpoint.

use std::{
    collections::HashMap,
    sync::{Arc, MutexGuard, PoisonError},
};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{Base64Bytes, ControlEntry, RecordProof},
    entry::Entry,
    merkle::{
        ConsistencyProof, Frontier, HashReader, InclusionProof, LeafHash, LeafIndex, TreeHead, TreeSize,
        node_hash,
        tile::{TILE_HEIGHT, TILE_WIDTH, TileCoord, TileHashReader, TileKind, TileReadError},
    },
    state::{StateLeaf, StateProof},
    tlog_proof::TlogProof,
};

use super::{LogError, Shared, materialise::tile_path, publish::View, segments::Location};
use crate::durable::{DurableError, io_error};

/// Most hashes that are kept for the receipts of one view: 65,536, all of 128 tiles, some 5 MB.
const MOST_KEPT_NODES: usize = 1 << 16;

/// Most publishers whose part of a receipt is kept for one view.
const MOST_KEPT_PUBLISHERS: usize = 256;

/// What the receipts of one view share. All of it follows from the view and the log, and goes with the view.
#[derive(Debug, Default)]
pub(super) struct SharedByReceipts {
    nodes: HashMap<(u8, u64), Sha256Digest>,
    publishers: HashMap<PublisherName, Arc<PublisherPart>>,
}

impl SharedByReceipts {
    fn take_tile(&mut self, level: u8, index: u64, bytes: &[u8]) {
        let (hashes, _) = bytes.as_chunks::<{ Sha256Digest::LEN }>();
        if self.nodes.len() + hashes.len() > MOST_KEPT_NODES {
            return;
        }
        let (level, first) = (
            level.saturating_mul(TILE_HEIGHT),
            index.saturating_mul(TILE_WIDTH),
        );
        let hashes = (first..).zip(hashes);
        self.nodes
            .extend(hashes.map(|(at, hash)| ((level, at), Sha256Digest::from_bytes(*hash))));
    }
}

/// The nodes of a view, each computed once while the view is the newest: the receipts of one checkpoint share most.
struct Nodes<'a, R> {
    view: &'a View,
    reader: R,
}

impl<R: HashReader> HashReader for Nodes<'_, R> {
    type Error = R::Error;

    fn node(&self, level: u8, index: u64) -> Result<Sha256Digest, Self::Error> {
        let at = (level, index);
        if let Some(hash) = self.view.kept().nodes.get(&at) {
            return Ok(*hash);
        }
        let hash = if level.is_multiple_of(TILE_HEIGHT) {
            self.reader.node(level, index)?
        } else {
            node_hash(
                &self.node(level - 1, 2 * index)?,
                &self.node(level - 1, 2 * index + 1)?,
            )
        };
        let mut kept = self.view.kept();
        if kept.nodes.len() < MOST_KEPT_NODES {
            kept.nodes.insert(at, hash);
        }
        Ok(hash)
    }
}

/// An entry, and that a tree has it.
#[derive(Debug)]
pub(crate) struct Included {
    /// Its leaf hash.
    pub(crate) leaf: LeafHash,
    /// That it is in the tree.
    pub(crate) proof: InclusionProof,
    /// The tree.
    pub(crate) head: TreeHead,
}

/// What all receipts of one publisher say.
#[derive(Debug)]
struct PublisherPart {
    state: String,
    control: Vec<ControlEntry>,
}

impl View {
    fn kept(&self) -> MutexGuard<'_, SharedByReceipts> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    /// An entry's bytes.
    pub(crate) fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        Ok(self.segments.read_entry(self.location(index)?)?)
    }

    fn location(&self, index: u64) -> Result<Location, LogError> {
        let location = self.places().location(index);
        location.ok_or(LogError::Damaged { index })
    }

    /// An entry and its payload, checked against each other.
    pub(crate) fn entry_and_payload(&self, index: u64) -> Result<(Entry, Vec<u8>, Vec<u8>), LogError> {
        let damaged = || LogError::Damaged { index };
        let (entry, payload) = self.segments.read(self.location(index)?)?;
        let parsed = Entry::parse(&entry).map_err(|_| damaged())?;
        if parsed.payload == RecordId::of_payload(&payload) {
            Ok((parsed, entry, payload))
        } else {
            Err(damaged())
        }
    }

    /// Proves a record in `view`: by the leaf at `index`, or else by its first one.
    pub(crate) fn prove(
        &self,
        view: &View,
        id: &RecordId,
        index: Option<u64>,
    ) -> Result<Option<RecordProof>, LogError> {
        let Some(index) = index.or_else(|| self.places().first(id)) else {
            return Ok(None);
        };
        if index >= view.head.size.get() {
            return Ok(None);
        }
        let entry = self.entry(index)?;
        let parsed = Entry::parse(&entry).map_err(|_| LogError::Damaged { index })?;
        if parsed.payload != *id {
            return Err(LogError::Damaged { index });
        }
        let by = self.publisher_part(view, &parsed.publisher)?;
        Ok(Some(RecordProof {
            v: 1,
            record: *id,
            leaf_hash: *parsed.leaf_hash().digest(),
            publisher: parsed.publisher,
            kind: parsed.kind,
            index,
            entry: Base64Bytes(entry),
            proof: self.tlog_proof(view, index)?.to_string(),
            state: by.state.clone(),
            control: by.control.clone(),
        }))
    }

    /// What every receipt of a publisher's records in `view` says, made once while the view is the newest.
    fn publisher_part(&self, view: &View, publisher: &PublisherName) -> Result<Arc<PublisherPart>, LogError> {
        if let Some(part) = view.kept().publishers.get(publisher) {
            return Ok(Arc::clone(part));
        }
        let state = self.state_proof(view, publisher)?;
        let index = state.tlog_proof.index.get();
        let leaf = StateLeaf::parse(&state.leaf.data).map_err(|_| LogError::Damaged { index })?;
        let mut control = Vec::with_capacity(leaf.lines.len());
        for line in &leaf.lines {
            let (_, entry, payload) = self.entry_and_payload(line.index)?;
            let proof = self.tlog_proof(view, line.index)?.to_string();
            control.push(ControlEntry {
                index: line.index,
                entry: Base64Bytes(entry),
                payload: Base64Bytes(payload),
                proof,
            });
        }
        let state = state.to_string();
        let part = Arc::new(PublisherPart { state, control });
        let mut kept = view.kept();
        if kept.publishers.len() < MOST_KEPT_PUBLISHERS {
            kept.publishers.insert(publisher.clone(), Arc::clone(&part));
        }
        Ok(part)
    }

    fn tlog_proof(&self, view: &View, index: u64) -> Result<TlogProof, LogError> {
        let index = LeafIndex::new(index);
        let proof = InclusionProof::prove(&self.nodes(view), view.head.size, index);
        Ok(TlogProof {
            extra: None,
            index,
            proof: proof.map_err(no_proof)?,
            checkpoint: view.signed.clone(),
        })
    }

    /// The hashes of a view's tree, and so of every smaller one.
    fn nodes<'a>(&'a self, view: &'a View) -> impl HashReader<Error = TileReadError<DurableError>> + 'a {
        let reader = TileHashReader::new(view.head.size, |coord: TileCoord| self.tile_of(view, &coord));
        Nodes { view, reader }
    }

    /// Proves that the entry at `index` is in the tree of `size` entries, which `view` has.
    pub(crate) fn inclusion(
        &self,
        view: &View,
        index: LeafIndex,
        size: TreeSize,
    ) -> Result<Included, LogError> {
        let nodes = self.nodes(view);
        Ok(Included {
            leaf: LeafHash::from(nodes.node(0, index.get()).map_err(no_proof)?),
            proof: InclusionProof::prove(&nodes, size, index).map_err(no_proof)?,
            head: Frontier::read(&nodes, size).map_err(no_proof)?.tree_head(),
        })
    }

    /// Proves that the tree of `to` entries, which `view` has, begins with the one of `from`; with both heads.
    pub(crate) fn consistency(
        &self,
        view: &View,
        from: TreeSize,
        to: TreeSize,
    ) -> Result<(ConsistencyProof, [TreeHead; 2]), LogError> {
        let nodes = self.nodes(view);
        let head = |size| {
            Frontier::read(&nodes, size)
                .map(|edge| edge.tree_head())
                .map_err(no_proof)
        };
        let proof = ConsistencyProof::prove(&nodes, from, to).map_err(no_proof)?;
        Ok((proof, [head(from)?, head(to)?]))
    }

    /// A tile of `view`, whose hashes are kept while the view is the newest.
    fn tile_of(&self, view: &View, coord: &TileCoord) -> Result<Vec<u8>, DurableError> {
        let path = tile_path(&self.tiles, coord);
        let bytes = std::fs::read(&path).map_err(io_error("read", &path))?;
        if let TileKind::Hashes(level) = coord.kind {
            view.kept().take_tile(level, coord.index, &bytes);
        }
        Ok(bytes)
    }

    fn state_proof(&self, view: &View, publisher: &PublisherName) -> Result<StateProof, LogError> {
        let last = view.head.size.get().saturating_sub(1);
        let leaf = view
            .state
            .prove(publisher)
            .ok_or(LogError::Damaged { index: last })?;
        Ok(StateProof {
            leaf,
            entry: view.last_entry.clone(),
            tlog_proof: self.tlog_proof(view, last)?,
        })
    }
}

fn no_proof(error: impl std::error::Error) -> LogError {
    LogError::Proof {
        reason: error_chain(&error),
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
