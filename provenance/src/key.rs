//! Keys of publishers: Ed25519 (RFC 8032) and ECDSA P-256 (FIPS 186-5) as SPKI and PKCS#8 PEM, and their ids.
//!
//! The algorithm of a signature comes from the registered key, never from the envelope. A signature has two
//! forms. In an *envelope* it is what other tools write: Ed25519 raw, ECDSA as DER. In the *log* it is
//! [`SIGNATURE_BYTES`] raw bytes in the one form that counts, so nobody can mint a second leaf from it.
//! [`PublicKey::verify_envelope`] turns the first into the second, [`PublicKey::verifies`] takes only the second.
//!
//! Out of scope: making randomness (a seed comes in) and passphrases (the command line's).

mod ecdsa;
mod eddsa;
mod pem;
mod signing;

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::{
    digest::{DigestError, Sha256Digest},
    json::{At, FromJson, WrongValue},
};

pub use self::{eddsa::ed25519_public_key, signing::SigningKey};

/// Longest PEM text that is read, in bytes; a P-256 SPKI has 178.
pub const MAX_PEM_BYTES: usize = 8192;

/// Bytes of a signature in the log: Ed25519 R || S, or ECDSA r || s with low s.
pub const SIGNATURE_BYTES: usize = 64;

/// Names a key: the SHA-256 of its SPKI PEM text (64 columns, final newline), which OMS calls the hint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct KeyId(Sha256Digest);

impl FromStr for KeyId {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        text.parse().map(Self)
    }
}

impl FromJson for KeyId {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.parse()
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum KeyAlgorithm {
    /// Ed25519.
    Ed25519,
    /// ECDSA on the curve P-256 (prime256v1, secp256r1) with SHA-256.
    P256,
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ed25519 => "Ed25519",
            Self::P256 => "ECDSA P-256",
        })
    }
}

/// Why a text or bytes are not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the PEM text that was wanted.
    #[error("wanted an Ed25519 or P-256 {wanted} key in PEM form")]
    Pem {
        /// `public` (SPKI) or `private` (PKCS#8).
        wanted: &'static str,
    },
    /// PEM that reads, but is not the one canonical text (64 columns, final newline).
    #[error("the public key is not in its canonical PEM form (64 columns, one final newline)")]
    NotCanonicalPem,
    /// A key of another algorithm, or DER that does not read.
    #[error("the key is neither an Ed25519 nor a P-256 key, or its DER is damaged")]
    OtherAlgorithm,
    /// An elliptic curve key on another named curve.
    #[error("the key is on another elliptic curve than P-256 (prime256v1)")]
    OtherCurve,
    /// An elliptic curve key that spells its curve out (RFC 5480 section 2.1.1 forbids it).
    #[error("the key spells out the parameters of its curve; the curve must be named (prime256v1)")]
    ExplicitParameters,
    /// A P-256 point of which only x is written.
    #[error("the P-256 public key is a compressed point; it must be written uncompressed")]
    Compressed,
    /// A P-256 key whose DER is not the one form of it.
    #[error("the P-256 public key is not an uncompressed point in its one DER form")]
    NotCanonicalPoint,
    /// Not a point of P-256.
    #[error("the P-256 public key is not a point of the curve")]
    OffCurve,
    /// A private key that is zero, or not below the order of the curve; or with another key's public half.
    #[error("the P-256 private key is out of range, or the public key in the file is not its own")]
    Scalar,
    /// Not a point of Ed25519.
    #[error("the 32 bytes are not an Ed25519 public key")]
    NotAPoint,
    /// The encoding of the point is not the reduced one (RFC 8032 section 5.1.3).
    #[error("the Ed25519 public key is not canonically encoded")]
    NotCanonical,
    /// A point of small order: some signatures would verify for every message.
    #[error("the Ed25519 public key is of small order; anybody could sign for it")]
    SmallOrder,
}

/// A publisher's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
    id: KeyId,
}

/// The key itself: everything that depends on the algorithm asks this.
#[derive(Clone, PartialEq, Eq)]
enum Point {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Reads an SPKI PEM text in its canonical form.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one, or the key is weak.
    pub fn from_spki_pem(text: &str) -> Result<Self, KeyError> {
        let der = pem::decode(text)?;
        let point = match eddsa::from_spki(&der) {
            Some(key) => Point::Ed25519(key?),
            None => Point::P256(ecdsa::from_spki(&der)?),
        };
        Ok(Self::new(point))
    }

