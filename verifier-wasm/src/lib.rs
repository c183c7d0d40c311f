//! Hashing in the browser: what runs in a worker, and the messages that page and worker exchange.
//!
//! # In scope
//! Reading a `File` piece by piece and giving back the SHA-256 of every 4 MiB chunk. Memory does not grow with
//! the file: two buffers of one chunk each.
//!
//! # Out of scope
//! Proofs, records and verdicts: the page calls `provenance::verify` for those, which takes milliseconds.
//!
//! # Which file runs where
//! | file | thread |
//! |---|---|
//! | [`protocol`] | both |
//! | [`hasher`] | worker; plain Rust, tested natively |
//! | `blob_source`, `digester`, `worker` | worker, wasm only |

#[cfg(target_family = "wasm")]
mod blob_source;
#[cfg(target_family = "wasm")]
mod digester;
pub mod hasher;
pub mod protocol;
#[cfg(target_family = "wasm")]
pub mod worker;
