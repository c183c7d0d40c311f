//! Admission: what may enter the log. Runs in the HTTP threads, before the queue, and needs no lock but a short
//! read of the publishers.
//!
//! The order is: parse, kind, publisher, signatures, size of the entry. Sidecars come after it
//! ([`super::sidecars`]), since only somebody whose signatures hold may ask for an upload ticket.

use std::{collections::BTreeSet, sync::Arc};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    dsse::{Envelope, EnvelopeError},
    entry::{Entry, EntrySignature, MAX_ENTRY_BYTES},
    keyset::{Keyset, Role, SignatureError},
    merkle::RootHash,
    record::{Body, Record, RecordError},
    statement::{PROVENANCE_TYPE, SIGNATURE_TYPE},
};

use super::publishers::Publishers;
use crate::config::AdmissionMode;

/// Largest keyset payload in bytes. Every receipt of the publisher carries it; 16 keys need under 8 KiB.
pub const MAX_KEYSET_BYTES: usize = 64 << 10;

/// Top-level labels under which anybody may take a name while admission is open (RFC 2606: nobody owns them).
const FREE_LABELS: [&str; 2] = ["example", "test"];

/// What admission goes by.
#[derive(Debug, Clone)]
pub(crate) struct Rules {
    /// Who may create a name.
    pub(crate) mode: AdmissionMode,
    /// This log.
    pub(crate) origin: String,
    /// Largest payload in bytes.
    pub(crate) max_payload_bytes: usize,
}

/// A submission whose signatures carry it. Still to be sequenced.
#[derive(Debug, Clone)]
pub(crate) struct Admitted {
    /// The parsed payload.
    pub(crate) record: Record,
    /// Its bytes.
    pub(crate) payload: Vec<u8>,
    /// The signatures that verify, sorted by key id.
    pub(crate) signatures: Vec<EntrySignature>,
    /// The keyset they were checked against.
    pub(crate) keyset: Arc<Keyset>,
    /// Whether it creates a name that only an invitation allows.
    pub(crate) by_invitation: bool,
}

/// Why a submission is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AdmissionError {
    /// Not an envelope.
    #[error(transparent)]
    Envelope(#[from] EnvelopeError),
    /// Too large.
    #[error("the record has {found} bytes; this registry takes at most {limit} for this kind")]
    TooLarge {
        /// Bytes found.
        found: usize,
        /// Bytes allowed.
        limit: usize,
    },
    /// Not a record.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A kind that is not taken yet.
    #[error("records of the kind {kind}{detail} are not taken yet")]
    Unsupported {
        /// Predicate type.
        kind: String,
        /// More precisely.
        detail: &'static str,
    },
    /// No such name.
    #[error(
        "the publisher {publisher} does not exist on this log; create it first (`weighbridge publisher create`)"
    )]
    PublisherUnknown {
        /// The name.
        publisher: PublisherName,
    },
    /// The record names another genesis.
    #[error("the record names the genesis {found} for {publisher}; on this log it is {wanted}")]
    WrongGenesis {
        /// The name.
        publisher: PublisherName,
        /// Genesis of the log.
        wanted: RecordId,
        /// Genesis in the record.
        found: RecordId,
    },
    /// The name is taken.
    #[error("the name {publisher} was created by another keyset, {genesis}; choose another name")]
    PublisherExists {
        /// The name.
        publisher: PublisherName,
        /// Its genesis.
        genesis: RecordId,
    },
    /// A domain that must be proved.
    #[error(
        "{publisher} looks like a domain, which takes an invitation of this registry's operator (--invite): this version \
         cannot check a domain proof yet; in open mode names without a dot and names under .example and .test are free"
    )]
    DomainProofRequired {
        /// The name.
        publisher: PublisherName,
    },
    /// New names are by invitation.
    #[error("new publishers are by invitation here; ask the operator for one, and give it with --invite")]
    InviteRequired,
    /// The keyset is not for this log.
    #[error("the keyset counts on the logs {found:?}; this log is {wanted}")]
    WrongOrigin {
        /// This log.
        wanted: String,
        /// Logs in the keyset.
        found: Vec<String>,
    },
    /// The signatures do not suffice.
    #[error("{source}; signatures that do not verify under the keyset in force do not count")]
    Signatures {
        /// Why.
        source: SignatureError,
    },
    /// The leaf would be too long.
    #[error("the entry would have {found} bytes, at most {MAX_ENTRY_BYTES} are allowed")]
    EntryTooLarge {
        /// Its size in bytes.
        found: usize,
    },
}

impl Admitted {
    /// The entry that would be logged, with the state root after it.
    pub(crate) fn entry(&self, state: RootHash) -> Entry {
        Entry {
            publisher: self.record.publisher().clone(),
            kind: self.record.kind.clone(),
            size: self.payload.len() as u64,
            payload: self.record.id,
            state,
            signatures: self.signatures.clone(),
        }
    }

    /// The distinct holders who signed, among those whose signature counts for this kind of record.
    pub(crate) fn holders(&self) -> BTreeSet<String> {
        holders(&self.keyset, &self.record, &self.signatures)
    }

    /// Checks the signatures again, against the keyset that is in force now.
    pub(crate) fn recheck(&mut self, keyset: &Arc<Keyset>) -> Result<(), AdmissionError> {
        if Arc::ptr_eq(&self.keyset, keyset) || self.keyset == *keyset {
            return Ok(());
        }
        self.signatures.retain(|s| keyset.member(s.keyid).is_some());
        let checked = keyset.check(Role::Sign, &self.payload, &self.signatures);
        self.keyset = Arc::clone(keyset);
        checked.map_err(|source| AdmissionError::Signatures { source })
    }
}

