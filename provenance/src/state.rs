//! The state tree: for every publisher, the complete list of its keysets and advisories.
//!
//! An RFC 6962 tree over all publishers sorted bytewise by name. A leaf's data is
//!
//! ```text
//! <name>\n
//! <index> <kind> <payload> <target or ->\n      one line for each control entry, in log order
//! ```
//! Every log entry carries the root after it, so a *state proof* says: at this tree size, these and no other
//! keysets and advisories exist for this name. Proving that a name is absent (by its neighbours) is not here yet.
//!
//! ```text
//! weighbridge.dev/state-proof/v1
//! leaf <index> <number of leaves> <base64 leaf data>
//! <base64 hash>                          sibling first
//!                                        (empty line)
//! entry <base64 of the entry at size - 1>
//! <that entry's tlog-proof, verbatim>
//! ```

use std::{collections::BTreeMap, fmt, sync::OnceLock};

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::{
    digest::Sha256Digest,
    entry::{Entry, EntryError, decimal, is_valid_kind},
    merkle::{InclusionError, InclusionProof, LeafHash, LeafIndex, MemoryTree, RootHash, TreeHead, TreeSize},
    publisher::PublisherName,
    record_id::RecordId,
    statement::{ADVISORY_TYPE, KEYSET_TYPE},
    tlog_proof::{TlogProof, TlogProofError},
};

/// First line of a state proof.
pub const STATE_PROOF_HEADER: &str = "weighbridge.dev/state-proof/v1";

/// Most control entries of one publisher that a client reads: 4,096 rotations and advisories.
pub const MAX_CONTROL_ENTRIES: usize = 4096;

/// Largest state proof in bytes: [`MAX_CONTROL_ENTRIES`] lines in base64, an entry, and a tlog-proof.
pub const MAX_STATE_PROOF_BYTES: usize = 2 << 20;

/// Whether entries of this kind change the state tree.
pub fn is_control_kind(kind: &str) -> bool {
    kind == KEYSET_TYPE || kind == ADVISORY_TYPE
}

/// One line of a publisher's state: a keyset or advisory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLine {
    /// Log index of its entry.
    pub index: u64,
    /// Its predicate type.
    pub kind: String,
    /// Its record.
    pub payload: RecordId,
    /// What an advisory is about, as 64 hex digits; none for a keyset.
    pub target: Option<Sha256Digest>,
}

impl fmt::Display for StateLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} ", self.index, self.kind, self.payload)?;
        match &self.target {
            Some(target) => write!(f, "{target}"),
            None => f.write_str("-"),
        }
    }
}

/// One publisher's leaf.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLeaf {
    /// The name.
    pub publisher: PublisherName,
    /// Its control entries, in log order.
    pub lines: Vec<StateLine>,
}

impl StateLeaf {
    /// Parses a leaf's data.
    ///
    /// # Errors
    /// [`StateProofError::Leaf`], naming the line.
    pub fn parse(data: &[u8]) -> Result<Self, StateProofError> {
        let wrong = |line| StateProofError::Leaf { line };
        let text = std::str::from_utf8(data)
            .ok()
            .and_then(|t| t.strip_suffix('\n'))
            .ok_or(wrong(0))?;
        let mut rows = text.split('\n');
        let publisher = rows.next().and_then(|name| name.parse().ok()).ok_or(wrong(1))?;
        let mut lines: Vec<StateLine> = Vec::new();
        for (at, row) in rows.enumerate() {
            let line = state_line(row).ok_or(wrong(at + 2))?;
            let ascends = lines.last().is_none_or(|last| last.index < line.index);
            if !ascends || lines.len() == MAX_CONTROL_ENTRIES {
                return Err(wrong(at + 2));
            }
            lines.push(line);
        }
        Ok(Self { publisher, lines })
    }

    /// The leaf's data.
    pub fn to_bytes(&self) -> Vec<u8> {
        leaf_data(&self.publisher, &self.lines)
    }
}

fn leaf_data(publisher: &PublisherName, lines: &[StateLine]) -> Vec<u8> {
    let mut text = format!("{publisher}\n");
    for line in lines {
        text.push_str(&line.to_string());
        text.push('\n');
    }
    text.into_bytes()
}

