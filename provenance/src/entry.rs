//! Log entries: the leaves of the log, as text.
//!
//! ```text
//! weighbridge.dev/entry/v1
//! publisher <name>
//! kind <predicateType of the payload>
//! size <decimal payload length>
//! payload <hex SHA-256 of the payload bytes>
//! state <hex root of the state tree after this entry>
//! sig <keyid hex> <base64 signature>          one per keyid, sorted by keyid
//! ```
//! UTF-8, every line ends in LF, exactly this order, one encoding only (docs/SPEC.md, "Entry"). Parsed is not
//! trusted: whether the signatures hold is for [`crate::keyset`] and [`crate::verify`].

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    digest::Sha256Digest,
    key::{KeyId, SIGNATURE_BYTES},
    merkle::{LeafHash, RootHash},
    publisher::PublisherName,
    record_id::RecordId,
};

/// First line of every entry.
pub const ENTRY_HEADER: &str = "weighbridge.dev/entry/v1";

/// Largest entry in bytes. c2sp tlog-tiles allows 65,535; half of it keeps bundles small.
pub const MAX_ENTRY_BYTES: usize = 32 << 10;

/// Longest predicate type in bytes.
pub const MAX_KIND_BYTES: usize = 256;

/// One signature of an entry, over the DSSE pre-authentication encoding of the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntrySignature {
    /// The signing key.
    pub keyid: KeyId,
    /// The signature in its form for the log, which is not the envelope's for every key ([`crate::key`]).
    pub signature: [u8; SIGNATURE_BYTES],
}

/// A leaf of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose record it is.
    pub publisher: PublisherName,
    /// The payload's predicate type.
    pub kind: String,
    /// Length of the payload in bytes.
    pub size: u64,
    /// The record's id.
    pub payload: RecordId,
    /// Root of the state tree after this entry.
    pub state: RootHash,
    /// Signatures, sorted by key id, one each.
    pub signatures: Vec<EntrySignature>,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EntryError {
    /// Over [`MAX_ENTRY_BYTES`].
    #[error("an entry has at most {MAX_ENTRY_BYTES} bytes, got {found}")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not UTF-8, or the last line does not end in LF.
    #[error("an entry is UTF-8 text whose lines all end in a line feed")]
    NotText,
    /// A line that is not what its place wants.
    #[error("line {line} of the entry: wanted {wanted}, got {found:?}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
        /// What stands there.
        found: String,
    },
    /// No signature line.
    #[error("the entry has no signature")]
    Unsigned,
    /// Signature lines that are not strictly ascending by key id.
    #[error("the signatures of an entry are sorted by key id, one each; {keyid} is out of order")]
    Order {
        /// The key id out of order.
        keyid: KeyId,
    },
}

/// Whether `kind` can stand in an entry: printable ASCII without spaces, at most [`MAX_KIND_BYTES`].
pub fn is_valid_kind(kind: &str) -> bool {
    !kind.is_empty() && kind.len() <= MAX_KIND_BYTES && kind.bytes().all(|b| b.is_ascii_graphic())
}

impl Entry {
    /// Parses the one encoding.
    ///
    /// # Errors
    /// [`EntryError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, EntryError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(EntryError::TooLong { found: bytes.len() });
        }
        let text = std::str::from_utf8(bytes)
            .ok()
            .and_then(|t| t.strip_suffix('\n'))
            .ok_or(EntryError::NotText)?;
        let mut lines = Lines {
            lines: text.split('\n'),
            number: 0,
        };
        lines.next("the header line", |l| (l == ENTRY_HEADER).then_some(()))?;
        let publisher = lines.next("publisher NAME", |l| l.strip_prefix("publisher ")?.parse().ok())?;
        let kind = lines.next("kind PREDICATE-TYPE", |l| {
            l.strip_prefix("kind ")
                .filter(|kind| is_valid_kind(kind))
                .map(str::to_owned)
        })?;
        let size = lines.next("size DECIMAL", |l| decimal(l.strip_prefix("size ")?))?;
        let payload = lines.next("payload HEX", |l| l.strip_prefix("payload ")?.parse().ok())?;
        let state: Sha256Digest = lines.next("state HEX", |l| l.strip_prefix("state ")?.parse().ok())?;
        let mut signatures: Vec<EntrySignature> = Vec::new();
        while let Some(signature) = lines.next_or_end("sig KEYID BASE64", signature)? {
            if signatures
                .last()
                .is_some_and(|last| last.keyid >= signature.keyid)
            {
                return Err(EntryError::Order {
                    keyid: signature.keyid,
                });
            }
            signatures.push(signature);
        }
        if signatures.is_empty() {
            return Err(EntryError::Unsigned);
        }
        Ok(Self {
            publisher,
            kind,
            size,
            payload,
            state: RootHash::from(state),
            signatures,
        })
    }

    /// The entry's bytes, as they are logged.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }

    /// The entry's leaf hash: SHA-256(0x00 || entry).
    pub fn leaf_hash(&self) -> LeafHash {
        LeafHash::of(&self.to_bytes())
    }
}

