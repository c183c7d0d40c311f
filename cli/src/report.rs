//! A verdict as text for a terminal: headline, files, facts, checks, and what was not proved.

use provenance::{
    Sha256Digest,
    chunk::chunk_count,
    path::visible,
    statement::title,
    tensor::Tensor,
    verify::{FileReport, FileVerdict, Report, Verdict},
};

use crate::{
    also::{Outcome, claimants},
    evidence::{Difference, Evidence},
    output::{Output, Tone, bytes, count, grouped},
    walk::Walk,
};

/// Most files, chunks and tensors that are written out; JSON has them all.
const MOST_FILES: usize = 20;
const MOST_RANGES: usize = 4;
const MOST_TENSORS: usize = 16;
const MOST_OTHERS: usize = 5;

/// The report in the form of UX 7.8.
pub(crate) fn human(outcome: &Outcome, found: &Walk, output: Output) -> String {
    let report = &outcome.report;
    let mut text = Text {
        out: String::new(),
        output,
    };
    text.headline(report);
    if let Some(next) = &report.next {
        text.line(&format!("   next: {next}"));
    }
    text.differences(report, &outcome.evidence);
    text.facts(report);
    if let Some(source) = &outcome.source {
        text.fact("source", &source.line());
    }
    text.also(outcome);
    if let Some(left_out) = found.left_out() {
        text.fact("left out", &left_out);
    }
    text.checks(report);
    text.not_proven(report);
    text.out.truncate(text.out.trim_end().len());
    text.out
}

struct Text {
    out: String,
    output: Output,
}

/// A sign and a colour; the headline says the same in words.
fn sign(verdict: Verdict) -> (&'static str, Tone) {
    match verdict {
        Verdict::Authentic | Verdict::Superseded => ("ok", Tone::Good),
        Verdict::Mismatch | Verdict::Withdrawn | Verdict::LogFault => ("x ", Tone::Bad),
        Verdict::Unknown | Verdict::Untrusted => ("? ", Tone::Strong),
        Verdict::Incomplete | Verdict::Tainted | Verdict::Stale | Verdict::Unreadable => ("! ", Tone::Open),
    }
}

impl Text {
    fn line(&mut self, line: &str) {
        self.out.push_str(line);
        self.out.push('\n');
    }

    fn headline(&mut self, report: &Report) {
        let (sign, tone) = sign(report.verdict);
        let changed = report
            .files
            .iter()
            .filter(|file| file.verdict.is_difference())
            .count();
        let compared = report
            .files
            .iter()
            .filter(|file| file.verdict.is_compared())
            .count();
        let tally = if changed > 0 {
            format!(": {changed} of {compared}")
        } else {
            String::new()
        };
        let headline = format!("{sign} {}{tally}", report.headline);
        self.out.push_str(&self.output.paint(headline, tone));
        self.out.push('\n');
        self.line(&format!("   {}", visible(&report.summary)));
    }

    /// The files that need a word, the gravest first.
    fn differences(&mut self, report: &Report, evidence: &Evidence) {
        // Of a file named by itself, the record's other files are not missing: nobody said they are there.
        let whole = report
            .checks
            .iter()
            .any(|check| check.name == "complete" && check.ok.is_some());
        let rank = |file: &FileReport| match file.verdict {
            FileVerdict::Match => None,
            FileVerdict::Missing => whole.then_some(3),
            FileVerdict::Extra if !file.could_be_loaded => Some(4),
            FileVerdict::Extra => Some(1),
            FileVerdict::Ambiguous | FileVerdict::Unreadable => Some(2),
            _ => Some(0),
        };
        let mut told: Vec<_> = report.files.iter().filter(|file| rank(file).is_some()).collect();
        told.sort_by_key(|file| rank(file));
        for file in told.iter().take(MOST_FILES) {
            self.file(file, evidence.in_file(&file.path));
        }
        if told.len() > MOST_FILES {
            self.line(&format!(
                "   and {}; --json lists all",
                count(told.len() - MOST_FILES, "more file")
            ));
        }
    }

