//! Records that are logged and do not hold: signatures, thresholds, keysets, and what a payload says.

use provenance::{
    RecordId, Sha256Digest,
    verify::{Report, open},
};

use super::{
    disk::{Disk, MIB, WEIGHTS},
    file, verdict,
    world::{NOW, Plan, World},
};

fn played(plan: Plan) -> Report {
    let world = World::build(plan);
    world.open().judge(&world.disk.seen(&world.disk))
}

#[track_caller]
fn assert_fault(plan: Plan, by: &str) -> Report {
    let report = played(plan);
    assert_eq!(
        verdict(&report),
        ("log-fault", Some("record")),
        "{}",
        report.summary
    );
    let failed = report
        .checks
        .iter()
        .find(|c| c.ok == Some(false))
        .map(|c| c.name.as_str());
    assert_eq!(failed, Some(by), "{:?}", report.checks);
    report
}

/// A plan whose record says `to` where an honest one says `from`.
fn saying(from: &'static str, to: &'static str) -> Plan {
    let edit_record = Box::new(move |text: String| {
        assert!(text.contains(from), "{from} is not in {text}");
        text.replace(from, to)
    });
    Plan {
        edit_record,
        ..Plan::default()
    }
}

#[test]
fn two_holders_who_both_signed_are_authentic() {
    let plan = Plan {
        members: vec![(1, "alice"), (2, "bob")],
        sign_threshold: 2,
        keyset_signers: vec![1, 2],
        record_signers: vec![1, 2],
        ..Plan::default()
    };
    let report = played(plan);
    assert_eq!(verdict(&report), ("authentic", None), "{:?}", report.checks);
    assert_eq!(report.identity.unwrap().signers.len(), 2);
}

#[test]
fn one_of_two_holders_is_too_few() {
    let plan = Plan {
        members: vec![(1, "alice"), (2, "bob")],
        sign_threshold: 2,
        keyset_signers: vec![1, 2],
        ..Plan::default()
    };
    let report = assert_fault(plan, "signatures");
    assert!(report.summary.contains("1 of 2 holders"), "{}", report.summary);
}

#[test]
fn two_keys_of_one_holder_are_one_holder() {
    let plan = Plan {
        members: vec![(1, "alice"), (2, "alice"), (3, "bob")],
        sign_threshold: 2,
        keyset_signers: vec![1, 2, 3],
        record_signers: vec![1, 2],
        ..Plan::default()
    };
    assert_fault(plan, "signatures");
}

#[test]
fn a_signature_by_a_key_outside_the_keyset() {
    assert_fault(
        Plan {
            record_signers: vec![7],
            ..Plan::default()
        },
        "signatures",
    );
    assert_fault(
        Plan {
            record_signers: vec![1, 7],
            ..Plan::default()
        },
        "signatures",
    );
}

#[test]
fn a_signature_with_one_bit_flipped() {
    let edit_entry = |entry: &mut provenance::entry::Entry| entry.signatures[0].signature[10] ^= 1;
    assert_fault(
        Plan {
            edit_entry,
            ..Plan::default()
        },
        "signatures",
    );
}

#[test]
fn an_entry_that_names_another_publisher_kind_or_size_than_its_payload() {
    let edits: [fn(&mut provenance::entry::Entry); 4] = [
        |entry| entry.publisher = "other.example".parse().unwrap(),
        |entry| entry.kind = provenance::statement::PROVENANCE_TYPE.into(),
        |entry| entry.size += 1,
        |entry| entry.payload = RecordId::of_payload(b"another"),
    ];
    for edit_entry in edits {
        assert_fault(
            Plan {
                edit_entry,
                ..Plan::default()
            },
            "entry",
        );
    }
}

#[test]
fn a_payload_that_names_another_publisher_than_its_entry() {
    let mut plan = saying(
        r#""weighbridge_publisher":"acme.example""#,
        r#""weighbridge_publisher":"other.example""#,
    );
    plan.edit_entry = |entry| entry.publisher = "acme.example".parse().unwrap();
    assert_fault(plan, "entry");
}

#[test]
fn a_keyset_that_one_of_its_keys_did_not_sign() {
    let plan = Plan {
        members: vec![(1, "alice"), (2, "bob")],
        ..Plan::default()
    };
    assert_fault(plan, "keyset");
    assert_fault(
        Plan {
            keyset_signers: vec![7],
            ..Plan::default()
        },
        "keyset",
    );
}

#[test]
fn a_keyset_for_another_log() {
    let report = assert_fault(
        Plan {
            keyset_origin: "elsewhere.example/log",
            ..Plan::default()
        },
        "keyset",
    );
    assert!(
        report.summary.contains("registry.example/log"),
        "{}",
        report.summary
    );
}

#[test]
fn a_record_that_is_older_than_its_keyset() {
    assert_fault(
        Plan {
            record_first: true,
            ..Plan::default()
        },
        "signatures",
    );
}

