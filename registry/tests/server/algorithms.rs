//! Publishers with keys of both algorithms: what is logged, and what adds nothing to the log.

use p256::ecdsa::Signature;
use provenance::{
    RecordId,
    api::RecordProof,
    dsse::{Envelope, EnvelopeSignature},
    entry::Entry,
    json::{At, FromJson as _},
    key::SigningKey,
    keyset::Keyset,
    statement::keyset_payload,
};

use crate::common::{Lab, Model, Server};

/// `acme.example` with these keys, each its holder's, of which `threshold` must sign records.
fn create(server: &Server, keys: &[(&SigningKey, &str)], threshold: usize) -> Lab {
    let mut lab = Lab::new("acme.example", 1, &server.origin());
    let members = keys.iter().map(|(key, holder)| {
        serde_json::json!({
            "spki": key.public().to_spki_pem(), "holder": holder, "roles": ["root", "sign"]
        })
    });
    let keyset = serde_json::json!({
        "publisher": "acme.example", "origins": [server.origin()], "version": 1, "previous": null,
        "threshold": {"root": 1, "sign": threshold}, "revoked": [], "keys": members.collect::<Vec<_>>(),
    });
    let payload = keyset_payload(&Keyset::from_json(At::new(&keyset)).unwrap());
    lab.genesis = RecordId::of_payload(&payload);
    let signers: Vec<_> = keys.iter().map(|(key, _)| *key).collect();
    let answer = server.submit(&Envelope::sign(payload, &signers));
    assert_eq!(answer.status, 200, "{}", answer.text());
    lab
}

/// The other signature that the equation of ECDSA holds for: (r, n - s).
fn flipped(signature: &EnvelopeSignature) -> EnvelopeSignature {
    let (r, s) = Signature::from_der(&signature.sig).unwrap().split_scalars();
    let sig = Signature::from_scalars(r, -s)
        .unwrap()
        .to_der()
        .as_bytes()
        .to_vec();
    assert_ne!(sig, signature.sig);
    EnvelopeSignature {
        keyid: signature.keyid.clone(),
        sig,
    }
}

fn keys() -> (SigningKey, SigningKey) {
    (
        SigningKey::p256_from_seed(&[1; 32]).unwrap(),
        SigningKey::from_seed(&[2; 32]),
    )
}

#[test]
fn keys_of_both_algorithms_publish_and_are_proved() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (p256, ed25519) = keys();
    let lab = create(&server, &[(&p256, "alice"), (&ed25519, "bob")], 2);
    let model = Model::numbered(1);
    let payload = lab.attest(&model).payload;
    for too_few in [&p256, &ed25519] {
        let refused = server.submit(&Envelope::sign(payload.clone(), &[too_few]));
        assert_eq!(refused.problem(), "signatures-insufficient");
    }
    let receipt = server.publish(&model, &Envelope::sign(payload.clone(), &[&p256, &ed25519]));
    server.assert_proved(&lab.genesis);
    server.assert_proved(&receipt.record);
    let entry = Entry::parse(&receipt.entry.0).unwrap();
    assert_eq!(entry.signatures.len(), 2);
    assert!(entry.signatures.is_sorted_by(|a, b| a.keyid < b.keyid));
}

#[test]
fn two_keys_of_one_holder_count_as_one() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (p256, ed25519) = keys();
    let bob = SigningKey::from_seed(&[3; 32]);
    let lab = create(
        &server,
        &[(&p256, "alice"), (&ed25519, "alice"), (&bob, "bob")],
        2,
    );
    let model = Model::numbered(1);
    let payload = lab.attest(&model).payload;
    let one_person = server.submit(&Envelope::sign(payload.clone(), &[&p256, &ed25519]));
    assert_eq!(one_person.problem(), "signatures-insufficient");
    let receipt = server.publish(&model, &Envelope::sign(payload, &[&p256, &bob]));
    server.assert_proved(&receipt.record);
}

#[test]
fn flipped_junk_and_fewer_signatures_add_nothing_to_the_log() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (p256, ed25519) = keys();
    let lab = create(&server, &[(&p256, "alice"), (&ed25519, "bob")], 1);
    let model = Model::numbered(1);
    let both = Envelope::sign(lab.attest(&model).payload, &[&p256, &ed25519]);
    let first = server.publish(&model, &both);
    let again = |signatures: Vec<EnvelopeSignature>| {
        let envelope = Envelope {
            signatures,
            ..both.clone()
        };
        let answer: RecordProof = server.submit(&envelope).json();
        assert_eq!((answer.index, &answer.entry), (first.index, &first.entry));
    };
    let [ecdsa, other] = &both.signatures[..] else {
        panic!("two keys signed")
    };
    let junk = EnvelopeSignature {
        sig: vec![0x30; 70],
        ..ecdsa.clone()
    };
    again(vec![flipped(ecdsa), other.clone()]);
    again(vec![flipped(ecdsa)]);
    again(vec![flipped(ecdsa), ecdsa.clone()]);
    again(vec![ecdsa.clone()]);
    again(vec![other.clone()]);
    again(vec![junk.clone(), other.clone(), junk]);
    assert_eq!(server.published_size(), 2);
}

#[test]
fn a_flipped_signature_is_logged_in_the_one_form() {
    let leaves = [false, true].map(|flip| {
        let data = tempfile::tempdir().unwrap();
        let server = Server::start(data.path());
        let (p256, _) = keys();
        let lab = create(&server, &[(&p256, "alice")], 1);
        let model = Model::numbered(1);
        let mut envelope = Envelope::sign(lab.attest(&model).payload, &[&p256]);
        let low = Signature::from_der(&envelope.signatures[0].sig)
            .unwrap()
            .to_bytes();
        if flip {
            envelope.signatures[0] = flipped(&envelope.signatures[0]);
        }
        let receipt = server.publish(&model, &envelope);
        server.assert_proved(&receipt.record);
        let entry = Entry::parse(&receipt.entry.0).unwrap();
        entry.signatures[0].signature == low[..]
    });
    assert_eq!(leaves, [true, true]);
}