    fn file(&mut self, file: &FileReport, difference: Option<&Difference>) {
        let tone = match file.verdict {
            FileVerdict::Missing | FileVerdict::Ambiguous | FileVerdict::Unreadable => Tone::Open,
            FileVerdict::Extra if !file.could_be_loaded => Tone::Open,
            _ => Tone::Bad,
        };
        let code = self.output.paint(file.verdict.code(), tone);
        let detail = match file.verdict {
            FileVerdict::Missing => bytes(file.size),
            _ => visible(&file.detail),
        };
        self.line(&format!("   {code}  {}  {detail}", visible(&file.path)));
        // Where all of the file is another thing, its places say nothing.
        if matches!(
            file.verdict,
            FileVerdict::Altered | FileVerdict::Truncated | FileVerdict::Padded
        ) {
            self.places(file, difference);
        }
    }

    fn places(&mut self, file: &FileReport, difference: Option<&Difference>) {
        let total = chunk_count(file.size.max(file.listed_bytes));
        for [from, to] in file.ranges.iter().take(MOST_RANGES) {
            self.line(&format!("     {}", place(*from, *to, total)));
        }
        if file.ranges.len() > MOST_RANGES {
            self.line(&format!(
                "     and {}",
                count(file.ranges.len() - MOST_RANGES, "more range")
            ));
        }
        if let Some(difference) = difference {
            self.digests(file, difference);
        }
        self.tensors(file, difference.is_some_and(|difference| difference.header));
        if !file.ranges.is_empty() && file.same_bytes > 0 {
            self.line(&format!(
                "     equal   {} of {}",
                bytes(file.same_bytes),
                bytes(file.listed_bytes)
            ));
        }
    }

    /// Where a change lies is known to the chunk only: a chunk may hold many tensors, and the header too.
    fn tensors(&mut self, file: &FileReport, header: bool) {
        let tensors = affected(file);
        if let Some(text) = where_it_lies(file.verdict, tensors.len(), header) {
            self.line(&format!("     {text}"));
        }
        for tensor in tensors.iter().take(MOST_TENSORS) {
            let shape: Vec<_> = tensor.shape.iter().map(u64::to_string).collect();
            self.line(&format!(
                "     tensor  {}  {} [{}]  bytes {}-{}",
                visible(&tensor.name),
                visible(&tensor.dtype),
                shape.join(", "),
                grouped(tensor.begin),
                grouped(tensor.end.saturating_sub(1)),
            ));
        }
        if tensors.len() > MOST_TENSORS {
            let more = count(tensors.len() - MOST_TENSORS, "more tensor");
            self.line(&format!("     and {more}; --json lists all"));
        }
    }

    fn digests(&mut self, file: &FileReport, difference: &Difference) {
        let short = |digest: &Option<Sha256Digest>| digest.map_or("nothing".into(), |digest| digest.short());
        let Difference {
            chunk,
            expected,
            found,
            zero_chunks,
            ..
        } = difference;
        self.line(&format!(
            "     digest  of chunk {chunk}: expected {}  got {}",
            short(expected),
            short(found)
        ));
        if *zero_chunks > 0 {
            let of = count(file.chunks.len(), "differing chunk");
            let text = format!(
                "     pattern {zero_chunks} of {of} hold only zeros: typical of an interrupted download"
            );
            self.line(&text);
        }
    }

    fn facts(&mut self, report: &Report) {
        if let Some(name) = &report.name {
            self.fact("what", &title(name, report.version.as_deref()));
        }
        if let Some(record) = &report.record {
            self.fact("record", &record.to_string());
        }
        match (&report.identity, &report.publisher) {
            (Some(identity), _) => {
                let pinned = if identity.pinned {
                    "pinned in your trust file"
                } else {
                    "not in your trust file"
                };
                self.fact("who", &format!("{} ({pinned})", identity.publisher));
                self.fact("genesis", &identity.genesis.to_string());
                for signer in &identity.signers {
                    self.fact("signer", &format!("{}, key {}", signer.holder, signer.keyid));
                }
            }
            (None, Some(publisher)) => self.fact("who", &format!("claims to be {publisher}; not proved")),
            (None, None) => {}
        }
        if let Some(log) = &report.log {
            let witnesses = match log.witnesses {
                1 => "1 witness".to_owned(),
                n => format!("{n} witnesses"),
            };
            self.fact(
                "log",
                &format!("{} entry {} of {}, {witnesses}", log.origin, log.index, log.size),
            );
        }
    }

