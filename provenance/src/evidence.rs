//! Evidence against a log: two checkpoints that its key signed and that contradict each other, in one file that anybody
//! can check without the log (docs/SPEC.md, "Evidence").

use std::fmt;

use serde::Serialize;

use crate::{
    checkpoint::{Checkpoint, CheckpointError},
    digest::Sha256Digest,
    json::{self, At, FromJson, JsonError, WrongValue},
    merkle::{ConsistencyProof, MAX_PROOF_HASHES, RootHash, TreeHead},
    note::{NoteError, SignedNote, VerifierKey},
};

/// Longest evidence, in bytes: two notes and a proof have a few KiB.
pub const MAX_EVIDENCE_BYTES: usize = 256 << 10;

/// Two views of one log, the earlier one first, and what of the later one speaks against the earlier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    checkpoints: [String; 2],
    fork: Option<Fork>,
}

/// What the later tree has where the earlier one was.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Fork {
    /// Root of its first entries, as many as the earlier one has.
    prefix: Sha256Digest,
    /// Proves that it begins with these.
    consistency: Vec<Sha256Digest>,
}

/// What evidence shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contradiction {
    /// One size, two roots: the key signed two histories.
    TwoTrees {
        /// The size.
        size: u64,
    },
    /// The later tree begins otherwise than the earlier one: the past was changed.
    Fork {
        /// Size of the earlier tree.
        old: u64,
        /// Size of the later tree.
        new: u64,
    },
    /// The view that is said to have been shown later is the smaller one. The key signed both, and they may be of one history;
    /// nobody signed their order, so this is the word of whoever wrote the file.
    Rollback {
        /// Size that was shown first.
        old: u64,
        /// Size that was shown later.
        new: u64,
    },
}

/// Why a file is no evidence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EvidenceError {
    /// Not the file that it should be.
    #[error("it does not read: {0}")]
    Json(#[from] JsonError),
    /// One of the views is no note, or the key did not sign it.
    #[error("the {which} view: {source}")]
    Note {
        /// `first` or `second`.
        which: &'static str,
        /// Why.
        source: NoteError,
    },
    /// One of the views is no checkpoint.
    #[error("the {which} view: {source}")]
    Checkpoint {
        /// `first` or `second`.
        which: &'static str,
        /// Why.
        source: CheckpointError,
    },
    /// A view is of another log than the key's.
    #[error("the {which} view is of the log {found}")]
    Origin {
        /// `first` or `second`.
        which: &'static str,
        /// Its origin.
        found: String,
    },
    /// Nothing in it contradicts anything.
    #[error("the two views do not contradict each other")]
    Nothing,
    /// The proof does not lead to the later root.
    #[error("its proof does not belong to the second view")]
    Proof,
}

#[derive(Serialize)]
struct Written<'a> {
    v: u32,
    checkpoints: &'a [String; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    consistency: Option<Vec<String>>,
}

impl Evidence {
    /// Two views whose heads alone contradict each other: `first` was shown before `second`.
    pub fn of_heads(first: &SignedNote, second: &SignedNote) -> Self {
        Self {
            checkpoints: [first.to_string(), second.to_string()],
            fork: None,
        }
    }

