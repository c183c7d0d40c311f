//! Slow oracles: the same question answered from the definition, without the data structures of the product.

use std::collections::BTreeMap;

use caseless::default_case_fold_str;
use proptest::{collection::vec, prelude::*, sample::select};
use provenance::{
    PublisherName, RecordId, Sha256Digest, Sha256Hasher,
    chunk::{CHUNK_SIZE, ChunkList},
    manifest::{Manifest, ManifestFile},
    merkle::{LeafHash, TreeHead, TreeSize, node_hash},
    path::{MAX_PATH_BYTES, RelativePath},
    state::{StateLeaf, StateLine, StateTree},
    statement::KEYSET_TYPE,
};
use unicode_normalization::UnicodeNormalization as _;

use super::config;

/// MTH(D[n]) of RFC 6962 section 2.1.
fn mth(leaves: &[LeafHash]) -> Sha256Digest {
    match leaves {
        [] => Sha256Digest::of(b""),
        [leaf] => *leaf.digest(),
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            node_hash(&mth(left), &mth(right))
        }
    }
}

/// A state leaf as docs/SPEC.md section 7 writes it down.
fn leaf_text(name: &str, lines: &[(u64, Sha256Digest)]) -> String {
    let row = |(index, payload): &(u64, Sha256Digest)| format!("{index} {KEYSET_TYPE} {payload} -\n");
    format!("{name}\n{}", lines.iter().map(row).collect::<String>())
}

/// Which of a handful of names each entry of a log is about: few names, so that leaves grow, and up to forty, so that
/// trees of every shape around 1, 2, 4, 8, 16 and 32 leaves come up.
fn events() -> impl Strategy<Value = Vec<u8>> {
    (1..40_u8).prop_flat_map(|names| vec(0..names, 0..80))
}

fn publisher(n: u8) -> PublisherName {
    format!("p{n}.example").parse().unwrap()
}

