//! The verify page at work: takes files, runs a check, judges, and judges again when trust changes.
//!
//! State that is shown lives in signals; handles that JavaScript owns (files, workers) stay on this thread in
//! [`Held`].

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{
    RecordId,
    verify::{Junk, Observation, Report},
};
use web_sys::File;

use crate::{
    candidate::{Candidate, choose},
    check,
    evidence::{self, Evidence, Search},
    files::Picked,
    judgement::Judgement,
    plan::Plan,
    query::Query,
    task::spawn,
    trust_session::TrustSession,
    verification::{Phase, Stop, Verification},
    worker_pool::{Pool, WorkError},
};

/// What a run holds that is not shown.
#[derive(Default)]
struct Held {
    picked: Picked,
    pool: Option<Rc<Pool>>,
    found: Vec<Evidence>,
    /// What the last verdict was made from.
    judged: Option<(Evidence, Observation)>,
}

/// The verify page at work. Cheap to copy; all copies are the same session.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    /// What is shown.
    pub(crate) state: RwSignal<Verification>,
    /// Whom the visitor trusts.
    pub(crate) trust: TrustSession,
    held: StoredValue<Held, LocalStorage>,
}

impl Session {
    /// A session without files.
    pub(crate) fn new(trust: TrustSession) -> Self {
        let session = Self {
            state: RwSignal::new(Verification::default()),
            trust,
            held: StoredValue::new_local(Held::default()),
        };
        // The same bytes are judged anew whenever trust changes; nothing is read again.
        Effect::new(move |_| {
            trust.state.track();
            session.judge_again();
        });
        session
    }

    /// Checks the files of a picker or a drop.
    pub(crate) fn take(self, picked: Picked) {
        self.stop_work();
        match Plan::new(&picked.listed) {
            Ok(plan) => {
                self.held.update_value(|held| {
                    *held = Held {
                        picked,
                        ..Held::default()
                    }
                });
                self.begin(plan);
            }
            Err(error) => self.state.update(|state| state.refuse(error.to_string())),
        }
    }

    /// The browser could not even list what was dropped.
    pub(crate) fn refuse(self, what: &str) {
        self.stop_work();
        self.state
            .update(|state| state.refuse(format!("The browser could not read what was dropped: {what}.")));
    }

    /// Checks the same files again, every byte of them.
    pub(crate) fn again(self) {
        let Some(plan) = self.state.with_untracked(|state| state.plan.clone()) else {
            return;
        };
        self.stop_work();
        self.begin(plan);
    }

    /// Ends the run and forgets the files.
    pub(crate) fn cancel(self) {
        self.stop_work();
        self.held.update_value(|held| *held = Held::default());
        self.state.update(Verification::cancel);
    }

    /// Stops or goes on reading.
    pub(crate) fn set_paused(self, paused: bool) {
        let changed = self
            .state
            .try_update(|state| state.set_paused(paused))
            .unwrap_or_default();
        self.held.with_value(|held| match &held.pool {
            Some(pool) if changed && paused => pool.pause(),
            Some(pool) if changed => pool.resume(),
            _ => {}
        });
    }

    /// The visitor picked one of several candidates.
    pub(crate) fn pick(self, record: RecordId) {
        let found = self
            .held
            .with_value(|held| held.found.iter().find(|evidence| evidence.id == record).cloned());
        let run = self.state.with_untracked(Verification::run);
        if let (Some(evidence), Some(pool)) = (found, self.held.with_value(|held| held.pool.clone())) {
            spawn(async move { self.finish(run, self.compare(run, &pool, evidence, true).await) });
        }
    }

    /// The visitor named a record, a digest or a link.
    pub(crate) fn ask(self, query: Query) {
        let run = self.state.with_untracked(Verification::run);
        spawn(async move {
            let result = match query {
                Query::Record(id) => self.name(id).await.map_err(|what| Stop::unchecked(what, false)),
                Query::Digest(digest) => match evidence::search_digest(digest).await {
                    Ok(search) => self.name_found(&search, RecordId::from_digest(digest)),
                    Err(error) => Err(Stop::unchecked(error.to_string(), false)),
                },
            };
            if let Err(stop) = result {
                self.stop_work();
                self.state.update(|state| state.stopped(run, stop));
            }
        });
    }

    /// Pins the publisher of the verdict that is shown.
    pub(crate) fn pin_publisher(self) {
        let identity = self.state.with_untracked(|state| match &state.phase {
            Phase::Judged(judged) => judged.report.identity.clone(),
            _ => None,
        });
        if let Some(identity) = identity {
            self.trust.pin(&identity.publisher, identity.genesis);
        }
    }

    /// Forgets the record that the visitor named.
    pub(crate) fn unname(self) {
        self.state.update(|state| state.named = None);
    }

    async fn name(self, id: RecordId) -> Result<(), String> {
        let evidence = Evidence::fetch(id).await.map_err(|error| error.to_string())?;
        let opened = self.trust.with_file(|file| evidence.open(file));
        if let Some(fault) = opened.fault() {
            return Err(format!(
                "Record {id} does not hold: {}. Nothing was compared with it.",
                fault.detail
            ));
        }
        let Some(about) = Candidate::of(&opened, &Plan::nothing()) else {
            return Err(format!(
                "Record {id} lists no files. Name the signature record of the model instead."
            ));
        };
        self.state.update(|state| state.name(id, about));
        if self.state.with_untracked(|state| state.plan.is_some()) {
            self.again();
        }
        Ok(())
    }

