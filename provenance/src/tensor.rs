//! Tensor indexes: which bytes of a weights file belong to which tensor.
//!
//! The index is a sidecar, signed through its digest: a mismatch can then be named by tensor from the *signed*
//! index, never from the suspect file's own header. Its bytes are one JSON array without white space:
//!
//! ```text
//! [{"name":"w","dtype":"F32","shape":[2,3],"begin":88,"end":112},…]
//! ```
//! `begin` and `end` are absolute offsets in the file, `end` exclusive; sorted by begin, end, name bytewise.
//! In scope: safetensors headers. GGUF has the same index and its own reader, to come.

use std::ops::Range;

use crate::{
    digest::Sha256Digest,
    json::{At, FromJson, INTEGER_LIMIT, JsonError, WrongValue, parse_strict},
    order::sort_by,
};
use serde::Serialize;

/// Longest safetensors header in bytes: 16 MiB, about 150,000 tensors.
pub const MAX_HEADER_BYTES: u64 = 16 << 20;

/// Longest tensor index sidecar in bytes.
pub const MAX_INDEX_BYTES: usize = 16 << 20;

/// Most dimensions of one tensor.
const MAX_DIMENSIONS: usize = 64;

/// One tensor of a weights file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tensor {
    /// Name, verbatim.
    pub name: String,
    /// Element type, verbatim from the file.
    pub dtype: String,
    /// Length of each dimension, in the file's order.
    pub shape: Vec<u64>,
    /// Offset in the file of the first byte.
    pub begin: u64,
    /// Offset in the file behind the last byte.
    pub end: u64,
}

/// The tensors of one file, sorted by begin, end, name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TensorIndex(Vec<Tensor>);

/// Why bytes are not a safetensors header, or not a tensor index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TensorError {
    /// Fewer than the 8 bytes that give the header's length.
    #[error("the file has {size} bytes; a safetensors file starts with an 8-byte header length")]
    TooShort {
        /// The file's size.
        size: u64,
    },
    /// A header length that is zero, over the limit or past the end of the file.
    #[error(
        "the header length {found} is not possible in a file of {size} bytes (at most {MAX_HEADER_BYTES})"
    )]
    HeaderLength {
        /// Length found.
        found: u64,
        /// The file's size.
        size: u64,
    },
    /// Fewer header bytes than the length says were handed in.
    #[error("wanted {expected} bytes of header, got {found}")]
    HeaderTruncated {
        /// Bytes wanted.
        expected: u64,
        /// Bytes given.
        found: u64,
    },
    /// The header is not strict JSON.
    #[error("the header does not parse: {0}")]
    Json(#[from] JsonError),
    /// The header is JSON of another shape.
    #[error("the header does not describe tensors as safetensors asks: {0}")]
    Shape(#[from] WrongValue),
    /// Offsets that leave the file, overlap, or leave a hole.
    #[error(
        "the tensor {name:?} has the bytes {begin} to {end}; wanted it to start at {expected} and end by {size}"
    )]
    Offsets {
        /// Tensor name.
        name: String,
        /// First byte, absolute.
        begin: u64,
        /// Behind the last byte, absolute.
        end: u64,
        /// Where the tensor before it ends.
        expected: u64,
        /// The file's size.
        size: u64,
    },
    /// Bytes behind the last tensor.
    #[error("the last tensor ends at {end}, the file at {size}")]
    Trailing {
        /// Behind the last tensor's last byte.
        end: u64,
        /// The file's size.
        size: u64,
    },
    /// The sidecar's bytes are not the one encoding of an index.
    #[error("the tensor index is not in its one canonical form")]
    NotCanonical,
    /// An index over [`MAX_INDEX_BYTES`].
    #[error("the tensor index has {found} bytes, at most {MAX_INDEX_BYTES} are allowed")]
    IndexLength {
        /// Bytes found.
        found: usize,
    },
}

/// Length in bytes of the JSON header of a safetensors file of `size` bytes, from its first 8 bytes.
///
/// # Errors
/// [`TensorError::TooShort`], [`TensorError::HeaderLength`].
pub fn safetensors_header_length(first: &[u8], size: u64) -> Result<u64, TensorError> {
    let Some(length) = first.first_chunk::<8>() else {
        return Err(TensorError::TooShort { size });
    };
    if size < 8 {
        return Err(TensorError::TooShort { size });
    }
    let found = u64::from_le_bytes(*length);
    if found == 0 || found > MAX_HEADER_BYTES || found > size - 8 {
        return Err(TensorError::HeaderLength { found, size });
    }
    Ok(found)
}

