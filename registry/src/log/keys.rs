//! The log's key: an Ed25519 note key named as the log's origin. The file `log.key` holds it, readable by the
//! owner only; `log.vkey` beside it holds the public form, so that a swapped key is noticed.
//!
//! ```text
//! weighbridge.dev/log-key/v1
//! <origin>
//! <64 hex digits: the seed of RFC 8032>
//! ```

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use provenance::{
    Sha256Digest,
    checkpoint::Origin,
    note::{KeyName, NoteAlgorithm, NoteSigner, VerifierKey},
};
use zeroize::Zeroizing;

use crate::{
    durable::{self, DurableError, io_error},
    folder::Folder,
};

const HEADER: &str = "weighbridge.dev/log-key/v1";

/// Why there is no usable log key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogKeyError {
    /// Not the text it should be.
    #[error("{} is not a log key; restore it from a backup", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// Private and public file do not belong together.
    #[error("{} does not hold the public form of log.key, which is {wanted}; one of the two was replaced", path.display())]
    Mismatch {
        /// Which file.
        path: PathBuf,
        /// The public form of the private key.
        wanted: String,
    },
    /// `--origin` names another log.
    #[error("--origin says {wanted:?}, and the log in this folder is {found:?}; a log cannot be renamed")]
    OtherOrigin {
        /// Origin asked for.
        wanted: String,
        /// Origin of the log.
        found: String,
    },
    /// `--origin` is no origin.
    #[error("{found:?} cannot name a log: {reason}")]
    Origin {
        /// The text.
        found: String,
        /// Why not.
        reason: String,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gives no randomness for the log key")]
    Randomness,
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// The log's key and name.
#[derive(Debug)]
pub(crate) struct LogKey {
    signer: NoteSigner,
    origin: Origin,
}

impl LogKey {
    /// Makes the key of a new log, unless an interrupted start made it already. Without `origin` the name is
    /// derived from the key.
    pub(crate) fn create(folder: &Folder, origin: Option<&str>) -> Result<Self, LogKeyError> {
        if !folder.key().exists() {
            let mut seed = Zeroizing::new([0; 32]);
            getrandom::fill(&mut *seed).map_err(|_| LogKeyError::Randomness)?;
            let derived = || derived_origin(&seed);
            let key = Self::from_seed(
                &seed,
                &origin.map_or_else(derived, |origin| Ok(origin.to_owned()))?,
            )?;
            let text = Zeroizing::new(format!("{HEADER}\n{}\n{}\n", key.origin, hex::encode(*seed)));
            durable::replace_private(&folder.key(), text.as_bytes())?;
        }
        let key = Self::read(folder, origin)?;
        durable::replace(&folder.vkey(), format!("{}\n", key.verifier()).as_bytes())?;
        Ok(key)
    }

    /// Reads the key of an existing log, and checks it against its public form and `origin`.
    pub(crate) fn open(folder: &Folder, origin: Option<&str>) -> Result<Self, LogKeyError> {
        let key = Self::read(folder, origin)?;
        warn_of_readers(&folder.key());
        let path = folder.vkey();
        let found = fs::read_to_string(&path).map_err(io_error("read", &path))?;
        let wanted = key.verifier().to_string();
        if found.trim_end() == wanted {
            Ok(key)
        } else {
            Err(LogKeyError::Mismatch { path, wanted })
        }
    }

    fn read(folder: &Folder, origin: Option<&str>) -> Result<Self, LogKeyError> {
        let path = folder.key();
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(io_error("read", &path))?);
        let lines: Vec<&str> = text.lines().collect();
        let malformed = || LogKeyError::Malformed { path: path.clone() };
        let [HEADER, name, digits] = lines.as_slice() else {
            return Err(malformed());
        };
        let mut seed = Zeroizing::new([0; 32]);
        hex::decode_to_slice(digits, &mut *seed).map_err(|_| malformed())?;
        let key = Self::from_seed(&seed, name)?;
        match origin.filter(|wanted| wanted != name) {
            Some(wanted) => Err(LogKeyError::OtherOrigin {
                wanted: wanted.to_owned(),
                found: (*name).to_owned(),
            }),
            None => Ok(key),
        }
    }

    fn from_seed(seed: &[u8; 32], origin: &str) -> Result<Self, LogKeyError> {
        let wrong = |reason: String| LogKeyError::Origin {
            found: origin.to_owned(),
            reason,
        };
        let name: KeyName = origin
            .parse()
            .map_err(|e: provenance::note::KeyNameError| wrong(e.to_string()))?;
        let parsed = origin
            .parse()
            .map_err(|e: provenance::checkpoint::OriginError| wrong(e.to_string()))?;
        let signer =
            NoteSigner::from_seed(name, NoteAlgorithm::Ed25519, seed).map_err(|e| wrong(e.to_string()))?;
        Ok(Self {
            signer,
            origin: parsed,
        })
    }

    /// Signs.
    pub(crate) fn signer(&self) -> &NoteSigner {
        &self.signer
    }

    /// The log's name.
    pub(crate) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The public form.
    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }
}

