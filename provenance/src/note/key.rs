//! Keys that check notes, in their text form.
//!
//! ```text
//! <name>+<8 hex digits of key id>+<base64 of type byte and public key>
//! ```

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::Signature;

use super::NoteSignature;
use crate::{
    digest::Sha256Hasher,
    key::{KeyError, ed25519_public_key},
};

/// Name of a note key: not empty, no white space, no plus sign.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyName(String);

/// A text that cannot name a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key name has 1 to 256 bytes without white space, control characters and '+', got {found:?}")]
pub struct KeyNameError {
    /// The text.
    pub found: String,
}

impl KeyName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyName {
    type Err = KeyNameError;

    fn from_str(text: &str) -> Result<Self, KeyNameError> {
        let wrong = |c: char| c.is_whitespace() || c.is_control() || c == '+';
        if text.is_empty() || text.len() > 256 || text.contains(wrong) {
            return Err(KeyNameError {
                found: text.chars().take(80).collect(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// First four bytes of SHA-256(name || LF || type || public key), as a big-endian number: a hint, not a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NoteKeyId(u32);

impl NoteKeyId {
    pub(super) const fn from_bytes(bytes: [u8; 4]) -> Self {
        Self(u32::from_be_bytes(bytes))
    }

    pub(super) const fn to_bytes(self) -> [u8; 4] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for NoteKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}", self.0)
    }
}

/// What a note key signs, by its type byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NoteAlgorithm {
    /// 0x01: Ed25519 over the note's text.
    Ed25519,
    /// 0x04: Ed25519 cosignature/v1, over the time and the text.
    CosignatureV1,
}

impl NoteAlgorithm {
    fn type_byte(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::CosignatureV1 => 4,
        }
    }
}

/// A key that checks note signatures. Its text form is the *vkey* `name+keyid+base64(type || public key)`.
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: KeyName,
    algorithm: NoteAlgorithm,
    key: ed25519_dalek::VerifyingKey,
    id: NoteKeyId,
}

/// Why a text is not a vkey.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierKeyError {
    /// Not three parts joined by plus signs, or not hex and base64.
    #[error("a verifier key reads NAME+KEYID+BASE64, got {found:?}")]
    Form {
        /// The start of the text.
        found: String,
    },
    /// A bad key name.
    #[error(transparent)]
    Name(#[from] KeyNameError),
    /// A type that is not supported here.
    #[error("the key type 0x{found:02x} is not supported (0x01 Ed25519 and 0x04 cosignature/v1 are)")]
    Type {
        /// Type byte found.
        found: u8,
    },
    /// A weak or broken public key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A key id that is not that of the name and key.
    #[error("the key id is {found}, but name and key hash to {expected}; was the text cut or changed?")]
    Id {
        /// Id computed.
        expected: NoteKeyId,
        /// Id in the text.
        found: String,
    },
}

impl VerifierKey {
    pub(super) fn new(name: KeyName, algorithm: NoteAlgorithm, key: ed25519_dalek::VerifyingKey) -> Self {
        let mut hasher = Sha256Hasher::new();
        hasher.update(name.0.as_bytes());
        hasher.update(&[b'\n', algorithm.type_byte()]);
        hasher.update(key.as_bytes());
        let digest = hasher.finish();
        let [a, b, c, d, ..] = *digest.as_bytes();
        Self {
            name,
            algorithm,
            key,
            id: NoteKeyId::from_bytes([a, b, c, d]),
        }
    }

    /// Name of the key.
    pub fn name(&self) -> &KeyName {
        &self.name
    }

    /// Id of the key.
    pub fn id(&self) -> NoteKeyId {
        self.id
    }

    /// What it signs.
    pub fn algorithm(&self) -> NoteAlgorithm {
        self.algorithm
    }

    /// The raw public key, 32 bytes.
    pub fn public_key(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature line could be this key's.
    pub fn is_hinted_by(&self, line: &NoteSignature) -> bool {
        line.name == self.name.0 && line.id == self.id
    }

    /// Whether `signature` is this key's over `message`, strictly.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.key.verify_strict(message, &s).is_ok())
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let form = || VerifierKeyError::Form {
            found: text.chars().take(80).collect(),
        };
        let (name, rest) = text.split_once('+').ok_or_else(form)?;
        let (id, encoded) = rest.split_once('+').ok_or_else(form)?;
        let name: KeyName = name.parse()?;
        let decoded = STANDARD.decode(encoded).map_err(|_| form())?;
        let (&kind, key) = decoded.split_first().ok_or_else(form)?;
        let algorithm = match kind {
            1 => NoteAlgorithm::Ed25519,
            4 => NoteAlgorithm::CosignatureV1,
            found => return Err(VerifierKeyError::Type { found }),
        };
        let key: &[u8; 32] = key.try_into().map_err(|_| form())?;
        let parsed = Self::new(name, algorithm, ed25519_public_key(key)?);
        if parsed.id.to_string() != id {
            return Err(VerifierKeyError::Id {
                expected: parsed.id,
                found: id.chars().take(16).collect(),
            });
        }
        Ok(parsed)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![self.algorithm.type_byte()];
        bytes.extend_from_slice(self.key.as_bytes());
        write!(f, "{}+{}+{}", self.name, self.id, STANDARD.encode(bytes))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";

    #[test]
    fn refuses_verifier_keys_that_are_cut_changed_or_of_another_type() {
        for text in [
            "",
            "name",
            "name+530d903a",
            &VKEY[..VKEY.len() - 1],
            &VKEY.replace("530d903a", "530d903b"),
            &VKEY.replace("foo", "fo"),
            &VKEY.replace("+530d", "+530D"),
            "a b+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        ] {
            assert!(text.parse::<VerifierKey>().is_err(), "{text}");
        }
        let mut bytes = vec![6];
        bytes.extend([0; 1312]);
        let other = format!("w+00000000+{}", STANDARD.encode(bytes));
        assert_eq!(
            other.parse::<VerifierKey>(),
            Err(VerifierKeyError::Type { found: 6 })
        );
    }
}
