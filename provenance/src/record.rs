//! Records: the payloads of the log, parsed and checked against themselves.
//!
//! A record is an in-toto Statement v1 whose `predicateType` says what it is about (docs/SPEC.md, "Records").
//! Everything that the payload alone can prove is checked here: its one subject, its required annotations, and
//! that its digests are those of the files it lists. Who signed it and whether it was logged is not.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{
    chunk::CHUNK_SIZE,
    digest::{DigestError, Sha256Digest},
    dsse::MAX_PAYLOAD_BYTES,
    entry::is_valid_kind,
    json::{JsonError, parse_strict},
    keyset::Keyset,
    manifest::{Manifest, ManifestError, ManifestFile},
    path::{RelativePath, is_hidden_character},
    publisher::PublisherName,
    statement::{self, Input, Run, SubjectFacts},
};

/// Longest name, version, role or address in a record, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Most addresses, provenance ids, inputs and metrics in one record.
pub const MAX_LIST: usize = 1024;

/// Names a record: the SHA-256 of its DSSE payload bytes, 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    #[error("the statement's {member} {reason}")]
    Member {
        /// Which member, as a path.
        member: String,
        /// What is wrong with it.
        reason: String,
    },
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

impl RecordError {
    fn member(member: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Member {
            member: member.into(),
            reason: reason.into(),
        }
    }
}

