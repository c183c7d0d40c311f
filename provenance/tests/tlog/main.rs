//! The log formats from outside: against slow definitions, against other people's code, against hostile bytes.
//!
//! The worked example that also runs in WebAssembly is in tlog_fixtures.rs.
#![cfg(not(target_family = "wasm"))]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

mod hostile;
mod interop;
mod interop_notes;
mod merkle;
mod policy;

use proptest::prelude::*;
use provenance::{
    checkpoint::Checkpoint,
    cosignature::cosign,
    merkle::{LeafHash, MemoryTree, TreeSize},
    note::{NoteAlgorithm, NoteSigner, SignedNote},
};

/// The leaf at `index` of every tree of these tests.
fn leaf(index: u64) -> LeafHash {
    LeafHash::of(&index.to_be_bytes())
}

fn tree(size: u64) -> MemoryTree {
    let mut tree = MemoryTree::new();
    for index in 0..size {
        tree.push(leaf(index));
    }
    tree
}

fn log_key() -> NoteSigner {
    NoteSigner::from_seed("log.example".parse().unwrap(), NoteAlgorithm::Ed25519, &[9; 32]).unwrap()
}

fn witness(n: u8) -> NoteSigner {
    let name = format!("witness.example/{n}").parse().unwrap();
    NoteSigner::from_seed(name, NoteAlgorithm::CosignatureV1, &[n; 32]).unwrap()
}

/// A checkpoint of `size` leaves, signed by [`log_key`] and cosigned by these witnesses at these times.
fn checkpoint(size: u64, cosigned: &[(u8, u64)]) -> SignedNote {
    let origin = "log.example".parse().unwrap();
    let head = tree(size).head_at(TreeSize::new(size)).unwrap();
    let plain = Checkpoint {
        origin,
        head,
        extensions: vec![],
    }
    .sign(&log_key());
    let mut note = plain.clone();
    for (n, time) in cosigned {
        note.add(cosign(&witness(*n), &plain, *time).unwrap());
    }
    note
}

/// Something done to a text by an enemy or a bad wire.
#[derive(Debug, Clone)]
enum Change {
    Replace(char),
    Insert(char),
    Delete,
    CutAfter,
    RepeatLine,
    DropLine,
    SwapLines,
}

/// One to three changes, each at a place given as a share of the text.
fn changes() -> impl Strategy<Value = Vec<(f64, Change)>> {
    let char = prop_oneof![
        prop::sample::select(
            "01+/=-. \n\t\r\u{0}\u{7f}\u{2014}\u{a0}\u{202e}Aax"
                .chars()
                .collect::<Vec<_>>()
        ),
        any::<char>(),
    ];
    let change = prop_oneof![
        char.clone().prop_map(Change::Replace),
        char.prop_map(Change::Insert),
        Just(Change::Delete),
        Just(Change::CutAfter),
        Just(Change::RepeatLine),
        Just(Change::DropLine),
        Just(Change::SwapLines),
    ];
    prop::collection::vec((0.0..1.0, change), 1..4)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a share"
)]
fn changed(text: &str, changes: &[(f64, Change)]) -> String {
    let at = |share: f64, length: usize| ((length as f64 * share) as usize).min(length.saturating_sub(1));
    changes.iter().fold(text.to_owned(), |text, (share, change)| {
        let mut chars: Vec<char> = text.chars().collect();
        let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
        if chars.is_empty() {
            return text;
        }
        let (char, line) = (at(*share, chars.len()), at(*share, lines.len()));
        match change {
            Change::Replace(with) => chars[char] = *with,
            Change::Insert(new) => chars.insert(char, *new),
            Change::Delete => drop(chars.remove(char)),
            Change::CutAfter => chars.truncate(char),
            Change::RepeatLine => lines.insert(line, lines[line]),
            Change::DropLine => drop(lines.remove(line)),
            Change::SwapLines => {
                let last = lines.len() - 1;
                lines.swap(line, last);
            }
        }
        match change {
            Change::RepeatLine | Change::DropLine | Change::SwapLines => lines.concat(),
            _ => chars.into_iter().collect(),
        }
    })
}
