//! A log, a publisher and a model in memory, made with `provenance` alone.
//!
//! A [`Plan`] says how the publisher and the registry behave; [`World::build`] plays it; [`World::open`] is what
//! a client makes of it.

use std::collections::BTreeSet;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{Base64Bytes, ControlEntry, RecordProof},
    checkpoint::Checkpoint,
    cosignature::cosign,
    dsse::Envelope,
    entry::{Entry, EntrySignature},
    key::SigningKey,
    keyset::{Keyset, Member, Role, Threshold},
    manifest::Manifest,
    merkle::{InclusionProof, LeafHash, LeafIndex, MemoryTree, TreeSize},
    note::{NoteAlgorithm, NoteSigner, SignedNote},
    record::{Body, Record},
    state::{StateLine, StateProof, StateTree},
    statement::{self, Input, Run, SubjectFacts},
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify::{Opened, open},
};

use super::disk::Disk;

pub(crate) const ORIGIN: &str = "registry.example/log";
pub(crate) const ACME: &str = "acme.example";
pub(crate) const NOW: u64 = 1_800_000_000;

pub(crate) fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32])
}

pub(crate) fn log_signer(origin: &str, seed: u8) -> NoteSigner {
    let name = origin.parse().expect("an origin is a key name");
    NoteSigner::from_seed(name, NoteAlgorithm::Ed25519, &[seed; 32]).expect("a strong key")
}

pub(crate) fn witness(n: u8) -> NoteSigner {
    let name = format!("w{n}.example").parse().expect("a key name");
    NoteSigner::from_seed(name, NoteAlgorithm::CosignatureV1, &[200 + n; 32]).expect("a strong key")
}

/// A log: entries with their payloads, a tree over them, the state after each.
pub(crate) struct Log {
    pub(crate) signer: NoteSigner,
    pub(crate) entries: Vec<(Entry, Vec<u8>)>,
    pub(crate) state: StateTree,
    /// (number of the witness, time)
    pub(crate) cosignatures: Vec<(u8, u64)>,
    tree: MemoryTree,
}

impl Log {
    fn new() -> Self {
        Self {
            signer: log_signer(ORIGIN, 9),
            entries: Vec::new(),
            state: StateTree::new(),
            cosignatures: Vec::new(),
            tree: MemoryTree::new(),
        }
    }

    /// Logs `payload` with signatures by `keys`; `edit` bends the entry before it becomes a leaf.
    pub(crate) fn publish(&mut self, payload: &[u8], keys: &[u8], edit: fn(&mut Entry)) -> u64 {
        let record = Record::parse(payload);
        let index = self.entries.len() as u64;
        let (publisher, kind) = match &record {
            Ok(record) => (record.publisher().clone(), record.kind.clone()),
            // A registry may log what no client can read.
            Err(_) => (
                ACME.parse().expect("a name"),
                statement::SIGNATURE_TYPE.to_owned(),
            ),
        };
        let id = RecordId::of_payload(payload);
        if provenance::state::is_control_kind(&kind) {
            let line = StateLine {
                index,
                kind: kind.clone(),
                payload: id,
                target: None,
            };
            self.state.append(publisher.clone(), line);
        }
        let mut entry = Entry {
            publisher,
            kind,
            size: payload.len() as u64,
            payload: id,
            state: self.state.root(),
            signatures: signatures(payload, keys),
        };
        edit(&mut entry);
        self.tree.push(entry.leaf_hash());
        self.entries.push((entry, payload.to_vec()));
        index
    }

    /// The checkpoint of the first `size` entries, cosigned as planned.
    pub(crate) fn checkpoint(&self, size: u64) -> SignedNote {
        let head = self.tree.head_at(TreeSize::new(size)).expect("not past the end");
        let origin = self.signer.verifier().name().as_str().parse().expect("an origin");
        let plain = Checkpoint {
            origin,
            head,
            extensions: vec![],
        }
        .sign(&self.signer);
        let mut note = plain.clone();
        for (n, time) in &self.cosignatures {
            note.add(cosign(&witness(*n), &plain, *time).expect("a witness key"));
        }
        note
    }

    pub(crate) fn proof_at(&self, index: u64, size: u64) -> TlogProof {
        let (at, of) = (LeafIndex::new(index), TreeSize::new(size));
        TlogProof {
            extra: None,
            index: at,
            proof: InclusionProof::prove(&self.tree, of, at).expect("an entry of the tree"),
            checkpoint: self.checkpoint(size),
        }
    }

