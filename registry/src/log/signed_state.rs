//! The signed state: the largest size, and its root, that this log has ever put its name to. Written durably
//! before a signature leaves the process, so that a restored backup cannot sign a second history.
//!
//! ```text
//! weighbridge.dev/signed-state/v1
//! <decimal size>
//! <base64 root>
//! ```

use std::{
    fs,
    path::{Path, PathBuf},
};

use provenance::{
    Sha256Digest,
    merkle::{RootHash, TreeHead, TreeSize},
};

use crate::durable::{self, DurableError, io_error};

const HEADER: &str = "weighbridge.dev/signed-state/v1";

/// Why the signed state cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignedStateError {
    /// Not the text it should be.
    #[error("{} is not a signed state; without it nobody knows what this log has signed. Restore it from a backup", path.display())]
    Malformed {
        /// Which file.
        path: PathBuf,
    },
    /// Something larger, or a second root for a size, was about to be signed over.
    #[error("{} says that {signed} entries were signed; refusing to sign {wanted}", path.display())]
    Backwards {
        /// Which file.
        path: PathBuf,
        /// Size signed.
        signed: u64,
        /// Size about to be signed.
        wanted: u64,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// The file, and what it says.
#[derive(Debug)]
pub(crate) struct SignedState {
    path: PathBuf,
    head: TreeHead,
}

impl SignedState {
    /// Starts one for a new log, of which nothing was signed.
    pub(crate) fn create(path: &Path, empty: TreeHead) -> Result<Self, SignedStateError> {
        durable::replace(path, text(&empty).as_bytes())?;
        Ok(Self {
            path: path.to_owned(),
            head: empty,
        })
    }

    /// Reads it.
    pub(crate) fn open(path: &Path) -> Result<Self, SignedStateError> {
        let found = fs::read_to_string(path).map_err(io_error("read", path))?;
        let malformed = || SignedStateError::Malformed {
            path: path.to_owned(),
        };
        let head = parse(&found)
            .filter(|head| text(head) == found)
            .ok_or_else(malformed)?;
        Ok(Self {
            path: path.to_owned(),
            head,
        })
    }

    /// Largest head signed.
    pub(crate) fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Says durably that `head` is about to be signed.
    ///
    /// # Errors
    /// [`SignedStateError::Backwards`] when that would be a step back or a fork: the caller stops.
    pub(crate) fn advance(&mut self, head: TreeHead) -> Result<(), SignedStateError> {
        let (signed, wanted) = (self.head.size.get(), head.size.get());
        if wanted < signed || (wanted == signed && head.root != self.head.root) {
            return Err(SignedStateError::Backwards {
                path: self.path.clone(),
                signed,
                wanted,
            });
        }
        if wanted > signed {
            durable::rewrite(&self.path, text(&head).as_bytes())?;
            self.head = head;
        }
        Ok(())
    }
}

fn text(head: &TreeHead) -> String {
    format!(
        "{HEADER}\n{}\n{}\n",
        head.size.get(),
        head.root.digest().to_base64()
    )
}

fn parse(text: &str) -> Option<TreeHead> {
    let mut lines = text.lines();
    if lines.next()? != HEADER {
        return None;
    }
    let size = TreeSize::new(lines.next()?.parse().ok()?);
    let root = RootHash::from(Sha256Digest::from_base64(lines.next()?).ok()?);
    Some(TreeHead { size, root })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(size: u64, root: &[u8]) -> TreeHead {
        TreeHead {
            size: TreeSize::new(size),
            root: RootHash::from(Sha256Digest::of(root)),
        }
    }

    #[test]
    fn never_goes_back_and_never_forks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed-state");
        let mut state = SignedState::create(&path, head(0, b"")).unwrap();
        state.advance(head(5, b"five")).unwrap();
        state.advance(head(5, b"five")).unwrap();
        assert!(matches!(
            state.advance(head(4, b"four")),
            Err(SignedStateError::Backwards { .. })
        ));
        assert!(matches!(
            state.advance(head(5, b"other")),
            Err(SignedStateError::Backwards { .. })
        ));
        assert_eq!(SignedState::open(&path).unwrap().head(), &head(5, b"five"));
    }

    #[test]
    fn refuses_a_file_that_is_not_exactly_its_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("signed-state");
        SignedState::create(&path, head(5, b"five")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        for wrong in [
            String::new(),
            text.replace("\n5\n", "\n05\n"),
            text.trim_end().to_owned(),
            format!("{text}x\n"),
        ] {
            fs::write(&path, wrong).unwrap();
            assert!(matches!(
                SignedState::open(&path),
                Err(SignedStateError::Malformed { .. })
            ));
        }
    }
}
