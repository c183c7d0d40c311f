//! What is said about records that are wrong, and what is let pass.

use serde_json::{Value, json};

use super::*;
use crate::{
    chunk::CHUNK_SIZE,
    manifest::ManifestFile,
    statement::{Input, provenance_payload, signature_payload},
};

fn manifest() -> Manifest {
    // One chunk: its digest is the file's, and the list is that one digest.
    let digest = Sha256Digest::of(b"abc");
    let file = |path: &str| ManifestFile {
        path: path.parse().unwrap(),
        size: 3,
        sha256: digest,
        chunks: Sha256Digest::of(digest.as_bytes()),
        chunk0: digest,
        tensors: None,
    };
    Manifest::new(vec![file("a"), file("b")]).unwrap()
}

fn facts() -> SubjectFacts {
    SubjectFacts {
        publisher: "acme.example".parse().unwrap(),
        genesis: RecordId::of_payload(b"genesis"),
        name: "acme/minilm".into(),
        version: None,
        official: vec!["https://acme.example/minilm".into()],
    }
}

fn signature() -> Vec<u8> {
    signature_payload(&facts(), &manifest(), &[], &[RecordId::of_payload(b"how")])
}

fn provenance() -> Vec<u8> {
    let parent = RecordId::of_payload(b"parent");
    let input = Input {
        role: "base".into(),
        record: parent,
        dir_hash1: Some(*parent.digest()),
    };
    let run = Run {
        stage: "release".into(),
        inputs: vec![input],
        metrics: [("loss".to_owned(), "2.31".to_owned())].into(),
    };
    provenance_payload(&facts(), &manifest(), &run)
}

/// What is said about `payload` with the value at `pointer` (RFC 6901) replaced by `new`.
fn said(payload: &[u8], pointer: &str, new: Value) -> String {
    assert!(Record::parse(payload).is_ok());
    let mut value: Value = serde_json::from_slice(payload).unwrap();
    *value.pointer_mut(pointer).expect("a place in the payload") = new;
    let refused = Record::parse(value.to_string().as_bytes());
    refused.unwrap_err().to_string()
}

#[test]
fn says_which_member_of_a_signature_is_wrong() {
    let file = "/predicate/resources/1";
    let size = format!("{file}/annotations/weighbridge_size");
    let chunk_size = format!("{file}/annotations/weighbridge_chunk_size");
    let (list, subject) = ("/subject/0/annotations/weighbridge_official", "/subject/0");
    let cases = [
        (
            "/_type",
            json!("x"),
            "_type is not https://in-toto.io/Statement/v1",
        ),
        (
            "/subject",
            json!([]),
            "subject does not name exactly one artifact",
        ),
        (subject, json!(1), "subject[0] is not an object"),
        (
            "/subject/0/digest/sha256",
            json!(null),
            "subject[0].digest.sha256 is not text",
        ),
        ("/subject/0/name", json!(""), "subject[0].name is empty, too long"),
        (
            list,
            json!([]),
            "subject[0].annotations.weighbridge_official has 0 items",
        ),
        (
            list,
            json!(["a", "\u{202E}"]),
            "weighbridge_official[1] is empty, too long or has hidden",
        ),
        ("/predicateType", json!("x y"), "predicateType is not a type URI"),
        ("/predicate", json!(null), "predicate is not an object"),
        (
            "/predicate/serialization/method",
            json!("x"),
            "predicate.serialization is not the method",
        ),
        (
            "/predicate/serialization/allow_symlinks",
            json!(true),
            "allow_symlinks is true; a record lists files",
        ),
        (
            "/predicate/serialization/ignore_paths",
            json!([7]),
            "ignore_paths[0] is not text",
        ),
        (
            file,
            json!({"name": "b", "algorithm": "sha256", "digest": "0".repeat(64), "annotations": {
                "weighbridge_size": 1, "weighbridge_chunk_size": CHUNK_SIZE, "weighbridge_chunks": "0".repeat(64),
                "weighbridge_chunk0": "0".repeat(64), "weighbridge_tensors": null,
            }}),
            "weighbridge_tensors is not text",
        ),
        (
            &size,
            json!("3"),
            "predicate.resources[1].annotations.weighbridge_size is not a whole number",
        ),
        (
            &chunk_size,
            json!(CHUNK_SIZE + 1),
            "weighbridge_chunk_size is not 4194304",
        ),
        (
            file,
            json!({"algorithm": "sha256"}),
            "predicate.resources[1].annotations is missing",
        ),
        (
            "/predicate/resources/0/name",
            json!("c"),
            "predicate.resources is not sorted by name",
        ),
        (
            "/predicate/resources/0/name",
            json!("../a"),
            "predicate.resources[0].name does not parse: ",
        ),
        (
            "/predicate/resources/0/digest",
            json!("AB"),
            "predicate.resources[0].digest does not parse: ",
        ),
    ];
    for (pointer, new, expected) in cases {
        let said = said(&signature(), pointer, new);
        assert!(said.contains(expected), "{pointer}: {said}");
    }
}

#[test]
fn says_which_member_of_a_provenance_is_wrong() {
    let (definition, details) = ("/predicate/buildDefinition", "/predicate/runDetails");
    let dependency = format!("{definition}/resolvedDependencies/0");
    let cases = [
        (
            format!("{definition}/buildType"),
            json!("x"),
            "buildType is none of our stages",
        ),
        (
            format!("{definition}/resolvedDependencies"),
            json!(null),
            "is not a list",
        ),
        (
            dependency.clone(),
            json!([]),
            "resolvedDependencies[0] is not an object",
        ),
        (
            format!("{dependency}/digest"),
            json!({"x": 1}),
            "[0].digest.x is not text",
        ),
        (
            format!("{dependency}/digest/dirHash1"),
            json!("x"),
            "dirHash1 does not parse",
        ),
        (
            format!("{dependency}/annotations"),
            json!(null),
            "[0].annotations is not an object",
        ),
        (
            format!("{dependency}/annotations/weighbridge_record"),
            json!(null),
            "weighbridge_record is not text",
        ),
        (
            format!("{dependency}/annotations/weighbridge_role"),
            json!(""),
            "weighbridge_role is empty",
        ),
        (
            format!("{details}/metadata"),
            json!(null),
            "runDetails.metadata is not an object",
        ),
        (
            format!("{details}/metadata/weighbridge_metrics/loss"),
            json!("low"),
            "weighbridge_metrics.loss is not a decimal",
        ),
    ];
    for (pointer, new, expected) in cases {
        let said = said(&provenance(), &pointer, new);
        assert!(said.contains(expected), "{pointer}: {said}");
    }
}

#[test]
fn members_of_other_tools_are_ignored() {
    let mut value: Value = serde_json::from_slice(&provenance()).unwrap();
    value["more"] = json!(1);
    value["subject"][0]["more"] = json!(1);
    value["predicate"]["runDetails"]["metadata"] = json!({"invocationId": "7"});
    let tool = json!({"uri": "pkg:pypi/torch", "annotations": {"x": 1}});
    value["predicate"]["buildDefinition"]["resolvedDependencies"] = json!([tool, {}]);
    let record = Record::parse(value.to_string().as_bytes()).unwrap();
    let Body::Provenance(record) = record.body else {
        panic!("a provenance record");
    };
    assert!(record.run.inputs.is_empty() && record.run.metrics.is_empty());
}