    pub(crate) fn size(&self) -> u64 {
        self.entries.len() as u64
    }

    pub(crate) fn proof(&self, index: u64) -> String {
        self.proof_at(index, self.size()).to_string()
    }

    pub(crate) fn state_proof(&self, publisher: &PublisherName) -> StateProof {
        let last = self.size() - 1;
        StateProof {
            leaf: self.state.prove(publisher).expect("a known publisher"),
            entry: self.entries.last().expect("an entry").0.to_bytes(),
            tlog_proof: self.proof_at(last, self.size()),
        }
    }

    pub(crate) fn control(&self, index: u64) -> ControlEntry {
        let (entry, payload) = &self.entries[usize::try_from(index).expect("small")];
        ControlEntry {
            index,
            entry: Base64Bytes(entry.to_bytes()),
            payload: Base64Bytes(payload.clone()),
            proof: self.proof(index),
        }
    }

    /// What an honest registry answers for entry `index`.
    pub(crate) fn record_proof(&self, index: u64) -> RecordProof {
        let (entry, payload) = &self.entries[usize::try_from(index).expect("small")];
        let lines = self.state.lines(&entry.publisher);
        RecordProof {
            v: 1,
            record: RecordId::of_payload(payload),
            publisher: entry.publisher.clone(),
            kind: entry.kind.clone(),
            index,
            leaf_hash: *LeafHash::of(&entry.to_bytes()).digest(),
            entry: Base64Bytes(entry.to_bytes()),
            proof: self.proof(index),
            state: self.state_proof(&entry.publisher).to_string(),
            control: lines.iter().map(|line| self.control(line.index)).collect(),
        }
    }
}

fn signatures(payload: &[u8], keys: &[u8]) -> Vec<EntrySignature> {
    let keys: Vec<SigningKey> = keys.iter().map(|seed| key(*seed)).collect();
    let envelope = Envelope::sign(payload.to_vec(), &keys.iter().collect::<Vec<_>>());
    let mut found: Vec<EntrySignature> = (keys.iter().zip(envelope.signatures))
        .map(|(key, s)| EntrySignature {
            keyid: key.public().keyid(),
            signature: s.sig,
        })
        .collect();
    found.sort_by_key(|s| s.keyid);
    found
}

/// A first keyset of `members` (seed of the key, holder), each with both roles.
pub(crate) fn keyset_payload(publisher: &str, origin: &str, members: &[(u8, &str)], sign: usize) -> Vec<u8> {
    let roles = BTreeSet::from([Role::Root, Role::Sign]);
    let keys = members.iter().map(|(seed, holder)| Member {
        key: key(*seed).public().clone(),
        holder: (*holder).to_owned(),
        roles: roles.clone(),
    });
    statement::keyset_payload(&Keyset {
        publisher: publisher.parse().expect("a name"),
        origins: vec![origin.to_owned()],
        version: 1,
        previous: None,
        threshold: Threshold { root: 1, sign },
        keys: keys.collect(),
        revoked: vec![],
    })
}

/// How publisher and registry behave; the default is honest.
pub(crate) struct Plan {
    pub(crate) disk: Disk,
    pub(crate) members: Vec<(u8, &'static str)>,
    pub(crate) sign_threshold: usize,
    pub(crate) keyset_origin: &'static str,
    pub(crate) keyset_signers: Vec<u8>,
    pub(crate) record_signers: Vec<u8>,
    /// Logs the record before the keyset that should carry it.
    pub(crate) record_first: bool,
    /// Bends the signature record's text before it is signed.
    pub(crate) edit_record: Box<dyn Fn(String) -> String>,
    /// Bends the signature record's entry before it is logged.
    pub(crate) edit_entry: fn(&mut Entry),
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            disk: Disk::model(),
            members: vec![(1, "alice")],
            sign_threshold: 1,
            keyset_origin: ORIGIN,
            keyset_signers: vec![1],
            record_signers: vec![1],
            record_first: false,
            edit_record: Box::new(|text| text),
            edit_entry: |_| {},
        }
    }
}

/// What there is to verify: a signature record by acme.example, among others in a log.
pub(crate) struct World {
    pub(crate) log: Log,
    pub(crate) genesis: RecordId,
    pub(crate) payload: Vec<u8>,
    pub(crate) index: u64,
    pub(crate) proof: RecordProof,
    /// The publisher's files, unchanged, and all their sidecars.
    pub(crate) disk: Disk,
    /// `none`, or lines of witnesses and a quorum.
    pub(crate) trust: String,
}

