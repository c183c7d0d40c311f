//! A folder must be whole and hold nothing else that a loader might run.

use std::collections::BTreeMap;

use provenance::{
    trust::TrustFile,
    verify::{FileVerdict, Report},
};

use super::{
    check,
    disk::{Disk, MIB, WEIGHTS},
    file, verdict,
    world::World,
};

fn judged(trust: impl Fn(&World) -> Option<TrustFile>, change: impl FnOnce(&mut Disk)) -> Report {
    let world = World::honest();
    let mut disk = world.disk.clone();
    change(&mut disk);
    let trust = trust(&world);
    world.open_with(trust.as_ref()).judge(&disk.seen(&world.disk))
}

fn pinned(change: impl FnOnce(&mut Disk)) -> Report {
    judged(|world| Some(world.trust_file(true)), change)
}

fn not_pinned(change: impl FnOnce(&mut Disk)) -> Report {
    judged(|world| Some(world.trust_file(false)), change)
}

#[test]
fn a_whole_folder_of_a_pinned_publisher_is_authentic() {
    let report = pinned(|_| {});
    assert_eq!(verdict(&report), ("authentic", None));
    let made = [
        "record-id",
        "statement",
        "entry",
        "log-signature",
        "inclusion",
        "state",
        "keyset",
        "withdrawals",
        "signatures",
        "publisher",
        "bytes",
        "complete",
        "extras",
    ];
    for name in made {
        assert_eq!(check(&report, name), Some(true), "{name}");
    }
    let identity = report.identity.unwrap();
    assert!(identity.pinned);
    assert_eq!(identity.signers[0].holder, "alice");
    assert!(report.files.iter().all(|f| f.verdict == FileVerdict::Match));
    assert!(
        report.summary.contains("No witness confirms this view"),
        "{}",
        report.summary
    );
}

#[test]
fn without_a_pin_the_same_folder_is_untrusted_and_the_genesis_is_named() {
    let report = not_pinned(|_| {});
    assert_eq!(
        (verdict(&report), check(&report, "publisher")),
        (("untrusted", None), None)
    );
    assert!(
        report
            .next
            .unwrap()
            .contains(&report.identity.unwrap().genesis.to_string())
    );
}

#[test]
fn a_pin_with_another_genesis_is_untrusted_and_nobody_is_told_to_trust_it() {
    let report = judged(
        |world| {
            let other = provenance::RecordId::of_payload(b"another genesis");
            Some(
                world
                    .trust_file(false)
                    .pin(&"acme.example".parse().unwrap(), other)
                    .unwrap(),
            )
        },
        |_| {},
    );
    assert_eq!(
        (verdict(&report), check(&report, "publisher")),
        (("untrusted", None), Some(false))
    );
    assert!(
        !report.next.unwrap_or_default().contains("publisher trust"),
        "a name with two geneses is a warning"
    );
}

#[test]
fn without_a_trust_file_nothing_is_green() {
    let report = judged(|_| None, |_| {});
    assert_eq!(verdict(&report), ("untrusted", Some("no-log")));
    assert_eq!(report.headline, "The bytes match a record that is not proved yet");
    assert!(
        report.summary.starts_with("All ") && report.summary.contains(" files equal the record"),
        "{}",
        report.summary
    );
    assert_eq!(check(&report, "log-signature"), None);
    assert!(report.identity.is_none() && report.log.is_none());
}

#[test]
fn a_missing_file_is_incomplete() {
    let report = pinned(|disk| drop(disk.files.remove("config.json")));
    assert_eq!(
        (verdict(&report), check(&report, "complete")),
        (("incomplete", None), Some(false))
    );
    assert_eq!(file(&report, "config.json").verdict, FileVerdict::Missing);
}

#[test]
fn a_change_outweighs_a_missing_file() {
    let report = pinned(|disk| {
        disk.files.remove("config.json");
        disk.bytes(WEIGHTS)[6 * MIB] ^= 1;
    });
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
}

#[test]
fn an_extra_file_that_a_loader_might_run_is_a_mismatch() {
    for name in [
        "modeling_x.py",
        "sub/x.pkl",
        "pytorch_model.bin",
        "tokenizer.model",
        "bad\\name",
    ] {
        let report = pinned(|disk| disk.put(name, b"import os"));
        assert_eq!(
            (verdict(&report), check(&report, "extras")),
            (("mismatch", Some("extra")), Some(false)),
            "{name}"
        );
        assert!(file(&report, name).could_be_loaded);
    }
}

