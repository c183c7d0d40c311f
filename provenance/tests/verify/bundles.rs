//! Bundles: the same verdict as from a registry, one form only, and every defect refused by name.

use std::{collections::BTreeMap, fs, path::PathBuf, sync::OnceLock};

use proptest::{collection::vec, prelude::*, sample::Index};
use provenance::{
    RecordId,
    bundle::{BuildError, Bundle, BundleBuilder},
    verify::open,
};

use super::{
    log::ACME,
    verdict,
    world::{NOW, World},
};

const BLOCK: usize = 512;

/// A bundle of the world's record, its provenance, and all sidecars of its files.
fn bundle(world: &World) -> Bundle {
    let mut builder = BundleBuilder::new(world.log.checkpoint(world.log.size())).unwrap();
    for index in [world.index, world.index - 1] {
        let (_, payload) = &world.log.entries[usize::try_from(index).unwrap()];
        builder.record(payload, &world.log.record_proof(index)).unwrap();
    }
    for sidecar in world.disk.sidecars().into_values() {
        builder.blob(sidecar).unwrap();
    }
    builder.finish().unwrap()
}

/// The bytes of the honest world's bundle, made once.
fn honest() -> Vec<u8> {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES
        .get_or_init(|| bundle(&World::honest()).as_bytes().to_vec())
        .clone()
}

/// Name and content of every member, in order, read by nothing but the positions of sizes and names.
fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut at, mut found) = (0, Vec::new());
    while bytes[at] != 0 {
        let text = |range: std::ops::Range<usize>| {
            let text = std::str::from_utf8(&bytes[at..][range]).unwrap();
            text.trim_end_matches('\0').to_owned()
        };
        let (name, size) = (text(0..100), usize::from_str_radix(&text(124..136), 8).unwrap());
        found.push((name, bytes[at + BLOCK..][..size].to_vec()));
        at += BLOCK + size.next_multiple_of(BLOCK);
    }
    found
}

