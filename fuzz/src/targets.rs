//! The targets that `provenance` answers for: one for each format of `properties/formats.rs`, and those that need
//! more than reading and writing again.

use std::{fmt::Debug, path::Path, sync::OnceLock};

use provenance::{
    RecordId, Sha256Digest,
    api::{
        Base64Bytes, ControlEntry, GrowthAnswer, Problem, PublisherAnswer, PublishersAnswer, RecordProof,
        RecordsAnswer, SearchAnswer,
    },
    bundle::Bundle,
    checkpoint::Checkpoint,
    cosignature::cosignature,
    json::{self, FromJson},
    lookup::{LookupAnswer, LookupInfo, digits_for},
    merkle::{
        InclusionProof, LeafIndex, TreeSize,
        tile::{TileCoord, TileKind, decode_bundle, encode_bundle},
    },
    note::SignedNote,
    path::RelativePath,
    state::{StateLeafProof, StateProof},
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify::{Junk, Observation, Verdict, open},
};
use serde::Serialize;

use super::{
    formats::{FORMATS, Format},
    log::witness,
    samples,
    target::Target,
    world::{NOW, World},
};

/// Longest answer that a client reads.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Most edits of one run; more of them teach nothing new.
const MAX_EDITS: usize = 16;

/// The target that reads a format, writes it and reads it again.
macro_rules! of_format {
    ($name:literal, $format:literal) => {
        Target {
            name: $name,
            samples: || (named($format).samples)(),
            run: |bytes| also($format, bytes),
        }
    };
}

/// Every target of this file. Formats that are not named here have a target with more to say.
pub(crate) const TARGETS: [Target; 27] = [
    of_format!("chunk_list", "chunk list"),
    of_format!("contradiction", "log evidence"),
    of_format!("entry", "entry"),
    of_format!("envelope", "envelope"),
    of_format!("gguf", "GGUF header"),
    of_format!("json", "strict JSON"),
    of_format!("private_key", "private key"),
    of_format!("public_key", "public key"),
    of_format!("record", "record"),
    of_format!("safetensors", "safetensors header"),
    of_format!("state_leaf", "state leaf"),
    of_format!("state_proof", "state proof"),
    of_format!("tensor_index", "tensor index"),
    of_format!("tlog_proof", "tlog-proof"),
    of_format!("trust_file", "trust file"),
    of_format!("vkey", "vkey"),
    Target::new("answers", answer_samples, answers),
    Target::new("bundle", offline_bundles, offline_bundle),
    Target::new("checkpoint", samples::checkpoints, checkpoint),
    Target::new("cosignature", note_samples, cosignatures),
    Target::new("entry_bundle", bundle_samples, entry_bundle),
    Target::new("evidence", evidence_samples, evidence),
    Target::new("junk", junk_samples, junk),
    Target::new("name", name_samples, name),
    Target::new("note", note_samples, note),
    Target::new("path", path_samples, path),
    Target::new("tile_path", samples::tile_paths, tile_path),
];

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

fn named(format: &str) -> &'static Format {
    let found = FORMATS.iter().find(|known| known.name == format);
    found.expect("a format of this name")
}

/// What is read as this format is written the same.
fn also(format: &str, bytes: &[u8]) {
    if let Err(why) = named(format).holds(bytes) {
        panic!("{why}");
    }
}

/// What is read as a `T` is written so that it reads the same.
fn answer<T: FromJson + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(read) = json::read::<T>(bytes, MAX_ANSWER_BYTES) else {
        return;
    };
    let written = serde_json::to_vec(&read).expect("plain data is written");
    assert_eq!(json::read::<T>(&written, usize::MAX), Ok(read));
}

/// Every JSON answer of a registry, as clients read it.
fn answers(bytes: &[u8]) {
    answer::<RecordProof>(bytes);
    answer::<Problem>(bytes);
    answer::<RecordsAnswer>(bytes);
    answer::<GrowthAnswer>(bytes);
    answer::<SearchAnswer>(bytes);
    answer::<PublishersAnswer>(bytes);
    answer::<PublisherAnswer>(bytes);
    answer::<LookupAnswer>(bytes);
    answer::<LookupInfo>(bytes);
    if let Ok(info) = json::read::<LookupInfo>(bytes, MAX_ANSWER_BYTES) {
        // No answer makes a client say more about its files than the size of the index calls for.
        assert!(info.digits_to_send() <= digits_for(info.keys) && info.digits_to_send() <= 5);
    }
}

