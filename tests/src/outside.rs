//! The log as an outsider sees it: checkpoint, tiles and entries over plain HTTP, checked with `provenance`.

use std::{cell::RefCell, collections::BTreeMap, convert::Infallible};

use provenance::{
    checkpoint::Checkpoint,
    entry::Entry,
    keyset::Keyset,
    merkle::{
        ConsistencyProof, HashReader, InclusionProof, LeafHash, LeafIndex, MemoryTree, TreeHead, TreeSize,
        tile::{TileCoord, TileHashReader, TileKind, decode_bundle, tile_bytes},
    },
    note::{SignedNote, VerifierKey},
    record::{Body, Record},
    state::{StateLine, StateTree, is_control_kind},
};

use crate::http::Client;

/// Most entries in a bundle and hashes in a tile.
const WIDTH: u64 = 256;

/// A log seen from outside, every part of it checked.
#[derive(Debug)]
pub struct OutsideView {
    /// Size and root of the checkpoint.
    pub head: TreeHead,
    /// Every entry.
    pub entries: Vec<Entry>,
    /// The tree over them.
    pub tree: MemoryTree,
}

/// Reads the whole log at `client`, signed by `log_key`, and checks every signature, hash, tile and state root.
pub fn read_whole_log(client: &Client, log_key: &str) -> OutsideView {
    let view = read_tree(client, log_key);
    check_state_roots(client, &view.entries);
    check_proofs_from_tiles(client, &view.tree, view.head);
    view
}

/// Reads every entry and tile, and checks that they hash to the checkpoint that `log_key` signed; not what the entries
/// say.
pub fn read_tree(client: &Client, log_key: &str) -> OutsideView {
    let note = client.get("/log/checkpoint").ok().text();
    let head = checked_head(&note, log_key);
    let mut tree = MemoryTree::new();
    let mut entries = Vec::new();
    for coord in coords(TileKind::Entries, head.size.get()) {
        let bundle = client.get(&format!("/log/{coord}")).ok().body;
        for bytes in decode_bundle(&bundle, coord.width).expect("a sound bundle") {
            tree.push(LeafHash::of(&bytes));
            entries.push(Entry::parse(&bytes).expect("a sound entry"));
        }
    }
    assert_eq!(tree.head(), head, "the entries do not hash to the checkpoint");
    check_tiles(client, &tree, head.size);
    OutsideView { head, entries, tree }
}

/// The head of a checkpoint that `log_key` signed.
pub fn checked_head(note: &str, log_key: &str) -> TreeHead {
    let key: VerifierKey = log_key.parse().expect("a verifier key");
    let note = SignedNote::parse(note).expect("a signed note");
    note.verify(std::slice::from_ref(&key))
        .expect("signed by the log key");
    let checkpoint = Checkpoint::parse(note.text()).expect("a checkpoint");
    assert_eq!(
        checkpoint.origin.as_str(),
        key.name().as_str(),
        "the log key is named as the origin"
    );
    assert!(
        checkpoint.extensions.is_empty(),
        "this log writes no extension lines"
    );
    checkpoint.head
}

/// Whether `new` has `old` as its beginning, by a proof made from the tree.
pub fn assert_extends(old: &TreeHead, new: &OutsideView) {
    let proof = ConsistencyProof::prove(&new.tree, old.size, new.head.size).expect("both sizes exist");
    proof.verify(old, &new.head).expect("the log only grew");
}

fn coords(kind: TileKind, size: u64) -> Vec<TileCoord> {
    let full = (0..size / WIDTH).map(|index| TileCoord {
        kind,
        index,
        width: 256,
    });
    let rest = u16::try_from(size % WIDTH).expect("below 256");
    let partial = (rest > 0).then_some(TileCoord {
        kind,
        index: size / WIDTH,
        width: rest,
    });
    full.chain(partial).collect()
}

fn check_tiles(client: &Client, tree: &MemoryTree, size: TreeSize) {
    let (mut level, mut rows) = (0, size.get());
    while rows > 0 {
        for coord in coords(TileKind::Hashes(level), rows) {
            let served = client.get(&format!("/log/{coord}")).ok();
            let wanted = tile_bytes(tree, level, coord.index, coord.width).expect("the tree has this tile");
            assert_eq!(served.body, wanted, "{coord}");
        }
        (level, rows) = (level + 1, rows / WIDTH);
    }
}

/// Recomputes the state tree entry by entry from the payloads.
fn check_state_roots(client: &Client, entries: &[Entry]) {
    let mut state = StateTree::new();
    let mut keysets: BTreeMap<_, Keyset> = BTreeMap::new();
    for (entry, index) in entries.iter().zip(0..) {
        let payload = client
            .get(&provenance::api::paths::record(&entry.payload))
            .ok()
            .body;
        let record = Record::parse(&payload).expect("a sound record");
        assert_eq!(
            (record.id, record.publisher(), &record.kind),
            (entry.payload, &entry.publisher, &entry.kind)
        );
        assert_eq!(entry.size, payload.len() as u64, "entry {index}");
        if let Body::Keyset(keyset) = &record.body {
            keyset
                .check_creation(&payload, &entry.signatures)
                .expect("signed by all its keys");
            keysets.insert(entry.publisher.clone(), keyset.clone());
        } else {
            let keyset = keysets.get(&entry.publisher).expect("a keyset comes first");
            keyset
                .check(provenance::keyset::Role::Sign, &payload, &entry.signatures)
                .expect("signed by the publisher");
        }
        if is_control_kind(&entry.kind) {
            let line = StateLine {
                index,
                kind: entry.kind.clone(),
                payload: entry.payload,
                target: None,
            };
            state.append(entry.publisher.clone(), line);
        }
        assert_eq!(entry.state, state.root(), "the state root in entry {index}");
    }
}

/// Proves every entry from the served tiles alone, as a client without the entries would.
fn check_proofs_from_tiles(client: &Client, tree: &MemoryTree, head: TreeHead) {
    let fetched = RefCell::new(BTreeMap::new());
    let reader = TileHashReader::new(head.size, |tile: TileCoord| {
        let fetch = || client.get(&format!("/log/{tile}")).ok().body;
        Ok::<_, Infallible>(
            fetched
                .borrow_mut()
                .entry(tile.to_string())
                .or_insert_with(fetch)
                .clone(),
        )
    });
    for index in 0..head.size.get() {
        let proof =
            InclusionProof::prove(&reader, head.size, LeafIndex::new(index)).expect("tiles for a proof");
        let leaf = tree.node(0, index).expect("the tree has this leaf");
        let again =
            InclusionProof::prove(tree, head.size, LeafIndex::new(index)).expect("the tree proves itself");
        assert_eq!(proof, again, "the proof of leaf {index} ({leaf})");
    }
}
