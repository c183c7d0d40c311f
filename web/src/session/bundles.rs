//! Bundles first: a run that a bundle answers asks the registry nothing.

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{
    RecordId,
    verify::{Bytes, Opened, Verdict},
};
use web_sys::File;

use super::Session;
use crate::{
    bundles::{Bundles, Named},
    candidate::choose,
    evidence::{self, Evidence},
    judgement::{self, Judgement},
    plan::{Plan, PlanFile},
    task::spawn,
    verification::{Stop, Verification},
    worker_pool::Pool,
};

/// What a bundle leaves for the registry to say.
enum Open {
    /// Whether its view of the log is current.
    Current(RecordId),
    /// Whether another record says more, and why it could.
    Fitting(&'static str),
}

impl Session {
    /// Compares the files with what the bundles among them hold, or else with what the registry has.
    pub(super) async fn try_bundles(
        self,
        run: u64,
        pool: &Rc<Pool>,
        plan: &Plan,
        named: Option<RecordId>,
    ) -> Result<(), String> {
        let handles = self.handles();
        let bundles = Bundles::read(&plan.bundles, &handles).await;
        let found = if let Some(id) = named {
            bundles.named(id)
        } else {
            let knows = |name: &_| self.knows(name);
            let holds = |evidence: &Evidence| self.open(evidence).fault().is_none();
            let found = bundles.search(pool, plan, &handles, &knows, &holds).await;
            found.map_err(|error| error.to_string())?
        };
        let (held, mut told) = self.sort_out(found);
        told.extend(bundles.told.iter().cloned());
        if held.is_empty() {
            if told.is_empty() && !plan.bundles.is_empty() {
                told.push(format!("{} That is not about these files.", bundles.contents()));
            }
            self.note(run, &told);
            let asked = self.ask_registry(run, pool, plan, named).await;
            return asked.map_err(|why| format!("{} {why}", told.join(" ")).trim_start().to_owned());
        }
        self.note(run, &told);
        let mut candidates = self.candidates(held, plan);
        let sure = choose(&mut candidates);
        let records = candidates.into_iter().map(|(_, evidence)| evidence).collect();
        self.compare(run, pool, records, sure, named.is_some()).await
    }

    /// The records that hold, each once, by the bundle with the newest view; and why the others do not.
    fn sort_out(self, found: Vec<Evidence>) -> (Vec<Evidence>, Vec<String>) {
        let (mut held, mut told): (Vec<(u64, Evidence)>, Vec<String>) = (Vec::new(), Vec::new());
        for evidence in found {
            let opened = self.open(&evidence);
            if let Some(fault) = opened.fault() {
                told.push(broken(&evidence, &opened, &fault.detail));
                continue;
            }
            let size = opened.log().map_or(0, |log| log.size);
            match held.iter_mut().find(|(_, known)| known.id == evidence.id) {
                Some((newest, _)) if *newest >= size => {}
                Some(known) => *known = (size, evidence),
                None => held.push((size, evidence)),
            }
        }
        (held.into_iter().map(|(_, evidence)| evidence).collect(), told)
    }

    /// After the files were read: asks the registry for what a bundle leaves open, if it does. Gives the records to
    /// compare with anew when one of them lists files that were not read.
    pub(super) async fn ask_further(
        self,
        run: u64,
        pool: &Rc<Pool>,
        plan: &Plan,
        named: bool,
    ) -> Option<Vec<Evidence>> {
        let name = self.with_basis(|basis| {
            let all = basis.records.iter().all(|evidence| evidence.bundle.is_some());
            let first = basis.records.first().filter(|_| all)?;
            first.bundle.as_ref().map(|named| named.name.clone())
        })??;
        let before = self.state.with_untracked(|state| state.bundles.clone());
        let tell = |sentence: String| {
            let sentences: Vec<String> = before.iter().cloned().chain([sentence]).collect();
            self.note(run, &sentences);
        };
        let (why, asked) = match self.left_open(named) {
            None => {
                tell(format!(
                    "The evidence came from the bundle {name}. The registry was asked nothing."
                ));
                return None;
            }
            Some(Open::Current(id)) => (
                "The bundle’s view of the log is not confirmed as current",
                Evidence::fetch(id)
                    .await
                    .map(|fresh| vec![fresh])
                    .map_err(|error| error.to_string()),
            ),
            Some(Open::Fitting(why)) => (
                why,
                match evidence::search(pool, plan, &self.handles(), &|name| self.knows(name)).await {
                    Ok(search) => {
                        self.state.update(|state| {
                            if state.is_current(run) {
                                state.told = Some(search.told);
                            }
                        });
                        Ok(search.found)
                    }
                    Err(error) => Err(error.to_string()),
                },
            ),
        };
        let found = match asked {
            Ok(found) => found,
            Err(error) => {
                tell(format!(
                    "The evidence came from the bundle {name}. {why}, and the registry could not be asked: {error}"
                ));
                return None;
            }
        };
        let (found, mut faults) = self.sort_out(found);
        let found = self.without_older(found, &mut faults);
        tell(
            format!("{why}, so the registry was asked as well. {}", faults.join(" "))
                .trim_end()
                .to_owned(),
        );
        self.join(plan, found)
    }

