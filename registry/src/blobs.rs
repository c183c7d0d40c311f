//! Blobs: the sidecars of records (chunk lists, tensor indexes), content-addressed files `blob/sha256/<hex>`.
//!
//! An upload is written to `blob/incoming/`, hashed on the way, fsynced and renamed. A blob that no logged
//! record names is an orphan, and removed when it has not been wanted for 24 hours.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use provenance::{Sha256Digest, Sha256Hasher, tensor::MAX_INDEX_BYTES};

use crate::durable::{self, DurableError, io_error, read_if_there};

/// Largest chunk list that is taken, in bytes: 64 MiB, for a file of 8 TiB.
pub const MAX_CHUNK_LIST_BYTES: u64 = 64 << 20;

/// Largest tensor index that is taken, in bytes (DESIGN.md section 3).
pub const MAX_TENSOR_INDEX_BYTES: u64 = MAX_INDEX_BYTES as u64;

/// How long a blob that no logged record names is kept.
pub const ORPHAN_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// A blob older than this gets a new time when it is wanted again, so that it is not removed under a record
/// that is on its way into the log.
const RENEW_AFTER: Duration = Duration::from_secs(3600);

/// The folder of blobs.
#[derive(Debug)]
pub struct Blobs {
    folder: PathBuf,
    incoming: PathBuf,
    uploads: AtomicU64,
    /// Held for reading while blobs are found and renewed; for writing while one appears (its name must be durable
    /// before anybody counts on it) and while an orphan is judged and removed.
    names: Arc<RwLock<()>>,
}

