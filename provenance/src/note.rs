//! Signed notes (c2sp.org/signed-note v1.0.0).
//!
//! ```text
//! <text, every line ending in LF>
//!                                       (empty line)
//! — <key name> <base64 of 4-byte key id and signature>
//! ```
//! Signature lines of unknown keys are ignored, whatever their type: the same note can carry witnesses and
//! algorithms that this reader has never heard of.

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD};
use ed25519_dalek::{Signature, Signer as _, SigningKey};

use crate::{
    digest::Sha256Hasher,
    key::{KeyError, ed25519_public_key},
};

/// Largest note in bytes: a checkpoint with a dozen ML-DSA cosignatures fits.
pub const MAX_NOTE_BYTES: usize = 64 << 10;

/// Most signature lines; the specification asks for at least 16.
pub const MAX_NOTE_SIGNATURES: usize = 64;

/// Start of a signature line: em dash, space.
const SIGNATURE_START: &str = "\u{2014} ";

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
    fn new(name: KeyName, algorithm: NoteAlgorithm, key: ed25519_dalek::VerifyingKey) -> Self {
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
            id: NoteKeyId(u32::from_be_bytes([a, b, c, d])),
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
            name: self.verifier.name.0.clone(),
            id: self.verifier.id,
            signature,
        }
    }

    /// Signs a note's text with an Ed25519 key.
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
            let known = |key: &VerifierKey| key.algorithm == NoteAlgorithm::Ed25519 && key.is_hinted_by(line);
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
        name: name.0,
        id: NoteKeyId(u32::from_be_bytes(*id)),
        signature: signature.to_vec(),
    })
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.0.to_be_bytes().to_vec();
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
