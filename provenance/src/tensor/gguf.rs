//! Headers of GGUF files, versions 2 and 3, little-endian (ggml-org/ggml, docs/gguf.md).
//!
//! ```text
//! "GGUF"  version u32  tensors u64  metadata pairs u64
//! pair:   key string, type u32, value                  string: length u64, bytes
//! tensor: name string, dimensions u32, each u64, ggml type u32, offset u64 (from the data)
//! zeros up to a multiple of general.alignment (32 when absent), then the data
//! ```
//! Nothing says how long a header is, so [`read`] is given the start of the file and asks for more of it.
//!
//! In scope: where each tensor lies, and how a split numbers its parts. Metadata is stepped over, not kept. Out of
//! scope: big-endian files, version 1, and ggml types that this version cannot measure; each is refused by name.
//! Bytes between tensors and behind the last one belong to no tensor.

mod cursor;
mod types;

use self::{
    cursor::{Cursor, Stop},
    types::GgmlType,
};
use super::{MAX_DIMENSIONS, MAX_INDEX_BYTES, Tensor, TensorIndex};
use crate::{json::INTEGER_LIMIT, order::positions};

/// What a GGUF file begins with.
pub(super) const MAGIC: &[u8] = b"GGUF";

/// Longest GGUF header in bytes: 64 MiB. The vocabulary makes it long; a quarter of a million tokens with their
/// merges take 20 MiB.
pub const MAX_GGUF_HEADER_BYTES: u64 = 64 << 20;

/// Bytes asked for once the fixed part is known to be GGUF. Twice as many each time they do not do.
const FIRST_READ: u64 = 256 << 10;

/// Most tensors of one file: what the shortest entries would need to fill [`MAX_INDEX_BYTES`], about 316,000.
const MAX_TENSORS: u64 =
    (MAX_INDEX_BYTES / r#"{"name":"","dtype":"I8","shape":[],"begin":0,"end":0},"#.len()) as u64;

/// Longest name of a tensor in bytes. ggml itself stops at 63; some programs compile it with more.
const MAX_NAME_BYTES: u64 = 1024;

/// Longest metadata key in bytes, of the format's own rules.
const MAX_KEY_BYTES: u64 = 65_535;

/// Deepest nesting of arrays in metadata. No loader in use takes more than one level.
const MAX_NESTING: u32 = 4;

/// Alignment when the metadata names none.
const DEFAULT_ALIGNMENT: u64 = 32;

/// Largest alignment: 2 MiB, the size of a huge page.
const MAX_ALIGNMENT: u64 = 2 << 20;

/// Fewest bytes of a metadata pair: an empty key and a value of one byte.
const SHORTEST_PAIR: u64 = 8 + 4 + 1;

/// Fewest bytes of a tensor's description: an empty name and no dimension.
const SHORTEST_TENSOR: u64 = 8 + 4 + 4 + 8;

/// Which part of a split model a file says it is: `split.no`, `split.count` and `split.tensors.count`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Split {
    /// Part, counted from 0.
    pub part: u64,
    /// Parts in all.
    pub parts: u64,
    /// Tensors of all parts together, where it is said.
    pub tensors: Option<u64>,
}

