//! Finding the record of files without telling the registry which files they are.
//!
//! A client sends the first hex digits of a digest and gets every key that starts with them. How many digits
//! depends on the size of the index, so that a prefix always stands for hundreds of keys. This hides files that
//! are *not* on record; fetching a match afterwards reveals interest in it.

mod promise;
mod search;

use serde::Serialize;

pub use self::{
    promise::{MOST_RANKED, Promise, most_promising},
    search::{Index, NoDigits, Search, Sent, Step},
};

use crate::{
    digest::Sha256Digest,
    json::{At, FromJson, WrongValue},
    manifest::Manifest,
    order::sort_by,
    record_id::RecordId,
};

/// Most hex digits of a prefix.
pub const MAX_DIGITS: u32 = 5;

/// Files whose digests are looked up besides the largest one, while nothing is found.
pub const FURTHER_FILES: usize = 7;

/// Records that a client opens at the most for one set of files.
pub const MAX_CANDIDATES: usize = 8;

/// What a key in the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum KeyKind {
    /// An artifact's identity.
    #[serde(rename = "dirhash1")]
    DirHash1,
    /// An OMS root in code-point order.
    OmsRoot,
    /// An OMS root in the Python tool's order.
    OmsRootComponents,
    /// A whole file.
    File,
    /// A chunk list.
    Chunks,
    /// A file's first chunk.
    Chunk0,
    /// A tensor index.
    Tensors,
    /// The object id of a Git LFS pointer.
    LfsOid,
}

impl FromJson for KeyKind {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.word(&[
            ("dirhash1", Self::DirHash1),
            ("oms-root", Self::OmsRoot),
            ("oms-root-components", Self::OmsRootComponents),
            ("file", Self::File),
            ("chunks", Self::Chunks),
            ("chunk0", Self::Chunk0),
            ("tensors", Self::Tensors),
            ("lfs-oid", Self::LfsOid),
        ])
    }
}

/// One key of the index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The digest.
    pub key: Sha256Digest,
    /// What it is the digest of.
    pub kind: KeyKind,
    /// The record that names it.
    pub record: RecordId,
    /// The file it belongs to, for keys of files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

impl FromJson for Match {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            key: at.get("key")?,
            kind: at.get("kind")?,
            record: at.get("record")?,
            path: at.get_optional("path")?,
        })
    }
}

/// Answer of `/lookup`: how to ask, and everything at once while the index is small.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookupInfo {
    /// Format version, 1.
    pub v: u32,
    /// Keys in the index.
    pub keys: u64,
    /// Hex digits of a prefix, 0 to 5.
    pub digits: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// All keys, when `digits` is 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<Vec<Match>>,
}

impl LookupInfo {
    /// Digits that a client sends: a registry may ask for fewer than the size of its index calls for, never for more.
    pub fn digits_to_send(&self) -> u32 {
        self.digits.min(digits_for(self.keys))
    }
}

impl FromJson for LookupInfo {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            keys: at.get("keys")?,
            digits: at.get("digits")?,
            as_of_size: at.get("as_of_size")?,
            matches: at.get_optional("matches")?,
        })
    }
}

/// Answer of `/lookup/{digits}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LookupAnswer {
    /// Format version, 1.
    pub v: u32,
    /// Log size that the answer reflects.
    pub as_of_size: u64,
    /// Keys with the prefix.
    pub matches: Vec<Match>,
}

impl FromJson for LookupAnswer {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            as_of_size: at.get("as_of_size")?,
            matches: at.get("matches")?,
        })
    }
}

/// Hex digits that a prefix has when the index holds `keys` keys: min(5, max(0, floor(log2(keys/256)/4))).
pub fn digits_for(keys: u64) -> u32 {
    (keys / 256)
        .checked_ilog2()
        .map_or(0, |bits| (bits / 4).min(MAX_DIGITS))
}

/// The first `digits` hex digits of `digest`.
pub fn prefix(digest: &Sha256Digest, digits: u32) -> String {
    let mut text = digest.to_string();
    text.truncate(digits.min(MAX_DIGITS) as usize);
    text
}

/// Positions of the files worth looking up, largest first: at most one and [`FURTHER_FILES`]. Empty files say
/// nothing and are left out.
pub fn order_of_files(sizes: &[u64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..sizes.len()).filter(|&at| sizes[at] > 0).collect();
    sort_by(&mut order, |&a, &b| sizes[b].cmp(&sizes[a]));
    order.truncate(1 + FURTHER_FILES);
    order
}

/// How well a record fits the files at hand: listed files that are there under their base name with their
/// size, and under their base name at all. Higher is better.
pub fn fit(manifest: &Manifest, seen: &[(&str, u64)]) -> (usize, usize) {
    let mut seen: Vec<(&str, u64)> = seen.to_vec();
    for (path, _) in &mut seen {
        *path = path.rsplit('/').next().unwrap_or(path);
    }
    sort_by(&mut seen, Ord::cmp);
    let (mut same, mut named) = (0, 0);
    for file in manifest.files() {
        let (name, size) = (file.path.base_name(), file.size);
        let first = seen.partition_point(|of| of.0 < name);
        named += usize::from(seen.get(first).is_some_and(|of| of.0 == name));
        same += usize::from(seen.binary_search(&(name, size)).is_ok());
    }
    (same, named)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::read;

    #[test]
    fn prefix_grows_with_the_index() {
        let expected = [
            (0, 0),
            (255, 0),
            (256, 0),
            (4095, 0),
            (4096, 1),
            (65_535, 1),
            (65_536, 2),
            (1 << 28, 5),
            (u64::MAX, 5),
        ];
        for (keys, digits) in expected {
            assert_eq!(digits_for(keys), digits, "{keys}");
        }
    }

    #[test]
    fn largest_files_are_looked_up_first() {
        assert_eq!(order_of_files(&[5, 0, 9, 7]), [2, 3, 0]);
        assert_eq!(order_of_files(&[1; 20]).len(), 8);
    }

    #[test]
    fn kinds_are_read_as_they_are_written() {
        let names = concat!(
            r#"["dirhash1","oms-root","oms-root-components","file","#,
            r#""chunks","chunk0","tensors","lfs-oid"]"#,
        );
        let kinds: Vec<KeyKind> = read(names.as_bytes(), 1024).unwrap();
        assert_eq!(kinds.first(), Some(&KeyKind::DirHash1));
        assert_eq!(serde_json::to_string(&kinds).unwrap(), names);
        assert!(read::<KeyKind>(br#""File""#, 1024).is_err());
    }
}
