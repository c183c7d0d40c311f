//! JSON bodies of the registry's API, shared by server, command line and page (docs/API.md).
//!
//! Nothing here is believed: a client takes these bytes to [`crate::verify`], which proves them or says why not.

mod badge;
mod lists;
pub mod paths;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};

pub use badge::{BadgeDocument, ScriptVersion, ScriptsAnswer, ShieldsBadge};
pub use lists::{
    GrowthAnswer, GrowthPoint, KeySummary, PublisherAnswer, PublisherSummary, PublishersAnswer,
    RecordsAnswer, SearchAnswer, Summary,
};

use crate::{
    digest::Sha256Digest,
    json::{At, FromJson, WrongValue},
    publisher::PublisherName,
    record_id::RecordId,
};

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

impl FromJson for Base64Bytes {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        let bytes = STANDARD.decode(at.text()?);
        bytes
            .map(Self)
            .map_err(|_| at.wrong("is not padded standard base64"))
    }
}

/// Everything that proves one record: the receipt of a publish, and the answer of `/records/{id}/proof`. All
/// proofs are against one published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl FromJson for RecordProof {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            record: at.get("record")?,
            publisher: at.get("publisher")?,
            kind: at.get("kind")?,
            index: at.get("index")?,
            leaf_hash: at.get("leaf_hash")?,
            entry: at.get("entry")?,
            proof: at.get("proof")?,
            state: at.get("state")?,
            control: at.get("control")?,
        })
    }
}

/// A keyset or advisory with its proof.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl FromJson for ControlEntry {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            index: at.get("index")?,
            entry: at.get("entry")?,
            payload: at.get("payload")?,
            proof: at.get("proof")?,
        })
    }
}

/// A problem document (RFC 9457). The code is stable and listed in docs/API.md.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// Always `about:blank`; the code says more.
    #[serde(rename = "type")]
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<MissingBlob>,
    /// Allows the uploads for an hour; only with `blobs-missing`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

impl FromJson for Problem {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            type_: at
                .find("type")?
                .map_or_else(|| Ok("about:blank".to_owned()), String::from_json)?,
            title: at.get("title")?,
            status: at.get("status")?,
            code: at.get("code")?,
            detail: at.get("detail")?,
            missing: at.get_or_default("missing")?,
            ticket: at.get_optional("ticket")?,
        })
    }
}

/// A sidecar that a record names and the registry does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

impl FromJson for MissingBlob {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            digest: at.get("digest")?,
            kind: at.get("kind")?,
            length: at.get_optional("length")?,
            max_length: at.get("max_length")?,
        })
    }
}

/// What a sidecar is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum BlobKind {
    /// Raw chunk digests.
    Chunks,
    /// A tensor index.
    Tensors,
}

impl FromJson for BlobKind {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.word(&[("chunks", Self::Chunks), ("tensors", Self::Tensors)])
    }
}