/// Bits of one element, for the element types that are known.
fn bits_of(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "U16" | "I16" | "F16" | "BF16" => 16,
        "U32" | "I32" | "F32" => 32,
        "U64" | "I64" | "F64" | "C64" => 64,
        _ => return None,
    })
}

impl TensorIndex {
    /// Reads the header of a safetensors file of `size` bytes. `head` is the start of the file, at least
    /// 8 bytes and the header.
    ///
    /// # Errors
    /// [`TensorError`]; never panics, and never allocates more than a few times the header.
    pub fn from_safetensors(head: &[u8], size: u64) -> Result<Self, TensorError> {
        let length = safetensors_header_length(head, size)?;
        let limit = usize::try_from(length).map_err(|_| TensorError::HeaderLength { found: length, size })?;
        let body = head.get(8..).unwrap_or_default();
        let Some(header) = body.get(..limit) else {
            return Err(TensorError::HeaderTruncated {
                expected: length + 8,
                found: head.len() as u64,
            });
        };
        let header = parse_strict(header, limit)?;
        let header = At::new(&header);
        let members = header.members()?;
        let data = 8 + length;
        let mut tensors = Vec::with_capacity(members.len());
        for (name, described) in members {
            if name != "__metadata__" {
                tensors.push(tensor(name, described, data)?);
            }
        }
        let index = Self::sorted(tensors);
        index.check_coverage(data, size)?;
        Ok(index)
    }

    fn sorted(mut tensors: Vec<Tensor>) -> Self {
        sort_by(&mut tensors, |a, b| {
            (a.begin, a.end, &a.name).cmp(&(b.begin, b.end, &b.name))
        });
        Self(tensors)
    }

    /// The rule of the reference loader: tensors follow each other without a hole, up to the end of the file.
    fn check_coverage(&self, data: u64, size: u64) -> Result<(), TensorError> {
        let mut expected = data;
        for Tensor { name, begin, end, .. } in &self.0 {
            if *begin != expected || end < begin || *end > size {
                let (name, begin, end) = (name.clone(), *begin, *end);
                return Err(TensorError::Offsets {
                    name,
                    begin,
                    end,
                    expected,
                    size,
                });
            }
            expected = *end;
        }
        if expected != size {
            return Err(TensorError::Trailing { end: expected, size });
        }
        Ok(())
    }

    /// Reads a sidecar.
    ///
    /// # Errors
    /// [`TensorError::IndexLength`], [`TensorError::Json`], [`TensorError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TensorError> {
        if bytes.len() > MAX_INDEX_BYTES {
            return Err(TensorError::IndexLength { found: bytes.len() });
        }
        let listed = parse_strict(bytes, MAX_INDEX_BYTES)?;
        let index = Self::sorted(listed_tensors(At::new(&listed)).map_err(|_| TensorError::NotCanonical)?);
        let plausible = index
            .0
            .iter()
            .all(|t| t.begin <= t.end && t.shape.len() <= MAX_DIMENSIONS);
        if !plausible || index.to_bytes() != bytes {
            return Err(TensorError::NotCanonical);
        }
        Ok(index)
    }

    /// The sidecar's bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(&self.0).expect("strings and integers always serialise")
    }

    /// The SHA-256 of [`Self::to_bytes`]: `weighbridge_tensors`.
    pub fn digest(&self) -> Sha256Digest {
        Sha256Digest::of(&self.to_bytes())
    }

    /// All tensors, sorted.
    pub fn tensors(&self) -> &[Tensor] {
        &self.0
    }

    /// Offset of the first tensor's first byte: everything before it is the header.
    pub fn data_begin(&self) -> u64 {
        self.0.first().map_or(u64::MAX, |t| t.begin)
    }

    /// The tensors that have a byte in `range`.
    pub fn touching(&self, range: Range<u64>) -> impl Iterator<Item = &Tensor> {
        self.0
            .iter()
            .filter(move |t| t.begin.max(range.start) < t.end.min(range.end))
    }
}

