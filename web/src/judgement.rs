//! The judge's report, with the digests behind its differences, and the report as a few lines of text.

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    chunk::ChunkList,
    order::positions,
    path::visible,
    verify::{
        Bytes, COMPLETE_BY_STRANGER, FileVerdict, INCOMPLETE_BY_STRANGER, Observation, Opened, Report,
        SeenFile, grade,
    },
};

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
    /// Other records that say the same of the same bytes: what and by whom.
    pub(crate) also: Vec<String>,
    /// Place of the record in the log: the proved one, else the registry's word.
    index: u64,
}

/// Differing chunks that are shown with their digests, of each file.
const SHOWN_CHUNKS: usize = 4;

impl Judgement {
    /// A report about no bytes.
    pub(crate) fn without_bytes(report: Report) -> Self {
        Self {
            report,
            chunks: Vec::new(),
            also: Vec::new(),
            index: 0,
        }
    }

    /// Judges `observation` against `opened`. `index` is the registry's word for the record's place in the log.
    pub(crate) fn of(opened: &Opened, index: u64, observation: &Observation) -> Self {
        let report = opened.judge(observation);
        let mut chunks = Vec::new();
        // Plans, and so observations, are in order of their paths.
        let at_path = |path: &str| {
            let files = &observation.files;
            let at = files.binary_search_by(|seen| seen.path.as_str().cmp(path)).ok()?;
            files.get(at)
        };
        for file in report.files.iter().filter(|file| !file.chunks.is_empty()) {
            let listed = opened.manifest().and_then(|manifest| manifest.file(&file.path));
            let signed = listed.and_then(|listed| {
                let bytes = observation.sidecars.get(&listed.chunks)?;
                ChunkList::from_bytes(bytes, listed.size)
                    .ok()
                    .filter(|list| list.digest() == listed.chunks)
            });
            // As the judge paired them: by path, or by base name where folders were not seen.
            let base = file.path.rsplit('/').next().unwrap_or_default();
            let found = at_path(&file.path).or_else(|| at_path(base)).and_then(hashed);
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
        Self {
            index: report.log.as_ref().map_or(index, |log| log.index),
            report,
            chunks,
            also: Vec::new(),
        }
    }

    /// How much it says, and of how many bytes.
    fn rank(&self) -> (u8, u64) {
        let Report {
            verdict, identity, ..
        } = &self.report;
        let trusted = identity.as_ref().is_some_and(|identity| identity.pinned);
        let grade = grade(*verdict, self.report.subtype.is_some(), trusted);
        let same = self.report.files.iter().map(|file| file.same_bytes);
        (grade, same.fold(0, u64::saturating_add))
    }

    /// Whether a file differs, so that the record's sidecars can tell where.
    pub(crate) fn has_differences(&self) -> bool {
        self.report.files.iter().any(|file| file.verdict.is_difference())
    }

    /// Whom the record is by, as far as that is proved.
    fn claimant(&self) -> (Option<&PublisherName>, Option<RecordId>) {
        let Report {
            publisher, identity, ..
        } = &self.report;
        (
            publisher.as_ref(),
            identity.as_ref().map(|identity| identity.genesis),
        )
    }
}

/// The best of several records' judgements of the same bytes, and those equally good: the oldest first, so that a
/// newcomer never takes the place of what it copied. Also whether only the visitor can say which of them is meant.
pub(crate) fn best_of(judgements: &[Judgement]) -> (Vec<usize>, bool) {
    let ranks: Vec<_> = judgements.iter().map(Judgement::rank).collect();
    let mut order = positions(ranks.len(), &|a, b| {
        (ranks[b].cmp(&ranks[a])).then(judgements[a].index.cmp(&judgements[b].index))
    });
    order.retain(|at| ranks.iter().all(|rank| *rank <= ranks[*at]));
    let mut claimants = order.iter().map(|at| judgements[*at].claimant());
    let first = claimants.next();
    let several = claimants.any(|other| Some(other) != first);
    let strangers = order
        .first()
        .is_some_and(|at| matches!(ranks[*at].0, COMPLETE_BY_STRANGER | INCOMPLETE_BY_STRANGER));
    (order, several && strangers)
}

fn hashed(seen: &SeenFile) -> Option<&ChunkList> {
    match &seen.bytes {
        Bytes::Hashed { chunks, .. } => Some(chunks),
        _ => None,
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
    use provenance::verify::Verdict;

    use super::*;

    fn judged(verdict: Verdict, publisher: &str, index: u64) -> Judgement {
        let mut report = Report::unknown(None, "x");
        report.verdict = verdict;
        report.publisher = Some(publisher.parse().unwrap());
        Judgement {
            index,
            ..Judgement::without_bytes(report)
        }
    }

    #[test]
    fn the_verdict_that_says_most_is_taken_wherever_it_stands_in_the_log() {
        let judgements = [
            judged(Verdict::Mismatch, "acme.example", 1),
            judged(Verdict::Untrusted, "acme.example", 3),
            judged(Verdict::Incomplete, "acme.example", 2),
        ];
        assert_eq!(best_of(&judgements), (vec![1], false));
        assert_eq!(best_of(&[]), (Vec::new(), false));
    }

    #[test]
    fn of_equals_the_oldest_comes_first_and_only_several_strangers_are_left_to_the_visitor() {
        let (acme, copy) = ("acme.example", "copycat.example");
        for (verdict, publisher, open) in [
            (Verdict::Untrusted, acme, false),
            (Verdict::Untrusted, copy, true),
            (Verdict::Incomplete, copy, true),
            (Verdict::Authentic, copy, false),
            (Verdict::Unknown, copy, false),
            (Verdict::LogFault, copy, false),
        ] {
            let judgements = [judged(verdict, publisher, 7), judged(verdict, acme, 4)];
            assert_eq!(
                best_of(&judgements),
                (vec![1, 0], open),
                "{verdict:?} by {publisher}"
            );
        }
    }

    #[test]
    fn the_summary_carries_no_hidden_characters() {
        let mut report = Report::unknown(None, "x");
        report.name = Some("acme/\u{202E}minilm".into());
        assert!(summary_text(&report).contains("acme/\\u{202e}minilm"));
    }
}
