//! Joining a proved record with what was hashed into one report.

use super::{
    compare::{Compared, compare},
    file_report::{FileReport, FileVerdict},
    observation::{Observation, Scope},
    opened::Opened,
    pair::{Pairs, pair},
    report::{Check, Report, Verdict, not_proven},
    words::{are, no_word_about_files},
};
use crate::path::visible;

impl Opened {
    /// Compares what was observed with the record, and gives the report.
    pub fn judge(&self, seen: &Observation) -> Report {
        let mut checks = self.checks.clone();
        let Some(manifest) = self.manifest() else {
            return self.without_files(checks);
        };
        let pairs = pair(manifest, seen);
        let compared = compare(manifest, seen, &pairs);
        let record_contradicts = compared.record_fault.clone();
        self.push_byte_checks(&mut checks, seen, &pairs, &compared);
        if let Some(failed) = &record_contradicts {
            checks.push(failed.clone());
        } else if let Some(detail) = &compared.unread_header {
            checks.push(Check::not_made("tensor-index", detail.clone()));
        }
        if let Some(detail) = &compared.wrong_name {
            checks.push(Check::failed("file-name", detail.clone()));
        }
        let files = compared.files;
        let (verdict, subtype) = self.decide(seen, &files, record_contradicts.is_some());
        let (mut summary, next) = self.words(
            verdict,
            subtype.as_deref(),
            seen,
            &files,
            record_contradicts.as_ref().map(|failed| failed.detail.as_str()),
        );
        if let Some(detail) = &compared.wrong_name {
            summary = format!("{summary} Note that {}.", visible(detail));
        }
        self.report(verdict, subtype, checks, files, summary, next)
    }

    /// The report about a record that lists no files, or that could not be read at all.
    fn without_files(&self, checks: Vec<Check>) -> Report {
        let (verdict, subtype) = match &self.fault {
            Some(fault) => (Verdict::LogFault, fault.subtype),
            None => (Verdict::Unknown, "no-files"),
        };
        let summary = match &self.fault {
            Some(fault) => no_word_about_files(&fault.detail),
            None => {
                "This record lists no files to compare with; name the signature record of the model.".into()
            }
        };
        self.report(verdict, Some(subtype.into()), checks, Vec::new(), summary, None)
    }

    fn report(
        &self,
        verdict: Verdict,
        subtype: Option<String>,
        checks: Vec<Check>,
        files: Vec<FileReport>,
        summary: String,
        next: Option<String>,
    ) -> Report {
        let artifact = self.record.as_ref().and_then(|r| r.artifact());
        Report {
            v: 1,
            verdict,
            headline: self.headline(verdict, subtype.as_deref()),
            subtype,
            summary,
            next,
            record: Some(self.id),
            publisher: self.record.as_ref().map(|r| r.publisher().clone()),
            name: artifact.map(|a| a.subject.name.clone()),
            version: artifact.and_then(|a| a.subject.version.clone()),
            identity: self.identity.clone(),
            log: self.log.clone(),
            checks,
            files,
            points_to: Vec::new(),
            not_proven: not_proven(),
        }
    }