/// An archive of `members` in the form of a bundle, whatever they are.
fn archive(members: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in members {
        let mut header = [0_u8; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        for (at, text) in [
            (100, "0000644\0".to_owned()),
            (108, "0000000\0".to_owned()),
            (116, "0000000\0".to_owned()),
            (124, format!("{:011o}\0", data.len())),
            (136, "00000000000\0".to_owned()),
            (148, "        0".to_owned()),
            (257, "ustar\x0000".to_owned()),
        ] {
            header[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend_from_slice(data);
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// What is told of the honest bundle after `edit` has bent its members.
fn refusal(edit: impl FnOnce(&mut BTreeMap<String, Vec<u8>>)) -> String {
    let mut members: BTreeMap<_, _> = members(&honest()).into_iter().collect();
    edit(&mut members);
    let members: Vec<_> = members.into_iter().collect();
    Bundle::parse(archive(&members)).unwrap_err().to_string()
}

#[test]
fn a_bundle_gives_what_the_registry_gives_and_the_same_verdict() {
    let world = World::honest();
    let bundle = bundle(&world);
    assert_eq!(bundle.payload(&world.record()), Some(world.payload.as_slice()));
    assert_eq!(bundle.proof(&world.record()), Some(world.proof.clone()));
    for (digest, sidecar) in world.disk.sidecars() {
        assert_eq!(bundle.blob(&digest), Some(sidecar.as_slice()));
    }
    let payload = bundle.payload(&world.record()).unwrap();
    let proof = bundle.proof(&world.record()).unwrap();
    let opened = open(
        Some(&world.trust_file(true)),
        world.record(),
        payload,
        &proof,
        Some(NOW),
    );
    assert_eq!(
        verdict(&opened.judge(&world.disk.seen(&world.disk))),
        ("authentic", None)
    );
}

#[test]
fn records_are_listed_in_the_order_of_the_log() {
    let world = World::honest();
    let bundle = bundle(&world);
    let records = bundle.records();
    let training = RecordId::of_payload(&world.log.entries[usize::try_from(world.index).unwrap() - 1].1);
    assert_eq!(records, [world.genesis, training, world.record()]);
    let control: Vec<_> = records.iter().map(|id| bundle.is_control(id)).collect();
    assert_eq!(control, [true, false, false]);
    assert_eq!(bundle.checkpoint().head.size.get(), world.log.size());
}

#[test]
fn what_is_read_is_written_as_it_was() {
    let bytes = honest();
    assert_eq!(Bundle::parse(bytes.clone()).unwrap().as_bytes(), bytes);
    assert_eq!(archive(&members(&bytes)), bytes);
}

#[test]
fn a_record_with_a_part_missing_is_not_listed() {
    let world = World::honest();
    let all = members(bundle(&world).as_bytes());
    let record = world.record();
    for part in [
        format!("entry/{}", world.index),
        format!("payload/{record}"),
        format!("proof/{}.tlog-proof", world.index),
        format!("state/{ACME}"),
    ] {
        let rest: Vec<_> = all.iter().filter(|(name, _)| *name != part).cloned().collect();
        assert_eq!(rest.len() + 1, all.len(), "{part}");
        let bundle = Bundle::parse(archive(&rest)).unwrap();
        assert!(!bundle.records().contains(&record), "{part}");
    }
}

#[test]
fn a_keyset_that_is_left_out_is_noticed_by_the_verdict() {
    let world = World::honest();
    let genesis = world.genesis;
    let mut all = members(bundle(&world).as_bytes());
    all.retain(|(name, _)| *name != format!("payload/{genesis}"));
    let bundle = Bundle::parse(archive(&all)).unwrap();
    let proof = bundle.proof(&world.record()).unwrap();
    let opened = open(
        Some(&world.trust_file(true)),
        world.record(),
        &world.payload,
        &proof,
        Some(NOW),
    );
    assert_eq!(opened.stale().map(|standing| standing.subtype), Some("withheld"));
}

#[test]
fn content_is_what_its_name_says() {
    for folder in ["blob/", "payload/"] {
        let told = refusal(|members| {
            let (_, data) = members
                .iter_mut()
                .find(|(name, _)| name.starts_with(folder))
                .unwrap();
            data.push(b' ');
        });
        assert!(
            told.starts_with(folder) && told.contains("content has the SHA-256"),
            "{told}"
        );
    }
    let world = World::honest();
    let (entry, proof) = (
        format!("entry/{}", world.index),
        format!("proof/{}.tlog-proof", world.index),
    );
    let told = refusal(|members| members.get_mut(&entry).unwrap().truncate(40));
    assert!(told.starts_with(&entry), "{told}");
    let told = refusal(|members| {
        let other = members[&format!("proof/{}.tlog-proof", world.index - 1)].clone();
        members.insert(proof.clone(), other);
    });
    assert!(
        told.starts_with(&proof) && told.contains("it is for entry/"),
        "{told}"
    );
    let told = refusal(|members| {
        let state = members.remove(&format!("state/{ACME}")).unwrap();
        members.insert("state/other.example".into(), state);
    });
    assert!(told.contains("it is for state/acme.example"), "{told}");
}

#[test]
fn a_proof_to_another_checkpoint_is_refused() {
    let world = World::honest();
    let older = world.log.proof_at(world.index, world.log.size() - 1).to_string();
    let name = format!("proof/{}.tlog-proof", world.index);
    let told = refusal(|members| drop(members.insert(name.clone(), older.into_bytes())));
    assert!(
        told.starts_with(&name) && told.contains("not the one of the bundle"),
        "{told}"
    );
    let told = refusal(|members| drop(members.remove("checkpoint")));
    assert!(told.contains("not the one of the bundle"), "{told}");
    let told = Bundle::parse(archive(&[])).unwrap_err().to_string();
    assert!(
        told.starts_with("checkpoint") && told.contains("missing"),
        "{told}"
    );
}

#[test]
fn nothing_unauthenticated_rides_along() {
    let world = World::honest();
    let mut proof = world.log.proof_at(world.index, world.log.size());
    proof.extra = Some(b"hello".to_vec());
    let name = format!("proof/{}.tlog-proof", world.index);
    let told = refusal(|members| drop(members.insert(name, proof.to_string().into_bytes())));
    assert!(told.contains("extra"), "{told}");
    for name in ["trust", "readme", "blob/readme", "entry/7/x", "../x", "state/"] {
        let told = refusal(|members| drop(members.insert(name.into(), b"log x".to_vec())));
        assert!(
            told.starts_with(name) && told.contains("no member of that name"),
            "{told}"
        );
    }
}

#[test]
fn one_record_has_one_entry() {
    let world = World::honest();
    let entry = format!("entry/{}", world.index);
    let told = refusal(|members| {
        let twin = members[&entry].clone();
        members.insert("entry/99".into(), twin);
    });
    assert!(told.contains("the same payload"), "{told}");
}

#[test]
fn a_log_that_grew_meanwhile_is_no_bundle() {
    let world = World::honest();
    let mut builder = BundleBuilder::new(world.log.checkpoint(world.log.size() - 1)).unwrap();
    let error = builder.record(&world.payload, &world.proof).unwrap_err();
    assert!(matches!(error, BuildError::OtherView { .. }), "{error}");
}

#[test]
fn proofs_that_differ_in_cosignatures_only_become_one() {
    let mut world = World::honest();
    world.log.cosignatures = vec![(1, NOW)];
    let note = world.log.checkpoint(world.log.size());
    world.log.cosignatures = vec![(1, NOW + 600), (2, NOW)];
    let mut builder = BundleBuilder::new(note.clone()).unwrap();
    builder
        .record(&world.payload, &world.log.record_proof(world.index))
        .unwrap();
    assert_eq!(*builder.finish().unwrap().note(), note);
}

/// The folder of the vector that another implementation of tar packed.
fn vector() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../tests/vectors/bundle")
}

#[test]
fn the_bundle_packed_by_python_is_the_one_packed_here() {
    let bytes = fs::read(vector().join("tiny.weighbridge")).unwrap();
    let world = World::honest();
    assert_eq!(bundle(&world).as_bytes(), bytes);
    let read = Bundle::parse(bytes).unwrap();
    let (payload, proof) = (
        read.payload(&world.record()).unwrap(),
        read.proof(&world.record()).unwrap(),
    );
    let opened = open(
        Some(&world.trust_file(true)),
        world.record(),
        payload,
        &proof,
        Some(NOW),
    );
    assert_eq!(
        verdict(&opened.judge(&world.disk.seen(&world.disk))),
        ("authentic", None)
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_bundle_cut_anywhere_is_refused(at in any::<Index>()) {
        let bytes = honest();
        let cut = bytes[..at.index(bytes.len())].to_vec();
        prop_assert!(Bundle::parse(cut).is_err());
    }

    #[test]
    fn a_changed_bundle_is_refused_or_has_one_form(
        edits in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = honest();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if let Ok(read) = Bundle::parse(bytes.clone()) {
            prop_assert_eq!(read.as_bytes(), &bytes);
            prop_assert_eq!(archive(&members(&bytes)), bytes);
            for id in read.records() {
                prop_assert!(read.payload(&id).is_some() && read.proof(&id).is_some());
            }
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(Bundle::parse(bytes).is_err());
    }
}
