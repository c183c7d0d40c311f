//! The Weighbridge registry: takes signed records about models, keeps them in a transparency log, and serves
//! records, proofs and the Verify page.
//!
//! # In scope
//! HTTP ([`http`]), the log and its write path on one node ([`log`]), sidecars ([`blobs`]), the index
//! ([`index`]), the data folder ([`folder`]), configuration ([`config`]). A request goes http -> log -> files,
//! never deeper.
//!
//! # Out of scope
//! What records mean and how they are verified: that is `provenance`, which clients run themselves. Witnesses,
//! key rotation, advisories and several nodes come later; admission refuses what they would need.

mod badge;
pub mod blobs;
mod clock;
pub mod config;
mod durable;
pub mod folder;
pub mod http;
pub mod index;
pub mod invites;
pub mod limits;
pub mod log;
mod metrics;
mod pages;
mod rates;
mod server;
mod starter;
mod tickets;

pub use durable::DurableError;
pub use server::{App, Running, StartError, start};
