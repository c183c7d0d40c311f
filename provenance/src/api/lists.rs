//! Lists: of records, of publishers, and how the log grew.

use serde::Serialize;

use crate::{
    json::{At, FromJson, WrongValue},
    key::KeyId,
    keyset::{Role, Threshold},
    publisher::PublisherName,
    record_id::RecordId,
    statement,
};

/// A record in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// The record.
    pub record: RecordId,
    /// Its publisher.
    pub publisher: PublisherName,
    /// Its predicate type.
    pub kind: String,
    /// Index of its entry in the log.
    pub index: u64,
    /// The artifact's name; the publisher's for a keyset.
    pub name: String,
    /// The artifact's version.
    pub version: Option<String>,
    /// When the registry took it in, in POSIX seconds: its own word, and of its newest index. A log has no times.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taken_at: Option<u64>,
}

impl Summary {
    /// Name and version as people read them.
    pub fn title(&self) -> String {
        statement::title(&self.name, self.version.as_deref())
    }
}

impl FromJson for Summary {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            record: at.get("record")?,
            publisher: at.get("publisher")?,
            kind: at.get("kind")?,
            index: at.get("index")?,
            name: at.get("name")?,
            version: at.get_optional("version")?,
            taken_at: at.get_optional("taken_at")?,
        })
    }
}

/// Answer of `/artifacts/{dirHash1}`, oldest first, and of `/log/newest`, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RecordsAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// Records about these bytes, or the newest of everybody.
    pub records: Vec<Summary>,
}

impl FromJson for RecordsAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            records: at.get("records")?,
        })
    }
}

/// Answer of `/search`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SearchAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// What was found, newest first.
    pub results: Vec<Summary>,
}

impl FromJson for SearchAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            results: at.get("results")?,
        })
    }
}

/// Answer of `/log/growth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct GrowthAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// How large the log was when, smallest first; none while it is empty.
    pub points: Vec<GrowthPoint>,
}

impl FromJson for GrowthAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            points: at.get("points")?,
        })
    }
}

/// One moment in the growth of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct GrowthPoint {
    /// Entries that it had.
    pub size: u64,
    /// When the registry took the last of them in, in POSIX seconds: its own word.
    pub taken_at: u64,
}

impl FromJson for GrowthPoint {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            size: at.get("size")?,
            taken_at: at.get("taken_at")?,
        })
    }
}

/// Answer of `/publishers`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublishersAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// All publishers, by name.
    pub publishers: Vec<PublisherSummary>,
}

impl FromJson for PublishersAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            publishers: at.get("publishers")?,
        })
    }
}

/// A publisher in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublisherSummary {
    /// Name.
    pub publisher: PublisherName,
    /// Genesis id.
    pub genesis: RecordId,
    /// Log index of the genesis.
    pub index: u64,
    /// Number of its records.
    pub records: u64,
}

impl FromJson for PublisherSummary {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            publisher: at.get("publisher")?,
            genesis: at.get("genesis")?,
            index: at.get("index")?,
            records: at.get("records")?,
        })
    }
}

/// Answer of `/publishers/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublisherAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// Name.
    pub publisher: PublisherName,
    /// Genesis id.
    pub genesis: RecordId,
    /// Log index of the genesis.
    pub index: u64,
    /// The keys in force.
    pub keys: Vec<KeySummary>,
    /// How many holders must sign.
    pub threshold: Threshold,
    /// How many records it has.
    pub count: u64,
    /// Its records, newest first; a list has an end, and the older ones are asked for by the index of its last.
    pub records: Vec<Summary>,
}

impl FromJson for PublisherAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            publisher: at.get("publisher")?,
            genesis: at.get("genesis")?,
            index: at.get("index")?,
            keys: at.get("keys")?,
            threshold: at.get("threshold")?,
            count: at.get("count")?,
            records: at.get("records")?,
        })
    }
}

/// A key in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeySummary {
    /// The key.
    pub keyid: KeyId,
    /// Who holds it.
    pub holder: String,
    /// What it may do.
    pub roles: Vec<Role>,
}

impl FromJson for KeySummary {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            keyid: at.get("keyid")?,
            holder: at.get("holder")?,
            roles: at.get("roles")?,
        })
    }
}
