//! Finds the files of an artifact: a folder becomes a sorted list of relative paths and sizes.
//!
//! Only regular files count, as in OpenSSF Model Signing; empty folders are not recorded. The ignore list is
//! `provenance`'s, the same in `attest` and `verify`. No file is opened here.

use std::{
    ffi::OsStr,
    fs::{self, FileType, Metadata},
    io,
    path::{Path, PathBuf},
};

use provenance::{
    path::{BUNDLE_ENDING, RelativePath, visible},
    verify::Scope,
};

use crate::{
    failure::{Exit, Failure, chain},
    output::count,
    source::{Source, Stamp},
};

/// What the list is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Signing: links are refused, since a signature over one would say nothing about where it leads tomorrow, and
    /// so is a name that is not UTF-8.
    Sign,
    /// Checking: what a loader would read is read, and model caches are folders of links to files. A link that
    /// leads nowhere is no file.
    Check,
}

/// A file that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Its path below the folder, with slashes; its base name when it was named by itself.
    pub(crate) path: String,
    /// Where it is, and how it looked.
    pub(crate) source: Source,
}

/// What lies at a path.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Whether the path names one file, or a folder; or a folder whose names say nothing of paths.
    pub(crate) scope: Scope,
    /// The files, ordered bytewise by path.
    pub(crate) files: Vec<Found>,
    /// What was passed over, by its name at the top of the folder.
    pub(crate) ignored: Vec<String>,
    /// How many files that are; those in a folder count one by one.
    pub(crate) ignored_files: u64,
}

impl Walk {
    /// Which files were left out, in words with at most five names; none when there is none.
    pub(crate) fn left_out(&self) -> Option<String> {
        const MOST_NAMES: usize = 5;
        if self.ignored_files == 0 {
            return None;
        }
        let mut names: Vec<_> = (self.ignored.iter().take(MOST_NAMES).map(|name| visible(name))).collect();
        if self.ignored.len() > MOST_NAMES {
            names.push(format!("and {} more", self.ignored.len() - MOST_NAMES));
        }
        let files = count(usize::try_from(self.ignored_files).unwrap_or(usize::MAX), "file");
        Some(format!("{files} on the fixed ignore list: {}", names.join(", ")))
    }

    /// Bytes of all files together.
    pub(crate) fn total_bytes(&self) -> u64 {
        self.files.iter().map(|file| file.source.stamp.size).sum()
    }

    /// The files' places on disk, in order.
    pub(crate) fn sources(&self) -> Vec<Source> {
        self.files.iter().map(|file| file.source.clone()).collect()
    }
}

/// Why a path cannot be listed. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WalkError {
    /// The system refused.
    #[error("could not look at {}", path.display())]
    Io {
        /// Where.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A symbolic link, where none may be.
    #[error("{} is a symbolic link", path.display())]
    Link {
        /// Where.
        path: PathBuf,
    },
    /// A link to a folder, which could lead anywhere.
    #[error("{} is a symbolic link to a folder", path.display())]
    LinkToFolder {
        /// Where.
        path: PathBuf,
    },
    /// A socket, pipe or device.
    #[error("{} is neither a file nor a folder", path.display())]
    Special {
        /// Where.
        path: PathBuf,
    },
    /// A name that is not UTF-8.
    #[error("the name of {} is not UTF-8", path.display())]
    NotUtf8 {
        /// Where.
        path: PathBuf,
    },
}

impl From<WalkError> for Failure {
    fn from(error: WalkError) -> Self {
        let failure = Failure::new(Exit::Io, chain(&error));
        match error {
            WalkError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                failure.next("check the path; it is relative to the folder you are in")
            }
            WalkError::Io { .. } => {
                failure.next("give this account the right to read it, then run the same command")
            }
            WalkError::Link { .. } => Failure {
                why: Some("a record lists files, not links".into()),
                ..failure
            }
            .next("copy the folder with its links resolved (cp -rL FROM TO) and attest the copy"),
            WalkError::LinkToFolder { .. } => {
                failure.next("name the folder it leads to, or replace the link by the folder")
            }
            WalkError::Special { .. } => failure.next("move it out of the folder"),
            WalkError::NotUtf8 { .. } => failure.next("rename the file"),
        }
    }
}

