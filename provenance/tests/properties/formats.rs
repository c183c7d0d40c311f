//! Every text and binary format that is read from strangers, and how it is written again.

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    checkpoint::Checkpoint,
    chunk::ChunkList,
    dsse::Envelope,
    entry::Entry,
    evidence::Evidence,
    json::parse_strict,
    key::{PublicKey, SigningKey},
    merkle::tile::{TileCoord, decode_bundle, encode_bundle},
    note::{SignedNote, VerifierKey},
    path::RelativePath,
    record::Record,
    state::{StateLeaf, StateProof},
    tensor::TensorIndex,
    tlog_proof::TlogProof,
    trust::TrustFile,
};

use super::samples::{
    BUNDLE, CHECKPOINT, LOG, PROOF, checkpoints, contradictions, digest, entries, extra_proof, ggufs, key,
    keyset, provenance, safetensors, signature, state_leaf, state_proof, tensor_index, tensor_indexes,
    tile_paths, trust_files, vkeys,
};

/// A format under test.
pub(crate) struct Format {
    pub(crate) name: &'static str,
    /// Whether accepted bytes are always written as they were.
    pub(crate) one_form: bool,
    pub(crate) samples: fn() -> Vec<Vec<u8>>,
    /// Parses and writes; none when refused.
    pub(crate) rewrite: fn(&[u8]) -> Option<Vec<u8>>,
}

impl Format {
    /// What accepted bytes are written as has to be stable, and the same bytes where a format has one form only.
    pub(crate) fn holds(&self, bytes: &[u8]) -> Result<(), String> {
        let Some(written) = (self.rewrite)(bytes) else {
            return Ok(());
        };
        let shown = String::from_utf8_lossy;
        if self.one_form && written != bytes {
            return Err(format!(
                "{}: {:?} is written as {:?}",
                self.name,
                shown(bytes),
                shown(&written)
            ));
        }
        match (self.rewrite)(&written) {
            Some(again) if again == written => Ok(()),
            again => Err(format!(
                "{}: {:?} is written again as {:?}",
                self.name,
                shown(&written),
                again.as_deref().map(shown)
            )),
        }
    }
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

const fn one(
    name: &'static str,
    samples: fn() -> Vec<Vec<u8>>,
    rewrite: fn(&[u8]) -> Option<Vec<u8>>,
) -> Format {
    Format {
        name,
        one_form: true,
        samples,
        rewrite,
    }
}

const fn many(
    name: &'static str,
    samples: fn() -> Vec<Vec<u8>>,
    rewrite: fn(&[u8]) -> Option<Vec<u8>>,
) -> Format {
    Format {
        name,
        one_form: false,
        samples,
        rewrite,
    }
}

/// Parses text and writes it by `Display`.
macro_rules! shown {
    ($parse:expr) => {
        |bytes| Some($parse(text(bytes)?).ok()?.to_string().into_bytes())
    };
}

/// The index that is read must itself be a sidecar that reads the same.
fn same_header(bytes: &[u8]) -> Option<Vec<u8>> {
    let written = tensor_index(bytes)?.to_bytes();
    assert_eq!(TensorIndex::from_bytes(&written).ok()?.to_bytes(), written);
    Some(bytes.to_vec())
}

/// All formats.
pub(crate) const FORMATS: &[Format] = &[
    one("entry", entries, |bytes| {
        Some(Entry::parse(bytes).ok()?.to_bytes())
    }),
    one("note", || vec![CHECKPOINT.to_vec()], shown!(SignedNote::parse)),
    one("checkpoint", checkpoints, shown!(Checkpoint::parse)),
    one("vkey", vkeys, shown!(str::parse::<VerifierKey>)),
    one(
        "tlog-proof",
        || vec![PROOF.to_vec(), extra_proof()],
        shown!(TlogProof::parse),
    ),
    one("state proof", || vec![state_proof()], shown!(StateProof::parse)),
    one(
        "state leaf",
        || vec![state_leaf()],
        |bytes| Some(StateLeaf::parse(bytes).ok()?.to_bytes()),
    ),
    many("log evidence", contradictions, |bytes| {
        let evidence = Evidence::parse(bytes).ok()?;
        // Whatever it shows, it is shown without a panic.
        let _ = evidence.judge(&LOG.parse().ok()?);
        Some(evidence.to_json().into_bytes())
    }),
    one("trust file", trust_files, shown!(TrustFile::parse)),
    one("tile path", tile_paths, shown!(TileCoord::parse)),
    one(
        "relative path",
        || vec![b"a/b c/caf\xc3\xa9.txt".to_vec()],
        shown!(str::parse::<RelativePath>),
    ),
    one(
        "publisher",
        || vec![b"acme-1.example".to_vec()],
        shown!(str::parse::<PublisherName>),
    ),
    one(
        "digest",
        || vec![digest().to_string().into_bytes()],
        shown!(str::parse::<Sha256Digest>),
    ),
    one(
        "base64 digest",
        || vec![digest().to_base64().into_bytes()],
        |bytes| {
            Some(
                Sha256Digest::from_base64(text(bytes)?)
                    .ok()?
                    .to_base64()
                    .into_bytes(),
            )
        },
    ),
    one(
        "public key",
        || {
            let p256 = SigningKey::p256_from_seed(&[3; 32]).unwrap();
            [key(), p256]
                .map(|key| key.public().to_spki_pem().into_bytes())
                .to_vec()
        },
        |bytes| {
            Some(
                PublicKey::from_spki_pem(text(bytes)?)
                    .ok()?
                    .to_spki_pem()
                    .into_bytes(),
            )
        },
    ),
    one(
        "bundle",
        || vec![BUNDLE.to_vec()],
        |bytes| {
            let entries = decode_bundle(bytes, 5).ok()?;
            encode_bundle(entries.iter().map(Vec::as_slice)).ok()
        },
    ),
    one(
        "chunk list",
        || vec![[7; 96].to_vec()],
        |bytes| Some(ChunkList::from_bytes(bytes, 9 << 20).ok()?.to_bytes()),
    ),
    one("tensor index", tensor_indexes, |bytes| {
        Some(TensorIndex::from_bytes(bytes).ok()?.to_bytes())
    }),
    many("safetensors header", || vec![safetensors()], same_header),
    many("GGUF header", ggufs, same_header),
    many(
        "private key",
        || vec![key().to_pkcs8_pem().as_ref().as_bytes().to_vec()],
        |bytes| {
            Some(
                SigningKey::from_pkcs8_pem(text(bytes)?)
                    .ok()?
                    .to_pkcs8_pem()
                    .as_ref()
                    .as_bytes()
                    .to_vec(),
            )
        },
    ),
    many(
        "envelope",
        || vec![Envelope::sign(b"{}".to_vec(), &[&key()]).to_json()],
        |bytes| Some(Envelope::parse(bytes).ok()?.to_json()),
    ),
    many(
        "strict JSON",
        || vec![signature(), keyset()],
        |bytes| serde_json::to_vec(&parse_strict(bytes, 1 << 20).ok()?).ok(),
    ),
    many(
        "record",
        || vec![signature(), provenance(), keyset()],
        |bytes| {
            let record = Record::parse(bytes).ok()?;
            assert_eq!(record.id, RecordId::of_payload(bytes));
            Some(bytes.to_vec())
        },
    ),
];
