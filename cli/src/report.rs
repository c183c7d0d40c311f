//! A verdict as text for a terminal: headline, files, facts, checks, and what was not proved.

use provenance::{
    Sha256Digest,
    chunk::chunk_count,
    path::visible,
    verify::{FileReport, FileVerdict, Report, Verdict},
};

use crate::{
    evidence::{Difference, Evidence},
    output::{Output, Tone, bytes, count, grouped},
};

/// Most files, chunks and tensors that are written out; JSON has them all.
const MOST_FILES: usize = 20;
const MOST_RANGES: usize = 4;
const MOST_TENSORS: usize = 8;

/// The report in the form of UX 7.8.
pub(crate) fn human(report: &Report, evidence: &Evidence, output: Output) -> String {
    let mut text = Text {
        out: String::new(),
        output,
    };
    text.headline(report);
    if let Some(next) = &report.next {
        text.line(&format!("   next: {next}"));
    }
    text.differences(report, evidence);
    text.facts(report);
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
        for tensor in file.tensor_details.iter().take(MOST_TENSORS) {
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
        if file.tensor_details.len() > MOST_TENSORS {
            self.line(&format!(
                "     and {}",
                count(file.tensor_details.len() - MOST_TENSORS, "more tensor")
            ));
        }
        if !file.ranges.is_empty() && file.same_bytes > 0 {
            self.line(&format!(
                "     equal   {} of {}",
                bytes(file.same_bytes),
                bytes(file.listed_bytes)
            ));
        }
    }

    fn digests(&mut self, file: &FileReport, difference: &Difference) {
        let short = |digest: &Option<Sha256Digest>| digest.map_or("nothing".into(), |digest| digest.short());
        let Difference {
            chunk,
            expected,
            found,
            zero_chunks,
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
            let version = report
                .version
                .as_ref()
                .map(|version| format!(" {version}"))
                .unwrap_or_default();
            self.fact("what", &format!("{name}{version}"));
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
mod tests {
    use super::*;

    #[test]
    fn a_place_names_chunk_and_bytes() {
        assert_eq!(
            place(1_728_053_248, 1_732_247_552, 1187),
            "chunk 412 of 1,187 (bytes 1,728,053,248-1,732,247,551)"
        );
        assert_eq!(place(0, 8_388_609, 3), "chunks 0-2 of 3 (bytes 0-8,388,608)");
    }
}
