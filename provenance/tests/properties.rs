//! Properties: parsers never panic and have one form for what they accept, and sums agree with slow oracles.
#![cfg(not(target_family = "wasm"))]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[path = "properties/formats.rs"]
mod formats;
#[path = "properties/oracles.rs"]
mod oracles;
#[path = "properties/samples.rs"]
mod samples;

use std::{collections::BTreeMap, path::Component};

use formats::{FORMATS, Format};
use proptest::{
    collection::vec,
    prelude::*,
    sample::{Index, select, subsequence},
};
use provenance::{
    RecordId, Sha256Digest,
    api::{Base64Bytes, RecordProof},
    chunk::{CHUNK_SIZE, ChunkList, chunk_count, chunk_range},
    entry::{Entry, EntrySignature},
    json::parse_strict,
    manifest::{Manifest, ManifestFile},
    merkle::RootHash,
    path::RelativePath,
    statement::{self, SIGNATURE_TYPE, SubjectFacts},
    tensor::{Tensor, TensorIndex},
    verify::{Bytes, Observation, Opened, OwnHeader, Scope, SeenFile, open},
};

fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 512,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn check(format: &Format, bytes: &[u8]) -> Result<(), TestCaseError> {
    format.holds(bytes).map_err(TestCaseError::fail)
}

/// Edits of a text: bytes that mean something in our formats, or any.
fn edits() -> impl Strategy<Value = Vec<(u8, Index, u8)>> {
    let meaningful = select(b"\n\n \t+-0019/.=\"{}[],:xA\\\xe2\x80\x94\xff\0".to_vec());
    vec(
        (0..5u8, any::<Index>(), prop_oneof![meaningful, any::<u8>()]),
        1..5,
    )
}

fn edited(mut bytes: Vec<u8>, edits: &[(u8, Index, u8)]) -> Vec<u8> {
    for (kind, at, byte) in edits {
        let at = at.index(bytes.len() + 1);
        match (kind, at < bytes.len()) {
            (0, true) => bytes[at] = *byte,
            (1, _) => bytes.insert(at, *byte),
            (2, true) => drop(bytes.drain(at..=at)),
            (3, true) => bytes[at] ^= 1 << (byte % 8),
            // A line twice, or everything behind a place lost.
            (4, true) if byte % 2 == 0 => bytes.truncate(at),
            _ => {
                let line = bytes
                    .split_inclusive(|b| *b == b'\n')
                    .nth(usize::from(byte % 8))
                    .unwrap_or_default();
                let line = line.to_vec();
                bytes.splice(at..at, line);
            }
        }
    }
    bytes
}

