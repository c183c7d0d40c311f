//! A log in memory: it takes payloads, signs checkpoints and hands out proofs.

use provenance::{
    PublisherName, RecordId,
    api::{Base64Bytes, ControlEntry, RecordProof},
    checkpoint::Checkpoint,
    cosignature::cosign,
    dsse::Envelope,
    entry::{Entry, EntrySignature},
    key::SigningKey,
    keyset::{Keyset, Member, Role, Threshold},
    merkle::{InclusionProof, LeafHash, LeafIndex, MemoryTree, TreeSize},
    note::{NoteAlgorithm, NoteSigner, SignedNote},
    record::Record,
    state::{StateLine, StateProof, StateTree},
    statement,
    tlog_proof::TlogProof,
};

pub(crate) const ORIGIN: &str = "registry.example/log";
pub(crate) const ACME: &str = "acme.example";
fn key(seed: u8) -> SigningKey {
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
    pub(crate) fn new() -> Self {
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
            signature: s.sig.try_into().unwrap(),
        })
        .collect();
    found.sort_by_key(|s| s.keyid);
    found
}

/// A first keyset of `members` (seed of the key, holder), each with both roles.
pub(crate) fn keyset_payload(publisher: &str, origin: &str, members: &[(u8, &str)], sign: usize) -> Vec<u8> {
    let keys = members.iter().map(|(seed, holder)| Member {
        key: key(*seed).public().clone(),
        holder: (*holder).to_owned(),
        roles: vec![Role::Root, Role::Sign],
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
