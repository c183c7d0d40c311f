//! Damage at rest: what is refused, and what is built again.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use provenance::{Sha256Digest, api::Summary, lookup::Match, merkle::LeafHash, record::Record};

use super::{
    super::{
        commit::Commit,
        follower::{Follower, Published},
        segments::{SegmentError, Segments},
    },
    Opened, SEGMENT, before_and_after, files, keyset, lay_out, open, publish, publish_models, wait_for,
};
use crate::index::{Index, NewEntry};

/// Opens a changed copy of a folder and gives the message of the refusal.
fn refusal(
    folder: &BTreeMap<PathBuf, Vec<u8>>,
    change: impl FnOnce(&mut BTreeMap<PathBuf, Vec<u8>>),
) -> String {
    let data = tempfile::tempdir().unwrap();
    let mut changed = folder.clone();
    change(&mut changed);
    lay_out(data.path(), &changed);
    match open(data.path()) {
        Ok(opened) => panic!(
            "the damage was not noticed; the log has {} entries",
            opened.head().size
        ),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_damaged_folder_is_refused() {
    let (before, after) = before_and_after(3);
    let (_, other) = before_and_after(3);
    let replace = |name: &'static str, from: &BTreeMap<PathBuf, Vec<u8>>| {
        let bytes = from[Path::new(name)].clone();
        move |files: &mut BTreeMap<PathBuf, Vec<u8>>| drop(files.insert(name.into(), bytes))
    };
    let remove = |name: &'static str| {
        move |files: &mut BTreeMap<PathBuf, Vec<u8>>| drop(files.remove(Path::new(name)))
    };
    let cases = [
        (refusal(&after, replace(SEGMENT, &before)), "entries are lost"),
        (refusal(&after, remove(SEGMENT)), "entries are lost"),
        (
            refusal(&before, replace("checkpoint", &after)),
            "only 3 were ever signed",
        ),
        (
            refusal(&before, replace("signed-state", &after)),
            "entries are lost",
        ),
        (
            refusal(&after, replace("signed-state", &before)),
            "only 3 were ever signed",
        ),
        (
            refusal(&after, replace("checkpoint", &other)),
            "not signed by this log",
        ),
        (refusal(&after, replace("signed-state", &other)), "another root"),
        (refusal(&after, replace("log.key", &other)), "log.vkey"),
        (refusal(&after, remove("log.vkey")), "log.vkey"),
        (refusal(&after, remove("checkpoint")), "checkpoint"),
        (refusal(&after, remove("signed-state")), "signed-state"),
        (
            refusal(&after, |files| {
                drop(files.insert("tile/0/000.p/4".into(), vec![0; 128]));
            }),
            "differs",
        ),
        (
            refusal(&after, |files| {
                drop(files.insert("tile/entries/000.p/4".into(), vec![]));
            }),
            "differs",
        ),
        (
            refusal(&after, |files| drop(files.insert("commit/x.seg".into(), vec![]))),
            "not the name of a segment",
        ),
    ];
    for (message, wanted) in cases {
        assert!(message.contains(wanted), "wanted {wanted:?} in {message:?}");
    }
}

#[test]
fn a_published_segment_with_any_byte_changed_or_cut_is_refused() {
    let (_, after) = before_and_after(2);
    let segment = &after[Path::new(SEGMENT)];
    for at in (0..segment.len()).step_by(29) {
        refusal(&after, |files| {
            files.get_mut(Path::new(SEGMENT)).unwrap()[at] ^= 0x10;
        });
        refusal(&after, |files| {
            files.get_mut(Path::new(SEGMENT)).unwrap().truncate(at);
        });
    }
}

#[test]
fn missing_tiles_are_written_again() {
    let (_, after) = before_and_after(3);
    let data = tempfile::tempdir().unwrap();
    let mut changed = after.clone();
    changed.remove(Path::new("tile/0/000.p/4"));
    lay_out(data.path(), &changed);
    drop(open(data.path()).unwrap());
    assert_eq!(
        files(data.path())[Path::new("tile/0/000.p/4")],
        after[Path::new("tile/0/000.p/4")]
    );
}

