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

use provenance::path::{BUNDLE_ENDING, RelativePath};

use crate::{
    failure::{Exit, Failure, chain},
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
    /// Whether the path names one file rather than a folder.
    pub(crate) single_file: bool,
    /// The files, ordered bytewise by path.
    pub(crate) files: Vec<Found>,
    /// What was passed over, by its name at the top of the folder.
    pub(crate) ignored: Vec<String>,
}

impl Walk {
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
        single_file: true,
        files: vec![file],
        ignored: Vec::new(),
    })
}

fn walk_folder(root: &Path, purpose: Purpose) -> Result<Walk, WalkError> {
    let mut walk = Walk {
        single_file: false,
        files: Vec::new(),
        ignored: Vec::new(),
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
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        folder
    }

    fn names(walk: &Walk) -> Vec<&str> {
        walk.files.iter().map(|f| f.path.as_str()).collect()
    }

    #[test]
    fn lists_files_in_bytewise_order_and_ignores_only_at_the_top() {
        let folder = folder(&[
            "b.txt",
            "a/z",
            "a-b",
            ".git/config",
            ".gitignore",
            "a/.gitignore",
            "x.weighbridge",
            "d.weighbridge/x.py",
            ".cache/huggingface/y",
            ".cache/other",
            "model.sig",
        ]);
        let walk = walk(folder.path(), Purpose::Sign).unwrap();
        assert_eq!(
            names(&walk),
            [
                ".cache/other",
                "a-b",
                "a/.gitignore",
                "a/z",
                "b.txt",
                "d.weighbridge/x.py"
            ]
        );
        assert_eq!(
            walk.ignored,
            [
                ".cache/huggingface",
                ".git",
                ".gitignore",
                "model.sig",
                "x.weighbridge"
            ]
        );
        assert_eq!(
            walk.total_bytes(),
            walk.files.iter().map(|f| f.path.len() as u64).sum::<u64>()
        );
        assert!(!walk.single_file);
    }

    #[test]
    fn one_file_is_listed_under_its_base_name() {
        let folder = folder(&["a/model.bin"]);
        let walk = walk(&folder.path().join("a/model.bin"), Purpose::Sign).unwrap();
        assert_eq!(names(&walk), ["model.bin"]);
        assert!(walk.single_file);
    }

    #[test]
    #[cfg(unix)]
    fn links_are_refused_when_signing_and_followed_to_files_when_verifying() {
        let folder = folder(&["blob", "sub/x"]);
        std::os::unix::fs::symlink("blob", folder.path().join("model.bin")).unwrap();
        let error = walk(folder.path(), Purpose::Sign).unwrap_err();
        assert!(
            matches!(&error, WalkError::Link { path } if path.ends_with("model.bin")),
            "{error}"
        );
        assert_eq!(
            names(&walk(folder.path(), Purpose::Check).unwrap()),
            ["blob", "model.bin", "sub/x"]
        );
        std::os::unix::fs::symlink("sub", folder.path().join("loop")).unwrap();
        let error = walk(folder.path(), Purpose::Check).unwrap_err();
        assert!(
            matches!(&error, WalkError::LinkToFolder { path } if path.ends_with("loop")),
            "{error}"
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_link_that_leads_nowhere_is_no_file_when_checking() {
        let folder = folder(&["x"]);
        std::os::unix::fs::symlink("gone", folder.path().join("model.bin")).unwrap();
        assert_eq!(names(&walk(folder.path(), Purpose::Check).unwrap()), ["x"]);
        assert!(matches!(
            walk(folder.path(), Purpose::Sign),
            Err(WalkError::Link { .. })
        ));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_name_that_is_not_text_is_refused_when_signing_and_seen_when_checking() {
        use std::os::unix::ffi::OsStrExt;
        let folder = folder(&[]);
        fs::write(folder.path().join(OsStr::from_bytes(b"a\xff.py")), "x").unwrap();
        assert!(matches!(
            walk(folder.path(), Purpose::Sign),
            Err(WalkError::NotUtf8 { .. })
        ));
        assert_eq!(
            names(&walk(folder.path(), Purpose::Check).unwrap()),
            ["a\u{fffd}.py"]
        );
    }

    #[test]
    #[cfg(unix)]
    fn a_socket_is_refused_and_never_opened() {
        let folder = folder(&[]);
        let path = folder.path().join("model.bin");
        std::os::unix::net::UnixListener::bind(&path).unwrap();
        for purpose in [Purpose::Sign, Purpose::Check] {
            assert!(matches!(
                walk(folder.path(), purpose),
                Err(WalkError::Special { .. })
            ));
        }
    }

    #[test]
    fn a_path_that_is_not_there_says_so() {
        let failure = Failure::from(walk(Path::new("no/such/folder"), Purpose::Sign).unwrap_err());
        assert_eq!(failure.exit, Exit::Io);
        assert_eq!(
            failure.what,
            "could not look at no/such/folder: there is no such file or folder"
        );
    }
}
