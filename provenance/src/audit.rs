//! An audit of a log: everything that its entries claim is computed again, from the first one on. No I/O: the caller reads
//! entries and payloads and hands them over in order.

use std::collections::BTreeMap;

use crate::{
    entry::{Entry, EntryError},
    keyset::{Keyset, Role, SignatureError},
    merkle::{LeafHash, MemoryTree, TreeHead},
    publisher::PublisherName,
    record::{Body, Record, RecordError},
    record_id::RecordId,
    state::{StateLine, StateTree, is_control_kind},
};

/// What was audited so far.
#[derive(Debug, Default)]
pub struct Audit {
    tree: MemoryTree,
    state: StateTree,
    publishers: BTreeMap<PublisherName, Known>,
}

/// A publisher, as the log made it known.
#[derive(Debug)]
struct Known {
    genesis: RecordId,
    keyset: Keyset,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// The entry does not parse.
    #[error("it does not parse: {0}")]
    Entry(#[from] EntryError),
    /// The payload is not the one that the entry names.
    #[error("its payload is {found}, the entry names {wanted}")]
    Payload {
        /// The record in the entry.
        wanted: RecordId,
        /// The digest of what came.
        found: RecordId,
    },
    /// The payload is no record.
    #[error("its payload does not parse: {0}")]
    Record(#[from] RecordError),
    /// Publisher, kind or size of the entry are not those of the payload.
    #[error("the {member} in the entry is not the payload's")]
    Contradiction {
        /// Which.
        member: &'static str,
    },
    /// The name was never created.
    #[error("the publisher {publisher} was not created before")]
    UnknownPublisher {
        /// The name.
        publisher: PublisherName,
    },
    /// The record names another genesis.
    #[error("it names another genesis of {publisher} than the log has")]
    Genesis {
        /// The name.
        publisher: PublisherName,
    },
    /// The signatures do not suffice.
    #[error("{0}")]
    Signatures(#[from] SignatureError),
    /// A second first keyset, a later one, or an advisory: this version cannot judge them.
    #[error("it is a control entry that this version cannot judge")]
    Unsupported,
    /// The entry carries another state root.
    #[error("the state root in it is not that of the publishers so far")]
    State,
}

impl Audit {
    /// An audit from the first entry on.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree over everything audited.
    pub fn tree(&self) -> &MemoryTree {
        &self.tree
    }

    /// Size and root of what was audited.
    pub fn head(&self) -> TreeHead {
        self.tree.head()
    }

    /// Number of publishers.
    pub fn publishers(&self) -> usize {
        self.publishers.len()
    }

    /// Takes in the next entry with its payload: the payload is the one named, it says the same as the entry, it is signed as
    /// the publisher's keyset wants it, and the state root follows.
    ///
    /// # Errors
    /// [`AuditError`]; the audit ends there.
    pub fn take(&mut self, entry: &[u8], payload: &[u8]) -> Result<Entry, AuditError> {
        let parsed = Entry::parse(entry)?;
        let found = RecordId::of_payload(payload);
        if found != parsed.payload {
            let wanted = parsed.payload;
            return Err(AuditError::Payload { wanted, found });
        }
        let record = Record::parse(payload)?;
        let same = [
            ("publisher", *record.publisher() == parsed.publisher),
            ("kind", record.kind == parsed.kind),
            ("size", parsed.size == payload.len() as u64),
        ];
        if let Some((member, _)) = same.iter().find(|(_, same)| !same) {
            return Err(AuditError::Contradiction { member });
        }
        let created = self.check(&record, &parsed, payload)?;
        if is_control_kind(&parsed.kind) {
            let line = StateLine {
                index: self.tree.size().get(),
                kind: parsed.kind.clone(),
                payload: parsed.payload,
                target: None,
            };
            self.state.append(parsed.publisher.clone(), line);
        }
        if self.state.root() != parsed.state {
            return Err(AuditError::State);
        }
        if let Some(known) = created {
            self.publishers.insert(parsed.publisher.clone(), known);
        }
        self.tree.push(LeafHash::of(entry));
        Ok(parsed)
    }

    /// Who signed, and whether they may; gives the publisher that the entry creates.
    fn check(&self, record: &Record, entry: &Entry, payload: &[u8]) -> Result<Option<Known>, AuditError> {
        let publisher = || entry.publisher.clone();
        let known = self.publishers.get(&entry.publisher);
        if let Body::Keyset(keyset) = &record.body {
            if keyset.version != 1 || known.is_some() {
                return Err(AuditError::Unsupported);
            }
            keyset.check_creation(payload, &entry.signatures)?;
            return Ok(Some(Known {
                genesis: record.id,
                keyset: keyset.clone(),
            }));
        }
        if is_control_kind(&entry.kind) {
            return Err(AuditError::Unsupported);
        }
        let known = known.ok_or_else(|| AuditError::UnknownPublisher {
            publisher: publisher(),
        })?;
        let named = record.artifact().map(|artifact| artifact.subject.genesis);
        if named.is_some_and(|named| named != known.genesis) {
            return Err(AuditError::Genesis {
                publisher: publisher(),
            });
        }
        known.keyset.check(Role::Sign, payload, &entry.signatures)?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests;
