//! Keys of publishers: Ed25519 (RFC 8032) as SPKI and PKCS#8 PEM, and their ids.
//!
//! The algorithm of a signature comes from the registered key, never from the envelope. ECDSA P-256, for
//! bundles that OpenSSF Model Signing tools read, is a second variant of [`PublicKey`] to come; nothing outside
//! this file would change. Making keys needs randomness and is the caller's: a seed comes in.

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::{
    Signature, Signer as _,
    pkcs8::{DecodePrivateKey, EncodePrivateKey, spki::der::pem::LineEnding},
};
use serde::{Serialize, Serializer};

use crate::{
    digest::{DigestError, Sha256Digest},
    json::{At, FromJson, WrongValue},
};

/// Longest PEM text that is read, in bytes; an Ed25519 SPKI has 113.
pub const MAX_PEM_BYTES: usize = 8192;

/// An Ed25519 SubjectPublicKeyInfo up to its key (RFC 8410 section 4): a sequence of 42 bytes, the algorithm
/// 1.3.101.112 without parameters, a bit string of 32 bytes. DER has no other form of it.
const SPKI_START: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const PEM_START: &str = "-----BEGIN PUBLIC KEY-----\n";
const PEM_END: &str = "\n-----END PUBLIC KEY-----\n";

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

/// Why a text or bytes are not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// Not the PEM text that was wanted.
    #[error("wanted an Ed25519 {wanted} key in PEM form")]
    Pem {
        /// `public` (SPKI) or `private` (PKCS#8).
        wanted: &'static str,
    },
    /// PEM that reads, but is not the one canonical text (64 columns, final newline).
    #[error("the public key is not in its canonical PEM form (64 columns, one final newline)")]
    NotCanonicalPem,
    /// Not a point of the curve.
    #[error("the 32 bytes are not an Ed25519 public key")]
    NotAPoint,
    /// The encoding of the point is not the reduced one (RFC 8032 section 5.1.3).
    #[error("the Ed25519 public key is not canonically encoded")]
    NotCanonical,
    /// A point of small order: some signatures would verify for every message.
    #[error("the Ed25519 public key is of small order; anybody could sign for it")]
    SmallOrder,
}

/// Checks 32 bytes as an Ed25519 public key that is safe to compare and to verify with.
///
/// # Errors
/// [`KeyError::NotAPoint`], [`KeyError::NotCanonical`], [`KeyError::SmallOrder`].
pub fn ed25519_public_key(bytes: &[u8; 32]) -> Result<ed25519_dalek::VerifyingKey, KeyError> {
    // y, the low 255 bits, must be below p = 2^255 - 19. Little endian: the top 31 bytes of p are all ones.
    let top_is_ones = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|&b| b == 0xff);
    if top_is_ones && bytes[0] >= 0xed {
        return Err(KeyError::NotCanonical);
    }
    let key = ed25519_dalek::VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
    if key.is_weak() {
        return Err(KeyError::SmallOrder);
    }
    Ok(key)
}

/// A publisher's public key.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: ed25519_dalek::VerifyingKey,
    id: KeyId,
}

impl PublicKey {
    /// Reads an SPKI PEM text in its canonical form.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one, or the key is weak.
    pub fn from_spki_pem(text: &str) -> Result<Self, KeyError> {
        let wanted = KeyError::Pem { wanted: "public" };
        if text.len() > MAX_PEM_BYTES {
            return Err(wanted);
        }
        // The 44 bytes of DER are one line of base64, so there is one text of each key.
        let Some(line) = text
            .strip_prefix(PEM_START)
            .and_then(|text| text.strip_suffix(PEM_END))
        else {
            let is_pem = text.contains(PEM_START.trim_end()) && text.contains(PEM_END.trim());
            return Err(if is_pem { KeyError::NotCanonicalPem } else { wanted });
        };
        let der = STANDARD.decode(line).map_err(|_| wanted.clone())?;
        let key = der.strip_prefix(&SPKI_START).and_then(|key| key.try_into().ok());
        Ok(Self::new(ed25519_public_key(key.ok_or(wanted)?)?))
    }

    fn new(key: ed25519_dalek::VerifyingKey) -> Self {
        let id = KeyId(Sha256Digest::of(spki_pem(&key).as_bytes()));
        Self { key, id }
    }

    /// The canonical SPKI PEM text, with its final newline.
    pub fn to_spki_pem(&self) -> String {
        spki_pem(&self.key)
    }