#[test]
fn a_record_that_names_another_genesis() {
    let edit_record = Box::new(|text: String| {
        let (before, after) = text.split_once(r#""weighbridge_genesis":""#).unwrap();
        format!(
            "{before}\"weighbridge_genesis\":\"{}{}",
            Sha256Digest::of(b"other"),
            &after[64..]
        )
    });
    assert_fault(
        Plan {
            edit_record,
            ..Plan::default()
        },
        "signatures",
    );
}

#[test]
fn a_manifest_with_a_hostile_path() {
    for path in [
        "../x",
        "/etc/passwd",
        "a/./b",
        "a\\\\b",
        "",
        "gpj.\u{202e}exe",
        ".",
    ] {
        let edit_record = Box::new(move |text: String| text.replace("README.md", path));
        let report = assert_fault(
            Plan {
                edit_record,
                ..Plan::default()
            },
            "statement",
        );
        assert!(
            !report.summary.contains('\u{202e}') && report.files.is_empty(),
            "{}",
            report.summary
        );
    }
}

#[test]
fn a_manifest_that_contradicts_itself() {
    let cases = [
        ("\"README.md\"", "\"Config.json\""),
        (
            "\"weighbridge_chunk_size\":4194304",
            "\"weighbridge_chunk_size\":1048576",
        ),
        ("\"weighbridge_size\":0,", "\"weighbridge_size\":1,"),
        ("\"algorithm\":\"sha256\"", "\"algorithm\":\"blake3\""),
        ("\"method\":\"files\"", "\"method\":\"shards\""),
        ("\"hash_type\":\"sha256\"", "\"hash_type\":\"blake2b\""),
        ("\"weighbridge_tensors\"", "\"weighbridge_other\""),
        ("Statement/v1", "Statement/v0.1"),
        ("\"weighbridge_version\":\"1.0\"", "\"weighbridge_version\":1.0"),
        ("\"weighbridge_publisher\"", "\"weighbridge_x\""),
    ];
    for (from, to) in cases {
        assert_fault(saying(from, to), "statement");
    }
}

#[test]
fn a_subject_digest_that_is_not_that_of_the_list() {
    for name in ["dirHash1", "sha256"] {
        let edit_record = Box::new(move |text: String| {
            let (before, after) = text.split_once(&format!("\"{name}\":\"")).unwrap();
            format!(
                "{before}\"{name}\":\"{}{}",
                Sha256Digest::of(b"other"),
                &after[64..]
            )
        });
        assert_fault(
            Plan {
                edit_record,
                ..Plan::default()
            },
            "statement",
        );
    }
}

/// A record that signs a tensor index which is not that of the file.
fn lying_index() -> Plan {
    let edit_record = Box::new(|text: String| {
        let true_digest = Disk::model().manifest().file(WEIGHTS).unwrap().tensors.unwrap();
        text.replace(&true_digest.to_string(), &Sha256Digest::of(b"[]").to_string())
    });
    Plan {
        edit_record,
        ..Plan::default()
    }
}

#[test]
fn a_signed_tensor_index_that_contradicts_the_files_own_header() {
    let report = assert_fault(lying_index(), "tensor-index");
    assert!(report.summary.contains(WEIGHTS), "{}", report.summary);
}

#[test]
fn signed_digests_that_contradict_the_bytes_whose_chunks_are_signed() {
    let listed = Disk::model().manifest().file(WEIGHTS).unwrap().clone();
    let lie = |digest: Sha256Digest| Plan {
        edit_record: Box::new(move |text: String| {
            text.replace(&digest.to_string(), &Sha256Digest::of(b"other").to_string())
        }),
        ..Plan::default()
    };
    let report = assert_fault(lie(listed.chunk0), "listed-digests");
    assert!(report.summary.contains("first chunk"), "{}", report.summary);
}

#[test]
fn a_lying_tensor_index_is_noticed_when_a_later_chunk_was_changed() {
    let world = World::build(lying_index());
    let mut disk = world.disk.clone();
    disk.bytes(WEIGHTS)[6 * MIB] ^= 1;
    let report = world.open().judge(&disk.seen(&world.disk));
    // The header's chunk matches, so its own index must be the signed one, whatever else differs.
    assert_eq!(verdict(&report), ("log-fault", Some("record")));
    assert_eq!(file(&report, WEIGHTS).chunks, [1]);
}

#[test]
fn a_record_without_files_is_not_green() {
    let world = World::honest();
    let (entry, payload) = &world.log.entries[usize::try_from(world.index - 1).unwrap()];
    let proof = world.log.record_proof(world.index - 1);
    let opened = open(
        Some(&world.trust_file(true)),
        entry.payload,
        payload,
        &proof,
        Some(NOW),
    );
    assert!(opened.fault().is_none() && opened.is_trusted());
    assert_eq!(
        verdict(&opened.judge(&world.disk.seen(&world.disk))),
        ("unknown", Some("no-files"))
    );
}
