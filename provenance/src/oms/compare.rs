//! Comparing what was found on disk with what was signed.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{
    error::OmsError,
    key::{Algorithm, PublicKey},
    statement::{DEFAULT_IGNORE_PATHS, Signed, ignore_path},
};
use crate::{
    digest::Sha256Digest,
    path::{RelativePath, clip, visible},
    verify::Check,
};

/// Something that lies in the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path below the folder, with slashes; its base name when it was named by itself.
    pub path: String,
    /// What it is.
    pub kind: FoundKind,
}

/// What lies at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundKind {
    /// A file. Its digest is only needed where [`Signed`] lists it; where it does not, the file is extra whatever is in it.
    File(Option<Sha256Digest>),
    /// A link to a file that was not followed, or that leads nowhere.
    Link,
    /// A link to a folder, which is never followed.
    FolderLink,
    /// A socket, pipe or device.
    Special,
}

/// How to compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether one file was named, rather than a folder.
    pub single_file: bool,
    /// Whether files that are not signed are let through.
    pub ignore_unsigned: bool,
    /// Paths to ignore besides those of the signature: the signature itself, and what the user says.
    pub ignore_paths: Vec<String>,
}

/// What was found about one path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileReport {
    /// The path.
    pub path: String,
    /// What it came to.
    pub verdict: FileVerdict,
    /// The digest signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signed: Option<Sha256Digest>,
    /// The digest of the file here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<Sha256Digest>,
}

/// What the comparison of one path came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileVerdict {
    /// The bytes are those signed.
    Matches,
    /// The bytes are others.
    Differs,
    /// Signed, and not there.
    Missing,
    /// There, and not signed.
    Extra,
    /// A link, where the signature was made without following any.
    Link,
    /// A link to a folder, whose files nothing was said about.
    FolderLink,
    /// Neither file nor folder.
    Special,
}

/// Files that were not checked since the signature, or the user, leaves them out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ignored {
    /// The path that leaves them out.
    pub path: String,
    /// How many there are.
    pub files: u64,
    /// Those of them that a loader could run or prefer over a signed file.
    pub could_be_loaded: Vec<String>,
}

/// Whose signature held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Signer {
    /// How the key signs.
    pub algorithm: Algorithm,
    /// SHA-256 of its PEM text.
    pub key: Sha256Digest,
}

/// What a run found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Format version, 1.
    pub v: u32,
    /// Whether the signature holds and the files are those signed.
    pub verified: bool,
    /// One sentence.
    pub summary: String,
    /// Whose key signed; only when its signature holds.
    pub signer: Option<Signer>,
    /// What the signer calls the model.
    pub name: Option<String>,
    /// SHA-256 over the raw digests of the signed files, in the order in which they are listed.
    pub root: Option<Sha256Digest>,
    /// Every check, in the order in which they were made.
    pub checks: Vec<Check>,
    /// Every file that is signed, or found and not ignored.
    pub files: Vec<FileReport>,
    /// What was left out.
    pub ignored: Vec<Ignored>,
    /// What deserves a look, though it does not decide.
    pub warnings: Vec<String>,
    /// What all this does not prove.
    pub not_proven: Vec<String>,
}

impl Report {
    /// The report of a bundle that proves nothing about any file.
    pub fn of_fault(error: &OmsError) -> Self {
        let detail = error.to_string();
        let checks = match error {
            OmsError::Statement(_) => vec![
                check("signature", true, "of the key given"),
                check("statement", false, &detail),
            ],
            _ => vec![check("signature", false, &detail)],
        };
        Self {
            v: 1,
            verified: false,
            summary: format!("{}.", sentence(&detail)),
            signer: None,
            name: None,
            root: None,
            checks,
            files: Vec::new(),
            ignored: Vec::new(),
            warnings: Vec::new(),
            not_proven: not_proven(),
        }
    }
}

/// `text` with a capital letter.
fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(characters).collect()
}

