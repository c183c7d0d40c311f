//! The worked example of a five-entry log (tests/vectors/tlog), made by independent Go and Python
//! implementations: everything in it is made again here, byte for byte.
//!
//! The same tests run natively and, under `wasm-bindgen-test-runner`, as wasm32 in node:
//!
//! ```text
//! CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER=wasm-bindgen-test-runner \
//!   cargo test --target wasm32-unknown-unknown -p weighbridge-provenance --test tlog_fixtures
//! ```
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

#[cfg(not(target_family = "wasm"))]
use core::prelude::v1::test as case;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as case;

use provenance::{
    Sha256Digest,
    checkpoint::Checkpoint,
    cosignature::{cosign, cosignature},
    merkle::{
        ConsistencyProof, Frontier, InclusionProof, LeafHash, LeafIndex, MemoryTree, TreeHead, TreeSize,
        tile::{
            TileCoord, TileKind, bundles_for_growth, decode_bundle, encode_bundle, tile_bytes,
            tiles_for_growth,
        },
    },
    note::{NoteAlgorithm, NoteSigner, SignedNote, VerifierKey},
    tlog_proof::TlogProof,
    trust::{Freshness, TrustFile},
};
use serde_json::Value;

/// A file of the example.
macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../tests/vectors/tlog/", $name)).as_slice()
    };
}

const LEAVES: [&[u8]; 5] = [
    fixture!("leaf-0"),
    fixture!("leaf-1"),
    fixture!("leaf-2"),
    fixture!("leaf-3"),
    fixture!("leaf-4"),
];

const PROOFS: [&[u8]; 5] = [
    fixture!("proof-0.tlog-proof"),
    fixture!("proof-1.tlog-proof"),
    fixture!("proof-2.tlog-proof"),
    fixture!("proof-3.tlog-proof"),
    fixture!("proof-4.tlog-proof"),
];

const SIZE: TreeSize = TreeSize::new(5);

