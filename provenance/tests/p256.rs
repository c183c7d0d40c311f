//! P-256 against signatures and keys that OpenSSL judged (tests/vectors/p256), one file a case.
//!
//! The same tests run natively and, under `wasm-bindgen-test-runner`, as wasm32 in node, as those of the log do
//! (`tlog_fixtures.rs`).
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[cfg(not(target_family = "wasm"))]
use core::prelude::v1::test as case;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as case;

use provenance::key::{KeyAlgorithm, KeyError, PublicKey, SIGNATURE_BYTES, SigningKey};
use serde_json::Value;

/// The files of a folder by name.
macro_rules! vectors {
    ($folder:literal: $($name:literal,)*) => {
        &[$(($name, include_str!(concat!("../../tests/vectors/p256/", $folder, "/", $name, ".json")))),*]
    };
}

const SIGNATURES: &[(&str, &str)] = vectors! { "signatures":
    "both-zero",
    "empty",
    "empty-integer",
    "empty-sequence",
    "high-s",
    "indefinite-length",
    "length-of-four-gigabytes",
    "length-too-large",
    "long-form-integer",
    "long-form-length",
    "low-s",
    "minus-r",
    "negative",
    "octet-string",
    "one-integer",
    "one-one",
    "other-key",
    "other-message",
    "r-is-n",
    "r-is-p",
    "r-is-x-above-n",
    "r-is-x-minus-n",
    "r-not-minimal",
    "r-plus-n",
    "r-zero",
    "raw",
    "s-above-half-n",
    "s-far-too-long",
    "s-is-half-n",
    "s-is-n",
    "s-is-n-minus-1",
    "s-is-one",
    "s-not-minimal",
    "s-plus-n",
    "s-zero",
    "set",
    "swapped",
    "three-integers",
    "trailing-byte",
    "trailing-inside",
    "trailing-null",
    "truncated",
};

const KEYS: &[(&str, &str)] = vectors! { "keys":
    "76-columns",
    "all-ones",
    "comment-before",
    "compressed",
    "crlf",
    "empty",
    "explicit",
    "explicit-compressed",
    "good",
    "hybrid",
    "id-ec-dh",
    "indented",
    "infinity",
    "infinity-long",
    "label",
    "long-form-length",
    "no-curve",
    "no-newline-at-end",
    "null-curve",
    "off-curve",
    "one-line",
    "p384",
    "p521",
    "private",
    "rsa",
    "secp256k1",
    "trailing-byte",
    "truncated",
    "twice",
    "two-newlines-at-end",
    "unused-bits",
    "url-alphabet",
    "x-not-reduced",
    "x25519",
    "zero",
};

fn parse(text: &str) -> impl Fn(&str) -> Option<String> {
    let value: Value = serde_json::from_str(text).unwrap();
    move |member| value[member].as_str().map(str::to_owned)
}

fn raw(bytes: Vec<u8>) -> [u8; SIGNATURE_BYTES] {
    bytes.try_into().unwrap()
}

#[case]
fn signatures_are_logged_in_one_form_or_refused() {
    for (name, text) in SIGNATURES {
        let member = parse(text);
        let key = PublicKey::from_spki_pem(&member("key").unwrap()).unwrap();
        let envelope = hex::decode(member("envelope").unwrap()).unwrap();
        let logged = member("logged").map(|logged| raw(hex::decode(logged).unwrap()));
        let message = member("message").unwrap();
        let found = key.verify_envelope(message.as_bytes(), &envelope);
        assert_eq!(found, logged, "{name}");
    }
}

#[case]
fn only_the_form_with_low_s_counts_in_the_log() {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    let mut seen = 0;
    for (name, text) in SIGNATURES {
        let member = parse(text);
        let Some(logged) = member("logged") else { continue };
        let key = PublicKey::from_spki_pem(&member("key").unwrap()).unwrap();
        let (message, low) = (member("message").unwrap(), raw(hex::decode(logged).unwrap()));
        let verifies = |signature| key.verifies(message.as_bytes(), &signature);
        assert!(verifies(low), "{name}");
        // n - s, by subtracting with borrow from the last byte on.
        let (mut high, mut borrow) = (low, 0);
        for at in (0..32).rev() {
            let difference = i16::from(order[at]) - i16::from(low[32 + at]) - borrow;
            high[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
            borrow = i16::from(difference < 0);
        }
        assert!(!verifies(high), "{name}");
        for at in [0, 31, 32, 63] {
            let mut flipped = low;
            flipped[at] ^= 1;
            assert!(!verifies(flipped), "{name}, byte {at}");
        }
        for zero in [0..32, 32..64] {
            let mut without = low;
            without[zero].fill(0);
            assert!(!verifies(without), "{name}");
        }
        seen += 1;
    }
    assert!(seen > 5, "{seen}");
}

#[case]
fn keys_are_read_in_one_form_only_and_each_defect_has_its_error() {
    for (name, text) in KEYS {
        let member = parse(text);
        let pem = member("pem").unwrap();
        match (PublicKey::from_spki_pem(&pem), member("error")) {
            (Ok(key), None) => {
                assert_eq!(key.algorithm(), KeyAlgorithm::P256, "{name}");
                assert_eq!(key.to_spki_pem(), pem, "{name}");
            }
            (Err(error), Some(wanted)) => {
                let found = format!("{error:?}");
                assert_eq!(found.split(' ').next(), Some(wanted.as_str()), "{name}");
            }
            (found, wanted) => panic!("{name}: wanted {wanted:?}, got {found:?}"),
        }
    }
}

#[case]
fn signatures_are_those_of_rfc_6979() {
    // Appendix A.2.5, with SHA-256; s is n - s where the RFC has the high one.
    let seed = hex::decode("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721").unwrap();
    let key = SigningKey::p256_from_seed(&seed.try_into().unwrap()).unwrap();
    for (message, r, s) in [
        (
            "sample",
            "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716",
            "0834e36ad29a83bf2bc9385e491d6099c8fdf9d1ed67aa7ea5f51f93782857a9",
        ),
        (
            "test",
            "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367",
            "019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
        ),
    ] {
        let signature = key.sign(message.as_bytes());
        let logged = key
            .public()
            .verify_envelope(message.as_bytes(), &signature)
            .unwrap();
        assert_eq!(hex::encode(logged), format!("{r}{s}"), "{message}");
    }
}

#[case]
fn scalars_out_of_range_are_no_keys() {
    let order = hex::decode("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551").unwrap();
    for seed in [[0; 32], order.try_into().unwrap(), [0xff; 32]] {
        let refused = SigningKey::p256_from_seed(&seed).map(|key| key.public().clone());
        assert_eq!(refused, Err(KeyError::Scalar));
    }
}

/// A file that is not in the list above would be tested by nobody.
#[cfg(not(target_family = "wasm"))]
#[test]
fn every_file_is_listed() {
    for (folder, listed) in [("signatures", SIGNATURES), ("keys", KEYS)] {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/p256");
        let files = std::fs::read_dir(std::path::Path::new(path).join(folder)).unwrap();
        let mut found: Vec<_> = files
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        let mut listed: Vec<_> = listed.iter().map(|(name, _)| format!("{name}.json")).collect();
        listed.sort();
        assert_eq!(found, listed);
    }
}