    /// The key's id.
    pub fn keyid(&self) -> KeyId {
        self.id
    }

    /// Whether `signature` (64 raw bytes) is this key's over `message`, by the strict rules: canonical
    /// encodings, no small-order points.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        let Ok(signature) = Signature::from_slice(signature) else {
            return false;
        };
        self.key.verify_strict(message, &signature).is_ok()
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

fn spki_pem(key: &ed25519_dalek::VerifyingKey) -> String {
    let der = [&SPKI_START[..], key.as_bytes()].concat();
    format!("{PEM_START}{}{PEM_END}", STANDARD.encode(der))
}

/// A publisher's private key. Wiped from memory when dropped; `Debug` shows only the id.
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

impl SigningKey {
    /// The key that belongs to 32 bytes of good randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(ed25519_dalek::SigningKey::from_bytes(seed))
    }

    /// Reads an unencrypted PKCS#8 PEM text.
    ///
    /// # Errors
    /// [`KeyError::Pem`] when it is not one.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let wanted = KeyError::Pem { wanted: "private" };
        if text.len() > MAX_PEM_BYTES {
            return Err(wanted);
        }
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(text).map_err(|_| wanted)?;
        Ok(Self::new(key))
    }

    fn new(key: ed25519_dalek::SigningKey) -> Self {
        let public = PublicKey::new(key.verifying_key());
        Self { key, public }
    }

    /// The unencrypted PKCS#8 PEM text; wiped from memory when dropped.
    pub fn to_pkcs8_pem(&self) -> impl AsRef<str> + use<> {
        let pem = self
            .key
            .to_pkcs8_pem(LineEnding::LF)
            .expect("a key always encodes");
        Pem(pem)
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`: 64 raw bytes.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public.id)
    }
}

/// Keeps the wiping buffer of the PKCS#8 encoder without naming its type in a signature.
struct Pem<T>(T);

impl<T: std::ops::Deref<Target = String>> AsRef<str> for Pem<T> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

    use super::*;

    #[test]
    fn pem_forms_round_trip() {
        let key = SigningKey::from_seed(&[7; 32]);
        let again = SigningKey::from_pkcs8_pem(key.to_pkcs8_pem().as_ref()).unwrap();
        assert_eq!(again.public(), key.public());
        let pem = key.public().to_spki_pem();
        assert!(
            pem.starts_with("-----BEGIN PUBLIC KEY-----\n") && pem.ends_with("-----END PUBLIC KEY-----\n")
        );
        let public = PublicKey::from_spki_pem(&pem).unwrap();
        assert_eq!(
            public.keyid().to_string(),
            Sha256Digest::of(pem.as_bytes()).to_string()
        );
        let oracle = ed25519_dalek::VerifyingKey::from_public_key_pem(&pem).unwrap();
        assert_eq!(oracle, key.public().key);
        assert_eq!(oracle.to_public_key_pem(LineEnding::LF).unwrap(), pem);
        assert!(public.verifies(b"m", &key.sign(b"m")));
        assert!(!public.verifies(b"n", &key.sign(b"m")));
        assert!(!public.verifies(b"m", &key.sign(b"m")[..63]));
    }

    #[test]
    fn refuses_pem_that_is_not_canonical() {
        let pem = SigningKey::from_seed(&[7; 32]).public().to_spki_pem();
        for text in [
            pem.trim_end().to_owned(),
            pem.replace('\n', "\r\n"),
            format!("x\n{pem}"),
            format!("{pem}\n"),
        ] {
            assert!(PublicKey::from_spki_pem(&text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn refuses_small_order_and_non_canonical_keys() {
        // The eight points of small order, in their canonical encodings where one exists (Ed25519 torsion).
        let mut identity = [0; 32];
        identity[0] = 1;
        assert_eq!(ed25519_public_key(&identity), Err(KeyError::SmallOrder));
        assert_eq!(ed25519_public_key(&[0; 32]), Err(KeyError::SmallOrder));
        // y = p + 1, the identity written without reduction.
        let mut unreduced = [0xff; 32];
        unreduced[0] = 0xee;
        unreduced[31] = 0x7f;
        assert_eq!(ed25519_public_key(&unreduced), Err(KeyError::NotCanonical));
        let mut no_point = [0; 32];
        no_point[0] = 2;
        assert_eq!(ed25519_public_key(&no_point), Err(KeyError::NotAPoint));
    }
}
