//! DSSE v1 envelopes (secure-systems-lab/dsse) around in-toto statements.
//!
//! ```text
//! {"payload":"<base64>","payloadType":"application/vnd.in-toto+json",
//!  "signatures":[{"keyid":"<hex>","sig":"<base64>"}]}
//! PAE = "DSSEv1 28 application/vnd.in-toto+json <len> <payload>"
//! ```
//! The payload bytes are kept as received; nothing here ever writes them anew.

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;

use crate::{
    json::{At, JsonError, WrongValue, parse_strict},
    key::SigningKey,
    path::clip,
};

/// The only payload type.
pub const PAYLOAD_TYPE: &str = "application/vnd.in-toto+json";

/// Most signatures in one envelope.
pub const MAX_SIGNATURES: usize = 32;

/// Largest payload in bytes, 8 MiB: a manifest of about 20,000 files.
pub const MAX_PAYLOAD_BYTES: usize = 8 << 20;

/// Largest envelope in bytes: the payload in base64, and room for the signatures.
pub const MAX_ENVELOPE_BYTES: usize = MAX_PAYLOAD_BYTES / 3 * 4 + (64 << 10);

/// Longest single signature in bytes; DER of ECDSA P-521 has 139.
const MAX_SIGNATURE_BYTES: usize = 256;

/// One signature over the envelope's payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvelopeSignature {
    /// The signer's hint at its key; not authenticated, may be empty.
    pub keyid: String,
    /// The signature: Ed25519 64 raw bytes, ECDSA DER.
    pub sig: Vec<u8>,
}

/// A parsed envelope. Parsed is not trusted: no signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The statement's bytes, exactly as signed.
    pub payload: Vec<u8>,
    /// The signatures, in the envelope's order.
    pub signatures: Vec<EnvelopeSignature>,
}

/// Why a text is not an envelope.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// Not strict JSON.
    #[error("the envelope does not parse: {0}")]
    Json(#[from] JsonError),
    /// JSON of another shape.
    #[error("the envelope is not a DSSE envelope: {0}")]
    Shape(#[from] WrongValue),
    /// Another payload type.
    #[error("wanted the payload type {PAYLOAD_TYPE}, got {found:?}")]
    PayloadType {
        /// The type found.
        found: String,
    },
    /// A member that is not padded standard base64.
    #[error("the member {member} is not padded standard base64")]
    Base64 {
        /// `payload` or `sig`.
        member: &'static str,
    },
    /// None, or more than [`MAX_SIGNATURES`].
    #[error("an envelope has 1 to {MAX_SIGNATURES} signatures, got {found}")]
    Signatures {
        /// Signatures found.
        found: usize,
    },
    /// A signature longer than any algorithm makes.
    #[error("a signature has at most {MAX_SIGNATURE_BYTES} bytes, got {found}")]
    SignatureLength {
        /// Bytes found.
        found: usize,
    },
    /// A payload over [`MAX_PAYLOAD_BYTES`].
    #[error("the payload has {found} bytes, at most {MAX_PAYLOAD_BYTES} are read")]
    PayloadLength {
        /// Bytes found.
        found: usize,
    },
}

impl Envelope {
    /// Parses an envelope; members it does not know are ignored, as DSSE asks.
    ///
    /// # Errors
    /// [`EnvelopeError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        let value = parse_strict(bytes, MAX_ENVELOPE_BYTES)?;
        let envelope = At::new(&value);
        let payload_type = envelope.member("payloadType")?.text()?;
        if payload_type != PAYLOAD_TYPE {
            let found = clip(payload_type);
            return Err(EnvelopeError::PayloadType { found });
        }
        let listed = envelope.member("signatures")?;
        let listed = listed.items()?;
        if !(1..=MAX_SIGNATURES).contains(&listed.len()) {
            let found = listed.len();
            return Err(EnvelopeError::Signatures { found });
        }
        let payload = base64(envelope, "payload")?;
        if payload.len() > MAX_PAYLOAD_BYTES {
            return Err(EnvelopeError::PayloadLength { found: payload.len() });
        }
        let mut signatures = Vec::with_capacity(listed.len());
        for signature in listed {
            let keyid = signature.get_or_default("keyid")?;
            let sig = base64(signature, "sig")?;
            if sig.len() > MAX_SIGNATURE_BYTES {
                return Err(EnvelopeError::SignatureLength { found: sig.len() });
            }
            signatures.push(EnvelopeSignature { keyid, sig });
        }
        Ok(Self { payload, signatures })
    }

    /// Signs `payload` with each of `keys`, in their order.
    pub fn sign(payload: Vec<u8>, keys: &[&SigningKey]) -> Self {
        let message = pae(&payload);
        let one = |key: &&SigningKey| EnvelopeSignature {
            keyid: key.public().keyid().to_string(),
            sig: key.sign(&message),
        };
        Self {
            signatures: keys.iter().map(one).collect(),
            payload,
        }
    }

    /// Compact JSON of the envelope.
    pub fn to_json(&self) -> Vec<u8> {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct Wire<'a> {
            payload: String,
            payload_type: &'a str,
            signatures: Vec<WireSignature<'a>>,
        }
        #[derive(Serialize)]
        struct WireSignature<'a> {
            keyid: &'a str,
            sig: String,
        }
        let wire = Wire {
            payload: STANDARD.encode(&self.payload),
            payload_type: PAYLOAD_TYPE,
            signatures: (self.signatures.iter())
                .map(|s| WireSignature {
                    keyid: &s.keyid,
                    sig: STANDARD.encode(&s.sig),
                })
                .collect(),
        };
        serde_json::to_vec(&wire).expect("strings always serialise")
    }
}

