//! The words of the field that these pages use, each explained once, and the way from the text to what it means.

use crate::dom::{El, el};

/// A word that has its own place on the page of words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Log,
    Checkpoint,
    Witness,
    Quorum,
    OldestView,
    TrustFile,
    Publisher,
    Genesis,
    Keyset,
    Record,
    Statement,
    Chunk,
    DirHash1,
    OmsRoot,
}

/// Every word, in the order in which one leads to the next.
pub(crate) const WORDS: [Word; 14] = [
    Word::Record,
    Word::Statement,
    Word::Publisher,
    Word::Genesis,
    Word::Keyset,
    Word::Log,
    Word::Checkpoint,
    Word::Witness,
    Word::Quorum,
    Word::OldestView,
    Word::TrustFile,
    Word::Chunk,
    Word::DirHash1,
    Word::OmsRoot,
];

impl Word {
    /// Its anchor, as people write it, and what it means.
    pub(crate) const fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Record => (
                "record",
                "Record",
                "A signed text about a model: its files with their hashes, or how it was made. Its id is the SHA-256 of \
                 its bytes, so one id can never mean two texts.",
            ),
            Self::Statement => (
                "statement",
                "in-toto statement",
                "The form that a record is written in: JSON that says what it is about (the subject) and what is said of \
                 it (the predicate). Other tools of the field read it too.",
            ),
            Self::Publisher => (
                "publisher",
                "Publisher",
                "Whoever signs records under a name. Anybody can register a name that nobody has registered in this log, \
                 so the name alone proves nothing.",
            ),
            Self::Genesis => (
                "genesis",
                "Genesis",
                "The id of a publisher’s first entry in the log. Two publishers may call themselves the same in two \
                 places; they cannot have the same genesis. Compare it with one that the publisher gives you elsewhere.",
            ),
            Self::Keyset => (
                "keyset",
                "Keyset",
                "The keys of a publisher, who holds each, and how many of the holders must sign. It is an entry of the log \
                 itself, and the first one is the genesis.",
            ),
            Self::Log => (
                "log",
                "Log",
                "A public list of records that can only grow. Every entry goes into one hash, so an entry that is changed, \
                 removed or put in later can be seen by everybody who saw the list before.",
            ),
            Self::Checkpoint => (
                "checkpoint",
                "Checkpoint",
                "What the log signs now and then: how many entries it has, and the hash of them all. Proofs lead to it.",
            ),
            Self::Witness => (
                "witness",
                "Witness",
                "Somebody else who looks at every checkpoint, makes sure that the log has only grown, and signs it too. \
                 Without witnesses a log could show one list to you and another to others.",
            ),
            Self::Quorum => (
                "quorum",
                "Quorum",
                "How many of the witnesses in your trust file must have signed before you believe a checkpoint. With \
                 “none” the log’s own signature is enough.",
            ),
            Self::OldestView => (
                "oldest-view",
                "Oldest view (max_age)",
                "How old the witnesses’ newest signature may be. An old view could hide that a record was withdrawn since. \
                 With “none” a view of any age is taken.",
            ),
            Self::TrustFile => (
                "trust-file",
                "Trust file",
                "A small text file of yours: the keys of the logs that you trust, the witnesses, and the publishers you \
                 know with their genesis. Take it from your own organisation or from the lab, by a way other than the \
                 site that you want to check.",
            ),
            Self::Chunk => (
                "chunk",
                "Chunk",
                "A piece of 4 MiB of a file. Every chunk has its own signed hash, so a change can be placed.",
            ),
            Self::DirHash1 => (
                "dirhash1",
                "dirHash1",
                "One hash for a whole folder: of the list of its files, each with its SHA-256 and its name. Folders with \
                 the same files under the same names have the same dirHash1.",
            ),
            Self::OmsRoot => (
                "oms-root",
                "OMS root",
                "The one hash that OpenSSF Model Signing gives the same files. A model that was signed with that tool is \
                 found by it.",
            ),
        }
    }
}

/// The word in running text, with the way to what it means. `text` is the form that the sentence wants.
pub(crate) fn word(word: Word, text: &'static str) -> El {
    let (anchor, _, meaning) = word.parts();
    el("a")
        .class("term")
        .attr("href", format!("/words#{anchor}"))
        .attr("title", meaning)
        .child(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_has_a_place_of_its_own() {
        let anchors: BTreeSet<&str> = WORDS.iter().map(|word| word.parts().0).collect();
        assert_eq!(anchors.len(), WORDS.len());
    }
}
