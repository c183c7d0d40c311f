//! Signed notes (c2sp.org/signed-note v1.0.0).
//!
//! ```text
//! <text, every line ending in LF>
//!                                       (empty line)
//! — <key name> <base64 of 4-byte key id and signature>
//! ```
//! Signature lines of unknown keys are ignored, whatever their type: the same note can carry witnesses and
//! algorithms that this reader has never heard of.

mod key;

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signer as _, SigningKey};

pub use key::{KeyName, KeyNameError, NoteAlgorithm, NoteKeyId, VerifierKey, VerifierKeyError};

use crate::key::{KeyError, ed25519_public_key};

/// Largest note in bytes: a checkpoint with a dozen ML-DSA cosignatures fits.
pub const MAX_NOTE_BYTES: usize = 64 << 10;

/// Most signature lines; the specification asks for at least 16.
pub const MAX_NOTE_SIGNATURES: usize = 64;

/// Start of a signature line: em dash, space.
const SIGNATURE_START: &str = "\u{2014} ";

/// A key that signs notes. Wiped from memory when dropped.
pub struct NoteSigner {
    key: SigningKey,
    verifier: VerifierKey,
}

impl NoteSigner {
    /// The signer named `name` of 32 bytes of good randomness.
    ///
    /// # Errors
    /// [`KeyError`] in the one case in 2^250 that the seed gives a weak key.
    pub fn from_seed(name: KeyName, algorithm: NoteAlgorithm, seed: &[u8; 32]) -> Result<Self, KeyError> {
        let key = SigningKey::from_bytes(seed);
        let public = ed25519_public_key(key.verifying_key().as_bytes())?;
        Ok(Self {
            key,
            verifier: VerifierKey::new(name, algorithm, public),
        })
    }

    /// The key that checks this one's signatures.
    pub fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Signs raw bytes: 64 bytes.
    pub(crate) fn sign_bytes(&self, message: &[u8]) -> [u8; 64] {
        self.key.sign(message).to_bytes()
    }

    /// The signature line whose payload behind the key id is `signature`.
    pub(crate) fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: self.verifier.name().to_string(),
            id: self.verifier.id(),
            signature,
        }
    }

    /// Signs a note's text as an Ed25519 key (type 0x01) does. Lines of a cosignature/v1 key say more and come from
    /// [`crate::cosignature::cosign`].
    pub fn sign_note(&self, text: String) -> SignedNote {
        let line = self.line(self.sign_bytes(text.as_bytes()).to_vec());
        SignedNote {
            text,
            signatures: vec![line],
        }
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.verifier)
    }
}

/// One signature line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    /// Key name, as written.
    pub name: String,
    /// Key id, as written.
    pub id: NoteKeyId,
    /// The bytes behind the key id.
    pub signature: Vec<u8>,
}

/// A parsed note. Parsed is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// Why bytes are not a signed note, or do not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// Over [`MAX_NOTE_BYTES`].
    #[error("a note has at most {MAX_NOTE_BYTES} bytes, got {found}")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Control characters other than line feeds.
    #[error("a note holds no control characters but line feeds")]
    ControlCharacter,
    /// No empty line before signature lines.
    #[error("a note is text, an empty line, and signature lines; no such line break was found")]
    NoSignatures,
    /// More than [`MAX_NOTE_SIGNATURES`].
    #[error("a note has at most {MAX_NOTE_SIGNATURES} signatures, got {found}")]
    TooManySignatures {
        /// Lines found.
        found: usize,
    },
    /// A line behind the text that is not a signature line.
    #[error("signature line {line} of the note does not read '\u{2014} NAME BASE64'")]
    SignatureLine {
        /// Line number among the signatures, from 1.
        line: usize,
    },
    /// A known key's signature that does not verify.
    #[error("the signature of {name} ({id}) does not verify")]
    Invalid {
        /// Key name.
        name: String,
        /// Key id.
        id: NoteKeyId,
    },
    /// No line of a known key.
    #[error("no signature of a known key")]
    NoKnownKey,
}