#[test]
fn an_extra_file_is_accepted_on_request() {
    let report = pinned(|disk| {
        disk.put("modeling_x.py", b"import os");
        disk.allow_extra = true;
    });
    assert_eq!(
        (verdict(&report), check(&report, "extras")),
        (("authentic", None), Some(true))
    );
    assert_eq!(file(&report, "modeling_x.py").verdict, FileVerdict::Extra);
}

#[test]
fn an_extra_file_that_nothing_loads_is_listed_and_no_more() {
    let report = pinned(|disk| disk.put("NOTES.md", b"mine"));
    assert_eq!(
        (verdict(&report), check(&report, "extras")),
        (("authentic", None), Some(true))
    );
    assert!(!file(&report, "NOTES.md").could_be_loaded);
}

#[test]
fn an_extra_text_with_a_decomposed_name_is_not_taken_for_code() {
    let report = pinned(|disk| disk.put("re\u{301}sume\u{301}.md", b"mine"));
    assert_eq!(verdict(&report), ("authentic", None));
}

#[test]
fn the_words_about_an_extra_file_do_not_hide_a_missing_one() {
    let report = pinned(|disk| {
        disk.files.remove("config.json");
        disk.put("modeling_x.py", b"import os");
    });
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
    assert!(
        !report.summary.contains("Every listed file matches"),
        "{}",
        report.summary
    );
}

#[test]
fn a_file_in_the_wrong_folder_is_extra_there_and_missing_here() {
    let report = pinned(|disk| {
        disk.files.retain(|path, _| !path.starts_with("tokenizer/"));
        disk.put("caf\u{e9}.txt", b"other");
    });
    let found = file(&report, "caf\u{e9}.txt").verdict;
    assert_eq!(found, FileVerdict::Extra, "in a folder every path is known");
}

#[test]
fn ignored_files_are_silent_at_the_top_only() {
    let names = [
        ".DS_Store",
        ".git/config",
        ".gitattributes",
        ".cache/huggingface/x.json",
        "model.sig",
        "m.weighbridge",
    ];
    let report = pinned(|disk| names.iter().for_each(|name| disk.put(name, b"x")));
    assert_eq!(verdict(&report), ("authentic", None));
    assert_eq!(report.files.len(), 6, "{:?}", report.files);
    let report = pinned(|disk| disk.put("tokenizer/.cache/huggingface/x.json", b"x"));
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
}

#[test]
fn a_listed_file_is_compared_even_if_its_name_is_on_the_ignore_list() {
    let mut plan = super::world::Plan::default();
    plan.disk.put(".gitattributes", b"*.safetensors filter=lfs\n");
    let world = World::build(plan);
    let report = world.open().judge(&world.disk.seen(&world.disk));
    assert_eq!(verdict(&report), ("authentic", None));
}

#[test]
fn a_decomposed_name_is_the_same_file() {
    let report = pinned(|disk| disk.rename("tokenizer/caf\u{e9}.txt", "tokenizer/cafe\u{301}.txt"));
    assert_eq!(verdict(&report), ("authentic", None));
}

#[test]
fn both_spellings_of_one_name_are_never_green() {
    let report = pinned(|disk| disk.put("tokenizer/cafe\u{301}.txt", b"other"));
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
    assert!(
        report
            .files
            .iter()
            .all(|file| file.verdict != FileVerdict::Missing)
    );
}

#[test]
fn a_renamed_file_is_to_be_renamed_back_and_not_removed() {
    let report = pinned(|disk| disk.rename(WEIGHTS, "pytorch.safetensors"));
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
    assert_eq!(
        file(&report, "pytorch.safetensors").same_as.as_deref(),
        Some(WEIGHTS)
    );
    assert!(
        report.summary.starts_with("pytorch.safetensors has the bytes of"),
        "{}",
        report.summary
    );
    assert!(report.next.unwrap().starts_with("Give the files the names"));
}

#[test]
fn an_unknown_file_is_told_before_a_renamed_one() {
    let report = pinned(|disk| {
        disk.rename("README.md", "README.txt");
        disk.put("evil.py", b"print()");
    });
    assert_eq!(verdict(&report), ("mismatch", Some("extra")));
    assert_eq!(file(&report, "README.txt").same_as.as_deref(), Some("README.md"));
    assert!(!report.summary.contains("README.txt"), "{}", report.summary);
    assert!(report.next.unwrap().starts_with("Remove the files"));
}

