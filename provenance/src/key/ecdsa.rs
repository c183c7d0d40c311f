//! ECDSA on P-256 with SHA-256 (FIPS 186-5): public keys, and the two forms of a signature.
//!
//! Both (r, s) and (r, n - s) verify, and anybody can turn one into the other. The log takes the one with the
//! lower s only.

use p256::ecdsa::{Signature, VerifyingKey, signature::Verifier as _};

use super::{KeyError, SIGNATURE_BYTES};

/// Tag and content of the algorithm ecPublicKey, 1.2.840.10045.2.1.
const EC_PUBLIC_KEY: [u8; 9] = [0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];

/// Tag and content of the curve prime256v1, 1.2.840.10045.3.1.7.
const PRIME256V1: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

/// What stands before the algorithm: a sequence of 89 bytes, in it one of 19.
const SPKI_START: [u8; 4] = [0x30, 0x59, 0x30, 0x13];

/// What stands between the curve and the coordinates: a bit string of 65 bytes, the point uncompressed.
const POINT_START: [u8; 4] = [0x03, 0x42, 0x00, 0x04];

/// Tag of a sequence, of which both key and signature are one.
const SEQUENCE: u8 = 0x30;

/// Tag of an integer.
const INTEGER: u8 = 0x02;

/// Tag of an object identifier.
const OBJECT: u8 = 0x06;

/// The key in `der`, a SubjectPublicKeyInfo (RFC 5480): named curve, uncompressed, on the curve.
pub(super) fn from_spki(der: &[u8]) -> Result<VerifyingKey, KeyError> {
    let point = der
        .strip_prefix(&SPKI_START)
        .and_then(|rest| rest.strip_prefix(&EC_PUBLIC_KEY))
        .and_then(|rest| rest.strip_prefix(&PRIME256V1))
        // The point keeps its form, 4.
        .and_then(|rest| rest.strip_prefix(&POINT_START[..3]))
        .filter(|point| point.len() == 65 && point[0] == POINT_START[3])
        .ok_or_else(|| why_not(der))?;
    VerifyingKey::from_sec1_bytes(point).map_err(|_| KeyError::OffCurve)
}

/// Says what is wrong with a key that is not in the one form.
fn why_not(der: &[u8]) -> KeyError {
    let parts = content(der).and_then(|(key, _)| content(key));
    let Some((parameters, point)) =
        parts.and_then(|(algorithm, point)| Some((algorithm.strip_prefix(&EC_PUBLIC_KEY)?, point)))
    else {
        return KeyError::OtherAlgorithm;
    };
    match parameters.first() {
        Some(&SEQUENCE) => KeyError::ExplicitParameters,
        Some(&OBJECT) if parameters != PRIME256V1 => KeyError::OtherCurve,
        _ => match content(point) {
            Some(([0, 2 | 3, ..], _)) => KeyError::Compressed,
            _ => KeyError::NotCanonicalPoint,
        },
    }
}

/// The content of the first element of `der`, and what follows it. Lengths of up to two bytes.
fn content(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = match der {
        [_, length @ ..=0x7f, rest @ ..] | [_, 0x81, length, rest @ ..] => (usize::from(*length), rest),
        [_, 0x82, high, low, rest @ ..] => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// The SubjectPublicKeyInfo of `key`.
pub(super) fn to_spki(key: &VerifyingKey) -> Vec<u8> {
    let point = key.to_sec1_point(false);
    [
        &SPKI_START[..],
        &EC_PUBLIC_KEY,
        &PRIME256V1,
        &POINT_START[..3],
        point.as_bytes(),
    ]
    .concat()
}

/// Whether `raw`, r || s with low s, is the signature of `key` over `message`.
pub(super) fn verifies_low_s(key: &VerifyingKey, message: &[u8], raw: &[u8; SIGNATURE_BYTES]) -> bool {
    Signature::from_slice(raw).is_ok_and(|signature| {
        signature.normalize_s() == signature && key.verify(message, &signature).is_ok()
    })
}

/// r || s with low s of the signature in `der`; none when the DER is not strict, or r or s out of range.
pub(super) fn raw_low_s(der: &[u8]) -> Option<[u8; SIGNATURE_BYTES]> {
    // Two integers of at most 33 bytes: every length is one byte.
    let [SEQUENCE, length, rest @ ..] = der else {
        return None;
    };
    let (r, rest) = integer(rest).filter(|_| usize::from(*length) == rest.len())?;
    let (s, rest) = integer(rest)?;
    if !rest.is_empty() {
        return None;
    }
    let mut raw = [0; SIGNATURE_BYTES];
    raw[..32].copy_from_slice(&r);
    raw[32..].copy_from_slice(&s);
    Some(Signature::from_slice(&raw).ok()?.normalize_s().to_bytes().into())
}

/// The positive integer of at most 256 bits at the start of `der` in its one form, and what follows it.
fn integer(der: &[u8]) -> Option<([u8; 32], &[u8])> {
    let [INTEGER, length, rest @ ..] = der else {
        return None;
    };
    let (value, rest) = rest.split_at_checked(usize::from(*length))?;
    let digits = match value {
        // A zero in front only where the number would be negative without it.
        [0, digits @ ..] if digits.first().is_some_and(|first| *first >= 0x80) => digits,
        [1..0x80, ..] => value,
        _ => return None,
    };
    let mut number = [0; 32];
    number[32_usize.checked_sub(digits.len())?..].copy_from_slice(digits);
    Some((number, rest))
}
