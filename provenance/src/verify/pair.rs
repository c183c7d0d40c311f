//! Pairing listed files with the files found: one to one, by the rules of the scope.

use std::collections::{BTreeMap, BTreeSet};

use super::judge::{Bytes, Observation, Scope, SeenFile};
use crate::{
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    path::RelativePath,
    tensor::TensorIndex,
    unicode::nfc,
};

/// Which found file stands for which listed file.
pub(super) struct Pairs {
    /// (position in the manifest, position among the files found).
    pub(super) matched: Vec<(usize, usize)>,
    /// Listed files without a partner.
    pub(super) missing: Vec<usize>,
    /// Found files without a partner that are not ignored.
    pub(super) extra: Vec<usize>,
    /// Found files that could stand for several listed ones and equal none; they are not judged.
    pub(super) ambiguous: Vec<usize>,
}

/// Pairs by the scope's rules.
pub(super) fn pair(manifest: &Manifest, seen: &Observation) -> Pairs {
    let mut work = Work::new(manifest, seen);
    match seen.scope {
        Scope::Folder => work.by(|listed| listed.path.to_string(), |found| nfc(&found.path)),
        Scope::Flat | Scope::SingleFile => {
            work.by_base_name_and_content();
            work.by_base_name();
            work.by_content();
            if seen.scope == Scope::SingleFile {
                work.by_likeness();
            }
        }
    }
    work.finish()
}

struct Work<'a> {
    scope: Scope,
    listed: &'a [ManifestFile],
    found: &'a [SeenFile],
    pairs: Vec<(usize, usize)>,
    free_listed: BTreeSet<usize>,
    free_found: BTreeSet<usize>,
}

impl<'a> Work<'a> {
    fn new(manifest: &'a Manifest, seen: &'a Observation) -> Self {
        let (listed, found) = (manifest.files(), seen.files.as_slice());
        Self {
            scope: seen.scope,
            listed,
            found,
            pairs: Vec::new(),
            free_listed: (0..listed.len()).collect(),
            free_found: (0..found.len()).collect(),
        }
    }

    fn take(&mut self, listed: usize, found: usize) {
        self.free_listed.remove(&listed);
        self.free_found.remove(&found);
        self.pairs.push((listed, found));
    }

    /// Groups the free files of both sides by a key, and takes every group with one file on each side.
    fn by<K: Ord>(&mut self, of_listed: impl Fn(&ManifestFile) -> K, of_found: impl Fn(&SeenFile) -> K) {
        self.by_optional(|l| Some(of_listed(l)), |f| Some(of_found(f)), false);
    }

    /// As [`Self::by`], without the files that have no key. With `equal`, groups hold files that cannot be told
    /// apart, so they are taken in order, however many there are.
    fn by_optional<K: Ord>(
        &mut self,
        of_listed: impl Fn(&ManifestFile) -> Option<K>,
        of_found: impl Fn(&SeenFile) -> Option<K>,
        equal: bool,
    ) {
        let mut groups: BTreeMap<K, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
        for &at in &self.free_listed {
            if let Some(key) = of_listed(&self.listed[at]) {
                groups.entry(key).or_default().0.push(at);
            }
        }
        for &at in &self.free_found {
            if let Some(key) = of_found(&self.found[at]) {
                groups.entry(key).or_default().1.push(at);
            }
        }
        for (listed, found) in groups.into_values() {
            if equal || (listed.len() == 1 && found.len() == 1) {
                listed.into_iter().zip(found).for_each(|(l, f)| self.take(l, f));
            }
        }
    }

    fn by_base_name_and_content(&mut self) {
        let of_listed = |l: &ManifestFile| Some((l.path.base_name().to_owned(), l.size, l.chunks));
        let of_found = |f: &SeenFile| content(f).map(|(size, chunks)| (base_name(f), size, chunks));
        self.by_optional(of_listed, of_found, true);
    }

    fn by_base_name(&mut self) {
        self.by(|l| l.path.base_name().to_owned(), base_name);
    }

    fn by_content(&mut self) {
        self.by_optional(|l| Some((l.size, l.chunks)), content, true);
    }

    /// A single file under another name that was changed: the listed file with the same first chunk or header.
    fn by_likeness(&mut self) {
        let [found] = self.free_found.iter().copied().collect::<Vec<_>>()[..] else {
            return;
        };
        let Bytes::Hashed { chunks, tensors, .. } = &self.found[found].bytes else {
            return;
        };
        let own = tensors.as_ref().map(TensorIndex::digest);
        let like =
            |l: &ManifestFile| l.chunk0 == chunks.chunk0() || (l.tensors.is_some() && l.tensors == own);
        let listed = self
            .free_listed
            .iter()
            .copied()
            .find(|&at| self.listed[at].size > 0 && like(&self.listed[at]));
        if let Some(listed) = listed {
            self.take(listed, found);
        }
    }

    fn finish(mut self) -> Pairs {
        sort_by(&mut self.pairs, Ord::cmp);
        let (mut extra, mut ambiguous) = (Vec::new(), Vec::new());
        for at in self.free_found {
            let found = &self.found[at];
            let could_be_listed = |l: &usize| self.listed[*l].path.base_name() == base_name(found);
            match self.scope {
                // In a folder every path is known; what is ignored there is silent unless it is listed.
                Scope::Folder if is_ignored(found) => {}
                // A single file that is none of the record's is not beside anything.
                Scope::SingleFile => ambiguous.push(at),
                Scope::Flat if self.free_listed.iter().any(could_be_listed) => ambiguous.push(at),
                Scope::Folder | Scope::Flat => extra.push(at),
            }
        }
        Pairs {
            matched: self.pairs,
            missing: self.free_listed.into_iter().collect(),
            extra,
            ambiguous,
        }
    }
}

fn is_ignored(found: &SeenFile) -> bool {
    let path: Result<RelativePath, _> = nfc(&found.path).parse();
    path.is_ok_and(|path| path.is_ignored())
}

fn base_name(found: &SeenFile) -> String {
    nfc(found.path.rsplit('/').next().unwrap_or(&found.path))
}

fn content(found: &SeenFile) -> Option<(u64, crate::digest::Sha256Digest)> {
    match &found.bytes {
        Bytes::Hashed { chunks, .. } => Some((found.size, chunks.digest())),
        _ => None,
    }
}
