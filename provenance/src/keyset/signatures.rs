//! Whether signatures carry a record: every one verifies, and enough distinct holders are behind them.

use super::{Keyset, Role, distinct};
use crate::{
    dsse::{Envelope, pae},
    entry::EntrySignature,
    key::KeyId,
};

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

/// Most signature checks that one envelope costs: each hashes the whole payload. Enough for every key of the largest
/// keyset to sign with a key id, and for five of five to sign without.
pub(super) const MAX_TRIES: usize = 32;

impl Keyset {
    /// The signatures of `envelope` that verify under a key of this set, as they are logged: sorted by key id, one each. Others
    /// are left out, as DSSE asks; a signature without a key id is tried against every key that has none yet, as
    /// long as there were no more than [`MAX_TRIES`].
    pub fn valid_signatures(&self, envelope: &Envelope) -> Vec<EntrySignature> {
        let message = pae(&envelope.payload);
        let mut found: Vec<EntrySignature> = Vec::new();
        let mut tries = 0;
        for signature in &envelope.signatures {
            for key in self.keys.iter().map(|member| &member.key) {
                let keyid = key.keyid();
                let meant = signature.keyid.is_empty() || keyid.to_string() == signature.keyid;
                let Err(place) = found.binary_search_by_key(&keyid, |s| s.keyid) else {
                    continue;
                };
                if !meant || tries == MAX_TRIES {
                    continue;
                }
                tries += 1;
                if let Some(signature) = key.verify_envelope(&message, &signature.sig) {
                    found.insert(place, EntrySignature { keyid, signature });
                    break;
                }
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
        self.verify_all(payload, signatures)?;
        self.suffice(role, signatures)
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
        self.verify_all(payload, signatures)?;
        self.suffice_for_creation(signatures)
    }

    fn verify_all(&self, payload: &[u8], signatures: &[EntrySignature]) -> Result<(), SignatureError> {
        let message = pae(payload);
        for EntrySignature { keyid, signature } in signatures {
            let member = self
                .member(*keyid)
                .ok_or(SignatureError::UnknownKey { keyid: *keyid })?;
            if !member.key.verifies(&message, signature) {
                return Err(SignatureError::Invalid { keyid: *keyid });
            }
        }
        Ok(())
    }

    /// Whether enough distinct holders for `role` are behind signatures that are known to verify, as those that
    /// [`Self::valid_signatures`] gives are.
    ///
    /// # Errors
    /// [`SignatureError::Threshold`].
    pub fn suffice(&self, role: Role, signatures: &[EntrySignature]) -> Result<(), SignatureError> {
        let members = signatures.iter().filter_map(|s| self.member(s.keyid));
        let counting = members.filter(|m| m.roles.contains(&role));
        let have = distinct(counting.map(|m| m.holder.as_str())).len();
        let need = match role {
            Role::Root => self.threshold.root,
            Role::Sign => self.threshold.sign,
        };
        if have < need {
            return Err(SignatureError::Threshold { have, need });
        }
        Ok(())
    }

    /// Whether signatures that are known to verify create a name: the root threshold, and every key of the set.
    ///
    /// # Errors
    /// [`SignatureError::Threshold`], [`SignatureError::NoPossession`].
    pub fn suffice_for_creation(&self, signatures: &[EntrySignature]) -> Result<(), SignatureError> {
        self.suffice(Role::Root, signatures)?;
        let silent = self
            .keys
            .iter()
            .map(|m| m.key.keyid())
            .find(|id| signatures.iter().all(|s| s.keyid != *id));
        silent.map_or(Ok(()), |keyid| Err(SignatureError::NoPossession { keyid }))
    }

    /// Distinct holders behind `signatures`, whether or not they verify.
    pub fn holders<'a>(&'a self, signatures: &[EntrySignature]) -> Vec<&'a str> {
        let members = signatures.iter().filter_map(|s| self.member(s.keyid));
        distinct(members.map(|m| m.holder.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::{super::tests::keyset, *};
    use crate::key::SigningKey;

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
    fn an_envelope_costs_a_bounded_number_of_checks() {
        let (set, a, _) = keyset();
        let mut envelope = Envelope::sign(b"{}".to_vec(), &[&a]);
        let good = envelope.signatures[0].clone();
        let mut bad = good.clone();
        bad.keyid = String::new();
        bad.sig[0] ^= 1;
        // Two keys are tried for each signature without a key id.
        envelope.signatures = vec![bad; MAX_TRIES / 2 - 1];
        envelope.signatures.push(good.clone());
        assert_eq!(set.valid_signatures(&envelope).len(), 1);
        envelope.signatures.insert(0, envelope.signatures[0].clone());
        envelope.signatures.push(good);
        assert!(set.valid_signatures(&envelope).is_empty());
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
}
