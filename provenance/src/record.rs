//! Records: the payloads of the log, parsed and checked against themselves.
//!
//! A record is an in-toto Statement v1 whose `predicateType` says what it is about (docs/SPEC.md, "Records").
//! Everything that the payload alone can prove is checked here: its one subject, its required annotations, and
//! that its digests are those of the files it lists. Who signed it and whether it was logged is not.

mod provenance;
mod signature;
mod subject;
#[cfg(test)]
mod tests;

use crate::{
    digest::Sha256Digest,
    dsse::MAX_PAYLOAD_BYTES,
    entry::is_valid_kind,
    json::{At, FromJson as _, JsonError, WrongValue, parse_strict},
    keyset::Keyset,
    manifest::{Manifest, ManifestError},
    publisher::PublisherName,
    record_id::RecordId,
    statement::{self, Run, SubjectFacts},
};

pub use self::provenance::is_decimal;

/// Longest name, version, role or address in a record, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Most addresses, provenance ids, inputs and metrics in one record.
pub const MAX_LIST: usize = 1024;

/// A parsed record. Parsed is not trusted: see [`crate::verify`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its predicate type.
    pub kind: String,
    /// What it says.
    pub body: Body,
}

/// What a record says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Body {
    /// What bytes.
    Signature(SignatureRecord),
    /// How made, from what.
    Provenance(ProvenanceRecord),
    /// Who may sign.
    Keyset(Keyset),
    /// Anything else that has a publisher and a subject: evaluations, verification summaries, advisories.
    Other(ArtifactFacts),
}

/// Who says something about which artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactFacts {
    /// Publisher, genesis, name, version and addresses.
    pub subject: SubjectFacts,
    /// The artifact's OMS root, a lookup key only.
    pub oms_root: Sha256Digest,
    /// The artifact's identity.
    pub dir_hash1: Sha256Digest,
}

/// A signature record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureRecord {
    /// About what.
    pub artifact: ArtifactFacts,
    /// The files.
    pub manifest: Manifest,
    /// Records that say how the artifact was made.
    pub provenance: Vec<RecordId>,
}

/// A provenance record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenanceRecord {
    /// About what.
    pub artifact: ArtifactFacts,
    /// How it was made.
    pub run: Run,
}

/// Why bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// Not strict JSON.
    #[error("the statement does not parse: {0}")]
    Json(#[from] JsonError),
    /// A member that is missing, of the wrong type, or of another value.
    #[error("the statement's {0}")]
    Member(#[from] WrongValue),
    /// The files do not make a manifest.
    #[error("the statement's file list: {0}")]
    Manifest(#[from] ManifestError),
    /// The subject's digest is not that of the files listed.
    #[error("the subject's {digest} is {stated:?}, but that of the listed files is {computed:?}")]
    SubjectDigest {
        /// `sha256` or `dirHash1`.
        digest: &'static str,
        /// Digest in the subject.
        stated: Sha256Digest,
        /// Digest of the list.
        computed: Sha256Digest,
    },
}

impl Record {
    /// Parses a payload of at most [`MAX_PAYLOAD_BYTES`].
    ///
    /// # Errors
    /// [`RecordError`], naming the member.
    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let statement = parse_strict(payload, MAX_PAYLOAD_BYTES)?;
        let statement = At::new(&statement);
        let type_ = statement.member("_type")?;
        if type_.text()? != statement::STATEMENT_TYPE {
            return Err(type_
                .wrong(&format!("is not {}", statement::STATEMENT_TYPE))
                .into());
        }
        let subjects = statement.member("subject")?;
        let mut items = subjects.items()?;
        let (Some(subject), None) = (items.next(), items.next()) else {
            return Err(subjects.wrong("does not name exactly one artifact").into());
        };
        let kind = statement.member("predicateType")?;
        if !is_valid_kind(kind.text()?) {
            return Err(kind.wrong("is not a type URI of printable characters").into());
        }
        let predicate = statement.member("predicate")?;
        let body = match kind.text()? {
            statement::KEYSET_TYPE => Body::Keyset(subject::keyset(subject, predicate)?),
            statement::SIGNATURE_TYPE => Body::Signature(signature::read(subject, predicate)?),
            statement::PROVENANCE_TYPE => Body::Provenance(provenance::read(subject, predicate)?),
            _ => Body::Other(subject::artifact(subject)?),
        };
        Ok(Self {
            id: RecordId::of_payload(payload),
            kind: String::from_json(kind)?,
            body,
        })
    }

    /// The one publisher whose record this is.
    pub fn publisher(&self) -> &PublisherName {
        match &self.body {
            Body::Keyset(keyset) => &keyset.publisher,
            _ => {
                &self
                    .artifact()
                    .expect("every other body has an artifact")
                    .subject
                    .publisher
            }
        }
    }

    /// About which artifact; none for a keyset.
    pub fn artifact(&self) -> Option<&ArtifactFacts> {
        match &self.body {
            Body::Signature(r) => Some(&r.artifact),
            Body::Provenance(r) => Some(&r.artifact),
            Body::Other(artifact) => Some(artifact),
            Body::Keyset(_) => None,
        }
    }

    /// The files; only a signature record lists them.
    pub fn manifest(&self) -> Option<&Manifest> {
        match &self.body {
            Body::Signature(r) => Some(&r.manifest),
            _ => None,
        }
    }
}
