//! Proving a record: id, log, inclusion, state, keys, identity.

use super::{
    fault::{Fault, checkpoint_fault, ensure, fault},
    opened::{Opened, Standing},
    publisher::check_entry,
    report::{Check, LogView},
};
use crate::{
    api::RecordProof,
    entry::Entry,
    merkle::TreeHead,
    publisher::PublisherName,
    record::Record,
    record_id::RecordId,
    state::{StateLeaf, StateProof},
    tlog_proof::TlogProof,
    trust::{Freshness, TrustFile, TrustedCheckpoint},
};

/// Proves the record `id` from what a client fetched: the `payload` and its `proof`. Without a trust file the
/// record is only compared with its id, and nothing can become green. `now` is POSIX seconds; without it
/// freshness cannot be confirmed.
pub fn open(
    trust: Option<&TrustFile>,
    id: RecordId,
    payload: &[u8],
    proof: &RecordProof,
    now: Option<u64>,
) -> Opened {
    let mut opened = Opened {
        id,
        record: None,
        checks: Vec::new(),
        fault: None,
        stale: None,
        has_log: trust.is_some(),
        identity: None,
        log: None,
    };
    if let Err(fault) = opened.prove(trust, payload, proof, now) {
        opened
            .checks
            .push(Check::failed(fault.check, fault.detail.clone()));
        opened.fault = Some(Standing {
            subtype: fault.subtype,
            detail: fault.detail,
        });
    }
    opened
}

impl Opened {
    fn prove(
        &mut self,
        trust: Option<&TrustFile>,
        payload: &[u8],
        proof: &RecordProof,
        now: Option<u64>,
    ) -> Result<(), Fault> {
        let found = RecordId::of_payload(payload);
        ensure(found == self.id, "record-id", "record", || {
            format!("the payload that was served is record {found}, not {}", self.id)
        })?;
        self.hold("record-id", "the payload hashes to the record's id");
        let record = Record::parse(payload).map_err(fault("statement", "record"))?;
        self.hold("statement", format!("in-toto statement of type {}", record.kind));
        self.record = Some(record.clone());

        let entry = Entry::parse(&proof.entry.0).map_err(fault("entry", "record"))?;
        check_entry(&entry, &record, payload)?;
        self.hold(
            "entry",
            format!("the log entry names this payload and {}", entry.publisher),
        );

        let Some(trust) = trust else {
            self.checks.push(Check::not_made(
                "log-signature",
                "you have not chosen a log to trust yet",
            ));
            return Ok(());
        };
        let tlog_proof = TlogProof::parse(&proof.proof).map_err(fault("inclusion", "proof"))?;
        let checkpoint = trust
            .check_checkpoint(&tlog_proof.checkpoint)
            .map_err(|e| checkpoint_fault(&e))?;
        let head = *checkpoint.head();
        self.hold(
            "log-signature",
            format!("{} signed its tree of {} entries", checkpoint.origin(), head.size),
        );
        self.check_freshness(&checkpoint, now);

        let index = tlog_proof.index;
        tlog_proof
            .proof
            .verify(&head, index, &entry.leaf_hash())
            .map_err(fault("inclusion", "proof"))?;
        self.hold("inclusion", format!("entry {index} is in the tree"));
        self.log = Some(LogView {
            origin: checkpoint.origin().to_string(),
            index: index.get(),
            size: head.size.get(),
            witnesses: checkpoint.cosignatures().len(),
        });

        let publisher = record.publisher().clone();
        let state = prove_state(trust, &proof.state, &head, &publisher)?;
        let count = state.lines.len();
        self.hold(
            "state",
            match count {
                1 => format!("the tree proves that {publisher} has one keyset and no advisory"),
                n => format!("the tree proves that {publisher} has {n} keysets and advisories in all"),
            },
        );
        let Some((genesis, created, keyset)) =
            self.prove_control(&state, &proof.control, &head, &checkpoint)?
        else {
            return Ok(());
        };
        self.prove_signatures(&record, &entry, index, payload, (genesis, created, &keyset))?;
        self.check_identity(trust, &publisher, genesis, &keyset, &entry);
        Ok(())
    }

    fn check_freshness(&mut self, checkpoint: &TrustedCheckpoint, now: Option<u64>) {
        match checkpoint.freshness(now) {
            Freshness::Fresh => self.hold(
                "freshness",
                "enough witnesses confirmed this view within the limit",
            ),
            Freshness::NotChecked => {
                let detail = "no witness confirms this view, and your trust file asks for none (quorum none, max_age none)";
                self.checks.push(Check::not_made("freshness", detail));
            }
            Freshness::NoWitness => {
                let detail = "no witness confirms this view: the trust file has quorum none and a max_age, which \
                              only a witness could confirm";
                self.not_confirmed("freshness", "no-witness", detail.into());
            }
            Freshness::Old { age_s, limit_s } => {
                let detail = format!(
                    "the newest log view is {} old (limit {}); a withdrawal since then would be missed",
                    hours(age_s),
                    hours(limit_s)
                );
                self.not_confirmed("freshness", "old", detail);
            }
            Freshness::QuorumMissing { have, need } => {
                let detail = format!("{have} witnesses signed this log view, the trust file needs {need}");
                self.not_confirmed("freshness", "quorum", detail);
            }
            Freshness::ClockBehind => {
                let detail = "a witness signed this view more than 5 minutes in the future of this device's clock; set the clock";
                self.not_confirmed("freshness", "clock", detail.into());
            }
            Freshness::NoClock => {
                self.not_confirmed(
                    "freshness",
                    "clock",
                    "the time is not known here, so age cannot be judged".into(),
                );
            }
        }
    }
}

fn hours(seconds: u64) -> String {
    if seconds < 7200 {
        format!("{} min", seconds / 60)
    } else {
        format!("{} h", seconds / 3600)
    }
}

fn prove_state(
    trust: &TrustFile,
    text: &str,
    head: &TreeHead,
    publisher: &PublisherName,
) -> Result<StateLeaf, Fault> {
    let proof = StateProof::parse(text).map_err(fault("state", "proof"))?;
    let checkpoint = trust
        .check_checkpoint(&proof.tlog_proof.checkpoint)
        .map_err(|e| checkpoint_fault(&e))?;
    ensure(checkpoint.head() == head, "state", "proof", || {
        "the state proof is for another view of the log than the record's proof".into()
    })?;
    proof.verify(head, publisher).map_err(fault("state", "proof"))
}
