//! The verify page's state: one plain struct, changed by named transitions, shown by the components.
//!
//! Nothing asynchronous happens here. [`crate::session`] does the reading and asking, and calls a transition for
//! everything that comes back. A transition that comes too late (after a cancel, or for an earlier choice of
//! files) changes nothing.

use provenance::{
    RecordId, Sha256Digest,
    chunk::ChunkList,
    lookup,
    manifest::Manifest,
    path::visible,
    record::Record,
    verify::{Bytes, FileReport, FileVerdict, Observation, Opened, Report, SeenFile},
};

use crate::{
    order::order,
    plan::Plan,
    progress::{Outcome, Progress},
    text,
};

/// A record that could be the one for these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The record.
    pub(crate) record: RecordId,
    /// The artifact's name, made visible.
    pub(crate) name: String,
    /// The artifact's version.
    pub(crate) version: Option<String>,
    /// Its publisher.
    pub(crate) publisher: String,
    /// Whether the record holds and its publisher is pinned.
    pub(crate) trusted: bool,
    /// Whether the record fails a check of its own.
    pub(crate) faulty: bool,
    /// Files it lists.
    pub(crate) listed: usize,
    /// Listed files that are here under their name and size.
    pub(crate) fitting: usize,
    /// Listed files that are here under their name.
    pub(crate) named: usize,
}

impl Candidate {
    /// Describes an opened record beside the files at hand; `None` when it holds and lists no files. A record
    /// that does not hold is described as far as it could be read: the verdict about it is a fault.
    pub(crate) fn of(opened: &Opened, plan: &Plan) -> Option<Self> {
        let faulty = opened.fault().is_some();
        let files = opened.manifest().map_or(&[][..], Manifest::files);
        if files.is_empty() && !faulty {
            return None;
        }
        let seen: Vec<(&str, u64)> = plan.files.iter().map(|f| (f.path.as_str(), f.size)).collect();
        let (fitting, named) = opened
            .manifest()
            .map_or((0, 0), |manifest| lookup::fit(manifest, &seen));
        let record = opened.record();
        let subject = record
            .and_then(Record::artifact)
            .map(|artifact| &artifact.subject);
        Some(Self {
            record: opened.id(),
            name: subject.map_or_else(|| "a record".to_owned(), |s| visible(&s.name)),
            version: subject.and_then(|s| s.version.as_deref()).map(visible),
            publisher: record.map_or_else(
                || "nobody known".to_owned(),
                |record| record.publisher().to_string(),
            ),
            trusted: opened.is_trusted(),
            faulty,
            listed: files.len(),
            fitting,
            named,
        })
    }

    /// `acme/minilm 1.0`.
    pub(crate) fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    fn rank(&self) -> (bool, bool, usize, usize) {
        (!self.faulty, self.trusted, self.fitting, self.named)
    }
}

/// Sorts candidates, best first, and says whether the first is clearly the best.
pub(crate) fn choose(candidates: &mut Vec<Candidate>) -> bool {
    let better = |a: &Candidate, b: &Candidate| b.rank().cmp(&a.rank()).then(a.record.cmp(&b.record));
    let sorted = order(candidates.len(), &|a, b| better(&candidates[a], &candidates[b]));
    *candidates = sorted.into_iter().map(|at| candidates[at].clone()).collect();
    match candidates.as_slice() {
        [] => false,
        [_] => true,
        [first, second, ..] => first.rank() > second.rank(),
    }
}

/// What a digest or id that the visitor named stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The record that the files will be compared with.
    pub(crate) record: RecordId,
    /// What it is, once it was fetched.
    pub(crate) about: Option<Candidate>,
}

/// Why a run ended without a verdict.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stop {
    /// What happened, where and why likely.
    pub(crate) what: String,
    /// Whether the same files can be tried again at once.
    pub(crate) retry: bool,
}

/// A differing chunk: what was signed and what was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ChunkPair {
    /// The listed path.
    pub(crate) path: String,
    /// The chunk, from 0.
    pub(crate) chunk: u64,
    /// The signed digest; none past the listed end.
    pub(crate) expected: Option<Sha256Digest>,
    /// The digest found; none past the found end.
    pub(crate) found: Option<Sha256Digest>,
}

