//! Pairing listed files with the files found: one to one, by the rules of the scope.

use super::observation::{Bytes, Observation, Scope, SeenFile};
use crate::{
    digest::Sha256Digest,
    folder::claimed_digest,
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
    /// Extra files with the bytes of missing ones, one to one, in the order of the files found.
    pub(super) renamed: Vec<(usize, usize)>,
    /// Found files that could stand for several listed ones and equal none; they are not judged.
    pub(super) ambiguous: Vec<usize>,
}

/// Pairs by the scope's rules.
pub(super) fn pair(manifest: &Manifest, seen: &Observation) -> Pairs {
    let mut work = Work::new(manifest, seen);
    match seen.scope {
        Scope::Folder => work.by_path(),
        Scope::Flat | Scope::SingleFile => {
            work.by_base_name_and_content();
            work.by_base_name();
            work.by_claimed_digest();
            work.by_content();
            if seen.scope == Scope::SingleFile {
                work.by_likeness();
            }
        }
    }
    work.finish()
}

/// What files of both sides are paired by: a name, or size and chunk list, or all of them.
type Key = (String, u64, Option<Sha256Digest>);

struct Work<'a> {
    scope: Scope,
    listed: &'a [ManifestFile],
    found: &'a [SeenFile],
    pairs: Vec<(usize, usize)>,
    /// Whether each listed file has no partner yet.
    free_listed: Vec<bool>,
    /// Whether each found file has none.
    free_found: Vec<bool>,
}

/// The positions that are still free.
fn free(flags: &[bool]) -> impl Iterator<Item = usize> {
    (0..flags.len()).filter(|&at| flags[at])
}

impl<'a> Work<'a> {
    fn new(manifest: &'a Manifest, seen: &'a Observation) -> Self {
        let (listed, found) = (manifest.files(), seen.files.as_slice());
        Self {
            scope: seen.scope,
            listed,
            found,
            pairs: Vec::new(),
            free_listed: vec![true; listed.len()],
            free_found: vec![true; found.len()],
        }
    }

    fn take(&mut self, listed: usize, found: usize) {
        self.free_listed[listed] = false;
        self.free_found[found] = false;
        self.pairs.push((listed, found));
    }

    /// Groups the free files of both sides by a key, and takes every group with one file on each side. With
    /// `equal`, groups hold files that cannot be told apart, so they are taken in order, however many there are.
    /// A found file without a key is left alone.
    fn by(
        &mut self,
        of_listed: &dyn Fn(&ManifestFile) -> Key,
        of_found: &dyn Fn(&SeenFile) -> Option<Key>,
        equal: bool,
    ) {
        let listed = free(&self.free_listed).map(|at| (of_listed(&self.listed[at]), true, at));
        let found =
            free(&self.free_found).filter_map(|at| of_found(&self.found[at]).map(|key| (key, false, at)));
        let mut all: Vec<(Key, bool, usize)> = listed.chain(found).collect();
        // Stable: within a group, each side stays in its order.
        sort_by(&mut all, |a, b| a.0.cmp(&b.0));
        for group in all.chunk_by(|a, b| a.0 == b.0) {
            let side = |wanted: bool| group.iter().filter(move |(_, listed, _)| *listed == wanted);
            if equal || (side(true).count() == 1 && side(false).count() == 1) {
                side(true)
                    .zip(side(false))
                    .for_each(|((_, _, l), (_, _, f))| self.take(*l, *f));
            }
        }
    }

    /// By the very name first, then by its composed form: a disk may hold both.
    fn by_path(&mut self) {
        for spelling in [str::to_owned, nfc] {
            self.by(
                &|l| (l.path.to_string(), 0, None),
                &|f| Some((spelling(&f.path), 0, None)),
                false,
            );
        }
    }

    fn by_base_name_and_content(&mut self) {
        self.by(
            &|l| (l.path.base_name().to_owned(), l.size, Some(l.chunks)),
            &|f| content(f).map(|chunks| (base_name(f), f.size, Some(chunks))),
            true,
        );
    }

    fn by_base_name(&mut self) {
        self.by(
            &|l| (l.path.base_name().to_owned(), 0, None),
            &|f| Some((base_name(f), 0, None)),
            false,
        );
    }

    fn by_content(&mut self) {
        self.by(
            &|l| (String::new(), l.size, Some(l.chunks)),
            &|f| content(f).map(|chunks| (String::new(), f.size, Some(chunks))),
            true,
        );
    }

    /// Pairs as [`Self::by_content`] would, and leaves both sides free: in a folder the name counts. An empty file is like
    /// any other, so it tells nothing.
    fn renamed(&mut self) -> Vec<(usize, usize)> {
        let matched = self.pairs.len();
        self.by_content();
        let mut renamed = self.pairs.split_off(matched);
        for &(listed, found) in &renamed {
            self.free_listed[listed] = true;
            self.free_found[found] = true;
        }
        renamed.retain(|&(listed, found)| self.listed[listed].size > 0 && !is_ignored(&self.found[found]));
        sort_by(&mut renamed, |a, b| a.1.cmp(&b.1));
        renamed
    }

    /// A file that was changed in a store that names files by their digests: it stands for the listed file of that
    /// digest.
    fn by_claimed_digest(&mut self) {
        self.by(
            &|l| (String::new(), 0, Some(l.sha256)),
            &|f| Some((String::new(), 0, Some(claimed_digest(&base_name(f))?))),
            true,
        );
    }

    /// A single file under another name that was changed: the listed file with the same first chunk or header.
    fn by_likeness(&mut self) {
        let [found] = free(&self.free_found).collect::<Vec<_>>()[..] else {
            return;
        };
        let Bytes::Hashed { chunks, header, .. } = &self.found[found].bytes else {
            return;
        };
        let own = header.index().map(TensorIndex::digest);
        let like =
            |l: &ManifestFile| l.chunk0 == chunks.chunk0() || (l.tensors.is_some() && l.tensors == own);
        let listed = free(&self.free_listed).find(|&at| self.listed[at].size > 0 && like(&self.listed[at]));
        if let Some(listed) = listed {
            self.take(listed, found);
        }
    }

    fn finish(mut self) -> Pairs {
        let renamed = match self.scope {
            Scope::Folder => self.renamed(),
            // What has the bytes of a listed file was paired with it.
            Scope::Flat | Scope::SingleFile => Vec::new(),
        };
        sort_by(&mut self.pairs, Ord::cmp);
        let (mut extra, mut ambiguous) = (Vec::new(), Vec::new());
        for at in free(&self.free_found) {
            let found = &self.found[at];
            let could_be_listed = |l: usize| self.listed[l].path.base_name() == base_name(found);
            match self.scope {
                // In a folder every path is known; what is ignored there is silent unless it is listed.
                Scope::Folder if is_ignored(found) => {}
                // A single file that is none of the record's is not beside anything.
                Scope::SingleFile => ambiguous.push(at),
                Scope::Flat if free(&self.free_listed).any(could_be_listed) => ambiguous.push(at),
                Scope::Folder | Scope::Flat => extra.push(at),
            }
        }
        Pairs {
            matched: self.pairs,
            missing: free(&self.free_listed).collect(),
            extra,
            renamed,
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

fn content(found: &SeenFile) -> Option<Sha256Digest> {
    match &found.bytes {
        Bytes::Hashed { chunks, .. } => Some(chunks.digest()),
        _ => None,
    }
}
