//! The folder between `attest` and `publish`: signed envelopes in publishing order, and their sidecars.
//!
//! ```text
//! att/1-provenance.dsse.json
//! att/2-signature.dsse.json
//! att/blob/<sha256>            chunk lists and tensor indexes
//! ```
//! Written whole or not at all; read with the same limits as anything from outside, since it may be copied
//! between machines.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use provenance::{
    RecordId, Sha256Digest,
    dsse::{Envelope, MAX_ENVELOPE_BYTES},
    record::Record,
};

use crate::failure::{Exit, Failure};

const ENVELOPE_ENDING: &str = ".dsse.json";
const BLOB_FOLDER: &str = "blob";

/// Most envelopes in one folder.
const MAX_ENVELOPES: usize = 1000;

/// A record that was just signed.
pub(crate) struct SignedRecord {
    /// Its id.
    pub(crate) id: RecordId,
    /// `signature` or `provenance`.
    pub(crate) kind: &'static str,
    /// The envelope's JSON.
    pub(crate) envelope: Vec<u8>,
}

/// An envelope read back.
pub(crate) struct StoredRecord {
    /// Where it was read.
    pub(crate) path: PathBuf,
    /// The envelope's JSON, as it will be sent.
    pub(crate) envelope: Vec<u8>,
    /// The signed payload in it.
    pub(crate) payload: Vec<u8>,
}

/// A place that was checked and may be written to.
pub(crate) struct AttFolder {
    target: PathBuf,
}

impl AttFolder {
    /// Checks that `target` is free, empty, or an earlier result that may be replaced.
    ///
    /// # Errors
    /// [`Exit::Usage`] when something else is there, [`Exit::Io`] when it cannot be read.
    pub(crate) fn prepare(target: &Path, force: bool) -> Result<Self, Failure> {
        let ready = Ok(Self {
            target: target.to_owned(),
        });
        let entries = match fs::read_dir(target) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return ready,
            Err(error) if error.kind() == io::ErrorKind::NotADirectory => {
                return Err(
                    Failure::usage(format!("--out {} is a file", target.display())).next("name a folder")
                );
            }
            Err(error) => return Err(Failure::io("look into", target, &error)),
        };
        let mut any = false;
        for entry in entries {
            let entry = entry.map_err(|error| Failure::io("look into", target, &error))?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if !is_envelope(&name) && name != BLOB_FOLDER {
                return Err(Failure::usage(format!(
                    "--out {} holds other files, such as {name}",
                    target.display()
                ))
                .next("name a folder that is not there yet"));
            }
            any = true;
        }
        if any && !force {
            return Err(
                Failure::usage(format!("--out {} holds an earlier result", target.display()))
                    .next("add --force to replace it, or name another folder"),
            );
        }
        ready
    }

    /// Writes everything to a new folder beside the target, then puts it in the target's place.
    ///
    /// # Errors
    /// [`Exit::Io`].
    pub(crate) fn write(
        &self,
        records: &[SignedRecord],
        sidecars: &BTreeMap<Sha256Digest, Vec<u8>>,
    ) -> Result<(), Failure> {
        let sibling = |ending: &str| {
            let mut name = without_final_slash(&self.target).into_os_string();
            name.push(format!(".{}.{ending}", std::process::id()));
            PathBuf::from(name)
        };
        let (new, old) = (sibling("new"), sibling("old"));
        let write = || {
            let blobs = new.join(BLOB_FOLDER);
            fs::create_dir_all(&blobs)?;
            for (number, record) in (1..).zip(records) {
                let name = format!("{number}-{}{ENVELOPE_ENDING}", record.kind);
                write_file(&new.join(name), &record.envelope)?;
            }
            for (digest, bytes) in sidecars {
                write_file(&blobs.join(digest.to_string()), bytes)?;
            }
            if self.target.exists() {
                fs::rename(&self.target, &old)?;
            }
            fs::rename(&new, &self.target)
        };
        write().map_err(|error| {
            // The new folder is incomplete and of no use; the first error is the one to tell.
            let _ = fs::remove_dir_all(&new);
            Failure::io("write", &self.target, &error)
        })?;
        match fs::remove_dir_all(&old) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Failure::io("remove", &old, &error)),
            _ => Ok(()),
        }
    }
}

/// Reads the envelopes of `folder` in publishing order.
///
/// # Errors
/// [`Exit::Usage`] when it is not such a folder or one does not hold, [`Exit::Io`] when it cannot be read.
pub(crate) fn read_records(folder: &Path) -> Result<Vec<StoredRecord>, Failure> {
    let entries = fs::read_dir(folder).map_err(|error| Failure::io("look into", folder, &error))?;
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| Failure::io("look into", folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_envelope(&name) {
            names.push((number_of(&name), name));
        }
    }
    if names.is_empty() || names.len() > MAX_ENVELOPES {
        return Err(
            Failure::usage(format!("{} is not a folder that attest wrote", folder.display()))
                .why("it holds no *.dsse.json files in publishing order")
                .next("weighbridge attest DIR --publisher NAME --key FILE --name NAME --out att/"),
        );
    }
    names.sort();
    names
        .into_iter()
        .map(|(_, name)| read_record(folder.join(name)))
        .collect()
}