    /// `found` without what is proved by a smaller tree than a bundle proves for the same record.
    fn without_older(self, found: Vec<Evidence>, told: &mut Vec<String>) -> Vec<Evidence> {
        let size = |evidence: &Evidence| self.open(evidence).log().map_or(0, |log| log.size);
        let is_older = |new: &Evidence| {
            let newer = |known: &Evidence| known.id == new.id && size(known) > size(new);
            self.with_basis(|basis| basis.records.iter().any(newer)) == Some(true)
        };
        let (older, found): (Vec<_>, Vec<_>) = found.into_iter().partition(is_older);
        if !older.is_empty() {
            told.push(
                "It shows an older view of the log than the bundle proves; the bundle’s word stands."
                    .to_owned(),
            );
        }
        found
    }

    /// Adds `found` to what is judged; gives all records when the files have to be read again for them.
    fn join(self, plan: &Plan, found: Vec<Evidence>) -> Option<Vec<Evidence>> {
        let opened: Vec<Opened> = found.iter().map(|evidence| self.open(evidence)).collect();
        self.with_basis(|basis| {
            let manifests: Vec<_> = opened.iter().filter_map(Opened::manifest).collect();
            let files = plan.to_read(&manifests).into_iter().zip(&basis.seen.files);
            let mut files = files.filter(|(read, _)| *read);
            let again = files.any(|(_, file)| matches!(file.bytes, Bytes::NotRead));
            basis
                .records
                .retain(|known| found.iter().all(|new| new.id != known.id));
            basis.records.extend(found);
            again.then(|| std::mem::take(&mut basis.records))
        })?
    }

    /// What the best of the bundles' records leaves open.
    fn left_open(self, named: bool) -> Option<Open> {
        self.with_basis(|basis| {
            let of = |evidence: &Evidence| Judgement::of(&self.open(evidence), evidence.index(), &basis.seen);
            let judgements: Vec<Judgement> = basis.records.iter().map(of).collect();
            let best = *judgement::best_of(&judgements).0.first()?;
            let (report, first) = (&judgements[best].report, &basis.records[best]);
            let trusted = self.open(first).is_trusted();
            match report.verdict {
                Verdict::Stale if trusted || named => Some(Open::Current(first.id)),
                Verdict::Mismatch | Verdict::Incomplete | Verdict::Unknown | Verdict::LogFault => (!named)
                    .then_some(Open::Fitting(
                        "These files are not what the bundle’s record lists",
                    )),
                // Where no log is trusted nobody is, whatever the registry says.
                _ if report.subtype.as_deref() == Some("no-log") => None,
                _ => (!named && !trusted).then_some(Open::Fitting(
                    "The bundle’s record is not by a publisher that you trust",
                )),
            }
        })?
    }

    /// The bundle that the record `id` of the last verdict came from.
    pub(super) fn bundle_of(self, id: RecordId) -> Option<Rc<Named>> {
        self.with_basis(|basis| {
            let record = basis.records.iter().find(|evidence| evidence.id == id)?;
            record.bundle.clone()
        })?
    }

    /// Whether the last verdict rests on a bundle that the trust file now chosen does not accept.
    pub(super) fn holds_broken_bundle(self) -> bool {
        let broken = |evidence: &Evidence| evidence.bundle.is_some() && self.open(evidence).fault().is_some();
        self.with_basis(|basis| basis.records.iter().any(broken)) == Some(true)
    }

    /// Bundles without anything to check: says what they hold.
    pub(super) fn describe_bundles(self, bundles: Vec<PlanFile>, handles: Vec<File>) {
        let run = self.state.with_untracked(Verification::run);
        spawn(async move {
            let contents = Bundles::read(&bundles, &handles).await.contents();
            self.state
                .update(|state| state.stopped(run, Stop::only_bundles(&contents)));
        });
    }

    fn note(self, run: u64, sentences: &[String]) {
        self.state.update(|state| state.note_bundles(run, sentences));
    }
}

fn broken(evidence: &Evidence, opened: &Opened, detail: &str) -> String {
    let detail = provenance::path::visible(detail);
    match &evidence.bundle {
        Some(named) => format!("The bundle {} does not hold: {detail}.", named.name),
        None => format!(
            "What the registry gave for record {} does not hold: {detail}.",
            opened.id()
        ),
    }
}
