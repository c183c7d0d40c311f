//! in-toto Statements v1: writing the payloads of records.
//!
//! Reading them is [`crate::record`]'s. The bytes written here are what gets signed; they are compact JSON with
//! a fixed member order, so the same facts always give the same record id. Field names are those of in-toto,
//! OMS v1.0 and SLSA v1; ours start with `weighbridge_` and stand in annotations, where both leave room.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    chunk::CHUNK_SIZE,
    digest::Sha256Digest,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    path::{IGNORED_TOP_LEVEL, RelativePath},
    publisher::PublisherName,
    record_id::RecordId,
};

/// `_type` of every statement.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// Predicate type of signature records (OpenSSF Model Signing v1.0).
pub const SIGNATURE_TYPE: &str = "https://model_signing/signature/v1.0";
/// Predicate type of provenance records (SLSA v1).
pub const PROVENANCE_TYPE: &str = "https://slsa.dev/provenance/v1";
/// Predicate type of evaluations (in-toto test result).
pub const TEST_RESULT_TYPE: &str = "https://in-toto.io/attestation/test-result/v0.1";
/// Predicate type of verification summaries (SLSA).
pub const VERIFICATION_SUMMARY_TYPE: &str = "https://slsa.dev/verification_summary/v1";
/// Predicate type of advisories.
pub const ADVISORY_TYPE: &str = "https://weighbridge.dev/advisory/v1";
/// Predicate type of keysets.
pub const KEYSET_TYPE: &str = "https://weighbridge.dev/keyset/v1";

/// Stages that a provenance record can describe.
pub const STAGES: [&str; 8] = [
    "dataset",
    "pretraining",
    "checkpoint",
    "post-training",
    "merge",
    "quantization",
    "conversion",
    "release",
];

/// The `buildType` of a stage.
pub fn build_type(stage: &str) -> String {
    format!("https://weighbridge.dev/buildtypes/{stage}/v1")
}

/// The stage that a `buildType` names, if it is one of ours.
pub fn stage_of(build_type: &str) -> Option<&'static str> {
    let stage = build_type
        .strip_prefix("https://weighbridge.dev/buildtypes/")?
        .strip_suffix("/v1")?;
    STAGES.into_iter().find(|known| *known == stage)
}

/// Who says what about which artifact: the part that every record but a keyset shares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubjectFacts {
    /// The publisher's name.
    pub publisher: PublisherName,
    /// The publisher's genesis id.
    pub genesis: RecordId,
    /// The artifact's name, such as `acme/minilm`.
    pub name: String,
    /// Its version, such as `1.0`.
    pub version: Option<String>,
    /// Addresses at which the publisher offers it.
    pub official: Vec<String>,
}

impl SubjectFacts {
    /// Name and version as people read them.
    pub fn title(&self) -> String {
        title(&self.name, self.version.as_deref())
    }
}

/// Name and version as people read them: `acme/minilm 1.0`.
pub fn title(name: &str, version: Option<&str>) -> String {
    match version {
        Some(version) => format!("{name} {version}"),
        None => name.to_owned(),
    }
}

/// A parent of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// What the parent was used as, such as `training-dataset`.
    pub role: String,
    /// The parent's record.
    pub record: RecordId,
    /// The parent's `dirHash1`, when the publisher knows it.
    pub dir_hash1: Option<Sha256Digest>,
}

/// How an artifact was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// One of [`STAGES`].
    pub stage: String,
    /// Its parents.
    pub inputs: Vec<Input>,
    /// Measured numbers as decimal strings, by name.
    pub metrics: BTreeMap<String, String>,
}

/// Structs, never maps: the order of members is part of the signed bytes, and that of a map is not ours to say.
#[derive(Serialize)]
struct Statement<'a, P> {
    #[serde(rename = "_type")]
    type_: &'a str,
    subject: [Subject<'a>; 1],
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    predicate: P,
}

#[derive(Serialize)]
struct Subject<'a> {
    name: &'a str,
    digest: Digests,
    #[serde(skip_serializing_if = "Option::is_none")]
    annotations: Option<SubjectAnnotations<'a>>,
}

#[derive(Serialize)]
struct Digests {
    sha256: Sha256Digest,
    #[serde(rename = "dirHash1", skip_serializing_if = "Option::is_none")]
    dir_hash1: Option<Sha256Digest>,
}

#[derive(Serialize)]
struct SubjectAnnotations<'a> {
    #[serde(rename = "weighbridge_publisher")]
    publisher: &'a PublisherName,
    #[serde(rename = "weighbridge_genesis")]
    genesis: RecordId,
    #[serde(rename = "weighbridge_name")]
    name: &'a str,
    #[serde(rename = "weighbridge_version", skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
    #[serde(rename = "weighbridge_official", skip_serializing_if = "<[String]>::is_empty")]
    official: &'a [String],
    #[serde(
        rename = "weighbridge_provenance",
        skip_serializing_if = "<[RecordId]>::is_empty"
    )]
    provenance: &'a [RecordId],
}

#[derive(Serialize)]
struct SignaturePredicate<'a> {
    serialization: Serialization<'a>,
    resources: Vec<Resource<'a>>,
}

#[derive(Serialize)]
struct Serialization<'a> {
    method: &'a str,
    hash_type: &'a str,
    allow_symlinks: bool,
    ignore_paths: Vec<&'a str>,
}

#[derive(Serialize)]
struct Resource<'a> {
    name: &'a RelativePath,
    algorithm: &'a str,
    digest: Sha256Digest,
    annotations: FileAnnotations,
}

