//! Finding and fetching what a verdict is made from: records, proofs and sidecars.
//!
//! The order of lookups is that of [`provenance::lookup::Search`].

use std::{cell::Cell, cmp::Reverse, collections::BTreeMap, rc::Rc};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::RecordProof,
    chunk::{ChunkList, chunk_count},
    lookup::{self, KeyKind, MAX_CANDIDATES, MOST_RANKED, Match, Promise, Step, most_promising},
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    tensor::{Format, Header, MAX_INDEX_BYTES, TensorIndex, read_header},
    trust::TrustFile,
    verify::{Junk, JunkFile, Opened, OwnHeader, open, pointers, suspects},
};
use verifier_wasm::protocol::Span;
use web_sys::File;

use crate::{
    api::{self, ApiError, Lookup},
    bundles::{Bundles, Named},
    plan::{Layout, Plan, PlanFile},
    progress::{Expected, known_chunk_list},
    task::{Begun, now_s},
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
    /// The bundle that it came from; none for the registry.
    pub(crate) bundle: Option<Rc<Named>>,
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

impl EvidenceError {
    fn of(file: &PlanFile, source: WorkError) -> Self {
        let path = file.path.clone();
        Self::Work { path, source }
    }
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
            Ok(Self {
                id,
                payload,
                proof,
                bundle: None,
            })
        })
    }

    /// The record `id` with its proof from a bundle, when both are in it.
    pub(crate) fn from_bundle(named: &Rc<Named>, id: RecordId) -> Option<Self> {
        Some(Self {
            id,
            payload: named.bundle.payload(&id)?.to_vec(),
            proof: named.bundle.proof(&id)?,
            bundle: Some(Rc::clone(named)),
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
    /// What was found to be no model data, where no record was found: positions in the plan.
    pub(crate) junk: Vec<(usize, Junk)>,
    /// How many files were looked into for that.
    pub(crate) looked_into: usize,
    /// Records that have whole files under the digests that Git LFS pointers name.
    pub(crate) pointed_to: Vec<Evidence>,
    /// What the registry was told.
    pub(crate) told: String,
}

/// Looks the files of `plan` up. `handles` are the files behind the plan's sources; `knows` says whether the trust file
/// has a name.
///
/// # Errors
/// [`EvidenceError`] when a file cannot be read or the registry does not answer.
pub(crate) async fn search(
    pool: &Pool,
    plan: &Plan,
    handles: &[File],
    knows: &dyn Fn(&PublisherName) -> bool,
) -> Result<Search, EvidenceError> {
    let mut lookup = Lookup::default();
    let records = records_of(pool, plan, handles, &mut Keys::Registry(&mut lookup)).await?;
    let mut search = Search::default();
    if records.is_empty() {
        look_into(pool, plan, handles, &mut lookup, &mut search).await?;
    } else {
        search.found = fetch_all(&worth_fetching(&records, knows).await?).await?;
    }
    search.told = lookup.told();
    if records.len() > MAX_CANDIDATES {
        search.told = format!(
            "{} At least {} records share data with these files; {MAX_CANDIDATES} were compared, those of names in \
             your trust file and the oldest first. To compare with another one, name it.",
            search.told,
            records.len()
        );
    }
    Ok(search)
}

/// Where keys are looked up.
pub(crate) enum Keys<'a> {
    /// In the registry, which learns their first digits.
    Registry(&'a mut Lookup),
    /// In bundles, which tells nobody anything.
    Bundles(&'a Bundles),
}

impl Keys<'_> {
    async fn find(&mut self, key: Sha256Digest) -> Result<Vec<Match>, ApiError> {
        match self {
            Self::Registry(lookup) => lookup.find(key).await,
            Self::Bundles(bundles) => Ok(bundles.matches(key)),
        }
    }
}

/// The records that list files of `plan`.
///
/// # Errors
/// [`EvidenceError`] when a file cannot be read or the registry does not answer.
pub(crate) async fn records_of(
    pool: &Pool,
    plan: &Plan,
    handles: &[File],
    keys: &mut Keys<'_>,
) -> Result<Vec<(RecordId, usize)>, EvidenceError> {
    let sizes: Vec<u64> = plan.files.iter().map(|file| file.size).collect();
    let mut steps = lookup::Search::new(&sizes);
    while let Some(Step { file: at, kind }) = steps.step() {
        let file = &plan.files[at];
        let Some(handle) = handles.get(file.source) else {
            steps.pass_over();
            continue;
        };
        let failed = |source| EvidenceError::of(file, source);
        let key = if kind == KeyKind::Tensors {
            let header = own_header(pool, plan.layout, &file.path, file.size, handle);
            header.await.map_err(failed)?.index().map(TensorIndex::digest)
        } else if let Some(Junk::LfsPointer(_)) = sniff(pool, file, handle).await.map_err(failed)? {
            steps.pass_over();
            continue;
        } else {
            Some(first_chunk(pool, file, handle).await.map_err(failed)?)
        };
        let matches = match key {
            Some(key) => keys.find(key).await?,
            None => Vec::new(),
        };
        steps.answer(&matches);
    }
    Ok(steps.into_records())
}

/// Looks for what is no model data, and for what Git LFS pointers stand for.
async fn look_into(
    pool: &Pool,
    plan: &Plan,
    handles: &[File],
    lookup: &mut Lookup,
    search: &mut Search,
) -> Result<(), EvidenceError> {
    let files: Vec<_> = plan
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.size))
        .collect();
    for at in suspects(&files) {
        let file = &plan.files[at];
        let Some(handle) = handles.get(file.source) else {
            continue;
        };
        search.looked_into += 1;
        let junk = sniff(pool, file, handle).await;
        let junk = junk.map_err(|source| EvidenceError::of(file, source))?;
        search.junk.extend(junk.map(|junk| (at, junk)));
    }
    let mut records = Vec::new();
    for pointer in pointers(&search.junk_files(plan)) {
        let matches = lookup.find(pointer.oid).await?;
        let whole = |found: &&Match| matches!(found.kind, KeyKind::File | KeyKind::LfsOid);
        records.extend(matches.iter().filter(whole).map(|found| found.record));
    }
    search.pointed_to = fetch_all(&records).await?;
    Ok(())
}

