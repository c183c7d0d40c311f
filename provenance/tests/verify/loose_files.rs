//! Files without their folders, and single files: paired one to one, and ambiguity is never a mismatch.

use provenance::{
    Sha256Digest,
    verify::{FileVerdict, Report, Scope},
};

use super::{
    disk::{MIB, WEIGHTS},
    file, verdict,
    world::World,
};

type Files = Vec<(String, Vec<u8>)>;

fn judged(scope: Scope, change: impl FnOnce(&mut Files)) -> Report {
    let world = World::honest();
    let mut disk = world.disk.clone();
    disk.scope = scope;
    let mut files = disk.flat();
    change(&mut files);
    world.open().judge(&disk.seen_as(files, &world.disk))
}

fn flat(change: impl FnOnce(&mut Files)) -> Report {
    judged(Scope::Flat, change)
}

/// One file by itself.
fn single(name: &str, bytes: Vec<u8>) -> Report {
    judged(Scope::SingleFile, |files| *files = vec![(name.to_owned(), bytes)])
}

fn bytes_of(path: &str) -> Vec<u8> {
    super::disk::Disk::model().files[path].clone()
}

fn take(files: &mut Files, name: &str) -> Vec<u8> {
    let at = files.iter().position(|(path, _)| path == name).unwrap();
    files.remove(at).1
}

#[test]
fn loose_files_are_authentic_even_when_two_share_a_base_name() {
    let report = flat(|_| {});
    assert_eq!(verdict(&report), ("authentic", None));
    assert!(
        report.summary.contains("Folder names were not seen"),
        "{}",
        report.summary
    );
    let report = flat(|files| files.reverse());
    assert_eq!(verdict(&report), ("authentic", None));
}

#[test]
fn a_blob_whose_name_is_a_listed_digest_stands_for_that_file() {
    let weights = bytes_of(WEIGHTS);
    let name = format!("sha256-{}", Sha256Digest::of(&weights));
    let as_blob = |bytes: Vec<u8>| {
        flat(|files| {
            take(files, WEIGHTS);
            files.push((name.clone(), bytes));
        })
    };
    assert_eq!(verdict(&as_blob(weights.clone())), ("authentic", None));
    let mut changed = weights.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(verdict(&as_blob(changed.clone())), ("mismatch", Some("altered")));

    // The good bytes lie there too, under the name of the others: a store would load the changed ones.
    let swapped = flat(|files| {
        take(files, WEIGHTS);
        files.push((name.clone(), changed.clone()));
        files.push((format!("sha256-{}", Sha256Digest::of(&changed)), weights.clone()));
    });
    assert_eq!(verdict(&swapped), ("mismatch", Some("altered")));
}

#[test]
fn a_blob_of_other_weights_beside_the_right_ones_is_not_passed_over() {
    let mut others = bytes_of(WEIGHTS);
    *others.last_mut().unwrap() ^= 1;
    let name = format!("sha256-{}", Sha256Digest::of(&others));
    let report = flat(|files| files.push((name, others)));
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
}

#[test]
fn a_loose_file_that_could_be_two_and_is_neither_is_not_a_mismatch() {
    let report = flat(|files| {
        take(files, "config.json");
        take(files, "config.json");
        files.push(("config.json".into(), b"{}".to_vec()));
    });
    assert_eq!(verdict(&report), ("incomplete", None));
    let ambiguous = report
        .files
        .iter()
        .filter(|f| f.verdict == FileVerdict::Ambiguous);
    assert_eq!(ambiguous.count(), 1);
}

#[test]
fn a_loose_file_with_a_decomposed_name_is_paired() {
    let report = flat(|files| {
        let bytes = take(files, "caf\u{e9}.txt");
        files.push(("cafe\u{301}.txt".into(), bytes));
    });
    assert_eq!(verdict(&report), ("authentic", None));
}

#[test]
fn a_loose_file_whose_name_is_unique_and_bytes_differ_is_altered() {
    let report = flat(|files| {
        let mut bytes = take(files, WEIGHTS);
        bytes[6 * MIB] ^= 1;
        files.push((WEIGHTS.into(), bytes));
    });
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert_eq!(file(&report, WEIGHTS).tensors, ["layer"]);
}

#[test]
fn loose_files_under_each_others_names_are_swapped() {
    let report = flat(|files| {
        let (readme, cafe) = (take(files, "README.md"), take(files, "caf\u{e9}.txt"));
        files.extend([("README.md".into(), cafe), ("caf\u{e9}.txt".into(), readme)]);
    });
    assert_eq!(verdict(&report), ("mismatch", Some("swapped")));
}

#[test]
fn a_loose_file_under_another_name_is_recognised_by_its_bytes() {
    let report = flat(|files| {
        let bytes = take(files, WEIGHTS);
        files.push(("model (1).safetensors".into(), bytes));
    });
    assert_eq!(verdict(&report), ("authentic", None));
    assert!(file(&report, WEIGHTS).detail.contains("model (1).safetensors"));
}

#[test]
fn a_missing_loose_file_is_incomplete_and_code_beside_them_is_extra() {
    assert_eq!(
        verdict(&flat(|files| drop(take(files, "README.md")))),
        ("incomplete", None)
    );
    let report = flat(|files| files.push(("modeling_x.py".into(), b"import os".to_vec())));
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
}

#[test]
fn a_single_file_is_judged_alone() {
    let report = single(WEIGHTS, bytes_of(WEIGHTS));
    assert_eq!(verdict(&report), ("authentic", None));
    assert!(
        report.summary.contains("the record lists 5 more"),
        "{}",
        report.summary
    );
    assert_eq!(super::check(&report, "complete"), None);
    let report = single("download.bin", bytes_of(WEIGHTS));
    assert_eq!(
        verdict(&report),
        ("authentic", None),
        "a cache names it otherwise"
    );
}

#[test]
fn a_single_file_that_was_changed_and_renamed_is_recognised() {
    let mut bytes = bytes_of(WEIGHTS);
    bytes[6 * MIB] ^= 1;
    let report = single("model (1).safetensors", bytes.clone());
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert_eq!(file(&report, WEIGHTS).tensors, ["layer"]);
    // The first chunk differs: the tensor index of its header still tells which file it is.
    bytes[MIB] ^= 1;
    assert_eq!(
        verdict(&single("model (1).safetensors", bytes)),
        ("mismatch", Some("altered"))
    );
}

#[test]
fn a_single_file_of_another_model_is_unknown_and_no_extra() {
    let report = single("other.safetensors", b"not these weights".to_vec());
    assert_eq!(verdict(&report), ("unknown", None));
}

#[test]
fn a_single_file_that_could_be_two_and_is_neither_is_unknown() {
    let report = single("config.json", b"{}".to_vec());
    assert_eq!(verdict(&report), ("unknown", None));
    assert_eq!(
        report
            .files
            .iter()
            .filter(|f| f.verdict == FileVerdict::Ambiguous)
            .count(),
        1
    );
    let report = single("config.json", bytes_of("tokenizer/config.json"));
    assert_eq!(verdict(&report), ("authentic", None));
}
