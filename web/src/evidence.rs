//! Finding and fetching what a verdict is made from: records, proofs and sidecars.
//!
//! The order of lookups is DESIGN's: the first chunk of the largest file; without a candidate its tensor index,
//! then the same for up to seven further files by size.

use std::{cell::Cell, collections::BTreeMap, rc::Rc};

use provenance::{
    RecordId, Sha256Digest,
    api::RecordProof,
    chunk::{ChunkList, chunk_count},
    lookup::{MAX_CANDIDATES, Match, order_of_files},
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    tensor::{MAX_INDEX_BYTES, TensorIndex, safetensors_header_length},
    trust::TrustFile,
    verify::{Junk, Opened, open},
};
use verifier_wasm::protocol::Span;
use web_sys::File;

use crate::{
    api::{self, ApiError, Lookup},
    plan::{Layout, Plan, PlanFile},
    progress::{Expected, known_chunk_list},
    task::Begun,
    worker_pool::{Pool, WorkError},
};

/// Sidecars fetched at the same time.
const PARALLEL_FETCHES: usize = 8;

/// Records fetched at the same time; each may be 8 MiB, with a proof of 16 MiB.
const PARALLEL_RECORDS: usize = 2;

/// Most bytes of sidecars in one run: 256 MiB, what is fetched and what is parsed counted apart. A real model needs
/// a few. Past the limit a difference is still found, only its place is not.
const MAX_SIDECAR_BYTES: usize = 256 << 20;

/// How much longer than twice the file at hand a listed file may be for its chunk list to be fetched: 64 MiB.
const CHUNK_LIST_SLACK: u64 = 64 << 20;

/// A record with the bytes that prove it, kept so that it can be judged again when trust changes.
#[derive(Debug)]
pub(crate) struct Evidence {
    /// The record.
    pub(crate) id: RecordId,
    payload: Vec<u8>,
    proof: RecordProof,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EvidenceError {
    /// The registry gave no usable answer.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// A file could not be read.
    #[error("{path}: {source}")]
    Work {
        /// The file.
        path: String,
        /// Why.
        source: WorkError,
    },
}

impl Evidence {
    /// Fetches a record and its proof.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) fn fetch(id: RecordId) -> Begun<Result<Self, ApiError>> {
        let (payload, proof) = (api::record(id), api::record_proof(id));
        Box::pin(async move {
            let (payload, proof) = (payload.await?, proof.await?);
            Ok(Self { id, payload, proof })
        })
    }

    /// The registry's word for the record's place in the log.
    pub(crate) fn index(&self) -> u64 {
        self.proof.index
    }

    /// Proves the record as far as `trust` allows.
    pub(crate) fn open(&self, trust: Option<&TrustFile>) -> Opened {
        open(trust, self.id, &self.payload, &self.proof, Some(now_s()))
    }
}

/// What a search for the record of some files came to.
#[derive(Debug, Default)]
pub(crate) struct Search {
    /// Records that name one of the digests looked up, at most [`MAX_CANDIDATES`].
    pub(crate) found: Vec<Evidence>,
    /// What the largest file looks like, if it is no model data at all.
    pub(crate) junk: Option<Junk>,
    /// What the registry was told.
    pub(crate) told: String,
}

/// Looks the files of `plan` up. `handles` are the files behind the plan's sources.
///
/// # Errors
/// [`EvidenceError`] when a file cannot be read or the registry does not answer.
pub(crate) async fn search(pool: &Pool, plan: &Plan, handles: &[File]) -> Result<Search, EvidenceError> {
    let sizes: Vec<u64> = plan.files.iter().map(|file| file.size).collect();
    let order = order_of_files(&sizes);
    let mut lookup = Lookup::default();
    let mut search = Search::default();
    let Some(&largest) = order.first() else {
        search.junk = Some(Junk::Empty);
        "Nothing was looked up: every file is empty.".clone_into(&mut search.told);
        return Ok(search);
    };
    let mut matches = Vec::new();
    for at in order {
        let file = &plan.files[at];
        let Some(handle) = handles.get(file.source) else {
            continue;
        };
        let failed = |source| EvidenceError::Work {
            path: file.path.clone(),
            source,
        };
        if at == largest {
            let head = pool
                .head(handle, Junk::SNIFF_BYTES as u64)
                .await
                .map_err(failed)?;
            search.junk = Junk::sniff(&head, file.size);
        }
        matches = lookup
            .find(first_chunk(pool, file, handle).await.map_err(failed)?)
            .await?;
        if matches.is_empty()
            && let Some(tensors) = own_tensors(pool, plan.layout, &file.path, file.size, handle)
                .await
                .map_err(failed)?
        {
            matches = lookup.find(tensors.digest()).await?;
        }
        if !matches.is_empty() {
            break;
        }
    }
    search.told = told(&lookup);
    search.found = fetch_all(&matches).await?;
    Ok(search)
}

