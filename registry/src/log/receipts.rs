//! Receipts: everything that proves one record, against one published checkpoint.

use provenance::{
    PublisherName, RecordId,
    api::{Base64Bytes, ControlEntry, RecordProof},
    entry::Entry,
    merkle::{
        InclusionProof, LeafIndex,
        tile::{TileCoord, TileHashReader},
    },
    state::{StateLeaf, StateProof},
    tlog_proof::TlogProof,
};

use super::{LogError, Shared, materialise::tile_path, publish::View};

impl Shared {
    /// An entry's bytes.
    pub(crate) fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        let location = self.index.location(index)?.ok_or(LogError::Damaged { index })?;
        Ok(self.segments.read_entry(location)?)
    }

    /// An entry and its payload, checked against each other.
    pub(crate) fn entry_and_payload(&self, index: u64) -> Result<(Entry, Vec<u8>, Vec<u8>), LogError> {
        let damaged = || LogError::Damaged { index };
        let location = self.index.location(index)?.ok_or_else(damaged)?;
        let (entry, payload) = self.segments.read(location)?;
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
        let first = || self.index.first_index(id);
        let Some(index) = index.map_or_else(first, |index| Ok(Some(index)))? else {
            return Ok(None);
        };
        if index >= view.head.size.get() {
            return Ok(None);
        }
        let (parsed, entry, _) = self.entry_and_payload(index)?;
        if parsed.payload != *id {
            return Err(LogError::Damaged { index });
        }
        let state = self.state_proof(view, &parsed.publisher)?;
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
        Ok(Some(RecordProof {
            v: 1,
            record: *id,
            leaf_hash: *parsed.leaf_hash().digest(),
            publisher: parsed.publisher,
            kind: parsed.kind,
            index,
            entry: Base64Bytes(entry),
            proof: self.tlog_proof(view, index)?.to_string(),
            state: state.to_string(),
            control,
        }))
    }

    fn tlog_proof(&self, view: &View, index: u64) -> Result<TlogProof, LogError> {
        let reader = TileHashReader::new(view.head.size, |coord: TileCoord| {
            let path = tile_path(&self.tiles, &coord);
            std::fs::read(&path).map_err(crate::durable::io_error("read", &path))
        });
        let index = LeafIndex::new(index);
        let proof = InclusionProof::prove(&reader, view.head.size, index);
        let proof = proof.map_err(|e| LogError::Proof {
            reason: error_chain(&e),
        })?;
        Ok(TlogProof {
            extra: None,
            index,
            proof,
            checkpoint: view.signed.clone(),
        })
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

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
