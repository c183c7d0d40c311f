//! Putting a bundle together from what a registry answers.

use std::collections::{BTreeMap, btree_map::Entry as MapEntry};

use super::{Bundle, BundleError, place::Place, tar};
use crate::{
    api::RecordProof,
    checkpoint::{Checkpoint, CheckpointError},
    digest::Sha256Digest,
    entry::{Entry, EntryError},
    note::SignedNote,
    publisher::PublisherName,
    record_id::RecordId,
    state::{StateProof, StateProofError},
    tlog_proof::{TlogProof, TlogProofError},
};

/// Collects the members of a bundle. All proofs have to be to the tree of its checkpoint.
pub struct BundleBuilder {
    note: SignedNote,
    checkpoint: Checkpoint,
    members: BTreeMap<String, Vec<u8>>,
}

/// Why answers do not make a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// A checkpoint that does not parse.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// An entry that does not parse.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// An inclusion proof that does not parse.
    #[error(transparent)]
    TlogProof(#[from] TlogProofError),
    /// A state proof that does not parse.
    #[error(transparent)]
    State(#[from] StateProofError),
    /// A proof to another tree: the log has grown, or it is another log.
    #[error("a proof is for the log {origin} at {found} entries, the others at {wanted}")]
    OtherView {
        /// Its log.
        origin: String,
        /// Its size.
        found: u64,
        /// The size of the bundle's checkpoint.
        wanted: u64,
    },
    /// Two answers for one place.
    #[error("{member} was given twice, with different content")]
    Contradiction {
        /// The member.
        member: String,
    },
    /// A name that the archive cannot hold.
    #[error("the name of {publisher} is too long for a bundle, which holds at most 94 bytes")]
    LongName {
        /// The publisher.
        publisher: PublisherName,
    },
    /// What was collected is not a bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
}

impl BundleBuilder {
    /// A bundle whose proofs are to the tree that `note` signs.
    ///
    /// # Errors
    /// [`BuildError::Checkpoint`].
    pub fn new(note: SignedNote) -> Result<Self, BuildError> {
        let checkpoint = Checkpoint::parse(note.text())?;
        let mut builder = Self {
            note,
            checkpoint,
            members: BTreeMap::new(),
        };
        let note = builder.note.to_string().into_bytes();
        builder.put(&Place::Checkpoint, note)?;
        Ok(builder)
    }

    /// Adds a record with everything that proves it.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn record(&mut self, payload: &[u8], proof: &RecordProof) -> Result<(), BuildError> {
        self.entry(&proof.entry.0, payload, &proof.proof)?;
        let mut state = StateProof::parse(&proof.state)?;
        self.unify(&mut state.tlog_proof)?;
        let publisher = Entry::parse(&proof.entry.0)?.publisher;
        self.put(&Place::State(publisher), state.to_string().into_bytes())?;
        for shown in &proof.control {
            self.entry(&shown.entry.0, &shown.payload.0, &shown.proof)?;
        }
        Ok(())
    }

    /// Adds a sidecar.
    ///
    /// # Errors
    /// None in practice: one digest has one content.
    pub fn blob(&mut self, bytes: Vec<u8>) -> Result<(), BuildError> {
        self.put(&Place::Blob(Sha256Digest::of(&bytes)), bytes)
    }

    /// The bundle, read as a stranger would read it.
    ///
    /// # Errors
    /// [`BuildError::Bundle`] when it is over a limit, or an answer was not what it should be.
    pub fn finish(self) -> Result<Bundle, BuildError> {
        let mut archive = Vec::new();
        for (name, data) in &self.members {
            tar::write(&mut archive, name, data);
        }
        tar::finish(&mut archive);
        Ok(Bundle::parse(archive)?)
    }

    fn entry(&mut self, entry: &[u8], payload: &[u8], proof: &str) -> Result<(), BuildError> {
        let mut proof = TlogProof::parse(proof)?;
        self.unify(&mut proof)?;
        let index = proof.index.get();
        self.put(&Place::Entry(index), entry.to_vec())?;
        self.put(&Place::Proof(index), proof.to_string().into_bytes())?;
        self.put(&Place::Payload(RecordId::of_payload(payload)), payload.to_vec())
    }

    /// Gives `proof` the bundle's checkpoint: the same tree, whose witnesses may have signed at another moment.
    fn unify(&self, proof: &mut TlogProof) -> Result<(), BuildError> {
        let found = Checkpoint::parse(proof.checkpoint.text())?;
        if found != self.checkpoint {
            return Err(BuildError::OtherView {
                origin: found.origin.to_string(),
                found: found.head.size.get(),
                wanted: self.checkpoint.head.size.get(),
            });
        }
        proof.checkpoint = self.note.clone();
        proof.extra = None;
        Ok(())
    }

    fn put(&mut self, place: &Place, bytes: Vec<u8>) -> Result<(), BuildError> {
        let Some(name) = place.name() else {
            let Place::State(publisher) = place else {
                unreachable!("every other name is short")
            };
            return Err(BuildError::LongName {
                publisher: publisher.clone(),
            });
        };
        match self.members.entry(name) {
            MapEntry::Vacant(free) => {
                free.insert(bytes);
                Ok(())
            }
            MapEntry::Occupied(known) if *known.get() == bytes => Ok(()),
            MapEntry::Occupied(_) => Err(BuildError::Contradiction {
                member: place.to_string(),
            }),
        }
    }
}