    fn new(point: Point) -> Self {
        let id = KeyId(Sha256Digest::of(point.to_spki_pem().as_bytes()));
        Self { point, id }
    }

    /// The canonical SPKI PEM text, with its final newline.
    pub fn to_spki_pem(&self) -> String {
        self.point.to_spki_pem()
    }

    /// The key's id.
    pub fn keyid(&self) -> KeyId {
        self.id
    }

    /// What kind of key it is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match self.point {
            Point::Ed25519(_) => KeyAlgorithm::Ed25519,
            Point::P256(_) => KeyAlgorithm::P256,
        }
    }

    /// Whether `signature`, as the log has it, is this key's over `message`. Strict: an ECDSA signature with high
    /// s does not count, nor do Ed25519 encodings that are not canonical or points of small order.
    pub fn verifies(&self, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
        match &self.point {
            Point::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_bytes(signature);
                key.verify_strict(message, &signature).is_ok()
            }
            Point::P256(key) => ecdsa::verifies_low_s(key, message, signature),
        }
    }

    /// The form for the log of `signature`, an envelope's, if it is this key's over `message`. ECDSA: strict DER,
    /// with either s, since OpenSSL and others write both.
    pub fn verify_envelope(&self, message: &[u8], signature: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
        let raw = match &self.point {
            Point::Ed25519(_) => signature.try_into().ok()?,
            Point::P256(_) => ecdsa::raw_low_s(signature)?,
        };
        self.verifies(message, &raw).then_some(raw)
    }
}

impl Point {
    fn to_spki_pem(&self) -> String {
        pem::encode(&match self {
            Self::Ed25519(key) => eddsa::to_spki(key),
            Self::P256(key) => ecdsa::to_spki(key),
        })
    }
}

/// The text of [`PublicKey::to_spki_pem`].
impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_spki_pem())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({:?})", self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pem_forms_round_trip() {
        for key in [
            SigningKey::from_seed(&[7; 32]),
            SigningKey::p256_from_seed(&[7; 32]).unwrap(),
        ] {
            let again = SigningKey::from_pkcs8_pem(key.to_pkcs8_pem().as_ref()).unwrap();
            assert_eq!(again.public(), key.public());
            let pem = key.public().to_spki_pem();
            let public = PublicKey::from_spki_pem(&pem).unwrap();
            assert_eq!(&public, key.public());
            let keyid = Sha256Digest::of(pem.as_bytes()).to_string();
            assert_eq!(public.keyid().to_string(), keyid);
        }
    }

    #[test]
    fn signatures_of_envelopes_become_those_of_the_log() {
        for key in [
            SigningKey::from_seed(&[7; 32]),
            SigningKey::p256_from_seed(&[7; 32]).unwrap(),
        ] {
            let public = key.public();
            let signature = key.sign(b"m");
            let logged = public.verify_envelope(b"m", &signature).unwrap();
            assert!(public.verifies(b"m", &logged));
            assert!(!public.verifies(b"n", &logged));
            assert_eq!(public.verify_envelope(b"n", &signature), None);
            assert_eq!(
                public.verify_envelope(b"m", &signature[..signature.len() - 1]),
                None
            );
            assert_eq!(key.sign(b"m"), signature, "signing is deterministic");
        }
    }

    #[test]
    fn the_key_decides_the_algorithm_not_the_signature() {
        let (ed25519, p256) = (
            SigningKey::from_seed(&[7; 32]),
            SigningKey::p256_from_seed(&[7; 32]).unwrap(),
        );
        for (key, other) in [(&ed25519, &p256), (&p256, &ed25519)] {
            let signature = other.sign(b"m");
            let logged = other.public().verify_envelope(b"m", &signature).unwrap();
            assert_eq!(key.public().verify_envelope(b"m", &signature), None);
            assert_eq!(key.public().verify_envelope(b"m", &logged), None);
            assert!(!key.public().verifies(b"m", &logged));
        }
    }

    #[test]
    fn refuses_pem_that_is_not_canonical() {
        for key in [
            SigningKey::from_seed(&[7; 32]),
            SigningKey::p256_from_seed(&[7; 32]).unwrap(),
        ] {
            let pem = key.public().to_spki_pem();
            for text in [
                pem.trim_end().to_owned(),
                pem.replace('\n', "\r\n"),
                format!("x\n{pem}"),
                format!("{pem}\n"),
            ] {
                let refused = PublicKey::from_spki_pem(&text);
                assert_eq!(refused, Err(KeyError::NotCanonicalPem), "{text:?}");
            }
        }
    }
}
