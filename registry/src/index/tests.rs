//! Answers from runs and memory together, against lists of what was put in.

use std::{fs::File, path::Path};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    lookup::{KeyKind, Match},
    manifest::{Manifest, ManifestFile},
    merkle::LeafHash,
    record::Record,
    statement::{SubjectFacts, signature_payload},
};

use tempfile::TempDir;

use super::{Index, IndexError, NewEntry};

fn file(path: &str, of: &str) -> ManifestFile {
    let digest = Sha256Digest::of(of.as_bytes());
    ManifestFile {
        path: path.parse().unwrap(),
        size: 1,
        sha256: digest,
        chunks: Sha256Digest::of(digest.as_bytes()),
        chunk0: digest,
        tensors: None,
    }
}

/// The record number `n` of one of three publishers: two files, one of which is in every record.
fn record(n: u64) -> Record {
    let files = vec![
        file("README.md", "in every one"),
        file("model.bin", &format!("file {n}")),
    ];
    signed(publisher(n), &format!("model-{n} family{}", n % 7), files)
}

fn signed(publisher: PublisherName, name: &str, files: Vec<ManifestFile>) -> Record {
    let facts = SubjectFacts {
        publisher,
        genesis: RecordId::of_payload(b"genesis"),
        name: name.to_owned(),
        version: None,
        official: vec![],
    };
    let payload = signature_payload(&facts, &Manifest::new(files).unwrap(), &[], &[]);
    Record::parse(&payload).unwrap()
}

fn publisher(n: u64) -> PublisherName {
    ["acme.example", "acme.example.org", "zed.example"][usize::try_from(n % 3).unwrap()]
        .parse()
        .unwrap()
}

/// Entries with records, every tenth of which was logged before.
fn entries(count: u64) -> Vec<NewEntry> {
    let entry = |index: u64| {
        let repeats = index % 10 == 9;
        let record = record(if repeats { index - 5 } else { index });
        NewEntry {
            index,
            leaf: LeafHash::of(&index.to_be_bytes()),
            record,
            is_first: !repeats,
        }
    };
    (0..count).map(entry).collect()
}

fn firsts(entries: &[NewEntry]) -> impl DoubleEndedIterator<Item = &NewEntry> {
    entries.iter().filter(|entry| entry.is_first)
}

/// Every lookup key of these entries.
fn keys(entries: &[NewEntry]) -> Vec<Match> {
    let mut all = Vec::new();
    for record in firsts(entries).map(|entry| &entry.record) {
        let mut key = |kind: KeyKind, key: Sha256Digest, path: Option<&str>| {
            all.push(Match {
                key,
                kind,
                record: record.id,
                path: path.map(str::to_owned),
            });
        };
        let (artifact, manifest) = (record.artifact().unwrap(), record.manifest().unwrap());
        key(KeyKind::DirHash1, artifact.dir_hash1, None);
        key(KeyKind::OmsRoot, artifact.oms_root, None);
        key(KeyKind::OmsRootComponents, manifest.oms_root_components(), None);
        for file in manifest.files() {
            let path = Some(file.path.as_str());
            key(KeyKind::File, file.sha256, path);
            key(KeyKind::Chunks, file.chunks, path);
            key(KeyKind::Chunk0, file.chunk0, path);
        }
    }
    all
}

