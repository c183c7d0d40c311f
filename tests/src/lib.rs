//! What the end-to-end tests share: the real server, the real command line, a real browser, models, and lies.
//!
//! # In scope
//! Starting and killing processes, reading what they print, driving browsers, generating models, standing
//! between client and server, and a log that lies on purpose.
//!
//! # Out of scope
//! Judging: every expectation stands in the test that has it. A broken set-up panics and says what to run.

#![expect(
    clippy::missing_panics_doc,
    reason = "a harness reports a broken set-up by panicking, everywhere"
)]

pub mod archive;
pub mod binaries;
pub mod browser;
pub mod cli;
pub mod corpus;
pub mod envelopes;
pub mod forgery;
pub mod host_page;
pub mod hostile;
pub mod http;
pub mod judges;
pub mod lab;
pub mod models;
pub mod outside;
pub mod page;
#[cfg(target_os = "linux")]
pub mod processes;
pub mod proxy;
pub mod python_tool;
pub mod registry;
#[cfg(target_os = "linux")]
pub mod strace;
pub mod tls_host;
pub mod torture;
pub mod wait;
