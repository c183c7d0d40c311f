//! Finding and fetching what a verdict is made from: records and proofs.
//!
//! The order of lookups is that of [`provenance::lookup::Search`].

use std::{cell::Cell, cmp::Reverse, rc::Rc};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::RecordProof,
    lookup::{self, KeyKind, MAX_CANDIDATES, MOST_RANKED, Match, Promise, Step, most_promising},
    tensor::{Format, Header, TensorIndex, read_header},
    trust::TrustFile,
    verify::{Junk, JunkFile, Opened, OwnHeader, open, pointers, suspects},
};
use verifier_wasm::protocol::Span;
use web_sys::File;

use crate::{
    api::{self, ApiError, Lookup},
    bundles::{Bundles, Named},
    plan::{Layout, Plan, PlanFile},
    task::{Begun, now_s},
    worker_pool::{Pool, WorkError},
};

/// Records fetched at the same time; each may be 8 MiB, with a proof of 16 MiB.
const PARALLEL_RECORDS: usize = 2;

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
