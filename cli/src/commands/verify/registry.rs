//! Asking the registry: which records list these files, and what proves them.

use std::cmp::Reverse;

use provenance::{
    RecordId, Sha256Digest,
    api::{RecordProof, paths},
    lookup::{KeyKind, MAX_CANDIDATES, Promise, Sent, most_promising},
    trust::TrustFile,
    verify::{JunkFile, PointsTo, pointers, points_to},
};

use super::{Context, Run};
use crate::{
    also::Candidate,
    client::{Client, MAX_ANSWER_BYTES},
    failure::{Exit, Failure},
    find::Finder,
    output,
    supply::{self, Supplier},
};

impl Run<'_> {
    /// The registry, which is going to be asked.
    ///
    /// # Errors
    /// [`Exit::Usage`] when none is known.
    fn registry(&mut self) -> Result<&Client, Failure> {
        if self.client.is_none() {
            self.client = Some(self.context.needed_registry(self.trust.as_ref())?);
        }
        self.asked = true;
        self.client
            .as_ref()
            .ok_or_else(|| Failure::usage("no registry is known"))
    }

    /// The named record, or those that list the files, as the registry has them.
    pub(super) fn ask_registry(&mut self) -> Result<Vec<Candidate>, Failure> {
        if let Some(id) = self.args.record {
            return self.fresh(id);
        }
        self.registry()?;
        let (Some(client), trust) = (self.client.as_ref(), self.trust.as_ref()) else {
            return Ok(Vec::new());
        };
        let mut finder = Finder::new(client)?;
        let records = finder.candidates(&self.found.sources())?;
        let mut opened = Vec::new();
        let index = self.index.insert(finder.index);
        if records.is_empty() {
            // More may be asked for; it is told then.
            return Ok(opened);
        }
        self.context.output.note(privacy_note(index.sent()));
        for id in worth_opening(self.context, client, trust, records)? {
            let usable = |one: &Candidate| one.opened.manifest().is_some() || one.opened.fault().is_some();
            opened.extend(supply::fetch(client, trust, id)?.filter(usable));
        }
        Ok(opened)
    }

    /// The record `id` as the registry proves it now; none when it has no such record.
    pub(super) fn fresh(&mut self, id: RecordId) -> Result<Vec<Candidate>, Failure> {
        self.registry()?;
        let (Some(client), trust) = (self.client.as_ref(), self.trust.as_ref()) else {
            return Ok(Vec::new());
        };
        Ok(supply::fetch(client, trust, id)?.into_iter().collect())
    }

    /// What the Git LFS pointers among `junk` stand for: whole files of records are looked up by their SHA-256. Asks
    /// nothing where no file was looked up either.
    pub(super) fn pointed_to(&mut self, junk: &[JunkFile<'_>]) -> Result<Vec<PointsTo>, Failure> {
        let (Some(client), Some(index)) = (self.client.as_ref(), self.index.take()) else {
            return Ok(Vec::new());
        };
        let mut finder = Finder::over(client, index);
        let mut records = Vec::new();
        for pointer in pointers(junk) {
            let found = finder.digest(pointer.oid)?;
            let whole = found
                .iter()
                .filter(|found| matches!(found.kind, KeyKind::File | KeyKind::LfsOid));
            for found in whole {
                if !records.contains(&found.record) && records.len() < MAX_CANDIDATES {
                    records.push(found.record);
                }
            }
        }
        let mut opened = Vec::new();
        for id in records {
            let record = supply::fetch(client, self.trust.as_ref(), id)?;
            opened.extend(record.map(|record| (record.opened, record.index)));
        }
        self.context.output.note(privacy_note(finder.index.sent()));
        self.index = Some(finder.index);
        Ok(points_to(junk, &opened))
    }

    /// A sidecar from whoever supplied the record.
    pub(super) fn sidecar(
        &self,
        supplier: Supplier,
        digest: &Sha256Digest,
        limit: u64,
    ) -> Result<Vec<u8>, Failure> {
        let held = |at: usize| self.bundles.read[at].1.blob(digest);
        match (supplier, &self.client) {
            (Supplier::Bundle(at), _) => held(at).map(<[u8]>::to_vec).ok_or_else(|| {
                let path = self.bundles.path(at).display();
                Failure::new(
                    Exit::Unknown,
                    format!("the bundle {path} does not hold the sidecar {digest}"),
                )
            }),
            (Supplier::Registry, Some(client)) => client.get(&paths::blob(digest), limit),
            (Supplier::Registry, None) => Err(Failure::usage("no registry is known")),
        }
    }
}

/// The records to open where more share the files than are opened. Here the registry's word is taken; what is opened
/// is proved.
fn worth_opening(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    records: Vec<(RecordId, usize)>,
) -> Result<Vec<RecordId>, Failure> {
    if records.len() <= MAX_CANDIDATES {
        return Ok(records.into_iter().map(|(id, _)| id).collect());
    }
    context.output.note(format!(
        "At least {} records share data with these files; {MAX_CANDIDATES} of them are compared, those of names in your trust file and the oldest first. To compare with another one, name it with --record ID.",
        records.len()
    ));
    let mut ranked = Vec::with_capacity(records.len());
    for (id, shared) in records {
        let path = paths::record_proof(&id);
        if let Some(body) = client.get_if_there(&path, MAX_ANSWER_BYTES as u64)? {
            let proof: RecordProof = client.parse(&path, &body)?;
            let known = trust.is_some_and(|trust| trust.pinned_genesis(&proof.publisher).is_some());
            let index = proof.index;
            ranked.push((
                Promise {
                    known,
                    shared,
                    oldest: Reverse(index),
                },
                id,
            ));
        }
    }
    Ok(most_promising(ranked))
}

fn privacy_note(sent: Sent) -> String {
    format!(
        "Your files stay on this computer. {} Its log has {} entries.",
        sent.words(),
        output::grouped(sent.as_of_size)
    )
}