    /// What else is on record. Of several claimants all are named, with what tells them apart.
    fn also(&mut self, outcome: &Outcome) {
        let untrusted = outcome.report.verdict == Verdict::Untrusted;
        let several = untrusted && claimants(outcome).len() > 1;
        let most = if several { outcome.also.len() } else { MOST_OTHERS };
        for also in outcome.also.iter().take(most) {
            self.fact("also", &also.line());
            if let Some(genesis) = also.genesis.filter(|_| several || also.other_genesis.is_some()) {
                self.fact("", &format!("genesis {genesis}"));
            }
        }
        if outcome.also.len() > most {
            self.fact("", &format!("and {} more", outcome.also.len() - most));
        }
    }

    fn fact(&mut self, name: &str, text: &str) {
        self.line(&format!("   {name:<8} {}", visible(text)));
    }

    fn checks(&mut self, report: &Report) {
        if report.checks.is_empty() {
            return;
        }
        self.line("   checks:");
        for check in &report.checks {
            let (sign, tone) = match check.ok {
                Some(true) => ("ok", Tone::Good),
                Some(false) => ("x ", Tone::Bad),
                None => ("- ", Tone::Faint),
            };
            let sign = self.output.paint(sign, tone);
            self.line(&format!(
                "     {sign} {:<14} {}",
                check.name,
                visible(&check.detail)
            ));
        }
    }

    fn not_proven(&mut self, report: &Report) {
        if report.verdict == Verdict::Unknown || report.not_proven.is_empty() {
            return;
        }
        let heading = self.output.paint("   what this does not prove:", Tone::Faint);
        self.line(&heading);
        for text in &report.not_proven {
            let line = self.output.paint(format!("     {text}"), Tone::Faint);
            self.line(&line);
        }
    }
}

/// The tensors that a difference concerns: of a truncated file not those that end before the cut.
fn affected(file: &FileReport) -> Vec<&Tensor> {
    let cut = file.verdict == FileVerdict::Truncated;
    let tensors = file.tensor_details.iter();
    tensors.filter(|tensor| !cut || tensor.end > file.size).collect()
}

/// What the rows of `tensors` tensors mean; nothing for the one tensor that must have changed.
fn where_it_lies(verdict: FileVerdict, tensors: usize, header: bool) -> Option<String> {
    const HEADER: &str = "the file's header (names, shapes, offsets)";
    let (one_of, only) = if verdict == FileVerdict::Truncated {
        ("all or a part of these is missing", "a part is missing of")
    } else {
        ("the change lies in one or more of these", "the change lies in")
    };
    match (tensors, header) {
        (0 | 1, false) => None,
        (0, true) => Some(format!("{only} {HEADER}")),
        (_, false) => Some(format!("{one_of}:")),
        (_, true) => Some(format!("{one_of} and {HEADER}:")),
    }
}

/// `chunk 412 of 1187 (bytes 1,728,053,248-1,732,247,551)`: chunks from 0, the last byte included.
fn place(from: u64, to: u64, total: u64) -> String {
    let first = from / provenance::chunk::CHUNK_SIZE;
    let last = to.saturating_sub(1).max(from) / provenance::chunk::CHUNK_SIZE;
    let chunks = if first == last {
        format!("chunk {first}")
    } else {
        format!("chunks {first}-{last}")
    };
    let last_byte = grouped(to.saturating_sub(1));
    format!(
        "{chunks} of {} (bytes {}-{last_byte})",
        grouped(total),
        grouped(from)
    )
}

#[cfg(test)]
mod tests;