/// Records about a digest that the visitor pasted, and what the registry was told.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn search_digest(digest: Sha256Digest) -> Result<Search, ApiError> {
    let mut lookup = Lookup::default();
    let matches = lookup.find(digest).await?;
    Ok(Search {
        found: fetch_all(&matches).await?,
        junk: None,
        told: told(&lookup),
    })
}

async fn fetch_all(matches: &[Match]) -> Result<Vec<Evidence>, ApiError> {
    let mut ids: Vec<RecordId> = Vec::new();
    for found in matches {
        if !ids.contains(&found.record) && ids.len() < MAX_CANDIDATES {
            ids.push(found.record);
        }
    }
    let mut fetched = Vec::with_capacity(ids.len());
    for some in ids.chunks(PARALLEL_RECORDS) {
        let begun: Vec<_> = some.iter().map(|id| Evidence::fetch(*id)).collect();
        for evidence in begun {
            fetched.push(evidence.await?);
        }
    }
    Ok(fetched)
}

fn told(lookup: &Lookup) -> String {
    match lookup.prefixes_sent {
        0 => "The registry was told nothing: its whole index is small enough to fetch.".to_owned(),
        1 => format!(
            "The registry was told the first {} of one hash.",
            digits(lookup.digits)
        ),
        n => format!(
            "The registry was told the first {} of {n} hashes.",
            digits(lookup.digits)
        ),
    }
}

fn digits(count: u32) -> String {
    if count == 1 {
        "hex digit".to_owned()
    } else {
        format!("{count} hex digits")
    }
}

async fn first_chunk(pool: &Pool, file: &PlanFile, handle: &File) -> Result<Sha256Digest, WorkError> {
    let found = Rc::new(Cell::new(None));
    let note = Rc::clone(&found);
    let span = Span {
        first_chunk: 0,
        chunks: 1,
        file_size: file.size,
    };
    pool.hash(
        handle,
        span,
        false,
        Rc::new(move |_, digest| note.set(Some(digest))),
    )
    .await?;
    Ok(found.get().unwrap_or(Sha256Digest::OF_NOTHING))
}

/// The tensor index in the file's own header; `None` when it has none that parses. Where folders were not seen a
/// file may have any name, as in caches that name files by their digest, so its header is read whatever it is called.
///
/// # Errors
/// [`WorkError`] when the file cannot be read.
pub(crate) async fn own_tensors(
    pool: &Pool,
    layout: Layout,
    path: &str,
    size: u64,
    handle: &File,
) -> Result<Option<TensorIndex>, WorkError> {
    if layout == Layout::Folder && !path.to_ascii_lowercase().ends_with(".safetensors") {
        return Ok(None);
    }
    let first = pool.head(handle, 8).await?;
    let Ok(length) = safetensors_header_length(&first, size) else {
        return Ok(None);
    };
    let head = pool.head(handle, length + 8).await?;
    Ok(TensorIndex::from_safetensors(&head, size).ok())
}

/// Sidecars of the listed files that are at hand.
#[derive(Debug, Default)]
pub(crate) struct Sidecars {
    /// Bytes by digest, as the judge wants them.
    pub(crate) bytes: BTreeMap<Sha256Digest, Vec<u8>>,
    /// Parsed, for each file of the plan that is listed.
    pub(crate) expected: Vec<Option<Expected>>,
}

/// Fetches the chunk lists and tensor indexes of the listed files that the files of `plan` stand for. One that is
/// missing, wrong or too much only costs the place of a difference, so it is left out.
pub(crate) async fn sidecars(manifest: &Manifest, plan: &Plan) -> Sidecars {
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
            .map(|&(digest, limit)| api::blob(digest, limit.min(share)))
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

fn now_s() -> u64 {
    crate::text::whole(js_sys::Date::now() / 1000.0)
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
        Plan::new(&listed).unwrap()
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

    #[test]
    fn what_the_registry_was_told_is_what_was_sent() {
        let said = |prefixes_sent, digits| {
            let mut lookup = Lookup::default();
            (lookup.prefixes_sent, lookup.digits) = (prefixes_sent, digits);
            told(&lookup)
        };
        assert!(said(0, 0).contains("told nothing"));
        assert!(said(1, 1).contains("the first hex digit of one hash"));
        assert!(said(3, 2).contains("the first 2 hex digits of 3 hashes"));
    }
}
