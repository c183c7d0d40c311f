//! The verify page's state: one plain struct, changed by named transitions, shown by the components.
//!
//! Nothing asynchronous happens here. [`crate::session`] does the reading and asking, and calls a transition for
//! everything that comes back. A transition that comes too late (after a cancel, or for an earlier choice of
//! files) changes nothing.

use std::sync::Arc;

use provenance::{RecordId, Sha256Digest};

use crate::{
    candidate::Candidate,
    judgement::Judgement,
    plan::Plan,
    progress::{Outcome, Progress},
    text,
};

/// Why a run or a question ended without an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    /// A few words.
    pub(crate) title: &'static str,
    /// What happened, where and why likely.
    pub(crate) what: String,
    /// Whether the same files can be tried again at once.
    pub(crate) retry: bool,
    /// A digest that nobody recorded, but that could be a record's own id.
    pub(crate) perhaps: Option<RecordId>,
}

impl Stop {
    /// Something could not be checked.
    pub(crate) fn unchecked(what: String, retry: bool) -> Self {
        Self {
            title: "We could not check this",
            what,
            retry,
            perhaps: None,
        }
    }

    /// The address of the page names no record.
    pub(crate) fn misled(what: String) -> Self {
        Self {
            title: "This address names no record",
            ..Self::unchecked(what, false)
        }
    }

    /// Bundles were given, and no file that they could be about.
    pub(crate) fn only_bundles(contents: &str) -> Self {
        let what =
            format!("{contents} Give the model’s files together with it, and they are checked against it.");
        Self {
            title: "A bundle, and no model beside it",
            ..Self::unchecked(what, false)
        }
    }

    /// A digest was looked up in vain.
    pub(crate) fn not_found(what: String, perhaps: RecordId) -> Self {
        Self {
            title: "No record of this digest",
            what,
            retry: false,
            perhaps: Some(perhaps),
        }
    }
}

/// Where a run stands.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Nothing chosen yet.
    Waiting,
    /// Looking for the record of these files.
    Identifying,
    /// Every byte was read, and several publishers recorded the same; the visitor picks.
    Choosing(Vec<Candidate>),
    /// Reading every byte.
    Hashing(Progress),
    /// Done.
    Judged(Box<Judgement>),
    /// Ended without a verdict.
    Stopped(Stop),
}

/// The state.
#[derive(Debug)]
pub(crate) struct Verification {
    /// Where the run stands.
    pub(crate) phase: Phase,
    /// What is being checked.
    pub(crate) plan: Option<Arc<Plan>>,
    /// The record compared with, once known.
    pub(crate) candidate: Option<Candidate>,
    /// The record that the visitor named: the files are compared with it.
    pub(crate) named: Option<Candidate>,
    /// Whether to compute whole-file digests too.
    pub(crate) whole: bool,
    /// What the registry was told, once it was.
    pub(crate) told: Option<String>,
    /// What came of the bundles among the files, where there were any.
    pub(crate) bundles: Option<String>,
    /// Counts runs, so that late answers of an earlier one are known.
    run: u64,
    /// Counts what the visitor named, for the same reason.
    asked: u64,
}

impl Default for Verification {
    fn default() -> Self {
        Self {
            phase: Phase::Waiting,
            plan: None,
            candidate: None,
            named: None,
            whole: false,
            told: None,
            bundles: None,
            run: 0,
            asked: 0,
        }
    }
}

impl Verification {
    /// Starts over with `plan`. Returns the number of the run.
    pub(crate) fn start(&mut self, plan: Arc<Plan>) -> u64 {
        self.run += 1;
        self.plan = Some(plan);
        self.candidate = None;
        self.told = None;
        self.bundles = None;
        self.phase = Phase::Identifying;
        self.run
    }

    /// The files given cannot be checked.
    pub(crate) fn refuse(&mut self, what: String) {
        self.run += 1;
        self.plan = None;
        self.phase = Phase::Stopped(Stop::unchecked(what, false));
    }

    /// The visitor asks for a record. Returns the number of the question.
    pub(crate) fn ask(&mut self) -> u64 {
        self.asked += 1;
        self.asked
    }

    /// Whether nothing was asked after the question `asked`.
    pub(crate) fn is_last_asked(&self, asked: u64) -> bool {
        self.asked == asked
    }