/// A report with the digests behind its differences.
#[derive(Debug, Clone)]
pub(crate) struct Judgement {
    /// The judge's report.
    pub(crate) report: Report,
    /// The first few differing chunks of each file.
    pub(crate) chunks: Vec<ChunkPair>,
}

/// Differing chunks that are shown with their digests, of each file.
const SHOWN_CHUNKS: usize = 4;

impl Judgement {
    /// A report about no bytes.
    pub(crate) fn without_bytes(report: Report) -> Self {
        Self {
            report,
            chunks: Vec::new(),
        }
    }

    /// Judges `observation` against `opened`.
    pub(crate) fn of(opened: &Opened, observation: &Observation) -> Self {
        let report = opened.judge(observation);
        let mut chunks = Vec::new();
        for file in report.files.iter().filter(|file| !file.chunks.is_empty()) {
            let listed = opened.manifest().and_then(|manifest| manifest.file(&file.path));
            let signed = listed.and_then(|listed| {
                let bytes = observation.sidecars.get(&listed.chunks)?;
                ChunkList::from_bytes(bytes, listed.size)
                    .ok()
                    .filter(|list| list.digest() == listed.chunks)
            });
            let found = observation
                .files
                .iter()
                .find(|seen| names_same_file(&seen.path, file))
                .and_then(hashed);
            let digest = |list: Option<&ChunkList>, chunk: u64| {
                list?.digests().get(usize::try_from(chunk).ok()?).copied()
            };
            chunks.extend(file.chunks.iter().take(SHOWN_CHUNKS).map(|&chunk| ChunkPair {
                path: file.path.clone(),
                chunk,
                expected: digest(signed.as_ref(), chunk),
                found: digest(found, chunk),
            }));
        }
        Self { report, chunks }
    }
}

/// Whether the found file at `seen` is the one that the judge paired with `listed`: by path, or by base name
/// and size where folders were not seen.
fn names_same_file(seen: &str, listed: &FileReport) -> bool {
    let base = listed.path.rsplit('/').next().unwrap_or(&listed.path);
    seen == listed.path || seen == base
}

fn hashed(seen: &SeenFile) -> Option<&ChunkList> {
    match &seen.bytes {
        Bytes::Hashed { chunks, .. } => Some(chunks),
        _ => None,
    }
}

/// Where a run stands.
#[derive(Debug, Clone)]
pub(crate) enum Phase {
    /// Nothing chosen yet.
    Waiting,
    /// Looking for the record of these files.
    Identifying,
    /// Several records fit equally well; the visitor picks.
    Choosing(Vec<Candidate>),
    /// Reading every byte.
    Hashing(Progress),
    /// Done.
    Judged(Box<Judgement>),
    /// Ended without a verdict.
    Stopped(Stop),
}

/// The state.
#[derive(Debug, Clone)]
pub(crate) struct Verification {
    /// Where the run stands.
    pub(crate) phase: Phase,
    /// What is being checked.
    pub(crate) plan: Option<Plan>,
    /// The record compared with, once known.
    pub(crate) candidate: Option<Candidate>,
    /// The record that the visitor named.
    pub(crate) named: Option<Named>,
    /// Whether to compute whole-file digests too.
    pub(crate) whole: bool,
    /// What the registry was told, once it was.
    pub(crate) told: Option<String>,
    /// Counts runs, so that late answers of an earlier one are known.
    run: u64,
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
            run: 0,
        }
    }
}

impl Verification {
    /// Starts over with `plan`. Returns the number of the run.
    pub(crate) fn start(&mut self, plan: Plan) -> u64 {
        self.run += 1;
        self.plan = Some(plan);
        self.candidate = None;
        self.told = None;
        self.phase = Phase::Identifying;
        self.run
    }

    /// The files given cannot be checked.
    pub(crate) fn refuse(&mut self, what: String) {
        self.run += 1;
        self.plan = None;
        self.phase = Phase::Stopped(Stop { what, retry: false });
    }

