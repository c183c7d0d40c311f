//! Which files of a folder a client reads.

use std::collections::BTreeSet;

use crate::{manifest::Manifest, unicode::nfc};

/// Which of `files`, by path and size, have to be read to compare a folder with `manifests`: those that are listed, and
/// those with the size of a listed file that is not at its place, for they may be it under another name. The content of
/// all others does not matter.
pub fn to_read(manifests: &[&Manifest], files: &[(&str, u64)]) -> Vec<bool> {
    let names: Vec<String> = files.iter().map(|(path, _)| nfc(path)).collect();
    let there: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let listed = manifests.iter().flat_map(|manifest| manifest.files());
    let sizes: BTreeSet<u64> = listed
        .filter(|listed| listed.size > 0 && !there.contains(listed.path.as_str()))
        .map(|listed| listed.size)
        .collect();
    let is_listed = |name: &str| manifests.iter().any(|manifest| manifest.file(name).is_some());
    let read = names.iter().zip(files);
    read.map(|(name, (_, size))| is_listed(name) || sizes.contains(size))
        .collect()
}
