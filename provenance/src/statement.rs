//! in-toto Statements v1: writing the payloads of records.
//!
//! Reading them is [`crate::record`]'s. The bytes written here are what gets signed; they are compact JSON with
//! a fixed member order, so the same facts always give the same record id. Field names are those of in-toto,
//! OMS v1.0 and SLSA v1; ours start with `weighbridge_` and stand in annotations, where both leave room.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    chunk::CHUNK_SIZE,
    digest::Sha256Digest,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    path::IGNORED_TOP_LEVEL,
    publisher::PublisherName,
    record::RecordId,
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

#[derive(Serialize, Deserialize)]
struct Statement<'a> {
    #[serde(rename = "_type")]
    type_: &'a str,
    subject: [Subject; 1],
    #[serde(rename = "predicateType")]
    predicate_type: &'a str,
    predicate: Value,
}

#[derive(Serialize, Deserialize)]
struct Subject {
    name: String,
    digest: Digests,
    #[serde(skip_serializing_if = "Map::is_empty")]
    annotations: Map<String, Value>,
}

#[derive(Serialize, Deserialize)]
struct Digests {
    sha256: Sha256Digest,
    #[serde(rename = "dirHash1", skip_serializing_if = "Option::is_none")]
    dir_hash1: Option<Sha256Digest>,
}

fn payload(predicate_type: &str, subject: Subject, predicate: Value) -> Vec<u8> {
    let statement = Statement {
        type_: STATEMENT_TYPE,
        subject: [subject],
        predicate_type,
        predicate,
    };
    serde_json::to_vec(&statement).expect("strings, integers and lists always serialise")
}

fn subject(facts: &SubjectFacts, manifest: &Manifest) -> Subject {
    let mut annotations = Map::new();
    annotations.insert("weighbridge_publisher".into(), facts.publisher.as_str().into());
    annotations.insert("weighbridge_genesis".into(), facts.genesis.to_string().into());
    annotations.insert("weighbridge_name".into(), facts.name.clone().into());
    if let Some(version) = &facts.version {
        annotations.insert("weighbridge_version".into(), version.clone().into());
    }
    if !facts.official.is_empty() {
        annotations.insert("weighbridge_official".into(), facts.official.clone().into());
    }
    let digest = Digests {
        sha256: manifest.oms_root(),
        dir_hash1: Some(manifest.dir_hash1()),
    };
    Subject {
        name: facts.name.clone(),
        digest,
        annotations,
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
    let mut subject = subject(facts, manifest);
    if !provenance.is_empty() {
        let ids: Vec<_> = provenance.iter().map(ToString::to_string).collect();
        subject
            .annotations
            .insert("weighbridge_provenance".into(), ids.into());
    }
    let mut ignored: Vec<&str> = IGNORED_TOP_LEVEL.to_vec();
    ignored.extend(bundles.iter().map(String::as_str));
    ignored.sort_unstable();
    let predicate = json!({
        "serialization": {
            "method": "files", "hash_type": "sha256", "allow_symlinks": false, "ignore_paths": ignored,
        },
        "resources": manifest.files().iter().map(resource).collect::<Vec<_>>(),
    });
    payload(SIGNATURE_TYPE, subject, predicate)
}

fn resource(file: &ManifestFile) -> Value {
    let mut annotations = json!({
        "weighbridge_size": file.size,
        "weighbridge_chunk_size": CHUNK_SIZE,
        "weighbridge_chunks": file.chunks,
        "weighbridge_chunk0": file.chunk0,
    });
    if let Some(tensors) = file.tensors {
        annotations["weighbridge_tensors"] = tensors.to_string().into();
    }
    json!({ "name": file.path, "algorithm": "sha256", "digest": file.sha256, "annotations": annotations })
}

/// The payload of a provenance record: how the artifact in `manifest` was made, from what.
pub fn provenance_payload(facts: &SubjectFacts, manifest: &Manifest, run: &Run) -> Vec<u8> {
    let dependencies: Vec<Value> = run.inputs.iter().map(dependency).collect();
    let mut metadata = Map::new();
    if !run.metrics.is_empty() {
        metadata.insert("weighbridge_metrics".into(), json!(run.metrics));
    }
    let mut details = json!({ "builder": { "id": format!("https://{}/", facts.publisher) } });
    if !metadata.is_empty() {
        details["metadata"] = metadata.into();
    }
    let predicate = json!({
        "buildDefinition": {
            "buildType": build_type(&run.stage),
            "externalParameters": {},
            "resolvedDependencies": dependencies,
        },
        "runDetails": details,
    });
    payload(PROVENANCE_TYPE, subject(facts, manifest), predicate)
}

fn dependency(input: &Input) -> Value {
    let mut dependency = json!({
        "uri": format!("urn:weighbridge:record:{}", input.record),
        "annotations": { "weighbridge_role": input.role, "weighbridge_record": input.record },
    });
    if let Some(digest) = input.dir_hash1 {
        dependency["digest"] = json!({ "dirHash1": digest });
    }
    dependency
}

/// The payload of a keyset record.
pub fn keyset_payload(keyset: &Keyset) -> Vec<u8> {
    let name = keyset.publisher.as_str();
    let digest = Digests {
        sha256: Sha256Digest::of(name.as_bytes()),
        dir_hash1: None,
    };
    let subject = Subject {
        name: name.to_owned(),
        digest,
        annotations: Map::new(),
    };
    payload(
        KEYSET_TYPE,
        subject,
        serde_json::to_value(keyset).expect("a keyset always serialises"),
    )
}