#[test]
fn every_sample_is_accepted() {
    for format in FORMATS {
        for sample in (format.samples)() {
            assert!(
                (format.rewrite)(&sample).is_some(),
                "{}: {:?}",
                format.name,
                String::from_utf8_lossy(&sample)
            );
            check(format, &sample).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_bytes_are_refused_or_have_one_form(bytes in vec(any::<u8>(), 0..300)) {
        for format in FORMATS {
            check(format, &bytes)?;
        }
    }

    #[test]
    fn edited_samples_are_refused_or_have_one_form(edits in edits(), which in any::<Index>()) {
        for format in FORMATS {
            let samples = (format.samples)();
            let sample = samples[which.index(samples.len())].clone();
            check(format, &edited(sample, &edits))?;
        }
    }

    #[test]
    fn strict_json_is_json_with_the_same_meaning(edits in edits()) {
        let sample = br#"{"a":[1,-2,"x\u00e9",null,true,{}],"b":{"c":9007199254740991}}"#.to_vec();
        let bytes = edited(sample, &edits);
        if let Ok(value) = parse_strict(&bytes, 1 << 20) {
            prop_assert_eq!(serde_json::from_slice::<serde_json::Value>(&bytes).unwrap(), value);
        }
    }

    #[test]
    fn chunks_are_those_of_a_walk(size in prop_oneof![0..40 * CHUNK_SIZE, (0..10u64).prop_map(|n| n * CHUNK_SIZE)]) {
        let (mut at, mut walked) = (0, Vec::new());
        while at < size {
            let end = (at + CHUNK_SIZE).min(size);
            walked.push(at..end);
            at = end;
        }
        prop_assert_eq!(chunk_count(size), walked.len() as u64);
        for (chunk, range) in (0..).zip(&walked) {
            prop_assert_eq!(&chunk_range(chunk, size), range);
        }
        prop_assert!(chunk_range(walked.len() as u64, size).is_empty());
        let digests: Vec<_> = walked.iter().map(|r| Sha256Digest::of(&r.start.to_be_bytes())).collect();
        let mut joined = Vec::new();
        for digest in &digests {
            joined.extend_from_slice(digest.as_bytes());
        }
        let list = ChunkList::new(digests);
        prop_assert_eq!(list.digest(), Sha256Digest::of(&joined));
        prop_assert_eq!(ChunkList::from_bytes(&joined, size), Ok(list));
        prop_assert!(ChunkList::from_bytes(&joined, size + CHUNK_SIZE).is_err());
    }

    #[test]
    fn an_accepted_path_stays_in_its_folder(text in "[a-z./\\\\ \u{e9}\u{301}\u{202e}\0]{1,12}") {
        if let Ok(path) = text.parse::<RelativePath>() {
            let system = std::path::Path::new(path.as_str());
            prop_assert!(system.components().all(|c| matches!(c, Component::Normal(_))), "{}", text);
            prop_assert_eq!(path.components().collect::<Vec<_>>().join("/"), text);
            prop_assert_eq!(path.components().last(), Some(path.base_name()));
        }
    }

    #[test]
    fn tensors_touched_are_those_with_a_byte_in_the_range(
        sizes in vec(0..6u64, 1..8), from in 0..50u64, length in 1..20u64
    ) {
        let mut at = 10;
        let tensors = sizes.iter().enumerate().map(|(n, size)| {
            let begin = at;
            at += size;
            Tensor { name: format!("t{n}"), dtype: "U8".into(), shape: vec![*size], begin, end: at }
        });
        let json = serde_json::to_vec(&tensors.collect::<Vec<_>>()).unwrap();
        let index = TensorIndex::from_bytes(&json).unwrap();
        let range = from..from + length;
        for tensor in index.tensors().iter().filter(|t| t.begin < t.end) {
            let slow = (tensor.begin..tensor.end).any(|byte| range.contains(&byte));
            prop_assert_eq!(index.touching(range.clone()).any(|t| t == tensor), slow);
        }
    }
}

/// Files that share base names and contents: at most nine, of four contents.
fn folder() -> impl Strategy<Value = BTreeMap<String, &'static str>> {
    let path = (select(vec!["", "a/", "b/"]), select(vec!["x", "y.json", "z.py"]));
    let content = select(vec!["", "1", "2", "22"]);
    proptest::collection::btree_map(
        path.prop_map(|(folder, name)| format!("{folder}{name}")),
        content,
        1..9,
    )
}

fn digests(bytes: &[u8]) -> ChunkList {
    let size = usize::try_from(CHUNK_SIZE).unwrap();
    ChunkList::new(bytes.chunks(size).map(Sha256Digest::of).collect())
}

/// A record of `files` as a client without a trust file opens it.
fn opened(files: &BTreeMap<String, &'static str>) -> Opened {
    let listed = files.iter().map(|(path, content)| ManifestFile {
        path: path.parse().unwrap(),
        size: content.len() as u64,
        sha256: Sha256Digest::of(content.as_bytes()),
        chunks: digests(content.as_bytes()).digest(),
        chunk0: Sha256Digest::of(content.as_bytes()),
        tensors: None,
    });
    let publisher: provenance::PublisherName = "acme.example".parse().unwrap();
    let facts = SubjectFacts {
        publisher: publisher.clone(),
        genesis: RecordId::of_payload(b"genesis"),
        name: "m".into(),
        version: None,
        official: vec![],
    };
    let manifest = Manifest::new(listed.collect()).unwrap();
    let payload = statement::signature_payload(&facts, &manifest, &[], &[]);
    let keyid = Sha256Digest::of(b"key").to_string().parse().unwrap();
    let entry = Entry {
        publisher: publisher.clone(),
        kind: SIGNATURE_TYPE.into(),
        size: payload.len() as u64,
        payload: RecordId::of_payload(&payload),
        state: RootHash::from(Sha256Digest::OF_NOTHING),
        signatures: vec![EntrySignature {
            keyid,
            signature: [0; 64],
        }],
    };
    let proof = RecordProof {
        v: 1,
        record: entry.payload,
        publisher,
        kind: entry.kind.clone(),
        index: 0,
        leaf_hash: *entry.leaf_hash().digest(),
        entry: Base64Bytes(entry.to_bytes()),
        proof: String::new(),
        state: String::new(),
        control: vec![],
    };
    open(None, entry.payload, &payload, &proof, None)
}

fn seen(files: &[(String, &str)]) -> Observation {
    let files = files.iter().map(|(path, content)| SeenFile {
        path: path.clone(),
        size: content.len() as u64,
        bytes: Bytes::Hashed {
            chunks: digests(content.as_bytes()),
            sha256: None,
            header: OwnHeader::Absent,
            junk: None,
        },
    });
    Observation {
        scope: Scope::Flat,
        files: files.collect(),
        sidecars: BTreeMap::new(),
        named: true,
        ignored: 0,
        allow_extra: false,
    }
}

fn base_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or(path).to_owned()
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn loose_files_in_any_order_all_match(
        (files, order) in folder().prop_flat_map(|f| {
            let all: Vec<_> = f.clone().into_iter().collect();
            (Just(f), Just(all).prop_shuffle())
        }),
        rename in any::<bool>(),
    ) {
        let name = |(n, path): (usize, &String)| if rename { format!("{n} (1)") } else { base_name(path) };
        let loose: Vec<_> = order.iter().enumerate().map(|(n, (path, c))| (name((n, path)), *c)).collect();
        let report = opened(&files).judge(&seen(&loose));
        prop_assert_eq!(report.verdict.code(), "untrusted", "{:?}", report.files);
        prop_assert!(report.files.iter().all(|f| f.verdict.code() == "match"), "{:?}", report.files);
    }

    #[test]
    fn some_of_the_loose_files_are_never_a_mismatch(
        (files, some) in folder().prop_flat_map(|f| {
            let all: Vec<_> = f.clone().into_iter().collect();
            let most = all.len();
            (Just(f), subsequence(all, 1..=most).prop_shuffle())
        }),
    ) {
        let loose: Vec<_> = some.iter().map(|(path, content)| (base_name(path), *content)).collect();
        let report = opened(&files).judge(&seen(&loose));
        let whole = some.len() == files.len();
        prop_assert_eq!(report.verdict.code(), if whole { "untrusted" } else { "incomplete" }, "{:?}", report.files);
    }
}
