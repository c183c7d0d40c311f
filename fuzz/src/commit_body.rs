//! The registry's commit records: what a segment holds after a crash, or after somebody wrote into it.

use provenance::{Sha256Digest, merkle::RootHash};

use super::{
    commit::{CommitError, Item, MAGIC, WriterNonce, decode, encode},
    target::Target,
};

/// Bytes of a record before its first entry, and of its checksum (see `registry/src/log/commit.rs`).
const HEADER_BYTES: usize = 80;
const CHECKSUM_BYTES: usize = 32;

pub(crate) const TARGET: Target = Target::new("commit", samples, commit);

/// A record that is read is written the same. No fuzzer guesses a SHA-256, so the bytes are also tried with their
/// length and checksum put right: what is behind them is reached by whoever can write into the folder.
fn commit(bytes: &[u8]) {
    // Most bytes are no record, and nothing more is to be said about them.
    let _ = written_the_same(bytes);
    if bytes.len() < HEADER_BYTES + CHECKSUM_BYTES {
        return;
    }
    let mut bytes = bytes.to_vec();
    let length = bytes.len() as u64;
    bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&1_u32.to_be_bytes());
    bytes[12..20].copy_from_slice(&length.to_be_bytes());
    let covered = bytes.len() - CHECKSUM_BYTES;
    let checksum = Sha256Digest::of(&bytes[..covered]);
    bytes[covered..].copy_from_slice(checksum.as_bytes());
    let read = written_the_same(&bytes);
    assert!(matches!(read, Ok(()) | Err(CommitError::Structure)), "{read:?}");
}

fn written_the_same(bytes: &[u8]) -> Result<(), CommitError> {
    let commit = decode(bytes)?;
    let items: Vec<Item<'_>> = commit.items.iter().map(|(_, item)| *item).collect();
    for (offset, item) in &commit.items {
        assert_eq!(&bytes[*offset..][..item.entry.len()], item.entry);
    }
    let nonce: WriterNonce = bytes[60..76].try_into().expect("16 bytes");
    assert_eq!(
        encode(commit.start, commit.previous, &nonce, &items),
        bytes[..commit.length]
    );
    Ok(())
}

fn samples() -> Vec<Vec<u8>> {
    let item = |entry, payload| Item { entry, payload };
    let root = RootHash::from(Sha256Digest::OF_NOTHING);
    let two = [item(b"entry".as_slice(), b"payload".as_slice()), item(b"", b"")];
    vec![
        encode(0, root, &[7; 16], &two),
        encode(u64::MAX, root, &[0; 16], &two[..1]),
    ]
}
