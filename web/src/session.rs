//! The verify page at work: takes files, runs a check, judges, and judges again when trust changes.
//!
//! State that is shown lives in signals; handles that JavaScript owns (files, workers) stay on this thread in
//! [`Held`].

mod bundles;
mod verdict;

use std::{collections::BTreeMap, rc::Rc, sync::Arc};

use leptos::prelude::*;
use provenance::{
    PublisherName, RecordId,
    manifest::Manifest,
    trust::TrustFile,
    verify::{Observation, Opened, Report, points_to},
};
use web_sys::File;

use self::verdict::Basis;
use crate::{
    candidate::{Candidate, choose},
    check::{self, Likely},
    evidence::{self, Evidence, Search},
    files::{self, Picked},
    judgement::Judgement,
    plan::{Plan, PlanError},
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
    /// Workers that wait for the next run: those of the page's start, then those of the last run. So a check needs no
    /// connection once the page is there.
    spare: Option<Rc<Pool>>,
    /// What the last verdict was made from.
    basis: Option<Basis>,
    /// [`TrustState::changes`](crate::trust::TrustState::changes) at that verdict.
    judged_at: u64,
}

/// The verify page at work. Cheap to copy; all copies are the same session.
#[derive(Clone, Copy)]
pub(crate) struct Session {
    /// What is shown.
    pub(crate) state: RwSignal<Verification>,
    /// Whom the visitor trusts.
    pub(crate) trust: TrustSession,
    /// How many questions about a record have no answer yet.
    pub(crate) open_questions: RwSignal<usize>,
    held: StoredValue<Held, LocalStorage>,
}

impl Session {
    /// A session without files.
    pub(crate) fn new(trust: TrustSession) -> Self {
        let session = Self {
            state: RwSignal::new(Verification::default()),
            trust,
            open_questions: RwSignal::new(0),
            held: StoredValue::new_local(Held {
                spare: Some(check::start_pool()),
                ..Held::default()
            }),
        };
        // The same bytes are judged anew whenever the chosen trust file changes; nothing is read again.
        Effect::new(move |_| {
            trust.state.track();
            session.judge_again();
        });
        session
    }

    /// Checks the files of a picker or a drop.
    pub(crate) fn take(self, picked: Picked) {
        self.stop_work();
        let main = Plan::main_ref(&picked.listed).and_then(|at| picked.handles.get(at).cloned());
        let Some(main) = main else {
            return self.plan_for(picked, None);
        };
        let run = self.state.with_untracked(Verification::run);
        spawn(async move {
            let text = files::text_of(&main).await;
            // Other files may have been given meanwhile.
            if self.state.with_untracked(|state| state.is_current(run)) {
                self.plan_for(picked, text.as_deref());
            }
        });
    }

    /// Checks the files; `main` is what their folder says of the revision that is meant.
    fn plan_for(self, picked: Picked, main: Option<&str>) {
        let named = self.state.with_untracked(|state| state.named.is_some());
        match Plan::new(&picked.listed, main, named) {
            Ok(plan) => {
                self.held.update_value(|held| {
                    *held = Held {
                        picked,
                        spare: held.spare.take(),
                        ..Held::default()
                    }
                });
                self.begin(Arc::new(plan));
            }
            Err(PlanError::OnlyBundles { bundles }) => self.describe_bundles(bundles, picked.handles),
            Err(error) => self.state.update(|state| state.refuse(error.to_string())),
        }
    }

    /// The address names no record.
    pub(crate) fn misled(self, what: String) {
        self.stop_work();
        self.state
            .update(|state| state.stopped(state.run(), Stop::misled(what)));
    }

    /// The browser could not even list what was dropped.
    pub(crate) fn refuse(self, what: &str) {
        self.stop_work();
        self.state
            .update(|state| state.refuse(format!("The browser could not read what was dropped: {what}.")));
    }

    /// Checks the same files again, every byte of them.
    pub(crate) fn again(self) {
        let Some(plan) = self.plan() else {
            return;
        };
        self.stop_work();
        self.begin(plan);
    }