    /// A later view whose first entries hash to `prefix`, and not to the root of `first`; `proof` leads from there to its
    /// root.
    pub fn of_fork(
        first: &SignedNote,
        second: &SignedNote,
        prefix: RootHash,
        proof: ConsistencyProof,
    ) -> Self {
        Self {
            fork: Some(Fork {
                prefix: *prefix.digest(),
                consistency: proof.hashes,
            }),
            ..Self::of_heads(first, second)
        }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// [`EvidenceError::Json`].
    pub fn parse(text: &[u8]) -> Result<Self, EvidenceError> {
        Ok(json::read(text, MAX_EVIDENCE_BYTES)?)
    }

    /// The file.
    pub fn to_json(&self) -> String {
        let written = Written {
            v: 1,
            checkpoints: &self.checkpoints,
            prefix: self.fork.as_ref().map(|fork| fork.prefix.to_string()),
            consistency: (self.fork.as_ref())
                .map(|fork| fork.consistency.iter().map(ToString::to_string).collect()),
        };
        // Strings and numbers always serialise.
        serde_json::to_string_pretty(&written).unwrap_or_default() + "\n"
    }

    /// The two signed views, as they are in the file. Parsed is not trusted.
    pub fn checkpoints(&self) -> &[String; 2] {
        &self.checkpoints
    }

    /// Checks everything against the log's key, and says what it shows.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn judge(&self, key: &VerifierKey) -> Result<Contradiction, EvidenceError> {
        let [first, second] = &self.checkpoints;
        let (first, second) = (head("first", first, key)?, head("second", second, key)?);
        let (old, new) = (first.size.get(), second.size.get());
        if old == new {
            return if first.root == second.root {
                Err(EvidenceError::Nothing)
            } else {
                Ok(Contradiction::TwoTrees { size: old })
            };
        }
        if new < old {
            return Ok(Contradiction::Rollback { old, new });
        }
        let fork = self.fork.as_ref().ok_or(EvidenceError::Nothing)?;
        let prefix = TreeHead {
            size: first.size,
            root: RootHash::from(fork.prefix),
        };
        let proof = ConsistencyProof {
            hashes: fork.consistency.clone(),
        };
        proof.verify(&prefix, &second).map_err(|_| EvidenceError::Proof)?;
        if prefix.root == first.root {
            Err(EvidenceError::Nothing)
        } else {
            Ok(Contradiction::Fork { old, new })
        }
    }
}

fn head(which: &'static str, note: &str, key: &VerifierKey) -> Result<TreeHead, EvidenceError> {
    let signed = SignedNote::parse(note).map_err(|source| EvidenceError::Note { which, source })?;
    signed
        .verify(std::slice::from_ref(key))
        .map_err(|source| EvidenceError::Note { which, source })?;
    let checkpoint =
        Checkpoint::parse(signed.text()).map_err(|source| EvidenceError::Checkpoint { which, source })?;
    if checkpoint.origin.as_str() == key.name().as_str() {
        Ok(checkpoint.head)
    } else {
        let found = checkpoint.origin.to_string();
        Err(EvidenceError::Origin { which, found })
    }
}

impl FromJson for Evidence {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.version()?;
        let both = at.member("checkpoints")?;
        let notes = both.items()?.map(String::from_json);
        let notes = notes.collect::<Result<Vec<_>, _>>()?;
        let checkpoints =
            <[String; 2]>::try_from(notes).map_err(|_| both.wrong("does not have two notes"))?;
        let prefix = at.get_optional("prefix")?;
        let consistency = at.optional("consistency")?;
        let fork = match (prefix, &consistency) {
            (Some(prefix), Some(consistency)) => Some(Fork {
                prefix,
                consistency: hashes(*consistency)?,
            }),
            _ => None,
        };
        Ok(Self { checkpoints, fork })
    }
}

fn hashes(at: At<'_>) -> Result<Vec<Sha256Digest>, WrongValue> {
    let hashes = at.items()?;
    if hashes.len() > MAX_PROOF_HASHES {
        return Err(at.wrong("has more hashes than any proof"));
    }
    hashes.map(Sha256Digest::from_json).collect()
}

