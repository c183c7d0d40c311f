//! Keys that sign models: ECDSA on the three NIST curves and Ed25519, as OpenSSL writes them.
//!
//! Unlike a publisher's key ([`crate::key`]), whose one text is its identity, a key here is read from any PEM text that
//! holds it: with words around it, other line ends, or a compressed point. Its hint is always taken over the one
//! text that OpenSSL would write.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use p256::{
    ecdsa::signature::{Signer as _, Verifier as _},
    elliptic_curve::zeroize::Zeroizing,
};
use serde::Serialize;

use super::error::SignatureFault;
use crate::{
    digest::Sha256Digest,
    key::{KeyError, ed25519_public_key},
    path::clip,
};

/// Longest PEM text that is read, in bytes.
const MAX_PEM_BYTES: usize = 64 << 10;

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "P-256")]
    P256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "P-384")]
    P384,
    /// ECDSA on P-521 with SHA-512.
    #[serde(rename = "P-521")]
    P521,
    /// Ed25519, strictly.
    Ed25519,
}

/// Every algorithm, with the content of its AlgorithmIdentifier in DER (RFC 5480 section 2.1.1, RFC 8410 section 3).
const ALGORITHMS: [(Algorithm, &[u8]); 4] = [
    (
        Algorithm::P256,
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07",
    ),
    (
        Algorithm::P384,
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22",
    ),
    (
        Algorithm::P521,
        b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x23",
    ),
    (Algorithm::Ed25519, b"\x06\x03\x2b\x65\x70"),
];

/// What AlgorithmIdentifiers of other keys start with.
const OTHER_ALGORITHMS: [(&str, &[u8]); 3] = [
    ("RSA", b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01"),
    ("Ed448", b"\x06\x03\x2b\x65\x71"),
    ("another elliptic curve", b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01"),
];

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::P256 => "P-256",
            Self::P384 => "P-384",
            Self::P521 => "P-521",
            Self::Ed25519 => "Ed25519",
        })
    }
}