    fn name_found(self, search: &Search, as_record: RecordId) -> Result<(), Stop> {
        let mut candidates = self.candidates(&search.found, &Plan::nothing());
        choose(&mut candidates);
        if let Some(about) = candidates.into_iter().next() {
            self.state.update(|state| state.name(about.record, about));
            return Ok(());
        }
        let what = format!(
            "No record lists a file or model with this digest. {} It may be a record’s own id; asking for that \
             tells the registry all of it.",
            search.told
        );
        Err(Stop::not_found(what, as_record))
    }

    fn begin(self, plan: Plan) {
        let pool = check::start_pool();
        self.held.update_value(|held| {
            held.pool = Some(Rc::clone(&pool));
            held.found = Vec::new();
            held.judged = None;
        });
        let (mut run, named) = (0, self.state.with_untracked(|state| state.named.clone()));
        self.state.update(|state| run = state.start(plan.clone()));
        spawn(async move {
            let result = match named {
                Some(named) => match Evidence::fetch(named.record).await {
                    Ok(evidence) => self.compare(run, &pool, evidence, true).await,
                    Err(error) => Err(error.to_string()),
                },
                None => self.search(run, &pool, &plan).await,
            };
            self.finish(run, result);
        });
    }

    async fn search(self, run: u64, pool: &Rc<Pool>, plan: &Plan) -> Result<(), String> {
        let handles = self.handles();
        let search = evidence::search(pool, plan, &handles)
            .await
            .map_err(|error| error.to_string())?;
        let Search { found, junk, told } = search;
        self.state.update(|state| {
            if state.is_current(run) {
                state.told = Some(told.clone());
            }
        });
        let mut candidates = self.candidates(&found, plan);
        let clear = choose(&mut candidates);
        // A record that does not hold may list nothing; it is told as such, not passed over as "no record".
        let is_faulty =
            |evidence: &&Evidence| self.trust.with_file(|file| evidence.open(file)).fault().is_some();
        let best = candidates.first().map_or_else(
            || found.iter().find(is_faulty),
            |best| found.iter().find(|evidence| evidence.id == best.record),
        );
        let best = best.cloned();
        self.held.update_value(|held| held.found = found);
        match best {
            None => {
                let report = Report::unknown(
                    junk.map(Junk::code),
                    format!("no record names any of these files. {told}"),
                );
                self.state
                    .update(|state| state.judged(run, Judgement::without_bytes(report)));
                Ok(())
            }
            Some(evidence) if clear || candidates.is_empty() => {
                self.compare(run, pool, evidence, false).await
            }
            Some(_) => {
                self.state.update(|state| state.offer(run, candidates));
                Ok(())
            }
        }
    }

    /// Reads every byte, and judges it against `evidence`.
    async fn compare(self, run: u64, pool: &Rc<Pool>, evidence: Evidence, named: bool) -> Result<(), String> {
        let Some(plan) = self.state.with_untracked(|state| state.plan.clone()) else {
            return Ok(());
        };
        let opened = self.trust.with_file(|file| evidence.open(file));
        self.state
            .update(|state| state.identified(run, Candidate::of(&opened, &plan)));
        let observation = match (opened.manifest(), opened.fault()) {
            (Some(manifest), None) => {
                let handles = self.handles();
                match check::observe(self.state, run, pool, &plan, &handles, manifest).await {
                    Ok(Some(observation)) => Observation { named, ..observation },
                    Ok(None) | Err(WorkError::Cancelled) => return Ok(()),
                    Err(error) => return Err(error.to_string()),
                }
            }
            // A record that does not hold says nothing about any file, so no file is read.
            _ => Observation {
                scope: plan.scope(),
                files: Vec::new(),
                sidecars: std::collections::BTreeMap::new(),
                named,
                ignored: plan.ignored.len() as u64,
                allow_extra: false,
            },
        };
        let judgement = self.judge(&evidence, &observation);
        if self.state.with_untracked(|state| state.is_current(run)) {
            self.held
                .update_value(|held| held.judged = Some((evidence, observation)));
            self.state.update(|state| state.judged(run, judgement));
        }
        Ok(())
    }

    /// Ends a run: its workers are no longer needed, and an error is shown.
    fn finish(self, run: u64, result: Result<(), String>) {
        let choosing = self
            .state
            .with_untracked(|state| matches!(state.phase, Phase::Choosing(_)) && state.is_current(run));
        if !choosing && self.state.with_untracked(|state| state.is_current(run)) {
            self.held.update_value(|held| held.pool = None);
        }
        if let Err(what) = result {
            self.state
                .update(|state| state.stopped(run, Stop::unchecked(what, true)));
        }
    }

    fn judge_again(self) {
        let judgement = self.held.with_value(|held| {
            let (evidence, observation) = held.judged.as_ref()?;
            Some(self.judge(evidence, observation))
        });
        let run = self.state.with_untracked(Verification::run);
        if let Some(judgement) = judgement {
            self.state.update(|state| state.judged(run, judgement));
        }
    }

    fn judge(self, evidence: &Evidence, observation: &Observation) -> Judgement {
        Judgement::of(&self.trust.with_file(|file| evidence.open(file)), observation)
    }

    fn candidates(self, found: &[Evidence], plan: &Plan) -> Vec<Candidate> {
        let describe = |evidence: &Evidence| {
            let opened = self.trust.with_file(|file| evidence.open(file));
            Candidate::of(&opened, plan)
        };
        found.iter().filter_map(describe).collect()
    }

    fn handles(self) -> Vec<File> {
        self.held.with_value(|held| held.picked.handles.clone())
    }

    fn stop_work(self) {
        self.held.update_value(|held| {
            if let Some(pool) = held.pool.take() {
                pool.cancel();
            }
        });
    }
}