impl Search {
    /// What was found to be no model data.
    pub(crate) fn junk_files<'a>(&self, plan: &'a Plan) -> Vec<JunkFile<'a>> {
        let named = |&(at, junk): &(usize, Junk)| {
            let PlanFile { path, size, .. } = plan.files.get(at)?;
            Some(JunkFile {
                path,
                size: *size,
                junk,
            })
        };
        self.junk.iter().filter_map(named).collect()
    }
}

/// What the first bytes of a file look like, when that is no model data.
///
/// # Errors
/// [`WorkError`] when the file cannot be read.
pub(crate) async fn sniff(pool: &Pool, file: &PlanFile, handle: &File) -> Result<Option<Junk>, WorkError> {
    let first = pool.head(handle, Junk::SNIFF_BYTES as u64).await?;
    Ok(Junk::sniff(&file.path, &first, file.size))
}

/// Records about a digest that the visitor pasted, and what the registry was told.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn search_digest(digest: Sha256Digest) -> Result<Search, ApiError> {
    let mut lookup = Lookup::default();
    let matches = lookup.find(digest).await?;
    let records: Vec<RecordId> = matches.iter().map(|found| found.record).collect();
    Ok(Search {
        found: fetch_all(&records).await?,
        told: lookup.told(),
        ..Search::default()
    })
}

/// The records to fetch where more share the files than are compared. Here the registry's word is taken; what is
/// fetched is proved.
async fn worth_fetching(
    records: &[(RecordId, usize)],
    knows: &dyn Fn(&PublisherName) -> bool,
) -> Result<Vec<RecordId>, ApiError> {
    if records.len() <= MAX_CANDIDATES {
        return Ok(records.iter().map(|(id, _)| *id).collect());
    }
    let mut ranked = Vec::new();
    for some in records[..records.len().min(MOST_RANKED)].chunks(PARALLEL_RECORDS) {
        let begun: Vec<_> = some.iter().map(|(id, _)| api::record_proof(*id)).collect();
        for (&(id, shared), proof) in some.iter().zip(begun) {
            let proof = proof.await?;
            let promise = Promise {
                known: knows(&proof.publisher),
                shared,
                oldest: Reverse(proof.index),
            };
            ranked.push((promise, id));
        }
    }
    Ok(most_promising(ranked))
}

/// Fetches records, each once and [`MAX_CANDIDATES`] at the most.
async fn fetch_all(records: &[RecordId]) -> Result<Vec<Evidence>, ApiError> {
    let mut ids: Vec<RecordId> = Vec::new();
    for id in records {
        if ids.len() < MAX_CANDIDATES && !ids.contains(id) {
            ids.push(*id);
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

/// What the file's own header says. Where folders were not seen a file may have any name, as in caches that name files
/// by their digest, so its header is read whatever it is called.
///
/// # Errors
/// [`WorkError`] when the file cannot be read.
pub(crate) async fn own_header(
    pool: &Pool,
    layout: Layout,
    path: &str,
    size: u64,
    handle: &File,
) -> Result<OwnHeader, WorkError> {
    if layout == Layout::Folder && Format::of_name(path).is_none() {
        return Ok(OwnHeader::Absent);
    }
    let mut head = Vec::new();
    loop {
        match read_header(&head, size) {
            Ok(Header::Read(layout)) => return Ok(OwnHeader::Index(layout.index)),
            Ok(Header::Needs(bytes)) => {
                let had = head.len();
                head = pool.head(handle, bytes).await?;
                // A file that got shorter meanwhile never has enough.
                if head.len() <= had {
                    return Ok(OwnHeader::Absent);
                }
            }
            Err(error) => return Ok(OwnHeader::from(Err(error))),
        }
    }
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
/// missing, wrong or too much only costs the place of a difference, so it is left out. `from` is the bundle that has
/// them; none for the registry.
pub(crate) async fn sidecars(manifest: &Manifest, plan: &Plan, from: Option<&Named>) -> Sidecars {
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
