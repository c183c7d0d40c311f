//! SHA-256 values and their text forms.
//!
//! SHA-256 is the only hash of the project (FIPS 180-4): hardware does it, browsers do it natively per chunk
//! and every model hub shows it. Hashing itself is the `sha2` crate's.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Serialize, Serializer};
use sha2::Digest as _;

use crate::json::{At, FromJson, WrongValue};

/// A SHA-256 digest: 32 bytes, written as 64 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sha256Digest([u8; 32]);

impl Sha256Digest {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// Digest of no bytes at all, `e3b0c442…`: what an empty file hashes to.
    pub const OF_NOTHING: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
        0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
    ]);

    /// Wraps 32 raw bytes.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 raw bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Hashes `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// Takes the digest from a slice of exactly 32 bytes.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        Some(Self(bytes.try_into().ok()?))
    }

    /// Padded standard base64 (RFC 4648 section 4), as C2SP formats write hashes: 44 characters.
    pub fn to_base64(self) -> String {
        STANDARD.encode(self.0)
    }

    /// Reads the form of [`Self::to_base64`], strictly.
    ///
    /// # Errors
    /// [`DigestError::Base64`] when `text` is not the one padded encoding of 32 bytes.
    pub fn from_base64(text: &str) -> Result<Self, DigestError> {
        let bytes = STANDARD.decode(text).map_err(|_| DigestError::Base64)?;
        Self::from_slice(&bytes).ok_or(DigestError::Base64)
    }

    /// The first eight hex digits and an ellipsis, for people; never for comparison.
    pub fn short(&self) -> String {
        format!("{}…", hex::encode(&self.0[..4]))
    }
}

/// Why a text is not a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DigestError {
    /// Not exactly 64 characters.
    #[error("wanted 64 lowercase hex digits, got {found} characters")]
    Length {
        /// Characters found.
        found: usize,
    },
    /// A character outside `0-9a-f`.
    #[error("wanted lowercase hex digits only")]
    Character,
    /// Not the padded base64 of 32 bytes.
    #[error("wanted the padded base64 of 32 bytes")]
    Base64,
}

impl FromStr for Sha256Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        if text.len() != 64 {
            return Err(DigestError::Length {
                found: text.chars().count(),
            });
        }
        if !text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(DigestError::Character);
        }
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes).map_err(|_| DigestError::Character)?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Sha256Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.short())
    }
}

impl Serialize for Sha256Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromJson for Sha256Digest {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.parse()
    }
}

/// SHA-256 over bytes that arrive in pieces.
#[derive(Clone, Default)]
pub struct Sha256Hasher(sha2::Sha256);

impl Sha256Hasher {
    /// Starts over nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends `bytes`.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes appended.
    pub fn finish(self) -> Sha256Digest {
        Sha256Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_digest_of_nothing() {
        assert_eq!(Sha256Digest::of(b""), Sha256Digest::OF_NOTHING);
        assert_eq!(Sha256Hasher::new().finish(), Sha256Digest::OF_NOTHING);
    }

    #[test]
    fn text_form_round_trips_and_is_strict() {
        let digest = Sha256Digest::of(b"abc");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        assert_eq!(Sha256Digest::from_base64(&digest.to_base64()), Ok(digest));
        assert_eq!(
            digest.to_string().to_uppercase().parse::<Sha256Digest>(),
            Err(DigestError::Character)
        );
        assert_eq!(
            "ab".parse::<Sha256Digest>(),
            Err(DigestError::Length { found: 2 })
        );
        assert_eq!(Sha256Digest::from_base64("47DEQpj8"), Err(DigestError::Base64));
    }
}
