//! Ed25519 (RFC 8032) public keys.

use ed25519_dalek::VerifyingKey;

use super::KeyError;

/// An Ed25519 SubjectPublicKeyInfo up to its key (RFC 8410 section 4): a sequence of 42 bytes, the algorithm
/// 1.3.101.112 without parameters, a bit string of 32 bytes. DER has no other form of it.
const SPKI_START: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Checks 32 bytes as an Ed25519 public key that is safe to compare and to verify with.
///
/// # Errors
/// [`KeyError::NotAPoint`], [`KeyError::NotCanonical`], [`KeyError::SmallOrder`].
pub fn ed25519_public_key(bytes: &[u8; 32]) -> Result<VerifyingKey, KeyError> {
    // y, the low 255 bits, must be below p = 2^255 - 19. Little endian: the top 31 bytes of p are all ones.
    let top_is_ones = bytes[31] & 0x7f == 0x7f && bytes[1..31].iter().all(|&b| b == 0xff);
    if top_is_ones && bytes[0] >= 0xed {
        return Err(KeyError::NotCanonical);
    }
    let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
    if key.is_weak() {
        return Err(KeyError::SmallOrder);
    }
    Ok(key)
}

/// The key in `der`; none when it is not an Ed25519 SubjectPublicKeyInfo.
pub(super) fn from_spki(der: &[u8]) -> Option<Result<VerifyingKey, KeyError>> {
    let key = der.strip_prefix(&SPKI_START)?.try_into().ok()?;
    Some(ed25519_public_key(key))
}

/// The SubjectPublicKeyInfo of `key`.
pub(super) fn to_spki(key: &VerifyingKey) -> Vec<u8> {
    [&SPKI_START[..], key.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::pkcs8::{DecodePublicKey as _, EncodePublicKey as _};

    use super::*;
    use crate::key::SigningKey;

    #[test]
    fn writes_what_other_implementations_write() {
        let pem = SigningKey::from_seed(&[7; 32]).public().to_spki_pem();
        let oracle = VerifyingKey::from_public_key_pem(&pem).unwrap();
        assert_eq!(oracle.to_public_key_der().unwrap().as_bytes(), to_spki(&oracle));
    }

    #[test]
    fn refuses_small_order_and_non_canonical_keys() {
        // Points of small order, in their canonical encodings (Ed25519 torsion).
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
