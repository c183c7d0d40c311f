//! Segments: torn, superseded and damaged ones.

use provenance::Sha256Digest;

use super::*;

fn root() -> RootHash {
    RootHash::from(Sha256Digest::OF_NOTHING)
}

fn folder() -> (tempfile::TempDir, Segments) {
    let folder = tempfile::tempdir().unwrap();
    let segments = Segments::new(folder.path().to_owned());
    (folder, segments)
}

fn append(segments: &Segments, last: Option<(u64, u64)>, start: u64, texts: &[&str]) -> Vec<Location> {
    let mut writer = SegmentWriter::resume(segments.clone(), [1; 16], last).unwrap();
    let item = |text: &&'static str| Item {
        entry: text.as_bytes(),
        payload: b"payload",
    };
    let texts: Vec<&'static str> = texts.iter().map(|t| &*t.to_string().leak()).collect();
    writer
        .append(start, root(), &texts.iter().map(item).collect::<Vec<_>>())
        .unwrap()
}

fn scan(segments: &Segments) -> Result<(Scan, Vec<String>), SegmentError> {
    let mut seen = Vec::new();
    let scan = segments.scan(0, |_, _, commit| {
        seen.extend(
            commit
                .items
                .iter()
                .map(|(_, i)| String::from_utf8_lossy(i.entry).into_owned()),
        );
        Ok::<_, SegmentError>(())
    })?;
    Ok((scan, seen))
}

#[test]
fn what_was_appended_is_found_again() {
    let (_folder, segments) = folder();
    let first = append(&segments, None, 0, &["a", "b"]);
    let (found, _) = scan(&segments).unwrap();
    append(&segments, Some((0, found.valid_bytes)), 2, &["c"]);
    let (found, seen) = scan(&segments).unwrap();
    assert_eq!(
        (found.size, found.torn, seen),
        (3, false, vec!["a".into(), "b".into(), "c".into()])
    );
    assert_eq!(
        segments.read(first[1]).unwrap(),
        (b"b".to_vec(), b"payload".to_vec())
    );
}

#[test]
fn a_last_record_cut_at_any_byte_is_a_torn_tail() {
    let (folder, segments) = folder();
    append(&segments, None, 0, &["a"]);
    let whole = scan(&segments).unwrap().0.valid_bytes;
    append(&segments, Some((0, whole)), 1, &["b"]);
    let path = folder.path().join("00000000000000000000.seg");
    let bytes = fs::read(&path).unwrap();
    for end in usize::try_from(whole).unwrap()..bytes.len() {
        fs::write(&path, &bytes[..end]).unwrap();
        let (found, seen) = scan(&segments).unwrap();
        assert_eq!(
            (found.size, found.valid_bytes, seen.len()),
            (1, whole, 1),
            "cut at {end}"
        );
        assert_eq!(found.torn, end as u64 > whole);
    }
}

#[test]
fn damage_before_a_whole_record_is_not_a_torn_tail() {
    let (folder, segments) = folder();
    append(&segments, None, 0, &["a"]);
    let whole = scan(&segments).unwrap().0.valid_bytes;
    append(&segments, Some((0, whole)), 1, &["b"]);
    let path = folder.path().join("00000000000000000000.seg");
    let bytes = fs::read(&path).unwrap();
    for at in 0..usize::try_from(whole).unwrap() {
        let mut changed = bytes.clone();
        changed[at] ^= 0xff;
        fs::write(&path, &changed).unwrap();
        assert!(
            matches!(scan(&segments), Err(SegmentError::Damaged { .. })),
            "byte {at}"
        );
    }
}

#[test]
fn a_tail_copied_to_its_own_segment_supersedes_the_old_one() {
    let (folder, segments) = folder();
    append(&segments, None, 0, &["a"]);
    let whole = scan(&segments).unwrap().0.valid_bytes;
    append(&segments, Some((0, whole)), 1, &["b"]);
    let before = fs::read(folder.path().join("00000000000000000000.seg")).unwrap();
    segments.copy_tail(0, whole, before.len() as u64, 1).unwrap();
    assert_eq!(scan(&segments).unwrap().0.size, 2);
    // A crash before the cut leaves both; the next start cuts.
    fs::write(folder.path().join("00000000000000000000.seg"), &before).unwrap();
    let (found, seen) = scan(&segments).unwrap();
    assert_eq!(
        (found.size, found.superseded, seen.len()),
        (2, Some((0, whole)), 2)
    );
    segments.cut(0, whole).unwrap();
    assert_eq!(scan(&segments).unwrap().0.superseded, None);
}

#[test]
fn a_scan_can_start_late() {
    let (_folder, segments) = folder();
    append(&segments, None, 0, &["a", "b"]);
    append(&segments, None, 2, &["c"]);
    let from = |from| {
        let mut starts = Vec::new();
        segments
            .scan(from, |_, _, commit| {
                starts.push(commit.start);
                Ok::<_, SegmentError>(())
            })
            .map(|scan| (scan.size, starts))
            .unwrap()
    };
    assert_eq!(from(0), (3, vec![0, 2]));
    assert_eq!(from(1), (3, vec![0, 2]));
    assert_eq!(from(2), (3, vec![2]));
    assert_eq!(from(3), (3, vec![]));
}

#[test]
fn gaps_foreign_files_and_wrong_names_are_refused() {
    let (folder, segments) = folder();
    append(&segments, None, 0, &["a"]);
    append(&segments, None, 2, &["c"]);
    assert!(matches!(
        scan(&segments),
        Err(SegmentError::OutOfOrder {
            expected: 1,
            found: 2,
            ..
        })
    ));
    fs::remove_file(folder.path().join("00000000000000000002.seg")).unwrap();
    fs::write(folder.path().join("1.seg"), b"").unwrap();
    assert!(matches!(scan(&segments), Err(SegmentError::Name { .. })));
}

#[test]
fn an_empty_last_segment_is_where_the_next_record_goes() {
    let (folder, segments) = folder();
    append(&segments, None, 0, &["a"]);
    fs::write(folder.path().join("00000000000000000001.seg"), b"").unwrap();
    let (found, _) = scan(&segments).unwrap();
    assert_eq!(
        (found.size, found.last, found.valid_bytes, found.torn),
        (1, Some(1), 0, false)
    );
    append(&segments, Some((1, 0)), 1, &["b"]);
    assert_eq!(scan(&segments).unwrap().0.size, 2);
}

#[path = "../../../../fuzz/src/commit_body.rs"]
mod commit_body;
#[path = "../../../../fuzz/src/target.rs"]
mod target;

#[test]
fn the_fuzzers_corpus_of_commit_records_holds() {
    commit_body::TARGET.replay(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz"));
}
