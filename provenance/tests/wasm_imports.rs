//! The pure crate stays pure: built for wasm32 with everything in use, it imports nothing from its host. No
//! clock, no randomness, no I/O can hide behind that.
//!
//! Builds a small library beside the other targets, offline, with the versions of this workspace's lock file;
//! it needs the wasm32-unknown-unknown target (`cargo xtask setup`).
#![cfg(not(target_family = "wasm"))]

use std::{fs, path::Path, process::Command};

/// Calls into every part of `provenance` with bytes that the compiler cannot know.
const PROBE: &str = r#"
use provenance::{*, verify::{Observation, Scope}};

#[unsafe(no_mangle)]
pub extern "C" fn probe(start: *const u8, length: usize) -> usize {
    let bytes = unsafe { core::slice::from_raw_parts(start, length) };
    let text = core::str::from_utf8(bytes).unwrap_or_default();
    let seed = *Sha256Digest::of(bytes).as_bytes();
    let key = key::SigningKey::from_seed(&seed);
    let envelope = dsse::Envelope::sign(bytes.to_vec(), &[&key]);
    let mut sum = envelope.to_json().len() + key.to_pkcs8_pem().as_ref().len();
    sum += usize::from(key.public().verify_envelope(bytes, &envelope.signatures[0].sig).is_some());
    if let Ok(key) = key::SigningKey::p256_from_seed(&seed) {
        sum += usize::from(key.public().verify_envelope(bytes, &key.sign(bytes)).is_some());
        sum += key.to_pkcs8_pem().as_ref().len();
    }
    sum += key::PublicKey::from_spki_pem(text).map_or(0, |key| key.to_spki_pem().len());
    sum += key::SigningKey::from_pkcs8_pem(text).map_or(0, |key| key.sign(bytes).len());
    if let Ok(name) = text.parse() {
        if let Ok(signer) = note::NoteSigner::from_seed(name, note::NoteAlgorithm::CosignatureV1, &seed) {
            let note = signer.sign_note(text.into());
            sum += cosignature::cosign(&signer, &note, seed[0].into()).map_or(0, |line| line.signature.len());
        }
    }
    if let (Ok(bundle), Ok(key)) = (oms::Bundle::parse(bytes), oms::PublicKey::from_pem(text)) {
        let signed = bundle.open(&key).map(|signed| signed.judge(&key, &[], &oms::Options::default()));
        sum += signed.map_or(0, |report| report.summary.len());
    }
    sum += oms::SigningKey::from_pem(text).map_or(0, |key| key.sign(bytes).len());
    if let Ok(tensor::Header::Read(layout)) = tensor::read_header(bytes, length as u64) {
        sum += layout.index.to_bytes().len();
    }
    sum += record::Record::parse(bytes).map_or(0, |r| r.kind.len());
    sum += merkle::tile::decode_bundle(bytes, 5).map_or(0, |b| b.len());
    let mut state = state::StateTree::new();
    let trust = trust::TrustFile::parse(text);
    if let Ok(proof) = json::read::<api::RecordProof>(bytes, length) {
        state.append(proof.publisher.clone(), state::StateLine {
            index: proof.index, kind: proof.kind.clone(), payload: proof.record, target: None,
        });
        let opened = verify::open(trust.as_ref().ok(), proof.record, bytes, &proof, Some(sum as u64));
        let seen = Observation {
            scope: Scope::Flat, files: vec![], sidecars: Default::default(), named: true, ignored: 0, allow_extra: false,
        };
        sum += serde_json::to_string(&opened.judge(&seen)).map_or(0, |json| json.len());
    }
    sum + usize::from(state.root().digest().as_bytes()[0])
}
"#;

