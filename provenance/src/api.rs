//! JSON bodies of the registry's API, shared by server, command line and page (docs/API.md).
//!
//! Nothing here is believed: a client takes these bytes to [`crate::verify`], which proves them or says why not.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{digest::Sha256Digest, publisher::PublisherName, record::RecordId};

/// Bytes that travel in JSON as padded standard base64.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Base64Bytes(pub Vec<u8>);

impl std::fmt::Debug for Base64Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

impl Serialize for Base64Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD
            .decode(text.as_bytes())
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

/// Everything that proves one record: the receipt of a publish, and the answer of `/records/{id}/proof`. All
/// proofs are against one published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordProof {
    /// Format version, 1.
    pub v: u32,
    /// The record.
    pub record: RecordId,
    /// Its publisher.
    pub publisher: PublisherName,
    /// Its predicate type.
    pub kind: String,
    /// Index of its entry in the log.
    pub index: u64,
    /// Leaf hash of the entry.
    pub leaf_hash: Sha256Digest,
    /// The entry's text.
    pub entry: Base64Bytes,
    /// The entry's c2sp tlog-proof.
    pub proof: String,
    /// The publisher's state proof.
    pub state: String,
    /// Every keyset and advisory of the publisher, in log order.
    pub control: Vec<ControlEntry>,
}

/// A keyset or advisory with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlEntry {
    /// Index of its entry in the log.
    pub index: u64,
    /// The entry's text.
    pub entry: Base64Bytes,
    /// The payload.
    pub payload: Base64Bytes,
    /// The entry's c2sp tlog-proof.
    pub proof: String,
}

/// A problem document (RFC 9457). The code is stable and listed in docs/API.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Always `about:blank`; the code says more.
    #[serde(rename = "type", default = "about_blank")]
    pub type_: String,
    /// A few words for people.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// Stable, lowercase, hyphenated.
    pub code: String,
    /// What happened, where, why likely, and the next step.
    pub detail: String,
    /// Blobs to upload before the record can be logged; only with `blobs-missing`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingBlob>,
    /// Allows the uploads for an hour; only with `blobs-missing`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

fn about_blank() -> String {
    "about:blank".into()
}

/// A sidecar that a record names and the registry does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingBlob {
    /// SHA-256 of its bytes.
    pub digest: Sha256Digest,
    /// Chunk list or tensor index.
    pub kind: BlobKind,
    /// Its exact length in bytes, where the record implies it.
    pub length: Option<u64>,
    /// The most bytes that are taken.
    pub max_length: u64,
}

/// What a sidecar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobKind {
    /// Raw chunk digests.
    Chunks,
    /// A tensor index.
    Tensors,
}

/// A record in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The record.
    pub record: RecordId,
    /// Its publisher.
    pub publisher: PublisherName,
    /// Its predicate type.
    pub kind: String,
    /// Index of its entry in the log.
    pub index: u64,
    /// The artifact's name; the publisher's for a keyset.
    pub name: String,
    /// The artifact's version.
    pub version: Option<String>,
}

/// Answer of `/artifacts/{dirHash1}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// Records about these bytes.
    pub records: Vec<Summary>,
}

/// Answer of `/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SearchAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// What was found, newest first.
    pub results: Vec<Summary>,
}

/// Answer of `/publishers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishersAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// All publishers, by name.
    pub publishers: Vec<PublisherSummary>,
}

/// A publisher in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherSummary {
    /// Name.
    pub publisher: PublisherName,
    /// Genesis id.
    pub genesis: RecordId,
    /// Log index of the genesis.
    pub index: u64,
    /// Number of its records.
    pub records: u64,
}

/// Answer of `/publishers/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublisherAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// Name.
    pub publisher: PublisherName,
    /// Genesis id.
    pub genesis: RecordId,
    /// Log index of the genesis.
    pub index: u64,
    /// The keys in force.
    pub keys: Vec<KeySummary>,
    /// How many holders must sign.
    pub threshold: crate::keyset::Threshold,
    /// Its records, newest first.
    pub records: Vec<Summary>,
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySummary {
    /// The key.
    pub keyid: crate::key::KeyId,
    /// Who holds it.
    pub holder: String,
    /// What it may do.
    pub roles: Vec<crate::keyset::Role>,
}

/// Paths of the API, in one place for server and clients.
pub mod paths {
    use crate::{digest::Sha256Digest, publisher::PublisherName, record::RecordId};

    /// Takes envelopes.
    pub const ATTESTATIONS: &str = "/api/v1/attestations";
    /// Says how many hex digits a lookup takes.
    pub const LOOKUP: &str = "/api/v1/lookup";
    /// Lists publishers.
    pub const PUBLISHERS: &str = "/api/v1/publishers";
    /// The newest checkpoint.
    pub const CHECKPOINT: &str = "/log/checkpoint";
    /// The registry's own trust file.
    pub const TRUST: &str = "/trust";
    /// Header that carries an upload ticket.
    pub const TICKET_HEADER: &str = "Weighbridge-Ticket";

    /// A record's payload.
    pub fn record(id: &RecordId) -> String {
        format!("/api/v1/records/{id}")
    }

    /// A record's proof.
    pub fn record_proof(id: &RecordId) -> String {
        format!("/api/v1/records/{id}/proof")
    }

    /// A sidecar.
    pub fn blob(digest: &Sha256Digest) -> String {
        format!("/api/v1/blobs/{digest}")
    }

    /// All keys that start with `prefix`.
    pub fn lookup(prefix: &str) -> String {
        format!("/api/v1/lookup/{prefix}")
    }

    /// Records about the artifact with this `dirHash1`.
    pub fn artifact(dir_hash1: &Sha256Digest) -> String {
        format!("/api/v1/artifacts/{dir_hash1}")
    }

    /// One publisher.
    pub fn publisher(name: &PublisherName) -> String {
        format!("/api/v1/publishers/{name}")
    }
}