/// Why bytes are not a GGUF header that this version reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GgufError {
    /// The file is too short for what it says it holds.
    #[error("the file has {size} bytes and its GGUF header needs at least {needed}")]
    Truncated {
        /// Bytes that the header needs.
        needed: u64,
        /// The file's size.
        size: u64,
    },
    /// A header over [`MAX_GGUF_HEADER_BYTES`].
    #[error("the GGUF header needs at least {needed} bytes, at most {MAX_GGUF_HEADER_BYTES} are read")]
    TooLong {
        /// Bytes that the header needs.
        needed: u64,
    },
    /// A version that is not 2 or 3.
    #[error("the file is GGUF version {found}; versions 2 and 3 are read")]
    Version {
        /// Version found.
        found: u32,
    },
    /// A version that makes sense only the other way round.
    #[error("the file is a big-endian GGUF; little-endian ones are read")]
    BigEndian,
    /// A ggml type whose size is not known here.
    #[error("the tensor {name:?} has ggml type {found}, which this version does not know")]
    UnknownType {
        /// The tensor.
        name: String,
        /// Number of the type.
        found: u32,
    },
    /// A type of metadata that the format does not have.
    #[error("at byte {at} the metadata has a value of type {found}, which GGUF does not have")]
    ValueType {
        /// Where the value begins.
        at: u64,
        /// Number of the type.
        found: u32,
    },
    /// A count, length or value past its limit.
    #[error("at byte {at} the GGUF header gives {found} for {what}, at most {limit} is possible")]
    Limit {
        /// Behind the number.
        at: u64,
        /// What the number is.
        what: &'static str,
        /// Number found.
        found: u64,
        /// The most there may be.
        limit: u64,
    },
    /// A text that is not UTF-8.
    #[error("at byte {at} the name of a tensor is not UTF-8")]
    NotUtf8 {
        /// Behind the name.
        at: u64,
    },
    /// A metadata key that decides where tensors lie, of another type, out of bounds, or given twice.
    #[error(
        "the metadata's {key} is given twice, or is not {}",
        if *.key == ALIGNMENT { "a u32 power of two of at most 2 MiB" } else { "a whole number" }
    )]
    Key {
        /// The key.
        key: &'static str,
    },
    /// Two tensors under one name.
    #[error("the tensor {name:?} stands twice")]
    Duplicate {
        /// The name.
        name: String,
    },
    /// A tensor that does not fit its type, or does not lie apart from the others within the file.
    #[error("the tensor {name:?} {reason}")]
    Tensor {
        /// The tensor.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl GgufError {
    /// Whether the file may be sound and only newer, or for another machine, than what is read here.
    pub fn is_unsupported(&self) -> bool {
        matches!(
            self,
            Self::Version { .. } | Self::BigEndian | Self::UnknownType { .. } | Self::ValueType { .. }
        )
    }
}

const ALIGNMENT: &str = "general.alignment";
const SPLIT_KEYS: [&str; 3] = ["split.no", "split.count", "split.tensors.count"];

/// A header, or how many bytes from the start of the file are needed to get on.
pub(super) enum Step {
    Read(TensorIndex, Option<Split>),
    Needs(u64),
}

/// Reads the header of a GGUF file of `size` bytes from its start, `head`. What is needed is more than `head` and no
/// more than the file or [`MAX_GGUF_HEADER_BYTES`].
pub(super) fn read(head: &[u8], size: u64) -> Result<Step, GgufError> {
    match parse(&mut Cursor::new(head, size)) {
        Ok((index, split)) => Ok(Step::Read(index, split)),
        Err(Stop::Bad(error)) => Err(error),
        Err(Stop::Needs(bytes)) => {
            let ample = bytes.max(FIRST_READ).max(2 * head.len() as u64);
            Ok(Step::Needs(ample.min(size).min(MAX_GGUF_HEADER_BYTES)))
        }
    }
}

fn parse(cursor: &mut Cursor<'_>) -> Result<(TensorIndex, Option<Split>), Stop> {
    cursor.skip(MAGIC.len() as u64)?;
    let version = cursor.u32()?;
    if !matches!(version, 2 | 3) {
        // Read the other way round, a small number has zeros where it should have its value.
        return Err(Stop::Bad(match version {
            0x0100_0000 | 0x0200_0000 | 0x0300_0000 => GgufError::BigEndian,
            found => GgufError::Version { found },
        }));
    }
    let tensors = cursor.u64()?;
    let pairs = cursor.u64()?;
    cursor.check("tensors", tensors, MAX_TENSORS)?;
    cursor.check("metadata pairs", pairs, MAX_GGUF_HEADER_BYTES / SHORTEST_PAIR)?;
    cursor.must_have(tensors * SHORTEST_TENSOR + pairs * SHORTEST_PAIR)?;
    let mut facts = Facts::default();
    for _ in 0..pairs {
        facts.read_pair(cursor)?;
    }
    let mut read = Vec::new();
    for _ in 0..tensors {
        read.push(tensor(cursor)?);
    }
    let alignment = facts.alignment.unwrap_or(DEFAULT_ALIGNMENT);
    let data = cursor.at().next_multiple_of(alignment);
    let index = place(read, data, alignment, cursor.size())?;
    Ok((index, facts.split()))
}

