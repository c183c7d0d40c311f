//! Where the evidence of a run comes from: bundles on disk first, then the registry. Both are believed as little.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use provenance::{
    RecordId, Sha256Digest,
    api::{RecordProof, paths},
    bundle::{Bundle, MAX_BUNDLE_BYTES},
    dsse::MAX_PAYLOAD_BYTES,
    lookup::{KeyKind, MAX_CANDIDATES, MOST_RANKED, Match},
    manifest::Manifest,
    record::Record,
    trust::TrustFile,
    verify,
};
use serde::Serialize;

use crate::{
    also::Candidate,
    bundle_file::{self, MOST_BESIDE},
    client::Client,
    failure::{Exit, Failure},
    find::search,
    source::Source,
};

/// Who supplied the evidence for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Supplier {
    /// The registry.
    Registry,
    /// The bundle at this position.
    Bundle(usize),
}

/// The same, as it is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SuppliedBy {
    /// `bundle` or `registry`.
    pub(crate) kind: &'static str,
    /// The file, or the registry's address.
    pub(crate) at: String,
    /// Whether any request was made in this run.
    pub(crate) registry_asked: bool,
}

impl SuppliedBy {
    /// In words.
    pub(crate) fn line(&self) -> String {
        let sent = if self.registry_asked {
            ""
        } else {
            "; nothing was sent"
        };
        format!("{} {}{sent}", self.kind, self.at)
    }
}

/// The bundles of a run, and those that could not be used.
#[derive(Debug, Default)]
pub(crate) struct Bundles {
    /// Those that parse, with where they are.
    pub(crate) read: Vec<(PathBuf, Bundle)>,
    /// Why the others do not.
    pub(crate) broken: Vec<Failure>,
    /// Bundles beside the files that are too many, or too much, to be tried.
    pub(crate) untried: Vec<PathBuf>,
}

