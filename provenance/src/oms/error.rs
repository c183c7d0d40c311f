//! Why a bundle is not what it should be. The variants of [`OmsError`] differ in what they say about the files.

use super::{
    bundle::MEDIA_TYPE,
    statement::{MAX_RESOURCES, OLD_PREDICATE_TYPE},
};
use crate::{
    digest::Sha256Digest,
    dsse::{MAX_SIGNATURES, PAYLOAD_TYPE},
    json::{JsonError, WrongValue},
    path::PathError,
    statement::{SIGNATURE_TYPE, STATEMENT_TYPE},
};

/// Why a bundle proves nothing about any file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OmsError {
    /// It is not a bundle.
    #[error("the file is not an OMS signature: {0}")]
    Bundle(#[from] BundleError),
    /// It is one of a kind that is not supported.
    #[error("{0}")]
    Unsupported(#[from] Unsupported),
    /// The signature is not that key's.
    #[error("{0}")]
    Signature(#[from] SignatureFault),
    /// The signature holds, and what it signs does not.
    #[error("the signed statement does not hold: {0}")]
    Statement(#[from] StatementFault),
}

impl OmsError {
    /// Whether the bundle was read and found wrong, rather than not read or not supported.
    pub fn is_fault(&self) -> bool {
        matches!(self, Self::Signature(_) | Self::Statement(_))
    }
}

/// Why bytes are not a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not JSON.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// JSON of another shape.
    #[error("its {0}")]
    Shape(#[from] WrongValue),
    /// Another media type.
    #[error("its media type is {found:?}, wanted {MEDIA_TYPE}")]
    MediaType {
        /// The type found.
        found: String,
    },
    /// Another payload type.
    #[error("its payload type is {found:?}, wanted {PAYLOAD_TYPE}")]
    PayloadType {
        /// The type found.
        found: String,
    },
    /// A member that is not padded standard base64.
    #[error("its {member} is not padded standard base64")]
    Base64 {
        /// `payload`, `sig` or `rawBytes`.
        member: &'static str,
    },
    /// No signature, or too many.
    #[error("it has {found} signatures, wanted 1 to {MAX_SIGNATURES}")]
    Signatures {
        /// Signatures found.
        found: usize,
    },
}

/// A bundle or statement of a kind that is known and not supported.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// Method *certificate*.
    #[error(
        "the bundle is signed with a certificate, which is not supported; only bundles signed with a key are"
    )]
    Certificate,
    /// Method *sigstore*.
    #[error(
        "the bundle is signed keyless (Sigstore certificate and log entry), which is not supported; only bundles signed \
         with a key are"
    )]
    Keyless,
    /// A signature over a digest.
    #[error("the bundle signs a bare digest, not a statement that lists files; that is not supported")]
    MessageSignature,
    /// Another version of the bundle format.
    #[error("the bundle is of the version {found:?}, which is not supported; only {MEDIA_TYPE} is")]
    Version {
        /// Its media type.
        found: String,
    },
    /// The predicate of model_signing 0.2.
    #[error(
        "the statement is of the old type {OLD_PREDICATE_TYPE} (model_signing 0.2), which is not supported; sign the \
         model again"
    )]
    OldPredicate,
    /// Files cut into shards.
    #[error(
        "the signature covers shards of files, a serialisation that is not supported; only whole files are"
    )]
    Shards,
    /// Another method.
    #[error("the serialisation method {found:?} is not supported; only \"files\" is")]
    Method {
        /// The method found.
        found: String,
    },
    /// A hash other than SHA-256.
    #[error("the files are hashed with {found:?}, which is not supported; only sha256 is")]
    Hash {
        /// The hash found.
        found: String,
    },
    /// A member that says how files were read, in a way that is not known.
    #[error("the serialisation has the member {found:?}, which is not known")]
    Serialization {
        /// The member found.
        found: String,
    },
    /// A file name that is not in NFC.
    #[error("a signed file name is not supported: {0}")]
    Name(PathError),
}

/// Why a signature is not the given key's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureFault {
    /// The bundle names another key.
    #[error("key mismatch: the bundle names {named}, the public key given is {given}")]
    KeyMismatch {
        /// What the bundle names, in words.
        named: String,
        /// The hint of the key given.
        given: Sha256Digest,
    },
    /// An ECDSA signature that is not strict DER.
    #[error(
        "the signature is not DER{}",
        if *.raw { "; it has the length of r and s side by side, as WebCrypto writes them" } else { "" }
    )]
    NotDer {
        /// Whether it has the length of r and s side by side.
        raw: bool,
    },
    /// A signature that is not this key's over this payload.
    #[error(
        "the signature is not that of this key over this payload: one of the three was changed, or is another's"
    )]
    Wrong,
    /// An Ed25519 signature of another length than all have.
    #[error("an Ed25519 signature has 64 bytes, got {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
}

/// Why a statement, though signed, proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StatementFault {
    /// Not JSON.
    #[error("{0}")]
    Json(#[from] JsonError),
    /// A member that is missing, of the wrong type, or of another value.
    #[error("its {0}")]
    Member(#[from] WrongValue),
    /// Not an in-toto Statement v1.
    #[error("its type is {found:?}, wanted {STATEMENT_TYPE}")]
    Type {
        /// The type found.
        found: String,
    },
    /// About something else than the files of a model.
    #[error("its predicate type is {found:?}, wanted {SIGNATURE_TYPE}")]
    PredicateType {
        /// The type found.
        found: String,
    },
    /// No file, or too many.
    #[error("it lists {found} files, wanted 1 to {MAX_RESOURCES}")]
    Resources {
        /// Files listed.
        found: usize,
    },
    /// A name that leads elsewhere or hides what it is.
    #[error("it lists a name that no file may have: {0}")]
    Name(PathError),
    /// One name listed twice.
    #[error("it lists {name:?} twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// The root is not that of the listed digests.
    #[error("its root digest is {stated}, but the listed files have {computed}")]
    Root {
        /// Digest of the subject.
        stated: Sha256Digest,
        /// Digest over the listed files' digests.
        computed: Sha256Digest,
    },
}