fn state_line(row: &str) -> Option<StateLine> {
    let mut words = row.split(' ');
    let index = decimal(words.next()?)?;
    let kind = words.next().filter(|kind| is_valid_kind(kind))?.to_owned();
    let payload = words.next()?.parse().ok()?;
    let target = match words.next()? {
        "-" => None,
        // A keyset is about nothing else.
        _ if kind == KEYSET_TYPE => return None,
        target => Some(target.parse().ok()?),
    };
    words.next().is_none().then_some(StateLine {
        index,
        kind,
        payload,
        target,
    })
}

/// The state of all publishers at some log size.
#[derive(Debug, Clone, Default)]
pub struct StateTree {
    publishers: BTreeMap<PublisherName, Held>,
    /// Made when it is first asked for after a change. A root costs a hash for each publisher, a proof a few.
    built: OnceLock<Built>,
}

/// A publisher's control entries, and the hash of its leaf.
#[derive(Debug, Clone)]
struct Held {
    lines: Vec<StateLine>,
    leaf: LeafHash,
}

/// The tree over the leaves, and the names in their order.
#[derive(Debug, Clone)]
struct Built {
    names: Vec<PublisherName>,
    tree: MemoryTree,
}

/// A publisher's leaf with its place and proof in the tree.
///
/// Only the data is proved. The place and the number of leaves say how the hashes combine, and others may lead to the same
/// root: nothing signs how many leaves the tree has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateLeafProof {
    /// Position among the sorted names.
    pub index: LeafIndex,
    /// Number of names.
    pub leaves: TreeSize,
    /// The leaf's data.
    pub data: Vec<u8>,
    /// Its inclusion in the state root.
    pub proof: InclusionProof,
}

impl StateTree {
    /// The tree of no publishers.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a control entry. The caller has checked that it is valid; void entries never get here.
    pub fn append(&mut self, publisher: PublisherName, line: StateLine) {
        let mut lines = self
            .publishers
            .remove(&publisher)
            .map_or_else(Vec::new, |held| held.lines);
        lines.push(line);
        let leaf = LeafHash::of(&leaf_data(&publisher, &lines));
        self.publishers.insert(publisher, Held { lines, leaf });
        self.built = OnceLock::new();
    }

    /// A publisher's control entries, in log order; empty for an unknown name.
    pub fn lines(&self, publisher: &PublisherName) -> &[StateLine] {
        self.publishers
            .get(publisher)
            .map_or(&[], |held| held.lines.as_slice())
    }

    /// All names, sorted.
    pub fn publishers(&self) -> impl Iterator<Item = &PublisherName> {
        self.publishers.keys()
    }

    /// The root; SHA-256 of nothing for the empty tree.
    pub fn root(&self) -> RootHash {
        self.built().tree.head().root
    }

    /// The leaf of `publisher` with its proof; none for an unknown name.
    pub fn prove(&self, publisher: &PublisherName) -> Option<StateLeafProof> {
        let held = self.publishers.get(publisher)?;
        let Built { names, tree } = self.built();
        let index = LeafIndex::new(names.binary_search(publisher).ok()? as u64);
        let leaves = tree.head().size;
        let proof = InclusionProof::prove(tree, leaves, index).ok()?;
        Some(StateLeafProof {
            index,
            leaves,
            data: leaf_data(publisher, &held.lines),
            proof,
        })
    }

    fn built(&self) -> &Built {
        self.built.get_or_init(|| {
            let mut tree = MemoryTree::new();
            for held in self.publishers.values() {
                tree.push(held.leaf);
            }
            Built {
                names: self.publishers.keys().cloned().collect(),
                tree,
            }
        })
    }
}

/// A parsed state proof. Parsed is not trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateProof {
    /// The publisher's leaf and its proof to the state root.
    pub leaf: StateLeafProof,
    /// The last entry of the log, which carries the state root.
    pub entry: Vec<u8>,
    /// That entry's inclusion.
    pub tlog_proof: TlogProof,
}

