//! Invitations: one-time permission to create a publisher, given out by the operator (`weighbridge-registry invite`).
//!
//! Each is a file in `DIR/invites`, named by the SHA-256 of its token, so that who reads the folder cannot use it. An
//! invitation is bound to the first keyset that uses it: sending that keyset again is not using it twice, and a crash
//! between the binding and the log costs nothing.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    json::{self, At, FromJson, JsonError, WrongValue},
};
use serde::Serialize;

use crate::durable::{self, DurableError, io_error};

/// Most bytes of an invitation's file.
const MAX_INVITE_BYTES: usize = 4096;

/// An invitation as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Kept {
    v: u32,
    name: Option<PublisherName>,
    expires: u64,
    used_by: Option<RecordId>,
}

impl FromJson for Kept {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.version()?,
            name: at.get_optional("name")?,
            expires: at.get("expires")?,
            used_by: at.get_optional("used_by")?,
        })
    }
}

/// Why an invitation does not help.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InviteError {
    /// Nobody gave it out.
    #[error("this registry gave out no such invitation; check that it was copied whole")]
    Unknown,
    /// Another keyset has it.
    #[error("this invitation has been used for another keyset; ask the operator for a new one")]
    Used,
    /// Too late.
    #[error("this invitation has expired; ask the operator for a new one")]
    Expired,
    /// It is for somebody else.
    #[error("this invitation is for the name {name}, not for this one")]
    Name {
        /// The name that it is for.
        name: PublisherName,
    },
    /// Its file is damaged.
    #[error("the invitation in {} does not read: {source}", path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: JsonError,
    },
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// The operating system gave no random bytes.
    #[error("no randomness for an invitation: {0}")]
    Randomness(getrandom::Error),
}

impl InviteError {
    /// Whether it is for the one who asks to mend, not for the operator.
    pub(crate) fn is_refusal(&self) -> bool {
        matches!(
            self,
            Self::Unknown | Self::Used | Self::Expired | Self::Name { .. }
        )
    }
}

/// The invitations of a registry.
#[derive(Debug)]
pub struct Invites {
    folder: PathBuf,
    /// Held while one is bound, so that two cannot bind it at once.
    binding: Mutex<()>,
}

impl Invites {
    /// Those in `folder`, which need not be there yet.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            binding: Mutex::default(),
        }
    }

    fn path(&self, token: &str) -> PathBuf {
        self.folder.join(Sha256Digest::of(token.as_bytes()).to_string())
    }

    /// Gives out an invitation, for one name or for any, that is good until `expires` (POSIX seconds): its token, 64
    /// hex digits.
    ///
    /// # Errors
    /// [`InviteError::Durable`] and [`InviteError::Randomness`].
    pub fn issue(&self, name: Option<PublisherName>, expires: u64) -> Result<String, InviteError> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).map_err(InviteError::Randomness)?;
        let token = hex::encode(secret);
        let kept = Kept {
            v: 1,
            name,
            expires,
            used_by: None,
        };
        self.write(&self.path(&token), &kept)?;
        Ok(token)
    }

    fn write(&self, path: &Path, kept: &Kept) -> Result<(), DurableError> {
        let text = serde_json::to_vec(kept)
            .map_err(|error| io_error("write", path)(io::Error::other(error.to_string())))?;
        durable::create_folder(&self.folder)?;
        durable::replace_private(path, &text)
    }

    /// Binds the invitation to the keyset `record`, which creates `name`. Doing so again changes nothing.
    ///
    /// # Errors
    /// [`InviteError`].
    pub(crate) fn redeem(
        &self,
        token: &str,
        name: &PublisherName,
        record: RecordId,
        now: u64,
    ) -> Result<(), InviteError> {
        let _binding = self.binding.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.path(token);
        let text = durable::read_if_there(&path)?.ok_or(InviteError::Unknown)?;
        let mut kept: Kept = json::read(&text, MAX_INVITE_BYTES).map_err(|source| InviteError::Damaged {
            path: path.clone(),
            source,
        })?;
        match (&kept.name, kept.used_by) {
            (_, Some(known)) if known == record => return Ok(()),
            (_, Some(_)) => return Err(InviteError::Used),
            _ if kept.expires <= now => return Err(InviteError::Expired),
            (Some(wanted), None) if wanted != name => {
                return Err(InviteError::Name { name: wanted.clone() });
            }
            _ => {}
        }
        kept.used_by = Some(record);
        Ok(self.write(&path, &kept)?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn an_invitation_creates_one_publisher_once() {
        let folder = tempfile::tempdir().unwrap();
        let invites = Invites::in_folder(&folder.path().join("invites"));
        let (acme, other): (PublisherName, PublisherName) =
            ("acme.ai".parse().unwrap(), "other.ai".parse().unwrap());
        let (one, two) = (RecordId::of_payload(b"1"), RecordId::of_payload(b"2"));
        let token = invites.issue(None, 100).unwrap();
        assert!(matches!(
            invites.redeem(&token[1..], &acme, one, 1),
            Err(InviteError::Unknown)
        ));
        assert!(matches!(
            invites.redeem(&token, &acme, one, 100),
            Err(InviteError::Expired)
        ));
        invites.redeem(&token, &acme, one, 99).unwrap();
        // The same keyset again, after a crash or a lost answer, even when it is late.
        invites.redeem(&token, &acme, one, 200).unwrap();
        assert!(matches!(
            invites.redeem(&token, &acme, two, 1),
            Err(InviteError::Used)
        ));
        let named = invites.issue(Some(acme.clone()), 100).unwrap();
        assert!(matches!(
            invites.redeem(&named, &other, two, 1),
            Err(InviteError::Name { .. })
        ));
        invites.redeem(&named, &acme, two, 1).unwrap();
        // The folder does not hold what would use them.
        for file in fs::read_dir(folder.path().join("invites")).unwrap() {
            let path = file.unwrap().path();
            let text = format!("{}{}", path.display(), fs::read_to_string(&path).unwrap());
            assert!(!text.contains(&token) && !text.contains(&named));
        }
    }

    #[test]
    fn a_damaged_invitation_is_refused_and_told() {
        let folder = tempfile::tempdir().unwrap();
        let invites = Invites::in_folder(folder.path());
        let token = invites.issue(None, 100).unwrap();
        fs::write(invites.path(&token), "{").unwrap();
        let refused = invites
            .redeem(&token, &"acme.ai".parse().unwrap(), RecordId::of_payload(b"1"), 1)
            .unwrap_err();
        assert!(
            !refused.is_refusal() && refused.to_string().contains("does not read"),
            "{refused}"
        );
    }
}
