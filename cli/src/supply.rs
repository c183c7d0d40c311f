//! Where the evidence of a run comes from: bundles on disk first, then the registry. Both are believed as little.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use provenance::{
    RecordId, Sha256Digest,
    api::{RecordProof, paths},
    bundle::Bundle,
    dsse::MAX_PAYLOAD_BYTES,
    lookup::{KeyKind, MAX_CANDIDATES, Match},
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
    /// Bundles beside the files that are too many to be tried.
    pub(crate) untried: usize,
}

impl Bundles {
    /// The bundle that was named, else those beside what is checked.
    ///
    /// # Errors
    /// [`Exit::Io`] when a bundle or its folder cannot be read.
    pub(crate) fn gather(named: Option<&Path>, checked: &Path, single_file: bool) -> Result<Self, Failure> {
        let mut paths = match named {
            Some(path) => vec![path.to_owned()],
            None => bundle_file::beside(checked, single_file)?,
        };
        let mut bundles = Self {
            untried: paths.len().saturating_sub(MOST_BESIDE),
            ..Self::default()
        };
        paths.truncate(MOST_BESIDE);
        for path in paths {
            match bundle_file::read(&path) {
                Ok(bundle) => bundles.read.push((path, bundle)),
                Err(failure) if failure.exit == Exit::LogFault => bundles.broken.push(failure),
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

    /// The records that list one of `sources`, by the keys of docs/SPEC.md, "Lookup", in their order.
    ///
    /// # Errors
    /// [`Exit::Io`] when a file cannot be read.
    pub(crate) fn open_found(
        &self,
        trust: Option<&TrustFile>,
        sources: &[Source],
    ) -> Result<Vec<Candidate>, Failure> {
        let mut listed = Vec::new();
        for (at, (_, bundle)) in self.read.iter().enumerate() {
            for id in bundle.records() {
                let record = bundle
                    .payload(&id)
                    .and_then(|payload| Record::parse(payload).ok());
                if let Some(keys) = record.as_ref().and_then(Record::manifest).map(keys_of) {
                    listed.push((at, id, keys));
                }
            }
        }
        let mut found = Vec::new();
        if listed.is_empty() {
            return Ok(found);
        }
        let mut find = |key| {
            let having = listed.iter().filter(|(_, _, keys)| keys.contains(&key));
            let as_both = |record| [KeyKind::Chunk0, KeyKind::Tensors].map(|kind| (record, kind));
            let matches = having
                .flat_map(|(_, id, _)| as_both(*id))
                .map(|(record, kind)| Match {
                    key,
                    kind,
                    record,
                    path: None,
                });
            Ok(matches.collect())
        };
        for (record, _) in search(sources, &mut find)? {
            for (at, id, _) in listed.iter().filter(|(_, id, _)| *id == record) {
                if found.len() < MAX_CANDIDATES {
                    self.open(*at, trust, *id, &mut found);
                }
            }
        }
        Ok(found)
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
        let standing = |of: &Candidate| {
            let size = of.opened.log().map_or(0, |log| log.size);
            (of.opened.fault().is_none(), of.opened.stale().is_none(), size)
        };
        match into.iter_mut().find(|known| known.opened.id() == id) {
            Some(known) if standing(known) >= standing(&candidate) => {}
            Some(known) => *known = candidate,
            None => into.push(candidate),
        }
    }
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
