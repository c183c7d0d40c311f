//! The hostile corpus (tests/vectors/hostile) against the parsers: each defect is refused, with the text that every
//! surface shows. Registry, command line and page go through the same files in the `tests` package.
#![cfg(not(target_family = "wasm"))]

#[path = "../../tests/src/corpus.rs"]
#[expect(unreachable_pub, reason = "public in the package that shares it")]
mod corpus;

use std::process::Command;

use corpus::{Case, cases};
use provenance::{
    bundle::Bundle,
    checkpoint::Checkpoint,
    chunk::ChunkList,
    dsse::Envelope,
    json,
    key::{PublicKey, SigningKey},
    lookup::LookupInfo,
    note::SignedNote,
    oms,
    record::Record,
    tensor::{self, TensorIndex},
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify::Junk,
};

/// The file that the chunk lists of the corpus are for: three chunks.
const CHUNKED_BYTES: u64 = 9 << 20;

/// The longest error in characters. Errors quote what they object to, and some quote a path of 4,096 bytes.
const MAX_ERROR_CHARACTERS: usize = 6000;

/// Checks every case of a kind: what is refused says so in the expected words, what is not is taken.
fn check(kind: &str, parse: impl Fn(&[u8]) -> Result<(), String>) {
    let mut wrong = Vec::new();
    for Case {
        id,
        bytes,
        says,
        name,
    } in cases(kind)
    {
        let said = parse(&bytes).err();
        let right = match (&said, &says) {
            (Some(said), Some(says)) => {
                let shown_whole = !said.chars().any(provenance::path::is_hidden_character);
                !says.is_empty()
                    && said.contains(says.as_str())
                    && shown_whole
                    && said.chars().count() <= MAX_ERROR_CHARACTERS
            }
            (None, None) => true,
            _ => false,
        };
        if !right {
            let said = said.map(|text| text.chars().take(300).collect::<String>());
            wrong.push(format!("{id} ({name})\n  wanted {says:?}\n  said   {said:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8, and no private key either".to_owned())
}

/// Names a parser whose value does not matter.
macro_rules! refuses {
    ($test:ident, $kind:literal, $parse:expr) => {
        #[test]
        fn $test() {
            check($kind, |bytes| {
                let parse: fn(&[u8]) -> Result<_, String> = $parse;
                parse(bytes).map(drop)
            });
        }
    };
}

refuses!(envelopes, "envelope", |bytes| {
    let envelope = Envelope::parse(bytes).map_err(|e| e.to_string())?;
    Record::parse(&envelope.payload).map_err(|e| e.to_string())
});
refuses!(statements, "statement", |bytes| Record::parse(bytes)
    .map_err(|e| e.to_string()));
refuses!(keysets, "keyset", |bytes| Record::parse(bytes)
    .map_err(|e| e.to_string()));
refuses!(trust_files, "trust", |bytes| TrustFile::parse(text(bytes)?)
    .map_err(|e| e.to_string()));
refuses!(safetensors, "safetensors", |bytes| {
    tensor::read_header(bytes, bytes.len() as u64).map_err(|e| e.to_string())
});
refuses!(chunk_lists, "chunks", |bytes| {
    ChunkList::from_bytes(bytes, CHUNKED_BYTES).map_err(|e| e.to_string())
});
refuses!(tensor_indexes, "tensors", |bytes| TensorIndex::from_bytes(bytes)
    .map_err(|e| e.to_string()));
refuses!(lookup_answers, "lookup", |bytes| {
    json::read::<LookupInfo>(bytes, 1 << 20).map_err(|e| e.to_string())
});
refuses!(notes, "note", |bytes| SignedNote::parse(text(bytes)?)
    .map_err(|e| e.to_string()));
refuses!(checkpoints, "checkpoint", |bytes| Checkpoint::parse(text(bytes)?)
    .map_err(|e| e.to_string()));
refuses!(tlog_proofs, "tlog-proof", |bytes| TlogProof::parse(text(bytes)?)
    .map_err(|e| e.to_string()));
refuses!(gguf_headers, "gguf", |bytes| {
    tensor::read_header(bytes, bytes.len() as u64).map_err(|e| e.to_string())
});
refuses!(bundles, "bundle", |bytes| Bundle::parse(bytes.to_vec())
    .map_err(|e| e.to_string()));
refuses!(oms_bundles, "oms", |bytes| oms::Bundle::parse(bytes)
    .map_err(|e| e.to_string()));
refuses!(public_keys, "public-key", |bytes| PublicKey::from_spki_pem(text(
    bytes
)?)
.map_err(|e| e.to_string()));
refuses!(p256_signatures, "p256-signature", |bytes| {
    // The key of the corpus: the number 3.
    let mut secret = [0; 32];
    secret[31] = 3;
    let key = SigningKey::p256_from_seed(&secret).map_err(|e| e.to_string())?;
    let form = key.public().verify_envelope(b"weighed", bytes);
    form.ok_or_else(|| "the signature does not verify".to_owned())
});
refuses!(junk, "junk", |bytes| {
    // The code takes the place of a refusal: it is what every surface says.
    let found = Junk::sniff("model.safetensors", bytes, bytes.len() as u64);
    found.map_or(Ok(()), |junk| Err(junk.code().to_owned()))
});
refuses!(private_keys, "private-key", |bytes| {
    SigningKey::from_pkcs8_pem(text(bytes)?)
        .map(drop)
        .map_err(|e| e.to_string())
});

#[test]
fn the_committed_corpus_is_what_its_generator_writes() {
    let generator = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../tests/vectors/hostile/generate.py"
    );
    let output = Command::new("python3").args([generator, "--check"]).output();
    let output = output.expect("python3 is on the PATH (cargo xtask setup)");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
