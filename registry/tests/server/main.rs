//! The real server, through its command line and its HTTP API. One binary for all of these tests.

#![expect(clippy::unwrap_used, reason = "a helper that fails fails its test")]

mod algorithms;
mod attacks;
mod common;
#[path = "../../../tests/src/corpus.rs"]
#[expect(unreachable_pub, reason = "public in the package that shares it")]
mod corpus;
mod hostile;
mod publishing;
mod restart;
mod serving;