#[derive(Serialize)]
struct FileAnnotations {
    #[serde(rename = "weighbridge_size")]
    size: u64,
    #[serde(rename = "weighbridge_chunk_size")]
    chunk_size: u64,
    #[serde(rename = "weighbridge_chunks")]
    chunks: Sha256Digest,
    #[serde(rename = "weighbridge_chunk0")]
    chunk0: Sha256Digest,
    #[serde(rename = "weighbridge_tensors", skip_serializing_if = "Option::is_none")]
    tensors: Option<Sha256Digest>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProvenancePredicate<'a> {
    build_definition: BuildDefinition<'a>,
    run_details: RunDetails<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition<'a> {
    build_type: String,
    external_parameters: Nothing,
    resolved_dependencies: Vec<Dependency<'a>>,
}

/// `{}`.
#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Dependency<'a> {
    uri: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<DirHash1>,
    annotations: DependencyAnnotations<'a>,
}

#[derive(Serialize)]
struct DirHash1 {
    #[serde(rename = "dirHash1")]
    dir_hash1: Sha256Digest,
}

#[derive(Serialize)]
struct DependencyAnnotations<'a> {
    #[serde(rename = "weighbridge_role")]
    role: &'a str,
    #[serde(rename = "weighbridge_record")]
    record: RecordId,
}

#[derive(Serialize)]
struct RunDetails<'a> {
    builder: Builder,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
}

#[derive(Serialize)]
struct Builder {
    id: String,
}

#[derive(Serialize)]
struct Metadata<'a> {
    #[serde(rename = "weighbridge_metrics")]
    metrics: &'a BTreeMap<String, String>,
}

fn payload<P: Serialize>(predicate_type: &str, subject: Subject<'_>, predicate: P) -> Vec<u8> {
    let statement = Statement {
        type_: STATEMENT_TYPE,
        subject: [subject],
        predicate_type,
        predicate,
    };
    serde_json::to_vec(&statement).expect("strings, integers and lists always serialise")
}

fn subject<'a>(facts: &'a SubjectFacts, manifest: &Manifest, provenance: &'a [RecordId]) -> Subject<'a> {
    let annotations = SubjectAnnotations {
        publisher: &facts.publisher,
        genesis: facts.genesis,
        name: &facts.name,
        version: facts.version.as_deref(),
        official: &facts.official,
        provenance,
    };
    let digest = Digests {
        sha256: manifest.oms_root(),
        dir_hash1: Some(manifest.dir_hash1()),
    };
    Subject {
        name: &facts.name,
        digest,
        annotations: Some(annotations),
    }
}

/// The payload of a signature record: these bytes, by this publisher.
///
/// `bundles` are the names of the top-level `*.weighbridge` files that were left out; `provenance` the ids of
/// the records that say how the artifact was made.
pub fn signature_payload(
    facts: &SubjectFacts,
    manifest: &Manifest,
    bundles: &[String],
    provenance: &[RecordId],
) -> Vec<u8> {
    let mut ignore_paths: Vec<&str> = IGNORED_TOP_LEVEL.to_vec();
    ignore_paths.extend(bundles.iter().map(String::as_str));
    sort_by(&mut ignore_paths, Ord::cmp);
    let predicate = SignaturePredicate {
        serialization: Serialization {
            method: "files",
            hash_type: "sha256",
            allow_symlinks: false,
            ignore_paths,
        },
        resources: manifest.files().iter().map(resource).collect(),
    };
    payload(SIGNATURE_TYPE, subject(facts, manifest, provenance), predicate)
}

fn resource(file: &ManifestFile) -> Resource<'_> {
    let annotations = FileAnnotations {
        size: file.size,
        chunk_size: CHUNK_SIZE,
        chunks: file.chunks,
        chunk0: file.chunk0,
        tensors: file.tensors,
    };
    Resource {
        name: &file.path,
        algorithm: "sha256",
        digest: file.sha256,
        annotations,
    }
}

/// The payload of a provenance record: how the artifact in `manifest` was made, from what.
pub fn provenance_payload(facts: &SubjectFacts, manifest: &Manifest, run: &Run) -> Vec<u8> {
    let metadata = (!run.metrics.is_empty()).then_some(Metadata {
        metrics: &run.metrics,
    });
    let predicate = ProvenancePredicate {
        build_definition: BuildDefinition {
            build_type: build_type(&run.stage),
            external_parameters: Nothing {},
            resolved_dependencies: run.inputs.iter().map(dependency).collect(),
        },
        run_details: RunDetails {
            builder: Builder {
                id: format!("https://{}/", facts.publisher),
            },
            metadata,
        },
    };
    payload(PROVENANCE_TYPE, subject(facts, manifest, &[]), predicate)
}

fn dependency(input: &Input) -> Dependency<'_> {
    Dependency {
        uri: format!("urn:weighbridge:record:{}", input.record),
        digest: input.dir_hash1.map(|dir_hash1| DirHash1 { dir_hash1 }),
        annotations: DependencyAnnotations {
            role: &input.role,
            record: input.record,
        },
    }
}

/// The payload of a keyset record.
pub fn keyset_payload(keyset: &Keyset) -> Vec<u8> {
    let name = keyset.publisher.as_str();
    let digest = Digests {
        sha256: Sha256Digest::of(name.as_bytes()),
        dir_hash1: None,
    };
    payload(
        KEYSET_TYPE,
        Subject {
            name,
            digest,
            annotations: None,
        },
        keyset,
    )
}
