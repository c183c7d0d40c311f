//! The report: what a person or a program is told.

use serde::Serialize;

use super::{file_report::FileReport, junk::PointsTo};
use crate::{key::KeyId, publisher::PublisherName, record_id::RecordId};

/// One code a run ends with. A hash never says that a model is harmless, and no verdict does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// Every check held.
    Authentic,
    /// Every check held, and a newer record replaces this one.
    Superseded,
    /// The bytes differ from a record that the user named or whose publisher is trusted.
    Mismatch,
    /// Everything present matches, something is missing.
    Incomplete,
    /// No record matches.
    Unknown,
    /// The publisher withdrew the record.
    Withdrawn,
    /// An ancestor was withdrawn.
    Tainted,
    /// The bytes match, but not confirmed as current.
    Stale,
    /// The record holds, its publisher is not one the user chose to trust.
    Untrusted,
    /// The record, a proof or the log itself does not hold.
    LogFault,
    /// A file could not be read.
    Unreadable,
}

impl Verdict {
    /// The code's text form, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Authentic => "authentic",
            Self::Superseded => "superseded",
            Self::Mismatch => "mismatch",
            Self::Incomplete => "incomplete",
            Self::Unknown => "unknown",
            Self::Withdrawn => "withdrawn",
            Self::Tainted => "tainted",
            Self::Stale => "stale",
            Self::Untrusted => "untrusted",
            Self::LogFault => "log-fault",
            Self::Unreadable => "unreadable",
        }
    }

    /// The headline that people read.
    pub fn headline(self, subtype: Option<&str>) -> &'static str {
        match self {
            Self::Authentic => "Authentic",
            Self::Superseded => "Authentic, but replaced",
            Self::Mismatch if subtype == Some("extra") => "A file was added that is not on record",
            Self::Mismatch => "These files were changed",
            Self::Incomplete => "Incomplete",
            Self::Unknown if subtype == Some("near") => {
                "Not what was recorded, and you have not chosen whom to trust"
            }
            Self::Unknown => "No record of this file",
            Self::Withdrawn => "Withdrawn by its publisher",
            Self::Tainted => "A parent of this model is withdrawn",
            Self::Stale => "Matches, but we cannot confirm it is current",
            Self::Untrusted if subtype == Some("no-log") => "The bytes match a record that is not proved yet",
            Self::Untrusted => "Recorded by someone you have not chosen to trust",
            Self::LogFault if subtype == Some("split") => "The log contradicts itself",
            Self::LogFault => "This record does not hold",
            Self::Unreadable => "We could not read this",
        }
    }

    /// Exit code of the command line (docs/API.md).
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Authentic | Self::Superseded => 0,
            Self::Mismatch => 1,
            Self::Unknown => 3,
            Self::Withdrawn | Self::Tainted => 4,
            Self::Stale => 5,
            Self::Incomplete => 6,
            Self::Unreadable => 7,
            Self::LogFault => 9,
            Self::Untrusted => 10,
        }
    }
}

/// One named check. The names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Stable name, such as `inclusion`.
    pub name: String,
    /// Whether it held; none when it was not made.
    pub ok: Option<bool>,
    /// What was compared, or why the check was not made.
    pub detail: String,
}

impl Check {
    pub(super) fn held(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: Some(true),
            detail: detail.into(),
        }
    }

    pub(super) fn failed(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: Some(false),
            detail: detail.into(),
        }
    }

    pub(super) fn not_made(name: &str, detail: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ok: None,
            detail: detail.into(),
        }
    }
}

/// A key and its holder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyHolder {
    /// The key.
    pub keyid: KeyId,
    /// Who holds it, by the keyset's word.
    pub holder: String,
}

/// Who a record belongs to: what a user is asked to trust.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The name.
    pub publisher: PublisherName,
    /// The genesis id.
    pub genesis: RecordId,
    /// The keys that signed this record.
    pub signers: Vec<KeyHolder>,
    /// Whether the trust file pins name and genesis.
    pub pinned: bool,
    /// The genesis that the trust file pins for this name, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other_genesis: Option<RecordId>,
}

/// Where a record stands in the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogView {
    /// The log's origin.
    pub origin: String,
    /// Index of the record's entry.
    pub index: u64,
    /// Size of the tree that was proved.
    pub size: u64,
    /// Witnesses whose cosignatures were checked.
    pub witnesses: usize,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Format version, 1.
    pub v: u32,
    /// The code.
    pub verdict: Verdict,
    /// Its finer kind, where it has one.
    pub subtype: Option<String>,
    /// Headline for people.
    pub headline: String,
    /// One or two sentences.
    pub summary: String,
    /// What to do next, where there is something.
    pub next: Option<String>,
    /// The record compared with.
    pub record: Option<RecordId>,
    /// Its publisher, proved or not: see the checks.
    pub publisher: Option<PublisherName>,
    /// The artifact's name.
    pub name: Option<String>,
    /// The artifact's version.
    pub version: Option<String>,
    /// Who signed; only when proved.
    pub identity: Option<Identity>,
    /// Where it is logged; only when proved.
    pub log: Option<LogView>,
    /// Every check, in the order in which they were made.
    pub checks: Vec<Check>,
    /// Every file, listed or found.
    pub files: Vec<FileReport>,
    /// What Git LFS pointers given instead of files stand for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub points_to: Vec<PointsTo>,
    /// What all this does not prove.
    pub not_proven: Vec<String>,
}

impl Report {
    /// Whether a file was compared with the record, so that trust in it changes what is told.
    pub fn compares_files(&self) -> bool {
        self.files.iter().any(|file| file.verdict.is_compared())
    }

    /// The report when no record was found. `subtype` is that of junk.
    pub fn unknown(subtype: Option<&str>, detail: impl Into<String>) -> Self {
        let summary = match subtype {
            None => "No record of these bytes. That is normal for private, converted or old models and says nothing \
                     good or bad about them."
                .to_owned(),
            Some(_) => "What was read is not model weights, so there was nothing to look up.".to_owned(),
        };
        Self {
            v: 1,
            verdict: Verdict::Unknown,
            subtype: subtype.map(str::to_owned),
            headline: Verdict::Unknown.headline(subtype).to_owned(),
            summary,
            next: None,
            record: None,
            publisher: None,
            name: None,
            version: None,
            identity: None,
            log: None,
            checks: vec![Check {
                name: "lookup".into(),
                ok: Some(false),
                detail: detail.into(),
            }],
            files: Vec::new(),
            points_to: Vec::new(),
            not_proven: not_proven(),
        }
    }
}

/// What no verdict proves.
pub(super) fn not_proven() -> Vec<String> {
    [
        "That the model behaves well, is unbiased, or is fit for a purpose: a hash knows bytes, not behaviour.",
        "That its publisher is honest: the record shows who said what, not that it is true.",
        "That a program now running uses these files: only the files given were read.",
        "That its parents still stand: withdrawals of parents are not followed in this version.",
    ]
    .map(str::to_owned)
    .to_vec()
}