/// Characters that mean something to a path.
fn path_text() -> impl Strategy<Value = String> {
    let piece = select(vec![
        "a",
        "b",
        "A",
        ".",
        "..",
        "/",
        "//",
        "\\",
        " ",
        "\0",
        "\n",
        "\u{7f}",
        "\u{85}",
        "é",
        "e\u{301}",
        "\u{301}",
        "ß",
        "ss",
        "ẞ",
        "K",
        "\u{212a}",
        "ﬁ",
        "ŉ",
        "\u{130}",
        "\u{202e}",
        "\u{200b}",
        "\u{ad}",
        "\u{feff}",
        "\u{fe0f}",
        "\u{e0041}",
        "\u{115f}",
        "\u{3164}",
        "한",
        "\u{1112}\u{1161}",
        "C:",
        "con",
        "～",
    ]);
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

/// Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt) of the characters of [`path_text`], and what
/// docs/SPEC.md section 3 adds.
const HIDDEN: &str = "\0\n\u{7f}\u{85}\u{202e}\u{200b}\u{ad}\u{feff}\u{fe0f}\u{e0041}\u{115f}\u{3164}";

/// The rules of docs/SPEC.md section 3, one after the other.
fn is_path(text: &str) -> bool {
    let mut components = text.split('/');
    (1..=MAX_PATH_BYTES).contains(&text.len())
        && !text.contains('\\')
        && !text.chars().any(|c| HIDDEN.contains(c))
        && text.nfc().eq(text.chars())
        && components.all(|component| !["", ".", ".."].contains(&component))
}

/// The name that a file system without case knows.
fn folded(path: &str) -> String {
    let folded = default_case_fold_str(&path.nfd().collect::<String>());
    default_case_fold_str(&folded.nfd().collect::<String>())
        .nfc()
        .collect()
}

/// Whether two paths cannot stand in one manifest: the same name, or one a folder of the other, whatever their case.
fn collide(a: &str, b: &str) -> bool {
    let (a, b) = (folded(a), folded(b));
    a == b || b.starts_with(&format!("{a}/")) || a.starts_with(&format!("{b}/"))
}

fn listed(path: &str) -> ManifestFile {
    ManifestFile {
        path: path.parse().unwrap(),
        size: 1,
        sha256: Sha256Digest::of(b"x"),
        chunks: Sha256Digest::of(Sha256Digest::of(b"x").as_bytes()),
        chunk0: Sha256Digest::of(b"x"),
        tensors: None,
    }
}

/// Chunk digests as they are computed in one pass, with `piece` bytes at a time.
fn streamed(bytes: &[u8], piece: usize) -> (ChunkList, Sha256Digest) {
    let size = usize::try_from(CHUNK_SIZE).unwrap();
    let (mut digests, mut whole, mut chunk, mut held) = (vec![], Sha256Hasher::new(), Sha256Hasher::new(), 0);
    for mut read in bytes.chunks(piece) {
        whole.update(read);
        while !read.is_empty() {
            let (now, later) = read.split_at(read.len().min(size - held));
            chunk.update(now);
            held += now.len();
            read = later;
            if held == size {
                digests.push(std::mem::replace(&mut chunk, Sha256Hasher::new()).finish());
                held = 0;
            }
        }
    }
    if held > 0 {
        digests.push(chunk.finish());
    }
    (ChunkList::new(digests), whole.finish())
}

#[test]
fn chunks_in_one_pass_are_those_of_the_whole_at_every_edge() {
    let size = usize::try_from(CHUNK_SIZE).unwrap();
    let bytes: Vec<u8> = (0..=2 * size)
        .map(|at| u8::try_from(at * at % 251).unwrap())
        .collect();
    for length in [
        0,
        1,
        size - 1,
        size,
        size + 1,
        2 * size - 1,
        2 * size,
        2 * size + 1,
    ] {
        let bytes = &bytes[..length];
        let slow = ChunkList::new(bytes.chunks(size).map(Sha256Digest::of).collect());
        for piece in [size + 1, size, size - 1, 65_537] {
            assert_eq!(
                streamed(bytes, piece),
                (slow.clone(), Sha256Digest::of(bytes)),
                "{length} by {piece}"
            );
        }
        let size = length as u64;
        assert_eq!(ChunkList::from_bytes(&slow.to_bytes(), size), Ok(slow.clone()));
        for other in [size + CHUNK_SIZE, size.saturating_sub(CHUNK_SIZE)]
            .into_iter()
            .filter(|other| *other != size)
        {
            assert!(
                ChunkList::from_bytes(&slow.to_bytes(), other).is_err()
                    || other.div_ceil(CHUNK_SIZE) == size.div_ceil(CHUNK_SIZE)
            );
        }
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn the_state_is_that_of_a_slow_recomputation(events in events(), payload in any::<[u8; 32]>()) {
        let payload = Sha256Digest::from_bytes(payload);
        let (mut tree, mut slow) = (StateTree::new(), BTreeMap::<String, Vec<(u64, Sha256Digest)>>::new());
        for (index, n) in (0..).zip(&events) {
            let line = StateLine { index, kind: KEYSET_TYPE.into(), payload: RecordId::from_digest(payload), target: None };
            tree.append(publisher(*n), line);
            slow.entry(publisher(*n).to_string()).or_default().push((index, payload));
        }
        let leaves: Vec<String> = slow.iter().map(|(name, lines)| leaf_text(name, lines)).collect();
        let hashes: Vec<LeafHash> = leaves.iter().map(|leaf| LeafHash::of(leaf.as_bytes())).collect();
        prop_assert_eq!(tree.root(), mth(&hashes).into());
        for (at, name) in slow.keys().enumerate() {
            let proof = tree.prove(&name.parse().unwrap()).unwrap();
            prop_assert_eq!(String::from_utf8(proof.data.clone()).unwrap(), leaves[at].clone());
            let head = TreeHead { size: TreeSize::new(leaves.len() as u64), root: mth(&hashes).into() };
            prop_assert_eq!((proof.leaves, proof.index.get()), (head.size, at as u64));
            prop_assert_eq!(proof.proof.verify(&head, proof.index, &hashes[at]), Ok(()));
            // The proof is for no other leaf, and for no other place.
            let other = hashes[(at + 1) % hashes.len()];
            prop_assert!(other == hashes[at] || proof.proof.verify(&head, proof.index, &other).is_err());
            prop_assert_eq!(StateLeaf::parse(leaves[at].as_bytes()).unwrap().lines, tree.lines(&name.parse().unwrap()));
        }
        prop_assert_eq!(tree.prove(&"absent.example".parse().unwrap()), None);
    }

    #[test]
    fn a_path_is_what_the_rules_say_one_by_one(text in path_text()) {
        prop_assert_eq!(text.parse::<RelativePath>().is_ok(), is_path(&text), "{:?}", text);
    }

    #[test]
    fn a_manifest_is_refused_when_any_two_paths_collide(texts in vec(path_text(), 1..5)) {
        let mut paths: Vec<String> = texts.into_iter().filter(|text| is_path(text)).collect();
        paths.sort();
        paths.dedup();
        let mut pairs = paths.iter().enumerate().flat_map(|(at, a)| paths[at + 1..].iter().map(move |b| (a, b)));
        let slow = !paths.is_empty() && !pairs.any(|(a, b)| collide(a, b));
        let manifest = Manifest::new(paths.iter().map(|path| listed(path)).collect());
        prop_assert_eq!(manifest.is_ok(), slow, "{:?}: {:?}", paths, manifest);
    }
}
