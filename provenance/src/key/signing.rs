//! Private keys: PKCS#8 in and out, and signing.

use std::fmt;

use ed25519_dalek::{
    Signer as _,
    pkcs8::{
        EncodePrivateKey, KeypairBytes, PrivateKeyInfoRef, SecretDocument,
        spki::{
            ObjectIdentifier,
            der::{asn1::AnyRef, pem::LineEnding},
        },
    },
};
use p256::ecdsa::Signature;

use super::{KeyError, MAX_PEM_BYTES, Point, PublicKey};

/// PEM label of an unencrypted PKCS#8 key.
const LABEL: &str = "PRIVATE KEY";

/// Algorithm of Ed25519 keys (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// Algorithm of elliptic curve keys (RFC 5480).
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");

/// The curve P-256.
const PRIME256V1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");

/// A publisher's private key. Wiped from memory when dropped; `Debug` shows only the id.
pub struct SigningKey {
    secret: Secret,
    public: PublicKey,
}

enum Secret {
    Ed25519(ed25519_dalek::SigningKey),
    P256(p256::ecdsa::SigningKey),
}

impl SigningKey {
    /// The Ed25519 key that belongs to 32 bytes of good randomness.
    pub fn from_seed(seed: &[u8; 32]) -> Self {
        Self::new(Secret::Ed25519(ed25519_dalek::SigningKey::from_bytes(seed)))
    }

    /// The P-256 key that belongs to 32 bytes of good randomness.
    ///
    /// # Errors
    /// [`KeyError::Scalar`] for one seed in 2^32: take another.
    pub fn p256_from_seed(seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = p256::ecdsa::SigningKey::from_slice(seed).map_err(|_| KeyError::Scalar)?;
        Ok(Self::new(Secret::P256(key)))
    }

    /// Reads an unencrypted PKCS#8 PEM text.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one, or its key is of another kind.
    pub fn from_pkcs8_pem(text: &str) -> Result<Self, KeyError> {
        let wanted = KeyError::Pem { wanted: "private" };
        if text.len() > MAX_PEM_BYTES {
            return Err(wanted);
        }
        match SecretDocument::from_pem(text) {
            Ok((LABEL, der)) => Self::from_pkcs8_der(der.as_bytes()),
            _ => Err(wanted),
        }
    }

    /// Reads an unencrypted PKCS#8 key in DER.
    ///
    /// # Errors
    /// [`KeyError`] when it is not one, or its key is of another kind.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<Self, KeyError> {
        let wanted = KeyError::Pem { wanted: "private" };
        let info = PrivateKeyInfoRef::try_from(der).map_err(|_| wanted.clone())?;
        let parameters = info.algorithm.parameters;
        let secret = match info.algorithm.oid {
            ED25519 => Secret::Ed25519(info.try_into().map_err(|_| wanted)?),
            EC_PUBLIC_KEY => match parameters.map(AnyRef::decode_as) {
                Some(Ok(PRIME256V1)) => Secret::P256(info.try_into().map_err(|_| KeyError::Scalar)?),
                Some(Ok(_)) => return Err(KeyError::OtherCurve),
                _ => return Err(KeyError::ExplicitParameters),
            },
            _ => return Err(KeyError::OtherAlgorithm),
        };
        Ok(Self::new(secret))
    }

    fn new(secret: Secret) -> Self {
        let point = match &secret {
            Secret::Ed25519(key) => Point::Ed25519(key.verifying_key()),
            Secret::P256(key) => Point::P256(*key.verifying_key()),
        };
        let public = PublicKey::new(point);
        Self { secret, public }
    }

    /// The unencrypted PKCS#8 key in DER; wiped from memory when dropped.
    pub fn to_pkcs8_der(&self) -> impl AsRef<[u8]> + use<> {
        Wiped(self.to_pkcs8())
    }

    /// The unencrypted PKCS#8 PEM text; wiped from memory when dropped.
    pub fn to_pkcs8_pem(&self) -> impl AsRef<str> + use<> {
        let pem = self.to_pkcs8().to_pem(LABEL, LineEnding::LF);
        Wiped(pem.expect("a key always encodes"))
    }

    fn to_pkcs8(&self) -> SecretDocument {
        match &self.secret {
            // Version 1, without the public half: OpenSSL 3.0 reads no other.
            Secret::Ed25519(key) => KeypairBytes {
                secret_key: key.to_bytes(),
                public_key: None,
            }
            .to_pkcs8_der(),
            Secret::P256(key) => key.to_pkcs8_der(),
        }
        .expect("a key always encodes")
    }

    /// The public half.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs `message`, always with the same result, in the form that envelopes carry: Ed25519 64 raw bytes, ECDSA
    /// (RFC 6979) DER with low s.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::Ed25519(key) => key.sign(message).to_vec(),
            Secret::P256(key) => {
                let signature: Signature = key.sign(message);
                signature.normalize_s().to_der().as_bytes().to_vec()
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public.id)
    }
}

/// Keeps a wiping buffer of the PKCS#8 encoder without naming its type in a signature.
struct Wiped<T>(T);

impl<T: std::ops::Deref<Target = String>> AsRef<str> for Wiped<T> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl AsRef<[u8]> for Wiped<SecretDocument> {
    fn as_ref(&self) -> &[u8] {
        self.0.as_bytes()
    }
}