/// Why an upload was not kept.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UploadError {
    /// More bytes than allowed, or another number than the record implies.
    #[error("wanted {wanted} bytes, got {found}")]
    Length {
        /// Bytes allowed or implied.
        wanted: u64,
        /// Bytes that came, as far as they were read.
        found: u64,
    },
    /// The bytes are others than the address says.
    #[error("wanted the bytes of {wanted}, got those of {found}")]
    Digest {
        /// Digest in the address.
        wanted: Sha256Digest,
        /// Digest of what came.
        found: Sha256Digest,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

impl Blobs {
    /// Opens the blobs under `folder`, and forgets uploads that were under way when the server stopped.
    ///
    /// # Errors
    /// [`DurableError`].
    pub fn open(folder: &Path) -> Result<Self, DurableError> {
        let (hashed, incoming) = (folder.join("sha256"), folder.join("incoming"));
        durable::create_folder(&hashed)?;
        if incoming.exists() {
            fs::remove_dir_all(&incoming).map_err(io_error("empty", &incoming))?;
        }
        durable::create_folder(&incoming)?;
        Ok(Self {
            folder: hashed,
            incoming,
            uploads: AtomicU64::new(0),
            names: Arc::new(RwLock::new(())),
        })
    }

    fn path(&self, digest: &Sha256Digest) -> PathBuf {
        self.folder.join(digest.to_string())
    }

    /// Whether the blob is there and durable.
    pub fn holds(&self, digest: &Sha256Digest) -> bool {
        self.path(digest).is_file()
    }

    /// The length in bytes of a blob that is there, which from now on will not be taken for an orphan for hours;
    /// none when it is not there.
    ///
    /// # Errors
    /// [`DurableError`] when the file system does not say.
    pub fn keep(&self, digest: &Sha256Digest, now: SystemTime) -> Result<Option<u64>, DurableError> {
        let path = self.path(digest);
        let _not_removing = self.names.read().unwrap_or_else(PoisonError::into_inner);
        let found = match fs::metadata(&path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            found => found.map_err(io_error("look at", &path))?,
        };
        let modified = found.modified().map_err(io_error("look at", &path))?;
        if now.duration_since(modified).is_ok_and(|age| age > RENEW_AFTER) {
            let file = File::options()
                .append(true)
                .open(&path)
                .map_err(io_error("open", &path))?;
            file.set_modified(now).map_err(io_error("renew", &path))?;
        }
        Ok(Some(found.len()))
    }

    /// The blob's bytes, checked against their digest; none when it is not there.
    ///
    /// # Errors
    /// [`DurableError`] when it cannot be read, or reads as other bytes than were written.
    pub fn read(&self, digest: &Sha256Digest) -> Result<Option<Vec<u8>>, DurableError> {
        let path = self.path(digest);
        let Some(bytes) = read_if_there(&path)? else {
            return Ok(None);
        };
        if Sha256Digest::of(&bytes) == *digest {
            Ok(Some(bytes))
        } else {
            Err(DurableError::Differs { path })
        }
    }

    /// Starts an upload of at most `limit` bytes that must have the digest `wanted`.
    ///
    /// # Errors
    /// [`DurableError`].
    pub fn upload(&self, wanted: Sha256Digest, limit: u64) -> Result<Upload, DurableError> {
        let number = self.uploads.fetch_add(1, Ordering::Relaxed);
        let path = self.incoming.join(number.to_string());
        let file = File::create_new(&path).map_err(io_error("create", &path))?;
        Ok(Upload {
            wanted,
            limit,
            path,
            target: self.path(&wanted),
            names: Arc::clone(&self.names),
            file,
            hasher: Sha256Hasher::new(),
            length: 0,
        })
    }

    /// Removes blobs that nobody has wanted for [`ORPHAN_LIFETIME`] and that `is_named` does not know. Gives
    /// their number.
    ///
    /// # Errors
    /// [`DurableError`]; what was removed so far stays removed.
    pub fn remove_orphans<E: From<DurableError>>(
        &self,
        now: SystemTime,
        is_named: impl Fn(&Sha256Digest) -> Result<bool, E>,
    ) -> Result<usize, E> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder).map_err(io_error("list", &self.folder))? {
            let path = entry.map_err(io_error("list", &self.folder))?.path();
            let digest = path
                .file_name()
                .and_then(|n| n.to_str())
                .and_then(|n| n.parse::<Sha256Digest>().ok());
            let Some(digest) = digest else { continue };
            let old = |path: &Path| {
                let modified = fs::metadata(path)
                    .and_then(|m| m.modified())
                    .map_err(io_error("look at", path))?;
                Ok::<_, DurableError>(
                    now.duration_since(modified)
                        .is_ok_and(|age| age > ORPHAN_LIFETIME),
                )
            };
            if !old(&path)? || is_named(&digest)? {
                continue;
            }
            let _nobody_finds_it = self.names.write().unwrap_or_else(PoisonError::into_inner);
            if old(&path)? {
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// An upload under way. Dropped before [`Self::finish`], it leaves nothing.
pub struct Upload {
    wanted: Sha256Digest,
    limit: u64,
    path: PathBuf,
    target: PathBuf,
    names: Arc<RwLock<()>>,
    file: File,
    hasher: Sha256Hasher,
    length: u64,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({:?}, {} bytes)", self.wanted, self.length)
    }
}

impl Upload {
    /// Appends bytes.
    ///
    /// # Errors
    /// [`UploadError::Length`] above the limit.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), UploadError> {
        self.length += bytes.len() as u64;
        if self.length > self.limit {
            return Err(UploadError::Length {
                wanted: self.limit,
                found: self.length,
            });
        }
        self.hasher.update(bytes);
        Ok(self
            .file
            .write_all(bytes)
            .map_err(io_error("write", &self.path))?)
    }

    /// Checks length and digest, makes the blob durable and shows it under its digest.
    ///
    /// # Errors
    /// [`UploadError`].
    pub fn finish(self, exact_length: Option<u64>) -> Result<(), UploadError> {
        if let Some(wanted) = exact_length.filter(|wanted| *wanted != self.length) {
            return Err(UploadError::Length {
                wanted,
                found: self.length,
            });
        }
        let found = self.hasher.clone().finish();
        if found != self.wanted {
            return Err(UploadError::Digest {
                wanted: self.wanted,
                found,
            });
        }
        self.file.sync_all().map_err(io_error("fsync", &self.path))?;
        let _nobody_finds_it = self.names.write().unwrap_or_else(PoisonError::into_inner);
        Ok(durable::move_into_place(&self.path, &self.target)?)
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        // After a finished upload the name is gone and there is nothing to remove.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blobs() -> (tempfile::TempDir, Blobs) {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open(folder.path()).unwrap();
        (folder, blobs)
    }

    fn put(blobs: &Blobs, bytes: &[u8]) -> Sha256Digest {
        let digest = Sha256Digest::of(bytes);
        let mut upload = blobs.upload(digest, 100).unwrap();
        upload.write(bytes).unwrap();
        upload.finish(Some(bytes.len() as u64)).unwrap();
        digest
    }

    #[test]
    fn an_upload_is_found_under_its_digest() {
        let (_folder, blobs) = blobs();
        let digest = put(&blobs, b"abc");
        assert!(blobs.holds(&digest));
        assert_eq!(blobs.read(&digest).unwrap().unwrap(), b"abc");
        assert_eq!(blobs.read(&Sha256Digest::of(b"x")).unwrap(), None);
    }

    #[test]
    fn refused_uploads_leave_nothing() {
        let (folder, blobs) = blobs();
        let digest = Sha256Digest::of(b"abc");
        let mut upload = blobs.upload(digest, 2).unwrap();
        assert!(matches!(
            upload.write(b"abc"),
            Err(UploadError::Length { wanted: 2, found: 3 })
        ));
        drop(upload);
        let mut upload = blobs.upload(digest, 3).unwrap();
        upload.write(b"abd").unwrap();
        assert!(matches!(upload.finish(None), Err(UploadError::Digest { .. })));
        let mut upload = blobs.upload(digest, 3).unwrap();
        upload.write(b"ab").unwrap();
        assert!(matches!(
            upload.finish(Some(3)),
            Err(UploadError::Length { wanted: 3, found: 2 })
        ));
        assert!(!blobs.holds(&digest));
        assert_eq!(fs::read_dir(folder.path().join("incoming")).unwrap().count(), 0);
    }

    #[test]
    fn bytes_that_changed_on_disk_are_not_served() {
        let (folder, blobs) = blobs();
        let digest = put(&blobs, b"abc");
        fs::write(folder.path().join("sha256").join(digest.to_string()), b"abd").unwrap();
        assert!(matches!(blobs.read(&digest), Err(DurableError::Differs { .. })));
    }

    #[test]
    fn only_old_blobs_that_no_record_names_are_removed() {
        let (_folder, blobs) = blobs();
        let (named, orphan) = (put(&blobs, b"named"), put(&blobs, b"orphan"));
        let is_named = |digest: &Sha256Digest| Ok::<_, DurableError>(*digest == named);
        let now = SystemTime::now();
        assert_eq!(blobs.remove_orphans(now, is_named).unwrap(), 0);
        let later = now + ORPHAN_LIFETIME + Duration::from_secs(60);
        assert_eq!(blobs.keep(&orphan, later).unwrap(), Some(6));
        assert_eq!(
            blobs.remove_orphans(later, is_named).unwrap(),
            0,
            "it was wanted a moment ago"
        );
        let much_later = later + ORPHAN_LIFETIME + Duration::from_secs(60);
        assert_eq!(blobs.remove_orphans(much_later, is_named).unwrap(), 1);
        assert!(blobs.holds(&named) && !blobs.holds(&orphan));
    }
}