impl Signed {
    /// Compares with what was found. `key` is the one that opened the bundle.
    pub fn judge(self, key: &PublicKey, found: &[Found], options: &Options) -> Report {
        let mut comparison = Comparison {
            allow_symlinks: self.allow_symlinks,
            warnings: self.warnings,
            files: Vec::with_capacity(self.resources.len()),
            ignored: BTreeMap::new(),
        };
        let ignore_list = comparison.ignore_list(&self.ignore_paths, &options.ignore_paths);
        let mut there: BTreeMap<&str, FoundKind> = found
            .iter()
            .map(|found| (found.path.as_str(), found.kind))
            .collect();
        for resource in &self.resources {
            let kind = match (&resource.path, found) {
                (None, [only]) if options.single_file => there.remove(only.path.as_str()),
                _ => there.remove(resource.name()),
            };
            comparison.signed(resource.name(), resource.sha256, kind);
        }
        for (path, kind) in there {
            match ignored_by(path, &ignore_list) {
                Some(entry) => comparison.ignored(entry, path),
                None => comparison.unsigned(path, kind),
            }
        }
        let listed = self.resources.len();
        let (checks, summary) = comparison.conclude(listed, options.ignore_unsigned);
        let algorithm = key.algorithm();
        Report {
            v: 1,
            verified: checks.iter().all(|check| check.ok == Some(true)),
            summary,
            signer: Some(Signer {
                algorithm,
                key: key.hint(),
            }),
            name: Some(self.name),
            root: Some(self.root),
            checks,
            files: comparison.files,
            ignored: comparison.ignored.into_values().collect(),
            warnings: comparison.warnings,
            not_proven: not_proven(),
        }
    }
}

/// What was found so far.
struct Comparison {
    allow_symlinks: bool,
    warnings: Vec<String>,
    files: Vec<FileReport>,
    ignored: BTreeMap<String, Ignored>,
}

impl Comparison {
    /// The paths to leave out, each in its one spelling: those signed, the usual ones, and those of the user.
    fn ignore_list(&mut self, signed: &[String], own: &[String]) -> BTreeSet<String> {
        let usual = DEFAULT_IGNORE_PATHS.iter().copied();
        let mut list = BTreeSet::new();
        for entry in signed.iter().chain(own).map(String::as_str).chain(usual) {
            match ignore_path(entry) {
                Some(path) => drop(list.insert(path)),
                None => self.warnings.push(format!(
                    "{:?} is to be left out, but is no path of a file below the folder; it has no effect",
                    clip(entry)
                )),
            }
        }
        list
    }

    fn signed(&mut self, name: &str, signed: Sha256Digest, kind: Option<FoundKind>) {
        let (verdict, found) = match kind {
            Some(FoundKind::File(Some(found))) if found == signed => (FileVerdict::Matches, Some(found)),
            Some(FoundKind::File(found)) => (FileVerdict::Differs, found),
            Some(FoundKind::Link) if self.allow_symlinks => (FileVerdict::Missing, None),
            Some(FoundKind::Link) => (FileVerdict::Link, None),
            Some(FoundKind::FolderLink) => (FileVerdict::FolderLink, None),
            Some(FoundKind::Special) => (FileVerdict::Special, None),
            None => (FileVerdict::Missing, None),
        };
        self.files.push(FileReport {
            path: name.to_owned(),
            verdict,
            signed: Some(signed),
            found,
        });
    }

    fn unsigned(&mut self, path: &str, kind: FoundKind) {
        let verdict = match kind {
            FoundKind::File(_) => FileVerdict::Extra,
            FoundKind::Link => FileVerdict::Link,
            FoundKind::FolderLink => FileVerdict::FolderLink,
            FoundKind::Special => FileVerdict::Special,
        };
        self.files.push(FileReport {
            path: path.to_owned(),
            verdict,
            signed: None,
            found: None,
        });
    }