/// Reads unsigned LEB128 (WebAssembly core specification, section 5.2.2).
fn leb128(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..35).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// The contents of the section with this id, if the module has one (section 5.5).
fn section(module: &[u8], wanted: u8) -> Option<&[u8]> {
    let mut rest = module
        .strip_prefix(b"\0asm\x01\0\0\0")
        .expect("a WebAssembly module, version 1");
    while let Some((&id, after)) = rest.split_first() {
        rest = after;
        let size = leb128(&mut rest).expect("a section's size");
        let (body, after) = rest.split_at_checked(size).expect("a whole section");
        if id == wanted {
            return Some(body);
        }
        rest = after;
    }
    None
}

/// `module.name` of every import (section 5.5.5).
fn imports(module: &[u8]) -> Vec<String> {
    let Some(mut body) = section(module, 2) else {
        return Vec::new();
    };
    let name = |body: &mut &[u8]| {
        let length = leb128(body).expect("a name's length");
        let (name, rest) = body.split_at_checked(length).expect("a whole name");
        *body = rest;
        String::from_utf8_lossy(name).into_owned()
    };
    let count = leb128(&mut body).expect("the number of imports");
    let one = |_| {
        let import = format!("{}.{}", name(&mut body), name(&mut body));
        let (&kind, rest) = body.split_first().expect("an import's kind");
        body = rest;
        // Functions have a type index; tables and memories a type before their limits; globals two bytes.
        let bounded = |body: &mut &[u8]| {
            let flags = leb128(body).expect("flags of limits");
            for _ in 0..=(flags & 1) {
                leb128(body).expect("a limit");
            }
        };
        match kind {
            0 => {
                leb128(&mut body).expect("a type index");
            }
            1 => {
                body = &body[1..];
                bounded(&mut body);
            }
            2 => bounded(&mut body),
            _ => body = &body[2..],
        }
        import
    };
    (0..count).map(one).collect()
}

#[test]
fn the_reader_of_imports_sees_what_a_module_imports() {
    // (module (import "env" "now" (func)) (import "m" "mem" (memory 1 2)) (import "g" "i" (global i32)))
    let module = b"\0asm\x01\0\0\0\x01\x04\x01\x60\0\0\x02\x1c\x03\x03env\x03now\0\0\x01m\x03mem\x02\x01\x01\x02\x01g\x01i\x03\x7f\0";
    assert_eq!(imports(module), ["env.now", "m.mem", "g.i"]);
    assert!(imports(b"\0asm\x01\0\0\0").is_empty());
}

#[test]
fn the_crate_imports_nothing_when_built_for_wasm() {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let probe = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wasm-imports");
    fs::create_dir_all(probe.join("src")).unwrap();
    fs::write(probe.join("src/lib.rs"), PROBE).unwrap();
    let manifest = format!(
        "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[lib]\ncrate-type = [\"cdylib\"]\n\n\
         [dependencies]\nweighbridge-provenance = {{ path = '{}' }}\nserde_json = \"1\"\n\n\
         [profile.dev]\ndebug = false\n\n[workspace]\n",
        crate_dir.display()
    );
    fs::write(probe.join("Cargo.toml"), manifest).unwrap();
    fs::copy(crate_dir.join("../Cargo.lock"), probe.join("Cargo.lock")).unwrap();

    let mut cargo = Command::new(env!("CARGO"));
    cargo
        .current_dir(&probe)
        .env("CARGO_TARGET_DIR", probe.join("target"))
        .env_remove("RUSTFLAGS");
    let build = cargo
        .args([
            "build",
            "--offline",
            "--quiet",
            "--target",
            "wasm32-unknown-unknown",
        ])
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&build.stderr);
    assert!(
        build.status.success(),
        "the probe does not build for wasm32-unknown-unknown:\n{words}"
    );

    let module = fs::read(probe.join("target/wasm32-unknown-unknown/debug/probe.wasm")).unwrap();
    let exports = section(&module, 7).expect("exports");
    assert!(
        exports.windows(5).any(|w| w == b"probe"),
        "the probe is not in its module"
    );
    let code = section(&module, 10).expect("code").len();
    assert!(
        code > 200_000,
        "only {code} bytes of code: most of the crate was left out, so this proves little"
    );
    assert_eq!(imports(&module), Vec::<String>::new());
}