/// A name that no other log has by accident: from the key's own digest, under a domain that nobody owns.
fn derived_origin(seed: &[u8; 32]) -> Result<String, LogKeyError> {
    let unnamed = LogKey::from_seed(seed, "unnamed")?;
    let digest = Sha256Digest::of(unnamed.verifier().public_key()).to_string();
    Ok(format!("weighbridge-{}.local/log", &digest[..8]))
}

/// Says so when others than the owner may read the key.
fn warn_of_readers(path: &Path) {
    let readable = |found: fs::Metadata| found.permissions().mode() & 0o077 != 0;
    if fs::metadata(path).is_ok_and(readable) {
        tracing::warn!("others may read {}: chmod 600 it", path.display());
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn folder() -> (tempfile::TempDir, Folder) {
        let temporary = tempfile::tempdir().unwrap();
        let (folder, _) = Folder::open(temporary.path()).unwrap();
        (temporary, folder)
    }

    #[test]
    fn the_key_survives_a_restart_and_is_private() {
        let (_temporary, folder) = folder();
        let made = LogKey::create(&folder, None).unwrap();
        let again = LogKey::open(&folder, None).unwrap();
        assert_eq!(made.verifier(), again.verifier());
        assert!(
            made.origin().as_str().starts_with("weighbridge-")
                && made.origin().as_str().ends_with(".local/log")
        );
        assert_eq!(
            fs::metadata(folder.key()).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(!fs::read_to_string(folder.vkey()).unwrap().contains("log-key"));
    }

    #[test]
    fn an_origin_is_fixed_when_the_folder_is_made() {
        let (_temporary, folder) = folder();
        LogKey::create(&folder, Some("registry.example/log")).unwrap();
        assert!(LogKey::open(&folder, Some("registry.example/log")).is_ok());
        assert!(matches!(
            LogKey::open(&folder, Some("other.example/log")),
            Err(LogKeyError::OtherOrigin { .. })
        ));
    }

    #[test]
    fn a_swapped_or_broken_key_is_refused() {
        let (_temporary, folder) = folder();
        LogKey::create(&folder, Some("a.example/log")).unwrap();
        let vkey = fs::read_to_string(folder.vkey()).unwrap();
        let key = fs::read_to_string(folder.key()).unwrap();
        fs::write(folder.key(), key.replace("a.example", "b.example")).unwrap();
        assert!(matches!(
            LogKey::open(&folder, None),
            Err(LogKeyError::Mismatch { .. })
        ));
        fs::write(folder.key(), &key[..key.len() - 3]).unwrap();
        assert!(matches!(
            LogKey::open(&folder, None),
            Err(LogKeyError::Malformed { .. })
        ));
        fs::write(folder.key(), key).unwrap();
        fs::write(folder.vkey(), vkey.replace('+', "-")).unwrap();
        assert!(matches!(
            LogKey::open(&folder, None),
            Err(LogKeyError::Mismatch { .. })
        ));
    }
}