fn base64(at: At<'_>, member: &'static str) -> Result<Vec<u8>, EnvelopeError> {
    let text = at.member(member)?.text()?;
    STANDARD
        .decode(text)
        .map_err(|_| EnvelopeError::Base64 { member })
}

/// The bytes that are signed: DSSE's pre-authentication encoding of `payload`.
pub fn pae(payload: &[u8]) -> Vec<u8> {
    let mut out = format!("DSSEv1 {} {PAYLOAD_TYPE} {} ", PAYLOAD_TYPE.len(), payload.len()).into_bytes();
    out.extend_from_slice(payload);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pae_is_the_documented_text() {
        assert_eq!(pae(b"{}"), b"DSSEv1 28 application/vnd.in-toto+json 2 {}");
    }

    #[test]
    fn signed_envelopes_round_trip_and_verify() {
        let (a, b) = (
            SigningKey::from_seed(&[1; 32]),
            SigningKey::p256_from_seed(&[2; 32]).unwrap(),
        );
        let envelope = Envelope::sign(b"{\"x\":1}".to_vec(), &[&a, &b]);
        let again = Envelope::parse(&envelope.to_json()).unwrap();
        assert_eq!(again, envelope);
        assert!(
            b.public()
                .verify_envelope(&pae(&again.payload), &again.signatures[1].sig)
                .is_some()
        );
    }

    #[test]
    fn ignores_members_it_does_not_know() {
        let mut value: serde_json::Value = serde_json::from_slice(
            &Envelope::sign(b"{}".to_vec(), &[&SigningKey::from_seed(&[1; 32])]).to_json(),
        )
        .unwrap();
        value["extra"] = 1.into();
        value["signatures"][0]["extension"] = "x".into();
        assert!(Envelope::parse(value.to_string().as_bytes()).is_ok());
    }

    #[test]
    fn refuses_other_types_no_signature_and_loose_base64() {
        let make = |ty: &str, payload: &str, sigs: &str| {
            Envelope::parse(
                format!(r#"{{"payloadType":"{ty}","payload":"{payload}","signatures":[{sigs}]}}"#).as_bytes(),
            )
        };
        let sig = r#"{"sig":"AAAA"}"#;
        assert!(make(PAYLOAD_TYPE, "e30=", sig).is_ok());
        assert!(matches!(
            make("text/plain", "e30=", sig),
            Err(EnvelopeError::PayloadType { .. })
        ));
        assert_eq!(
            make(PAYLOAD_TYPE, "e30=", ""),
            Err(EnvelopeError::Signatures { found: 0 })
        );
        assert_eq!(
            make(PAYLOAD_TYPE, "e30", sig),
            Err(EnvelopeError::Base64 { member: "payload" })
        );
        assert_eq!(
            make(PAYLOAD_TYPE, "e30=", r#"{"sig":"A-_A"}"#),
            Err(EnvelopeError::Base64 { member: "sig" })
        );
        let many = vec![sig; MAX_SIGNATURES + 1].join(",");
        assert!(matches!(
            make(PAYLOAD_TYPE, "e30=", &many),
            Err(EnvelopeError::Signatures { found: 33 })
        ));
    }
}