impl SignedNote {
    /// Parses a note.
    ///
    /// # Errors
    /// [`NoteError`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE_BYTES {
            return Err(NoteError::TooLong { found: note.len() });
        }
        if note.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::ControlCharacter);
        }
        // The text may hold empty lines: the last one divides.
        let at = note.rfind("\n\n").ok_or(NoteError::NoSignatures)?;
        let (text, lines) = (&note[..=at], &note[at + 2..]);
        let lines = lines.strip_suffix('\n').ok_or(NoteError::NoSignatures)?;
        let found = lines.split('\n').count();
        if found > MAX_NOTE_SIGNATURES {
            return Err(NoteError::TooManySignatures { found });
        }
        let parse = |(at, line)| signature_line(line).ok_or(NoteError::SignatureLine { line: at + 1 });
        let signatures = lines
            .split('\n')
            .enumerate()
            .map(parse)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.to_owned(),
            signatures,
        })
    }

    /// The signed text, with its final line feed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signature lines.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// Adds the lines of another signer, such as a witness's.
    pub fn add(&mut self, signature: NoteSignature) {
        self.signatures.push(signature);
    }

    /// Checks the note against Ed25519 keys; gives the positions in `keys` of those that signed.
    ///
    /// # Errors
    /// [`NoteError::Invalid`] when a known key's line does not verify, [`NoteError::NoKnownKey`].
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<usize>, NoteError> {
        let mut signers = Vec::new();
        for line in &self.signatures {
            let known =
                |key: &VerifierKey| key.algorithm() == NoteAlgorithm::Ed25519 && key.is_hinted_by(line);
            let Some(at) = keys.iter().position(known) else {
                continue;
            };
            if !keys[at].verifies(self.text.as_bytes(), &line.signature) {
                return Err(NoteError::Invalid {
                    name: line.name.clone(),
                    id: line.id,
                });
            }
            if !signers.contains(&at) {
                signers.push(at);
            }
        }
        if signers.is_empty() {
            Err(NoteError::NoKnownKey)
        } else {
            Ok(signers)
        }
    }
}

fn signature_line(line: &str) -> Option<NoteSignature> {
    let (name, encoded) = line.strip_prefix(SIGNATURE_START)?.split_once(' ')?;
    let name: KeyName = name.parse().ok()?;
    let decoded = STANDARD.decode(encoded).ok()?;
    let (id, signature) = decoded.split_first_chunk::<4>()?;
    if signature.is_empty() {
        return None;
    }
    Some(NoteSignature {
        name: name.to_string(),
        id: NoteKeyId::from_bytes(*id),
        signature: signature.to_vec(),
    })
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_bytes().to_vec();
        bytes.extend_from_slice(&self.signature);
        write!(f, "{SIGNATURE_START}{} {}", self.name, STANDARD.encode(bytes))
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VKEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn verifies_the_vector_of_the_specification() {
        let key: VerifierKey = VKEY.parse().unwrap();
        let note = SignedNote::parse(NOTE).unwrap();
        assert_eq!(note.verify(std::slice::from_ref(&key)), Ok(vec![0]));
        assert_eq!(
            (note.to_string().as_str(), key.to_string().as_str()),
            (NOTE, VKEY)
        );
    }

    #[test]
    fn a_changed_text_or_signature_is_refused() {
        let key: VerifierKey = VKEY.parse().unwrap();
        let changed = SignedNote::parse(&NOTE.replace("example m", "other m")).unwrap();
        assert!(matches!(
            changed.verify(std::slice::from_ref(&key)),
            Err(NoteError::Invalid { .. })
        ));
        let forged = SignedNote::parse(&NOTE.replace("IneyaQM=", "IneyaQQ=")).unwrap();
        assert!(matches!(
            forged.verify(std::slice::from_ref(&key)),
            Err(NoteError::Invalid { .. })
        ));
    }

    #[test]
    fn lines_of_unknown_keys_are_ignored_but_do_not_count() {
        let key: VerifierKey = VKEY.parse().unwrap();
        let with_stranger = format!("{NOTE}\u{2014} stranger {}\n", STANDARD.encode([7; 2424]));
        assert_eq!(
            SignedNote::parse(&with_stranger)
                .unwrap()
                .verify(std::slice::from_ref(&key)),
            Ok(vec![0])
        );
        let only_stranger = NOTE.replace("example.com/foo", "example.com/bar");
        assert_eq!(
            SignedNote::parse(&only_stranger).unwrap().verify(&[key]),
            Err(NoteError::NoKnownKey)
        );
    }

    #[test]
    fn text_may_hold_empty_lines() {
        let signer = NoteSigner::from_seed("a".parse().unwrap(), NoteAlgorithm::Ed25519, &[3; 32]).unwrap();
        let note = signer.sign_note("one\n\ntwo\n".into());
        let again = SignedNote::parse(&note.to_string()).unwrap();
        assert_eq!(again.text(), "one\n\ntwo\n");
        assert_eq!(again.verify(&[signer.verifier().clone()]), Ok(vec![0]));
    }

    #[test]
    fn refuses_texts_that_are_not_notes() {
        let line = NOTE.lines().last().unwrap();
        for text in [
            String::new(),
            "text\n".into(),
            format!("text\n{line}\n"),
            format!("text\n\n{line}"),
            format!("text\n\n{line}\n\n"),
            NOTE.replace('\u{2014}', "-"),
            NOTE.replace("QM=\n", "QM\n"),
            NOTE.replace("message.", "mess\rage."),
            format!("{NOTE}{}", format!("{line}\n").repeat(MAX_NOTE_SIGNATURES)),
            "x".repeat(MAX_NOTE_BYTES + 1),
        ] {
            assert!(SignedNote::parse(&text).is_err(), "{text:?}");
        }
    }
}