    /// The record to compare with is known, as the answer to the question `asked`. Returns whether that question
    /// still stands.
    pub(crate) fn name(&mut self, asked: u64, about: Candidate) -> bool {
        if !self.is_last_asked(asked) {
            return false;
        }
        self.named = Some(about);
        if matches!(self.phase, Phase::Stopped(_)) {
            self.phase = Phase::Waiting;
        }
        true
    }

    /// The visitor expects nothing in particular any more.
    pub(crate) fn unname(&mut self) {
        self.ask();
        self.named = None;
    }

    /// Ends the run, keeps the files out of it, and waits for other ones.
    pub(crate) fn cancel(&mut self) {
        self.run += 1;
        self.plan = None;
        self.candidate = None;
        self.phase = Phase::Waiting;
    }

    /// Whether `run` is the one under way.
    pub(crate) fn is_current(&self, run: u64) -> bool {
        self.run == run
    }

    /// Several records are equally good.
    pub(crate) fn offer(&mut self, run: u64, candidates: Vec<Candidate>) {
        if self.is_current(run) {
            self.phase = Phase::Choosing(candidates);
        }
    }

    /// The record that is most likely meant is known, its lists are being fetched; none where several fit equally
    /// well.
    pub(crate) fn identified(&mut self, run: u64, candidate: Option<Candidate>) {
        if self.is_current(run) {
            self.candidate = candidate;
            self.phase = Phase::Identifying;
        }
    }

    /// Reading begins.
    pub(crate) fn hash(&mut self, run: u64, progress: Progress) {
        if self.is_current(run) {
            self.phase = Phase::Hashing(progress);
        }
    }

    /// A chunk of `file` came at `now` milliseconds. Returns whether it should be shown at once.
    pub(crate) fn chunk(
        &mut self,
        run: u64,
        file: usize,
        index: u64,
        digest: Sha256Digest,
        now: f64,
    ) -> bool {
        self.hashing(run)
            .is_some_and(|progress| progress.chunk(file, index, digest, now))
    }

    /// The progress of `run`, while it reads.
    pub(crate) fn hashing(&mut self, run: u64) -> Option<&mut Progress> {
        match &mut self.phase {
            Phase::Hashing(progress) if self.run == run => Some(progress),
            _ => None,
        }
    }

    /// What was read, while it is still the run under way.
    pub(crate) fn outcomes(&self, run: u64) -> Option<Vec<Outcome>> {
        match &self.phase {
            Phase::Hashing(progress) if self.run == run => Some(progress.outcomes()),
            _ => None,
        }
    }

    /// Holds the reading, or lets it go on. Returns whether that changed anything.
    pub(crate) fn set_paused(&mut self, paused: bool) -> bool {
        match &mut self.phase {
            Phase::Hashing(progress) if progress.paused != paused => {
                progress.set_paused(paused);
                true
            }
            _ => false,
        }
    }

    /// The verdict is in. Also called again when trust changed and the same bytes are judged anew.
    pub(crate) fn judged(&mut self, run: u64, judgement: Judgement) {
        if self.is_current(run) {
            self.phase = Phase::Judged(Box::new(judgement));
        }
    }

    /// The run ended without a verdict.
    pub(crate) fn stopped(&mut self, run: u64, stop: Stop) {
        if self.is_current(run) {
            self.phase = Phase::Stopped(stop);
        }
    }

    /// What came of the bundles of `run`.
    pub(crate) fn note_bundles(&mut self, run: u64, sentences: &[String]) {
        if self.is_current(run) {
            self.bundles = Some(sentences.join(" ")).filter(|text| !text.is_empty());
        }
    }

    /// Number of the run under way.
    pub(crate) fn run(&self) -> u64 {
        self.run
    }