#[test]
fn the_index_is_built_again_when_it_is_gone_damaged_or_foreign() {
    let (data, foreign) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let opened = open(data.path()).unwrap();
    let ids = publish(&opened, 0, 5);
    drop(opened);
    publish(&open(foreign.path()).unwrap(), 0, 5);
    let sled = data.path().join("sled");
    let damage: [&dyn Fn(); 4] = [
        &|| fs::remove_dir_all(&sled).unwrap(),
        &|| fs::write(sled.join("db"), b"this is not a database, and has never been one").unwrap(),
        &|| {
            fs::remove_dir_all(&sled).unwrap();
            fs::rename(foreign.path().join("sled"), &sled).unwrap();
        },
        &|| {
            fs::remove_dir_all(&sled).unwrap();
            fs::write(&sled, b"a file").unwrap();
        },
    ];
    for (number, damage) in damage.iter().enumerate() {
        damage();
        let opened = open(data.path()).unwrap_or_else(|e| panic!("damage {number}: {e}"));
        assert_eq!(opened.index().edge().tree_head(), opened.head());
        for (index, id) in (0..).zip(&ids) {
            assert_eq!(opened.log.prove(id, None).unwrap().unwrap().index, index);
        }
        let again = opened
            .submit(&[keyset("n2", &opened.origin())])
            .remove(0)
            .unwrap();
        assert_eq!(again.index, 2, "damage {number}");
        assert_eq!(opened.head().size.get(), 5);
        // sled takes a file that it cannot read for an empty database.
        let aside = data
            .path()
            .join(format!("set-aside-{}", number.saturating_sub(1)));
        assert!(number < 2 || aside.exists(), "damage {number}");
    }
}

#[test]
fn entries_that_were_too_many_to_wait_are_read_from_the_commits() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    publish(&opened, 0, 3);
    let three = opened.head();
    publish(&opened, 3, 5);
    let five = opened.head();
    let shared = Arc::clone(&opened.log.shared);
    drop(opened);
    fs::remove_dir_all(data.path().join("sled")).unwrap();
    let follower = Follower::start(data.path().join("sled"), shared, three).unwrap();
    let size = || wait_for(follower.index(3)).unwrap().edge().size().get();
    assert_eq!(size(), 3);
    // Nothing comes after it: the follower must not wait for a further batch.
    follower.feed().tell(Published {
        entries: Vec::new(),
        head: five,
        bytes: usize::MAX >> 1,
    });
    let index = wait_for(follower.index(5)).unwrap();
    assert_eq!(index.edge().tree_head(), five);
    assert_eq!(index.search("n4", |_| None).unwrap().len(), 1);
    follower.close();
}

/// Waits until no thread of sled holds its folder any more: they end a moment after the index is dropped.
fn wait_for_sled(folder: &Path) {
    let file = fs::File::open(folder.join("db")).unwrap();
    file.lock().unwrap();
}

#[test]
fn an_index_with_a_part_of_a_commit_takes_in_the_rest() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let keysets: Vec<_> = (0..60)
        .map(|n| keyset(&format!("n{n}"), &opened.origin()))
        .collect();
    for answer in opened.submit(&keysets) {
        answer.unwrap();
    }
    let log = opened.log.verifier().to_string();
    drop(opened);
    let mut entries = Vec::new();
    let mut commits = Vec::new();
    let segments = Segments::new(data.path().join("commit"));
    let mut read = |_, _, commit: &Commit<'_>| {
        commits.push((commit.start, commit.items.len()));
        for (index, (_, item)) in (commit.start..).zip(&commit.items) {
            entries.push(NewEntry {
                index,
                leaf: LeafHash::of(item.entry),
                record: Record::parse(item.payload).unwrap(),
                is_first: true,
            });
        }
        Ok::<_, SegmentError>(())
    };
    segments.scan(0, &mut read).unwrap();
    let sled = data.path().join("sled");
    let build = |entries: &[NewEntry]| {
        wait_for_sled(&sled);
        fs::remove_dir_all(&sled).unwrap();
        let index = Index::open(&sled, &log).unwrap();
        let edge = index.apply(entries, 1).unwrap();
        assert_eq!(edge.size().get(), entries.len() as u64);
        drop(index);
        wait_for_sled(&sled);
        // What was in memory only is gone.
        let written = Index::open(&sled, &log).unwrap().size().get();
        wait_for_sled(&sled);
        written
    };
    let (start, items) = commits.iter().max_by_key(|(_, items)| *items).unwrap();
    let part = usize::try_from(*start).unwrap() + items - 1;
    let whole = |opened: &Opened| {
        let index = opened.index();
        assert_eq!(index.edge().tree_head(), opened.head());
        assert_eq!(index.search("n59", |_| None).unwrap().len(), 1);
    };

    let written = build(&entries[..part]);
    assert!(*start < written && written < part as u64, "{written}");
    let opened = open(data.path()).unwrap();
    whole(&opened);
    assert!(!data.path().join("set-aside-1").exists());
    drop(opened);

    entries[0].leaf = LeafHash::of(b"another");
    build(&entries[..part]);
    whole(&open(data.path()).unwrap());
    assert!(data.path().join("set-aside-1").exists());
}

