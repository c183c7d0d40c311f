//! Copies of a log that were not taken at one moment: what is whole is opened, and what would split the log is refused.

use std::{collections::BTreeMap, path::PathBuf};

use super::{Opened, SEGMENT, files, lay_out, open, publish};

type Files = BTreeMap<PathBuf, Vec<u8>>;

/// The files of a log after each of six entries, and the lengths of its one segment.
fn growing() -> (Vec<Files>, Vec<usize>) {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let grow = |n| {
        publish(&opened, n, n + 1);
        files(data.path())
    };
    let all: Vec<Files> = (0..6).map(grow).collect();
    let segment = PathBuf::from(SEGMENT);
    let lengths = all.iter().map(|files| files[&segment].len()).collect();
    (all, lengths)
}

/// `files` with the members of `other` whose names begin so.
fn with(files: &Files, other: &Files, begin: &str) -> Files {
    let mut mixed = files.clone();
    mixed.retain(|name, _| !name.starts_with(begin));
    let taken = other.iter().filter(|(name, _)| name.starts_with(begin));
    mixed.extend(taken.map(|(name, bytes)| (name.clone(), bytes.clone())));
    mixed
}

fn opened(files: &Files) -> Result<(tempfile::TempDir, Opened), String> {
    let data = tempfile::tempdir().unwrap();
    lay_out(data.path(), files);
    match open(data.path()) {
        Ok(opened) => Ok((data, opened)),
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn what_follows_an_older_checkpoint_may_lie_in_several_segments() {
    let (all, lengths) = growing();
    // The log as if it had begun a segment after three entries, and another after five.
    let whole = all[5][&PathBuf::from(SEGMENT)].clone();
    let mut rolled = all[5].clone();
    rolled.insert(SEGMENT.into(), whole[..lengths[2]].to_vec());
    for (start, from, to) in [(3, lengths[2], lengths[4]), (5, lengths[4], lengths[5])] {
        rolled.insert(format!("commit/{start:020}.seg").into(), whole[from..to].to_vec());
    }
    for (size, shown) in (1..).zip(&all[..5]) {
        let mut copy = rolled.clone();
        for name in ["checkpoint", "signed-state"] {
            copy = with(&copy, shown, name);
        }
        // Torn at its end, as a segment that was copied while it grew.
        let last = copy
            .get_mut(&PathBuf::from("commit/00000000000000000005.seg"))
            .unwrap();
        last.extend_from_slice(&whole[..40]);
        let (data, opened) = opened(&copy).unwrap_or_else(|error| panic!("shown {size}: {error}"));
        assert_eq!(opened.head().size.get(), 6);
        for index in 0..6 {
            assert!(
                opened.log.shared.entry_and_payload(index).is_ok(),
                "entry {index}"
            );
        }
        publish(&opened, 6, 8);
        drop(opened);
        assert_eq!(open(data.path()).unwrap().head().size.get(), 8);
    }
}

#[test]
fn an_archived_checkpoint_counts_as_shown() {
    let (all, _) = growing();
    // Commits that end before it: whoever saw it would see a split log.
    let refused = opened(&with(&all[3], &all[5], "checkpoints")).unwrap_err();
    assert!(
        refused
            .starts_with("a file of checkpoints/ shows 6 entries, and the commits hold 4; entries are lost"),
        "{refused}"
    );
    // Commits that reach it are published up to it, whatever the older checkpoint says.
    let mut copy = all[5].clone();
    for name in ["checkpoint", "signed-state"] {
        copy = with(&copy, &all[2], name);
    }
    let (_data, again) = opened(&copy).unwrap();
    assert_eq!(again.head().size.get(), 6);
    // Another history of the same size, signed by the same key.
    let (data, forked) = opened(&all[3]).unwrap();
    for n in 10..12 {
        let envelope = super::keyset(&format!("n{n}"), &forked.origin());
        forked.submit(&[envelope]).remove(0).unwrap();
    }
    let other = files(data.path());
    drop(forked);
    let refused = opened(&with(&all[5], &other, "checkpoints")).unwrap_err();
    assert!(
        refused.starts_with("a file of checkpoints/ shows another root for 6 entries"),
        "{refused}"
    );
    // Without any the log goes on.
    let mut none = all[5].clone();
    none.retain(|name, _| !name.starts_with("checkpoints"));
    assert!(opened(&none).is_ok());
}