fn signature(line: &str) -> Option<EntrySignature> {
    let (keyid, encoded) = line.strip_prefix("sig ")?.split_once(' ')?;
    Some(EntrySignature {
        keyid: keyid.parse().ok()?,
        signature: STANDARD.decode(encoded).ok()?.try_into().ok()?,
    })
}

/// A decimal number in its one form: no sign, no leading zero, at most [`u64::MAX`].
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit()));
    text.parse().ok().filter(|_| canonical)
}

/// Takes one line after the other and says which was wrong.
struct Lines<'a> {
    lines: std::str::Split<'a, char>,
    number: usize,
}

impl<'a> Lines<'a> {
    fn next<T>(
        &mut self,
        wanted: &'static str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<T, EntryError> {
        let found = self.next_or_end(wanted, read)?;
        found.ok_or(EntryError::Line {
            line: self.number,
            wanted,
            found: "the end of the entry".into(),
        })
    }

    fn next_or_end<T>(
        &mut self,
        wanted: &'static str,
        read: impl Fn(&'a str) -> Option<T>,
    ) -> Result<Option<T>, EntryError> {
        self.number += 1;
        let Some(line) = self.lines.next() else {
            return Ok(None);
        };
        let found = || line.chars().take(200).collect();
        read(line).map(Some).ok_or_else(|| EntryError::Line {
            line: self.number,
            wanted,
            found: found(),
        })
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{ENTRY_HEADER}\npublisher {}\nkind {}\nsize {}",
            self.publisher, self.kind, self.size
        )?;
        writeln!(f, "payload {}\nstate {}", self.payload, self.state.digest())?;
        for EntrySignature { keyid, signature } in &self.signatures {
            writeln!(f, "sig {keyid} {}", STANDARD.encode(signature))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        let signature = |n: u8| EntrySignature {
            keyid: Sha256Digest::from_bytes([n; 32]).to_string().parse().unwrap(),
            signature: [n; 64],
        };
        Entry {
            publisher: "acme.example".parse().unwrap(),
            kind: "https://slsa.dev/provenance/v1".into(),
            size: 12,
            payload: RecordId::of_payload(b"x"),
            state: RootHash::from(Sha256Digest::OF_NOTHING),
            signatures: vec![signature(1), signature(2)],
        }
    }

    #[test]
    fn has_one_text_form_that_round_trips() {
        let text = entry().to_string();
        assert_eq!(Entry::parse(text.as_bytes()).unwrap(), entry());
        assert!(text.starts_with("weighbridge.dev/entry/v1\npublisher acme.example\nkind https://slsa.dev/provenance/v1\nsize 12\npayload "));
    }

    #[test]
    fn refuses_every_other_spelling() {
        let text = entry().to_string();
        let without_signatures = text.split_inclusive('\n').take(6).collect::<String>();
        let swapped = {
            let mut lines: Vec<_> = text.lines().collect();
            lines.swap(6, 7);
            lines.join("\n") + "\n"
        };
        let cases = [
            text.trim_end().to_owned(),
            format!("{text}\n"),
            text.replace('\n', "\r\n"),
            text.replace("size 12", "size 012"),
            text.replace("size 12", "size +12"),
            text.replace("publisher a", "publisher A"),
            text.replace("/v1\nsize", "/v1 \nsize"),
            text.replace("entry/v1", "entry/v2"),
            without_signatures,
            swapped,
            format!("{text}{}\n", text.lines().last().unwrap()),
            format!("{text}extra\n"),
            String::new(),
        ];
        for case in cases {
            assert!(Entry::parse(case.as_bytes()).is_err(), "{case:?}");
        }
        assert!(matches!(
            Entry::parse(&vec![b'a'; MAX_ENTRY_BYTES + 1]),
            Err(EntryError::TooLong { .. })
        ));
        assert_eq!(Entry::parse(b"\xff\n"), Err(EntryError::NotText));
    }
}
