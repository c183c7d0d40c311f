//! The judge's report, with the digests behind its differences, and the report as a few lines of text.

use provenance::{
    Sha256Digest,
    chunk::ChunkList,
    path::visible,
    verify::{Bytes, FileReport, FileVerdict, Observation, Opened, Report, SeenFile},
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

    #[test]
    fn the_summary_carries_no_hidden_characters() {
        let mut report = Report::unknown(None, "x");
        report.name = Some("acme/\u{202E}minilm".into());
        assert!(summary_text(&report).contains("acme/\\u{202e}minilm"));
    }
}
