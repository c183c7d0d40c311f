//! Tensor indexes: which bytes of a weights file belong to which tensor.
//!
//! The index is a sidecar, signed through its digest: a mismatch can then be named by tensor from the *signed*
//! index, never from the suspect file's own header. Its bytes are one JSON array without white space:
//!
//! ```text
//! [{"name":"w","dtype":"F32","shape":[2,3],"begin":88,"end":112},…]
//! ```
//! `begin` and `end` are absolute offsets in the file, `end` exclusive; sorted by begin, end, name bytewise.
//!
//! In scope: reading the headers of [`safetensors`] and [`gguf`] files, told apart by their first bytes. How long a
//! header is shows only while it is read, so [`read_header`] asks for as much of the file as it needs.

pub mod gguf;
pub mod safetensors;

use std::ops::Range;

use self::{
    gguf::{GgufError, MAX_GGUF_HEADER_BYTES, Split},
    safetensors::SafetensorsError,
};
use crate::{
    digest::Sha256Digest,
    json::{At, JsonError, WrongValue, parse_strict},
    order::sort_by,
};
use serde::Serialize;

/// Most bytes of the start of a file that [`read_header`] asks for.
pub const MAX_HEAD_BYTES: u64 = MAX_GGUF_HEADER_BYTES;

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

/// What the start of a weights file came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Header {
    /// All of the header was there.
    Read(Layout),
    /// This many bytes from the start of the file are needed: more than were given, and no more than it has.
    Needs(u64),
}

/// What a header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The file's format.
    pub format: Format,
    /// Where its tensors lie.
    pub index: TensorIndex,
    /// Which part of a split model it says it is, in a GGUF file.
    pub split: Option<Split>,
}

/// A format of weights whose header is read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// safetensors.
    Safetensors,
    /// GGUF.
    Gguf,
}

impl Format {
    /// The format that a file's name promises, whatever its case: those of records must have a tensor index.
    pub fn of_name(path: &str) -> Option<Self> {
        let base = path.rsplit('/').next().unwrap_or(path);
        let (_, ending) = base.rsplit_once('.')?;
        let is = |wanted: &str| ending.eq_ignore_ascii_case(wanted);
        if is("safetensors") {
            Some(Self::Safetensors)
        } else {
            is("gguf").then_some(Self::Gguf)
        }
    }

    /// How it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Safetensors => "safetensors",
            Self::Gguf => "GGUF",
        }
    }
}

/// Why a file does not start with a header that is read here.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It starts as GGUF does, and does not go on so.
    #[error(transparent)]
    Gguf(#[from] GgufError),
    /// It does not start as GGUF does, and is not safetensors.
    #[error(transparent)]
    Safetensors(#[from] SafetensorsError),
}

impl HeaderError {
    /// Whether the file may be sound, and only newer or for another machine than what is read here.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Gguf(error) if error.is_unsupported())
    }
}

/// Reads the header of a weights file of `size` bytes from its start, `head`. Begin with nothing, and read as much as
/// it needs until it is done.
///
/// # Errors
/// [`HeaderError`]; never panics, and never allocates more than a few times the bytes given.
pub fn read_header(head: &[u8], size: u64) -> Result<Header, HeaderError> {
    if head.starts_with(gguf::MAGIC) {
        return Ok(match gguf::read(head, size)? {
            gguf::Step::Needs(bytes) => Header::Needs(bytes),
            gguf::Step::Read(index, split) => Header::Read(Layout {
                format: Format::Gguf,
                index,
                split,
            }),
        });
    }
    Ok(match safetensors::read(head, size)? {
        safetensors::Step::Needs(bytes) => Header::Needs(bytes),
        safetensors::Step::Read(index) => Header::Read(Layout {
            format: Format::Safetensors,
            index,
            split: None,
        }),
    })
}

/// Why bytes are not a tensor index.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IndexError {
    /// Not strict JSON.
    #[error("the tensor index does not parse: {0}")]
    Json(#[from] JsonError),
    /// The sidecar's bytes are not the one encoding of an index.
    #[error("the tensor index is not in its one canonical form")]
    NotCanonical,
    /// An index over [`MAX_INDEX_BYTES`].
    #[error("the tensor index has {found} bytes, at most {MAX_INDEX_BYTES} are allowed")]
    Length {
        /// Bytes found.
        found: usize,
    },
}

impl TensorIndex {
    fn sorted(mut tensors: Vec<Tensor>) -> Self {
        sort_by(&mut tensors, |a, b| {
            (a.begin, a.end, &a.name).cmp(&(b.begin, b.end, &b.name))
        });
        Self(tensors)
    }

    /// Reads a sidecar.
    ///
    /// # Errors
    /// [`IndexError::Length`], [`IndexError::Json`], [`IndexError::NotCanonical`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IndexError> {
        if bytes.len() > MAX_INDEX_BYTES {
            return Err(IndexError::Length { found: bytes.len() });
        }
        let listed = parse_strict(bytes, MAX_INDEX_BYTES)?;
        let index = Self::sorted(listed_tensors(At::new(&listed)).map_err(|_| IndexError::NotCanonical)?);
        let plausible = index
            .0
            .iter()
            .all(|t| t.begin <= t.end && t.shape.len() <= MAX_DIMENSIONS);
        if !plausible || index.to_bytes() != bytes {
            return Err(IndexError::NotCanonical);
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

    fn tensor(name: &str, begin: u64, end: u64) -> Tensor {
        let (name, dtype) = (name.to_owned(), "U8".to_owned());
        Tensor {
            name,
            dtype,
            shape: vec![end - begin],
            begin,
            end,
        }
    }

    #[test]
    fn sidecar_round_trips_and_has_one_form() {
        let index = TensorIndex::sorted(vec![tensor("b", 12, 20), tensor("a", 8, 12)]);
        let bytes = index.to_bytes();
        assert!(bytes.starts_with(br#"[{"name":"a","dtype":"U8","shape":[4],"begin":8,"end":12},"#));
        assert_eq!(TensorIndex::from_bytes(&bytes).unwrap(), index);
        let spaced = String::from_utf8(bytes).unwrap().replace(',', ", ");
        assert_eq!(
            TensorIndex::from_bytes(spaced.as_bytes()),
            Err(IndexError::NotCanonical)
        );
    }

    #[test]
    fn knows_which_tensors_have_a_byte_in_a_range() {
        let index = TensorIndex::sorted(vec![tensor("a", 8, 12), tensor("b", 12, 20)]);
        let touching = |range| index.touching(range).map(|t| t.name.as_str()).collect::<Vec<_>>();
        assert_eq!(touching(11..13), ["a", "b"]);
        assert_eq!(touching(12..13), ["b"]);
        assert_eq!(touching(0..8), [""; 0]);
    }
}
