//! One or more samples of every format, as an honest writer makes them.

use provenance::{
    RecordId, Sha256Digest,
    entry::{Entry, EntrySignature},
    evidence::Evidence,
    key::SigningKey,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    merkle::{ConsistencyProof, RootHash},
    note::SignedNote,
    state::{StateLine, StateProof, StateTree},
    statement::{self, ADVISORY_TYPE, Input, KEYSET_TYPE, Run, SubjectFacts},
    tensor::{Header, TensorIndex, read_header},
    tlog_proof::TlogProof,
};

pub(crate) const CHECKPOINT: &[u8] = include_bytes!("../../../tests/vectors/tlog/checkpoint");
pub(crate) const PROOF: &[u8] = include_bytes!("../../../tests/vectors/tlog/proof-1.tlog-proof");
pub(crate) const BUNDLE: &[u8] = include_bytes!("../../../tests/vectors/tlog/tile/entries/000.p/5");
pub(crate) const LOG: &str = "registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
const WITNESS: &str = "witness.example/w1+20324abe+BCmsuuFBvMrwsi4alNNNC8c2HlJtC/4SyJeUvJMilm3X";

pub(crate) fn key() -> SigningKey {
    SigningKey::from_seed(&[7; 32])
}

pub(crate) fn digest() -> Sha256Digest {
    Sha256Digest::of(b"x")
}

fn entry() -> Entry {
    let signature = |n: u8| EntrySignature {
        keyid: Sha256Digest::from_bytes([n; 32]).to_string().parse().unwrap(),
        signature: [n; 64],
    };
    Entry {
        publisher: "acme.example".parse().unwrap(),
        kind: KEYSET_TYPE.into(),
        size: 1_234,
        payload: RecordId::of_payload(b"x"),
        state: RootHash::from(digest()),
        signatures: vec![signature(1), signature(2)],
    }
}

pub(crate) fn entries() -> Vec<Vec<u8>> {
    vec![entry().to_bytes()]
}

pub(crate) fn checkpoints() -> Vec<Vec<u8>> {
    let note = SignedNote::parse(std::str::from_utf8(CHECKPOINT).unwrap()).unwrap();
    vec![
        note.text().into(),
        format!("{}extension one\nextension two\n", note.text()).into(),
    ]
}

pub(crate) fn vkeys() -> Vec<Vec<u8>> {
    vec![LOG.into(), WITNESS.into()]
}

pub(crate) fn extra_proof() -> Vec<u8> {
    std::str::from_utf8(PROOF)
        .unwrap()
        .replacen("index", "extra AAEC\nindex", 1)
        .into_bytes()
}

fn state_tree() -> StateTree {
    let mut tree = StateTree::new();
    for (index, name) in [
        (0, "acme.example"),
        (1, "other.example"),
        (7, "acme.example"),
        (9, "z.example"),
    ] {
        let target = (index == 7).then(digest);
        let kind = if target.is_some() {
            ADVISORY_TYPE
        } else {
            KEYSET_TYPE
        };
        let line = StateLine {
            index,
            kind: kind.into(),
            payload: RecordId::of_payload(b"x"),
            target,
        };
        tree.append(name.parse().unwrap(), line);
    }
    tree
}

pub(crate) fn state_leaf() -> Vec<u8> {
    state_tree().prove(&"acme.example".parse().unwrap()).unwrap().data
}

pub(crate) fn state_proof() -> Vec<u8> {
    let proof = StateProof {
        leaf: state_tree().prove(&"acme.example".parse().unwrap()).unwrap(),
        entry: entry().to_bytes(),
        tlog_proof: TlogProof::parse(std::str::from_utf8(PROOF).unwrap()).unwrap(),
    };
    proof.to_string().into_bytes()
}

