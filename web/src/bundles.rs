//! Bundles among the files given: read whole, tried before the registry, and believed as little.

use std::rc::Rc;

use js_sys::Uint8Array;
use provenance::{
    PublisherName, RecordId, Sha256Digest,
    bundle::{Bundle, MAX_BUNDLE_BYTES},
    lookup::{KeyKind, MAX_CANDIDATES, MOST_RANKED, Match},
    manifest::Manifest,
    path::visible,
    record::Record,
};
use wasm_bindgen_futures::JsFuture;
use web_sys::File;

use crate::{
    evidence::{Evidence, EvidenceError, Keys, records_of},
    files::described,
    plan::{Plan, PlanFile},
    text::counted,
    worker_pool::Pool,
};

/// Most bundles of one choice of files that are read, in the order of their names.
const MOST_BUNDLES: usize = 16;

/// A bundle and the name of its file.
#[derive(Debug)]
pub(crate) struct Named {
    /// The file's name, made visible.
    pub(crate) name: String,
    /// The bundle.
    pub(crate) bundle: Bundle,
    /// The records in it that list files.
    lists: Vec<(RecordId, Record)>,
}

/// What came of the bundles among the files.
#[derive(Default)]
pub(crate) struct Bundles {
    read: Vec<Rc<Named>>,
    /// What is said of those that are of no use, a sentence each.
    pub(crate) told: Vec<String>,
}

impl Bundles {
    /// Reads the bundles of `plan`, together no more bytes than one bundle may have. `handles` are the files behind the
    /// plan's sources.
    pub(crate) async fn read(bundles: &[PlanFile], handles: &[File]) -> Self {
        let mut found = Self::default();
        let mut left = MAX_BUNDLE_BYTES as u64;
        let mut untried = bundles.len().saturating_sub(MOST_BUNDLES);
        for file in bundles.iter().take(MOST_BUNDLES) {
            let Some(handle) = handles.get(file.source) else {
                continue;
            };
            let name = visible(&file.path);
            if file.size > left && file.size <= MAX_BUNDLE_BYTES as u64 {
                untried += 1;
                continue;
            }
            match read(handle, file.size).await {
                Ok(bundle) => {
                    left = left.saturating_sub(file.size);
                    found.read.push(Rc::new(Named::new(name, bundle)));
                }
                Err(why) => found
                    .told
                    .push(format!("The bundle {name} does not hold: {}.", visible(&why))),
            }
        }
        if untried > 0 {
            found.told.push(format!(
                "Not tried: {}. At most {MOST_BUNDLES} are, and 256 MiB of them together.",
                counted(untried, "bundle")
            ));
        }
        found
    }

    /// The record `id`, from every bundle that has it.
    pub(crate) fn named(&self, id: RecordId) -> Vec<Evidence> {
        let bundles = self.read.iter();
        bundles
            .filter_map(|named| Evidence::from_bundle(named, id))
            .collect()
    }

    /// What a registry would answer for `key`, from the records' own manifests.
    pub(crate) fn matches(&self, key: Sha256Digest) -> Vec<Match> {
        let mut matches = Vec::new();
        for (id, record) in self.read.iter().flat_map(|named| &named.lists) {
            for file in record.manifest().into_iter().flat_map(Manifest::files) {
                let mut add = |kind| {
                    matches.push(Match {
                        key,
                        kind,
                        record: *id,
                        path: None,
                    });
                };
                if file.size > 0 && file.chunk0 == key {
                    add(KeyKind::Chunk0);
                }
                if file.tensors == Some(key) {
                    add(KeyKind::Tensors);
                }
            }
        }
        matches
    }

    /// The records that list one of the files of `plan`, by the keys that a registry is asked for: those of publishers
    /// whom the visitor `knows` first, until [`MAX_CANDIDATES`] hold. Those that do not hold take no other's place: of
    /// every bundle up to [`MOST_RANKED`] are tried.
    ///
    /// # Errors
    /// [`EvidenceError`] when a file cannot be read.
    pub(crate) async fn search(
        &self,
        pool: &Pool,
        plan: &Plan,
        handles: &[File],
        knows: &dyn Fn(&PublisherName) -> bool,
        holds: &dyn Fn(&Evidence) -> bool,
    ) -> Result<Vec<Evidence>, EvidenceError> {
        if self.read.iter().all(|named| named.lists.is_empty()) {
            return Ok(Vec::new());
        }
        let found = records_of(pool, plan, handles, &mut Keys::Bundles(self)).await?;
        let is_known = |id: RecordId| {
            let mut all = self.read.iter().flat_map(|named| &named.lists);
            all.any(|(listed, record)| *listed == id && knows(record.publisher()))
        };
        let (known, others): (Vec<_>, Vec<_>) = found.into_iter().partition(|(id, _)| is_known(*id));
        let (mut held, mut faulty) = (Vec::new(), Vec::new());
        let (mut records_held, mut tried) = (0, vec![0; self.read.len()]);
        for (id, _) in known.into_iter().chain(others) {
            if records_held == MAX_CANDIDATES {
                break;
            }
            let before = held.len();
            for (named, tried) in self.read.iter().zip(&mut tried) {
                if *tried == MOST_RANKED {
                    continue;
                }
                let Some(evidence) = Evidence::from_bundle(named, id) else {
                    continue;
                };
                *tried += 1;
                if holds(&evidence) {
                    held.push(evidence);
                } else if faulty.len() < MAX_CANDIDATES {
                    faulty.push(evidence);
                }
            }
            records_held += usize::from(held.len() > before);
        }
        held.append(&mut faulty);
        Ok(held)
    }

    /// What the bundles are about, a sentence each.
    pub(crate) fn contents(&self) -> String {
        let mut sentences: Vec<String> = self.read.iter().map(|named| named.about()).collect();
        sentences.extend(self.told.iter().cloned());
        sentences.join(" ")
    }
}

impl Named {
    fn new(name: String, bundle: Bundle) -> Self {
        let listing = |id| {
            let record = Record::parse(bundle.payload(&id)?).ok()?;
            record.manifest().is_some().then_some((id, record))
        };
        let lists = bundle.records().into_iter().filter_map(listing).collect();
        Self { name, bundle, lists }
    }

    /// `minilm.weighbridge holds acme/minilm 1.0 by acme.example.`
    fn about(&self) -> String {
        let mut names = Vec::new();
        for (_, record) in &self.lists {
            if let Some(artifact) = record.artifact() {
                let subject = &artifact.subject;
                names.push(format!("{} by {}", subject.title(), subject.publisher));
            }
        }
        if names.is_empty() {
            names.push("no list of files".to_owned());
        }
        format!("{} holds {}.", self.name, visible(&names.join(", ")))
    }
}

async fn read(handle: &File, size: u64) -> Result<Bundle, String> {
    if size > MAX_BUNDLE_BYTES as u64 {
        return Err(format!("it has more than {MAX_BUNDLE_BYTES} bytes"));
    }
    let buffer = JsFuture::from(handle.array_buffer()).await;
    let buffer = buffer.map_err(|error| described(&error))?;
    Bundle::parse(Uint8Array::new(&buffer).to_vec()).map_err(|error| error.to_string())
}
