//! The data folder: its layout, its lock, and whether it is new.
//!
//! ```text
//! lock                       held by the running server
//! creating                   there only while a new log is being made
//! log.key log.vkey           the log's private key (0600), and its public form with the origin
//! signed-state               largest size and root ever signed
//! checkpoint                 what is published now
//! checkpoints/<size>         every checkpoint that was ever published
//! commit/<start>.seg         the truth: entries and payloads
//! tile/...                   c2sp tlog-tiles, made from the commits
//! blob/sha256/<hex>          sidecars;  blob/incoming/ uploads under way
//! trust                      starter trust file
//! invites/<hex>              invitations to create a publisher, each under the SHA-256 of its token (0600)
//! sled/                      the index; may be deleted
//! set-aside-<n>/             an index that was damaged; may be deleted
//! ```

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io,
    path::{Path, PathBuf},
};

use crate::durable::{self, DurableError, io_error};

/// The data folder of the running server. The lock is given up when it is dropped.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    _lock: File,
}

/// Whether a log has to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// Missing or empty, or its making was interrupted before anything was published.
    New,
    /// Holds a log.
    Existing,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Another server runs on it.
    #[error("the data folder {} is in use by another registry; stop that one, or choose another folder", path.display())]
    InUse {
        /// Which folder.
        path: PathBuf,
    },
    /// Something is there, but no log.
    #[error(
        "the data folder {} is not empty and holds no log key ({} is there, log.key is not); choose an empty folder, \
         or restore the key from a backup. A log that should exist is never created anew",
        path.display(), found.display()
    )]
    NoKey {
        /// Which folder.
        path: PathBuf,
        /// One of the things in it.
        found: PathBuf,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

impl Folder {
    /// Creates or opens the folder and locks it.
    ///
    /// # Errors
    /// [`FolderError`].
    pub fn open(root: &Path) -> Result<(Self, Age), FolderError> {
        durable::create_folder(root)?;
        let lock_path = root.join("lock");
        Self::age(root)?;
        let mut options = OpenOptions::new();
        let lock = options.create(true).truncate(false).write(true).open(&lock_path);
        let lock = lock.map_err(io_error("open", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(FolderError::InUse {
                    path: root.to_owned(),
                });
            }
            Err(TryLockError::Error(e)) => return Err(io_error("lock", &lock_path)(e).into()),
        }
        // Asked again under the lock: another server may have made a log here a moment ago.
        let age = Self::age(root)?;
        let folder = Self {
            root: root.to_owned(),
            _lock: lock,
        };
        durable::remove_leftovers(root)?;
        Ok((folder, age))
    }

    fn age(root: &Path) -> Result<Age, FolderError> {
        if root.join("creating").exists() {
            return Ok(Age::New);
        }
        if root.join("log.key").exists() {
            return Ok(Age::Existing);
        }
        for entry in fs::read_dir(root).map_err(io_error("list", root))? {
            let found = entry.map_err(io_error("list", root))?.file_name();
            let harmless = found == "lock" || found.to_string_lossy().starts_with(durable::TEMPORARY_PREFIX);
            if !harmless {
                return Err(FolderError::NoKey {
                    path: root.to_owned(),
                    found: found.into(),
                });
            }
        }
        Ok(Age::New)
    }

    /// Marks the folder as being made, and makes its sub-folders.
    pub(crate) fn begin(&self) -> Result<(), DurableError> {
        durable::replace(&self.root.join("creating"), b"")?;
        for folder in [self.commits(), self.tiles(), self.checkpoints(), self.blobs()] {
            durable::create_folder(&folder)?;
        }
        Ok(())
    }

    /// The log is made: from now on whatever is missing is damage.
    pub(crate) fn finish(&self) -> Result<(), DurableError> {
        let marker = self.root.join("creating");
        match fs::remove_file(&marker) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(io_error("remove", &marker)(e)),
            _ => {}
        }
        durable::sync_folder(&self.root)
    }

    /// The folder itself.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.root.join("log.key")
    }

    pub(crate) fn vkey(&self) -> PathBuf {
        self.root.join("log.vkey")
    }

    pub(crate) fn signed_state(&self) -> PathBuf {
        self.root.join("signed-state")
    }

    pub(crate) fn checkpoint(&self) -> PathBuf {
        self.root.join("checkpoint")
    }

    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.root.join("checkpoints")
    }

    pub(crate) fn commits(&self) -> PathBuf {
        self.root.join("commit")
    }

    pub(crate) fn tiles(&self) -> PathBuf {
        self.root.join("tile")
    }

    pub(crate) fn blobs(&self) -> PathBuf {
        self.root.join("blob")
    }

    pub(crate) fn trust(&self) -> PathBuf {
        self.root.join("trust")
    }

    pub(crate) fn invites(&self) -> PathBuf {
        self.root.join("invites")
    }

    /// The only path with `sled` in its name.
    pub(crate) fn sled(&self) -> PathBuf {
        self.root.join("sled")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_servers_cannot_share_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let (held, age) = Folder::open(folder.path()).unwrap();
        assert_eq!(age, Age::New);
        assert!(matches!(
            Folder::open(folder.path()),
            Err(FolderError::InUse { .. })
        ));
        drop(held);
        assert!(Folder::open(folder.path()).is_ok());
    }

    #[test]
    fn a_folder_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("commit")).unwrap();
        assert!(matches!(
            Folder::open(folder.path()),
            Err(FolderError::NoKey { .. })
        ));
    }

    #[test]
    fn an_interrupted_creation_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let (held, _) = Folder::open(folder.path()).unwrap();
        held.begin().unwrap();
        fs::write(held.key(), b"").unwrap();
        drop(held);
        let (held, age) = Folder::open(folder.path()).unwrap();
        assert_eq!(age, Age::New);
        held.finish().unwrap();
        drop(held);
        assert_eq!(Folder::open(folder.path()).unwrap().1, Age::Existing);
    }
}
