//! A log that lies on purpose: complete and well signed but for one lie, made with `provenance` alone.
//!
//! It is told through a [`Proxy`] in front of a real registry, so that page, headers and policy are the real ones.

use std::{collections::BTreeMap, fs};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{BadgeDocument, Base64Bytes, ControlEntry, RecordProof, paths},
    checkpoint::Checkpoint,
    chunk::{CHUNK_SIZE, ChunkList},
    dsse::Envelope,
    entry::{Entry, EntrySignature},
    key::SigningKey,
    keyset::Keyset,
    lookup::{KeyKind, LookupInfo, Match},
    manifest::{Manifest, ManifestFile},
    merkle::{InclusionProof, LeafIndex, MemoryTree, RootHash},
    note::{NoteAlgorithm, NoteSigner},
    state::{StateLine, StateProof, StateTree},
    statement::{KEYSET_TYPE, SIGNATURE_TYPE, SubjectFacts, keyset_payload, signature_payload},
    tensor::{Header, read_header},
    tlog_proof::TlogProof,
};

use crate::{models::Model, proxy::Proxy, registry::TestRegistry};

const ORIGIN: &str = "hostile.example/log";
const ACME: &str = "acme.example";

/// The one thing that is not as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lie {
    /// Nothing: the same log, told honestly. Shows that only the lie is what the page objects to.
    None,
    /// The publisher's signature on the record has a flipped bit.
    WrongSignature,
    /// The record is signed by a key that is not in the publisher's keyset.
    StrangersSignature,
    /// A hash of the record's inclusion proof is wrong.
    WrongInclusionProof,
    /// The last entry carries a state root that is not that of the publishers' state.
    FalseStateRoot,
    /// The checkpoint has the log's name and another key's signature.
    OtherLogKey,
    /// Another payload is served under the record's id.
    OtherPayload,
    /// The payload names another publisher than its log entry.
    OtherPublisher,
    /// The record names another genesis than the log gives its publisher.
    OtherGenesis,
    /// The manifest lists `../x`.
    PathOutOfTheFolder,
    /// The publisher's keyset is in the state, and not shown.
    WithheldKeyset,
}

/// All that a page asks a registry for, ready to be served.
#[derive(Debug)]
pub struct HostileLog {
    answers: BTreeMap<String, Vec<u8>>,
    trust: String,
    record: RecordId,
    genesis: RecordId,
}

/// Entries of the log under construction.
#[derive(Default)]
struct Log {
    entries: Vec<Entry>,
    state: StateTree,
}

impl Log {
    fn append(
        &mut self,
        publisher: &PublisherName,
        kind: &str,
        payload: &[u8],
        signatures: Vec<EntrySignature>,
    ) {
        if kind == KEYSET_TYPE {
            let index = self.entries.len() as u64;
            let payload = RecordId::of_payload(payload);
            self.state.append(
                publisher.clone(),
                StateLine {
                    index,
                    kind: kind.into(),
                    payload,
                    target: None,
                },
            );
        }
        self.entries.push(Entry {
            publisher: publisher.clone(),
            kind: kind.into(),
            size: payload.len() as u64,
            payload: RecordId::of_payload(payload),
            state: self.state.root(),
            signatures,
        });
    }

    fn tree(&self) -> MemoryTree {
        let mut tree = MemoryTree::new();
        self.entries.iter().for_each(|entry| tree.push(entry.leaf_hash()));
        tree
    }

    fn prove(&self, index: usize, signer: &NoteSigner) -> TlogProof {
        let tree = self.tree();
        let head = tree.head();
        let index = LeafIndex::new(index as u64);
        let checkpoint = Checkpoint {
            origin: ORIGIN.parse().expect("an origin"),
            head,
            extensions: Vec::new(),
        };
        TlogProof {
            extra: None,
            index,
            proof: InclusionProof::prove(&tree, head.size, index).expect("the tree proves its leaves"),
            checkpoint: checkpoint.sign(signer),
        }
    }
}

fn name(text: &str) -> PublisherName {
    text.parse().expect("a publisher name")
}

fn log_key(seed: u8) -> NoteSigner {
    let name = ORIGIN.parse().expect("a key name");
    NoteSigner::from_seed(name, NoteAlgorithm::Ed25519, &[seed; 32]).expect("a sound seed")
}

