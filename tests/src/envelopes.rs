//! Signed envelopes made without the command line: first keysets, and what may follow them.

use provenance::{RecordId, dsse::Envelope, key::SigningKey, keyset::Keyset, statement::keyset_payload};

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
