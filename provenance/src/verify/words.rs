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
                    capital(differ(files))
                );
                (
                    text,
                    Some("Download the changed files again, from the publisher, and check again.".into()),
                )
            }
            Verdict::Unknown if subtype == Some("near") => self.near(files),
            Verdict::Unknown => elsewhere(files),
            Verdict::Unreadable => ("A file could not be read, so it was not judged.".into(), None),
            Verdict::Incomplete => self.incomplete(files),
            Verdict::Stale => {
                let detail = visible(self.unconfirmed());
                let text = if self.identity.is_some() {
                    format!("Everything matches, but {detail}.")
                } else {
                    format!(
                        "{} the record byte for byte, but it is not proved that {who} signed it: {detail}.",
                        equal(seen.scope, compared)
                    )
                };
                (text, None)
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
        if self.identity.is_some() {
            format!("is by {who}, whom you have not chosen to trust")
        } else if self.has_log {
            let detail = visible(self.unconfirmed());
            format!("claims to be by {who}, which is not proved: {detail}")
        } else {
            format!("claims to be by {who}; you have not chosen a log that could prove it")
        }
    }

    /// Why the view is not confirmed.
    fn unconfirmed(&self) -> &str {
        self.stale.as_ref().map(|s| s.detail.as_str()).unwrap_or_default()
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
        let (same, all) = files
            .iter()
            .fold((0, 0), |(s, a), f| (s + f.same_bytes, a + f.listed_bytes));
        let tenths = if all == 0 {
            0
        } else {
            u128::from(same) * 1000 / u128::from(all)
        };
        let title = self.record.as_ref().and_then(Record::artifact);
        let title = title.map(|artifact| format!(" ({})", visible(&artifact.subject.title())));
        let text = format!(
            "No exact record. {}.{}% of the data equals record {}{}; {}. The record {}.",
            tenths / 10,
            tenths % 10,
            self.id.digest().short(),
            title.unwrap_or_default(),
            differences(files),
            self.claim()
        );
        let who = self.who();
        let next = if self.has_log && self.identity.is_none() {
            "Get the record's proof anew, from the registry or in a bundle that is whole, and check again."
                .to_owned()
        } else {
            format!("If you expect files of {who}, name the record or trust the publisher, and check again.")
        };
        (text, Some(next))
    }

    fn incomplete(&self, files: &[FileReport]) -> Words {
        let whose = if self.is_trusted() {
            String::new()
        } else {
            format!(" The record {}.", self.claim())
        };
        let missing = missing(files);
        if missing.is_empty() {
            let renamed = renamed(files).map(|(found, listed)| format!("{listed} as {found}"));
            let text = format!(
                "All bytes of the record are present, but not under the names that it lists: {}.{whose}",
                names(renamed)
            );
            return (text, Some(RENAME.into()));
        }
        let text = format!(
            "Every file that is present matches, but {} missing: {}.{whose}",
            are(missing.len(), "listed file"),
            names(missing.iter().map(|file| visible(&file.path)))
        );
        (
            text,
            Some("Download the missing files, or check a single file by itself.".into()),
        )
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

/// `1 of 4 files differs`; of a lone one `the file differs`.
fn differ(files: &[FileReport]) -> String {
    let compared = files.iter().filter(|f| f.verdict.is_compared()).count();
    let changed = files.iter().filter(|f| f.verdict.is_difference()).count();
    let verb = if changed == 1 { "differs" } else { "differ" };
    match compared {
        1 => format!("the file {verb}"),
        _ => format!("{changed} of {compared} files {verb}"),
    }
}

/// `1 of 4 files differs, 2 files were added`: why files are not those of a record.
fn differences(files: &[FileReport]) -> String {
    let differ = files
        .iter()
        .any(|f| f.verdict.is_difference())
        .then(|| differ(files));
    let missing = match missing(files).len() {
        0 => None,
        n => Some(format!("{} missing", are(n, "listed file"))),
    };
    let renamed = match renamed(files).count() {
        0 => None,
        n => Some(format!("{} under another name", are(n, "file"))),
    };
    let extra = |f: &&FileReport| f.verdict == FileVerdict::Extra && f.same_as.is_none();
    let added = match files.iter().filter(extra).count() {
        0 => None,
        1 => Some("1 file was added".to_owned()),
        n => Some(format!("{n} files were added")),
    };
    let parts: Vec<String> = [differ, missing, renamed, added].into_iter().flatten().collect();
    parts.join(", ")
}

/// What to do where files have other names than the record lists.
const RENAME: &str = "Give the files the names that the record lists, and check again.";

/// Files that are there under another name: the name found and the name listed.
fn renamed(files: &[FileReport]) -> impl Iterator<Item = (String, String)> {
    let renamed = files.iter();
    renamed.filter_map(|file| Some((visible(&file.path), visible(file.same_as.as_deref()?))))
}

/// Listed files that are not there, under another name either; the largest first, for shards go before what lies
/// beside them.
fn missing(files: &[FileReport]) -> Vec<&FileReport> {
    let mut renamed: Vec<&str> = files.iter().filter_map(|file| file.same_as.as_deref()).collect();
    sort_by(&mut renamed, Ord::cmp);
    let missing = files.iter().filter(|f| f.verdict == FileVerdict::Missing);
    let mut missing: Vec<_> = missing
        .filter(|f| renamed.binary_search(&f.path.as_str()).is_err())
        .collect();
    sort_by(&mut missing, |a, b| b.listed_bytes.cmp(&a.listed_bytes));
    missing
}

/// The first few of some names.
fn names(all: impl Iterator<Item = String>) -> String {
    const MOST: usize = 3;
    let mut all: Vec<String> = all.collect();
    let more = all.len().saturating_sub(MOST);
    all.truncate(MOST);
    let text = all.join(", ");
    if more == 0 {
        text
    } else {
        format!("{text} and {more} more")
    }
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

fn extra(files: &[FileReport]) -> Words {
    let missing = match missing(files).len() {
        0 => String::new(),
        n => format!(" {} missing as well.", are(n, "listed file")),
    };
    // A file that nobody knows goes before one that only has another name.
    let unknown = files
        .iter()
        .any(|file| file.could_be_loaded && file.same_as.is_none());
    if !unknown && let Some((found, listed)) = renamed(files).next() {
        let more = match renamed(files).count() - 1 {
            0 => String::new(),
            n => format!(" {} under another name too.", are(n, "more file")),
        };
        let text = format!(
            "{found} has the bytes of {listed}, but under a name that the record does not list; a loader goes by \
             names.{more}{missing}"
        );
        return (text, Some(RENAME.into()));
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
    format!("{}. It says nothing about your files.", capital(visible(detail)))
}

/// A text as the beginning of a sentence.
fn capital(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}
