//! Commit records: the bytes of one batch of entries and payloads. A batch that is durable in this form is
//! final; everything else the log shows is made from it.
//!
//! ```text
//! magic      8   "WBCOMMIT"
//! version    4   1
//! length     8   bytes of the whole record, magic and checksum included
//! start      8   index of the first entry
//! previous  32   root of the tree of the first `start` entries (RFC 6962)
//! nonce     16   random, one for each run of the server
//! count      4   entries, at least 1
//! count times:   entry length 4, payload length 4, entry, payload
//! checksum  32   SHA-256 of everything before it
//! ```
//! Integers are big-endian. Where these records lie is [`super::segments`]'s.

use provenance::{Sha256Digest, dsse::MAX_PAYLOAD_BYTES, entry::MAX_ENTRY_BYTES, merkle::RootHash};

/// First bytes of every record.
pub(crate) const MAGIC: [u8; 8] = *b"WBCOMMIT";

const VERSION: u32 = 1;
const HEADER_BYTES: usize = 8 + 4 + 8 + 8 + 32 + 16 + 4;
const CHECKSUM_BYTES: usize = 32;

/// Random bytes that tell the runs of the server apart.
pub(crate) type WriterNonce = [u8; 16];

/// One entry and the payload it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Item<'a> {
    /// The leaf's bytes.
    pub(crate) entry: &'a [u8],
    /// The record's bytes.
    pub(crate) payload: &'a [u8],
}

/// A decoded record, borrowed from the segment's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit<'a> {
    /// Index of the first entry.
    pub(crate) start: u64,
    /// Root of the tree before this batch.
    pub(crate) previous: RootHash,
    /// The entries, in order, each with its offset from the record's first byte.
    pub(crate) items: Vec<(usize, Item<'a>)>,
    /// Bytes of the record.
    pub(crate) length: usize,
}

/// Why bytes are not a commit record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CommitError {
    /// The bytes end before the record does.
    #[error("the record is cut off")]
    CutOff,
    /// Not a record at all.
    #[error("there is no commit record")]
    NoMagic,
    /// Of a later version.
    #[error("the record has version {found}, this server knows version {VERSION}")]
    Version {
        /// The version.
        found: u32,
    },
    /// The checksum does not fit.
    #[error("the record's checksum does not fit its bytes")]
    Checksum,
    /// The checksum fits, the structure does not: not written by this program.
    #[error("the record's lengths contradict each other")]
    Structure,
}

/// Encodes one batch.
pub(crate) fn encode(start: u64, previous: RootHash, nonce: &WriterNonce, items: &[Item<'_>]) -> Vec<u8> {
    let body: usize = items.iter().map(|i| 8 + i.entry.len() + i.payload.len()).sum();
    let length = HEADER_BYTES + body + CHECKSUM_BYTES;
    let mut out = Vec::with_capacity(length);
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSION.to_be_bytes());
    out.extend_from_slice(&(length as u64).to_be_bytes());
    out.extend_from_slice(&start.to_be_bytes());
    out.extend_from_slice(previous.digest().as_bytes());
    out.extend_from_slice(nonce);
    out.extend_from_slice(&length32(items.len()));
    for Item { entry, payload } in items {
        out.extend_from_slice(&length32(entry.len()));
        out.extend_from_slice(&length32(payload.len()));
        out.extend_from_slice(entry);
        out.extend_from_slice(payload);
    }
    let checksum = Sha256Digest::of(&out);
    out.extend_from_slice(checksum.as_bytes());
    out
}

/// Offset of the first entry's bytes in a record, and the distance from one entry's end to the next one's
/// start: `offsets` follows from these alone, so that a writer need not decode what it wrote.
pub(crate) fn offsets(items: &[Item<'_>]) -> Vec<usize> {
    let mut at = HEADER_BYTES;
    let offset = |item: &Item<'_>| {
        let entry = at + 8;
        at = entry + item.entry.len() + item.payload.len();
        entry
    };
    items.iter().map(offset).collect()
}

fn length32(length: usize) -> [u8; 4] {
    u32::try_from(length)
        .expect("batches are bounded far below 4 GiB")
        .to_be_bytes()
}