/// Two views that say the same, and two of which the later one is said to have another past.
pub(crate) fn contradictions() -> Vec<Vec<u8>> {
    let note = SignedNote::parse(std::str::from_utf8(CHECKPOINT).unwrap()).unwrap();
    let (prefix, proof) = (
        RootHash::from(digest_of("prefix")),
        ConsistencyProof {
            hashes: vec![digest_of("hash")],
        },
    );
    let both = [
        Evidence::of_heads(&note, &note),
        Evidence::of_fork(&note, &note, prefix, proof),
    ];
    both.map(|evidence| evidence.to_json().into_bytes()).to_vec()
}

fn digest_of(text: &str) -> Sha256Digest {
    Sha256Digest::of(text.as_bytes())
}

pub(crate) fn trust_files() -> Vec<Vec<u8>> {
    let id = RecordId::of_payload(b"genesis");
    let full = format!(
        "# mine\nlog {LOG} https://registry.example/log\nwitness w {WITNESS}\n\ngroup g any w\nquorum g\n\
         max_age\t36h\npublisher acme.example {id}\n"
    );
    vec![
        full.into(),
        format!("log {LOG}\nquorum none\nmax_age none").into(),
    ]
}

pub(crate) fn tile_paths() -> Vec<Vec<u8>> {
    [
        "tile/0/000",
        "tile/entries/x001/x234/067.p/255",
        "tile/63/999.p/1",
    ]
    .map(|path| path.as_bytes().to_vec())
    .to_vec()
}

pub(crate) fn safetensors() -> Vec<u8> {
    let header = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"a\n":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend([0; 12]);
    bytes
}

pub(crate) fn ggufs() -> Vec<Vec<u8>> {
    let small: [&[u8]; 3] = [
        include_bytes!("../../../tests/vectors/gguf/shuffled.gguf"),
        include_bytes!("../../../tests/vectors/gguf/aligned-256.gguf"),
        include_bytes!("../../../tests/vectors/gguf/split-00002-of-00003.gguf"),
    ];
    small.map(<[u8]>::to_vec).to_vec()
}

/// The index in the header of a file of which all bytes are given.
pub(crate) fn tensor_index(file: &[u8]) -> Option<TensorIndex> {
    match read_header(file, file.len() as u64).ok()? {
        Header::Read(layout) => Some(layout.index),
        Header::Needs(bytes) => panic!("all of the file is there, and it wants {bytes} bytes"),
    }
}

pub(crate) fn tensor_indexes() -> Vec<Vec<u8>> {
    let read = tensor_index(&safetensors()).unwrap();
    vec![read.to_bytes(), b"[]".to_vec()]
}

fn facts() -> SubjectFacts {
    SubjectFacts {
        publisher: "acme.example".parse().unwrap(),
        genesis: RecordId::of_payload(b"genesis"),
        name: "acme/tiny".into(),
        version: Some("1.0".into()),
        official: vec!["https://acme.example/".into()],
    }
}

fn manifest() -> Manifest {
    let file = |path: &str, tensors| ManifestFile {
        path: path.parse().unwrap(),
        size: 1,
        sha256: digest(),
        chunks: Sha256Digest::of(digest().as_bytes()),
        chunk0: digest(),
        tensors,
    };
    Manifest::new(vec![
        file("README.md", None),
        file("w.safetensors", Some(digest())),
    ])
    .unwrap()
}

pub(crate) fn signature() -> Vec<u8> {
    statement::signature_payload(&facts(), &manifest(), &[], &[RecordId::of_payload(b"p")])
}

pub(crate) fn provenance() -> Vec<u8> {
    let input = Input {
        role: "base-model".into(),
        record: RecordId::of_payload(b"p"),
        dir_hash1: Some(digest()),
    };
    let metrics = [("loss".to_owned(), "2.31".to_owned())].into();
    let run = Run {
        stage: "merge".into(),
        inputs: vec![input],
        metrics,
    };
    statement::provenance_payload(&facts(), &manifest(), &run)
}

pub(crate) fn keyset() -> Vec<u8> {
    let publisher = "acme.example".parse().unwrap();
    let set = Keyset::first(
        publisher,
        "registry.example/log".into(),
        key().public().clone(),
        "a".into(),
    );
    statement::keyset_payload(&set.unwrap())
}
