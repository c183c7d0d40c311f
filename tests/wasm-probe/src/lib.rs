//! What takes bytes in `provenance`, from signing to the verdict, linked into one wasm module without any glue.
//!
//! Nobody calls it. `tests/tests/wasm_imports.rs` reads which functions the module imports: a clock, a source of
//! randomness or a system call anywhere below would be one.

use std::{collections::BTreeMap, hint::black_box};

use provenance::{
    RecordId,
    api::RecordProof,
    dsse::Envelope,
    key::{PublicKey, SigningKey},
    note::SignedNote,
    record::Record,
    tensor::TensorIndex,
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify::{self, Observation, Scope},
};

/// Signs, parses, verifies and judges. Answers a length that depends on all of it.
#[expect(
    unsafe_code,
    reason = "an export is what keeps the linker from leaving everything out"
)]
#[unsafe(no_mangle)]
pub extern "C" fn weigh() -> usize {
    let bytes: Vec<u8> = black_box(Vec::new());
    let text: String = black_box(String::new());
    let key = SigningKey::from_seed(&black_box([7; 32]));
    let sealed = Envelope::sign(bytes.clone(), &[&key]).to_json();
    let parsed = [
        Envelope::parse(&sealed).is_ok(),
        Record::parse(&bytes).is_ok(),
        TensorIndex::from_safetensors(&bytes, black_box(8)).is_ok(),
        PublicKey::from_spki_pem(&text).is_ok(),
        SigningKey::from_pkcs8_pem(&text).is_ok(),
        TlogProof::parse(&text).is_ok(),
        SignedNote::parse(&text).is_ok(),
    ];
    let verdict = match (
        TrustFile::parse(&text),
        serde_json::from_slice::<RecordProof>(&bytes),
    ) {
        (Ok(trust), Ok(proof)) => {
            let id = RecordId::of_payload(&bytes);
            let opened = verify::open(Some(&trust), id, &bytes, &proof, black_box(None));
            let seen = Observation {
                scope: Scope::Folder,
                files: black_box(Vec::new()),
                sidecars: BTreeMap::new(),
                named: true,
                allow_extra: false,
            };
            opened.judge(&seen).summary.len()
        }
        _ => 0,
    };
    parsed.iter().filter(|ok| **ok).count() + verdict
}
