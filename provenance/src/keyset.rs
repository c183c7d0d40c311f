//! Keysets: who may sign for a publisher, and how many of them it takes.
//!
//! A keyset is the predicate of a record of its own. Version 1 creates a name, and its record id is the
//! publisher's *genesis*. Thresholds count distinct *holders*, not keys: one person with three keys is one.
//! Later versions (rotation, revocation) have the same shape; admission refuses them for now.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::{
    dsse::{Envelope, pae},
    entry::EntrySignature,
    key::{KeyError, KeyId, PublicKey},
    path::is_hidden_character,
    publisher::PublisherName,
    record::RecordId,
};

/// Most keys in one keyset.
pub const MAX_KEYS: usize = 16;

/// Most log origins in one keyset.
pub const MAX_ORIGINS: usize = 16;

/// Longest holder name and origin, in bytes.
pub const MAX_LABEL_BYTES: usize = 256;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Signs keysets: creates the name, rotates and revokes keys.
    Root,
    /// Signs records and advisories.
    Sign,
}

/// How many distinct holders must sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Threshold {
    /// For keysets.
    pub root: usize,
    /// For records and advisories.
    pub sign: usize,
}

/// One key of a keyset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The key.
    pub key: PublicKey,
    /// The person or machine that holds it.
    pub holder: String,
    /// What it may do; not empty.
    pub roles: BTreeSet<Role>,
}

/// Voids a key's signatures on records from an index on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The revoked key.
    pub keyid: KeyId,
    /// First log index at which its signatures no longer count.
    pub cutoff: u64,
}

/// A checked keyset.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "WireKeyset", into = "WireKeyset")]
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

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireKeyset {
    publisher: PublisherName,
    origins: Vec<String>,
    version: u64,
    previous: Option<RecordId>,
    threshold: Threshold,
    keys: Vec<WireMember>,
    revoked: Vec<Revocation>,
}

