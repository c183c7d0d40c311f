//! Signed envelopes made without the command line: first keysets, and what may follow them.

use std::collections::BTreeMap;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    dsse::Envelope,
    key::SigningKey,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    statement::{Run, SubjectFacts, keyset_payload, provenance_payload},
};

use crate::{
    http::{Answer, Client},
    registry::TestRegistry,
};

/// The origin of a registry's log.
pub fn origin(registry: &TestRegistry) -> String {
    registry
        .log_key()
        .split('+')
        .next()
        .expect("a verifier key")
        .to_owned()
}

/// A first keyset of `publisher`, signed.
pub fn keyset_envelope(publisher: &str, origin: &str, key: &SigningKey) -> Envelope {
    let name = publisher.parse().expect("a name");
    let keyset =
        Keyset::first(name, origin.to_owned(), key.public().clone(), "alice".into()).expect("a keyset");
    Envelope::sign(keyset_payload(&keyset), &[key])
}

/// The keyset that would follow `first`.
pub fn second_keyset(first: &Envelope, origin: &str, key: &SigningKey) -> Envelope {
    let name = crate::lab::PUBLISHER.parse().expect("a name");
    let keyset =
        Keyset::first(name, origin.to_owned(), key.public().clone(), "alice".into()).expect("a keyset");
    let previous = Some(RecordId::of_payload(&first.payload));
    Envelope::sign(
        keyset_payload(&Keyset {
            version: 2,
            previous,
            ..keyset
        }),
        &[key],
    )
}

/// A publisher whose records are made by the thousand.
#[derive(Debug)]
pub struct Busy {
    key: SigningKey,
    name: PublisherName,
    genesis: RecordId,
    first: Envelope,
}

impl Busy {
    /// A publisher of this name on the log `origin`; its key follows from the name.
    pub fn new(name: &str, origin: &str) -> Self {
        let key = SigningKey::from_seed(Sha256Digest::of(name.as_bytes()).as_bytes());
        let first = keyset_envelope(name, origin, &key);
        Self {
            key,
            name: name.parse().expect("a name"),
            genesis: RecordId::of_payload(&first.payload),
            first,
        }
    }

    /// The name.
    pub fn name(&self) -> &PublisherName {
        &self.name
    }

    /// The first keyset.
    pub fn first(&self) -> &Envelope {
        &self.first
    }

    /// The record number `n`, which needs no sidecars: how something was made.
    pub fn record(&self, n: usize) -> Envelope {
        let digest = Sha256Digest::of(&n.to_be_bytes());
        let file = ManifestFile {
            path: "model.bin".parse().expect("a path"),
            size: 1 << 20,
            sha256: digest,
            chunks: Sha256Digest::of(digest.as_bytes()),
            chunk0: digest,
            tensors: None,
        };
        let facts = SubjectFacts {
            publisher: self.name.clone(),
            genesis: self.genesis,
            name: format!("bench/model-{n} family{}", n % 97),
            version: Some(format!("{}.{}", n % 13, n % 7)),
            official: vec![],
        };
        let run = Run {
            stage: "checkpoint".into(),
            inputs: vec![],
            metrics: BTreeMap::new(),
        };
        let manifest = Manifest::new(vec![file]).expect("one file");
        Envelope::sign(provenance_payload(&facts, &manifest, &run), &[&self.key])
    }
}

/// Submits an envelope.
pub fn submit(client: &Client, envelope: &Envelope) -> Answer {
    client.post("/api/v1/attestations", &envelope.to_json())
}

/// The envelope with one piece of its payload replaced, signed again.
pub fn resigned(envelope: &Envelope, from: &str, to: &str, key: &SigningKey) -> Envelope {
    let text = String::from_utf8(envelope.payload.clone()).expect("JSON is UTF-8");
    assert!(text.contains(from), "{from} is in {text}");
    Envelope::sign(text.replacen(from, to, 1).into_bytes(), &[key])
}
