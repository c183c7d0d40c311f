//! Proving who published: the keysets of a name, the signatures on a record, and whether the user pinned the name.

use super::{
    fault::{Fault, ensure, fault},
    opened::Opened,
    report::{Check, Identity, KeyHolder},
};
use crate::{
    api::ControlEntry,
    entry::Entry,
    keyset::{Keyset, Role},
    merkle::{LeafIndex, TreeHead},
    publisher::PublisherName,
    record::{Body, Record},
    record_id::RecordId,
    state::StateLeaf,
    statement::KEYSET_TYPE,
    tlog_proof::TlogProof,
    trust::{TrustFile, TrustedCheckpoint},
};

impl Opened {
    /// Checks every control entry that the state lists, and gives the genesis, its index, and the keyset in force.
    pub(super) fn prove_control(
        &mut self,
        state: &StateLeaf,
        control: &[ControlEntry],
        head: &TreeHead,
        checkpoint: &TrustedCheckpoint,
    ) -> Result<Option<(RecordId, u64, Keyset)>, Fault> {
        let mut in_force = None;
        for line in &state.lines {
            let Some(shown) = control.iter().find(|c| c.index == line.index) else {
                let detail = format!(
                    "entry {} ({}) of {} was not shown",
                    line.index, line.kind, state.publisher
                );
                self.not_confirmed("control", "withheld", detail);
                return Ok(None);
            };
            let entry = Entry::parse(&shown.entry.0).map_err(fault("control", "record"))?;
            let same = entry.publisher == state.publisher
                && entry.kind == line.kind
                && entry.payload == line.payload;
            ensure(same, "control", "proof", || {
                format!("entry {} is not the one that the state lists", line.index)
            })?;
            let proof = TlogProof::parse(&shown.proof).map_err(fault("control", "proof"))?;
            ensure(proof.index.get() == line.index, "control", "proof", || {
                format!(
                    "the proof shown for entry {} is for entry {}",
                    line.index, proof.index
                )
            })?;
            proof
                .proof
                .verify(head, proof.index, &entry.leaf_hash())
                .map_err(fault("control", "proof"))?;
            let record = Record::parse(&shown.payload.0).map_err(fault("keyset", "record"))?;
            check_entry(&entry, &record, &shown.payload.0)?;
            match record.body {
                Body::Keyset(keyset) if keyset.version == 1 && in_force.is_none() => {
                    let origin = checkpoint.origin().to_string();
                    ensure(keyset.origins.contains(&origin), "keyset", "record", || {
                        format!("the keyset is not for the log {origin}")
                    })?;
                    keyset
                        .check_creation(&shown.payload.0, &entry.signatures)
                        .map_err(fault("keyset", "record"))?;
                    in_force = Some((record.id, line.index, keyset));
                }
                _ => {
                    let detail = format!(
                        "entry {} is a {} that this version cannot judge",
                        line.index, line.kind
                    );
                    self.not_confirmed("control", "unsupported", detail);
                }
            }
        }
        let (id, index, keyset) = in_force.ok_or_else(|| Fault {
            check: "keyset",
            subtype: "record",
            detail: format!("{} has no keyset in this log", state.publisher),
        })?;
        self.hold(
            "keyset",
            format!(
                "keyset 1 of {} (entry {index}) is signed by all its keys",
                state.publisher
            ),
        );
        if self
            .stale
            .as_ref()
            .is_none_or(|s| !matches!(s.subtype, "withheld" | "unsupported"))
        {
            self.hold(
                "withdrawals",
                format!(
                    "no withdrawal by {} up to entry {}",
                    state.publisher,
                    head.size.get() - 1
                ),
            );
        }
        Ok(Some((id, index, keyset)))
    }

    /// Checks that the keyset in force signed the record, and that the record names its genesis.
    pub(super) fn prove_signatures(
        &mut self,
        record: &Record,
        entry: &Entry,
        index: LeafIndex,
        payload: &[u8],
        (genesis, created, keyset): (RecordId, u64, &Keyset),
    ) -> Result<(), Fault> {
        if record.kind == KEYSET_TYPE {
            keyset
                .check(Role::Root, payload, &entry.signatures)
                .map_err(fault("signatures", "record"))?;
        } else {
            ensure(index.get() > created, "signatures", "record", || {
                format!(
                    "the record (entry {index}) is older than its publisher's first keyset (entry {created})"
                )
            })?;
            keyset
                .check(Role::Sign, payload, &entry.signatures)
                .map_err(fault("signatures", "record"))?;
            let stated = record.artifact().map(|a| a.subject.genesis);
            ensure(stated == Some(genesis), "signatures", "record", || {
                format!(
                    "the record names another genesis than {genesis}, which this log gives {}",
                    keyset.publisher
                )
            })?;
        }
        let holders = keyset.holders(&entry.signatures).len();
        self.hold(
            "signatures",
            format!(
                "signed by {holders} of the keyset's holders, {} needed",
                keyset.threshold.sign
            ),
        );
        Ok(())
    }

    /// Says who signed, and whether the trust file pins them.
    pub(super) fn check_identity(
        &mut self,
        trust: &TrustFile,
        publisher: &PublisherName,
        genesis: RecordId,
        keyset: &Keyset,
        entry: &Entry,
    ) {
        let pinned = trust.pinned_genesis(publisher);
        let other_genesis = pinned.filter(|pinned| *pinned != genesis);
        let signers = (entry.signatures.iter())
            .filter_map(|s| keyset.member(s.keyid))
            .map(|m| KeyHolder {
                keyid: m.key.keyid(),
                holder: m.holder.clone(),
            })
            .collect();
        self.identity = Some(Identity {
            publisher: publisher.clone(),
            genesis,
            signers,
            pinned: pinned == Some(genesis),
            other_genesis,
        });
        if pinned == Some(genesis) {
            self.hold(
                "publisher",
                format!("your trust file pins {publisher} with genesis {genesis}"),
            );
            return;
        }
        self.checks.push(match other_genesis {
            Some(other) => Check::failed(
                "publisher",
                format!(
                    "your trust file pins {publisher} with another genesis, {other}; this one is {genesis}"
                ),
            ),
            None => Check::not_made("publisher", format!("{publisher} is not in your trust file")),
        });
    }
}

/// Checks that a log entry is about the payload that was served.
pub(super) fn check_entry(entry: &Entry, record: &Record, payload: &[u8]) -> Result<(), Fault> {
    let is = |holds, what: &'static str| {
        ensure(holds, "entry", "record", || {
            format!("the log entry is for another {what} than the payload served")
        })
    };
    is(entry.payload == RecordId::of_payload(payload), "payload")?;
    is(entry.size == payload.len() as u64, "size")?;
    is(entry.kind == record.kind, "kind")?;
    is(entry.publisher == *record.publisher(), "publisher")
}