#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WireMember {
    spki: String,
    holder: String,
    roles: Vec<Role>,
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
    /// A key that does not parse or is weak.
    #[error("key {position} of the keyset: {source}")]
    Key {
        /// Position in the list, from 1.
        position: usize,
        /// Why.
        source: KeyError,
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

/// Why signatures do not carry a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A signature by a key outside the keyset.
    #[error("the key {keyid} is not in the publisher's keyset")]
    UnknownKey {
        /// The key.
        keyid: KeyId,
    },
    /// A signature that does not verify.
    #[error("the signature by the key {keyid} does not verify")]
    Invalid {
        /// The key.
        keyid: KeyId,
    },
    /// Too few distinct holders.
    #[error("{have} of {need} holders signed")]
    Threshold {
        /// Distinct holders whose signature verifies.
        have: usize,
        /// Holders needed.
        need: usize,
    },
    /// A new keyset that one of its own keys did not sign.
    #[error("the key {keyid} of the new keyset did not sign it, so its possession is not proved")]
    NoPossession {
        /// The key.
        keyid: KeyId,
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
        let roles = BTreeSet::from([Role::Root, Role::Sign]);
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

    /// The signatures of `envelope` that verify under a key of this set: sorted by key id, one each. Others
    /// are left out, as DSSE asks; a signature without a key id is tried against every key.
    pub fn valid_signatures(&self, envelope: &Envelope) -> Vec<EntrySignature> {
        let message = pae(&envelope.payload);
        let mut found: Vec<EntrySignature> = Vec::new();
        for signature in &envelope.signatures {
            let hinted =
                |m: &&Member| signature.keyid.is_empty() || m.key.keyid().to_string() == signature.keyid;
            let signer = self
                .keys
                .iter()
                .filter(hinted)
                .find(|m| m.key.verifies(&message, &signature.sig));
            let Some(keyid) = signer.map(|m| m.key.keyid()) else {
                continue;
            };
            if let Err(at) = found.binary_search_by_key(&keyid, |s| s.keyid) {
                found.insert(
                    at,
                    EntrySignature {
                        keyid,
                        signature: signature.sig.clone(),
                    },
                );
            }
        }
        found
    }

    /// Checks that `signatures` all verify over `payload` and come from enough distinct holders for `role`.
    /// Keys without the role are verified but do not count.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn check(
        &self,
        role: Role,
        payload: &[u8],
        signatures: &[EntrySignature],
    ) -> Result<(), SignatureError> {
        let message = pae(payload);
        let mut holders = BTreeSet::new();
        for EntrySignature { keyid, signature } in signatures {
            let member = self
                .member(*keyid)
                .ok_or(SignatureError::UnknownKey { keyid: *keyid })?;
            if !member.key.verifies(&message, signature) {
                return Err(SignatureError::Invalid { keyid: *keyid });
            }
            if member.roles.contains(&role) {
                holders.insert(member.holder.as_str());
            }
        }
        let need = match role {
            Role::Root => self.threshold.root,
            Role::Sign => self.threshold.sign,
        };
        if holders.len() < need {
            return Err(SignatureError::Threshold {
                have: holders.len(),
                need,
            });
        }
        Ok(())
    }

    /// Checks the signatures that create a name: the root threshold, and every key of the set.
    ///
    /// # Errors
    /// [`SignatureError`].
    pub fn check_creation(
        &self,
        payload: &[u8],
        signatures: &[EntrySignature],
    ) -> Result<(), SignatureError> {
        self.check(Role::Root, payload, signatures)?;
        let silent = self
            .keys
            .iter()
            .map(|m| m.key.keyid())
            .find(|id| signatures.iter().all(|s| s.keyid != *id));
        silent.map_or(Ok(()), |keyid| Err(SignatureError::NoPossession { keyid }))
    }

    /// Distinct holders behind `signatures`, whether or not they verify.
    pub fn holders<'a>(&'a self, signatures: &[EntrySignature]) -> BTreeSet<&'a str> {
        signatures
            .iter()
            .filter_map(|s| self.member(s.keyid))
            .map(|m| m.holder.as_str())
            .collect()
    }

    fn checked(self) -> Result<Self, KeysetError> {
        let count = |what, limit, found| match found {
            n if (1..=limit).contains(&n) => Ok(()),
            found => Err(KeysetError::Count { what, limit, found }),
        };
        count("keys", MAX_KEYS, self.keys.len())?;
        count("origins", MAX_ORIGINS, self.origins.len())?;
        let label = |what, text: &String| match text {
            t if !t.is_empty() && t.len() <= MAX_LABEL_BYTES && !t.chars().any(is_hidden_character) => Ok(()),
            found => Err(KeysetError::Label {
                what,
                found: found.clone(),
            }),
        };
        self.origins.iter().try_for_each(|o| label("origin", o))?;
        self.keys.iter().try_for_each(|m| label("holder", &m.holder))?;
        let mut seen = BTreeSet::new();
        for member in &self.keys {
            let keyid = member.key.keyid();
            if !seen.insert(keyid) {
                return Err(KeysetError::Duplicate { keyid });
            }
            if member.roles.is_empty() {
                return Err(KeysetError::Roles { keyid });
            }
        }
        let thresholds = [
            ("root", Role::Root, self.threshold.root),
            ("sign", Role::Sign, self.threshold.sign),
        ];
        for (name, role, threshold) in thresholds {
            let with_role = self.keys.iter().filter(|m| m.roles.contains(&role));
            let holders = with_role
                .map(|m| m.holder.as_str())
                .collect::<BTreeSet<_>>()
                .len();
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

impl TryFrom<WireKeyset> for Keyset {
    type Error = KeysetError;

    fn try_from(wire: WireKeyset) -> Result<Self, KeysetError> {
        let WireKeyset {
            publisher,
            origins,
            version,
            previous,
            threshold,
            keys: listed,
            revoked,
        } = wire;
        if listed.len() > MAX_KEYS {
            return Err(KeysetError::Count {
                what: "keys",
                limit: MAX_KEYS,
                found: listed.len(),
            });
        }
        let mut keys = Vec::with_capacity(listed.len());
        for (at, WireMember { spki, holder, roles }) in listed.into_iter().enumerate() {
            let key = PublicKey::from_spki_pem(&spki).map_err(|source| KeysetError::Key {
                position: at + 1,
                source,
            })?;
            let written = roles.len();
            let roles: BTreeSet<Role> = roles.into_iter().collect();
            if roles.len() != written {
                return Err(KeysetError::Roles { keyid: key.keyid() });
            }
            keys.push(Member { key, holder, roles });
        }
        Self {
            publisher,
            origins,
            version,
            previous,
            threshold,
            keys,
            revoked,
        }
        .checked()
    }
}

impl From<Keyset> for WireKeyset {
    fn from(set: Keyset) -> Self {
        let keys = (set.keys.into_iter())
            .map(|Member { key, holder, roles }| WireMember {
                spki: key.to_spki_pem(),
                holder,
                roles: roles.into_iter().collect(),
            })
            .collect();
        Self {
            publisher: set.publisher,
            origins: set.origins,
            version: set.version,
            previous: set.previous,
            threshold: set.threshold,
            keys,
            revoked: set.revoked,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::SigningKey;

    fn keyset() -> (Keyset, SigningKey, SigningKey) {
        let (a, b) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
        let member = |key: &SigningKey, holder: &str, roles: &[Role]| Member {
            key: key.public().clone(),
            holder: holder.into(),
            roles: roles.iter().copied().collect(),
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
    fn counts_distinct_holders_toward_the_threshold() {
        let (set, a, b) = keyset();
        let both = set.valid_signatures(&Envelope::sign(b"{}".to_vec(), &[&b, &a]));
        assert_eq!(both.len(), 2);
        assert_eq!(set.check(Role::Sign, b"{}", &both), Ok(()));
        assert_eq!(
            set.check(Role::Sign, b"{}", &both[..1]),
            Err(SignatureError::Threshold { have: 1, need: 2 })
        );
        let mut one_person = set.clone();
        one_person.keys.iter_mut().for_each(|m| m.holder = "alice".into());
        let refused = one_person.check(Role::Sign, b"{}", &both);
        assert_eq!(refused, Err(SignatureError::Threshold { have: 1, need: 2 }));
    }

    #[test]
    fn creation_needs_every_key() {
        let (set, a, b) = keyset();
        let only_a = set.valid_signatures(&Envelope::sign(b"{}".to_vec(), &[&a]));
        let keyid = b.public().keyid();
        assert_eq!(
            set.check_creation(b"{}", &only_a),
            Err(SignatureError::NoPossession { keyid })
        );
    }

    #[test]
    fn leaves_out_signatures_that_do_not_verify_or_repeat() {
        let (set, a, _) = keyset();
        let mut envelope = Envelope::sign(b"{}".to_vec(), &[&a, &a, &SigningKey::from_seed(&[9; 32])]);
        assert_eq!(set.valid_signatures(&envelope).len(), 1);
        envelope
            .signatures
            .iter_mut()
            .for_each(|s| s.keyid = String::new());
        assert_eq!(set.valid_signatures(&envelope).len(), 1);
        envelope.payload = b"[]".to_vec();
        assert!(set.valid_signatures(&envelope).is_empty());
    }

    #[test]
    fn json_form_round_trips() {
        let (set, ..) = keyset();
        let json = serde_json::to_string(&set).unwrap();
        assert_eq!(serde_json::from_str::<Keyset>(&json).unwrap(), set);
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
