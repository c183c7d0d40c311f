//! Keysets: who may sign for a publisher, and how many of them it takes.
//!
//! A keyset is the predicate of a record of its own. Version 1 creates a name, and its record id is the
//! publisher's *genesis*. Thresholds count distinct *holders*, not keys: one person with three keys is one.
//! Later versions (rotation, revocation) have the same shape; admission refuses them for now.

mod json;
mod signatures;

use serde::Serialize;

use crate::{
    key::{KeyId, PublicKey},
    path::{clip, is_hidden_character},
    publisher::PublisherName,
    record_id::RecordId,
};

pub use self::signatures::SignatureError;

/// Most keys in one keyset.
pub const MAX_KEYS: usize = 16;

/// Most log origins in one keyset.
pub const MAX_ORIGINS: usize = 16;

/// Longest holder name and origin, in bytes.
pub const MAX_LABEL_BYTES: usize = 256;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Signs keysets: creates the name, rotates and revokes keys.
    Root,
    /// Signs records and advisories.
    Sign,
}

impl Role {
    /// The role's word, as in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Sign => "sign",
        }
    }
}

/// How many distinct holders must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Threshold {
    /// For keysets.
    pub root: usize,
    /// For records and advisories.
    pub sign: usize,
}

/// One key of a keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// The key.
    #[serde(rename = "spki")]
    pub key: PublicKey,
    /// The person or machine that holds it.
    pub holder: String,
    /// What it may do: at least one role, and none twice.
    pub roles: Vec<Role>,
}

/// Voids a key's signatures on records from an index on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Revocation {
    /// The revoked key.
    pub keyid: KeyId,
    /// First log index at which its signatures no longer count.
    pub cutoff: u64,
}

/// A checked keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Keyset {
    /// The name it is for.
    pub publisher: PublisherName,
    /// Origins of the logs on which it counts.
    pub origins: Vec<String>,
    /// 1 creates the name.
    pub version: u64,
    /// The keyset before it; none for version 1.
    pub previous: Option<RecordId>,
    /// How many holders must sign.
    pub threshold: Threshold,
    /// The keys, all different.
    pub keys: Vec<Member>,
    /// Keys that no longer count.
    pub revoked: Vec<Revocation>,
}

/// Why a predicate is not a keyset.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeysetError {
    /// A count out of its bounds.
    #[error("a keyset has 1 to {limit} {what}, got {found}")]
    Count {
        /// `keys` or `origins`.
        what: &'static str,
        /// Most allowed.
        limit: usize,
        /// Found.
        found: usize,
    },
    /// A holder name or origin that is empty, too long or hides characters.
    #[error("the {what} {found:?} is empty, too long or has hidden characters")]
    Label {
        /// `holder` or `origin`.
        what: &'static str,
        /// The text.
        found: String,
    },
    /// One key listed twice.
    #[error("the key {keyid} is listed twice")]
    Duplicate {
        /// The key.
        keyid: KeyId,
    },
    /// A key without a role, or with one twice.
    #[error("the key {keyid} must have each of its roles once, and at least one")]
    Roles {
        /// The key.
        keyid: KeyId,
    },
    /// A threshold that is zero or can never be met.
    #[error("the {role} threshold is {threshold}, and {holders} different holders have that role")]
    Threshold {
        /// `root` or `sign`.
        role: &'static str,
        /// The threshold.
        threshold: usize,
        /// Distinct holders with the role.
        holders: usize,
    },
    /// Version 0; or version 1 with a predecessor or revocations; or a later one without a predecessor.
    #[error("version {version} of a keyset does not go with {with}")]
    Version {
        /// The version.
        version: u64,
        /// What contradicts it.
        with: &'static str,
    },
}

impl Keyset {
    /// A first keyset with one key that holds both roles.
    pub fn first(
        publisher: PublisherName,
        origin: String,
        key: PublicKey,
        holder: String,
    ) -> Result<Self, KeysetError> {
        let roles = vec![Role::Root, Role::Sign];
        let keyset = Self {
            publisher,
            origins: vec![origin],
            version: 1,
            previous: None,
            threshold: Threshold { root: 1, sign: 1 },
            keys: vec![Member { key, holder, roles }],
            revoked: Vec::new(),
        };
        keyset.checked()
    }

    /// The member whose key is `keyid`.
    pub fn member(&self, keyid: KeyId) -> Option<&Member> {
        self.keys.iter().find(|m| m.key.keyid() == keyid)
    }