/// Why a text is not a state proof, or does not prove anything.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StateProofError {
    /// Over [`MAX_STATE_PROOF_BYTES`].
    #[error("a state proof has at most {MAX_STATE_PROOF_BYTES} bytes, got {found}")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// A line that is not what its place wants.
    #[error("line {line} of the state proof: wanted {wanted}")]
    Line {
        /// Line number, from 1.
        line: usize,
        /// What belongs there.
        wanted: &'static str,
    },
    /// The leaf's data is not a publisher's state.
    #[error("line {line} of the state leaf is not what it should be")]
    Leaf {
        /// Line number, from 1; 0 for the text as a whole.
        line: usize,
    },
    /// The tlog-proof at its end does not parse.
    #[error("the state proof's log proof: {0}")]
    TlogProof(#[from] TlogProofError),
    /// The last entry does not parse.
    #[error("the last entry of the log: {0}")]
    Entry(#[from] EntryError),
    /// The entry is not the last one of the tree.
    #[error("the state proof is for entry {found}, the tree has {size} entries")]
    NotLast {
        /// Index found.
        found: LeafIndex,
        /// Size of the tree.
        size: TreeSize,
    },
    /// The last entry is not in the tree.
    #[error("the last entry is not included in the log: {0}")]
    EntryInclusion(InclusionError),
    /// The leaf is not in the state tree.
    #[error("the state root of the log does not contain this publisher's state: {0}")]
    LeafInclusion(InclusionError),
    /// The leaf is another publisher's.
    #[error("the state proof is for {found}, wanted {wanted}")]
    OtherPublisher {
        /// Name found.
        found: PublisherName,
        /// Name wanted.
        wanted: PublisherName,
    },
}

impl StateProof {
    /// Parses the text form.
    ///
    /// # Errors
    /// [`StateProofError`], naming the line.
    pub fn parse(text: &str) -> Result<Self, StateProofError> {
        if text.len() > MAX_STATE_PROOF_BYTES {
            return Err(StateProofError::TooLong { found: text.len() });
        }
        let wrong = |line, wanted| StateProofError::Line { line, wanted };
        let mut rest = text;
        let mut number = 0;
        let mut next = |wanted| {
            number += 1;
            let (line, after) = rest.split_once('\n').ok_or(wrong(number, wanted))?;
            rest = after;
            Ok::<_, StateProofError>((number, line))
        };
        let (line, header) = next("the header line")?;
        if header != STATE_PROOF_HEADER {
            return Err(wrong(line, "the header line"));
        }
        let (line, row) = next("leaf INDEX LEAVES BASE64")?;
        let (index, leaves, data) = leaf_row(row).ok_or(wrong(line, "leaf INDEX LEAVES BASE64"))?;
        let mut hashes = Vec::new();
        loop {
            let (line, row) = next("a base64 hash or an empty line")?;
            if row.is_empty() {
                break;
            }
            let hash =
                Sha256Digest::from_base64(row).map_err(|_| wrong(line, "a base64 hash or an empty line"))?;
            if hashes.len() == 64 {
                return Err(wrong(line, "at most 64 hashes"));
            }
            hashes.push(hash);
        }
        let (line, row) = next("entry BASE64")?;
        let entry = row.strip_prefix("entry ").and_then(|e| STANDARD.decode(e).ok());
        let entry = entry.ok_or(wrong(line, "entry BASE64"))?;
        let tlog_proof = TlogProof::parse(rest)?;
        let proof = InclusionProof { hashes };
        Ok(Self {
            leaf: StateLeafProof {
                index,
                leaves,
                data,
                proof,
            },
            entry,
            tlog_proof,
        })
    }

    /// Checks the proof against a trusted tree head and gives the complete control list of `publisher`.
    ///
    /// # Errors
    /// [`StateProofError`], naming the first step that fails.
    pub fn verify(&self, head: &TreeHead, publisher: &PublisherName) -> Result<StateLeaf, StateProofError> {
        let found = self.tlog_proof.index;
        if found.get().checked_add(1) != Some(head.size.get()) {
            return Err(StateProofError::NotLast {
                found,
                size: head.size,
            });
        }
        let leaf_hash = LeafHash::of(&self.entry);
        self.tlog_proof
            .proof
            .verify(head, found, &leaf_hash)
            .map_err(StateProofError::EntryInclusion)?;
        let last = Entry::parse(&self.entry)?;
        let state = TreeHead {
            size: self.leaf.leaves,
            root: last.state,
        };
        let hash = LeafHash::of(&self.leaf.data);
        self.leaf
            .proof
            .verify(&state, self.leaf.index, &hash)
            .map_err(StateProofError::LeafInclusion)?;
        let leaf = StateLeaf::parse(&self.leaf.data)?;
        if leaf.publisher != *publisher {
            return Err(StateProofError::OtherPublisher {
                found: leaf.publisher,
                wanted: publisher.clone(),
            });
        }
        Ok(leaf)
    }
}

fn leaf_row(row: &str) -> Option<(LeafIndex, TreeSize, Vec<u8>)> {
    let mut words = row.strip_prefix("leaf ")?.split(' ');
    let index = LeafIndex::new(decimal(words.next()?)?);
    let leaves = TreeSize::new(decimal(words.next()?)?);
    let data = STANDARD.decode(words.next()?).ok()?;
    words.next().is_none().then_some((index, leaves, data))
}

impl fmt::Display for StateProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StateLeafProof {
            index,
            leaves,
            data,
            proof,
        } = &self.leaf;
        writeln!(
            f,
            "{STATE_PROOF_HEADER}\nleaf {index} {leaves} {}",
            STANDARD.encode(data)
        )?;
        for hash in &proof.hashes {
            writeln!(f, "{}", hash.to_base64())?;
        }
        write!(f, "\nentry {}\n{}", STANDARD.encode(&self.entry), self.tlog_proof)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(index: u64) -> StateLine {
        let payload = RecordId::of_payload(&index.to_be_bytes());
        StateLine {
            index,
            kind: KEYSET_TYPE.into(),
            payload,
            target: None,
        }
    }

    fn name(text: &str) -> PublisherName {
        text.parse().unwrap()
    }

    #[test]
    fn the_empty_tree_has_the_root_of_nothing() {
        assert_eq!(*StateTree::new().root().digest(), Sha256Digest::OF_NOTHING);
    }

    #[test]
    fn root_depends_on_names_and_lines_but_not_on_the_order_of_creation() {
        let (mut one, mut two) = (StateTree::new(), StateTree::new());
        one.append(name("a.example"), line(0));
        one.append(name("b.example"), line(1));
        two.append(name("b.example"), line(1));
        two.append(name("a.example"), line(0));
        assert_eq!(one.root(), two.root());
        two.append(name("a.example"), line(2));
        assert_ne!(one.root(), two.root());
    }

    #[test]
    fn every_publisher_can_be_proved() {
        let mut tree = StateTree::new();
        for n in 0..9 {
            tree.append(name(&format!("p{n}.example")), line(n));
            for at in 0..=n {
                let publisher = name(&format!("p{at}.example"));
                let leaf = tree.prove(&publisher).unwrap();
                let head = TreeHead {
                    size: leaf.leaves,
                    root: tree.root(),
                };
                assert_eq!(
                    leaf.proof.verify(&head, leaf.index, &LeafHash::of(&leaf.data)),
                    Ok(())
                );
                assert_eq!(StateLeaf::parse(&leaf.data).unwrap().lines, [line(at)]);
            }
        }
        assert_eq!(tree.prove(&name("absent.example")), None);
    }

    #[test]
    fn refuses_leaves_that_are_not_canonical() {
        let leaf = StateLeaf {
            publisher: name("a.example"),
            lines: vec![line(3), line(7)],
        };
        let text = String::from_utf8(leaf.to_bytes()).unwrap();
        assert_eq!(StateLeaf::parse(text.as_bytes()).unwrap(), leaf);
        let backwards = StateLeaf {
            lines: vec![line(7), line(3)],
            ..leaf.clone()
        };
        let cases = [
            text.trim_end().to_owned(),
            text.replace(" -\n", "\n"),
            text.replace("3 https", "03 https"),
            format!("{text}\n"),
            String::from_utf8(backwards.to_bytes()).unwrap(),
            String::new(),
        ];
        for case in cases {
            assert!(StateLeaf::parse(case.as_bytes()).is_err(), "{case:?}");
        }
    }
}
