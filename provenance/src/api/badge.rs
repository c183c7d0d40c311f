//! What other people's pages read about a record (docs/API.md, "Badges").

use serde::Serialize;

use super::RecordProof;
use crate::{
    json::{At, FromJson, WrongValue},
    record_id::RecordId,
};

/// Answer of `/badge/v1/{reference}.json`: what a badge says, and everything that proves it but the payload.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BadgeDocument {
    /// Format version, 1.
    pub v: u32,
    /// The state, as a word.
    pub state: String,
    /// Left half of the badge.
    pub label: String,
    /// Right half.
    pub message: String,
    /// The record.
    pub record: RecordId,
    /// Its publisher's genesis.
    pub genesis: RecordId,
    /// The artifact's name.
    pub name: String,
    /// The artifact's version.
    pub version: Option<String>,
    /// Where the payload is, on the same server.
    pub payload: String,
    /// The record's page, on the same server.
    pub page: String,
    /// The proof.
    pub proof: RecordProof,
}

impl FromJson for BadgeDocument {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            state: at.get("state")?,
            label: at.get("label")?,
            message: at.get("message")?,
            record: at.get("record")?,
            genesis: at.get("genesis")?,
            name: at.get("name")?,
            version: at.get_optional("version")?,
            payload: at.get("payload")?,
            page: at.get("page")?,
            proof: at.get("proof")?,
        })
    }
}

/// Answer of `/badge/v1/{reference}/shields.json`: exactly the members that shields.io reads from an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShieldsBadge {
    /// Always 1.
    pub schema_version: u32,
    /// Left half.
    pub label: String,
    /// Right half.
    pub message: String,
    /// Six hex digits.
    pub color: String,
    /// How long to keep it.
    pub cache_seconds: u32,
    /// Whether the embedding page must not recolour it.
    pub is_error: bool,
}

/// Answer of `/e/`: the scripts for `<model-provenance>` that are served.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptsAnswer {
    /// Format version, 1.
    pub v: u32,
    /// The scripts, newest first.
    pub versions: Vec<ScriptVersion>,
}

impl FromJson for ScriptsAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            versions: at.get("versions")?,
        })
    }
}

/// A script that never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptVersion {
    /// Its version.
    pub version: String,
    /// Its address, on the same server.
    pub path: String,
    /// For the `integrity` attribute.
    pub integrity: String,
}

impl FromJson for ScriptVersion {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            version: at.get("version")?,
            path: at.get("path")?,
            integrity: at.get("integrity")?,
        })
    }
}