impl Bundles {
    /// The bundle that was named, else those beside what is checked: at most [`MOST_BESIDE`], and together no more bytes
    /// than one bundle may have.
    ///
    /// # Errors
    /// [`Exit::Io`] when the bundle that was named cannot be read.
    pub(crate) fn gather(named: Option<&Path>, checked: &Path, single_file: bool) -> Result<Self, Failure> {
        let mut bundles = Self::default();
        let paths = match named {
            Some(path) => vec![path.to_owned()],
            None => bundle_file::beside(checked, single_file).unwrap_or_else(|failure| {
                bundles.broken.push(failure);
                Vec::new()
            }),
        };
        let mut left = MAX_BUNDLE_BYTES;
        for (at, path) in paths.into_iter().enumerate() {
            if at >= MOST_BESIDE {
                bundles.untried.push(path);
                continue;
            }
            match bundle_file::read_within(&path, left) {
                Ok(Some(bundle)) => {
                    left -= bundle.as_bytes().len();
                    bundles.read.push((path, bundle));
                }
                Ok(None) => bundles.untried.push(path),
                Err(failure) if named.is_none() || failure.exit == Exit::LogFault => {
                    bundles.broken.push(failure);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(bundles)
    }

    /// Where the bundle at `position` is.
    pub(crate) fn path(&self, position: usize) -> &Path {
        &self.read[position].0
    }

    /// The record `id` from every bundle that proves it: the one of the newest view that holds.
    pub(crate) fn open_named(&self, trust: Option<&TrustFile>, id: RecordId) -> Vec<Candidate> {
        let mut found = Vec::new();
        for at in 0..self.read.len() {
            self.open(at, trust, id, &mut found);
        }
        found
    }

    /// The records that list one of `sources`, by the keys of docs/SPEC.md, "Lookup": those that name a publisher of the
    /// trust file first, then in the order of the keys, until [`MAX_CANDIDATES`] hold. Those that do not hold take no
    /// other's place: of every bundle up to [`MOST_RANKED`] are tried.
    ///
    /// # Errors
    /// [`Exit::Io`] when a file cannot be read.
    pub(crate) fn open_found(
        &self,
        trust: Option<&TrustFile>,
        sources: &[Source],
    ) -> Result<Vec<Candidate>, Failure> {
        let listed = self.listed(trust);
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let mut find = |key| {
            let having = listed.iter().filter(|(_, listed)| listed.keys.contains(&key));
            let as_both = |record| [KeyKind::Chunk0, KeyKind::Tensors].map(|kind| (record, kind));
            let matches = having
                .flat_map(|(record, _)| as_both(*record))
                .map(|(record, kind)| Match {
                    key,
                    kind,
                    record,
                    path: None,
                });
            Ok(matches.collect())
        };
        let records = search(sources, &mut find)?.into_iter();
        let mut records: Vec<_> = records
            .filter_map(|(id, _)| Some((id, listed.get(&id)?)))
            .collect();
        records.sort_by_key(|(_, listed)| !listed.known);
        let (mut held, mut faulty) = (Vec::new(), Vec::new());
        let mut tried = vec![0; self.read.len()];
        for (record, listed) in records {
            if held.len() >= MAX_CANDIDATES {
                break;
            }
            let mut found = Vec::new();
            for &at in &listed.bundles {
                if tried[at] < MOST_RANKED {
                    tried[at] += 1;
                    self.open(at, trust, record, &mut found);
                }
            }
            for candidate in found {
                if candidate.opened.fault().is_none() {
                    held.push(candidate);
                } else if faulty.len() < MAX_CANDIDATES {
                    faulty.push(candidate);
                }
            }
        }
        held.append(&mut faulty);
        Ok(held)
    }

    /// The records in the bundles that list files, and by what they are found.
    fn listed(&self, trust: Option<&TrustFile>) -> BTreeMap<RecordId, Listed> {
        let mut listed: BTreeMap<_, Listed> = BTreeMap::new();
        for (at, (_, bundle)) in self.read.iter().enumerate() {
            for id in bundle.records() {
                if let Some(known) = listed.get_mut(&id) {
                    known.bundles.push(at);
                    continue;
                }
                let record = bundle
                    .payload(&id)
                    .and_then(|payload| Record::parse(payload).ok());
                let Some(record) = record else {
                    continue;
                };
                if let Some(manifest) = record.manifest() {
                    let known = trust.and_then(|trust| trust.pinned_genesis(record.publisher()));
                    let new = Listed {
                        bundles: vec![at],
                        keys: keys_of(manifest),
                        known: known.is_some(),
                    };
                    listed.insert(id, new);
                }
            }
        }
        listed
    }

    fn open(&self, at: usize, trust: Option<&TrustFile>, id: RecordId, into: &mut Vec<Candidate>) {
        let (_, bundle) = &self.read[at];
        let (Some(payload), Some(proof)) = (bundle.payload(&id), bundle.proof(&id)) else {
            return;
        };
        let opened = verify::open(trust, id, payload, &proof, crate::commands::now());
        let candidate = Candidate {
            index: opened.log().map_or(proof.index, |log| log.index),
            opened,
            supplier: Supplier::Bundle(at),
        };
        match into.iter_mut().find(|known| known.opened.id() == id) {
            Some(known) if known.view() >= candidate.view() => {}
            Some(known) => *known = candidate,
            None => into.push(candidate),
        }
    }
}

/// A record in a bundle that lists files.
struct Listed {
    /// Positions of the bundles that have it.
    bundles: Vec<usize>,
    keys: BTreeSet<Sha256Digest>,
    /// Whether the trust file has the name of its publisher, which is not proved yet.
    known: bool,
}

/// By what a file of the manifest is recognised.
fn keys_of(manifest: &Manifest) -> BTreeSet<Sha256Digest> {
    let files = manifest.files().iter().filter(|file| file.size > 0);
    files
        .flat_map(|file| [Some(file.chunk0), file.tensors])
        .flatten()
        .collect()
}

/// Fetches a record with its proof from the registry, and proves it; none when it has no such record.
///
/// # Errors
/// [`Exit::Network`].
pub(crate) fn fetch(
    client: &Client,
    trust: Option<&TrustFile>,
    id: RecordId,
) -> Result<Option<Candidate>, Failure> {
    let Some(payload) = client.get_if_there(&paths::record(&id), MAX_PAYLOAD_BYTES as u64)? else {
        return Ok(None);
    };
    let proof: RecordProof = client.get_json(&paths::record_proof(&id))?;
    let opened = verify::open(trust, id, &payload, &proof, crate::commands::now());
    Ok(Some(Candidate {
        index: opened.log().map_or(proof.index, |log| log.index),
        opened,
        supplier: Supplier::Registry,
    }))
}
