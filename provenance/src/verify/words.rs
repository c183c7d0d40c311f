//! What a verdict says in words: one or two sentences, and the next step.

use super::{
    file_report::{FileReport, FileVerdict},
    observation::{Observation, Scope},
    opened::Opened,
    report::Verdict,
};
use crate::{order::sort_by, path::visible, record::Record};

/// `1 file is`, `3 files are`.
pub(super) fn are(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun} is")
    } else {
        format!("{count} {noun}s are")
    }
}

/// A summary, and what to do next where there is something.
pub(super) type Words = (String, Option<String>);

impl Opened {
    /// The words of a verdict about files. `contradiction` is why the record contradicts bytes that match it.
    pub(super) fn words(
        &self,
        verdict: Verdict,
        subtype: Option<&str>,
        seen: &Observation,
        files: &[FileReport],
        contradiction: Option<&str>,
    ) -> Words {
        let who = self.who();
        let count = |v| files.iter().filter(|f| f.verdict == v).count();
        let compared = files.iter().filter(|f| f.verdict.is_compared()).count();
        match verdict {
            Verdict::Authentic => (self.authentic(seen.scope, compared), None),
            Verdict::Mismatch if subtype == Some("extra") => extra(files),
            Verdict::Mismatch => {
                let what = if self.identity.is_some() {
                    format!("what {who} recorded")
                } else {
                    format!("a record that claims to be by {who}")
                };
                let text = format!(
                    "{} from {what}. A hash cannot tell accident from attack.",
                    differ(files)
                );
                (
                    text,
                    Some("Download the changed files again, from the publisher, and check again.".into()),
                )
            }
            Verdict::Unknown if subtype == Some("near") => self.near(files),
            Verdict::Unknown => elsewhere(files),
            Verdict::Unreadable => ("A file could not be read, so it was not judged.".into(), None),
            Verdict::Incomplete => {
                let missing = are(count(FileVerdict::Missing), "listed file");
                let whose = if self.is_trusted() {
                    String::new()
                } else {
                    format!(" The record {}.", self.claim())
                };
                let names = missing_names(files);
                let text =
                    format!("Every file that is present matches, but {missing} missing: {names}.{whose}");
                (
                    text,
                    Some("Download the missing files, or check a single file by itself.".into()),
                )
            }
            Verdict::Stale => {
                let detail = self.stale.as_ref().map(|s| s.detail.as_str()).unwrap_or_default();
                (format!("Everything matches, but {}.", visible(detail)), None)
            }
            Verdict::Untrusted if subtype == Some("no-log") => self.not_proved(seen.scope, compared),
            Verdict::Untrusted => self.untrusted(seen.scope, compared),
            Verdict::LogFault => {
                let detail = self
                    .fault
                    .as_ref()
                    .map(|f| f.detail.as_str())
                    .or(contradiction)
                    .unwrap_or_default();
                (no_word_about_files(detail), None)
            }
            // No advisory is judged in this version, so these are never reached; they have no words to get wrong.
            Verdict::Superseded | Verdict::Withdrawn | Verdict::Tainted => (String::new(), None),
        }
    }

    /// The verdict's headline; it names only a publisher who was proved.
    pub(super) fn headline(&self, verdict: Verdict, subtype: Option<&str>) -> String {
        match (&self.identity, verdict, subtype) {
            (Some(identity), Verdict::Unknown, Some("near")) => format!(
                "Not what {} recorded, and you have not chosen whom to trust",
                identity.publisher
            ),
            (_, Verdict::Unknown, None) => "None of these files is in this record".to_owned(),
            (_, Verdict::Unknown, Some("no-files")) => "This record lists no files".to_owned(),
            _ => verdict.headline(subtype).to_owned(),
        }
    }

    fn who(&self) -> String {
        self.record
            .as_ref()
            .map(|r| r.publisher().to_string())
            .unwrap_or_default()
    }

    /// Whose the record is, where nobody trusts them: `is by …` when that is proved.
    fn claim(&self) -> String {
        let who = self.who();
        if self.has_log {
            format!("is by {who}, whom you have not chosen to trust")
        } else {
            format!("claims to be by {who}; you have not chosen a log that could prove it")
        }
    }