fn vectors() -> Value {
    serde_json::from_slice(fixture!("vectors.json")).unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn signer(name: &str, algorithm: NoteAlgorithm, seed: &str) -> NoteSigner {
    let mut bytes = [0; 32];
    hex::decode_to_slice(vectors()[seed].as_str().unwrap(), &mut bytes).unwrap();
    NoteSigner::from_seed(name.parse().unwrap(), algorithm, &bytes).unwrap()
}

fn log() -> NoteSigner {
    signer("registry.example/log", NoteAlgorithm::Ed25519, "log_seed_hex")
}

fn witness() -> NoteSigner {
    signer(
        "witness.example/w1",
        NoteAlgorithm::CosignatureV1,
        "witness_seed_hex",
    )
}

fn tree() -> MemoryTree {
    let mut tree = MemoryTree::new();
    for leaf in LEAVES {
        tree.push(LeafHash::of(leaf));
    }
    tree
}

/// A list of base64 hashes of the vectors.
fn hashes(list: &Value) -> Vec<Sha256Digest> {
    let hash = |item: &Value| Sha256Digest::from_base64(item.as_str().unwrap()).unwrap();
    list.as_array().unwrap().iter().map(hash).collect()
}

#[case]
fn both_verifier_keys_follow_from_their_seeds() {
    for (signer, name) in [(log(), "log_vkey"), (witness(), "witness_vkey")] {
        let vkey = vectors()[name].as_str().unwrap().to_owned();
        assert_eq!(signer.verifier().to_string(), vkey);
        assert_eq!(vkey.parse::<VerifierKey>().unwrap(), *signer.verifier());
    }
}

#[case]
fn entries_have_the_leaf_hashes() {
    let vectors = vectors();
    for (at, leaf) in LEAVES.iter().enumerate() {
        assert_eq!(hex::encode(leaf), vectors["entries_hex"][at].as_str().unwrap());
        let hash = LeafHash::of(leaf).digest().to_string();
        assert_eq!(hash, vectors["leaf_hashes"][at].as_str().unwrap());
    }
}

#[case]
fn the_tree_has_the_root_however_it_is_computed() {
    let expected = vectors()["root_hex"].as_str().unwrap().to_owned();
    assert_eq!(tree().head().root.to_string(), expected);
    let mut frontier = Frontier::new();
    for leaf in LEAVES {
        frontier.push(LeafHash::of(leaf));
    }
    assert_eq!(frontier.tree_head(), tree().head());
    let empty = vectors()["empty_root_hex"].as_str().unwrap().to_owned();
    assert_eq!(MemoryTree::new().head().root.to_string(), empty);
    assert_eq!(TreeHead::EMPTY.root.to_string(), empty);
}

#[case]
fn the_checkpoint_is_signed_and_cosigned_byte_for_byte() {
    let checkpoint = Checkpoint {
        origin: "registry.example/log".parse().unwrap(),
        head: tree().head(),
        extensions: vec![],
    };
    let mut note = checkpoint.sign(&log());
    let time = vectors()["cosignature_time"].as_u64().unwrap();
    let line = cosign(&witness(), &note, time).unwrap();
    note.add(line);
    assert_eq!(note.to_string(), text(fixture!("checkpoint")));
}

#[case]
fn the_checkpoint_verifies_and_says_when_it_was_cosigned() {
    let note = SignedNote::parse(text(fixture!("checkpoint"))).unwrap();
    assert_eq!(note.verify(&[log().verifier().clone()]), Ok(vec![0]));
    let found = cosignature(witness().verifier(), &note).unwrap().unwrap();
    assert_eq!(
        (found.witness.as_str(), found.time),
        ("witness.example/w1", 1_767_225_600)
    );
    let trust = format!(
        "log {}\nwitness w {}\nquorum w\nmax_age 1h\n",
        log().verifier(),
        witness().verifier()
    );
    let trusted = TrustFile::parse(&trust).unwrap().check_checkpoint(&note).unwrap();
    assert_eq!(*trusted.head(), tree().head());
    assert_eq!(trusted.freshness(Some(found.time + 3600)), Freshness::Fresh);
    assert_ne!(trusted.freshness(Some(found.time + 3601)), Freshness::Fresh);
}

#[case]
fn every_inclusion_proof_is_made_and_verified() {
    let (vectors, tree) = (vectors(), tree());
    for (at, leaf) in (0..).zip(LEAVES) {
        let index = LeafIndex::new(at);
        let proof = InclusionProof::prove(&tree, SIZE, index).unwrap();
        assert_eq!(proof.hashes, hashes(&vectors["inclusion_proofs"][at.to_string()]));
        assert_eq!(proof.verify(&tree.head(), index, &LeafHash::of(leaf)), Ok(()));
        assert!(
            proof
                .verify(&tree.head(), index, &LeafHash::of(b"another"))
                .is_err()
        );
    }
}

#[case]
fn every_consistency_proof_is_made_and_verified() {
    let (vectors, tree) = (vectors(), tree());
    let listed = vectors["consistency_proofs"].as_object().unwrap();
    assert_eq!(listed.len(), 4);
    for (sizes, list) in listed {
        let old: TreeSize = sizes.strip_suffix("->5").unwrap().parse().unwrap();
        let proof = ConsistencyProof::prove(&tree, old, SIZE).unwrap();
        assert_eq!(proof.hashes, hashes(list), "{sizes}");
        let head = tree.head_at(old).unwrap();
        assert_eq!(proof.verify(&head, &tree.head()), Ok(()), "{sizes}");
        assert!(
            proof
                .verify(&tree.head_at(TreeSize::new(5)).unwrap(), &head)
                .is_err()
        );
    }
}

#[case]
fn every_proof_file_is_read_written_and_holds() {
    let trust = TrustFile::parse(&format!("log {}\nquorum none\n", log().verifier())).unwrap();
    for (at, (file, leaf)) in (0..).zip(PROOFS.into_iter().zip(LEAVES)) {
        let proof = TlogProof::parse(text(file)).unwrap();
        assert_eq!(proof.to_string(), text(file));
        let head = *trust.check_checkpoint(&proof.checkpoint).unwrap().head();
        assert_eq!((proof.index.get(), head.size), (at, SIZE));
        assert_eq!(
            proof.proof.verify(&head, proof.index, &LeafHash::of(leaf)),
            Ok(())
        );
        // And made from nothing but the tree and the checkpoint.
        let again = TlogProof {
            extra: None,
            index: LeafIndex::new(at),
            proof: InclusionProof::prove(&tree(), SIZE, LeafIndex::new(at)).unwrap(),
            checkpoint: SignedNote::parse(text(fixture!("checkpoint"))).unwrap(),
        };
        assert_eq!(again.to_string(), text(file));
    }
}

#[case]
fn the_tile_and_the_bundle_are_the_files() {
    let tiles = tiles_for_growth(TreeSize::new(0), SIZE);
    let paths: Vec<_> = tiles.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["tile/0/000.p/5"]);
    assert_eq!(
        tile_bytes(&tree(), 0, tiles[0].index, tiles[0].width).unwrap(),
        fixture!("tile/0/000.p/5")
    );

    let bundles = bundles_for_growth(TreeSize::new(0), SIZE);
    let paths: Vec<_> = bundles.iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["tile/entries/000.p/5"]);
    let bundle = fixture!("tile/entries/000.p/5");
    assert_eq!(encode_bundle(LEAVES).unwrap(), bundle);
    assert_eq!(decode_bundle(bundle, 5).unwrap(), LEAVES);
    assert_eq!(
        hex::encode(bundle),
        vectors()["entry_bundle_hex"].as_str().unwrap()
    );
}

#[case]
fn tile_paths_are_those_of_the_vectors() {
    let vectors = vectors();
    for (index, path) in vectors["paths"].as_object().unwrap() {
        let tile = TileCoord {
            kind: TileKind::Hashes(0),
            index: index.parse().unwrap(),
            width: 256,
        };
        let path = path.as_str().unwrap();
        assert_eq!(
            (tile.to_string().as_str(), TileCoord::parse(path)),
            (path, Ok(tile))
        );
    }
}
