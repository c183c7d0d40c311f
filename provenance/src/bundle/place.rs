//! The names that members of a bundle have, and what may stand behind each.

use std::fmt;

use super::{MAX_BLOB_BYTES, tar::MAX_NAME};
use crate::{
    digest::Sha256Digest,
    dsse::MAX_PAYLOAD_BYTES,
    entry::{MAX_ENTRY_BYTES, decimal},
    note::MAX_NOTE_BYTES,
    publisher::PublisherName,
    record_id::RecordId,
    state::MAX_STATE_PROOF_BYTES,
    tlog_proof::MAX_TLOG_PROOF_BYTES,
};

/// What a member is, as its name says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A chunk list or tensor index.
    Blob(Sha256Digest),
    /// The one checkpoint.
    Checkpoint,
    /// The entry at an index of the log.
    Entry(u64),
    /// A record's payload.
    Payload(RecordId),
    /// The inclusion proof of the entry at an index.
    Proof(u64),
    /// A publisher's state proof.
    State(PublisherName),
}

impl Place {
    /// Reads a name, in its one spelling.
    pub(super) fn parse(name: &str) -> Option<Self> {
        let Some((folder, rest)) = name.split_once('/') else {
            return (name == "checkpoint").then_some(Self::Checkpoint);
        };
        Some(match folder {
            "blob" => Self::Blob(rest.parse().ok()?),
            "entry" => Self::Entry(decimal(rest)?),
            "payload" => Self::Payload(rest.parse().ok()?),
            "proof" => Self::Proof(decimal(rest.strip_suffix(".tlog-proof")?)?),
            "state" => Self::State(rest.parse().ok()?),
            _ => return None,
        })
    }

    /// The name, when the archive can hold it: that of a publisher may be too long.
    pub(super) fn name(&self) -> Option<String> {
        Some(self.to_string()).filter(|name| name.len() <= MAX_NAME)
    }

    /// Most bytes of such a member.
    pub(super) fn limit(&self) -> usize {
        match self {
            Self::Blob(_) => MAX_BLOB_BYTES,
            Self::Checkpoint => MAX_NOTE_BYTES,
            Self::Entry(_) => MAX_ENTRY_BYTES,
            Self::Payload(_) => MAX_PAYLOAD_BYTES,
            Self::Proof(_) => MAX_TLOG_PROOF_BYTES,
            Self::State(_) => MAX_STATE_PROOF_BYTES,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blob(digest) => write!(f, "blob/{digest}"),
            Self::Checkpoint => f.write_str("checkpoint"),
            Self::Entry(index) => write!(f, "entry/{index}"),
            Self::Payload(id) => write!(f, "payload/{id}"),
            Self::Proof(index) => write!(f, "proof/{index}.tlog-proof"),
            Self::State(publisher) => write!(f, "state/{publisher}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_spelling() {
        let digest = Sha256Digest::of(b"x");
        let places = [
            Place::Blob(digest),
            Place::Checkpoint,
            Place::Entry(0),
            Place::Payload(RecordId::of_payload(b"x")),
            Place::Proof(u64::MAX),
            Place::State("acme.example".parse().unwrap()),
        ];
        for place in places {
            assert_eq!(Place::parse(&place.name().unwrap()), Some(place));
        }
        let upper = format!("blob/{}", digest.to_string().to_uppercase());
        for name in [
            "",
            "blob/",
            "checkpoint/",
            "/checkpoint",
            "./checkpoint",
            "entry/00",
            "entry/-1",
            "entry/18446744073709551616",
            "proof/1",
            "state/Acme.example",
            "state/../checkpoint",
            "trust",
            &upper,
        ] {
            assert_eq!(Place::parse(name), None, "{name}");
        }
    }

    #[test]
    fn a_publisher_whose_name_is_too_long_for_the_archive_has_no_place() {
        let name = |label: usize| format!("{}.{}", "a".repeat(label), "b".repeat(40));
        assert!(Place::State(name(53).parse().unwrap()).name().is_some());
        assert!(Place::State(name(54).parse().unwrap()).name().is_none());
    }
}
