//! Paths of the API, in one place for server and clients.

use crate::{digest::Sha256Digest, merkle::tile::TileCoord, publisher::PublisherName, record_id::RecordId};

/// Takes envelopes.
pub const ATTESTATIONS: &str = "/api/v1/attestations";
/// Says how many hex digits a lookup takes.
pub const LOOKUP: &str = "/api/v1/lookup";
/// Lists publishers.
pub const PUBLISHERS: &str = "/api/v1/publishers";
/// Searches by words.
pub const SEARCH: &str = "/api/v1/search";
/// The newest records of everybody.
pub const NEWEST: &str = "/api/v1/log/newest";
/// How the log has grown.
pub const GROWTH: &str = "/api/v1/log/growth";
/// Describes the API.
pub const OPENAPI: &str = "/api/v1/openapi.json";
/// The newest checkpoint.
pub const CHECKPOINT: &str = "/log/checkpoint";
/// The registry's own trust file.
pub const TRUST: &str = "/trust";
/// Header that carries an upload ticket.
pub const TICKET_HEADER: &str = "Weighbridge-Ticket";
/// Header that carries an invitation to create a publisher.
pub const INVITE_HEADER: &str = "Weighbridge-Invite";

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

/// One publisher, with those of its records that came before entry `index`.
pub fn publisher_before(name: &PublisherName, index: u64) -> String {
    format!("{}?before={index}", publisher(name))
}

/// One publisher's records as an Atom feed.
pub fn feed(name: &PublisherName) -> String {
    format!("/api/v1/publishers/{name}/feed.atom")
}

/// A tile of the log.
pub fn tile(tile: &TileCoord) -> String {
    format!("/log/{tile}")
}

/// The badge document of a record.
pub fn badge(id: &RecordId) -> String {
    format!("/badge/v1/{id}.json")
}
