//! What became of one file.

use serde::Serialize;

use crate::tensor::Tensor;

/// What became of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileVerdict {
    /// Byte for byte as listed.
    Match,
    /// Other bytes.
    Altered,
    /// The listed bytes, cut short.
    Truncated,
    /// The listed bytes, and more behind them.
    Padded,
    /// No byte at all.
    Empty,
    /// Something else in place of the file: a web page, a Git LFS pointer, another format.
    NotWeights,
    /// Another file of this record.
    Swapped,
    /// Listed and not there.
    Missing,
    /// There and not listed.
    Extra,
    /// There, and not to be told which listed file it stands for; not judged.
    Ambiguous,
    /// There, and not readable.
    Unreadable,
}

impl FileVerdict {
    /// The text form, as in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Match => "match",
            Self::Altered => "altered",
            Self::Truncated => "truncated",
            Self::Padded => "padded",
            Self::Empty => "empty",
            Self::NotWeights => "not-weights",
            Self::Swapped => "swapped",
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Ambiguous => "ambiguous",
            Self::Unreadable => "unreadable",
        }
    }

    /// Whether the file was read and is not what the record lists.
    pub fn is_difference(self) -> bool {
        matches!(
            self,
            Self::Altered | Self::Truncated | Self::Padded | Self::Empty | Self::NotWeights | Self::Swapped
        )
    }

    /// Whether the file was compared with a listed one.
    pub fn is_compared(self) -> bool {
        self == Self::Match || self.is_difference()
    }
}

/// What became of one file, in detail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The listed path; the found one for extras.
    pub path: String,
    /// The code.
    pub verdict: FileVerdict,
    /// Size found in bytes; the listed size of a missing file.
    pub size: u64,
    /// The first differing byte range `[from, to)`, in chunk steps; none when everything matches or it could not
    /// be located.
    pub bytes: Option<[u64; 2]>,
    /// All differing ranges.
    pub ranges: Vec<[u64; 2]>,
    /// Differing chunks, from 0.
    pub chunks: Vec<u64>,
    /// Names of the tensors with a byte in those ranges, by the signed index.
    pub tensors: Vec<String>,
    /// The same tensors with type, shape and offsets.
    pub tensor_details: Vec<Tensor>,
    /// What was found, for people.
    pub detail: String,
    /// Whether a loader might run or prefer an extra file.
    pub could_be_loaded: bool,
    /// Another listed path whose bytes these are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_as: Option<String>,
    /// Bytes that equal the listed ones.
    pub same_bytes: u64,
    /// Bytes that are listed.
    pub listed_bytes: u64,
}
