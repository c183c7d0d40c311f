//! The real server, through its command line and its HTTP API. One binary for all of these tests.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod algorithms;
mod common;
mod publishing;
mod restart;
mod serving;
