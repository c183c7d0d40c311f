//! The name of a record.

use std::{fmt, str::FromStr};

use serde::Serialize;

use crate::{
    digest::{DigestError, Sha256Digest},
    json::{At, FromJson, WrongValue},
};

/// Names a record: the SHA-256 of its DSSE payload bytes, 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RecordId(Sha256Digest);

impl RecordId {
    /// The id of the record whose payload is `payload`.
    pub fn of_payload(payload: &[u8]) -> Self {
        Self(Sha256Digest::of(payload))
    }

    /// The id whose digest is `digest`.
    pub const fn from_digest(digest: Sha256Digest) -> Self {
        Self(digest)
    }

    /// The digest behind the id.
    pub const fn digest(&self) -> &Sha256Digest {
        &self.0
    }
}

impl FromStr for RecordId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

impl FromJson for RecordId {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.parse()
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
