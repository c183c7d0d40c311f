//! Headers of safetensors files: 8 bytes of length, then strict JSON that names each tensor with its bytes.

use super::{MAX_DIMENSIONS, Tensor, TensorIndex};
use crate::json::{At, FromJson, INTEGER_LIMIT, JsonError, WrongValue, parse_strict};

/// Longest safetensors header in bytes: 16 MiB, about 150,000 tensors.
pub const MAX_SAFETENSORS_HEADER_BYTES: u64 = 16 << 20;

/// Bytes that say how long the header is.
const LENGTH_BYTES: u64 = 8;

/// Why bytes are not a safetensors header.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SafetensorsError {
    /// Fewer than the 8 bytes that give the header's length.
    #[error("the file has {size} bytes; a safetensors file starts with an 8-byte header length")]
    TooShort {
        /// The file's size.
        size: u64,
    },
    /// A header length that is zero, over the limit or past the end of the file.
    #[error(
        "the header length {found} is not possible in a file of {size} bytes (at most {MAX_SAFETENSORS_HEADER_BYTES})"
    )]
    HeaderLength {
        /// Length found.
        found: u64,
        /// The file's size.
        size: u64,
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
}

/// A header, or how many bytes from the start of the file it has.
pub(super) enum Step {
    Read(TensorIndex),
    Needs(u64),
}

/// Reads the header of a safetensors file of `size` bytes from its start, `head`.
pub(super) fn read(head: &[u8], size: u64) -> Result<Step, SafetensorsError> {
    if size < LENGTH_BYTES {
        return Err(SafetensorsError::TooShort { size });
    }
    let Some((length, body)) = head.split_first_chunk::<8>() else {
        return Ok(Step::Needs(LENGTH_BYTES));
    };
    let found = u64::from_le_bytes(*length);
    let limit = usize::try_from(found).unwrap_or(usize::MAX);
    if found == 0 || found > MAX_SAFETENSORS_HEADER_BYTES || found > size - LENGTH_BYTES {
        return Err(SafetensorsError::HeaderLength { found, size });
    }
    let data = LENGTH_BYTES + found;
    let Some(header) = body.get(..limit) else {
        return Ok(Step::Needs(data));
    };
    let header = parse_strict(header, limit)?;
    let header = At::new(&header);
    let members = header.members()?;
    let mut tensors = Vec::with_capacity(members.len());
    for (name, described) in members {
        if name != "__metadata__" {
            tensors.push(tensor(name, described, data)?);
        }
    }
    let index = TensorIndex::sorted(tensors);
    check_coverage(&index, data, size)?;
    Ok(Step::Read(index))
}

/// The rule of the reference loader: tensors follow each other without a hole, up to the end of the file.
fn check_coverage(index: &TensorIndex, data: u64, size: u64) -> Result<(), SafetensorsError> {
    let mut expected = data;
    for Tensor { name, begin, end, .. } in index.tensors() {
        if *begin != expected || end < begin || *end > size {
            let (name, begin, end) = (name.clone(), *begin, *end);
            return Err(SafetensorsError::Offsets {
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
        return Err(SafetensorsError::Trailing { end: expected, size });
    }
    Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tensor::{Header, HeaderError, read_header};

    fn file(header: &str, data: usize) -> Vec<u8> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend(std::iter::repeat_n(0, data));
        bytes
    }

    fn index(header: &str, data: usize) -> Result<TensorIndex, SafetensorsError> {
        let bytes = file(header, data);
        match read(&bytes, bytes.len() as u64)? {
            Step::Read(index) => Ok(index),
            Step::Needs(bytes) => panic!("all is there, and it wants {bytes} bytes"),
        }
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
    fn header_may_end_in_spaces() {
        assert!(index(&format!("{TWO}     "), 12).is_ok());
    }

    #[test]
    fn refuses_offsets_that_leave_the_file_overlap_or_leave_holes() {
        assert!(matches!(index(TWO, 11), Err(SafetensorsError::Offsets { .. })));
        assert!(matches!(index(TWO, 13), Err(SafetensorsError::Trailing { .. })));
        let hole = TWO.replace("[4,12]", "[5,13]");
        assert!(matches!(index(&hole, 13), Err(SafetensorsError::Offsets { .. })));
        let overlap = TWO.replace("[4,12]", "[3,11]");
        assert!(matches!(
            index(&overlap, 11),
            Err(SafetensorsError::Offsets { .. })
        ));
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
        assert!(matches!(read(&[1, 2], 2), Err(SafetensorsError::TooShort { .. })));
        let huge = u64::MAX.to_le_bytes();
        assert!(matches!(
            read(&huge, 1 << 40),
            Err(SafetensorsError::HeaderLength { .. })
        ));
    }

    #[test]
    fn asks_for_the_length_and_then_for_the_header() {
        let bytes = file(TWO, 12);
        let size = bytes.len() as u64;
        let header = 8 + TWO.len();
        for (given, wanted) in [(0, 8), (7, 8), (8, header), (header - 1, header)] {
            assert_eq!(
                read_header(&bytes[..given], size),
                Ok(Header::Needs(wanted as u64))
            );
        }
        assert!(matches!(read_header(&bytes[..header], size), Ok(Header::Read(_))));
        assert!(matches!(
            read_header(b"", 7),
            Err(HeaderError::Safetensors(SafetensorsError::TooShort { .. }))
        ));
    }
}