    fn authentic(&self, scope: Scope, compared: usize) -> String {
        let who = self.who();
        let mut text = match scope {
            Scope::SingleFile => {
                let more = self.manifest().map_or(0, |m| m.files().len()).saturating_sub(1);
                format!(
                    "This file is byte for byte the one that {who} recorded; the record lists {more} more."
                )
            }
            Scope::Flat => {
                format!(
                    "{} are byte for byte what {who} recorded. Folder names were not seen.",
                    all_files(compared)
                )
            }
            Scope::Folder => format!("{} are byte for byte what {who} recorded.", all_files(compared)),
        };
        if self.log.as_ref().is_some_and(|l| l.witnesses == 0) {
            text.push_str(" No witness confirms this view of the log.");
        }
        text
    }

    fn near(&self, files: &[FileReport]) -> Words {
        let who = self.who();
        let (same, all) = files
            .iter()
            .fold((0, 0), |(s, a), f| (s + f.same_bytes, a + f.listed_bytes));
        let tenths = if all == 0 {
            0
        } else {
            u128::from(same) * 1000 / u128::from(all)
        };
        let title = self
            .record
            .as_ref()
            .and_then(Record::artifact)
            .map(|a| a.subject.title());
        let title = title
            .map(|title| format!(" ({})", visible(&title)))
            .unwrap_or_default();
        let text = format!(
            "No exact record. {}.{}% of the data equals record {}{title}, which {}: {}.",
            tenths / 10,
            tenths % 10,
            self.id.digest().short(),
            self.claim(),
            differences(files)
        );
        let next =
            format!("If you expect files of {who}, name the record or trust the publisher, and check again.");
        (text, Some(next))
    }

    fn not_proved(&self, scope: Scope, compared: usize) -> Words {
        let text = format!(
            "{} the record byte for byte. It claims to be by {}; only a log, the public list in which signed records \
             are kept, can prove that, and you have not chosen a log to trust yet.",
            equal(scope, compared),
            self.who()
        );
        let next = "Open a trust file that you got from somebody you trust, such as the lab or your own organisation.";
        (text, Some(next.into()))
    }

    fn untrusted(&self, scope: Scope, compared: usize) -> Words {
        let who = self.who();
        let identity = self.identity.as_ref();
        if identity.is_some_and(|i| i.other_genesis.is_some()) {
            let text = format!(
                "The signature is valid, but it is of another {who} than the one that you trust: name and genesis id \
                 make a publisher, and your trust file has another genesis id."
            );
            return (
                text,
                Some(format!(
                    "Ask {who}, outside this registry, which genesis id is theirs."
                )),
            );
        }
        let text = format!(
            "{} the record byte for byte and its signature is valid, but you have not said whom to trust for this \
             model. Signer: {who}.",
            equal(scope, compared)
        );
        let genesis = identity.map(|i| i.genesis.to_string()).unwrap_or_default();
        (
            text,
            Some(format!(
                "If you know {who} by this genesis: weighbridge publisher trust {who} {genesis}"
            )),
        )
    }
}

/// `1 of 4 files differs`.
fn differ(files: &[FileReport]) -> String {
    let compared = files.iter().filter(|f| f.verdict.is_compared()).count();
    let changed = files.iter().filter(|f| f.verdict.is_difference()).count();
    let noun = if compared == 1 { "file" } else { "files" };
    let verb = if changed == 1 { "differs" } else { "differ" };
    format!("{changed} of {compared} {noun} {verb}")
}

/// `1 of 4 files differs, 2 files were added`: why files are not those of a record.
fn differences(files: &[FileReport]) -> String {
    let count = |verdict| files.iter().filter(|f| f.verdict == verdict).count();
    let differ = files
        .iter()
        .any(|f| f.verdict.is_difference())
        .then(|| differ(files));
    let missing = match missing(files) {
        0 => None,
        n => Some(format!("{} missing", are(n, "listed file"))),
    };
    let renamed = files.iter().filter(|f| f.same_as.is_some()).count();
    let added = match count(FileVerdict::Extra).saturating_sub(renamed) {
        0 => None,
        1 => Some("1 file was added".to_owned()),
        n => Some(format!("{n} files were added")),
    };
    let renamed = (renamed > 0).then(|| format!("{} under another name", are(renamed, "file")));
    let parts: Vec<String> = [differ, missing, renamed, added].into_iter().flatten().collect();
    parts.join(", ")
}