    /// Whether leaving the page would lose work.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.phase, Phase::Identifying | Phase::Hashing(_))
    }

    /// The window's title.
    pub(crate) fn window_title(&self) -> String {
        match &self.phase {
            Phase::Hashing(progress) => {
                let paused = if progress.paused { " paused" } else { "" };
                format!("{}%{paused} · Weighbridge", progress.percent())
            }
            Phase::Identifying => "Looking up · Weighbridge".to_owned(),
            Phase::Judged(judged) => format!("{} · Weighbridge", judged.report.headline),
            Phase::Stopped(_) => "Not checked · Weighbridge".to_owned(),
            Phase::Waiting | Phase::Choosing(_) => "Weighbridge: check a downloaded model".to_owned(),
        }
    }

    /// Whether a difference counts against the files: the record was named, or its publisher is trusted.
    pub(crate) fn compares_against_trust(&self) -> bool {
        self.candidate.as_ref().is_some_and(|candidate| {
            candidate.trusted
                || self
                    .named
                    .as_ref()
                    .is_some_and(|named| named.record == candidate.record)
        })
    }

    /// `Looks like acme/minilm 1.0 by acme.example (record 7f3c…). Checking every byte.`
    pub(crate) fn identification(&self) -> Option<String> {
        let Some(candidate) = &self.candidate else {
            let text = "Several records fit these files. Checking every byte, which tells them apart.";
            return matches!(self.phase, Phase::Hashing(_)).then(|| text.to_owned());
        };
        if candidate.faulty {
            return None;
        }
        let record = text::short_digest(&candidate.record.to_string());
        let by = candidate.by();
        Some(match &self.named {
            Some(named) if named.record == candidate.record => {
                format!("Comparing with {by} (record {record}). Checking every byte.")
            }
            _ => format!("Looks like {by} (record {record}). Checking every byte."),
        })
    }
}

#[cfg(test)]
mod tests {
    use provenance::verify::Report;

    use super::*;
    use crate::candidate::tests::candidate;
    use crate::plan::Listed;

    fn plan() -> Arc<Plan> {
        let listed = Listed {
            path: "m/a".into(),
            size: 5,
        };
        Arc::new(Plan::new(&[listed], None, false).unwrap())
    }

    #[test]
    fn an_answer_for_an_earlier_run_changes_nothing() {
        let mut state = Verification::default();
        let first = state.start(plan());
        let second = state.start(plan());
        state.judged(first, Judgement::without_bytes(Report::unknown(None, "late")));
        assert!(matches!(state.phase, Phase::Identifying));
        state.stopped(second, Stop::unchecked("now".into(), true));
        assert!(matches!(state.phase, Phase::Stopped(_)));
    }

    #[test]
    fn nothing_arrives_after_a_cancel() {
        let mut state = Verification::default();
        let run = state.start(plan());
        state.hash(run, Progress::default());
        state.cancel();
        assert!(!state.chunk(run, 0, 0, Sha256Digest::of(b""), 0.0));
        assert_eq!(state.outcomes(run), None);
        state.judged(run, Judgement::without_bytes(Report::unknown(None, "late")));
        assert!(matches!(state.phase, Phase::Waiting));
        assert!(!state.is_busy());
    }

    #[test]
    fn a_late_answer_does_not_replace_the_record_named_last() {
        let mut state = Verification::default();
        let (slow, quick) = (state.ask(), state.ask());
        let (first, second) = (candidate(1, false, 3), candidate(2, false, 3));
        assert!(state.name(quick, second.clone()));
        assert!(!state.name(slow, first.clone()));
        assert_eq!(state.named.as_ref().unwrap().record, second.record);
        let forgotten = state.ask();
        state.unname();
        assert!(!state.name(forgotten, first));
        assert_eq!(state.named, None);
    }

    #[test]
    fn a_pause_is_noted_once() {
        let mut state = Verification::default();
        assert!(!state.set_paused(true));
        let run = state.start(plan());
        state.hash(run, Progress::default());
        assert!(state.set_paused(true));
        assert!(!state.set_paused(true));
        assert_eq!(state.window_title(), "100% paused · Weighbridge");
    }

    #[test]
    fn the_identification_says_whether_the_record_was_named() {
        let mut state = Verification::default();
        let run = state.start(plan());
        assert_eq!(state.identification(), None);
        state.identified(run, Some(candidate(1, false, 3)));
        assert!(
            state
                .identification()
                .unwrap()
                .starts_with("Looks like acme/minilm 1.0 by acme.example (record ")
        );
        state.named = Some(candidate(1, false, 3));
        assert!(state.identification().unwrap().starts_with("Comparing with"));
    }
}
