//! Fetching the sidecars of listed files: the chunk lists and tensor indexes that say where a file differs.

use std::collections::BTreeMap;

use provenance::{
    Sha256Digest,
    chunk::{ChunkList, chunk_count},
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    tensor::{MAX_INDEX_BYTES, TensorIndex},
};

use crate::{
    api::{self, ApiError},
    bundles::Named,
    plan::{Layout, Plan, PlanFile},
    progress::{Expected, known_chunk_list},
    task::Begun,
};

/// Sidecars fetched at the same time.
const PARALLEL_FETCHES: usize = 8;

/// Most bytes of sidecars in one run: 256 MiB, what is fetched and what is parsed counted apart. A real model needs
/// a few. Past the limit a difference is still found, only its place is not.
const MAX_SIDECAR_BYTES: usize = 256 << 20;

/// How much longer than twice the file at hand a listed file may be for its chunk list to be fetched: 64 MiB.
const CHUNK_LIST_SLACK: u64 = 64 << 20;

/// Sidecars of the listed files that are at hand.
#[derive(Debug, Default)]
pub(crate) struct Sidecars {
    /// Bytes by digest, as the judge wants them.
    pub(crate) bytes: BTreeMap<Sha256Digest, Vec<u8>>,
    /// Parsed, for each file of the plan that is listed.
    pub(crate) expected: Vec<Option<Expected>>,
}

/// Fetches the chunk lists and tensor indexes of the listed files that the files of `plan` stand for. One that is
/// missing, wrong or too much only costs the place of a difference, so it is left out. `from` is the bundle that has
/// them; none for the registry.
pub(crate) async fn fetch(manifest: &Manifest, plan: &Plan, from: Option<&Named>) -> Sidecars {
    let listed = listed_for(manifest, plan);
    let sizes = plan.files.iter().map(|file| file.size);
    let pairs: Vec<_> = listed
        .iter()
        .zip(sizes)
        .filter_map(|(listed, size)| Some(((*listed)?, size)))
        .collect();
    let mut sidecars = Sidecars::default();
    let mut left = MAX_SIDECAR_BYTES;
    for batch in wanted(&pairs).chunks(PARALLEL_FETCHES) {
        // No answer can be longer than its share of what is left.
        let share = left / batch.len();
        if share == 0 {
            break;
        }
        let begun: Vec<_> = batch
            .iter()
            .map(|&(digest, limit)| blob(from, digest, limit.min(share)))
            .collect();
        for (&(digest, _), answer) in batch.iter().zip(begun) {
            if let Ok(Some(bytes)) = answer.await {
                left = left.saturating_sub(bytes.len());
                sidecars.bytes.insert(digest, bytes);
            }
        }
    }
    // Many files may name one sidecar, and each parses it for itself.
    let mut left = MAX_SIDECAR_BYTES;
    for file in listed {
        let Some(file) = file else {
            sidecars.expected.push(None);
            continue;
        };
        let known = known_chunk_list(file.size, file.chunk0).filter(|list| list.digest() == file.chunks);
        if let Some(list) = &known {
            sidecars.bytes.insert(file.chunks, list.to_bytes());
        }
        let mut take = |digest| {
            let bytes = sidecars.bytes.get(&digest)?;
            left = left.checked_sub(bytes.len())?;
            Some(bytes)
        };
        let chunks = known.or_else(|| ChunkList::from_bytes(take(file.chunks)?, file.size).ok());
        let mut index = || TensorIndex::from_bytes(take(file.tensors?)?).ok();
        let expected = Expected {
            chunks,
            tensors: index(),
        };
        sidecars.expected.push(Some(expected));
    }
    sidecars
}

fn blob(
    from: Option<&Named>,
    digest: Sha256Digest,
    limit: usize,
) -> Begun<Result<Option<Vec<u8>>, ApiError>> {
    let Some(named) = from else {
        return api::blob(digest, limit);
    };
    let bytes = named.bundle.blob(&digest).filter(|bytes| bytes.len() <= limit);
    let bytes = bytes.map(<[u8]>::to_vec);
    Box::pin(async move { Ok(bytes) })
}

/// The sidecars worth fetching, each once, with the most bytes that it may have. A chunk list only places a
/// difference, so that of a file much longer than the one at hand is not among them.
fn wanted(pairs: &[(&ManifestFile, u64)]) -> Vec<(Sha256Digest, usize)> {
    let mut wanted = Vec::new();
    for (file, found) in pairs {
        let near = found.saturating_mul(2).saturating_add(CHUNK_LIST_SLACK);
        if file.size <= near && known_chunk_list(file.size, file.chunk0).is_none() {
            let limit = chunk_count(file.size).saturating_mul(Sha256Digest::LEN as u64);
            wanted.push((file.chunks, usize::try_from(limit).unwrap_or(usize::MAX)));
        }
        wanted.extend(file.tensors.map(|digest| (digest, MAX_INDEX_BYTES)));
    }
    // Of two limits for one digest the greater one stays.
    sort_by(&mut wanted, |a, b| b.cmp(a));
    wanted.dedup_by_key(|(digest, _)| *digest);
    wanted
}

