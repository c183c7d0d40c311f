//! The publishers that the log knows: who they are, and the keyset in force. Written by the sequencer's thread
//! in log order, read by admission.

use std::{collections::BTreeMap, sync::Arc};

use provenance::{
    PublisherName, RecordId,
    keyset::Keyset,
    record::{Body, Record},
    state::{StateLine, StateTree},
};

/// One publisher.
#[derive(Debug, Clone)]
pub struct Publisher {
    /// The record of its first keyset.
    pub genesis: RecordId,
    /// Log index of the genesis.
    pub index: u64,
    /// The keyset in force.
    pub keyset: Arc<Keyset>,
}

/// All publishers, and the state tree over them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Publishers {
    by_name: BTreeMap<PublisherName, Publisher>,
    state: Arc<StateTree>,
}

/// Why a control entry cannot follow what was logged before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ControlError {
    /// The name has another genesis.
    #[error("the name {publisher} was created by the record {genesis}")]
    Exists {
        /// The name.
        publisher: PublisherName,
        /// Its genesis.
        genesis: RecordId,
    },
    /// A later keyset, or an advisory.
    #[error("records of this kind are not supported yet")]
    Unsupported,
}

impl Publishers {
    /// The publisher of this name.
    pub(crate) fn get(&self, name: &PublisherName) -> Option<&Publisher> {
        self.by_name.get(name)
    }

    /// All publishers by name.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&PublisherName, &Publisher)> {
        self.by_name.iter()
    }

    /// The state tree after all entries so far.
    pub(crate) fn state(&self) -> &Arc<StateTree> {
        &self.state
    }

    /// Whether `record` could be logged next, as far as names go.
    pub(crate) fn check(&self, record: &Record) -> Result<(), ControlError> {
        let Body::Keyset(keyset) = &record.body else {
            return Ok(());
        };
        if keyset.version != 1 {
            return Err(ControlError::Unsupported);
        }
        match self.by_name.get(&keyset.publisher) {
            None => Ok(()),
            Some(found) => Err(ControlError::Exists {
                publisher: keyset.publisher.clone(),
                genesis: found.genesis,
            }),
        }
    }

    /// Takes in the entry with index `index`. Only a control entry changes anything; gives whether it did.
    ///
    /// # Errors
    /// [`ControlError`]; nothing has changed then.
    pub(crate) fn take(&mut self, index: u64, record: &Record) -> Result<bool, ControlError> {
        self.check(record)?;
        let Body::Keyset(keyset) = &record.body else {
            return Ok(false);
        };
        let name = keyset.publisher.clone();
        let line = StateLine {
            index,
            kind: record.kind.clone(),
            payload: record.id,
            target: None,
        };
        // Readers of the published state hold the old tree; it is copied only then.
        Arc::make_mut(&mut self.state).append(name.clone(), line);
        self.by_name.insert(
            name,
            Publisher {
                genesis: record.id,
                index,
                keyset: Arc::new(keyset.clone()),
            },
        );
        Ok(true)
    }
}
