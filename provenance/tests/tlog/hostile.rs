//! Bytes from strangers: nothing panics, and what is accepted has exactly one spelling.

use proptest::prelude::*;
use provenance::{
    checkpoint::Checkpoint,
    cosignature::cosignature,
    merkle::{
        InclusionProof, LeafIndex,
        tile::{BundleError, TileCoord, decode_bundle, encode_bundle},
    },
    note::{SignedNote, VerifierKey},
    tlog_proof::{MAX_TLOG_PROOF_BYTES, TlogProof, TlogProofError},
    trust::TrustFile,
};

use super::{changed, changes, checkpoint, log_key, tree, witness};

fn proof(extra: Option<&[u8]>) -> TlogProof {
    let (tree, index) = (tree(11), LeafIndex::new(3));
    let proof = InclusionProof::prove(&tree, tree.size(), index).unwrap();
    TlogProof {
        extra: extra.map(<[u8]>::to_vec),
        index,
        proof,
        checkpoint: checkpoint(11, &[(1, 100)]),
    }
}

#[test]
fn proofs_with_and_without_extra_data_come_back_as_they_were() {
    for extra in [None, Some(&b""[..]), Some(&[0, 255, 10])] {
        let proof = proof(extra);
        assert_eq!(TlogProof::parse(&proof.to_string()), Ok(proof));
    }
    let one = TlogProof {
        index: LeafIndex::new(0),
        proof: InclusionProof::default(),
        ..proof(None)
    };
    assert_eq!(TlogProof::parse(&one.to_string()), Ok(one));
}

#[test]
fn proofs_that_are_not_quite_right_are_refused_by_line() {
    let text = proof(Some(b"extra")).to_string();
    let hash = text.lines().nth(3).unwrap();
    let line = |text: &str| match TlogProof::parse(text) {
        Err(TlogProofError::Line { line, .. }) => line,
        other => panic!("{other:?} for {text}"),
    };
    assert_eq!(line(&text.replacen("@v1", "@v2", 1)), 1);
    assert_eq!(line(&text.replacen("c2sp", " c2sp", 1)), 1);
    assert_eq!(line(&text.replacen("extra ", "extra  ", 1)), 2);
    assert_eq!(line(&text.replacen("extra ", "Extra ", 1)), 2);
    assert_eq!(line(&text.replacen("ZXh0cmE=", "ZXh0cmE", 1)), 2);
    assert_eq!(line(&text.replacen("index 3", "index 03", 1)), 3);
    assert_eq!(line(&text.replacen("index 3", "index -3", 1)), 3);
    assert_eq!(line(&text.replacen("index 3", "index 3 ", 1)), 3);
    assert_eq!(line(&text.replacen("index 3\n", "", 1)), 3);
    assert_eq!(line(&text.replacen("index 3", "index 9223372036854775808", 1)), 3);
    assert_eq!(line(&text.replacen(hash, &hash[1..], 1)), 4);
    assert_eq!(
        line(&text.replacen(hash, &format!("{hash}\n{}", "A".repeat(44)), 1)),
        5
    );
    assert_eq!(line(&text.replacen("\nindex", "\r\nindex", 1)), 2);
    let many = format!("{hash}\n").repeat(64);
    assert_eq!(line(&text.replacen(&format!("{hash}\n"), &many, 1)), 67);
    assert_eq!(line(&text.replace("\n\n", "\n")), 1);
}

#[test]
fn proofs_whose_checkpoint_is_missing_or_cut_are_refused() {
    let text = proof(None).to_string();
    let (head, note) = text.split_once("\n\n").unwrap();
    for bad in [
        format!("{head}\n\n"),
        format!("{head}\n\n\n{note}"),
        format!("{head}\n\n{}", note.trim_end()),
    ] {
        let refused = TlogProof::parse(&bad);
        let signed = refused
            .as_ref()
            .is_ok_and(|p| Checkpoint::parse(p.checkpoint.text()).is_ok());
        assert!(!signed, "{bad}");
    }
    let long = format!("{head}\n\n{}", "x".repeat(MAX_TLOG_PROOF_BYTES));
    assert!(matches!(
        TlogProof::parse(&long),
        Err(TlogProofError::TooLong { .. })
    ));
}

