use super::*;
use crate::{
    digest::Sha256Digest,
    dsse::Envelope,
    key::SigningKey,
    manifest::{Manifest, ManifestFile},
    merkle::{HashReader as _, RootHash},
    statement::{Run, SubjectFacts, keyset_payload, provenance_payload},
};

fn key(n: u8) -> SigningKey {
    SigningKey::from_seed(&[n; 32])
}

/// A first keyset of `name`, signed.
fn first(name: &str, n: u8) -> (Envelope, Keyset) {
    let keyset = Keyset::first(
        name.parse().unwrap(),
        "log.example/log".into(),
        key(n).public().clone(),
        "alice".into(),
    )
    .unwrap();
    (Envelope::sign(keyset_payload(&keyset), &[&key(n)]), keyset)
}

/// A record of how something was made, signed with the key `n`.
fn record(name: &str, genesis: RecordId, n: u8) -> Envelope {
    let digest = Sha256Digest::of(b"chunk");
    let file = ManifestFile {
        path: "model.bin".parse().unwrap(),
        size: 1 << 20,
        sha256: digest,
        chunks: Sha256Digest::of(digest.as_bytes()),
        chunk0: digest,
        tensors: None,
    };
    let facts = SubjectFacts {
        publisher: name.parse().unwrap(),
        genesis,
        name: "acme/model".into(),
        version: None,
        official: vec![],
    };
    let run = Run {
        stage: "checkpoint".into(),
        inputs: vec![],
        metrics: BTreeMap::new(),
    };
    let payload = provenance_payload(&facts, &Manifest::new(vec![file]).unwrap(), &run);
    Envelope::sign(payload, &[&key(n)])
}

fn entry(envelope: &Envelope, keyset: &Keyset, state: RootHash) -> Entry {
    let parsed = Record::parse(&envelope.payload).unwrap();
    Entry {
        publisher: parsed.publisher().clone(),
        kind: parsed.kind,
        size: envelope.payload.len() as u64,
        payload: parsed.id,
        state,
        signatures: keyset.valid_signatures(envelope),
    }
}

fn state_of(names: &[(&str, RecordId)]) -> RootHash {
    let mut state = StateTree::new();
    for (index, (name, payload)) in (0..).zip(names) {
        let line = StateLine {
            index,
            kind: crate::statement::KEYSET_TYPE.into(),
            payload: *payload,
            target: None,
        };
        state.append(name.parse().unwrap(), line);
    }
    state.root()
}

#[test]
fn a_sound_log_is_taken_and_every_lie_in_an_entry_is_named() {
    let (envelope, keyset) = first("acme.example", 1);
    let genesis = RecordId::of_payload(&envelope.payload);
    let state = state_of(&[("acme.example", genesis)]);
    let mut audit = Audit::new();
    let created = entry(&envelope, &keyset, state);
    audit.take(&created.to_bytes(), &envelope.payload).unwrap();

    let made = record("acme.example", genesis, 1);
    let good = entry(&made, &keyset, state);
    let stranger = record("acme.example", genesis, 2);
    let elsewhere = record("acme.example", RecordId::of_payload(b"other"), 1);
    let nobody = record("nobody.example", genesis, 1);
    let lies = [
        (
            Entry {
                size: 1,
                ..good.clone()
            },
            &made,
            "the size",
        ),
        (
            Entry {
                publisher: "other.example".parse().unwrap(),
                ..good.clone()
            },
            &made,
            "the publisher",
        ),
        (
            Entry {
                kind: "https://example.com/other".into(),
                ..good.clone()
            },
            &made,
            "the kind",
        ),
        (
            Entry {
                state: RootHash::from(Sha256Digest::OF_NOTHING),
                ..good.clone()
            },
            &made,
            "state root",
        ),
        (
            Entry {
                signatures: vec![],
                ..good.clone()
            },
            &made,
            "sign",
        ),
        (good.clone(), &elsewhere, "its payload is"),
        (entry(&stranger, &keyset, state), &stranger, "sign"),
        (entry(&elsewhere, &keyset, state), &elsewhere, "another genesis"),
        (entry(&nobody, &keyset, state), &nobody, "was not created"),
        (created.clone(), &envelope, "cannot judge"),
    ];
    for (lie, envelope, wanted) in lies {
        let error = audit.take(&lie.to_bytes(), &envelope.payload).unwrap_err();
        assert!(error.to_string().contains(wanted), "{error}, wanted {wanted:?}");
        assert_eq!(audit.head().size.get(), 1, "nothing was taken in");
    }
    assert!(matches!(audit.take(b"junk", b"junk"), Err(AuditError::Entry(_))));
    audit.take(&good.to_bytes(), &made.payload).unwrap();
    assert_eq!((audit.head().size.get(), audit.publishers()), (2, 1));
    assert_eq!(
        audit.tree().node(0, 1).unwrap(),
        *LeafHash::of(&good.to_bytes()).digest()
    );
}