    /// Ends the run and forgets the files.
    pub(crate) fn cancel(self) {
        self.stop_work();
        self.held.update_value(|held| {
            *held = Held {
                spare: held.spare.take(),
                ..Held::default()
            }
        });
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

    /// The visitor named a record, a digest or a link.
    pub(crate) fn ask(self, query: Query) {
        let run = self.state.with_untracked(Verification::run);
        let asked = self
            .state
            .try_maybe_update(|state| (false, state.ask()))
            .unwrap_or_default();
        self.open_questions.update(|open| *open += 1);
        spawn(async move {
            let result = match query {
                Query::Record(id) => self
                    .name(asked, id)
                    .await
                    .map_err(|what| Stop::unchecked(what, false)),
                Query::Digest(digest) => match evidence::search_digest(digest).await {
                    Ok(search) => self.name_found(asked, search, RecordId::from_digest(digest)),
                    Err(error) => Err(Stop::unchecked(error.to_string(), false)),
                },
            };
            self.open_questions.update(|open| *open -= 1);
            let stands = |state: &Verification| state.is_current(run) && state.is_last_asked(asked);
            if let Err(stop) = result
                && self.state.with_untracked(stands)
            {
                self.stop_work();
                self.state.update(|state| state.stopped(run, stop));
            }
        });
    }

    /// Pins the publisher of the verdict that is shown.
    pub(crate) fn pin_publisher(self) {
        if let Some(identity) = self.of_shown(|report| report.identity.clone()) {
            self.trust.pin(&identity.publisher, identity.genesis);
        }
    }

    /// The record of the verdict that is shown is the one that the files should be.
    pub(crate) fn expect_shown(self) {
        if let Some(record) = self.of_shown(|report| report.record) {
            self.ask(Query::Record(record));
        }
    }

    /// What the verdict that is shown says, if one is.
    fn of_shown<T>(self, read: impl FnOnce(&Report) -> Option<T>) -> Option<T> {
        self.state.with_untracked(|state| match &state.phase {
            Phase::Judged(judged) => read(&judged.report),
            _ => None,
        })
    }

    /// Forgets the record that the visitor named.
    pub(crate) fn unname(self) {
        self.state.update(Verification::unname);
    }

    async fn name(self, asked: u64, id: RecordId) -> Result<(), String> {
        let evidence = Evidence::fetch(id).await.map_err(|error| error.to_string())?;
        let opened = self.open(&evidence);
        if let Some(fault) = opened.fault() {
            return Err(format!(
                "Record {id} does not hold: {}. Nothing was compared with it.",
                fault.detail
            ));
        }
        let Some(about) = Candidate::of(&opened, evidence.index(), &Plan::nothing()) else {
            return Err(format!(
                "Record {id} lists no files. Name the signature record of the model instead."
            ));
        };
        self.expect_record(asked, about);
        Ok(())
    }

    /// The answer to the question `asked` is the record `about`: files that are here are compared with it at once.
    fn expect_record(self, asked: u64, about: Candidate) {
        let named = self.state.try_update(|state| state.name(asked, about));
        // Without files there is nothing to do again.
        if named == Some(true) {
            self.again();
        }
    }

    fn name_found(self, asked: u64, search: Search, as_record: RecordId) -> Result<(), Stop> {
        let mut candidates = self.candidates(search.found, &Plan::nothing());
        choose(&mut candidates);
        if let Some((about, _)) = candidates.into_iter().next() {
            self.expect_record(asked, about);
            return Ok(());
        }
        let what = format!(
            "No record lists a file or model with this digest. {} It may be a record’s own id; asking for that \
             tells the registry all of it.",
            search.told
        );
        Err(Stop::not_found(what, as_record))
    }

    fn begin(self, plan: Arc<Plan>) {
        let spare = self.held.try_update_value(|held| held.spare.take()).flatten();
        let pool = spare
            .filter(|pool| pool.is_sound())
            .unwrap_or_else(check::start_pool);
        self.held.update_value(|held| {
            held.pool = Some(Rc::clone(&pool));
            held.basis = None;
        });
        let (mut run, named) = (0, self.state.with_untracked(|state| state.named.clone()));
        self.state.update(|state| run = state.start(Arc::clone(&plan)));
        spawn(async move {
            let named = named.map(|named| named.record);
            let result = self.try_bundles(run, &pool, &plan, named).await;
            self.finish(run, result);
        });
    }

    async fn ask_registry(
        self,
        run: u64,
        pool: &Rc<Pool>,
        plan: &Plan,
        named: Option<RecordId>,
    ) -> Result<(), String> {
        let Some(id) = named else {
            return self.search(run, pool, plan).await;
        };
        let evidence = Evidence::fetch(id).await.map_err(|error| error.to_string())?;
        self.compare(run, pool, vec![evidence], true, true).await
    }

    async fn search(self, run: u64, pool: &Rc<Pool>, plan: &Plan) -> Result<(), String> {
        let handles = self.handles();
        let search = evidence::search(pool, plan, &handles, &|name| self.knows(name))
            .await
            .map_err(|error| error.to_string())?;
        self.state.update(|state| {
            if state.is_current(run) {
                state.told = Some(search.told.clone());
            }
        });
        let junk = search.junk_files(plan);
        let mut candidates = self.candidates(search.found, plan);
        let sure = choose(&mut candidates);
        // A record that does not hold is told as such only where there is no other, not passed over as "no record".
        if candidates.first().is_some_and(|(best, _)| !best.faulty) {
            candidates.retain(|(candidate, _)| !candidate.faulty);
        }
        if candidates.is_empty() {
            let opened = search
                .pointed_to
                .iter()
                .map(|evidence| (self.open(evidence), evidence.index()));
            let opened: Vec<_> = opened.collect();
            let report = Report::not_on_record(
                &junk,
                search.looked_into,
                plan.files.len(),
                points_to(&junk, &opened),
                format!("no record names any of these files. {}", search.told),
            );
            self.state
                .update(|state| state.judged(run, Judgement::without_bytes(report)));
            return Ok(());
        }
        let records = candidates.into_iter().map(|(_, evidence)| evidence).collect();
        self.compare(run, pool, records, sure, false).await
    }

    /// Reads every byte once, and judges it against each of `records`. With `sure`, the first is most likely meant.
    async fn compare(
        self,
        run: u64,
        pool: &Rc<Pool>,
        mut records: Vec<Evidence>,
        sure: bool,
        named: bool,
    ) -> Result<(), String> {
        let Some(plan) = self.plan() else {
            return Ok(());
        };
        loop {
            let placed = records.first().filter(|_| sure).map(|evidence| evidence.id);
            let Some(seen) = self.read(run, pool, &plan, &records, sure).await? else {
                return Ok(());
            };
            let basis = Basis {
                records,
                seen: Observation { named, ..seen },
                placed: placed.into_iter().collect(),
                picked: None,
            };
            self.held.update_value(|held| {
                held.basis = Some(basis);
                held.judged_at = self.trust_changes();
            });
            match self.ask_further(run, pool, &plan, named).await {
                Some(more) => records = more,
                None => break,
            }
        }
        self.settle(run).await;
        Ok(())
    }

    /// Reads what one of `records` lists; `None` when the run ended in between.
    async fn read(
        self,
        run: u64,
        pool: &Rc<Pool>,
        plan: &Plan,
        records: &[Evidence],
        sure: bool,
    ) -> Result<Option<Observation>, String> {
        let opened: Vec<Opened> = records.iter().map(|evidence| self.open(evidence)).collect();
        // A record that does not hold says nothing about any file.
        let hold = || {
            let pairs = opened.iter().zip(records);
            pairs.filter(|(opened, _)| opened.fault().is_none())
        };
        let manifests: Vec<&Manifest> = hold().filter_map(|(opened, _)| opened.manifest()).collect();
        let shown = records.first().filter(|_| sure);
        let shown = shown.and_then(|evidence| self.describe(evidence, plan));
        self.state.update(|state| state.identified(run, shown));
        if manifests.is_empty() {
            return Ok(Some(Observation {
                scope: plan.scope(),
                files: Vec::new(),
                sidecars: BTreeMap::new(),
                named: false,
                ignored: plan.ignored.len() as u64,
                allow_extra: false,
            }));
        }
        let mut likely = hold().filter(|_| sure).filter_map(|(opened, evidence)| {
            Some(Likely {
                manifest: opened.manifest()?,
                from: evidence.bundle.as_deref(),
            })
        });
        let (likely, handles) = (likely.next(), self.handles());
        match check::observe(self.state, run, pool, plan, &handles, &manifests, likely).await {
            Ok(seen) => Ok(seen.filter(|_| self.state.with_untracked(|state| state.is_current(run)))),
            Err(WorkError::Cancelled) => Ok(None),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Ends a run: its workers wait for the next one, and an error is shown.
    fn finish(self, run: u64, result: Result<(), String>) {
        if self.state.with_untracked(|state| state.is_current(run)) {
            self.held
                .update_value(|held| held.spare = held.pool.take().filter(|pool| pool.is_sound()));
        }
        if let Err(what) = result {
            self.state
                .update(|state| state.stopped(run, Stop::unchecked(what, true)));
        }
    }

    fn trust_changes(self) -> u64 {
        self.trust.state.with_untracked(|state| state.changes)
    }

    /// Proves the record. Once more for every verdict: the age of the log view counts up to it.
    fn open(self, evidence: &Evidence) -> Opened {
        self.trust.with_file(|file| evidence.open(file))
    }

    /// Whether the trust file has this name.
    fn knows(self, name: &PublisherName) -> bool {
        let has = |file: &TrustFile| file.pinned_genesis(name).is_some();
        self.trust.with_file(|file| file.is_some_and(has))
    }

    fn describe(self, evidence: &Evidence, plan: &Plan) -> Option<Candidate> {
        Candidate::of(&self.open(evidence), evidence.index(), plan)
    }

    fn candidates(self, found: Vec<Evidence>, plan: &Plan) -> Vec<(Candidate, Evidence)> {
        let described = |evidence| Some((self.describe(&evidence, plan)?, evidence));
        found.into_iter().filter_map(described).collect()
    }

    fn plan(self) -> Option<Arc<Plan>> {
        self.state.with_untracked(|state| state.plan.clone())
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