/// `Both files`, `All 4 files`.
fn all_files(count: usize) -> String {
    match count {
        2 => "Both files".to_owned(),
        _ => format!("All {count} files"),
    }
}

/// `This file equals`, `All 4 files equal`.
fn equal(scope: Scope, compared: usize) -> String {
    match (scope, compared) {
        (Scope::SingleFile, _) | (_, 1) => "This file equals".to_owned(),
        _ => format!("{} equal", all_files(compared)),
    }
}

/// Listed files that are not there, and not under another name either.
fn missing(files: &[FileReport]) -> usize {
    let renamed = |listed: &str| files.iter().any(|f| f.same_as.as_deref() == Some(listed));
    let missing = files.iter().filter(|f| f.verdict == FileVerdict::Missing);
    missing.filter(|f| !renamed(&f.path)).count()
}

/// The largest of the missing files by name: shards go before what lies beside them.
fn missing_names(files: &[FileReport]) -> String {
    const MOST: usize = 3;
    let mut missing: Vec<&FileReport> = files
        .iter()
        .filter(|f| f.verdict == FileVerdict::Missing)
        .collect();
    sort_by(&mut missing, |a, b| b.listed_bytes.cmp(&a.listed_bytes));
    let names: Vec<String> = missing
        .iter()
        .take(MOST)
        .map(|file| visible(&file.path))
        .collect();
    let mut text = names.join(", ");
    if missing.len() > MOST {
        text = format!("{text} and {} more", missing.len() - MOST);
    }
    text
}

fn extra(files: &[FileReport]) -> Words {
    let missing = match missing(files) {
        0 => String::new(),
        n => format!(" {} missing as well.", are(n, "listed file")),
    };
    let mut renamed = files
        .iter()
        .filter(|f| f.verdict == FileVerdict::Extra && f.same_as.is_some());
    if let Some(first) = renamed.next() {
        let listed = first.same_as.as_deref().unwrap_or_default();
        let more = match renamed.count() {
            0 => String::new(),
            n => format!(" {} under another name too.", are(n, "more file")),
        };
        let text = format!(
            "{} has the bytes of {listed}, but under a name that the record does not list; a loader goes by \
             names.{more}{missing}",
            visible(&first.path)
        );
        let next = "Give the files the names that the record lists, and check again.";
        return (text, Some(next.into()));
    }
    let text = format!(
        "Every listed file that is present matches, but a file lies beside them that the record does not list and \
         that a loader might run or prefer.{missing}"
    );
    (
        text,
        Some("Remove the files marked extra, or check again and accept them (--allow-extra).".into()),
    )
}

/// The words where no listed file is at its place. They may lie in one folder of what was given.
fn elsewhere(files: &[FileReport]) -> Words {
    let of = |verdict| files.iter().filter(move |file| file.verdict == verdict);
    let largest = of(FileVerdict::Missing).max_by_key(|file| file.listed_bytes);
    let folder = largest.and_then(|listed| {
        of(FileVerdict::Extra).find_map(|found| found.path.strip_suffix(&listed.path)?.strip_suffix('/'))
    });
    match folder {
        None => (
            "None of the files that this record lists was given, so nothing was compared.".into(),
            Some("Check the folder that has them, or look your files up without naming a record.".into()),
        ),
        Some(folder) => {
            let folder = visible(folder);
            let text =
                format!("No file is where this record lists it; files of these names lie in {folder}.");
            (text, Some(format!("Check the folder {folder} by itself.")))
        }
    }
}

/// The words of a record that does not hold.
pub(super) fn no_word_about_files(detail: &str) -> String {
    let mut detail = visible(detail);
    if let Some(first) = detail.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{detail}. It says nothing about your files.")
}
