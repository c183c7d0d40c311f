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

/// A record with the bytes that prove it, kept so that it can be judged again when trust changes.
#[derive(Debug, Clone)]
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
    let begun: Vec<_> = ids.into_iter().map(Evidence::fetch).collect();
    let mut fetched = Vec::with_capacity(begun.len());
    for evidence in begun {
        fetched.push(evidence.await?);
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
    /// Parsed, in the order in which the files were given.
    pub(crate) expected: Vec<Expected>,
}

/// Fetches the chunk lists and tensor indexes of `listed`. One that is missing or wrong only costs the place of
/// a difference, so it is left out.
pub(crate) async fn sidecars(listed: &[&ManifestFile]) -> Sidecars {
    let mut sidecars = Sidecars::default();
    let lists = listed
        .iter()
        .filter(|file| known_chunk_list(file.size, file.chunk0).is_none())
        .map(|file| {
            let limit = chunk_count(file.size).saturating_mul(Sha256Digest::LEN as u64);
            (file.chunks, usize::try_from(limit).unwrap_or(usize::MAX))
        });
    let tensors = listed
        .iter()
        .filter_map(|file| Some((file.tensors?, MAX_INDEX_BYTES)));
    let wanted: Vec<(Sha256Digest, usize)> = lists.chain(tensors).collect();
    for batch in wanted.chunks(PARALLEL_FETCHES) {
        let begun: Vec<_> = batch
            .iter()
            .map(|&(digest, limit)| api::blob(digest, limit))
            .collect();
        for (&(digest, _), answer) in batch.iter().zip(begun) {
            if let Ok(Some(bytes)) = answer.await {
                sidecars.bytes.insert(digest, bytes);
            }
        }
    }
    for file in listed {
        let known = known_chunk_list(file.size, file.chunk0).filter(|list| list.digest() == file.chunks);
        if let Some(list) = &known {
            sidecars.bytes.insert(file.chunks, list.to_bytes());
        }
        let fetched = || ChunkList::from_bytes(sidecars.bytes.get(&file.chunks)?, file.size).ok();
        let chunks = known.or_else(fetched);
        let index = || TensorIndex::from_bytes(sidecars.bytes.get(&file.tensors?)?).ok();
        let expected = Expected {
            chunks,
            tensors: index(),
        };
        sidecars.expected.push(expected);
    }
    sidecars
}

/// The listed file that a file of the plan stands for while it is read: by path, or, where folders were not
/// seen, by the only listed base name. The judge pairs them for good.
pub(crate) fn listed_for<'a>(
    manifest: &'a Manifest,
    plan: &Plan,
    file: &PlanFile,
) -> Option<&'a ManifestFile> {
    match plan.layout {
        Layout::Folder => manifest.file(&file.path),
        Layout::Flat => {
            let mut named = manifest
                .files()
                .iter()
                .filter(|listed| listed.path.base_name() == file.path);
            named.next().filter(|_| named.next().is_none())
        }
    }
}

fn now_s() -> u64 {
    crate::text::whole(js_sys::Date::now() / 1000.0)
}
