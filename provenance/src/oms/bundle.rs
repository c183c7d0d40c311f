//! Sigstore bundles v0.3 (sigstore/protobuf-specs) with a DSSE envelope and a public key hint.
//!
//! ```text
//! {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
//!  "verificationMaterial":{"publicKey":{"hint":"<hex SHA-256 of the SPKI PEM>"},"tlogEntries":[]},
//!  "dsseEnvelope":{"payload":"<base64>","payloadType":"application/vnd.in-toto+json",
//!                  "signatures":[{"sig":"<base64>","keyid":"<the hint>"}]}}
//! ```
//! The format is protobuf's JSON: a member it does not define is refused, as its parsers do by default, and `null`
//! stands for a member that is absent. The names are those in which every known writer writes them.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

use super::{
    error::{BundleError, OmsError, SignatureFault, Unsupported},
    key::PublicKey,
    statement::{MAX_STATEMENT_BYTES, Signed},
};
use crate::{
    dsse::{MAX_SIGNATURES, PAYLOAD_TYPE, pae},
    json::{At, JsonError, parse_foreign},
    path::clip,
};

/// The media type of version 0.3, the only one that is read or written.
pub const MEDIA_TYPE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// What the media types of every version start with.
const ANY_VERSION: &str = "application/vnd.dev.sigstore.bundle";

/// Largest bundle in bytes: the statement in base64, and room for signatures and what else is in it.
pub const MAX_BUNDLE_BYTES: usize = MAX_STATEMENT_BYTES / 3 * 4 + (1 << 20);

/// A parsed bundle of the method *key*. Parsed is not trusted: no signature has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle {
    payload: Vec<u8>,
    /// The first signature, the only one that is checked.
    signature: Vec<u8>,
    named_key: NamedKey,
    warnings: Vec<String>,
}

/// How a bundle says which key signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
enum NamedKey {
    Nothing,
    Hint(String),
    /// Bundles of model_signing before 1.1 carry the key itself.
    Key(Vec<u8>),
}

impl Bundle {
    /// Parses a bundle.
    ///
    /// # Errors
    /// [`OmsError::Bundle`] when it is none, [`OmsError::Unsupported`] when it is of another kind.
    pub fn parse(bytes: &[u8]) -> Result<Self, OmsError> {
        let value = parse_foreign(bytes, MAX_BUNDLE_BYTES).map_err(BundleError::from)?;
        Self::read(At::new(&value))
    }

    fn read(bundle: At<'_>) -> Result<Self, OmsError> {
        let shape = BundleError::from;
        let material = bundle.member("verificationMaterial").map_err(shape)?;
        refuse_other_methods(material)?;
        let media_type = bundle
            .member("mediaType")
            .and_then(|at| at.text())
            .map_err(shape)?;
        if media_type != MEDIA_TYPE {
            let found = clip(media_type);
            return Err(if media_type.starts_with(ANY_VERSION) {
                Unsupported::Version { found }.into()
            } else {
                BundleError::MediaType { found }.into()
            });
        }
        if bundle.optional("messageSignature").map_err(shape)?.is_some() {
            return Err(Unsupported::MessageSignature.into());
        }
        let known = [
            "mediaType",
            "verificationMaterial",
            "dsseEnvelope",
            "messageSignature",
        ];
        bundle.only(&known).map_err(shape)?;
        let mut warnings = Vec::new();
        let named_key = named_key(material, &mut warnings)?;
        let (payload, signature) = envelope(bundle.member("dsseEnvelope").map_err(shape)?, &mut warnings)?;
        Ok(Self {
            payload,
            signature,
            named_key,
            warnings,
        })
    }

    /// The statement's bytes, exactly as signed.
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Checks that `key` signed the bundle, then reads what was signed.
    ///
    /// # Errors
    /// [`OmsError::Signature`], [`OmsError::Unsupported`], [`OmsError::Statement`].
    pub fn open(self, key: &PublicKey) -> Result<Signed, OmsError> {
        let mut warnings = self.warnings;
        let named = match &self.named_key {
            NamedKey::Nothing => {
                warnings.push("the bundle does not say which key signed it; the key given fits".into());
                None
            }
            NamedKey::Hint(hint) => {
                (*hint != key.hint().to_string()).then(|| format!("the key {}", clip(hint)))
            }
            NamedKey::Key(spki) => {
                (!key.is_written_as(spki)).then(|| "another key, which it carries".to_owned())
            }
        };
        if let Some(named) = named {
            let given = key.hint();
            return Err(SignatureFault::KeyMismatch { named, given }.into());
        }
        key.check(&pae(&self.payload), &self.signature)?;
        Signed::read(&self.payload, warnings)
    }
}