    /// The visitor named a record to compare with.
    pub(crate) fn name(&mut self, record: RecordId, about: Candidate) {
        self.named = Some(Named {
            record,
            about: Some(about),
        });
        if matches!(self.phase, Phase::Stopped(_)) {
            self.phase = Phase::Waiting;
        }
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

    /// Several records fit.
    pub(crate) fn offer(&mut self, run: u64, candidates: Vec<Candidate>) {
        if self.is_current(run) {
            self.phase = Phase::Choosing(candidates);
        }
    }

    /// The record is known, its lists are being fetched.
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
    pub(crate) fn stopped(&mut self, run: u64, what: String) {
        if self.is_current(run) {
            self.phase = Phase::Stopped(Stop { what, retry: true });
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
        let candidate = self.candidate.as_ref().filter(|candidate| !candidate.faulty)?;
        let record = text::short_digest(&candidate.record.to_string());
        let (title, publisher) = (candidate.title(), &candidate.publisher);
        Some(match &self.named {
            Some(named) if named.record == candidate.record => {
                format!("Comparing with {title} by {publisher} (record {record}). Checking every byte.")
            }
            _ => format!("Looks like {title} by {publisher} (record {record}). Checking every byte."),
        })
    }
}

/// The text of "Copy summary".
pub(crate) fn summary_text(report: &Report) -> String {
    let mut lines = vec![format!("{}: {}", report.headline, report.summary)];
    if let Some(name) = &report.name {
        let version = report.version.as_deref().unwrap_or("no version");
        lines.push(format!("Model: {name}, {version}"));
    }
    if let Some(publisher) = &report.publisher {
        lines.push(format!("Publisher: {publisher}"));
    }
    if let Some(record) = &report.record {
        lines.push(format!("Record: {record}"));
    }
    if let Some(log) = &report.log {
        lines.push(format!(
            "Log: {}, entry {} of {}",
            log.origin, log.index, log.size
        ));
    }
    for file in report
        .files
        .iter()
        .filter(|file| file.verdict != FileVerdict::Match)
    {
        lines.push(format!("{}: {}, {}", file.path, file.verdict.code(), file.detail));
    }
    lines.push("This does not prove that the model behaves well or that its publisher is honest.".to_owned());
    lines
        .iter()
        .map(|line| visible(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Listed;

    fn plan() -> Plan {
        Plan::new(&[Listed {
            path: "m/a".into(),
            size: 5,
        }])
        .unwrap()
    }

    fn candidate(n: u8, trusted: bool, fitting: usize) -> Candidate {
        Candidate {
            record: RecordId::of_payload(&[n]),
            name: "acme/minilm".into(),
            version: Some("1.0".into()),
            publisher: "acme.example".into(),
            trusted,
            faulty: false,
            listed: 3,
            fitting,
            named: fitting,
        }
    }

    #[test]
    fn an_answer_for_an_earlier_run_changes_nothing() {
        let mut state = Verification::default();
        let first = state.start(plan());
        let second = state.start(plan());
        state.judged(first, Judgement::without_bytes(Report::unknown(None, "late")));
        assert!(matches!(state.phase, Phase::Identifying));
        state.stopped(second, "now".into());
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
    fn a_trusted_record_goes_before_a_better_fitting_stranger() {
        let mut candidates = vec![candidate(1, false, 3), candidate(2, true, 2)];
        assert!(choose(&mut candidates));
        assert!(candidates[0].trusted);
    }

    #[test]
    fn a_record_that_does_not_hold_comes_last() {
        let mut candidates = vec![
            Candidate {
                faulty: true,
                ..candidate(1, false, 3)
            },
            candidate(2, false, 1),
        ];
        assert!(choose(&mut candidates));
        assert!(!candidates[0].faulty);
    }

    #[test]
    fn equal_strangers_are_left_to_the_visitor() {
        assert!(!choose(&mut vec![candidate(1, false, 3), candidate(2, false, 3)]));
        assert!(!choose(&mut vec![]));
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
        state.named = Some(Named {
            record: RecordId::of_payload(&[1]),
            about: None,
        });
        assert!(state.identification().unwrap().starts_with("Comparing with"));
    }

    #[test]
    fn the_summary_carries_no_hidden_characters() {
        let mut report = Report::unknown(None, "x");
        report.name = Some("acme/\u{202E}minilm".into());
        assert!(summary_text(&report).contains("acme/\\u{202e}minilm"));
    }
}
