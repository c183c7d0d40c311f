//! Asking the registry: which records list these files, and what proves them.

use std::cmp::Reverse;

use provenance::{
    RecordId, Sha256Digest,
    api::{RecordProof, paths},
    lookup::MAX_CANDIDATES,
    trust::TrustFile,
};

use super::{Context, Run};
use crate::{
    also::{self, Candidate, Promise},
    client::{Client, MAX_ANSWER_BYTES},
    failure::{Exit, Failure},
    find::{Candidates, find_candidates},
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
        let candidates = find_candidates(client, &self.found.sources())?;
        self.context.output.note(privacy_note(&candidates));
        let mut opened = Vec::new();
        for id in worth_opening(self.context, client, trust, candidates.records)? {
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
    Ok(also::most_promising(ranked, MAX_CANDIDATES))
}

fn privacy_note(candidates: &Candidates) -> String {
    let Candidates {
        prefixes_sent,
        digits,
        as_of_size,
        ..
    } = candidates;
    let sent = match prefixes_sent {
        0 => "no digest was sent, not even in part: the registry's index is small enough to fetch whole"
            .to_owned(),
        1 => format!("1 prefix of {digits} hex digits was sent to the registry"),
        n => format!("{n} prefixes of {digits} hex digits were sent to the registry"),
    };
    format!(
        "Your files stay on this computer; {sent} (log of {} entries).",
        output::grouped(*as_of_size)
    )
}
