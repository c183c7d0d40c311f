//! Answers from runs and memory together, against lists of what was put in.

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    lookup::{KeyKind, Match},
    manifest::{Manifest, ManifestFile},
    merkle::LeafHash,
    record::Record,
    statement::{SubjectFacts, signature_payload},
};

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
    let facts = SubjectFacts {
        publisher: publisher(n),
        genesis: RecordId::of_payload(b"genesis"),
        name: format!("model-{n} family{}", n % 7),
        version: None,
        official: vec![],
    };
    let files = vec![
        file("README.md", "in every one"),
        file("model.bin", &format!("file {n}")),
    ];
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

#[test]
fn answers_are_the_same_from_memory_from_runs_and_after_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let all = entries(200);
    let index = Index::open(folder.path()).unwrap();
    for some in all.chunks(7) {
        index.apply(some).unwrap();
        let there = some.last().unwrap().index + 1;
        if there == 70 {
            check(&index, &all[..usize::try_from(there).unwrap()]);
        }
    }
    check(&index, &all);
    let times: Vec<_> = (0..200)
        .map(|at| index.summary(at).unwrap().map(|one| one.taken_at))
        .collect();
    let runs = index.reader().shelf.runs.len();
    assert!(runs > 10, "{runs}");
    drop(index);
    let index = open_again(folder.path());
    let written = index.size().get();
    assert!(0 < written && written < 200);
    assert_eq!((index.timed(), index.reader().shelf.runs.len()), (200, runs));
    check(&index, &all[..usize::try_from(written).unwrap()]);
    // A later time of day must not show.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    index.apply(&all[usize::try_from(written).unwrap()..]).unwrap();
    check(&index, &all);
    let found: Vec<_> = (0..200)
        .map(|at| index.summary(at).unwrap().map(|one| one.taken_at))
        .collect();
    assert_eq!(found, times);
}

/// Opens the index that was just dropped: sled's threads end a moment later.
fn open_again(folder: &std::path::Path) -> Index {
    let file = std::fs::File::open(folder.join("db")).unwrap();
    file.lock().unwrap();
    drop(file);
    Index::open(folder).unwrap()
}

/// Changes what sled holds of an index of 100 entries; gives what opening it says.
fn changed(change: impl FnOnce(&sled::Db)) -> Result<u64, IndexError> {
    let folder = tempfile::tempdir().unwrap();
    let index = Index::open(folder.path()).unwrap();
    index.apply(&entries(100)).unwrap();
    change(&index.db);
    drop(index);
    let file = std::fs::File::open(folder.path().join("db")).unwrap();
    file.lock().unwrap();
    drop(file);
    Index::open(folder.path()).map(|index| index.size().get())
}

#[test]
fn a_run_that_is_not_whole_is_not_read() {
    let whole = changed(|_| ()).unwrap();
    assert!(whole > 50);
    let a_block = |db: &sled::Db| db.scan_prefix(b"b").nth(2).unwrap().unwrap();
    let other_value = changed(|db| {
        let (key, value) = a_block(db);
        let mut value = value.to_vec();
        value[9] ^= 1;
        db.insert(key, value).unwrap();
    });
    assert!(
        matches!(other_value, Err(IndexError::Run { start: 0 })),
        "{other_value:?}"
    );
    let gone = changed(|db| drop(db.remove(a_block(db).0)));
    assert!(matches!(gone, Err(IndexError::Run { start: 0 })), "{gone:?}");
    let no_run = changed(|db| drop(db.remove(super::rows::run(0))));
    assert!(matches!(no_run, Err(IndexError::Run { .. })), "{no_run:?}");
    let junk = changed(|db| drop(db.insert(b"x", b"junk")));
    assert!(matches!(junk, Err(IndexError::Row { prefix: 'x' })), "{junk:?}");
}

#[test]
fn what_a_crash_left_of_a_run_is_removed() {
    let whole = changed(|_| ()).unwrap();
    let last = |db: &sled::Db| db.scan_prefix(b"r").map(Result::unwrap).last().unwrap().0;
    let cut = changed(|db| drop(db.remove(last(db)))).unwrap();
    assert!(0 < cut && cut < whole, "{cut} of {whole}");
}