    fn ignored(&mut self, entry: &str, path: &str) {
        let ignored = self.ignored.entry(entry.to_owned()).or_insert_with(|| Ignored {
            path: entry.to_owned(),
            files: 0,
            could_be_loaded: Vec::new(),
        });
        ignored.files += 1;
        if could_be_loaded(path) {
            ignored.could_be_loaded.push(path.to_owned());
        }
    }

    /// The checks and one sentence. Adds the warnings that need the whole picture.
    fn conclude(&mut self, listed: usize, ignore_unsigned: bool) -> (Vec<Check>, String) {
        let (signed, unsigned): (Vec<_>, Vec<_>) = self.files.iter().partition(|file| file.signed.is_some());
        let wrong: Vec<_> = signed
            .iter()
            .filter(|file| file.verdict != FileVerdict::Matches)
            .collect();
        let files = match (wrong.len(), listed) {
            (0, 1) => "the one signed file matches".to_owned(),
            (0, _) => format!("all {listed} signed files match"),
            (_, 1) => "the one signed file does not match".to_owned(),
            (1, _) => format!("1 of {listed} signed files does not match"),
            (n, _) => format!("{n} of {listed} signed files do not match"),
        };
        let are = if unsigned.len() == 1 { "is" } else { "are" };
        let extra = match (unsigned.len(), ignore_unsigned) {
            (0, _) => "no other file is there".to_owned(),
            (n, true) => format!("{n} more that {are} not signed let through, as asked"),
            (n, false) => format!("{n} more {are} not signed"),
        };
        let checks = vec![
            check("signature", true, "of the key given"),
            check("statement", true, "its root digest is that of the files it lists"),
            check("files", wrong.is_empty(), &files),
            check("unsigned-files", unsigned.is_empty() || ignore_unsigned, &extra),
        ];
        let loadable: Vec<_> = (self.ignored.values())
            .flat_map(|ignored| &ignored.could_be_loaded)
            .map(String::as_str)
            .collect();
        let let_through: Vec<_> = (unsigned.iter().map(|file| file.path.as_str()))
            .filter(|path| ignore_unsigned && could_be_loaded(path))
            .collect();
        let warnings = [
            warn_of_loadable("left out of the check", &loadable),
            warn_of_loadable("not signed, and let through", &let_through),
        ];
        self.warnings.extend(warnings.into_iter().flatten());
        (checks, format!("The signature holds; {files}, {extra}."))
    }
}

/// The entry of `list` that leaves out `path`: the path itself or a folder above it.
fn ignored_by<'a>(path: &str, list: &'a BTreeSet<String>) -> Option<&'a str> {
    let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
    folders
        .chain([path])
        .find_map(|prefix| list.get(prefix).map(String::as_str))
}

/// Whether a loader could run or prefer the file. A name that no manifest may hold is not thought harmless.
fn could_be_loaded(path: &str) -> bool {
    path.parse::<RelativePath>()
        .map_or(true, |path| path.could_be_loaded())
}

fn warn_of_loadable(what: &str, paths: &[&str]) -> Option<String> {
    const MOST_NAMES: usize = 5;
    let mut names: Vec<_> = paths.iter().take(MOST_NAMES).map(|path| visible(path)).collect();
    if paths.len() > MOST_NAMES {
        names.push(format!("and {} more", paths.len() - MOST_NAMES));
    }
    let names = names.join(", ");
    let which = if paths.len() == 1 { "a file" } else { "files" };
    (!paths.is_empty()).then(|| {
        format!("{which} that a program could run or load in place of a signed one: {names} ({what})")
    })
}

fn check(name: &str, ok: bool, detail: &str) -> Check {
    Check {
        name: name.to_owned(),
        ok: Some(ok),
        detail: detail.to_owned(),
    }
}

/// What no OMS signature proves.
fn not_proven() -> Vec<String> {
    [
        "Who holds the key: that is for you to know.",
        "That the publisher still stands by the model: no log and no withdrawal was checked.",
        "That the model behaves well, is unbiased, or is fit for a purpose: a hash knows bytes, not behaviour.",
    ]
    .map(str::to_owned)
    .to_vec()
}