impl World {
    pub(crate) fn honest() -> Self {
        Self::build(Plan::default())
    }

    pub(crate) fn build(plan: Plan) -> Self {
        let mut log = Log::new();
        let other = keyset_payload("other.example", ORIGIN, &[(50, "olga")], 1);
        log.publish(&other, &[50], |_| {});
        let keyset = keyset_payload(ACME, plan.keyset_origin, &plan.members, plan.sign_threshold);
        let genesis = RecordId::of_payload(&keyset);
        let facts = facts(genesis);
        let manifest = plan.disk.manifest();
        let dataset = parents(&facts, &manifest, "dataset", &[]);
        let training = parents(
            &facts,
            &manifest,
            "pretraining",
            &[("training-dataset", &dataset)],
        );
        let ids = [RecordId::of_payload(&training)];
        let honest = statement::signature_payload(&facts, &manifest, &[], &ids);
        let text = String::from_utf8(honest).expect("JSON is text");
        let payload = (plan.edit_record)(text).into_bytes();
        let publish_record = |log: &mut Log| log.publish(&payload, &plan.record_signers, plan.edit_entry);
        let index = if plan.record_first {
            let index = publish_record(&mut log);
            log.publish(&keyset, &plan.keyset_signers, |_| {});
            index
        } else {
            log.publish(&keyset, &plan.keyset_signers, |_| {});
            log.publish(&dataset, &plan.record_signers, |_| {});
            log.publish(&training, &plan.record_signers, |_| {});
            let index = publish_record(&mut log);
            // The proof of the record must not be the one of the state by accident.
            let later = keyset_payload("zeta.example", ORIGIN, &[(51, "zoe")], 1);
            log.publish(&later, &[51], |_| {});
            index
        };
        let proof = log.record_proof(index);
        let trust = "quorum none\nmax_age none\n".to_owned();
        Self {
            log,
            genesis,
            payload,
            index,
            proof,
            disk: plan.disk,
            trust,
        }
    }

    pub(crate) fn record(&self) -> RecordId {
        RecordId::of_payload(&self.payload)
    }

    /// Makes the proofs anew, after the log has changed.
    pub(crate) fn refresh(&mut self) {
        self.proof = self.log.record_proof(self.index);
    }

    /// A trust file that names the log, and pins acme.example if `pinned`.
    pub(crate) fn trust_file(&self, pinned: bool) -> TrustFile {
        let log = log_signer(ORIGIN, 9);
        let pin = if pinned {
            format!("publisher {ACME} {}\n", self.genesis)
        } else {
            String::new()
        };
        let text = format!("log {} http://127.0.0.1/log\n{}{pin}", log.verifier(), self.trust);
        TrustFile::parse(&text).expect("a trust file")
    }

    /// The record as a client that pins its publisher opens it.
    pub(crate) fn open(&self) -> Opened {
        self.open_with(Some(&self.trust_file(true)))
    }

    pub(crate) fn open_with(&self, trust: Option<&TrustFile>) -> Opened {
        open(trust, self.record(), &self.payload, &self.proof, Some(NOW))
    }

    /// The files that the record lists.
    pub(crate) fn manifest(&self) -> Manifest {
        match Record::parse(&self.payload).expect("a record").body {
            Body::Signature(record) => record.manifest,
            _ => panic!("not a signature record"),
        }
    }
}

fn facts(genesis: RecordId) -> SubjectFacts {
    SubjectFacts {
        publisher: ACME.parse().expect("a name"),
        genesis,
        name: "acme/tiny".into(),
        version: Some("1.0".into()),
        official: vec!["https://acme.example/tiny".into()],
    }
}

fn parents(facts: &SubjectFacts, manifest: &Manifest, stage: &str, inputs: &[(&str, &Vec<u8>)]) -> Vec<u8> {
    let inputs = inputs.iter().map(|(role, payload)| Input {
        role: (*role).to_owned(),
        record: RecordId::of_payload(payload),
        dir_hash1: Some(Sha256Digest::of(b"a parent")),
    });
    let metrics = [("loss".to_owned(), "2.31".to_owned())].into();
    let run = Run {
        stage: stage.to_owned(),
        inputs: inputs.collect(),
        metrics,
    };
    statement::provenance_payload(facts, manifest, &run)
}