/// Why a text is not a usable key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsKeyError {
    /// No PEM block of the kind wanted.
    #[error("it holds no {wanted} in PEM form{}", .found.as_ref().map(|found| format!(", but a block named {found}")).unwrap_or_default())]
    NoKey {
        /// `public key` or `private key`.
        wanted: &'static str,
        /// The name of the block that is there.
        found: Option<String>,
    },
    /// More than one key, so that it is not clear which is meant.
    #[error("it holds more than one {wanted}")]
    Several {
        /// `public key` or `private key`.
        wanted: &'static str,
    },
    /// An encrypted private key.
    #[error("the private key is encrypted")]
    Encrypted,
    /// A block whose content is not a key.
    #[error("its PEM block does not read as a {wanted}")]
    Broken {
        /// `public key` or `private key`.
        wanted: &'static str,
    },
    /// A key of another kind.
    #[error("it is a key of {found}; wanted P-256, P-384, P-521 or Ed25519")]
    Algorithm {
        /// The kind found.
        found: &'static str,
    },
    /// A private key of another kind.
    #[error("the private key is not one of P-256, P-384 or P-521")]
    NotEllipticCurve,
    /// Bytes that are no point of the curve, or a weak one.
    #[error("its bytes are no usable {algorithm} public key")]
    Point {
        /// The algorithm.
        algorithm: Algorithm,
    },
    /// An Ed25519 key that is not a sound one.
    #[error("{0}")]
    Ed25519(#[from] KeyError),
}

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    point: Point,
    spki: Vec<u8>,
    hint: Sha256Digest,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Point {
    P256(Box<p256::ecdsa::VerifyingKey>),
    P384(Box<p384::ecdsa::VerifyingKey>),
    P521(Box<p521::ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

impl PublicKey {
    /// Reads the one SubjectPublicKeyInfo in a PEM text.
    ///
    /// # Errors
    /// [`OmsKeyError`], naming what is there instead.
    pub fn from_pem(text: &str) -> Result<Self, OmsKeyError> {
        const WANTED: &str = "public key";
        let broken = OmsKeyError::Broken { wanted: WANTED };
        let (_, der) = pem_block(text, &["PUBLIC KEY"], WANTED)?;
        let (identifier, bytes) = read_spki(&der).ok_or(broken)?;
        let Some((algorithm, _)) = ALGORITHMS.iter().find(|(_, known)| *known == identifier) else {
            let other = OTHER_ALGORITHMS
                .iter()
                .find(|(_, start)| identifier.starts_with(start));
            return Err(OmsKeyError::Algorithm {
                found: other.map_or("another algorithm", |(name, _)| name),
            });
        };
        let no_point = OmsKeyError::Point {
            algorithm: *algorithm,
        };
        let point = match algorithm {
            Algorithm::P256 => {
                p256::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(|key| Point::P256(key.into()))
            }
            Algorithm::P384 => {
                p384::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(|key| Point::P384(key.into()))
            }
            Algorithm::P521 => {
                p521::ecdsa::VerifyingKey::from_sec1_bytes(bytes).map(|key| Point::P521(key.into()))
            }
            Algorithm::Ed25519 => {
                let bytes = bytes.try_into().map_err(|_| no_point)?;
                return Ok(Self::new(Point::Ed25519(ed25519_public_key(bytes)?.into())));
            }
        };
        Ok(Self::new(point.map_err(|_| no_point)?))
    }

    fn new(point: Point) -> Self {
        let bytes = match &point {
            Point::P256(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Point::P384(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Point::P521(key) => key.to_sec1_point(false).as_bytes().to_vec(),
            Point::Ed25519(key) => key.as_bytes().to_vec(),
        };
        let spki = write_spki(point.algorithm(), &bytes);
        let hint = Sha256Digest::of(pem(&spki).as_bytes());
        Self { point, spki, hint }
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        self.point.algorithm()
    }

    /// What bundles call the key: the SHA-256 of its PEM text.
    pub fn hint(&self) -> Sha256Digest {
        self.hint
    }

    /// The PEM text that OpenSSL writes.
    pub fn to_pem(&self) -> String {
        pem(&self.spki)
    }

    /// Whether `bytes` are this key's SubjectPublicKeyInfo, in DER or PEM.
    pub(super) fn is_written_as(&self, bytes: &[u8]) -> bool {
        bytes == self.spki || bytes.trim_ascii() == self.to_pem().trim_end().as_bytes()
    }

    /// Checks `signature` over `message`: strict DER for ECDSA, 64 bytes for Ed25519.
    pub(super) fn check(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
        let not_der = |field_bytes: usize| SignatureFault::NotDer {
            raw: signature.len() == 2 * field_bytes,
        };
        match &self.point {
            Point::P256(key) => {
                let signature = p256::ecdsa::Signature::from_der(signature).map_err(|_| not_der(32))?;
                key.verify(message, &signature)
            }
            Point::P384(key) => {
                let signature = p384::ecdsa::Signature::from_der(signature).map_err(|_| not_der(48))?;
                key.verify(message, &signature)
            }
            Point::P521(key) => {
                let signature = p521::ecdsa::Signature::from_der(signature).map_err(|_| not_der(66))?;
                key.verify(message, &signature)
            }
            Point::Ed25519(key) => {
                let length = SignatureFault::Length {
                    found: signature.len(),
                };
                let signature = ed25519_dalek::Signature::from_slice(signature).map_err(|_| length)?;
                key.verify_strict(message, &signature)
            }
        }
        .map_err(|_| SignatureFault::Wrong)
    }
}

impl Point {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::P256(_) => Algorithm::P256,
            Self::P384(_) => Algorithm::P384,
            Self::P521(_) => Algorithm::P521,
            Self::Ed25519(_) => Algorithm::Ed25519,
        }
    }
}

/// An unencrypted private key, of a kind that the Python tool signs with. Wiped from memory when dropped.
pub struct SigningKey(Secret);

enum Secret {
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl SigningKey {
    /// Reads the one private key in a PEM text: PKCS#8, or `EC PRIVATE KEY` (SEC 1).
    ///
    /// # Errors
    /// [`OmsKeyError`], naming what is there instead.
    pub fn from_pem(text: &str) -> Result<Self, OmsKeyError> {
        const WANTED: &str = "private key";
        if text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") || text.contains("Proc-Type: 4,ENCRYPTED") {
            return Err(OmsKeyError::Encrypted);
        }
        let (label, der) = pem_block(text, &["PRIVATE KEY", "EC PRIVATE KEY"], WANTED)?;
        let secret = if label == "PRIVATE KEY" {
            pkcs8(&der)
        } else {
            sec1(&der)
        };
        secret.map(Self).ok_or(OmsKeyError::NotEllipticCurve)
    }

    /// How it signs.
    pub fn algorithm(&self) -> Algorithm {
        match self.0 {
            Secret::P256(_) => Algorithm::P256,
            Secret::P384(_) => Algorithm::P384,
            Secret::P521(_) => Algorithm::P521,
        }
    }

    /// The public half.
    pub fn public(&self) -> PublicKey {
        PublicKey::new(match &self.0 {
            Secret::P256(key) => Point::P256(Box::new(*key.verifying_key())),
            Secret::P384(key) => Point::P384(Box::new(*key.verifying_key())),
            Secret::P521(key) => Point::P521(Box::new(*key.verifying_key())),
        })
    }

    /// Signs `message`, deterministically (RFC 6979): DER.
    pub fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::P521(key) => {
                let signature: p521::ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({:?})", self.public().hint)
    }
}

fn pkcs8(der: &[u8]) -> Option<Secret> {
    use p256::pkcs8::DecodePrivateKey as _;
    let p256 = p256::ecdsa::SigningKey::from_pkcs8_der(der).map(Secret::P256);
    let p384 = || p384::ecdsa::SigningKey::from_pkcs8_der(der).map(Secret::P384);
    let p521 = || p521::ecdsa::SigningKey::from_pkcs8_der(der).map(Secret::P521);
    p256.or_else(|_| p384()).or_else(|_| p521()).ok()
}

fn sec1(der: &[u8]) -> Option<Secret> {
    let p256 = p256::SecretKey::from_sec1_der(der).map(|key| Secret::P256(key.into()));
    let p384 = || p384::SecretKey::from_sec1_der(der).map(|key| Secret::P384(key.into()));
    let p521 = || p521::SecretKey::from_sec1_der(der).map(|key| Secret::P521(key.into()));
    p256.or_else(|_| p384()).or_else(|_| p521()).ok()
}

/// The one PEM block that has one of `labels`, and its content. OpenSSL and GnuTLS write words around it, and other blocks may
/// stand beside it.
fn pem_block<'a>(
    text: &'a str,
    labels: &[&str],
    wanted: &'static str,
) -> Result<(&'a str, Zeroizing<Vec<u8>>), OmsKeyError> {
    let broken = || OmsKeyError::Broken { wanted };
    if text.len() > MAX_PEM_BYTES {
        return Err(broken());
    }
    let (mut found, mut other) = (None, None);
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = boundary(line, "BEGIN") else {
            continue;
        };
        if !labels.contains(&label) {
            other.get_or_insert(label);
            continue;
        }
        let mut encoded = Zeroizing::new(String::new());
        loop {
            let line = lines.next().ok_or_else(broken)?;
            if boundary(line, "END") == Some(label) {
                break;
            }
            encoded.push_str(line);
        }
        let content = STANDARD.decode(encoded.as_bytes()).map_err(|_| broken())?;
        if found.replace((label, Zeroizing::new(content))).is_some() {
            return Err(OmsKeyError::Several { wanted });
        }
    }
    found.ok_or_else(|| OmsKeyError::NoKey {
        wanted,
        found: other.map(clip),
    })
}

