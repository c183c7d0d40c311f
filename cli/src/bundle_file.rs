//! Bundles on disk: finding those beside the weights, reading one, writing one whole or not at all.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use provenance::{
    bundle::{Bundle, MAX_BUNDLE_BYTES},
    path::BUNDLE_ENDING,
    record::Record,
};

use crate::failure::{Exit, Failure};

/// Most bundles beside the weights that are tried, in the order of their names.
pub(crate) const MOST_BESIDE: usize = 16;

/// Longest file name, in bytes without its ending, that is made of an artifact's name.
const LONGEST_NAME: usize = 100;

/// The bundles beside what is checked: in the folder `path`, at its top level; or in the folder of the file `path`. Sorted,
/// all of them.
///
/// # Errors
/// [`Exit::Io`] when the folder cannot be listed.
pub(crate) fn beside(path: &Path, single_file: bool) -> Result<Vec<PathBuf>, Failure> {
    let folder = match path.parent() {
        _ if !single_file => path,
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let io = |error| Failure::io("look into", folder, &error);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(io)? {
        let path = entry.map_err(io)?.path();
        let named = path
            .file_name()
            .is_some_and(|name| is_bundle_name(&name.to_string_lossy()));
        if named && path.is_file() {
            found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a file of this name is taken for a bundle.
pub(crate) fn is_bundle_name(name: &str) -> bool {
    name.ends_with(BUNDLE_ENDING)
}

/// Reads the bundle at `path`.
///
/// # Errors
/// [`Exit::LogFault`] when it is not one, [`Exit::Io`] when it cannot be read.
pub(crate) fn read(path: &Path) -> Result<Bundle, Failure> {
    parse(path, read_up_to(path, MAX_BUNDLE_BYTES)?)
}

/// Reads the bundle at `path`; none when it could be one, but has more than `left` bytes.
///
/// # Errors
/// Those of [`read`].
pub(crate) fn read_within(path: &Path, left: usize) -> Result<Option<Bundle>, Failure> {
    let bytes = read_up_to(path, left)?;
    if bytes.len() > left && left < MAX_BUNDLE_BYTES {
        return Ok(None);
    }
    parse(path, bytes).map(Some)
}

/// At most one byte more than `limit`, which tells that there are more.
fn read_up_to(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open the bundle", path, &error))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read the bundle", path, &error))?;
    Ok(bytes)
}

fn parse(path: &Path, bytes: Vec<u8>) -> Result<Bundle, Failure> {
    Bundle::parse(bytes).map_err(|error| {
        Failure::new(
            Exit::LogFault,
            format!("the bundle {} does not hold", path.display()),
        )
        .why(error)
        .next("get it again from where it came; it may have been cut or changed on the way")
    })
}

/// What a bundle is about, for people: `acme/minilm 1.0 by acme.example`, or how many records it has.
pub(crate) fn about(bundle: &Bundle) -> String {
    let records = bundle.records();
    let artifacts = records.iter().filter_map(|id| {
        let record = Record::parse(bundle.payload(id)?).ok()?;
        record.manifest()?;
        let subject = &record.artifact()?.subject;
        Some(format!("{} by {}", subject.title(), subject.publisher))
    });
    let artifacts: Vec<_> = artifacts.take(3).collect();
    if artifacts.is_empty() {
        return crate::output::count(records.len(), "record");
    }
    provenance::path::visible(&artifacts.join(", "))
}

/// A file name for the bundle of the artifact called `name`: what no file system minds.
pub(crate) fn file_name(name: &str) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "._-".contains(c) {
            c
        } else {
            '-'
        }
    };
    let mut stem: String = name.chars().take(LONGEST_NAME).map(plain).collect();
    stem = stem.trim_matches(['.', '-']).to_owned();
    if stem.is_empty() {
        "record".clone_into(&mut stem);
    }
    format!("{stem}{BUNDLE_ENDING}")
}

/// Writes a new bundle; one that is there already stays.
///
/// # Errors
/// [`Exit::Usage`] when there is a file of that name, [`Exit::Io`].
pub(crate) fn create(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    check_free(path)?;
    let mut temporary = path.to_owned().into_os_string();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut file = File::options().write(true).create_new(true).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // Unlike a rename, a second name never takes the place of a file that came meanwhile.
        match fs::hard_link(&temporary, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => fs::rename(&temporary, path),
            linked => linked.and_then(|()| fs::remove_file(&temporary)),
        }
    };
    write().map_err(|error| {
        // The half-written copy is of no use; the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        Failure::io("write", path, &error)
    })
}

/// Whether a bundle may be written to `path`.
///
/// # Errors
/// [`Exit::Usage`] when there is a file of that name.
pub(crate) fn check_free(path: &Path) -> Result<(), Failure> {
    if path.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is there already, so nothing was written",
        path.display()
    ))
    .next(format!(
        "renew its proofs (weighbridge bundle --refresh {}), name another file with -o, or add --force",
        crate::shell::quoted(&path.display().to_string())
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_name_leads_nowhere_and_hides_nothing() {
        for (name, file) in [
            ("acme/minilm", "acme-minilm.weighbridge"),
            ("minilm 1.0", "minilm-1.0.weighbridge"),
            ("../../etc/passwd", "etc-passwd.weighbridge"),
            (".hidden", "hidden.weighbridge"),
            ("模型", "record.weighbridge"),
            ("-rf", "rf.weighbridge"),
            ("CON:x", "CON-x.weighbridge"),
        ] {
            assert_eq!(file_name(name), file);
        }
        assert!(file_name(&"a".repeat(1000)).len() < 128);
    }

    #[test]
    fn bundles_are_found_at_the_top_of_a_folder_and_beside_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, "x").unwrap();
            path
        };
        let (b, a) = (file("b.weighbridge"), file("a.weighbridge"));
        let weights = file("model.safetensors");
        file("deep/c.weighbridge");
        fs::create_dir(folder.path().join("folder.weighbridge")).unwrap();
        assert_eq!(beside(folder.path(), false).unwrap(), [a.clone(), b.clone()]);
        assert_eq!(beside(&weights, true).unwrap(), [a, b]);
    }

    #[test]
    fn a_bundle_over_what_is_left_is_not_read_and_one_within_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.weighbridge");
        fs::write(&path, b"sixteen bytes, x").unwrap();
        assert!(read_within(&path, 15).unwrap().is_none());
        // Within the limit it is read, and found to be none.
        for left in [16, MAX_BUNDLE_BYTES] {
            assert_eq!(read_within(&path, left).unwrap_err().exit, Exit::LogFault);
        }
    }

    #[test]
    fn a_bundle_that_is_there_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.weighbridge");
        create(&path, b"one").unwrap();
        let failure = create(&path, b"two").unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary file is left"
        );
    }
}