/// Lists what lies at `root`: one file, or a folder with everything below it.
///
/// # Errors
/// [`WalkError`] on the first entry that cannot be listed.
pub(crate) fn walk(root: &Path, purpose: Purpose) -> Result<Walk, WalkError> {
    let io = |source| WalkError::Io {
        path: root.to_owned(),
        source,
    };
    let metadata = root.metadata().map_err(io)?;
    if metadata.is_dir() {
        return walk_folder(root, purpose);
    }
    if purpose == Purpose::Sign && root.symlink_metadata().map_err(io)?.is_symlink() {
        return Err(WalkError::Link {
            path: root.to_owned(),
        });
    }
    if !metadata.is_file() {
        return Err(WalkError::Special {
            path: root.to_owned(),
        });
    }
    let name = root.file_name().ok_or_else(|| WalkError::Special {
        path: root.to_owned(),
    })?;
    let file = Found {
        path: text(name, root, purpose)?,
        source: source(root.to_owned(), &metadata),
    };
    Ok(Walk {
        scope: Scope::SingleFile,
        files: vec![file],
        ignored: Vec::new(),
        ignored_files: 0,
    })
}

fn walk_folder(root: &Path, purpose: Purpose) -> Result<Walk, WalkError> {
    let mut walk = Walk {
        scope: Scope::Folder,
        files: Vec::new(),
        ignored: Vec::new(),
        ignored_files: 0,
    };
    let mut folders = vec![(root.to_owned(), String::new())];
    while let Some((folder, prefix)) = folders.pop() {
        let io = |source| WalkError::Io {
            path: folder.clone(),
            source,
        };
        for entry in fs::read_dir(&folder).map_err(io)? {
            let entry = entry.map_err(io)?;
            let path = entry.path();
            let name = format!("{prefix}{}", text(&entry.file_name(), &path, purpose)?);
            let kind = entry.file_type().map_err(|source| WalkError::Io {
                path: path.clone(),
                source,
            })?;
            if is_ignored(&name, kind) {
                walk.ignored_files += count_files(&path, kind);
                walk.ignored.push(name);
            } else if kind.is_dir() {
                folders.push((path, format!("{name}/")));
            } else if let Some(metadata) = file_metadata(&path, kind, purpose)? {
                walk.files.push(Found {
                    path: name,
                    source: source(path, &metadata),
                });
            }
        }
    }
    walk.files.sort_by(|a, b| a.path.cmp(&b.path));
    walk.ignored.sort();
    Ok(walk)
}

/// A name as text. When checking, bytes that are not UTF-8 become replacement characters: no record lists such a
/// name, so it can only be an extra file, and its ending still tells whether a loader might take it.
fn text(name: &OsStr, path: &Path, purpose: Purpose) -> Result<String, WalkError> {
    match (name.to_str(), purpose) {
        (Some(name), _) => Ok(name.to_owned()),
        (None, Purpose::Check) => Ok(name.to_string_lossy().into_owned()),
        (None, Purpose::Sign) => Err(WalkError::NotUtf8 {
            path: path.to_owned(),
        }),
    }
}

/// Ignored folders are not entered. Whether a listed file is ignored is decided again by `provenance`.
fn is_ignored(name: &str, kind: FileType) -> bool {
    let Ok(path) = name.parse::<RelativePath>() else {
        return false;
    };
    path.is_ignored() && !(kind.is_dir() && name.ends_with(BUNDLE_ENDING))
}

/// How many files lie at a path that is passed over. Only a remark rests on it, so what cannot be read counts as none.
fn count_files(path: &Path, kind: FileType) -> u64 {
    if !kind.is_dir() {
        return 1;
    }
    let mut files = 0;
    let mut folders = vec![path.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(_) => files += 1,
                Err(_) => {}
            }
        }
    }
    files
}

/// The metadata of a file, or of what a link leads to; none for a link that leads nowhere.
fn file_metadata(path: &Path, kind: FileType, purpose: Purpose) -> Result<Option<Metadata>, WalkError> {
    let path = path.to_owned();
    if kind.is_symlink() && purpose == Purpose::Sign {
        return Err(WalkError::Link { path });
    }
    match path.metadata() {
        Ok(metadata) if metadata.is_file() => Ok(Some(metadata)),
        Ok(metadata) if metadata.is_dir() => Err(WalkError::LinkToFolder { path }),
        Ok(_) => Err(WalkError::Special { path }),
        Err(error) if kind.is_symlink() && error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(WalkError::Io { path, source }),
    }
}

fn source(path: PathBuf, metadata: &Metadata) -> Source {
    Source {
        stamp: Stamp::of(metadata),
        path,
    }
}

#[cfg(test)]
mod tests;