    fn checked(self) -> Result<Self, KeysetError> {
        count("keys", MAX_KEYS, self.keys.len())?;
        count("origins", MAX_ORIGINS, self.origins.len())?;
        let label = |what, text: &String| match text {
            t if !t.is_empty() && t.len() <= MAX_LABEL_BYTES && !t.chars().any(is_hidden_character) => Ok(()),
            found => Err(KeysetError::Label {
                what,
                found: clip(found),
            }),
        };
        self.origins.iter().try_for_each(|o| label("origin", o))?;
        self.keys.iter().try_for_each(|m| label("holder", &m.holder))?;
        for (at, member) in self.keys.iter().enumerate() {
            let keyid = member.key.keyid();
            if self.keys[..at].iter().any(|m| m.key == member.key) {
                return Err(KeysetError::Duplicate { keyid });
            }
            let roles = member.roles.as_slice();
            if !matches!(roles, [_] | [Role::Root, Role::Sign] | [Role::Sign, Role::Root]) {
                return Err(KeysetError::Roles { keyid });
            }
        }
        let thresholds = [
            ("root", Role::Root, self.threshold.root),
            ("sign", Role::Sign, self.threshold.sign),
        ];
        for (name, role, threshold) in thresholds {
            let with_role = self.keys.iter().filter(|m| m.roles.contains(&role));
            let holders = distinct(with_role.map(|m| m.holder.as_str())).len();
            if threshold == 0 || threshold > holders {
                return Err(KeysetError::Threshold {
                    role: name,
                    threshold,
                    holders,
                });
            }
        }
        let version = self.version;
        match (version, self.previous) {
            (0, _) => Err(KeysetError::Version {
                version,
                with: "any keyset; they count from 1",
            }),
            (1, Some(_)) => Err(KeysetError::Version {
                version,
                with: "a keyset before it",
            }),
            (1, None) if !self.revoked.is_empty() => Err(KeysetError::Version {
                version,
                with: "revoked keys",
            }),
            (2.., None) => Err(KeysetError::Version {
                version,
                with: "no keyset before it",
            }),
            _ => Ok(self),
        }
    }
}

/// The different ones among `names`: as few as a keyset has keys.
fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut found = Vec::new();
    for name in names {
        if !found.contains(&name) {
            found.push(name);
        }
    }
    found
}

fn count(what: &'static str, limit: usize, found: usize) -> Result<(), KeysetError> {
    if (1..=limit).contains(&found) {
        Ok(())
    } else {
        Err(KeysetError::Count { what, limit, found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    pub(super) fn keyset() -> (Keyset, SigningKey, SigningKey) {
        let (a, b) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let member = |key: &SigningKey, holder: &str, roles: &[Role]| Member {
            key: key.public().clone(),
            holder: holder.into(),
            roles: roles.to_vec(),
        };
        let set = Keyset {
            publisher: "acme.example".parse().unwrap(),
            origins: vec!["log.example/log".into()],
            version: 1,
            previous: None,
            threshold: Threshold { root: 1, sign: 2 },
            keys: vec![
                member(&a, "alice", &[Role::Root, Role::Sign]),
                member(&b, "bob", &[Role::Sign]),
            ],
            revoked: vec![],
        };
        (set.checked().unwrap(), a, b)
    }

    #[test]
    fn refuses_thresholds_that_can_never_be_met() {
        let (mut set, ..) = keyset();
        set.threshold.root = 2;
        assert!(matches!(
            set.clone().checked(),
            Err(KeysetError::Threshold { role: "root", .. })
        ));
        set.threshold.root = 0;
        assert!(matches!(set.checked(), Err(KeysetError::Threshold { .. })));
    }

    #[test]
    fn refuses_duplicate_keys_and_versions_that_contradict_themselves() {
        let (set, ..) = keyset();
        let mut twice = set.clone();
        twice.keys.push(set.keys[0].clone());
        assert!(matches!(twice.checked(), Err(KeysetError::Duplicate { .. })));
        let id = RecordId::of_payload(b"x");
        for (version, previous) in [(0, None), (1, Some(id)), (2, None)] {
            let wrong = Keyset {
                version,
                previous,
                ..set.clone()
            };
            assert!(
                matches!(wrong.checked(), Err(KeysetError::Version { .. })),
                "{version}"
            );
        }
    }
}