/// The few facts of the metadata that are kept.
#[derive(Default)]
struct Facts {
    alignment: Option<u64>,
    split: [Option<u64>; 3],
}

impl Facts {
    fn read_pair(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let key = cursor.string("the length of a metadata key", MAX_KEY_BYTES)?;
        let kind = cursor.u32()?;
        if key == ALIGNMENT.as_bytes() {
            let value = whole_number(cursor, kind)?.filter(|&n| kind == U32 && is_alignment(n));
            return keep(&mut self.alignment, value, ALIGNMENT);
        }
        if let Some(at) = SPLIT_KEYS.iter().position(|name| name.as_bytes() == key) {
            let value = whole_number(cursor, kind)?;
            return keep(&mut self.split[at], value, SPLIT_KEYS[at]);
        }
        skip_value(cursor, kind, 0)
    }

    fn split(&self) -> Option<Split> {
        let [part, Some(parts), tensors] = self.split else {
            return None;
        };
        Some(Split {
            part: part.unwrap_or(0),
            parts,
            tensors,
        })
    }
}

fn keep(place: &mut Option<u64>, value: Option<u64>, key: &'static str) -> Result<(), Stop> {
    match (place.is_some(), value) {
        (false, Some(_)) => *place = value,
        _ => return Err(Stop::Bad(GgufError::Key { key })),
    }
    Ok(())
}

fn is_alignment(n: u64) -> bool {
    n.is_power_of_two() && n <= MAX_ALIGNMENT
}

const U32: u32 = 4;
const STRING: u32 = 8;
const ARRAY: u32 = 9;

/// Bytes of a value of a type that has a fixed number of them.
fn width(kind: u32) -> Option<u64> {
    Some(match kind {
        0 | 1 | 7 => 1,
        2 | 3 => 2,
        U32 | 5 | 6 => 4,
        10..=12 => 8,
        _ => return None,
    })
}

/// The value of an integer type that is not negative; any other value is stepped over.
fn whole_number(cursor: &mut Cursor<'_>, kind: u32) -> Result<Option<u64>, Stop> {
    let (Some(width), 0..=5 | 10 | 11) = (width(kind), kind) else {
        return skip_value(cursor, kind, 0).map(|()| None);
    };
    let bytes = cursor.take(width)?;
    let value = bytes
        .iter()
        .rev()
        .fold(0, |value, &byte| value << 8 | u64::from(byte));
    // The signed types are the odd ones.
    let negative = kind % 2 == 1 && bytes.last().is_some_and(|byte| *byte > 0x7f);
    Ok((!negative).then_some(value))
}

fn skip_value(cursor: &mut Cursor<'_>, kind: u32, depth: u32) -> Result<(), Stop> {
    if let Some(width) = width(kind) {
        return cursor.skip(width);
    }
    match kind {
        STRING => {
            let length = cursor.u64()?;
            cursor.skip(length)
        }
        ARRAY if depth < MAX_NESTING => {
            let item = cursor.u32()?;
            let count = cursor.u64()?;
            let shortest = match (item, width(item)) {
                (STRING, _) => 8,
                (ARRAY, _) => 12,
                (_, Some(width)) => width,
                (found, None) => return Err(unknown_value(cursor, found)),
            };
            let most = MAX_GGUF_HEADER_BYTES / shortest;
            cursor.check("the items of an array", count, most)?;
            if width(item).is_some() {
                return cursor.skip(count * shortest);
            }
            cursor.must_have(count * shortest)?;
            for _ in 0..count {
                skip_value(cursor, item, depth + 1)?;
            }
            Ok(())
        }
        ARRAY => cursor.check("nested arrays", u64::from(depth) + 1, u64::from(MAX_NESTING)),
        found => Err(unknown_value(cursor, found)),
    }
}