impl Record {
    /// Parses a payload of at most [`MAX_PAYLOAD_BYTES`].
    ///
    /// # Errors
    /// [`RecordError`], naming the member.
    pub fn parse(payload: &[u8]) -> Result<Self, RecordError> {
        let wire: WireStatement = from_value("members", parse_strict(payload, MAX_PAYLOAD_BYTES)?)?;
        if wire.type_ != statement::STATEMENT_TYPE {
            return Err(RecordError::member(
                "_type",
                format!("is not {}", statement::STATEMENT_TYPE),
            ));
        }
        let Ok([subject]) = <[WireSubject; 1]>::try_from(wire.subject) else {
            return Err(RecordError::member(
                "subject",
                "does not name exactly one artifact",
            ));
        };
        if !is_valid_kind(&wire.predicate_type) {
            return Err(RecordError::member(
                "predicateType",
                "is not a type URI of printable characters",
            ));
        }
        let body = match wire.predicate_type.as_str() {
            statement::KEYSET_TYPE => Body::Keyset(keyset(&subject, wire.predicate)?),
            statement::SIGNATURE_TYPE => Body::Signature(signature(&subject, wire.predicate)?),
            statement::PROVENANCE_TYPE => Body::Provenance(provenance(&subject, wire.predicate)?),
            _ => Body::Other(artifact(&subject)?),
        };
        Ok(Self {
            id: RecordId::of_payload(payload),
            kind: wire.predicate_type,
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

#[derive(Deserialize)]
struct WireStatement {
    #[serde(rename = "_type")]
    type_: String,
    subject: Vec<WireSubject>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Value,
}

#[derive(Deserialize)]
struct WireSubject {
    name: String,
    digest: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, Value>,
}

fn from_value<T: DeserializeOwned>(member: &str, value: Value) -> Result<T, RecordError> {
    serde_json::from_value(value)
        .map_err(|e| RecordError::member(member, format!("are not as expected: {e}")))
}

/// Checks text that people will be shown: bounded, not empty, nothing hidden.
fn text(member: &str, text: String) -> Result<String, RecordError> {
    let fits = !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(is_hidden_character);
    if fits {
        Ok(text)
    } else {
        Err(RecordError::member(
            member,
            "is empty, too long or has hidden characters",
        ))
    }
}

fn digest(subject: &WireSubject, name: &'static str) -> Result<Sha256Digest, RecordError> {
    let member = || format!("subject.digest.{name}");
    let found = subject
        .digest
        .get(name)
        .ok_or_else(|| RecordError::member(member(), "is missing"))?;
    found
        .parse()
        .map_err(|e: DigestError| RecordError::member(member(), e.to_string()))
}

/// The annotation `name`; missing ones read as `null`.
fn annotation<T: DeserializeOwned>(subject: &WireSubject, name: &str) -> Result<T, RecordError> {
    let value = subject.annotations.get(name).cloned().unwrap_or(Value::Null);
    let wrong = |e| {
        RecordError::member(
            format!("subject annotation {name}"),
            format!("is missing or wrong: {e}"),
        )
    };
    serde_json::from_value(value).map_err(wrong)
}

/// A list annotation: at most [`MAX_LIST`] items, and left out rather than empty.
fn list<T: DeserializeOwned>(subject: &WireSubject, name: &str) -> Result<Vec<T>, RecordError> {
    match annotation::<Option<Vec<T>>>(subject, name)? {
        Some(items) if items.is_empty() || items.len() > MAX_LIST => {
            let reason = format!(
                "has {} items; it is left out when empty and has at most {MAX_LIST}",
                items.len()
            );
            Err(RecordError::member(format!("subject annotation {name}"), reason))
        }
        items => Ok(items.unwrap_or_default()),
    }
}

fn artifact(subject: &WireSubject) -> Result<ArtifactFacts, RecordError> {
    let version: Option<String> = annotation(subject, "weighbridge_version")?;
    let official: Vec<String> = list(subject, "weighbridge_official")?;
    let facts = SubjectFacts {
        publisher: annotation(subject, "weighbridge_publisher")?,
        genesis: annotation(subject, "weighbridge_genesis")?,
        name: text(
            "subject annotation weighbridge_name",
            annotation(subject, "weighbridge_name")?,
        )?,
        version: version
            .map(|v| text("subject annotation weighbridge_version", v))
            .transpose()?,
        official: official
            .into_iter()
            .map(|url| text("subject annotation weighbridge_official", url))
            .collect::<Result<_, _>>()?,
    };
    text("subject.name", subject.name.clone())?;
    let (oms_root, dir_hash1) = (digest(subject, "sha256")?, digest(subject, "dirHash1")?);
    Ok(ArtifactFacts {
        subject: facts,
        oms_root,
        dir_hash1,
    })
}

fn keyset(subject: &WireSubject, predicate: Value) -> Result<Keyset, RecordError> {
    let keyset: Keyset = from_value("keyset members", predicate)?;
    let name = keyset.publisher.as_str();
    if subject.name != name || digest(subject, "sha256")? != Sha256Digest::of(name.as_bytes()) {
        return Err(RecordError::member("subject", "of a keyset is not its publisher"));
    }
    if let Some(name) = subject
        .annotations
        .keys()
        .find(|name| name.starts_with("weighbridge_"))
    {
        return Err(RecordError::member(
            format!("subject annotation {name}"),
            "has no place in a keyset",
        ));
    }
    Ok(keyset)
}

fn signature(subject: &WireSubject, predicate: Value) -> Result<SignatureRecord, RecordError> {
    #[derive(Deserialize)]
    struct Predicate {
        serialization: Serialization,
        resources: Vec<Resource>,
    }
    #[derive(Deserialize)]
    struct Serialization {
        method: String,
        hash_type: String,
    }
    #[derive(Deserialize)]
    struct Resource {
        name: String,
        algorithm: String,
        digest: Sha256Digest,
        annotations: Annotations,
    }
    #[derive(Deserialize)]
    struct Annotations {
        #[serde(rename = "weighbridge_size")]
        size: u64,
        #[serde(rename = "weighbridge_chunk_size")]
        chunk_size: u64,
        #[serde(rename = "weighbridge_chunks")]
        chunks: Sha256Digest,
        #[serde(rename = "weighbridge_chunk0")]
        chunk0: Sha256Digest,
        #[serde(rename = "weighbridge_tensors")]
        tensors: Option<Sha256Digest>,
    }
    let Predicate {
        serialization,
        resources,
    } = from_value("predicate members", predicate)?;
    if serialization.method != "files" || serialization.hash_type != "sha256" {
        let reason = "is not the method files with sha256, the only one that is supported";
        return Err(RecordError::member("predicate.serialization", reason));
    }
    let mut files = Vec::with_capacity(resources.len());
    for Resource {
        name,
        algorithm,
        digest,
        annotations,
    } in resources
    {
        let wrong = |reason: String| RecordError::member(format!("file {name:?}"), reason);
        let path: RelativePath = name
            .parse()
            .map_err(|e| wrong(format!("has no acceptable path: {e}")))?;
        if algorithm != "sha256" {
            return Err(wrong(format!(
                "is listed with the hash {algorithm:?}; only sha256 is supported"
            )));
        }
        if annotations.chunk_size != CHUNK_SIZE {
            let found = annotations.chunk_size;
            return Err(wrong(format!(
                "has chunks of {found} bytes; version 1 knows only {CHUNK_SIZE}"
            )));
        }
        files.push(ManifestFile {
            path,
            size: annotations.size,
            sha256: digest,
            chunks: annotations.chunks,
            chunk0: annotations.chunk0,
            tensors: annotations.tensors,
        });
    }
    if !files.is_sorted_by(|a, b| a.path < b.path) {
        return Err(RecordError::member(
            "predicate.resources",
            "are not sorted by name",
        ));
    }
    let (artifact, manifest) = (artifact(subject)?, Manifest::new(files)?);
    let digests = [
        ("sha256", artifact.oms_root, manifest.oms_root()),
        ("dirHash1", artifact.dir_hash1, manifest.dir_hash1()),
    ];
    for (digest, stated, computed) in digests {
        if stated != computed {
            return Err(RecordError::SubjectDigest {
                digest,
                stated,
                computed,
            });
        }
    }
    let provenance = list(subject, "weighbridge_provenance")?;
    Ok(SignatureRecord {
        artifact,
        manifest,
        provenance,
    })
}

fn provenance(subject: &WireSubject, predicate: Value) -> Result<ProvenanceRecord, RecordError> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Predicate {
        build_definition: Definition,
        run_details: Details,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Definition {
        build_type: String,
        #[serde(default)]
        resolved_dependencies: Vec<Dependency>,
    }
    #[derive(Deserialize)]
    struct Dependency {
        #[serde(default)]
        digest: BTreeMap<String, String>,
        #[serde(default)]
        annotations: BTreeMap<String, Value>,
    }
    #[derive(Deserialize)]
    struct Details {
        #[serde(default)]
        metadata: Metadata,
    }
    #[derive(Deserialize, Default)]
    struct Metadata {
        #[serde(default)]
        weighbridge_metrics: BTreeMap<String, String>,
    }
    let Predicate {
        build_definition,
        run_details,
    } = from_value("predicate members", predicate)?;
    let Some(stage) = statement::stage_of(&build_definition.build_type) else {
        let reason = format!("is none of our stages ({})", statement::STAGES.join(", "));
        return Err(RecordError::member("buildType", reason));
    };
    let (dependencies, metrics) = (
        build_definition.resolved_dependencies,
        run_details.metadata.weighbridge_metrics,
    );
    if dependencies.len() > MAX_LIST || metrics.len() > MAX_LIST {
        return Err(RecordError::member(
            "predicate",
            format!("has more than {MAX_LIST} inputs or metrics"),
        ));
    }
    let mut inputs = Vec::new();
    for dependency in dependencies {
        let wrong =
            |what: &str| RecordError::member(format!("dependency annotation {what}"), "does not parse");
        // Dependencies that are no records of ours (code, tools) are allowed and not followed.
        let Some(record) = dependency.annotations.get("weighbridge_record") else {
            continue;
        };
        let record = serde_json::from_value(record.clone()).map_err(|_| wrong("weighbridge_record"))?;
        let role = dependency
            .annotations
            .get("weighbridge_role")
            .and_then(Value::as_str);
        let role = text(
            "dependency annotation weighbridge_role",
            role.unwrap_or_default().to_owned(),
        )?;
        let dir_hash1 = dependency.digest.get("dirHash1").map(|d| d.parse()).transpose();
        inputs.push(Input {
            role,
            record,
            dir_hash1: dir_hash1.map_err(|_| wrong("digest dirHash1"))?,
        });
    }
    for (name, value) in &metrics {
        text("metric name", name.clone())?;
        if !is_decimal(value) {
            return Err(RecordError::member(
                format!("metric {name:?}"),
                "is not a decimal string such as \"2.31\"",
            ));
        }
    }
    let run = Run {
        stage: stage.to_owned(),
        inputs,
        metrics,
    };
    Ok(ProvenanceRecord {
        artifact: artifact(subject)?,
        run,
    })
}

/// Whether `text` is a plain decimal such as `2.31`, `-4` or `3e-4`, at most 64 bytes.
pub fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let digits = |t: &str| !t.is_empty() && t.bytes().all(|b| b.is_ascii_digit());
    let mantissa = mantissa.strip_prefix('-').unwrap_or(mantissa);
    let exponent = exponent.strip_prefix(['-', '+']).unwrap_or(exponent);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    text.len() <= 64 && digits(whole) && digits(fraction) && digits(exponent)
}
