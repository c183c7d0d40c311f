//! The real server, through its command line and its HTTP API. One binary for all of these tests.

mod common;
mod publishing;
