//! From a parsed note to a trusted checkpoint, and how fresh it is.

use super::{TrustFile, TrustedLog, quorum::Quorum};
use crate::{
    checkpoint::{Checkpoint, CheckpointError, Origin},
    cosignature::{Cosignature, CosignatureError, cosignature},
    merkle::TreeHead,
    note::{NoteError, SignedNote},
};

/// How far a witness's clock may be ahead of ours, in seconds.
const CLOCK_TOLERANCE_S: u64 = 5 * 60;

/// A checkpoint that a log of the trust file signed. Made by [`TrustFile::check_checkpoint`] only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedCheckpoint {
    origin: Origin,
    head: TreeHead,
    /// (name in the trust file, cosignature)
    cosignatures: Vec<(String, Cosignature)>,
    quorum: Quorum,
    max_age_s: Option<u64>,
}

/// Why a note is not a checkpoint that the user trusts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointTrustError {
    /// The text is not a checkpoint.
    #[error("the signed note is not a checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// A log that the file does not name.
    #[error("the checkpoint is of the log {origin}, which is not in your trust file")]
    UnknownLog {
        /// Its origin.
        origin: Origin,
    },
    /// The right name, but not the trusted key's signature.
    #[error(
        "the checkpoint of {origin} is not signed by the log key in your trust file ({key_id}): {source}"
    )]
    OtherKey {
        /// The log's origin.
        origin: Origin,
        /// Id of the trusted key.
        key_id: String,
        /// What the note lacks.
        source: NoteError,
    },
    /// A known witness's line that does not verify.
    #[error("a cosignature on the checkpoint of {origin}: {source}")]
    Witness {
        /// The log's origin.
        origin: Origin,
        /// Which witness.
        source: CosignatureError,
    },
}

/// Whether a view can be taken as current.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// The quorum holds with recent cosignatures.
    Fresh,
    /// `quorum none` and `max_age none`: the user asks for no confirmation.
    NotChecked,
    /// `quorum none` with a `max_age`: nobody can confirm the age.
    NoWitness,
    /// The quorum held once, but not with recent cosignatures.
    Old {
        /// Seconds since the quorum last held: one fresh cosignature of two wanted does not make a view fresh.
        age_s: u64,
        /// Largest age allowed.
        limit_s: u64,
    },
    /// Too few witnesses signed at all.
    QuorumMissing {
        /// Known witnesses that signed.
        have: usize,
        /// The quorum, and what it asks for: `g (2 of w1, w2, w3)`.
        need: String,
    },
    /// This device's clock is more than 5 minutes behind a witness's.
    ClockBehind,
    /// The time was not given.
    NoClock,
}

impl TrustFile {
    /// Checks the log's signature and every known witness's.
    ///
    /// # Errors
    /// [`CheckpointTrustError`].
    pub fn check_checkpoint(&self, note: &SignedNote) -> Result<TrustedCheckpoint, CheckpointTrustError> {
        let Checkpoint { origin, head, .. } = Checkpoint::parse(note.text())?;
        let named = |log: &&TrustedLog| log.key.name().as_str() == origin.as_str();
        let keys: Vec<_> = self
            .logs
            .iter()
            .filter(named)
            .map(|log| log.key.clone())
            .collect();
        let Some(first) = keys.first() else {
            return Err(CheckpointTrustError::UnknownLog { origin });
        };
        if let Err(source) = note.verify(&keys) {
            return Err(CheckpointTrustError::OtherKey {
                origin,
                key_id: first.id().to_string(),
                source,
            });
        }
        let mut cosignatures = Vec::new();
        for (name, key) in self.quorum.witnesses() {
            match cosignature(key, note) {
                Ok(found) => cosignatures.extend(found.map(|c| (name.to_owned(), c))),
                Err(source) => return Err(CheckpointTrustError::Witness { origin, source }),
            }
        }
        let (quorum, max_age_s) = (self.quorum.clone(), self.max_age_s);
        Ok(TrustedCheckpoint {
            origin,
            head,
            cosignatures,
            quorum,
            max_age_s,
        })
    }
}

impl TrustedCheckpoint {
    /// The log's origin.
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Size and root.
    pub fn head(&self) -> &TreeHead {
        &self.head
    }

    /// Cosignatures of witnesses in the trust file, all verified.
    pub fn cosignatures(&self) -> impl ExactSizeIterator<Item = &Cosignature> {
        self.cosignatures.iter().map(|(_, cosignature)| cosignature)
    }

