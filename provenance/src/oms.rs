//! OpenSSF Model Signing (OMS v1.0): reading and writing `model.sig`, and checking files against it.
//!
//! A `model.sig` is a Sigstore bundle: a DSSE envelope around an in-toto statement that lists a model's files, and a
//! hint at the key that signed it. It proves that whoever holds a key signed these bytes. It knows no publisher, no
//! log and no withdrawal; those are [`crate::verify`]'s.
//!
//! # In scope
//! Bundles of the method *key* with ECDSA P-256, P-384, P-521 or Ed25519, over whole files hashed with SHA-256. The
//! path goes from bytes to a [`Bundle`], with a key to [`Signed`], and with what was found on disk to a [`Report`].
//!
//! # Out of scope
//! Certificates and keyless bundles (docs/adr/0007), shards and other hashes: each is refused by its name. Files are
//! found and hashed by the caller.

mod bundle;
mod compare;
mod error;
mod key;
mod statement;

pub use self::{
    bundle::{Bundle, MAX_BUNDLE_BYTES, MEDIA_TYPE, bundle_json},
    compare::{FileReport, FileVerdict, Found, FoundKind, Ignored, Options, Report, Signer},
    error::{BundleError, OmsError, SignatureFault, StatementFault, Unsupported},
    key::{Algorithm, OmsKeyError, PublicKey, SigningKey},
    statement::{
        DEFAULT_IGNORE_PATHS, MAX_RESOURCES, MAX_STATEMENT_BYTES, Resource, SINGLE_FILE_NAME, Signed,
        ignore_path, statement_json,
    },
};
