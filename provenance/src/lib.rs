//! Model provenance, pure: the domain of Weighbridge.
//!
//! Bytes go in, values and verdicts come out. The registry, the command line and the browser all call this
//! one crate, so there is one answer to "is this the file that the lab published?".
//!
//! # In scope
//! Digests, relative paths, manifests, chunk lists and tensor indexes; DSSE envelopes and in-toto statements;
//! keys; OpenSSF Model Signing bundles; C2SP signed notes, checkpoints, cosignatures and tlog-proofs; the RFC 6962 tree and its tiles; log
//! entries and the state tree; the trust file; [`verify`], which joins them into a report and a verdict.
//!
//! # Out of scope
//! Files, sockets, clocks and randomness. Callers bring bytes, seeds and the time as arguments.
//!
//! # Map
//! Data flows one way: bytes are *parsed* ([`record`], [`entry`], [`note`]), parsed values become *trusted*
//! through a [`trust::TrustFile`], and only trusted values reach a verdict in [`verify`].

pub mod api;
pub mod audit;
pub mod bundle;
pub mod checkpoint;
pub mod chunk;
pub mod cosignature;
pub mod digest;
pub mod domain_proof;
pub mod dsse;
pub mod entry;
pub mod evidence;
pub mod folder;
pub mod json;
pub mod key;
pub mod keyset;
pub mod lookup;
pub mod manifest;
pub mod merkle;
pub mod note;
pub mod oms;
pub mod order;
pub mod path;
pub mod publisher;
pub mod record;
mod record_id;
pub mod state;
pub mod statement;
pub mod tensor;
pub mod tlog_proof;
pub mod trust;
mod unicode;
pub mod verify;

pub use digest::{Sha256Digest, Sha256Hasher};
pub use publisher::PublisherName;
pub use record_id::RecordId;