fn first_keyset(publisher: &str, key: &SigningKey) -> (Vec<u8>, Vec<EntrySignature>) {
    let keyset = Keyset::first(
        name(publisher),
        ORIGIN.into(),
        key.public().clone(),
        publisher.into(),
    );
    let keyset = keyset.expect("a sound keyset");
    let payload = keyset_payload(&keyset);
    let signatures = keyset.valid_signatures(&Envelope::sign(payload.clone(), &[key]));
    (payload, signatures)
}

fn sign(payload: &[u8], key: &SigningKey) -> Vec<EntrySignature> {
    let message = provenance::dsse::pae(payload);
    let signature = key.public().verify_envelope(&message, &key.sign(&message));
    vec![EntrySignature {
        keyid: key.public().keyid(),
        signature: signature.expect("a signature just made"),
    }]
}

impl HostileLog {
    /// A log with a record about `model`, and one lie.
    pub fn about(model: &Model, lie: Lie) -> Self {
        let key = SigningKey::from_seed(&[7; 32]);
        let mut log = Log::default();
        let (keyset, signatures) = first_keyset(ACME, &key);
        log.append(&name(ACME), KEYSET_TYPE, &keyset, signatures);
        let other_key = SigningKey::from_seed(&[8; 32]);
        let (other_keyset, signatures) = first_keyset("other.example", &other_key);
        log.append(&name("other.example"), KEYSET_TYPE, &other_keyset, signatures);

        let genesis = RecordId::of_payload(&keyset);
        let weighed = Weighed::new(model);
        let payload = weighed.payload(lie, genesis, "1.0");
        let record = RecordId::of_payload(&payload);
        let mut signatures = sign(
            &payload,
            if lie == Lie::StrangersSignature {
                &other_key
            } else {
                &key
            },
        );
        if lie == Lie::WrongSignature {
            signatures[0].signature[0] ^= 1;
        }
        log.append(&name(ACME), SIGNATURE_TYPE, &payload, signatures);
        if lie == Lie::FalseStateRoot
            && let Some(last) = log.entries.last_mut()
        {
            last.state = RootHash::from(Sha256Digest::of(b"a state that never was"));
        }

        let proof = record_proof(&log, lie, &keyset);
        let served = if lie == Lie::OtherPayload {
            weighed.payload(lie, genesis, "1.1")
        } else {
            payload
        };
        let mut answers = BTreeMap::from([
            (
                paths::LOOKUP.to_owned(),
                json(&weighed.lookup(record, log.entries.len() as u64)),
            ),
            (paths::record(&record), served),
            (paths::record_proof(&record), json(&proof)),
            (paths::badge(&record), json(&badge(record, genesis, &proof))),
        ]);
        answers.extend(
            weighed
                .sidecars
                .iter()
                .map(|(digest, bytes)| (paths::blob(digest), bytes.clone())),
        );
        let trust = format!(
            "log {} https://{ORIGIN}\nquorum none\nmax_age none\npublisher {ACME} {genesis}\n",
            log_key(1).verifier()
        );
        Self {
            answers,
            trust,
            record,
            genesis,
        }
    }

    /// A trust file that trusts this log and pins its publisher: with it only the lie stands between the
    /// files and green.
    pub fn trust(&self) -> &str {
        &self.trust
    }

    /// The record's id.
    pub fn record(&self) -> RecordId {
        self.record
    }

    /// The publisher's genesis.
    pub fn genesis(&self) -> RecordId {
        self.genesis
    }

    /// The key that this log should sign with, as a verifier key.
    pub fn log_key() -> String {
        log_key(1).verifier().to_string()
    }

    /// Serves the log in place of the one of `registry`, whose page is served as it is.
    pub fn tell(self, registry: &TestRegistry) -> Proxy {
        Proxy::start(registry.url(), move |path, _| self.answers.get(path).cloned())
    }
}

fn json<T: serde::Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("plain data serialises")
}

fn badge(record: RecordId, genesis: RecordId, proof: &RecordProof) -> BadgeDocument {
    BadgeDocument {
        v: 1,
        state: "logged".into(),
        label: "provenance".into(),
        message: "logged #2".into(),
        record,
        genesis,
        name: "acme/minilm".into(),
        version: None,
        payload: paths::record(&record),
        page: format!("/record/{record}"),
        proof: proof.clone(),
    }
}

