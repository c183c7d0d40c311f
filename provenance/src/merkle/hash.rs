//! The numbers and hashes of a tree, each with a type of its own.

use std::{fmt, str::FromStr};

use crate::{
    digest::{Sha256Digest, Sha256Hasher},
    entry::decimal,
};

/// Largest size of a tree: 2^63 - 1, so that shifts and sums stay in range.
const MAX_SIZE: u64 = (1 << 63) - 1;

/// A text that is not a decimal number in its one form, or is past 2^63 - 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("wanted a decimal number below 2^63 without sign or leading zero, got {found:?}")]
pub struct NumberError {
    /// The text.
    pub found: String,
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(u64);

        impl $name {
            /// Wraps a number; values past 2^63 - 1 are cut to it, and no proof holds there.
            pub const fn new(value: u64) -> Self {
                Self(if value > MAX_SIZE { MAX_SIZE } else { value })
            }

            /// The number.
            pub const fn get(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = NumberError;

            fn from_str(text: &str) -> Result<Self, NumberError> {
                let value = decimal(text).filter(|&value| value <= MAX_SIZE);
                value.map(Self).ok_or_else(|| NumberError { found: text.chars().take(40).collect() })
            }
        }
    };
}

number! {
    /// Number of leaves. Written in ASCII decimal, no sign, no leading zero (c2sp.org/tlog-checkpoint).
    TreeSize
}
number! {
    /// Position of a leaf, from 0. Written as [`TreeSize`] is.
    LeafIndex
}

/// The hash of a leaf: SHA-256(0x00 || entry), RFC 6962 section 2.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LeafHash(Sha256Digest);

impl LeafHash {
    /// Hashes an entry.
    pub fn of(entry: &[u8]) -> Self {
        let mut hasher = Sha256Hasher::new();
        hasher.update(&[0]);
        hasher.update(entry);
        Self(hasher.finish())
    }

    /// The digest.
    pub const fn digest(&self) -> &Sha256Digest {
        &self.0
    }
}

impl From<Sha256Digest> for LeafHash {
    fn from(digest: Sha256Digest) -> Self {
        Self(digest)
    }
}

/// The hash of a node: SHA-256(0x01 || left || right), RFC 6962 section 2.1.
pub fn node_hash(left: &Sha256Digest, right: &Sha256Digest) -> Sha256Digest {
    let mut message = [1; 65];
    message[1..33].copy_from_slice(left.as_bytes());
    message[33..].copy_from_slice(right.as_bytes());
    Sha256Digest::of(&message)
}

/// The root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RootHash(Sha256Digest);

impl RootHash {
    /// The digest.
    pub const fn digest(&self) -> &Sha256Digest {
        &self.0
    }
}

impl From<Sha256Digest> for RootHash {
    fn from(digest: Sha256Digest) -> Self {
        Self(digest)
    }
}

impl fmt::Display for RootHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Size and root: everything that names one state of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeHead {
    /// Number of leaves.
    pub size: TreeSize,
    /// Root over them.
    pub root: RootHash,
}

impl TreeHead {
    /// The tree without leaves; its root is the hash of nothing.
    pub const EMPTY: Self = Self {
        size: TreeSize(0),
        root: RootHash(Sha256Digest::OF_NOTHING),
    };
}