/// Decodes the record at the start of `bytes`.
///
/// # Errors
/// [`CommitError`].
pub(crate) fn decode(bytes: &[u8]) -> Result<Commit<'_>, CommitError> {
    let mut reader = Reader { bytes, at: 0 };
    let magic = reader.take(8)?;
    if magic != MAGIC {
        return Err(CommitError::NoMagic);
    }
    let version = reader.u32()?;
    if version != VERSION {
        // Zeros are pages that a torn write never filled; any other number is somebody's intent.
        return Err(if version == 0 {
            CommitError::Checksum
        } else {
            CommitError::Version { found: version }
        });
    }
    let length = usize::try_from(reader.u64()?).map_err(|_| CommitError::CutOff)?;
    if length < HEADER_BYTES + CHECKSUM_BYTES {
        return Err(CommitError::Checksum);
    }
    let record = bytes.get(..length).ok_or(CommitError::CutOff)?;
    let (covered, checksum) = record.split_at(length - CHECKSUM_BYTES);
    if Sha256Digest::of(covered).as_bytes() != checksum {
        return Err(CommitError::Checksum);
    }
    reader.bytes = covered;
    let commit = body(&mut reader, length).map_err(|_| CommitError::Structure)?;
    if reader.at == covered.len() && !commit.items.is_empty() {
        Ok(commit)
    } else {
        Err(CommitError::Structure)
    }
}

fn body<'a>(reader: &mut Reader<'a>, length: usize) -> Result<Commit<'a>, CommitError> {
    let start = reader.u64()?;
    let previous = Sha256Digest::from_slice(reader.take(32)?).ok_or(CommitError::Structure)?;
    reader.take(16)?;
    let count = reader.u32()? as usize;
    let mut items = Vec::with_capacity(count.min(reader.bytes.len() / 8));
    for _ in 0..count {
        let (entry, payload) = (reader.u32()? as usize, reader.u32()? as usize);
        if entry > MAX_ENTRY_BYTES || payload > MAX_PAYLOAD_BYTES {
            return Err(CommitError::Structure);
        }
        let offset = reader.at;
        items.push((
            offset,
            Item {
                entry: reader.take(entry)?,
                payload: reader.take(payload)?,
            },
        ));
    }
    Ok(Commit {
        start,
        previous: RootHash::from(previous),
        items,
        length,
    })
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], CommitError> {
        let end = self.at.checked_add(length).ok_or(CommitError::CutOff)?;
        let taken = self.bytes.get(self.at..end).ok_or(CommitError::CutOff)?;
        self.at = end;
        Ok(taken)
    }

    fn u32(&mut self) -> Result<u32, CommitError> {
        Ok(u32::from_be_bytes(
            self.take(4)?.try_into().map_err(|_| CommitError::CutOff)?,
        ))
    }

    fn u64(&mut self) -> Result<u64, CommitError> {
        Ok(u64::from_be_bytes(
            self.take(8)?.try_into().map_err(|_| CommitError::CutOff)?,
        ))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn root() -> RootHash {
        RootHash::from(Sha256Digest::OF_NOTHING)
    }

    #[test]
    fn a_batch_round_trips() {
        let items = [
            Item {
                entry: b"entry",
                payload: b"payload",
            },
            Item {
                entry: b"",
                payload: b"x",
            },
        ];
        let bytes = encode(7, root(), &[9; 16], &items);
        let commit = decode(&bytes).unwrap();
        assert_eq!(
            (commit.start, commit.previous, commit.length),
            (7, root(), bytes.len())
        );
        assert_eq!(commit.items.iter().map(|(_, i)| *i).collect::<Vec<_>>(), items);
        assert_eq!(
            commit.items.iter().map(|(at, _)| *at).collect::<Vec<_>>(),
            offsets(&items)
        );
        assert_eq!(&bytes[offsets(&items)[0]..][..12], b"entrypayload");
    }

    #[test]
    fn every_flipped_byte_is_noticed() {
        let bytes = encode(
            7,
            root(),
            &[9; 16],
            &[Item {
                entry: b"entry",
                payload: b"payload",
            }],
        );
        for at in 0..bytes.len() {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            assert!(decode(&changed).is_err(), "byte {at}");
        }
    }

    #[test]
    fn every_cut_is_noticed() {
        let bytes = encode(
            7,
            root(),
            &[9; 16],
            &[Item {
                entry: b"entry",
                payload: b"payload",
            }],
        );
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]), Err(CommitError::CutOff), "{end}");
        }
    }

    #[test]
    fn a_later_version_is_not_taken_for_damage() {
        let mut bytes = encode(
            7,
            root(),
            &[9; 16],
            &[Item {
                entry: b"e",
                payload: b"p",
            }],
        );
        bytes[11] = 2;
        assert_eq!(decode(&bytes), Err(CommitError::Version { found: 2 }));
        assert_eq!(decode(&[0; 200]), Err(CommitError::NoMagic));
    }

    proptest! {
        #[test]
        fn junk_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut with_magic = MAGIC.to_vec();
            with_magic.extend_from_slice(&[0, 0, 0, 1]);
            with_magic.extend_from_slice(&bytes);
            prop_assert!(decode(&bytes).is_err());
            prop_assert!(decode(&with_magic).is_err());
        }
    }
}