/// The distinct holders behind `signatures` whose keys have the role that `record` needs.
pub(crate) fn holders(keyset: &Keyset, record: &Record, signatures: &[EntrySignature]) -> BTreeSet<String> {
    let role = if matches!(record.body, Body::Keyset(_)) {
        Role::Root
    } else {
        Role::Sign
    };
    let members = signatures.iter().filter_map(|s| keyset.member(s.keyid));
    members
        .filter(|m| m.roles.contains(&role))
        .map(|m| m.holder.clone())
        .collect()
}

/// Admits the envelope in `body`, or says why not. Whoever sends an invitation along (`invited`) may create any name;
/// it is still to be redeemed.
pub(crate) fn admit(
    body: &[u8],
    rules: &Rules,
    invited: bool,
    publisher_of: impl FnOnce(&PublisherName) -> Option<super::Publisher>,
) -> Result<Admitted, AdmissionError> {
    let envelope = Envelope::parse(body)?;
    within(envelope.payload.len(), rules.max_payload_bytes)?;
    let record = Record::parse(&envelope.payload)?;
    let known = publisher_of(record.publisher());
    let mut by_invitation = false;
    let (keyset, signatures) = if let Body::Keyset(keyset) = &record.body {
        within(envelope.payload.len(), MAX_KEYSET_BYTES)?;
        match check_new_name(keyset, record.id, known.as_ref(), rules) {
            Err(AdmissionError::InviteRequired | AdmissionError::DomainProofRequired { .. }) if invited => {
                by_invitation = true;
            }
            checked => checked?,
        }
        let signatures = keyset.valid_signatures(&envelope);
        let checked = keyset.suffice_for_creation(&signatures);
        checked.map_err(|source| AdmissionError::Signatures { source })?;
        (Arc::new(keyset.clone()), signatures)
    } else {
        check_kind(&record)?;
        let keyset = check_publisher(&record, known)?;
        let signatures = keyset.valid_signatures(&envelope);
        let checked = keyset.suffice(Role::Sign, &signatures);
        checked.map_err(|source| AdmissionError::Signatures { source })?;
        (keyset, signatures)
    };
    let admitted = Admitted {
        record,
        payload: envelope.payload,
        signatures,
        keyset,
        by_invitation,
    };
    let found = admitted
        .entry(RootHash::from(Sha256Digest::OF_NOTHING))
        .to_bytes()
        .len();
    if found > MAX_ENTRY_BYTES {
        Err(AdmissionError::EntryTooLarge { found })
    } else {
        Ok(admitted)
    }
}

fn within(found: usize, limit: usize) -> Result<(), AdmissionError> {
    if found > limit {
        Err(AdmissionError::TooLarge { found, limit })
    } else {
        Ok(())
    }
}

/// Only kinds whose rules this version knows: what is logged stays for ever.
fn check_kind(record: &Record) -> Result<(), AdmissionError> {
    match record.kind.as_str() {
        SIGNATURE_TYPE | PROVENANCE_TYPE => Ok(()),
        kind => Err(AdmissionError::Unsupported {
            kind: kind.to_owned(),
            detail: "",
        }),
    }
}

/// The keyset in force of the publisher that the record names, by name and genesis.
fn check_publisher(record: &Record, known: Option<super::Publisher>) -> Result<Arc<Keyset>, AdmissionError> {
    let publisher = || record.publisher().clone();
    let known = known.ok_or_else(|| AdmissionError::PublisherUnknown {
        publisher: publisher(),
    })?;
    match record.artifact().map(|a| a.subject.genesis) {
        Some(found) if found != known.genesis => Err(AdmissionError::WrongGenesis {
            publisher: publisher(),
            wanted: known.genesis,
            found,
        }),
        _ => Ok(known.keyset),
    }
}

fn check_new_name(
    keyset: &Keyset,
    id: RecordId,
    known: Option<&super::Publisher>,
    rules: &Rules,
) -> Result<(), AdmissionError> {
    let publisher = keyset.publisher.clone();
    if keyset.version != 1 {
        let kind = provenance::statement::KEYSET_TYPE.to_owned();
        return Err(AdmissionError::Unsupported {
            kind,
            detail: " with a version above 1",
        });
    }
    match known {
        // The same keyset again: it will be answered with its first receipt.
        Some(known) if known.genesis == id => return Ok(()),
        Some(known) => {
            return Err(AdmissionError::PublisherExists {
                publisher,
                genesis: known.genesis,
            });
        }
        None => {}
    }
    if !keyset.origins.contains(&rules.origin) {
        return Err(AdmissionError::WrongOrigin {
            wanted: rules.origin.clone(),
            found: keyset.origins.clone(),
        });
    }
    if rules.mode == AdmissionMode::Invite {
        return Err(AdmissionError::InviteRequired);
    }
    if publisher.is_dotted() && !FREE_LABELS.contains(&publisher.last_label()) {
        return Err(AdmissionError::DomainProofRequired { publisher });
    }
    Ok(())
}

/// Looks a publisher up under a short read lock.
pub(crate) fn look_up(
    publishers: &std::sync::RwLock<Publishers>,
    name: &PublisherName,
) -> Option<super::Publisher> {
    publishers
        .read()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .get(name)
        .cloned()
}
