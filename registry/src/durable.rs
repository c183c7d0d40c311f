//! Durable file operations: what is written here survives a power cut once the call has returned.
//!
//! Every new file is written to a temporary name in its own folder, fsynced, renamed, and its folder fsynced
//! while a descriptor of that folder is held open (an evicted inode could swallow an error). After a failed
//! fsync nothing is read back or tried again: the page cache may hold pages that only look written, so the
//! error travels up and the server stops.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

/// Prefix of the names of files that are still being written. Leftovers are removed at the next start.
pub(crate) const TEMPORARY_PREFIX: &str = ".writing-";

/// Why a durable operation failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DurableError {
    /// The operating system refused.
    #[error("cannot {doing} {}: {source}", path.display())]
    Io {
        /// What was being done, as a verb.
        doing: &'static str,
        /// To which file or folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An immutable object exists with other bytes.
    #[error("{} exists and differs from what the log's commits make of it", path.display())]
    Differs {
        /// Which file.
        path: PathBuf,
    },
}

/// Attaches the operation and the path to an I/O error.
pub(crate) fn io_error<'a>(
    doing: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> DurableError + 'a {
    move |source| DurableError::Io {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Fsyncs a folder, so that the names in it are durable.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), DurableError> {
    File::open(folder)
        .and_then(|f| f.sync_all())
        .map_err(io_error("fsync the folder", folder))
}

/// Creates `folder` and its missing parents, each made durable in its own parent.
pub(crate) fn create_folder(folder: &Path) -> Result<(), DurableError> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(parent) = parent {
        create_folder(parent)?;
    }
    match fs::create_dir(folder) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => {
            return Err(io_error("create the folder", folder)(e));
        }
        _ => {}
    }
    sync_folder(parent.unwrap_or(Path::new(".")))
}

/// Writes `bytes` to `path`, replacing what was there, atomically and durably.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    replace_with_mode(path, bytes, 0o644)
}

/// As [`replace`], readable by the owner only: for keys.
pub(crate) fn replace_private(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    replace_with_mode(path, bytes, 0o600)
}

fn write_temporary(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DurableError> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
        .map_err(io_error("create", path))?;
    file.write_all(bytes).map_err(io_error("write", path))?;
    file.sync_all().map_err(io_error("fsync", path))
}

fn replace_with_mode(path: &Path, bytes: &[u8], mode: u32) -> Result<(), DurableError> {
    create_folder(&temporary_beside(path).0)?;
    put(
        path,
        |temporary| write_temporary(temporary, bytes, mode),
        |from, to| fs::rename(from, to),
    )
}

/// Makes a durable file under a temporary name, and gives it its own one durably. The folder has to be there.
fn put(
    path: &Path,
    make: impl FnOnce(&Path) -> Result<(), DurableError>,
    name: impl FnOnce(&Path, &Path) -> io::Result<()>,
) -> Result<(), DurableError> {
    let (folder, temporary) = temporary_beside(path);
    let held = File::open(&folder).map_err(io_error("open the folder", &folder))?;
    make(&temporary)?;
    name(&temporary, path).map_err(io_error("rename into place", path))?;
    held.sync_all().map_err(io_error("fsync the folder", &folder))
}

/// As [`replace`], for what is replaced many times a second. The two names exchange their files where the system can do so,
/// and the old one stays under the temporary name to be written over: ext4 looks through the inodes that were freed in the
/// last minutes for every file that it creates. Only for files that nobody reads while they are replaced.
pub(crate) fn rewrite(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    let make = |temporary: &Path| write_temporary(temporary, bytes, 0o644);
    put(path, make, exchange)
}

#[cfg(target_os = "linux")]
fn exchange(from: &Path, to: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use rustix::io::Errno;
    match renameat_with(CWD, from, CWD, to, RenameFlags::EXCHANGE) {
        // There is nothing to exchange with, or the file system cannot.
        Err(Errno::NOENT | Errno::INVAL | Errno::NOSYS) => fs::rename(from, to),
        done => Ok(done?),
    }
}

#[cfg(not(target_os = "linux"))]
fn exchange(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)
}

/// As [`replace`], where `same` is a durable file with these bytes: another name for it is all that has to be written.
pub(crate) fn replace_by_link(path: &Path, same: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    let make = |temporary: &Path| {
        let linked = match fs::hard_link(same, temporary) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                fs::remove_file(temporary).map_err(io_error("remove the leftover", temporary))?;
                fs::hard_link(same, temporary)
            }
            linked => linked,
        };
        match linked.as_ref().map_err(io::Error::kind) {
            // A file system without links, or with no more of them for this file.
            Err(
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied | io::ErrorKind::TooManyLinks,
            ) => write_temporary(temporary, bytes, 0o644),
            _ => linked.map_err(io_error("link", temporary)),
        }
    };
    put(path, make, |from, to| fs::rename(from, to))
}