#[test]
fn a_name_that_no_loader_takes_is_told_and_nothing_is_to_be_downloaded() {
    let report = pinned(|disk| disk.rename(WEIGHTS, "model.bak"));
    assert_eq!(verdict(&report), ("incomplete", None));
    assert!(
        report.summary.contains(&format!("{WEIGHTS} as model.bak")),
        "{}",
        report.summary
    );
    assert!(report.next.unwrap().starts_with("Give the files the names"));

    let report = not_pinned(|disk| disk.rename(WEIGHTS, "pytorch.safetensors"));
    assert_eq!(verdict(&report), ("unknown", Some("near")));
    assert!(
        report.summary.contains("100.0% of the data equals")
            && report.summary.contains("; 1 file is under another name."),
        "{}",
        report.summary
    );
}

#[test]
fn each_of_two_equal_files_has_its_own_name_and_a_third_is_a_copy() {
    let mut listed = Disk::model();
    listed.put("a.bin", b"the same");
    listed.put("b.bin", b"the same");
    let mut disk = listed.clone();
    disk.rename("a.bin", "c.bin");
    disk.rename("b.bin", "d.bin");
    disk.put("e.bin", b"the same");
    let plan = super::world::Plan {
        disk: listed.clone(),
        ..super::world::Plan::default()
    };
    let report = World::build(plan).open().judge(&disk.seen(&listed));
    let mut same: Vec<_> = report
        .files
        .iter()
        .filter_map(|file| file.same_as.clone())
        .collect();
    same.sort();
    assert_eq!(same, ["a.bin", "b.bin"]);
    let copies = report
        .files
        .iter()
        .filter(|file| file.detail.starts_with("a copy of "));
    assert_eq!(copies.count(), 1);
}

#[test]
fn the_folder_above_is_told_and_nothing_in_it_is_read() {
    let above = |disk: &mut Disk| {
        let files = std::mem::take(&mut disk.files);
        disk.files = files
            .into_iter()
            .map(|(path, bytes)| (format!("model/{path}"), bytes))
            .collect();
    };
    let report = pinned(above);
    assert_eq!(verdict(&report), ("unknown", None));
    assert!(
        report.summary.contains("files of these names lie in model"),
        "{}",
        report.summary
    );
    assert_eq!(report.next.as_deref(), Some("Check the folder model by itself."));
}

#[test]
fn a_folder_with_nothing_of_the_record_is_unknown_even_with_files_to_load() {
    let report = pinned(|disk| {
        *disk = Disk {
            files: BTreeMap::new(),
            ..disk.clone()
        };
        disk.put("other.py", b"print()");
    });
    assert_eq!(verdict(&report), ("unknown", None));
}

#[test]
fn files_on_the_ignore_list_are_told() {
    let world = World::build(super::world::Plan::default());
    let mut seen = world.disk.seen(&world.disk);
    seen.ignored = 4;
    let report = world.open().judge(&seen);
    let extras = report.checks.iter().find(|check| check.name == "extras").unwrap();
    assert!(
        extras
            .detail
            .ends_with("4 on the fixed ignore list, not looked at"),
        "{}",
        extras.detail
    );
}

#[test]
fn a_difference_from_a_stranger_is_near_and_named_only_if_the_user_named_the_record() {
    let change = |disk: &mut Disk| disk.bytes(WEIGHTS)[6 * MIB] ^= 1;
    let report = not_pinned(change);
    assert_eq!(verdict(&report), ("unknown", Some("near")));
    assert!(
        report.summary.contains("69.") || report.summary.contains("69%"),
        "9 of 13 MiB: {}",
        report.summary
    );
    let report = not_pinned(|disk| {
        change(disk);
        disk.named = true;
    });
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    let report = judged(|_| None, change);
    assert_eq!(verdict(&report), ("unknown", Some("near")));
}

#[test]
fn a_folder_of_other_files_is_unknown() {
    let report = pinned(|disk| {
        disk.files.clear();
        disk.put("photo.png", b"png");
    });
    assert_eq!(verdict(&report), ("unknown", None));
    let report = pinned(|disk| disk.files.clear());
    assert_eq!(verdict(&report), ("unknown", None));
}

#[test]
fn a_report_says_what_it_does_not_prove_in_json_too() {
    let report = pinned(|disk| disk.bytes(WEIGHTS)[6 * MIB] ^= 1);
    assert!(report.not_proven.len() >= 3);
    let json = serde_json::to_string(&report).unwrap();
    assert!(
        json.contains(r#""verdict":"mismatch","subtype":"altered""#),
        "{json}"
    );
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(value["not_proven"], serde_json::json!(report.not_proven));
    let altered = report.files.iter().position(|file| file.path == WEIGHTS).unwrap();
    assert_eq!(value["files"][altered]["chunks"], serde_json::json!([1]));
}