/// Names what a bundle is signed with instead of a key.
fn refuse_other_methods(material: At<'_>) -> Result<(), OmsError> {
    let has = |name| Ok::<_, BundleError>(material.optional(name)?.is_some());
    let log_entries = material.optional("tlogEntries").map_err(BundleError::from)?;
    let is_logged = log_entries.is_some_and(|at| at.items().is_ok_and(|entries| entries.len() > 0));
    if has("certificate")? || (has("x509CertificateChain")? && is_logged) {
        return Err(Unsupported::Keyless.into());
    }
    if has("x509CertificateChain")? {
        return Err(Unsupported::Certificate.into());
    }
    Ok(())
}

fn named_key(material: At<'_>, warnings: &mut Vec<String>) -> Result<NamedKey, BundleError> {
    // The two kinds of certificate are absent or null here.
    material.only(&[
        "publicKey",
        "certificate",
        "x509CertificateChain",
        "tlogEntries",
        "timestampVerificationData",
    ])?;
    if let Some(entries) = material.optional("tlogEntries")?
        && entries.items()?.len() > 0
    {
        warnings.push("the bundle holds entries of a transparency log; they were not checked".into());
    }
    if let Some(stamps) = material.optional("timestampVerificationData")?
        && stamps.members()?.len() > 0
    {
        warnings.push("the bundle holds timestamps; they were not checked".into());
    }
    let key = material.member("publicKey")?;
    key.only(&["hint", "rawBytes", "keyDetails"])?;
    if let Some(hint) = key.get_optional::<String>("hint")?
        && !hint.is_empty()
    {
        return Ok(NamedKey::Hint(hint));
    }
    if key.optional("rawBytes")?.is_some() {
        return Ok(NamedKey::Key(base64(key, "rawBytes")?));
    }
    Ok(NamedKey::Nothing)
}

/// The payload and the first signature.
fn envelope(envelope: At<'_>, warnings: &mut Vec<String>) -> Result<(Vec<u8>, Vec<u8>), BundleError> {
    envelope.only(&["payload", "payloadType", "signatures"])?;
    let payload_type = envelope.member("payloadType")?.text()?;
    if payload_type != PAYLOAD_TYPE {
        let found = clip(payload_type);
        return Err(BundleError::PayloadType { found });
    }
    let signatures = envelope.member("signatures")?;
    let mut signatures = signatures.items()?;
    let found = signatures.len();
    let Some(first) = signatures.next().filter(|_| found <= MAX_SIGNATURES) else {
        return Err(BundleError::Signatures { found });
    };
    for signature in std::iter::once(first).chain(signatures) {
        signature.only(&["sig", "keyid"])?;
        signature.get_optional::<String>("keyid")?;
        signature.member("sig")?.text()?;
    }
    if found > 1 {
        warnings.push(format!(
            "the bundle has {found} signatures; only the first was checked, and Sigstore clients refuse such a bundle"
        ));
    }
    let payload = base64(envelope, "payload")?;
    if payload.len() > MAX_STATEMENT_BYTES {
        let (found, limit) = (payload.len(), MAX_STATEMENT_BYTES);
        return Err(JsonError::TooLong { found, limit }.into());
    }
    Ok((payload, base64(first, "sig")?))
}

fn base64(at: At<'_>, member: &'static str) -> Result<Vec<u8>, BundleError> {
    let text = at.member(member)?.text()?;
    let decoded = STANDARD.decode(text);
    decoded.map_err(|_| BundleError::Base64 { member })
}

/// Writes the bundle of a statement that `key_hint` names the signer of: what the Python tool `model_signing` and
/// Sigstore clients read.
pub fn bundle_json(payload: &[u8], signature: &[u8], key_hint: &str) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        media_type: &'a str,
        verification_material: Material<'a>,
        dsse_envelope: WireEnvelope<'a>,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Material<'a> {
        public_key: Hint<'a>,
        tlog_entries: [Value; 0],
    }
    #[derive(Serialize)]
    struct Hint<'a> {
        hint: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct WireEnvelope<'a> {
        payload: String,
        payload_type: &'a str,
        signatures: [WireSignature<'a>; 1],
    }
    #[derive(Serialize)]
    struct WireSignature<'a> {
        sig: String,
        keyid: &'a str,
    }
    let wire = Wire {
        media_type: MEDIA_TYPE,
        verification_material: Material {
            public_key: Hint { hint: key_hint },
            tlog_entries: [],
        },
        dsse_envelope: WireEnvelope {
            payload: STANDARD.encode(payload),
            payload_type: PAYLOAD_TYPE,
            signatures: [WireSignature {
                sig: STANDARD.encode(signature),
                keyid: key_hint,
            }],
        },
    };
    serde_json::to_vec(&wire).expect("strings always serialise")
}