impl Contradiction {
    /// The kind, for programs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TwoTrees { .. } => "two-trees",
            Self::Fork { .. } => "fork",
            Self::Rollback { .. } => "rollback",
        }
    }

    /// Whether the log's own signatures prove it.
    pub fn is_proved(&self) -> bool {
        !matches!(self, Self::Rollback { .. })
    }
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TwoTrees { size } => {
                write!(f, "the log's key signed two different trees of {size} entries")
            }
            Self::Fork { old, new } => write!(
                f,
                "the log's key signed a tree of {old} entries, and later one of {new} that begins otherwise: the past was changed"
            ),
            Self::Rollback { old, new } => write!(
                f,
                "the log's key signed trees of {old} and of {new} entries, which may be of one history. That the larger one was shown \
                 first, so that somebody was given an old view, is the word of whoever wrote the file: nobody signed it"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        merkle::{LeafHash, MemoryTree, TreeSize},
        note::{NoteAlgorithm, NoteSigner},
    };

    fn signer(n: u8) -> NoteSigner {
        NoteSigner::from_seed(
            "log.example/log".parse().unwrap(),
            NoteAlgorithm::Ed25519,
            &[n; 32],
        )
        .unwrap()
    }

    fn tree(leaves: &[&str]) -> MemoryTree {
        let mut tree = MemoryTree::new();
        for leaf in leaves {
            tree.push(LeafHash::of(leaf.as_bytes()));
        }
        tree
    }

    fn note(tree: &MemoryTree, size: u64, key: u8) -> SignedNote {
        let checkpoint = Checkpoint {
            origin: "log.example/log".parse().unwrap(),
            head: tree.head_at(TreeSize::new(size)).unwrap(),
            extensions: vec![],
        };
        checkpoint.sign(&signer(key))
    }

    #[test]
    fn every_contradiction_is_read_back_and_judged() {
        let honest = tree(&["a", "b", "c", "d", "e", "f"]);
        let other = tree(&["a", "x", "c", "d", "e", "f", "g"]);
        let key = signer(1);
        let key = key.verifier();
        for old in 2..=6 {
            let proof = ConsistencyProof::prove(&other, TreeSize::new(old), TreeSize::new(7)).unwrap();
            let prefix = other.head_at(TreeSize::new(old)).unwrap().root;
            let (first, second) = (note(&honest, old, 1), note(&other, 7, 1));
            let fork = Evidence::of_fork(&first, &second, prefix, proof.clone());
            let again = Evidence::parse(fork.to_json().as_bytes()).unwrap();
            assert_eq!(again, fork);
            assert_eq!(again.judge(key), Ok(Contradiction::Fork { old, new: 7 }));

            // The proof must be the later tree's own, and the earlier view another one.
            let lie = Evidence::of_fork(
                &first,
                &second,
                honest.head_at(TreeSize::new(old)).unwrap().root,
                proof.clone(),
            );
            assert_eq!(lie.judge(key), Err(EvidenceError::Proof));
            let same = Evidence::of_fork(&note(&other, old, 1), &second, prefix, proof);
            assert_eq!(same.judge(key), Err(EvidenceError::Nothing));
        }
        let heads = |a: &SignedNote, b: &SignedNote| Evidence::of_heads(a, b).judge(key);
        let (a, b) = (note(&honest, 3, 1), note(&other, 3, 1));
        assert_eq!(heads(&a, &b), Ok(Contradiction::TwoTrees { size: 3 }));
        assert_eq!(heads(&a, &a), Err(EvidenceError::Nothing));
        assert_eq!(
            heads(&note(&honest, 5, 1), &a),
            Ok(Contradiction::Rollback { old: 5, new: 3 })
        );
        assert_eq!(heads(&a, &note(&honest, 5, 1)), Err(EvidenceError::Nothing));
        assert!(matches!(
            heads(&a, &note(&other, 3, 2)),
            Err(EvidenceError::Note { which: "second", .. })
        ));
    }

    #[test]
    fn what_is_no_evidence_is_refused() {
        for text in [
            "",
            "{}",
            r#"{"v":2,"checkpoints":["a","b"]}"#,
            r#"{"v":1,"checkpoints":["a"]}"#,
            r#"{"v":1,"checkpoints":["a","b","c"]}"#,
            r#"{"v":1,"checkpoints":["a","b"],"prefix":"00","consistency":[]}"#,
        ] {
            assert!(Evidence::parse(text.as_bytes()).is_err(), "{text}");
        }
        let junk = Evidence::parse(br#"{"v":1,"checkpoints":["a","b"]}"#).unwrap();
        assert!(matches!(
            junk.judge(signer(1).verifier()),
            Err(EvidenceError::Note { which: "first", .. })
        ));
    }
}