#[test]
fn an_index_of_another_layout_is_built_again() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    publish(&opened, 0, 2);
    drop(opened);
    let sled = data.path().join("sled");
    wait_for_sled(&sled);
    let db = sled::open(&sled).unwrap();
    db.insert(b"mversion", &[0; 8]).unwrap();
    drop(db);
    wait_for_sled(&sled);
    let opened = open(data.path()).unwrap();
    assert_eq!(opened.index().edge().tree_head(), opened.head());
    assert!(data.path().join("set-aside-1").exists());
}

/// Flips bits of one of the index's files, cuts it, or deletes it.
fn damage_at_random(sled: &Path, seed: u8) {
    let random = Sha256Digest::of(&[seed]);
    let numbers: Vec<usize> = random
        .as_bytes()
        .chunks(4)
        .map(|four| u32::from_be_bytes(four.try_into().unwrap()) as usize)
        .collect();
    let mut files: Vec<PathBuf> = fs::read_dir(sled)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    files.sort();
    // Mostly the database itself; the others are small, and gone in no time.
    let database = sled.join("db");
    let file = if seed % 4 == 3 {
        &files[numbers[0] % files.len()]
    } else {
        &database
    };
    let mut bytes = fs::read(file).unwrap();
    match seed % 5 {
        _ if bytes.is_empty() => fs::write(file, b"junk").unwrap(),
        4 if seed.is_multiple_of(2) => fs::remove_file(file).unwrap(),
        4 => fs::write(file, &bytes[..bytes.len() / 3]).unwrap(),
        _ => {
            // Most of the file is empty; the rows are near its start.
            let range = if seed.is_multiple_of(2) {
                bytes.len()
            } else {
                bytes.len().min(64 << 10)
            };
            for place in numbers {
                bytes[place % range] ^= 1 << (seed % 8);
            }
            fs::write(file, bytes).unwrap();
        }
    }
}

/// What an index answers to questions of each kind.
fn answers(index: &Index) -> (u64, Vec<Match>, [Vec<Summary>; 4]) {
    let lists = [
        index.search("model 1", |_| None).unwrap(),
        index.newest(None).unwrap(),
        index.records_of(&"n0".parse().unwrap(), None).unwrap(),
        index.records_of(&"n0".parse().unwrap(), Some(30)).unwrap(),
    ];
    // When a record was taken in is anew with every index.
    let timeless = lists.map(|list| {
        let without = |summary| Summary {
            taken_at: None,
            ..summary
        };
        list.into_iter().map(without).collect()
    });
    (index.keys(), index.lookup("").unwrap().unwrap(), timeless)
}

#[test]
fn random_damage_to_the_index_never_gives_a_wrong_answer() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let genesis = publish(&opened, 0, 1)[0];
    let ids = publish_models(&opened, genesis, 60);
    let expected = answers(&opened.index());
    assert_eq!((expected.0, expected.1.len()), (120, 120));
    assert!(expected.2.iter().all(|list| !list.is_empty()));
    drop(opened);
    let sled = data.path().join("sled");
    let mut set_aside = 0;
    for seed in 0_u8..50 {
        damage_at_random(&sled, seed);
        let opened = open(data.path()).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let index = opened.index();
        assert_eq!(index.edge().tree_head(), opened.head(), "seed {seed}");
        assert!(answers(&index) == expected, "seed {seed}");
        for id in &ids {
            assert!(opened.log.prove(id, None).unwrap().is_some(), "seed {seed}");
        }
        set_aside = (1..=50)
            .take_while(|n| data.path().join(format!("set-aside-{n}")).exists())
            .count();
    }
    assert!(set_aside > 10, "{set_aside} of 50 damages were noticed");
}