/// The sidecar `digest`, checked; at most `limit` bytes.
///
/// # Errors
/// [`Exit::Usage`] when it is damaged or too large, [`Exit::Io`] when it cannot be read.
pub(crate) fn read_sidecar(folder: &Path, digest: &Sha256Digest, limit: u64) -> Result<Vec<u8>, Failure> {
    if *digest == Sha256Digest::OF_NOTHING {
        return Ok(Vec::new());
    }
    let path = folder.join(BLOB_FOLDER).join(digest.to_string());
    let bytes = read_bounded(&path, limit)?;
    if Sha256Digest::of(&bytes) == *digest {
        return Ok(bytes);
    }
    Err(
        Failure::usage(format!("{} is not the file its name says", path.display()))
            .why("it was changed or cut since attest wrote it")
            .next("run attest again"),
    )
}

/// Bytes of all sidecars together.
///
/// # Errors
/// [`Exit::Io`].
pub(crate) fn sidecar_bytes(folder: &Path) -> Result<u64, Failure> {
    let blobs = folder.join(BLOB_FOLDER);
    let io = |error| Failure::io("look into", &blobs, &error);
    let mut total = 0;
    for entry in fs::read_dir(&blobs).map_err(io)? {
        total += entry.map_err(io)?.metadata().map_err(io)?.len();
    }
    Ok(total)
}

fn read_record(path: PathBuf) -> Result<StoredRecord, Failure> {
    let envelope = read_bounded(&path, MAX_ENVELOPE_BYTES as u64)?;
    let damaged = |why: String| {
        Failure::usage(format!("{} is not a signed record", path.display()))
            .why(why)
            .next("run attest again")
    };
    let payload = Envelope::parse(&envelope)
        .map_err(|error| damaged(error.to_string()))?
        .payload;
    Record::parse(&payload).map_err(|error| damaged(error.to_string()))?;
    Ok(StoredRecord {
        path,
        envelope,
        payload,
    })
}

fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(Failure::new(
            Exit::Usage,
            format!("{} has more than {limit} bytes", path.display()),
        )
        .why("no file of that kind is so large")
        .next("run attest again"));
    }
    Ok(bytes)
}

fn write_file(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// Whether `name` reads `<number>-<kind>.dsse.json`.
fn is_envelope(name: &str) -> bool {
    name.ends_with(ENVELOPE_ENDING) && number_of(name) > 0
}

fn number_of(name: &str) -> u32 {
    name.split_once('-')
        .and_then(|(number, _)| number.parse().ok())
        .unwrap_or(0)
}

/// `att/` as `att`, so that a sibling's name can be made by appending.
fn without_final_slash(path: &Path) -> PathBuf {
    path.components().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn envelopes_are_sent_in_the_order_of_their_numbers() {
        assert!(is_envelope("1-provenance.dsse.json") && is_envelope("10-signature.dsse.json"));
        for name in [
            "signature.dsse.json",
            "0-x.dsse.json",
            "1-x.json",
            "x-1.dsse.json",
        ] {
            assert!(!is_envelope(name), "{name}");
        }
        assert!(number_of("2-a.dsse.json") < number_of("10-a.dsse.json"));
    }

    #[test]
    fn never_replaces_a_folder_with_other_files() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("thesis.tex"), "x").unwrap();
        let failure = AttFolder::prepare(folder.path(), true).map(|_| ()).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.what.contains("thesis.tex"), "{failure}");
    }

    #[test]
    fn an_earlier_result_is_replaced_only_when_asked() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("att/");
        let record = |text: &str| SignedRecord {
            id: RecordId::of_payload(b"x"),
            kind: "signature",
            envelope: text.as_bytes().to_vec(),
        };
        let sidecars = BTreeMap::from([(Sha256Digest::of(b"blob"), b"blob".to_vec())]);
        AttFolder::prepare(&target, false)
            .unwrap()
            .write(&[record("old")], &sidecars)
            .unwrap();
        assert_eq!(
            AttFolder::prepare(&target, false).map(|_| ()).unwrap_err().exit,
            Exit::Usage
        );
        AttFolder::prepare(&target, true)
            .unwrap()
            .write(&[record("new")], &sidecars)
            .unwrap();
        assert_eq!(
            fs::read_to_string(target.join("1-signature.dsse.json")).unwrap(),
            "new"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no temporary folder is left"
        );
        assert_eq!(
            read_sidecar(&target, &Sha256Digest::of(b"blob"), 4).unwrap(),
            b"blob"
        );
        assert!(read_sidecar(&target, &Sha256Digest::of(b"blob"), 3).is_err());
        fs::write(
            target.join("blob").join(Sha256Digest::of(b"blob").to_string()),
            "BLOB",
        )
        .unwrap();
        assert_eq!(
            read_sidecar(&target, &Sha256Digest::of(b"blob"), 4)
                .unwrap_err()
                .exit,
            Exit::Usage
        );
    }
}