fn answer_samples() -> Vec<Vec<u8>> {
    let id = RecordId::of_payload(b"x");
    let summary = format!(
        r#"{{"record":"{id}","publisher":"acme.example","kind":"k","index":7,"name":"acme/tiny","version":null}}"#
    );
    let (digest, head) = (samples::digest(), r#""v":1,"as_of_size":9"#);
    let texts = [
        format!(
            r#"{{"type":"about:blank","title":"t","status":409,"code":"blobs-missing","detail":"d","missing":[{{"digest":"{digest}","kind":"chunks","length":32,"max_length":32}}],"ticket":"00"}}"#
        ),
        format!(r#"{{{head},"records":[{summary}]}}"#),
        format!(r#"{{{head},"results":[{summary}]}}"#),
        format!(
            r#"{{{head},"publishers":[{{"publisher":"acme.example","genesis":"{id}","index":0,"records":2}}]}}"#
        ),
        format!(
            r#"{{{head},"publisher":"acme.example","genesis":"{id}","index":0,"keys":[{{"keyid":"{digest}","holder":"h","roles":["root","sign"]}}],"threshold":{{"root":1,"sign":1}},"records":[]}}"#
        ),
        format!(
            r#"{{{head},"matches":[{{"key":"{digest}","kind":"chunk0","record":"{id}","path":"a/b"}}]}}"#
        ),
        format!(r#"{{{head},"keys":70000,"digits":2}}"#),
        format!(r#"{{{head},"keys":1,"digits":0,"matches":[]}}"#),
    ];
    let proof = serde_json::to_vec(&honest().world.proof).expect("plain data is written");
    texts.into_iter().map(String::into_bytes).chain([proof]).collect()
}

/// An offline bundle has one form, its payloads have the ids that it names, and what it offers as proof is judged.
fn offline_bundle(bytes: &[u8]) {
    let Ok(bundle) = Bundle::parse(bytes.to_vec()) else {
        return;
    };
    assert_eq!(bundle.as_bytes(), bytes);
    for id in bundle.records() {
        let payload = bundle.payload(&id).expect("a record that is listed is here");
        let proof = bundle.proof(&id).expect("a record that is listed has its proof");
        assert_eq!(RecordId::of_payload(payload), id);
        open(Some(&honest().trust), id, payload, &proof, Some(NOW));
    }
    for (digest, blob) in bundle.blobs() {
        assert_eq!(Sha256Digest::of(blob), digest);
    }
}

fn offline_bundles() -> Vec<Vec<u8>> {
    vec![include_bytes!("../../tests/vectors/bundle/tiny.weighbridge").to_vec()]
}

/// A bundle of as many entries as its first two bytes say.
fn entry_bundle(bytes: &[u8]) {
    let Some((width, bundle)) = bytes.split_first_chunk::<2>() else {
        return;
    };
    let width = u16::from_be_bytes(*width);
    if let Ok(entries) = decode_bundle(bundle, width) {
        assert_eq!(entries.len(), usize::from(width));
        assert_eq!(
            encode_bundle(entries.iter().map(Vec::as_slice)),
            Ok(bundle.to_vec())
        );
    }
}

fn bundle_samples() -> Vec<Vec<u8>> {
    vec![[&[0, 5], samples::BUNDLE].concat(), vec![0, 0], vec![0, 1, 0, 0]]
}

/// We read no checkpoint that the `tlog_tiles` crate does not read, and read it the same.
fn checkpoint(bytes: &[u8]) {
    also("checkpoint", bytes);
    let Some(Ok(ours)) = text(bytes).map(Checkpoint::parse) else {
        return;
    };
    let theirs = tlog_tiles::Checkpoint::from_bytes(bytes).expect("they read it too");
    assert_eq!(ours.origin.as_str(), theirs.origin());
    assert_eq!(ours.head.size.get(), theirs.size());
    assert_eq!(ours.head.root.digest().as_bytes(), &theirs.hash().0);
}

fn note_samples() -> Vec<Vec<u8>> {
    let mut log = super::log::Log::new();
    log.publish(&samples::keyset(), &[7], |_| {});
    log.cosignatures = vec![(1, NOW), (2, NOW + 1)];
    vec![
        samples::CHECKPOINT.to_vec(),
        log.checkpoint(1).to_string().into_bytes(),
    ]
}

/// A note with a good cosignature line has it over these bytes; any other line refuses the whole note.
fn cosignatures(bytes: &[u8]) {
    let Some(Ok(note)) = text(bytes).map(SignedNote::parse) else {
        return;
    };
    for n in [1, 2] {
        let signer = witness(n);
        if let Ok(Some(found)) = cosignature(signer.verifier(), &note) {
            assert!(i64::try_from(found.time).is_ok());
            let again = provenance::cosignature::cosign(&signer, &note, found.time).expect("a witness key");
            assert!(
                note.signatures()
                    .iter()
                    .any(|line| line.to_string() == again.to_string())
            );
        }
    }
}

/// The short names: publishers and digests.
fn name(bytes: &[u8]) {
    for format in ["publisher", "digest", "base64 digest"] {
        also(format, bytes);
    }
}

fn name_samples() -> Vec<Vec<u8>> {
    let digest = samples::digest();
    [
        "acme-1.example".to_owned(),
        digest.to_string(),
        digest.to_base64(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// We read no note that the `signed_note` crate does not read, and verify no signature that it does not.
fn note(bytes: &[u8]) {
    also("note", bytes);
    let Some(Ok(ours)) = text(bytes).map(SignedNote::parse) else {
        return;
    };
    let theirs = signed_note::Note::from_bytes(bytes).expect("they read it too");
    assert_eq!(ours.text().as_bytes(), theirs.text());
    let signer = super::log::log_signer(super::log::ORIGIN, 9);
    if ours.verify(&[signer.verifier().clone()]).is_ok() {
        let vkey = signer.verifier().to_string();
        let verifier = signed_note::StandardVerifier::new(&vkey).expect("they read our key");
        let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
        assert!(theirs.verify(&known).is_ok());
    }
}

/// A path that is read stays in its folder on any system.
fn path(bytes: &[u8]) {
    also("relative path", bytes);
    let Some(Ok(path)) = text(bytes).map(str::parse::<RelativePath>) else {
        return;
    };
    let system = Path::new(path.as_str());
    assert!(
        system
            .components()
            .all(|c| matches!(c, std::path::Component::Normal(_)))
    );
    assert_eq!(path.components().collect::<Vec<_>>().join("/"), path.as_str());
    // Folding is idempotent, or two names that collide could pass as two.
    let folded = path.case_folded();
    if let Ok(again) = folded.parse::<RelativePath>() {
        assert_eq!(again.case_folded(), folded);
    }
}

fn path_samples() -> Vec<Vec<u8>> {
    [
        "a/b c/café.txt",
        "Straße/ΣΊΣΥΦΟΣ.bin",
        "ﬁ/K/ǰ",
        "model-00001-of-00002.safetensors",
    ]
    .map(|path| path.as_bytes().to_vec())
    .to_vec()
}

/// We read no path of a hash tile that the `tlog_tiles` crate does not read, and read it the same. What we refuse is not
/// shown to it: it panics on levels above 63.
fn tile_path(bytes: &[u8]) {
    also("tile path", bytes);
    let Some(Ok(ours)) = text(bytes).map(TileCoord::parse) else {
        return;
    };
    let TileKind::Hashes(level) = ours.kind else {
        return;
    };
    let path = ours.to_string().replacen("tile/", "tile/8/", 1);
    let theirs = tlog_tiles::Tile::from_path(&path).expect("they read it too");
    let numbers = (level, ours.index, u32::from(ours.width));
    assert_eq!(numbers, (theirs.level(), theirs.level_index(), theirs.width()));
}

/// First bytes of a file, behind its size as eight bytes.
fn junk(bytes: &[u8]) {
    let Some((size, first)) = bytes.split_first_chunk::<8>() else {
        return;
    };
    let size = u64::from_le_bytes(*size);
    let found = Junk::sniff("model.safetensors", first, size);
    assert_eq!(found == Some(Junk::Empty), size == 0);
}

fn junk_samples() -> Vec<Vec<u8>> {
    let texts = [
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
        "\n <!DOCTYPE html>",
        "<HTML>",
    ];
    let with_size = |text: &str| [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat();
    texts.into_iter().chain([""]).map(with_size).collect()
}

/// An honest log, its trust file, and the files that are what the record says.
struct Honest {
    world: World,
    trust: TrustFile,
    seen: Observation,
}

fn honest() -> &'static Honest {
    static HONEST: OnceLock<Honest> = OnceLock::new();
    HONEST.get_or_init(|| {
        let world = World::honest();
        let (trust, seen) = (world.trust_file(true), world.disk.seen(&world.disk));
        Honest { world, trust, seen }
    })
}

/// Edits of honest evidence, four bytes each: which part, where (two bytes), and what to flip there. A verdict is
/// green only when everything that is proved is as it was. The log's signature is looked at once, in the record's own
/// proof; the notes in the other proofs only have to be for the same tree.
fn evidence(bytes: &[u8]) {
    let Honest { world, trust, seen } = honest();
    let control = &world.proof.control[0];
    let mut parts = [
        world.payload.clone(),
        world.proof.entry.0.clone(),
        world.proof.proof.clone().into_bytes(),
        world.proof.state.clone().into_bytes(),
        control.entry.0.clone(),
        control.payload.0.clone(),
        control.proof.clone().into_bytes(),
    ];
    let honest = parts.clone();
    for edit in bytes.chunks_exact(4).take(MAX_EDITS) {
        let part = &mut parts[usize::from(edit[0]) % 7];
        let at = usize::from(u16::from_be_bytes([edit[1], edit[2]])) % part.len();
        part[at] ^= edit[3];
    }
    let is_honest = parts == honest;
    let is_proved = (0..7).all(|part| match part {
        3 => state_without_note(&parts[part]) == state_without_note(&honest[part]),
        6 => proof_without_note(&parts[part]) == proof_without_note(&honest[part]),
        _ => parts[part] == honest[part],
    });
    let [
        payload,
        entry,
        proof,
        state,
        control_entry,
        control_payload,
        control_proof,
    ] = parts;
    // In JSON these three are text.
    let texts = [proof, state, control_proof].map(String::from_utf8);
    let [Ok(proof), Ok(state), Ok(control_proof)] = texts else {
        return;
    };
    let proof = RecordProof {
        entry: Base64Bytes(entry),
        proof,
        state,
        control: vec![ControlEntry {
            entry: Base64Bytes(control_entry),
            payload: Base64Bytes(control_payload),
            proof: control_proof,
            ..control.clone()
        }],
        ..world.proof.clone()
    };
    let report = open(Some(trust), world.record(), &payload, &proof, Some(NOW)).judge(seen);
    let is_green = report.verdict == Verdict::Authentic;
    assert!(is_proved || !is_green, "{report:?}");
    assert!(!is_honest || is_green, "{report:?}");
}

/// What an inclusion proof proves, whatever note stands under it.
fn proof_without_note(bytes: &[u8]) -> Option<(LeafIndex, InclusionProof)> {
    let proof = TlogProof::parse(text(bytes)?).ok()?;
    Some((proof.index, proof.proof))
}

/// What a state proof proves, whatever note stands under it. How many leaves the state tree has is signed nowhere, so
/// neither that number nor the leaf's place is proved: others lead to the same root.
fn state_without_note(bytes: &[u8]) -> Option<(StateLeafProof, Vec<u8>, LeafIndex, InclusionProof)> {
    let state = StateProof::parse(text(bytes)?).ok()?;
    let leaf = StateLeafProof {
        index: LeafIndex::new(0),
        leaves: TreeSize::new(0),
        ..state.leaf
    };
    Some((leaf, state.entry, state.tlog_proof.index, state.tlog_proof.proof))
}

fn evidence_samples() -> Vec<Vec<u8>> {
    let flip = |part: u8| vec![part, 1, 0, 1];
    (0..7).map(flip).chain([vec![], vec![0, 0, 9, 0]]).collect()
}