fn unknown_value(cursor: &Cursor<'_>, found: u32) -> Stop {
    let at = cursor.at();
    Stop::Bad(GgufError::ValueType { at, found })
}

/// A tensor whose `begin` and `end` still count from the data.
fn tensor(cursor: &mut Cursor<'_>) -> Result<Tensor, Stop> {
    let name = cursor.string("the length of a tensor's name", MAX_NAME_BYTES)?;
    let Ok(name) = str::from_utf8(name) else {
        return Err(Stop::Bad(GgufError::NotUtf8 { at: cursor.at() }));
    };
    let dimensions = u64::from(cursor.u32()?);
    cursor.check("the dimensions of a tensor", dimensions, MAX_DIMENSIONS as u64)?;
    let mut shape = Vec::new();
    for _ in 0..dimensions {
        let length = cursor.u64()?;
        cursor.check("the length of a dimension", length, INTEGER_LIMIT - 1)?;
        shape.push(length);
    }
    let found = cursor.u32()?;
    let begin = cursor.u64()?;
    let Some(kind) = GgmlType::numbered(found) else {
        let name = name.to_owned();
        return Err(Stop::Bad(GgufError::UnknownType { name, found }));
    };
    let bytes = kind.bytes_of(&shape);
    let Some(end) = bytes.and_then(|bytes| begin.checked_add(bytes)) else {
        return Err(wrong(name, "has a shape that its type cannot have"));
    };
    Ok(Tensor {
        name: name.to_owned(),
        dtype: kind.name.to_owned(),
        shape,
        begin,
        end,
    })
}

/// The most bytes that `text` takes in JSON, where a control character may take six.
fn json_length(text: &str) -> u64 {
    let length = |byte: u8| match byte {
        0..0x20 => 6,
        b'"' | b'\\' => 2,
        _ => 1,
    };
    text.bytes().map(length).sum()
}

/// Makes offsets from the data absolute, and checks that the tensors lie apart within the file.
fn place(mut tensors: Vec<Tensor>, data: u64, alignment: u64, size: u64) -> Result<TensorIndex, Stop> {
    // The index is written and hashed before it is known whether anybody recorded it.
    let names = tensors.iter().map(|tensor| json_length(&tensor.name)).sum();
    if names > MAX_INDEX_BYTES as u64 {
        return Err(Stop::Bad(GgufError::Limit {
            at: data,
            what: "the bytes of all names in the tensor index",
            found: names,
            limit: MAX_INDEX_BYTES as u64,
        }));
    }
    for tensor in &mut tensors {
        if tensor.begin % alignment != 0 {
            return Err(wrong(
                &tensor.name,
                "does not begin at a multiple of the alignment",
            ));
        }
        match tensor
            .end
            .checked_add(data)
            .filter(|end| *end <= size.min(INTEGER_LIMIT - 1))
        {
            Some(end) => (tensor.begin, tensor.end) = (tensor.begin + data, end),
            None => return Err(wrong(&tensor.name, "ends behind the end of the file")),
        }
    }
    let by_name = positions(tensors.len(), &|a, b| tensors[a].name.cmp(&tensors[b].name));
    if let Some(pair) = by_name
        .windows(2)
        .find(|pair| tensors[pair[0]].name == tensors[pair[1]].name)
    {
        let name = tensors[pair[0]].name.clone();
        return Err(Stop::Bad(GgufError::Duplicate { name }));
    }
    let index = TensorIndex::sorted(tensors);
    for pair in index.tensors().windows(2) {
        if pair[1].begin < pair[0].end {
            return Err(wrong(&pair[1].name, "begins before the one in front of it ends"));
        }
    }
    Ok(index)
}

fn wrong(name: &str, reason: &'static str) -> Stop {
    Stop::Bad(GgufError::Tensor {
        name: name.to_owned(),
        reason,
    })
}

#[cfg(test)]
mod tests;