fn check(index: &Index, entries: &[NewEntry]) {
    assert_eq!(index.size().get(), entries.len() as u64);
    let all = keys(entries);
    assert_eq!(index.keys(), all.len() as u64);
    let sorted = |mut matches: Vec<Match>| {
        matches.sort_by_key(|one| format!("{one:?}"));
        matches
    };
    for digits in ["", "0", "7", "f", "3a", "ff", "c0f"] {
        let found = index.lookup(digits).unwrap().unwrap();
        assert!(found.is_sorted_by_key(|one| *one.key.as_bytes()), "{digits}");
        let expected = all.iter().filter(|one| one.key.to_string().starts_with(digits));
        assert_eq!(sorted(found), sorted(expected.cloned().collect()), "{digits}");
    }
    for n in 0..3 {
        let of: Vec<u64> = firsts(entries)
            .filter(|entry| *entry.record.publisher() == publisher(n))
            .map(|entry| entry.index)
            .collect();
        assert_eq!(index.number_of_records(&publisher(n)), of.len() as u64);
        for before in [None, Some(0), Some(1), Some(33), Some(64), Some(u64::MAX)] {
            let found = index.records_of(&publisher(n), before).unwrap().into_iter();
            let expected = of
                .iter()
                .rev()
                .copied()
                .filter(|index| before.is_none_or(|before| *index < before));
            assert!(found.map(|one| one.index).eq(expected), "{n} {before:?}");
        }
    }
    for before in [None, Some(0), Some(1), Some(10), Some(150), Some(u64::MAX)] {
        let found = index.newest(before).unwrap().into_iter();
        let expected = firsts(entries)
            .rev()
            .map(|entry| entry.index)
            .filter(|index| before.is_none_or(|before| *index < before));
        assert!(found.map(|one| one.index).eq(expected.take(100)), "{before:?}");
    }
    for NewEntry {
        index: at,
        record,
        is_first,
        ..
    } in entries
    {
        let summary = index.summary(*at).unwrap();
        assert_eq!(summary.is_some(), *is_first, "{at}");
        let Some(summary) = summary else { continue };
        assert_eq!((summary.index, summary.record), (*at, record.id));
        let found = index.search(&format!("model-{at}"), |_| None).unwrap();
        assert_eq!(found.first().map(|one| one.index >= *at), Some(true));
        assert!(found.contains(&summary) || found.len() == super::MAX_RESULTS);
        let under = index.artifact(&record.artifact().unwrap().dir_hash1).unwrap();
        assert_eq!(under, [summary]);
    }
    let family = index.search("family3 org", |_| None).unwrap();
    let expected = firsts(entries)
        .rev()
        .map(|entry| entry.index)
        .filter(|index| index % 7 == 3 && index % 3 == 1);
    assert!(family.into_iter().map(|one| one.index).eq(expected));
    let file = Sha256Digest::of(b"in every one");
    assert_eq!(
        index.search(&file.to_string(), |_| None).unwrap().len(),
        super::MAX_RESULTS
    );
    assert!(index.names_blob(&Sha256Digest::of(file.as_bytes())).unwrap());
    assert!(!index.names_blob(&file).unwrap());
}

/// The log that the indexes of these tests are of.
const LOG: &str = "log.example+1";

/// When the entry at `index` is taken in.
fn time_of(index: u64) -> u64 {
    1000 + index / 7
}

/// Takes entries in, seven at a time.
fn apply(index: &Index, entries: &[NewEntry]) {
    for some in entries.chunk_by(|a, b| time_of(a.index) == time_of(b.index)) {
        index.apply(some, time_of(some[0].index)).unwrap();
    }
}

fn check_times(index: &Index, entries: &[NewEntry]) {
    for entry in firsts(entries) {
        let summary = index.summary(entry.index).unwrap().unwrap();
        assert_eq!(summary.taken_at, Some(time_of(entry.index)), "{}", entry.index);
    }
}

/// Opens the index that was just dropped: sled's threads end a moment later.
fn open_again(folder: &Path) -> Result<Index, IndexError> {
    let file = File::open(folder.join("db")).unwrap();
    file.lock().unwrap();
    drop(file);
    Index::open(folder, LOG)
}

fn part(entries: &[NewEntry], size: u64) -> (&[NewEntry], &[NewEntry]) {
    entries.split_at(usize::try_from(size).unwrap())
}

#[test]
fn answers_are_the_same_from_memory_from_runs_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let all = entries(200);
    let index = Index::open(folder.path(), LOG).unwrap();
    let (some, rest) = part(&all, 70);
    apply(&index, some);
    check(&index, some);
    apply(&index, rest);
    check(&index, &all);
    check_times(&index, &all);
    let runs = index.reader().runs.len();
    assert!(runs > 10, "{runs}");
    drop(index);
    let index = open_again(folder.path()).unwrap();
    let written = index.size().get();
    assert!(0 < written && written < 200);
    assert_eq!((index.timed(), index.reader().runs.len()), (200, runs));
    let (some, rest) = part(&all, written);
    check(&index, some);
    // Taken in again, they keep the time that they were first taken in at.
    index.apply(rest, 1_000_000).unwrap();
    check(&index, &all);
    check_times(&index, &all);
}

/// An index of 100 entries, changed in sled after it was closed; what opening it again gives.
fn changed(change: impl FnOnce(&sled::Db)) -> (TempDir, Result<Index, IndexError>) {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path(), LOG).unwrap();
    apply(&index, &entries(100));
    change(&index.db);
    drop(index);
    let opened = open_again(folder.path());
    (folder, opened)
}

/// All rows under a prefix.
fn under(db: &sled::Db, prefix: &[u8]) -> Vec<(sled::IVec, sled::IVec)> {
    db.scan_prefix(prefix).map(Result::unwrap).collect()
}

