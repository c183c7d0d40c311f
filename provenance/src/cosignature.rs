//! Witness cosignatures, version 1 (c2sp.org/tlog-cosignature v1.0.1).
//!
//! ```text
//! message:  cosignature/v1 LF  time <decimal> LF  <whole text of the checkpoint>
//! line:     — <name> base64(keyID[4] || u64be POSIX seconds || Ed25519 signature[64])
//! ```
//! Signing and checking are here; talking to witnesses is not.

use crate::note::{NoteAlgorithm, NoteSignature, NoteSigner, SignedNote, VerifierKey};

/// Latest time of a cosignature in POSIX seconds: 2^63 - 1.
pub const LATEST_TIME_S: u64 = i64::MAX.unsigned_abs();

/// A cosignature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cosignature {
    /// The witness's key name.
    pub witness: String,
    /// When it signed, by its own clock: POSIX seconds.
    pub time: u64,
}

/// Why a note has no good cosignature of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CosignatureError {
    /// The key is not a cosignature/v1 key.
    #[error("{name} is not a cosignature/v1 key; its vkey must have the type 0x04")]
    KeyType {
        /// Key name.
        name: String,
    },
    /// A time that the format has no room for: its numbers stay below 2^63.
    #[error("the time {time} is not below 2^63 seconds; a cosignature of it would never verify")]
    Time {
        /// POSIX seconds.
        time: u64,
    },
    /// A line of this witness that does not verify, or has another length or an impossible time.
    #[error("the cosignature of {name} does not verify")]
    Invalid {
        /// Key name.
        name: String,
    },
}

fn message(time: u64, text: &str) -> Vec<u8> {
    format!("cosignature/v1\ntime {time}\n{text}").into_bytes()
}

/// The cosignature line of `witness` over the text of `note`, at `time` POSIX seconds.
///
/// # Errors
/// [`CosignatureError::KeyType`], [`CosignatureError::Time`].
pub fn cosign(witness: &NoteSigner, note: &SignedNote, time: u64) -> Result<NoteSignature, CosignatureError> {
    let name = witness.verifier().name().to_string();
    if witness.verifier().algorithm() != NoteAlgorithm::CosignatureV1 {
        return Err(CosignatureError::KeyType { name });
    }
    if time > LATEST_TIME_S {
        return Err(CosignatureError::Time { time });
    }
    let mut bytes = time.to_be_bytes().to_vec();
    bytes.extend_from_slice(&witness.sign_bytes(&message(time, note.text())));
    Ok(witness.line(bytes))
}

/// The newest cosignature of `witness` on `note`; none when it has no line there.
///
/// # Errors
/// [`CosignatureError`] when it has a line that does not verify: the whole note is then to be refused.
pub fn cosignature(
    witness: &VerifierKey,
    note: &SignedNote,
) -> Result<Option<Cosignature>, CosignatureError> {
    let name = || witness.name().to_string();
    if witness.algorithm() != NoteAlgorithm::CosignatureV1 {
        return Err(CosignatureError::KeyType { name: name() });
    }
    let mut newest = None;
    for line in note.signatures().iter().filter(|line| witness.is_hinted_by(line)) {
        let invalid = || CosignatureError::Invalid { name: name() };
        let (time, signature) = line.signature.split_first_chunk::<8>().ok_or_else(invalid)?;
        let time = u64::from_be_bytes(*time);
        if time > LATEST_TIME_S || !witness.verifies(&message(time, note.text()), signature) {
            return Err(invalid());
        }
        newest = newest.max(Some(time));
    }
    Ok(newest.map(|time| Cosignature {
        witness: name(),
        time,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn witness(algorithm: NoteAlgorithm) -> NoteSigner {
        NoteSigner::from_seed("w.example".parse().unwrap(), algorithm, &[5; 32]).unwrap()
    }

    fn note() -> SignedNote {
        let log =
            NoteSigner::from_seed("log.example".parse().unwrap(), NoteAlgorithm::Ed25519, &[6; 32]).unwrap();
        log.sign_note("log.example\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n".into())
    }

    #[test]
    fn the_newest_of_several_cosignatures_counts() {
        let (signer, mut signed) = (witness(NoteAlgorithm::CosignatureV1), note());
        assert_eq!(cosignature(signer.verifier(), &signed), Ok(None));
        for time in [20, 10] {
            signed.add(cosign(&signer, &note(), time).unwrap());
        }
        let again = SignedNote::parse(&signed.to_string()).unwrap();
        assert_eq!(cosignature(signer.verifier(), &again).unwrap().unwrap().time, 20);
    }

    #[test]
    fn a_time_without_room_is_not_signed() {
        let signer = witness(NoteAlgorithm::CosignatureV1);
        assert!(cosign(&signer, &note(), LATEST_TIME_S).is_ok());
        assert_eq!(
            cosign(&signer, &note(), LATEST_TIME_S + 1),
            Err(CosignatureError::Time { time: 1 << 63 })
        );
    }

    #[test]
    fn a_forged_or_moved_cosignature_is_refused() {
        let (signer, mut signed) = (witness(NoteAlgorithm::CosignatureV1), note());
        let mut line = cosign(&signer, &note(), 20).unwrap();
        line.signature[7] = 21;
        signed.add(line);
        assert!(matches!(
            cosignature(signer.verifier(), &signed),
            Err(CosignatureError::Invalid { .. })
        ));
        let plain = witness(NoteAlgorithm::Ed25519);
        assert!(matches!(
            cosign(&plain, &note(), 1),
            Err(CosignatureError::KeyType { .. })
        ));
        let mut short = note();
        short.add(signer.line(vec![0; 7]));
        assert!(matches!(
            cosignature(signer.verifier(), &short),
            Err(CosignatureError::Invalid { .. })
        ));
    }
}
