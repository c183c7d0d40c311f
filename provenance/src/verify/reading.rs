//! Which files a client reads.

use super::observation::Scope;
use crate::{
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    unicode::nfc,
};

/// Which of `files`, by path and size, have to be read to compare them with `manifests`. Without folder names any file
/// could be any listed one, so all are. Of a folder they are those that are listed, and those with the size of a listed
/// file that is not at its place, for they may be it under another name. Of a record none of whose files is at its place
/// the folder is another one, above or beside; nothing is read for it. The content of all others does not matter.
pub fn to_read(scope: Scope, manifests: &[&Manifest], files: &[(&str, u64)]) -> Vec<bool> {
    if scope != Scope::Folder {
        return vec![true; files.len()];
    }
    let names: Vec<String> = files.iter().map(|(path, _)| nfc(path)).collect();
    let mut there: Vec<&str> = names.iter().map(String::as_str).collect();
    sort_by(&mut there, Ord::cmp);
    let mut sizes = Vec::new();
    for manifest in manifests {
        let is_there = |listed: &&ManifestFile| there.binary_search(&listed.path.as_str()).is_ok();
        let (at_place, missing): (Vec<_>, Vec<_>) = manifest.files().iter().partition(is_there);
        if !at_place.is_empty() {
            sizes.extend(missing.iter().map(|listed| listed.size).filter(|size| *size > 0));
        }
    }
    sort_by(&mut sizes, Ord::cmp);
    let is_listed = |name: &str| manifests.iter().any(|manifest| manifest.file(name).is_some());
    let read = names.iter().zip(files);
    read.map(|(name, (_, size))| is_listed(name) || sizes.binary_search(size).is_ok())
        .collect()
}