/// The listed file that each file of the plan stands for while it is read: by path, or, where folders were not
/// seen, by the only listed base name. The judge pairs them for good.
pub(crate) fn listed_for<'a>(manifest: &'a Manifest, plan: &Plan) -> Vec<Option<&'a ManifestFile>> {
    if plan.layout == Layout::Folder {
        return plan.files.iter().map(|file| manifest.file(&file.path)).collect();
    }
    let mut by_name: Vec<&ManifestFile> = manifest.files().iter().collect();
    sort_by(&mut by_name, |a, b| a.path.base_name().cmp(b.path.base_name()));
    let only_named = |file: &PlanFile| {
        let from = by_name.partition_point(|listed| listed.path.base_name() < file.path.as_str());
        let mut named = by_name[from..]
            .iter()
            .take_while(|listed| listed.path.base_name() == file.path);
        named.next().filter(|_| named.next().is_none()).copied()
    };
    plan.files.iter().map(only_named).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Listed;

    /// A file of `size` bytes whose chunk list and tensor index are told apart by `n`.
    fn listed(path: &str, size: u64, n: u8) -> ManifestFile {
        let tensors = path
            .ends_with(".safetensors")
            .then(|| Sha256Digest::of(&[n, b't']));
        ManifestFile {
            path: path.parse().unwrap(),
            size,
            sha256: Sha256Digest::of(&[n]),
            chunks: Sha256Digest::of(&[n, b'c']),
            chunk0: Sha256Digest::of(&[n, b'0']),
            tensors,
        }
    }

    fn plan(paths: &[&str]) -> Plan {
        let listed: Vec<_> = paths
            .iter()
            .map(|path| Listed {
                path: (*path).into(),
                size: 1,
            })
            .collect();
        Plan::new(&listed, None, false).unwrap()
    }

    #[test]
    fn each_sidecar_is_wanted_once() {
        let (one, same) = (
            listed("a.safetensors", 9 << 20, 1),
            listed("b.safetensors", 9 << 20, 1),
        );
        let mut wanted = wanted(&[(&one, 9 << 20), (&same, 9 << 20)]);
        wanted.sort_by_key(|(_, limit)| *limit);
        let tensors = one.tensors.unwrap();
        assert_eq!(wanted, [(one.chunks, 3 * 32), (tensors, MAX_INDEX_BYTES)]);
    }

    #[test]
    fn a_sidecar_under_two_limits_has_the_greater_one() {
        let one = ManifestFile {
            tensors: Some(Sha256Digest::of(&[1, b'c'])),
            ..listed("a.safetensors", 9 << 20, 1)
        };
        assert_eq!(wanted(&[(&one, 9 << 20)]), [(one.chunks, MAX_INDEX_BYTES)]);
    }

    #[test]
    fn the_chunk_list_of_a_file_much_longer_than_the_one_here_is_not_wanted() {
        let near = listed("a", 66 << 20, 1);
        assert_eq!(wanted(&[(&near, 1 << 20)]).len(), 1);
        let far = listed("a", (66 << 20) + 1, 1);
        assert_eq!(wanted(&[(&far, 1 << 20)]), []);
        let huge = listed("a", 16 << 40, 1);
        assert_eq!(wanted(&[(&huge, u64::MAX)]).len(), 1);
    }

    #[test]
    fn nothing_is_wanted_for_a_file_of_one_chunk() {
        assert_eq!(wanted(&[(&listed("a", 4 << 20, 1), 4 << 20)]), []);
    }

    #[test]
    fn a_folder_is_paired_by_path() {
        let files = ["a/x", "b/x", "y"].map(|path| listed(path, 9 << 20, 1));
        let manifest = Manifest::new(files.to_vec()).unwrap();
        let paired = listed_for(&manifest, &plan(&["m/b/x", "m/x", "m/y"]));
        let paths: Vec<_> = paired.iter().map(|f| f.map(|f| f.path.as_str())).collect();
        assert_eq!(paths, [Some("b/x"), None, Some("y")]);
    }

    #[test]
    fn bare_names_are_paired_when_only_one_listed_file_has_them() {
        let files = ["a/x", "b/x", "c/y", "d/z.bin"].map(|path| listed(path, 9 << 20, 1));
        let manifest = Manifest::new(files.to_vec()).unwrap();
        let paired = listed_for(&manifest, &plan(&["w", "x", "y", "y", "z", "z.bin"]));
        let paths: Vec<_> = paired.iter().map(|f| f.map(|f| f.path.as_str())).collect();
        let wanted = [None, None, Some("c/y"), Some("c/y"), None, Some("d/z.bin")];
        assert_eq!(paths, wanted);
    }
}