    fn push_byte_checks(
        &self,
        checks: &mut Vec<Check>,
        seen: &Observation,
        pairs: &Pairs,
        compared: &Compared,
    ) {
        let count = |wanted: &[FileVerdict]| {
            compared
                .files
                .iter()
                .filter(|f| wanted.contains(&f.verdict))
                .count()
        };
        let (matched, missing) = (count(&[FileVerdict::Match]), count(&[FileVerdict::Missing]));
        let unread = count(&[FileVerdict::Unreadable]);
        let checked = pairs.matched.len();
        let bytes = format!("{matched} of {checked} files match in every 4 MiB chunk");
        let all = checked > 0 && matched == checked;
        checks.push(Check {
            name: "bytes".into(),
            ok: Some(all && unread == 0),
            detail: bytes,
        });
        match seen.scope {
            Scope::SingleFile => {
                let listed = self.manifest().map_or(0, |m| m.files().len());
                let others = listed.saturating_sub(checked);
                let detail =
                    format!("one file was given; the record lists {others} more that were not checked");
                checks.push(Check::not_made("complete", detail));
            }
            _ if missing == 0 => checks.push(Check::held("complete", "every listed file is present")),
            _ => checks.push(Check::failed(
                "complete",
                format!("{} missing", are(missing, "listed file")),
            )),
        }
        let extra = count(&[FileVerdict::Extra]);
        let loadable = compared.loadable_extras;
        let detail = format!(
            "{} not on record, {loadable} of them under a name that a loader might take",
            are(extra, "file")
        );
        let left_out = match seen.ignored {
            0 => String::new(),
            n => format!("; {n} on the fixed ignore list, not looked at"),
        };
        checks.push(match (extra, loadable) {
            (0, _) => Check::held(
                "extras",
                format!("no other file is present that is not on record{left_out}"),
            ),
            (_, 0) => Check::held("extras", detail),
            _ if seen.allow_extra => Check::held("extras", format!("{detail}; accepted on request")),
            _ => Check::failed("extras", detail),
        });
        checks.push(if compared.whole_digests == checked && checked > 0 {
            Check::held(
                "file-digests",
                "the SHA-256 of every whole file was computed and is as signed",
            )
        } else {
            Check::not_made(
                "file-digests",
                "whole-file SHA-256 as signed, not recomputed; every chunk was",
            )
        });
        checks.push(Check::not_made(
            "parents",
            "withdrawals of parents are not followed in this version",
        ));
    }

    fn decide(
        &self,
        seen: &Observation,
        files: &[FileReport],
        contradicts: bool,
    ) -> (Verdict, Option<String>) {
        if let Some(fault) = &self.fault {
            return (Verdict::LogFault, Some(fault.subtype.into()));
        }
        if contradicts {
            return (Verdict::LogFault, Some("record".into()));
        }
        let is_of_record = |f: &FileReport| f.verdict.is_compared() || f.same_as.is_some();
        if !files
            .iter()
            .any(|f| is_of_record(f) || f.verdict == FileVerdict::Unreadable)
        {
            return (Verdict::Unknown, None);
        }
        if let Some(worst) = worst_difference(files, seen.allow_extra) {
            let against_trust = self.is_trusted() || seen.named;
            let subtype = if against_trust { worst } else { "near" };
            let verdict = if against_trust {
                Verdict::Mismatch
            } else {
                Verdict::Unknown
            };
            return (verdict, Some(subtype.into()));
        }
        let any = |wanted| files.iter().any(|f| f.verdict == wanted);
        if any(FileVerdict::Unreadable) {
            return (Verdict::Unreadable, None);
        }
        if !any(FileVerdict::Match) {
            return (Verdict::Unknown, None);
        }
        if seen.scope != Scope::SingleFile && any(FileVerdict::Missing) {
            return (Verdict::Incomplete, None);
        }
        if !self.has_log {
            return (Verdict::Untrusted, Some("no-log".into()));
        }
        if let Some(stale) = &self.stale {
            return (Verdict::Stale, Some(stale.subtype.into()));
        }
        if !self.is_trusted() {
            return (Verdict::Untrusted, None);
        }
        (Verdict::Authentic, None)
    }
}

/// The subtype of a mismatch: the gravest difference among the files.
fn worst_difference(files: &[FileReport], allow_extra: bool) -> Option<&'static str> {
    let order = [
        FileVerdict::Altered,
        FileVerdict::Swapped,
        FileVerdict::NotWeights,
        FileVerdict::Padded,
        FileVerdict::Truncated,
        FileVerdict::Empty,
    ];
    let found = order
        .into_iter()
        .find(|wanted| files.iter().any(|f| f.verdict == *wanted));
    let extra = !allow_extra
        && files
            .iter()
            .any(|f| f.verdict == FileVerdict::Extra && f.could_be_loaded);
    found.map(FileVerdict::code).or(extra.then_some("extra"))
}
