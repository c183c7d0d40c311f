//! Verification: bytes and trust in, a report of named checks and one verdict out.
//!
//! Two calls of one pure function. [`open`] proves a record: its id, its place in a log that the user trusts,
//! the keys that signed it. [`Opened::judge`] then compares what a client hashed with what the record lists.
//! A client opens before it hashes, because the record says what to hash against.
//!
//! # In scope
//! Every rule of docs/SPEC.md, "Verification". Nothing that a registry says is believed on the way.
//!
//! # Out of scope
//! Fetching, hashing and showing. Domain proofs, advisories, lineage and witnesses' absence proofs come later;
//! where one would be needed the answer is "not confirmed", never "authentic".

mod compare;
mod fault;
mod file_report;
mod grade;
mod judge;
mod junk;
mod observation;
mod open;
mod opened;
mod pair;
mod publisher;
mod reading;
mod report;
mod words;

pub use file_report::{FileReport, FileVerdict};
pub use grade::{COMPLETE_BY_STRANGER, INCOMPLETE_BY_STRANGER, grade};
pub use junk::{Junk, JunkFile, LfsPointer, PointsTo, pointers, points_to, suspects};
pub use observation::{Bytes, Observation, OwnHeader, Scope, SeenFile};
pub use open::open;
pub use opened::{Opened, Standing};
pub use reading::to_read;
pub use report::{Check, Identity, KeyHolder, LogView, Report, Verdict};
