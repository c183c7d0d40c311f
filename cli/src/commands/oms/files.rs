//! What lies below a folder, all of it: OMS has an ignore list of its own, in each signature, and has an opinion on links.

use std::{
    fs::{self, Metadata},
    path::{Component, Path, PathBuf},
};

use provenance::oms::{Found, FoundKind};

use crate::{
    failure::{Exit, Failure},
    hashing::{Depth, hash_files, thread_count},
    output::{self, Output},
    progress::Progress,
    source::{Source, Stamp},
};

/// What lies at a path.
pub(super) struct Tree {
    /// Whether the path names one file rather than a folder.
    pub(super) single_file: bool,
    pub(super) entries: Vec<Entry>,
}

/// One thing in it.
pub(super) struct Entry {
    /// Its path below the folder, with slashes; its base name when it was named by itself.
    pub(super) path: String,
    pub(super) kind: EntryKind,
}

pub(super) enum EntryKind {
    File(Source),
    Link,
    FolderLink,
    Special,
    /// A file whose name is not UTF-8: no signature can list it.
    Unnameable,
}

/// Lists everything at `root`. Links to files are followed only when `follow_links`, links to folders never; `root`
/// itself may be a link, since the user named it.
pub(super) fn list(root: &Path, follow_links: bool) -> Result<Tree, Failure> {
    let metadata = root
        .metadata()
        .map_err(|error| Failure::io("look at", root, &error))?;
    if metadata.is_dir() {
        let mut entries = Vec::new();
        list_folder(root, follow_links, &mut entries)?;
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        return Ok(Tree {
            single_file: false,
            entries,
        });
    }
    let name = root.file_name().map(|name| name.to_string_lossy().into_owned());
    let (Some(path), true) = (name, metadata.is_file()) else {
        return Err(Failure::new(
            Exit::Io,
            format!("{} is neither a file nor a folder", root.display()),
        ));
    };
    let entry = Entry {
        path,
        kind: file(root.to_owned(), &metadata),
    };
    Ok(Tree {
        single_file: true,
        entries: vec![entry],
    })
}

fn list_folder(root: &Path, follow_links: bool, entries: &mut Vec<Entry>) -> Result<(), Failure> {
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let io = |error| Failure::io("look into", &folder, &error);
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let at = entry.path();
            let name = entry.file_name();
            let path = format!("{prefix}{}", name.to_string_lossy());
            let kind = entry
                .file_type()
                .map_err(|error| Failure::io("look at", &at, &error))?;
            if kind.is_dir() {
                folders.push((at, format!("{path}/")));
                continue;
            }
            let kind = if kind.is_symlink() {
                link(at, follow_links)
            } else if !kind.is_file() {
                EntryKind::Special
            } else if name.to_str().is_none() {
                EntryKind::Unnameable
            } else {
                let metadata = entry
                    .metadata()
                    .map_err(|error| Failure::io("look at", &at, &error))?;
                file(at, &metadata)
            };
            entries.push(Entry { path, kind });
        }
    }
    Ok(())
}

fn link(at: PathBuf, follow: bool) -> EntryKind {
    match at.metadata() {
        Ok(metadata) if metadata.is_dir() => EntryKind::FolderLink,
        Ok(metadata) if metadata.is_file() && follow => file(at, &metadata),
        _ => EntryKind::Link,
    }
}

fn file(path: PathBuf, metadata: &Metadata) -> EntryKind {
    let stamp = Stamp::of(metadata);
    EntryKind::File(Source { path, stamp })
}

impl Tree {
    /// Takes out what `ignore` names, and all below it.
    pub(super) fn leave_out(&mut self, ignore: &[String]) {
        let is_left_out = |path: &str| {
            let below = |entry: &String| {
                path.strip_prefix(entry.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            ignore.iter().any(below)
        };
        self.entries.retain(|entry| !is_left_out(&entry.path));
    }

    /// Hashes the files that are `wanted`, and says of all others only that they are there. Also gives the bytes read.
    pub(super) fn hash(
        self,
        output: Output,
        root: &Path,
        wanted: impl Fn(&str) -> bool,
    ) -> Result<(Vec<Found>, u64), Failure> {
        let mut sources = Vec::new();
        let mut found = Vec::with_capacity(self.entries.len());
        let mut read = Vec::new();
        for Entry { path, kind } in self.entries {
            let kind = match kind {
                EntryKind::File(source) => {
                    if wanted(&path) {
                        read.push(found.len());
                        sources.push(source);
                    }
                    FoundKind::File(None)
                }
                EntryKind::Unnameable => FoundKind::File(None),
                EntryKind::Link => FoundKind::Link,
                EntryKind::FolderLink => FoundKind::FolderLink,
                EntryKind::Special => FoundKind::Special,
            };
            found.push(Found { path, kind });
        }
        let total = sources.iter().map(|source| source.stamp.size).sum();
        output.note(format!(
            "hashing {}  ({}, {})",
            root.display(),
            output::count(sources.len(), "file"),
            output::bytes(total)
        ));
        let progress = Progress::new(total, output.wants_progress());
        let hashed = hash_files(&sources, Depth::ChunksAndWhole, thread_count(), &|n| {
            progress.add(n);
        })?;
        for (at, file) in read.into_iter().zip(hashed) {
            found[at].kind = FoundKind::File(file.sha256);
        }
        Ok((found, total))
    }
}

/// `path` as it is below `root`, with slashes; none when it is not below, or not UTF-8.
pub(super) fn below(root: &Path, path: &Path) -> Option<String> {
    let inside = if let Ok(inside) = path.strip_prefix(root) {
        inside.to_owned()
    } else {
        // The same place may be spelled in another way, and the file need not be there yet.
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new(".")).canonicalize().ok()?;
        let inside = folder.strip_prefix(root.canonicalize().ok()?).ok()?.to_owned();
        inside.join(path.file_name()?)
    };
    let parts: Option<Vec<_>> = (inside.components())
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    parts
        .filter(|parts| !parts.is_empty())
        .map(|parts| parts.join("/"))
}

/// What the user leaves out: paths below the folder, whether relative to it, absolute, or as seen from here. A path
/// that is elsewhere leaves out nothing.
pub(super) fn left_out(root: &Path, paths: &[PathBuf]) -> Vec<String> {
    let one = |path: &PathBuf| {
        let seen_from_here = below(root, path);
        let inside = || {
            path.is_relative()
                .then(|| path.to_str().map(str::to_owned))
                .flatten()
        };
        // A relative path is below the folder if there is such a thing, as the signature's own entries are.
        match inside().filter(|inside| root.join(inside).exists()) {
            Some(inside) => Some(inside),
            None => seen_from_here.or_else(inside),
        }
    };
    paths.iter().filter_map(one).collect()
}
