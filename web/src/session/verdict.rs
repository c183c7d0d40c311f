//! From what was read to what is shown: judged by every record that the files may belong to, the best told first.

use leptos::prelude::*;
use provenance::{
    RecordId,
    verify::{Observation, Opened},
};

use super::Session;
use crate::{
    candidate::Candidate,
    evidence::Evidence,
    judgement::{self, Judgement},
    sidecars,
    task::spawn,
    verification::{Phase, Verification},
};

/// What verdicts are made from, again whenever trust changes.
pub(super) struct Basis {
    /// Every record that the files may belong to.
    pub(super) records: Vec<Evidence>,
    /// What was read.
    pub(super) seen: Observation,
    /// Records whose sidecars are in `seen`.
    pub(super) placed: Vec<RecordId>,
    /// The one that the visitor picked among equals.
    pub(super) picked: Option<RecordId>,
}

impl Session {
    /// The visitor picked one of several candidates.
    pub(crate) fn pick(self, record: RecordId) {
        self.with_basis(|basis| basis.picked = Some(record));
        self.settle_again();
    }

    /// Shows the verdict of `run`, with the places of the differences as soon as they are known.
    pub(super) async fn settle(self, run: u64) {
        while let Some(opened) = self.show_best(run) {
            let (Some(manifest), Some(plan)) = (opened.manifest(), self.plan()) else {
                return;
            };
            let from = self.bundle_of(opened.id());
            let sidecars = sidecars::fetch(manifest, &plan, from.as_deref()).await.bytes;
            if !self.state.with_untracked(|state| state.is_current(run)) {
                return;
            }
            self.with_basis(|basis| {
                basis.seen.sidecars.extend(sidecars);
                basis.placed.push(opened.id());
            });
        }
    }

    /// Judges what was read against every record, and shows the one that says most; or asks, where only the visitor
    /// can know. Gives the best record when its sidecars are still missed, to place its differences.
    fn show_best(self, run: u64) -> Option<Opened> {
        if !self.state.with_untracked(|state| state.is_current(run)) {
            return None;
        }
        let plan = self.plan()?;
        let (best, equal, wanted) = self.with_basis(|basis| {
            let records = &basis.records;
            let of = |evidence: &Evidence| Judgement::of(&self.open(evidence), evidence.index(), &basis.seen);
            let mut judgements: Vec<Judgement> = records.iter().map(of).collect();
            let (equal, open) = judgement::best_of(&judgements);
            let picked = equal.iter().find(|at| Some(records[**at].id) == basis.picked);
            let best = picked.or(equal.first().filter(|_| !open)).copied();
            let known = equal.iter().filter(|at| Some(**at) != best);
            let known = known
                .filter_map(|at| self.describe(&records[*at], &plan))
                .collect();
            let Some(at) = best else {
                return (None, known, None);
            };
            let missed = judgements[at].has_differences() && !basis.placed.contains(&records[at].id);
            let wanted = missed.then(|| self.open(&records[at]));
            (Some(judgements.swap_remove(at)), known, wanted)
        })?;
        self.state.update(|state| match best {
            None => state.offer(run, equal),
            // What is shown already is replaced at once: trust may have been taken back.
            Some(mut best) if wanted.is_none() || matches!(state.phase, Phase::Judged(_)) => {
                best.also = equal.iter().map(Candidate::by).collect();
                state.judged(run, best);
            }
            Some(_) => {}
        });
        wanted
    }

    pub(super) fn with_basis<T>(self, act: impl FnOnce(&mut Basis) -> T) -> Option<T> {
        self.held
            .try_update_value(|held| held.basis.as_mut().map(act))
            .flatten()
    }

    /// The same bytes are judged anew when the chosen trust file has changed.
    pub(super) fn judge_again(self) {
        let changes = self.trust_changes();
        let judged_before = self.held.try_update_value(|held| {
            std::mem::replace(&mut held.judged_at, changes) != changes && held.basis.is_some()
        });
        if judged_before != Some(true) {
            return;
        }
        if self.holds_broken_bundle() {
            // The registry may have what this bundle does not prove to the newly trusted log.
            self.again();
        } else {
            self.settle_again();
        }
    }

    fn settle_again(self) {
        spawn(self.settle(self.state.with_untracked(Verification::run)));
    }
}
