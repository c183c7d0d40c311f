//! The words of the field that these pages use, each explained once, and the way from the text to what it means.

use crate::dom::{El, el};

/// A word that has its own place on the page of words, in the order in which one leads to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Record,
    Statement,
    Envelope,
    Publisher,
    Genesis,
    Keyset,
    Log,
    Entry,
    Tile,
    Checkpoint,
    Witness,
    Quorum,
    OldestView,
    TrustFile,
    Pin,
    Advisory,
    LineageAlert,
    Chunk,
    TensorIndex,
    DirHash1,
    OmsRoot,
}

/// What a word means.
pub(crate) struct Meaning {
    /// The word.
    pub(crate) word: Word,
    /// Its anchor on the page of words.
    pub(crate) anchor: &'static str,
    /// As people write it.
    pub(crate) title: &'static str,
    /// What it means.
    pub(crate) text: &'static str,
}

/// Every word, in their order.
pub(crate) const WORDS: [Meaning; 21] = [
    Meaning {
        word: Word::Record,
        anchor: "record",
        title: "Record",
        text: "A signed text about a model: its files with their hashes, or how it was made. Its id is the SHA-256 of \
         its bytes, so one id can never mean two texts.",
    },
    Meaning {
        word: Word::Statement,
        anchor: "statement",
        title: "in-toto statement",
        text: "The form that a record is written in: JSON that says what it is about (the subject) and what is said of \
         it (the predicate). Other tools of the field read it too.",
    },
    Meaning {
        word: Word::Envelope,
        anchor: "envelope",
        title: "DSSE envelope, payload",
        text: "How a record travels: its bytes (the payload) together with the signatures over them.",
    },
    Meaning {
        word: Word::Publisher,
        anchor: "publisher",
        title: "Publisher",
        text: "Whoever signs records under a name. Anybody can register a name that nobody has registered in this log, \
         so the name alone proves nothing.",
    },
    Meaning {
        word: Word::Genesis,
        anchor: "genesis",
        title: "Genesis",
        text: "The id of a publisher’s first entry in the log. Two publishers may call themselves the same in two \
         places; they cannot have the same genesis. Compare it with one that the publisher gives you elsewhere.",
    },
    Meaning {
        word: Word::Keyset,
        anchor: "keyset",
        title: "Keyset",
        text: "The keys of a publisher, who holds each, and how many of the holders must sign. It is an entry of the log \
         itself, and the first one is the genesis.",
    },
    Meaning {
        word: Word::Log,
        anchor: "log",
        title: "Log",
        text: "A public list of records that can only grow. Every entry goes into one hash, so an entry that is changed, \
         removed or put in later can be seen by everybody who saw the list before.",
    },
    Meaning {
        word: Word::Entry,
        anchor: "entry",
        title: "Entry",
        text: "One line of the log, about one record. Entries are numbered from 0: entry 6 is the seventh, and “logged #6” \
         on a badge means it.",
    },
    Meaning {
        word: Word::Tile,
        anchor: "tile",
        title: "Tile",
        text: "A file with some of the log’s hashes. From tiles anybody can compute the hash of the whole log, and check \
         that it only grew.",
    },
    Meaning {
        word: Word::Checkpoint,
        anchor: "checkpoint",
        title: "Checkpoint",
        text: "What the log signs now and then: how many entries it has, and the hash of them all. Proofs lead to it.",
    },
    Meaning {
        word: Word::Witness,
        anchor: "witness",
        title: "Witness",
        text: "Somebody else who looks at every checkpoint, makes sure that the log has only grown, and signs it too. \
         Without witnesses a log could show one list to you and another to others.",
    },
    Meaning {
        word: Word::Quorum,
        anchor: "quorum",
        title: "Quorum",
        text: "How many of the witnesses in your trust file must have signed before you believe a checkpoint. With \
         “none” the log’s own signature is enough.",
    },
    Meaning {
        word: Word::OldestView,
        anchor: "oldest-view",
        title: "Oldest view (max_age)",
        text: "How old the witnesses’ newest signature may be. An old view could hide that a record was withdrawn since. \
         With “none” a view of any age is taken.",
    },
    Meaning {
        word: Word::TrustFile,
        anchor: "trust-file",
        title: "Trust file",
        text: "A small text file of yours: the keys of the logs that you trust, the witnesses, and the publishers you \
         know with their genesis. Take it from your own organisation or from the lab, by a way other than the \
         site that you want to check.",
    },
    Meaning {
        word: Word::Pin,
        anchor: "pin",
        title: "Pin",
        text: "To keep a publisher’s name and genesis in your trust file, so that records signed by its keys, and by \
         nobody else’s, are told as the publisher’s.",
    },
    Meaning {
        word: Word::Advisory,
        anchor: "advisory",
        title: "Advisory, withdrawal",
        text: "A later record of a publisher about an earlier one: that it is withdrawn, or replaced (superseded). This \
         version does not take advisories yet.",
    },
    Meaning {
        word: Word::LineageAlert,
        anchor: "lineage-alert",
        title: "Lineage alert",
        text: "What a badge says where something that the model was made from was withdrawn.",
    },
    Meaning {
        word: Word::Chunk,
        anchor: "chunk",
        title: "Chunk",
        text: "A piece of 4 MiB of a file. Every chunk has its own signed hash, so a change can be placed.",
    },
    Meaning {
        word: Word::TensorIndex,
        anchor: "tensor-index",
        title: "Tensor index",
        text: "Which bytes of a weights file are which tensor: signed with the record, so that a change can be told by \
         the tensor’s name.",
    },
    Meaning {
        word: Word::DirHash1,
        anchor: "dirhash1",
        title: "dirHash1",
        text: "One hash for a whole folder: of the list of its files, each with its SHA-256 and its name. Folders with \
         the same files under the same names have the same dirHash1.",
    },
    Meaning {
        word: Word::OmsRoot,
        anchor: "oms-root",
        title: "OMS root",
        text: "The one hash that OpenSSF Model Signing gives the same files. A model that was signed with that tool is \
         found by it.",
    },
];

/// The word in running text, with the way to what it means. `text` is the form that the sentence wants.
pub(crate) fn word(word: Word, text: &'static str) -> El {
    let meaning = WORDS.iter().find(|meaning| meaning.word == word);
    let (anchor, means) = meaning.map_or(("", ""), |meaning| (meaning.anchor, meaning.text));
    el("a")
        .class("term")
        .attr("href", format!("/words#{anchor}"))
        .attr("title", means)
        .child(text)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_word_has_a_place_of_its_own() {
        let anchors: BTreeSet<&str> = WORDS.iter().map(|meaning| meaning.anchor).collect();
        assert_eq!(anchors.len(), WORDS.len());
        for (place, meaning) in WORDS.iter().enumerate() {
            // None is left out of the table.
            assert_eq!(meaning.word as usize, place, "{:?}", meaning.word);
        }
    }
}