/// The tensor `name` of a header, whose offsets count from `data`.
fn tensor(name: &str, described: At<'_>, data: u64) -> Result<Tensor, WrongValue> {
    described.only(&["dtype", "shape", "data_offsets"])?;
    let dtype: String = described.get("dtype")?;
    let shape: Vec<u64> = described.get("shape")?;
    if shape.len() > MAX_DIMENSIONS {
        let reason = format!("has more than {MAX_DIMENSIONS} dimensions");
        return Err(described.member("shape")?.wrong(&reason));
    }
    let offsets = described.member("data_offsets")?;
    let Ok([from, to]) = <[u64; 2]>::try_from(Vec::from_json(offsets)?) else {
        return Err(offsets.wrong("does not have two items"));
    };
    let absolute = |offset: u64| data.checked_add(offset).filter(|&o| o < INTEGER_LIMIT);
    let (Some(begin), Some(end)) = (absolute(from), absolute(to)) else {
        return Err(offsets.wrong("is past 2^53"));
    };
    if let Some(bits) = bits_of(&dtype) {
        let wanted = shape
            .iter()
            .try_fold(bits, |product, &n| product.checked_mul(n))
            .map(|b| b.div_ceil(8));
        if end < begin || wanted != Some(end - begin) {
            let reason = format!("does not hold {dtype} of shape {shape:?} in the bytes {begin} to {end}");
            return Err(described.wrong(&reason));
        }
    }
    Ok(Tensor {
        name: name.to_owned(),
        dtype,
        shape,
        begin,
        end,
    })
}

/// The tensors of a sidecar. Other members need no check: a sidecar that has them is not canonical.
fn listed_tensors(listed: At<'_>) -> Result<Vec<Tensor>, WrongValue> {
    let tensor = |at: At<'_>| {
        Ok(Tensor {
            name: at.get("name")?,
            dtype: at.get("dtype")?,
            shape: at.get("shape")?,
            begin: at.get("begin")?,
            end: at.get("end")?,
        })
    };
    listed.items()?.map(tensor).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(std::iter::repeat_n(0, data));
        bytes
    }

    fn index(header: &str, data: usize) -> Result<TensorIndex, TensorError> {
        let bytes = file(header, data);
        TensorIndex::from_safetensors(&bytes, bytes.len() as u64)
    }

    const TWO: &str = r#"{"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]}}"#;

    #[test]
    fn reads_tensors_sorted_with_absolute_offsets() {
        let index = index(TWO, 12).unwrap();
        let data = 8 + TWO.len() as u64;
        let names: Vec<_> = index
            .tensors()
            .iter()
            .map(|t| (t.name.as_str(), t.begin - data, t.end - data))
            .collect();
        assert_eq!(names, [("a", 0, 4), ("b", 4, 12)]);
        assert_eq!(index.touching(data + 3..data + 5).count(), 2);
        assert_eq!(index.touching(data + 4..data + 5).next().unwrap().name, "b");
        assert_eq!(index.touching(0..data).count(), 0);
    }

    #[test]
    fn sidecar_round_trips_and_has_one_form() {
        let index = index(TWO, 12).unwrap();
        let bytes = index.to_bytes();
        assert!(bytes.starts_with(br#"[{"name":"a","dtype":"U8","shape":[4],"begin":"#));
        assert_eq!(TensorIndex::from_bytes(&bytes).unwrap(), index);
        let spaced = String::from_utf8(bytes).unwrap().replace(',', ", ");
        assert_eq!(
            TensorIndex::from_bytes(spaced.as_bytes()),
            Err(TensorError::NotCanonical)
        );
    }

    #[test]
    fn header_may_end_in_spaces() {
        assert!(index(&format!("{TWO}     "), 12).is_ok());
    }

    #[test]
    fn refuses_offsets_that_leave_the_file_overlap_or_leave_holes() {
        assert!(matches!(index(TWO, 11), Err(TensorError::Offsets { .. })));
        assert!(matches!(index(TWO, 13), Err(TensorError::Trailing { .. })));
        let hole = TWO.replace("[4,12]", "[5,13]");
        assert!(matches!(index(&hole, 13), Err(TensorError::Offsets { .. })));
        let overlap = TWO.replace("[4,12]", "[3,11]");
        assert!(matches!(index(&overlap, 11), Err(TensorError::Offsets { .. })));
    }

    #[test]
    fn refuses_hostile_headers_without_panic() {
        for header in [
            "[]",
            "{",
            "{}x",
            r#"{"a":1}"#,
            r#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}"#,
            r#"{"a":{"dtype":"F32","shape":[4294967295,4294967295,4294967295],"data_offsets":[0,4]}}"#,
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[9007199254740991,9007199254740991]}}"#,
            r#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
        ] {
            assert!(index(header, 4).is_err(), "{header}");
        }
        assert!(matches!(
            TensorIndex::from_safetensors(&[1, 2], 2),
            Err(TensorError::TooShort { .. })
        ));
        let huge = u64::MAX.to_le_bytes();
        assert!(matches!(
            TensorIndex::from_safetensors(&huge, 1 << 40),
            Err(TensorError::HeaderLength { .. })
        ));
        let cut = 100u64.to_le_bytes();
        assert!(matches!(
            TensorIndex::from_safetensors(&cut, 1 << 20),
            Err(TensorError::HeaderTruncated { .. })
        ));
    }
}
