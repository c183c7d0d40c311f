//! Proving a record: id, log, inclusion, state, keys, identity.

use super::report::{Check, Identity, KeyHolder, LogView};
use crate::{
    api::{ControlEntry, RecordProof},
    entry::Entry,
    keyset::{Keyset, Role},
    manifest::Manifest,
    merkle::{LeafIndex, TreeHead},
    publisher::PublisherName,
    record::{Body, Record, RecordId},
    state::{StateLeaf, StateProof},
    statement::KEYSET_TYPE,
    tlog_proof::TlogProof,
    trust::{CheckpointTrustError, Freshness, TrustFile, TrustedCheckpoint},
};

/// Why a verdict is not green, found before any byte of a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `record`, `proof`, `checkpoint`; or for views that are not confirmed `no-witness`, `old`, `quorum`,
    /// `clock`, `withheld`, `unsupported`.
    pub subtype: &'static str,
    /// What was found, for people.
    pub detail: String,
}

/// A record after all checks that need no file. Holds what was found, good or bad; only
/// [`Opened::judge`] turns it into a verdict.
#[derive(Debug, Clone)]
pub struct Opened {
    pub(super) id: RecordId,
    pub(super) record: Option<Record>,
    pub(super) checks: Vec<Check>,
    pub(super) fault: Option<Standing>,
    pub(super) stale: Option<Standing>,
    pub(super) has_log: bool,
    pub(super) identity: Option<Identity>,
    pub(super) log: Option<LogView>,
}

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

/// A check that failed, and with it the record.
struct Fault {
    check: &'static str,
    subtype: &'static str,
    detail: String,
}

fn fault<E: ToString>(check: &'static str, subtype: &'static str) -> impl Fn(E) -> Fault {
    move |e| Fault {
        check,
        subtype,
        detail: e.to_string(),
    }
}

fn ensure(
    holds: bool,
    check: &'static str,
    subtype: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault {
            check,
            subtype,
            detail: detail(),
        })
    }
}

impl Opened {
    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The record, if its payload is the one that its id names and it parses.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The files that the record lists.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.record.as_ref()?.manifest()
    }

    /// The checks made so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Why the record does not hold, if it does not.
    pub fn fault(&self) -> Option<&Standing> {
        self.fault.as_ref()
    }

    /// Why the view is not confirmed as current, if it is not.
    pub fn stale(&self) -> Option<&Standing> {
        self.stale.as_ref()
    }

    /// Who signed, once proved.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Where it is logged, once proved.
    pub fn log(&self) -> Option<&LogView> {
        self.log.as_ref()
    }

    /// Whether the record holds and its publisher is pinned.
    pub fn is_trusted(&self) -> bool {
        self.fault.is_none() && self.identity.as_ref().is_some_and(|i| i.pinned)
    }

    fn hold(&mut self, name: &str, detail: impl Into<String>) {
        self.checks.push(Check::held(name, detail));
    }

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
            format!("the tree proves that {publisher} has {count} keysets and advisories in all"),
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

    fn not_confirmed(&mut self, check: &'static str, subtype: &'static str, detail: String) {
        self.checks.push(Check::failed(check, detail.clone()));
        self.stale.get_or_insert(Standing { subtype, detail });
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

    /// Checks every control entry that the state lists, and gives the genesis, its index, and the keyset in force.
    fn prove_control(
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

    fn prove_signatures(
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

    fn check_identity(
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
        let detail = match other_genesis {
            Some(other) => format!(
                "your trust file pins {publisher} with another genesis, {other}; this one is {genesis}"
            ),
            None => format!("{publisher} is not in your trust file"),
        };
        self.checks.push(Check::failed("publisher", detail));
    }
}

fn hours(seconds: u64) -> String {
    if seconds < 7200 {
        format!("{} min", seconds / 60)
    } else {
        format!("{} h", seconds / 3600)
    }
}

fn checkpoint_fault(error: &CheckpointTrustError) -> Fault {
    Fault {
        check: "log-signature",
        subtype: "checkpoint",
        detail: error.to_string(),
    }
}

fn check_entry(entry: &Entry, record: &Record, payload: &[u8]) -> Result<(), Fault> {
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