/// The label in a line such as `-----BEGIN PUBLIC KEY-----`.
fn boundary<'a>(line: &'a str, word: &str) -> Option<&'a str> {
    let inner = line.strip_prefix("-----")?.strip_suffix("-----")?;
    inner.strip_prefix(word)?.strip_prefix(' ')
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

/// The algorithm and the key bytes in a SubjectPublicKeyInfo.
fn read_spki(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (whole, []) = element(der, SEQUENCE)? else {
        return None;
    };
    let (identifier, rest) = element(whole, SEQUENCE)?;
    let (bits, []) = element(rest, BIT_STRING)? else {
        return None;
    };
    Some((identifier, bits.strip_prefix(&[0])?))
}

/// The content of the DER element that `der` starts with, and what follows it. DER has one form of each length.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der.strip_prefix(&[tag])? {
        [length @ 0..=0x7f, rest @ ..] | [0x81, length @ 0x80..=0xff, rest @ ..] => {
            (usize::from(*length), rest)
        }
        [0x82, high @ 1..=0xff, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

fn write_spki(algorithm: Algorithm, key: &[u8]) -> Vec<u8> {
    let known = ALGORITHMS.iter().find(|(known, _)| *known == algorithm);
    let identifier = known.map_or(&[][..], |(_, identifier)| identifier);
    let bits = [&[0], key].concat();
    write_element(
        SEQUENCE,
        &[
            write_element(SEQUENCE, identifier),
            write_element(BIT_STRING, &bits),
        ]
        .concat(),
    )
}

fn write_element(tag: u8, content: &[u8]) -> Vec<u8> {
    let [.., high, low] = content.len().to_be_bytes();
    let header = match (high, low) {
        (0, 0..=0x7f) => vec![tag, low],
        (0, _) => vec![tag, 0x81, low],
        _ => vec![tag, 0x82, high, low],
    };
    [&header, content].concat()
}

/// The PEM text of a SubjectPublicKeyInfo: 64 columns, a final newline.
fn pem(spki: &[u8]) -> String {
    let encoded = STANDARD.encode(spki);
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    for (at, character) in encoded.chars().enumerate() {
        if at > 0 && at % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text.push_str("\n-----END PUBLIC KEY-----\n");
    text
}