    /// Whether the quorum holds when only cosignatures from `now - max_age` to `now + 5 min` count. `now` is
    /// POSIX seconds.
    pub fn freshness(&self, now: Option<u64>) -> Freshness {
        if self.quorum.is_none() {
            return if self.max_age_s.is_none() {
                Freshness::NotChecked
            } else {
                Freshness::NoWitness
            };
        }
        let signed_within = |from: u64, to: u64| {
            let mut names: Vec<&str> = Vec::new();
            for (name, cosignature) in &self.cosignatures {
                if (from..=to).contains(&cosignature.time) && !names.contains(&name.as_str()) {
                    names.push(name);
                }
            }
            names
        };
        let ever = signed_within(0, u64::MAX);
        if !self.quorum.is_met(&ever) {
            return Freshness::QuorumMissing {
                have: ever.len(),
                need: self.quorum.explain(),
            };
        }
        let Some(now) = now else { return Freshness::NoClock };
        let newest = self.cosignatures.iter().map(|(_, c)| c.time).max().unwrap_or(0);
        let latest = now.saturating_add(CLOCK_TOLERANCE_S);
        if newest > latest {
            return Freshness::ClockBehind;
        }
        let oldest = self.max_age_s.map_or(0, |max_age| now.saturating_sub(max_age));
        if self.quorum.is_met(&signed_within(oldest, latest)) {
            return Freshness::Fresh;
        }
        let times = self.cosignatures.iter().map(|(_, c)| c.time);
        let held = times
            .filter(|time| self.quorum.is_met(&signed_within(*time, u64::MAX)))
            .max()
            .unwrap_or(0);
        Freshness::Old {
            age_s: now.saturating_sub(held),
            limit_s: self.max_age_s.unwrap_or(u64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        cosignature::cosign,
        note::{NoteAlgorithm, NoteSigner},
    };

    const NOW: u64 = 1_800_000_000;

    fn signer(name: &str, algorithm: NoteAlgorithm, seed: u8) -> NoteSigner {
        NoteSigner::from_seed(name.parse().unwrap(), algorithm, &[seed; 32]).unwrap()
    }

    fn witness(seed: u8) -> NoteSigner {
        signer(&format!("w{seed}"), NoteAlgorithm::CosignatureV1, seed)
    }

    /// A file that asks for 2 of 3 witnesses within an hour.
    fn trust() -> TrustFile {
        let mut text = format!(
            "log {}\n",
            signer("log.example", NoteAlgorithm::Ed25519, 9).verifier()
        );
        for n in 1..=3 {
            let key = witness(n).verifier().to_string();
            text.extend(["witness w", &n.to_string(), " ", &key, "\n"]);
        }
        TrustFile::parse(&format!("{text}group g 2 w1 w2 w3\nquorum g\nmax_age 1h\n")).unwrap()
    }

    fn note(times: &[(u8, u64)]) -> SignedNote {
        let checkpoint = Checkpoint {
            origin: "log.example".parse().unwrap(),
            head: TreeHead::EMPTY,
            extensions: vec![],
        };
        let plain = checkpoint.sign(&signer("log.example", NoteAlgorithm::Ed25519, 9));
        let mut note = plain.clone();
        for (n, time) in times {
            note.add(cosign(&witness(*n), &plain, *time).unwrap());
        }
        note
    }

    fn freshness(times: &[(u8, u64)]) -> Freshness {
        trust()
            .check_checkpoint(&note(times))
            .unwrap()
            .freshness(Some(NOW))
    }

    #[test]
    fn the_quorum_must_hold_with_recent_cosignatures_only() {
        assert_eq!(freshness(&[(1, NOW), (3, NOW - 3600)]), Freshness::Fresh);
        assert_eq!(
            freshness(&[(1, NOW), (3, NOW - 3601)]),
            Freshness::Old {
                age_s: 3601,
                limit_s: 3600
            }
        );
        assert_eq!(
            freshness(&[(1, NOW)]),
            Freshness::QuorumMissing {
                have: 1,
                need: "g (2 of w1, w2, w3)".into()
            }
        );
        assert_eq!(
            freshness(&[(1, NOW), (1, NOW - 1)]),
            Freshness::QuorumMissing {
                have: 1,
                need: "g (2 of w1, w2, w3)".into()
            }
        );
        assert_eq!(
            freshness(&[(7, NOW), (1, NOW)]),
            Freshness::QuorumMissing {
                have: 1,
                need: "g (2 of w1, w2, w3)".into()
            }
        );
    }

    #[test]
    fn a_clock_far_behind_the_witnesses_is_said() {
        assert_eq!(freshness(&[(1, NOW + 300), (2, NOW)]), Freshness::Fresh);
        assert_eq!(freshness(&[(1, NOW + 301), (2, NOW)]), Freshness::ClockBehind);
        assert_eq!(
            trust()
                .check_checkpoint(&note(&[(1, NOW), (2, NOW)]))
                .unwrap()
                .freshness(None),
            Freshness::NoClock
        );
    }

    #[test]
    fn without_a_quorum_age_is_confirmed_by_nobody() {
        let text = format!(
            "log {}\nquorum none\n",
            signer("log.example", NoteAlgorithm::Ed25519, 9).verifier()
        );
        let checked = |text: &str| {
            TrustFile::parse(text)
                .unwrap()
                .check_checkpoint(&note(&[]))
                .unwrap()
        };
        assert_eq!(checked(&text).freshness(Some(NOW)), Freshness::NoWitness);
        assert_eq!(
            checked(&format!("{text}max_age none\n")).freshness(Some(NOW)),
            Freshness::NotChecked
        );
    }

    #[test]
    fn a_checkpoint_by_another_key_or_of_another_log_is_refused() {
        let checkpoint = |origin: &str| Checkpoint {
            origin: origin.parse().unwrap(),
            head: TreeHead::EMPTY,
            extensions: vec![],
        };
        let forged = checkpoint("log.example").sign(&signer("log.example", NoteAlgorithm::Ed25519, 8));
        assert!(matches!(
            trust().check_checkpoint(&forged),
            Err(CheckpointTrustError::OtherKey { .. })
        ));
        let other = checkpoint("other.example").sign(&signer("other.example", NoteAlgorithm::Ed25519, 9));
        assert!(matches!(
            trust().check_checkpoint(&other),
            Err(CheckpointTrustError::UnknownLog { .. })
        ));
    }

    #[test]
    fn a_bad_line_of_a_known_witness_spoils_the_note() {
        let mut note = note(&[(1, NOW), (2, NOW)]);
        let mut bad = cosign(&witness(3), &note, NOW).unwrap();
        bad.signature[20] ^= 1;
        note.add(bad);
        assert!(matches!(
            trust().check_checkpoint(&note),
            Err(CheckpointTrustError::Witness { .. })
        ));
    }
}