fn record_proof(log: &Log, lie: Lie, keyset: &[u8]) -> RecordProof {
    let signer = log_key(if lie == Lie::OtherLogKey { 2 } else { 1 });
    let last = log.entries.len() - 1;
    let entry = &log.entries[last];
    let mut proof = log.prove(last, &signer);
    let state = StateProof {
        leaf: log.state.prove(&name(ACME)).expect("a known name"),
        entry: entry.to_bytes(),
        tlog_proof: proof.clone(),
    };
    if lie == Lie::WrongInclusionProof {
        proof.proof.hashes[0] = Sha256Digest::of(b"not a sibling");
    }
    let shown = ControlEntry {
        index: 0,
        entry: Base64Bytes(log.entries[0].to_bytes()),
        payload: Base64Bytes(keyset.to_vec()),
        proof: log.prove(0, &signer).to_string(),
    };
    RecordProof {
        v: 1,
        record: entry.payload,
        publisher: entry.publisher.clone(),
        kind: entry.kind.clone(),
        index: last as u64,
        leaf_hash: *entry.leaf_hash().digest(),
        entry: Base64Bytes(entry.to_bytes()),
        proof: proof.to_string(),
        state: state.to_string(),
        control: if lie == Lie::WithheldKeyset {
            Vec::new()
        } else {
            vec![shown]
        },
    }
}

/// A model's manifest and sidecars.
struct Weighed {
    manifest: Manifest,
    sidecars: BTreeMap<Sha256Digest, Vec<u8>>,
}

impl Weighed {
    fn new(model: &Model) -> Self {
        let mut sidecars = BTreeMap::new();
        let mut files = Vec::new();
        for path in model.files() {
            let bytes = fs::read(model.path(&path)).expect("a readable file");
            let size = usize::try_from(CHUNK_SIZE).expect("4 MiB fit");
            let chunks = ChunkList::new(bytes.chunks(size).map(Sha256Digest::of).collect());
            let tensors = match read_header(&bytes, bytes.len() as u64) {
                Ok(Header::Read(layout)) => Some(layout.index),
                _ => None,
            };
            sidecars.insert(chunks.digest(), chunks.to_bytes());
            sidecars.extend(tensors.as_ref().map(|index| (index.digest(), index.to_bytes())));
            files.push(ManifestFile {
                path: path.parse().expect("a sound path"),
                size: bytes.len() as u64,
                sha256: Sha256Digest::of(&bytes),
                chunks: chunks.digest(),
                chunk0: chunks.chunk0(),
                tensors: tensors.map(|index| index.digest()),
            });
        }
        Self {
            manifest: Manifest::new(files).expect("a sound manifest"),
            sidecars,
        }
    }

    fn payload(&self, lie: Lie, genesis: RecordId, version: &str) -> Vec<u8> {
        let facts = SubjectFacts {
            publisher: name(if lie == Lie::OtherPublisher {
                "mallory.example"
            } else {
                ACME
            }),
            genesis: if lie == Lie::OtherGenesis {
                RecordId::of_payload(b"another")
            } else {
                genesis
            },
            name: "acme/minilm".into(),
            version: Some(version.into()),
            official: Vec::new(),
        };
        let payload = signature_payload(&facts, &self.manifest, &[], &[]);
        if lie != Lie::PathOutOfTheFolder {
            return payload;
        }
        let text = String::from_utf8(payload).expect("JSON is UTF-8");
        let changed = text.replace(r#""name":"config.json""#, r#""name":"../x""#);
        assert_ne!(changed, text, "the manifest lists config.json");
        changed.into_bytes()
    }

    /// The whole index: every key of the largest file.
    fn lookup(&self, record: RecordId, as_of_size: u64) -> LookupInfo {
        let largest = self
            .manifest
            .files()
            .iter()
            .max_by_key(|file| file.size)
            .expect("a file");
        let key = |kind, key| Match {
            key,
            kind,
            record,
            path: Some(largest.path.to_string()),
        };
        let mut matches = vec![
            key(KeyKind::Chunk0, largest.chunk0),
            key(KeyKind::Chunks, largest.chunks),
        ];
        matches.extend(largest.tensors.map(|tensors| key(KeyKind::Tensors, tensors)));
        LookupInfo {
            v: 1,
            keys: matches.len() as u64,
            digits: 0,
            as_of_size,
            matches: Some(matches),
        }
    }
}