#[test]
fn an_index_that_is_not_whole_is_refused() {
    let refused = |change: &dyn Fn(&sled::Db)| changed(change).1.expect_err("it is not whole");
    let flip = |prefix: &'static [u8], nth: usize, at: usize| {
        refused(&|db| {
            let (key, value) = under(db, prefix).swap_remove(nth);
            let mut value = value.to_vec();
            value[at] ^= 1;
            db.insert(key, value).unwrap();
        })
    };
    let a_run = |error: &IndexError| matches!(error, IndexError::Run { .. });
    for error in [
        flip(b"b", 2, 9),
        // The seal, the number of keys, the edge.
        flip(b"r", 1, 0),
        flip(b"r", 1, 33),
        flip(b"r", 1, 60),
        refused(&|db| drop(db.remove(&under(db, b"b")[2].0))),
        refused(&|db| drop(db.remove(super::rows::run(0)))),
        refused(&|db| drop(db.insert(b"b\0\0\0\0\0\0\0\x01k", b"junk"))),
    ] {
        assert!(a_run(&error), "{error:?}");
    }
    // Times with a gap before them.
    let error = refused(&|db| {
        db.insert(super::rows::taken(150), super::rows::taken_value(160, 1))
            .unwrap();
    });
    assert!(matches!(error, IndexError::Time { index: 100 }), "{error:?}");
    let error = refused(&|db| drop(db.insert(b"x", b"junk")));
    assert!(matches!(error, IndexError::Row { prefix: 'x' }), "{error:?}");
    let error = refused(&|db| drop(db.insert(super::rows::LOG, b"log.example+2")));
    assert!(matches!(error, IndexError::Log { .. }), "{error:?}");
    let error = refused(&|db| drop(db.remove(super::rows::LOG)));
    assert!(matches!(error, IndexError::Log { .. }), "{error:?}");
    let error = refused(&|db| drop(db.remove(super::rows::VERSION)));
    assert!(matches!(error, IndexError::Layout { found: 0 }), "{error:?}");
}

#[test]
fn what_a_crash_left_of_a_run_is_removed_and_written_again() {
    let all = entries(100);
    let (_folder, whole) = changed(|_| ());
    let whole = whole.unwrap().size().get();
    // As after a crash before the last step of the last run, and in the midst of its blocks: the times are still there.
    for blocks_left in [usize::MAX, 2] {
        let (folder, opened) = changed(|db| {
            let (last, _) = under(db, b"r").pop().unwrap();
            let start = super::rows::start(&last).unwrap();
            db.remove(last).unwrap();
            for (key, _) in under(db, &super::rows::block_of_run(start, b""))
                .into_iter()
                .skip(blocks_left)
            {
                db.remove(key).unwrap();
            }
            for (key, _) in under(db, b"d") {
                db.remove(key).unwrap();
            }
            for index in (0..100).step_by(7) {
                let end = (index + 7).min(100);
                db.insert(
                    super::rows::taken(index),
                    super::rows::taken_value(end, time_of(index)),
                )
                .unwrap();
            }
        });
        let index = opened.unwrap();
        let written = index.size().get();
        assert!(0 < written && written < whole, "{written} of {whole}");
        let leftover = super::rows::block_of_run(written, b"");
        assert_eq!(under(&index.db, &leftover), []);
        apply(&index, part(&all, written).1);
        check(&index, &all);
        check_times(&index, &all);
        drop(index);
        let index = open_again(folder.path()).unwrap();
        assert_eq!(index.size().get(), whole);
        check(&index, part(&all, whole).0);
    }
}

/// An entry about a record with this name and these files.
fn named(index: u64, name: &str, files: Vec<ManifestFile>) -> NewEntry {
    NewEntry {
        index,
        leaf: LeafHash::of(&index.to_be_bytes()),
        record: signed(publisher(0), name, files),
        is_first: true,
    }
}

#[test]
fn many_longer_words_and_many_files_of_one_record_hide_no_other_record() {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path(), LOG).unwrap();
    index
        .apply(&[named(0, "llama first", vec![file("a", "shared")])], 1)
        .unwrap();
    let flood = |n: u64| {
        let words: Vec<String> = (0..25).map(|k| format!("llama{n}x{k}")).collect();
        named(n, &words.join(" "), vec![file("b", &format!("{n}"))])
    };
    index.apply(&(1..250).map(flood).collect::<Vec<_>>(), 2).unwrap();
    let many = (0..3000).map(|n| file(&format!("f{n}"), "shared")).collect();
    index.apply(&[named(250, "many", many)], 3).unwrap();
    let found = |query: &str| -> Vec<u64> {
        let found = index.search(query, |_| None).unwrap();
        found.into_iter().map(|one| one.index).collect()
    };
    assert_eq!(found("llama first"), [0]);
    assert_eq!(found("lla llam llama first"), [0]);
    assert_eq!(found(&Sha256Digest::of(b"shared").to_string()), [250, 0]);
}