#[test]
fn a_second_empty_line_makes_another_text_and_no_checkpoint() {
    let note = checkpoint(5, &[]).to_string();
    let doubled = SignedNote::parse(&note.replacen("\n\n", "\n\n\n", 1)).unwrap();
    assert!(doubled.verify(&[log_key().verifier().clone()]).is_err());
    assert!(Checkpoint::parse(doubled.text()).is_err());
}

#[test]
fn a_line_of_post_quantum_witnesses_is_skipped() {
    let note = checkpoint(5, &[(1, 100)]).to_string();
    // Key type 0x06: four bytes of key id, eight of time, 2,420 of signature.
    let mldsa = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, [7; 4 + 8 + 2420]);
    let with = format!("{note}\u{2014} witness.example/pq {mldsa}\n");
    let read = SignedNote::parse(&with).unwrap();
    assert_eq!(read.to_string(), with);
    assert_eq!(read.verify(&[log_key().verifier().clone()]), Ok(vec![0]));
    assert_eq!(
        cosignature(witness(1).verifier(), &read).unwrap().unwrap().time,
        100
    );
}

#[test]
fn a_bundle_cut_anywhere_is_refused() {
    let entries = [&b"one"[..], b"", b"three"];
    let bytes = encode_bundle(entries).unwrap();
    for cut in 0..bytes.len() {
        assert!(decode_bundle(&bytes[..cut], 3).is_err(), "{cut}");
    }
    assert!(matches!(
        decode_bundle(&bytes, 2),
        Err(BundleError::Count {
            expected: 2,
            found: 3
        })
    ));
    assert!(matches!(
        decode_bundle(&bytes, 4),
        Err(BundleError::Count {
            expected: 4,
            found: 3
        })
    ));
    let long = vec![0; 65_536];
    assert_eq!(encode_bundle([&long[1..]]).map(|bytes| bytes.len()), Ok(65_537));
    assert_eq!(
        encode_bundle([&long[..]]),
        Err(BundleError::EntryTooLong { found: 65_536 })
    );
}

/// A trust file that uses every kind of line.
fn trust_text() -> String {
    format!(
        "# whom I trust\nlog {} https://log.example/log\nwitness a {}\nwitness b {} https://b.example\n\
         group both 2 a b\nquorum both\nmax_age 12h\npublisher acme.example {}\n",
        log_key().verifier(),
        witness(1).verifier(),
        witness(2).verifier(),
        "ab".repeat(32),
    )
}

proptest! {
    #[test]
    fn a_changed_proof_is_refused_or_is_another_proof(changes in changes()) {
        let text = changed(&proof(Some(b"x")).to_string(), &changes);
        if let Ok(read) = TlogProof::parse(&text) {
            prop_assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn a_changed_cosignature_does_not_verify(changes in changes()) {
        let note = checkpoint(5, &[(1, 100)]);
        let text = changed(&note.to_string(), &changes);
        if let Ok(read) = SignedNote::parse(&text) {
            let found = cosignature(witness(1).verifier(), &read);
            if let Ok(Some(found)) = found {
                prop_assert_eq!((found.time, read.text()), (100, note.text()));
            }
        }
    }

    #[test]
    fn a_changed_trust_file_is_refused_or_keeps_its_text(changes in changes()) {
        let text = changed(&trust_text(), &changes);
        if let Ok(file) = TrustFile::parse(&text) {
            prop_assert_eq!(file.to_string(), text);
            prop_assert!(!file.logs().is_empty());
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", lines in "[a-z0-9+/=\\n\u{2014} ]{0,300}") {
        for text in [&text, &lines] {
            let _ = SignedNote::parse(text);
            let _ = Checkpoint::parse(text);
            let _ = text.parse::<VerifierKey>();
            let _ = TlogProof::parse(text);
            let _ = TrustFile::parse(text);
            if let Ok(coord) = TileCoord::parse(text) {
                prop_assert_eq!(&coord.to_string(), text);
            }
        }
    }

    #[test]
    fn a_bundle_is_read_in_one_way_only(bytes in prop::collection::vec(prop_oneof![3 => Just(0_u8), 1 => any::<u8>()], 0..64), width in 0_u16..300) {
        if let Ok(entries) = decode_bundle(&bytes, width) {
            prop_assert_eq!(entries.len(), usize::from(width));
            prop_assert_eq!(encode_bundle(entries.iter().map(Vec::as_slice)).unwrap(), bytes);
        }
    }
}