/// Writes an immutable object. One that exists must be equal byte for byte.
///
/// # Errors
/// [`DurableError::Differs`] when it is not; the caller stops the log.
pub(crate) fn put_immutable(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    if holds(path, bytes)? {
        Ok(())
    } else {
        replace(path, bytes)
    }
}

/// As [`put_immutable`], but writes an equal object anew: after a crash it may only look written.
pub(crate) fn renew_immutable(path: &Path, bytes: &[u8]) -> Result<(), DurableError> {
    holds(path, bytes)?;
    replace(path, bytes)
}

/// Whether an immutable object is there, equal byte for byte.
fn holds(path: &Path, bytes: &[u8]) -> Result<bool, DurableError> {
    match read_if_there(path)? {
        Some(found) if found == bytes => Ok(true),
        Some(_) => Err(DurableError::Differs {
            path: path.to_owned(),
        }),
        None => Ok(false),
    }
}

/// The bytes of a file; none when it is not there.
pub(crate) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, DurableError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(io_error("read", path)(e)),
    }
}

/// Moves a file that is already written and fsynced to its final name, durably.
pub(crate) fn move_into_place(from: &Path, to: &Path) -> Result<(), DurableError> {
    let folder = to.parent().unwrap_or(Path::new(".")).to_owned();
    create_folder(&folder)?;
    let held = File::open(&folder).map_err(io_error("open the folder", &folder))?;
    fs::rename(from, to).map_err(io_error("rename into place", to))?;
    held.sync_all().map_err(io_error("fsync the folder", &folder))
}

/// Removes what an interrupted write left in `folder`, not in its sub-folders.
pub(crate) fn remove_leftovers(folder: &Path) -> Result<(), DurableError> {
    let entries = match fs::read_dir(folder) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(io_error("list", folder))?,
    };
    for entry in entries {
        let entry = entry.map_err(io_error("list", folder))?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_PREFIX) {
            fs::remove_file(entry.path()).map_err(io_error("remove the leftover", &entry.path()))?;
        }
    }
    Ok(())
}

fn temporary_beside(path: &Path) -> (PathBuf, PathBuf) {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
        .to_owned();
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!("{TEMPORARY_PREFIX}{name}"));
    (folder, temporary)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn replaces_a_file_and_leaves_nothing_temporary() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/c");
        replace(&path, b"one").unwrap();
        replace(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn immutable_objects_must_be_equal() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tile");
        put_immutable(&path, b"one").unwrap();
        put_immutable(&path, b"one").unwrap();
        renew_immutable(&path, b"one").unwrap();
        assert!(matches!(
            put_immutable(&path, b"two"),
            Err(DurableError::Differs { .. })
        ));
        assert!(matches!(
            renew_immutable(&path, b"two"),
            Err(DurableError::Differs { .. })
        ));
        assert_eq!(fs::read(&path).unwrap(), b"one");
    }

    #[test]
    fn rewrites_and_links_replace_too() {
        let folder = tempfile::tempdir().unwrap();
        let (state, archived, current) = (
            folder.path().join("state"),
            folder.path().join("7"),
            folder.path().join("current"),
        );
        for text in ["one", "three", "2"] {
            rewrite(&state, text.as_bytes()).unwrap();
            assert_eq!(fs::read_to_string(&state).unwrap(), text);
        }
        fs::write(&archived, "seven").unwrap();
        // The third time finds what the second, which had nothing to do, left.
        for _ in 0..3 {
            replace_by_link(&current, &archived, b"seven").unwrap();
            assert_eq!(fs::read(&current).unwrap(), b"seven");
        }
        let other = folder.path().join("8");
        fs::write(&other, "eight").unwrap();
        replace_by_link(&current, &other, b"eight").unwrap();
        assert_eq!(fs::read(&current).unwrap(), b"eight");
        assert_eq!(fs::read(&archived).unwrap(), b"seven");
    }

    #[test]
    fn private_files_are_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        replace_private(&path, b"x").unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn leftovers_of_an_interrupted_write_are_removed() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(".writing-x"), b"").unwrap();
        fs::write(folder.path().join("x"), b"").unwrap();
        remove_leftovers(folder.path()).unwrap();
        assert!(folder.path().join("x").exists() && !folder.path().join(".writing-x").exists());
    }
}
