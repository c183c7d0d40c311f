//! What differs is named: file, byte range, chunk, tensor.

use provenance::{
    Sha256Digest,
    verify::{Bytes, Report},
};

use super::{
    check,
    disk::{CHUNK, Disk, MIB, WEIGHTS},
    file, verdict,
    world::{Plan, World},
};

/// The report of a client that pins the publisher and looks at the model after `change`.
fn after(change: impl FnOnce(&mut Disk)) -> Report {
    let world = World::honest();
    let mut disk = world.disk.clone();
    change(&mut disk);
    world.open().judge(&disk.seen(&world.disk))
}

#[test]
fn a_bit_flipped_in_the_middle_of_a_tensor_names_range_chunk_and_tensor() {
    let report = after(|disk| disk.bytes(WEIGHTS)[6 * MIB] ^= 1);
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    let weights = file(&report, WEIGHTS);
    let range = [CHUNK as u64, 2 * CHUNK as u64];
    assert_eq!(
        (weights.bytes, &weights.ranges[..], &weights.chunks[..]),
        (Some(range), &[range][..], &[1][..])
    );
    assert_eq!(weights.tensors, ["layer"]);
    assert_eq!(weights.tensor_details[0].dtype, "U8");
    assert_eq!(file(&report, "config.json").verdict.code(), "match");
    assert_eq!(check(&report, "bytes"), Some(false));
}

#[test]
fn a_bit_flipped_in_the_first_chunk_names_the_tensors_of_that_chunk() {
    let report = after(|disk| disk.bytes(WEIGHTS)[MIB / 2] ^= 1);
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    let weights = file(&report, WEIGHTS);
    assert_eq!(
        (weights.bytes, &weights.chunks[..]),
        (Some([0, CHUNK as u64]), &[0][..])
    );
    assert_eq!(weights.tensors, ["embed", "layer"]);
}

#[test]
fn a_header_that_was_changed_is_named_by_the_signed_index() {
    let report = after(|disk| disk.bytes(WEIGHTS)[8] = b'[');
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert_eq!(file(&report, WEIGHTS).tensors, ["embed", "layer"]);
}

#[test]
fn two_distant_changes_are_two_ranges() {
    let report = after(|disk| {
        disk.bytes(WEIGHTS)[5 * MIB] ^= 1;
        *disk.bytes(WEIGHTS).last_mut().unwrap() ^= 1;
    });
    let size = Disk::model().files[WEIGHTS].len() as u64;
    let weights = file(&report, WEIGHTS);
    assert_eq!(
        weights.ranges,
        [[CHUNK as u64, 2 * CHUNK as u64], [3 * CHUNK as u64, size]]
    );
    assert_eq!(weights.chunks, [1, 3]);
    assert_eq!(weights.tensors, ["layer", "head"]);
}

#[test]
fn a_file_cut_short_is_truncated_and_the_lost_tensors_are_named() {
    let report = after(|disk| disk.bytes(WEIGHTS).truncate(9 * MIB));
    assert_eq!(verdict(&report), ("mismatch", Some("truncated")));
    let weights = file(&report, WEIGHTS);
    assert_eq!((weights.size, &weights.chunks[..]), (9 * MIB as u64, &[2, 3][..]));
    assert_eq!(weights.tensors, ["layer", "head"]);
    assert!(
        weights.detail.contains("every whole chunk up to there matches"),
        "{}",
        weights.detail
    );
}

#[test]
fn a_file_cut_exactly_between_chunks_is_truncated() {
    let report = after(|disk| disk.bytes(WEIGHTS).truncate(2 * CHUNK));
    assert_eq!(verdict(&report), ("mismatch", Some("truncated")));
    assert_eq!(file(&report, WEIGHTS).chunks, [2, 3]);
}

#[test]
fn a_file_with_bytes_behind_its_end_is_padded() {
    for extra in [1, CHUNK] {
        let report = after(|disk| disk.bytes(WEIGHTS).extend(vec![0; extra]));
        assert_eq!(verdict(&report), ("mismatch", Some("padded")), "{extra}");
        assert!(file(&report, WEIGHTS).chunks.starts_with(&[3]), "{extra}");
    }
}

#[test]
fn a_short_file_that_was_changed_is_altered_not_cut() {
    let report = after(|disk| {
        disk.bytes(WEIGHTS).truncate(9 * MIB);
        disk.bytes(WEIGHTS)[5 * MIB] ^= 1;
    });
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert_eq!(file(&report, WEIGHTS).chunks, [1, 2, 3]);
}

#[test]
fn a_file_without_a_byte_is_empty() {
    let report = after(|disk| disk.bytes("config.json").clear());
    assert_eq!(verdict(&report), ("mismatch", Some("empty")));
    assert!(file(&report, "config.json").detail.contains("e3b0c442"));
}

#[test]
fn a_web_page_or_lfs_pointer_in_place_of_weights_is_said_to_be_one() {
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
    for (content, words) in [
        (&b"\n<!DOCTYPE HTML><title>404</title>"[..], "web page"),
        (pointer, "Git LFS pointer"),
    ] {
        let report = after(|disk| disk.put(WEIGHTS, content));
        assert_eq!(verdict(&report), ("mismatch", Some("not-weights")));
        assert!(file(&report, WEIGHTS).detail.contains(words));
    }
}

#[test]
fn two_files_under_each_others_names_are_swapped() {
    let report = after(|disk| disk.swap("config.json", "tokenizer/config.json"));
    assert_eq!(verdict(&report), ("mismatch", Some("swapped")));
    for (path, other) in [
        ("config.json", "tokenizer/config.json"),
        ("tokenizer/config.json", "config.json"),
    ] {
        assert_eq!(file(&report, path).verdict.code(), "swapped");
        assert!(file(&report, path).detail.contains(other));
    }
}

#[test]
fn a_missing_sidecar_costs_the_place_and_not_the_verdict() {
    let world = World::honest();
    let mut disk = world.disk.clone();
    disk.bytes(WEIGHTS)[6 * MIB] ^= 1;
    let mut seen = disk.seen(&world.disk);
    seen.sidecars.clear();
    let report = world.open().judge(&seen);
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    let weights = file(&report, WEIGHTS);
    assert!(weights.bytes.is_none() && weights.chunks.is_empty() && weights.tensors.is_empty());
}

#[test]
fn a_sidecar_that_is_not_the_signed_one_is_ignored() {
    let world = World::honest();
    let mut disk = world.disk.clone();
    disk.bytes(WEIGHTS)[6 * MIB] ^= 1;
    let mut seen = disk.seen(&world.disk);
    // The registry blames the wrong chunk and names a tensor that was never there.
    let manifest = world.manifest();
    let listed = manifest.file(WEIGHTS).unwrap();
    let mut list = seen.sidecars[&listed.chunks].clone();
    list[0] ^= 1;
    let index = br#"[{"name":"lie","dtype":"U8","shape":[9],"begin":0,"end":9000000}]"#.to_vec();
    seen.sidecars.insert(listed.chunks, list);
    seen.sidecars.insert(listed.tensors.unwrap(), index);
    let report = world.open().judge(&seen);
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert!(file(&report, WEIGHTS).chunks.is_empty() && file(&report, WEIGHTS).tensors.is_empty());
}

#[test]
fn a_file_that_cannot_be_read_is_not_judged() {
    let world = World::honest();
    for bytes in [Bytes::Unreadable("permission denied".into()), Bytes::NotRead] {
        let mut seen = world.disk.seen(&world.disk);
        seen.files[0].bytes = bytes;
        let report = world.open().judge(&seen);
        assert_eq!(verdict(&report), ("unreadable", None));
        assert_eq!(check(&report, "bytes"), Some(false));
    }
}

#[test]
fn whole_digests_are_ticked_only_when_this_run_computed_them() {
    let report = after(|disk| disk.full = true);
    assert_eq!(
        (verdict(&report), check(&report, "file-digests")),
        (("authentic", None), Some(true))
    );
    let report = after(|_| {});
    assert_eq!(
        (verdict(&report), check(&report, "file-digests")),
        (("authentic", None), None)
    );
}

#[test]
fn a_file_equal_in_every_chunk_but_not_in_the_signed_digest_is_the_records_fault() {
    let world = World::honest();
    let mut disk = world.disk.clone();
    disk.full = true;
    let mut seen = disk.seen(&world.disk);
    for file in &mut seen.files {
        if let Bytes::Hashed { sha256, .. } = &mut file.bytes {
            *sha256 = Some(Sha256Digest::of(b"not these bytes"));
        }
    }
    assert_eq!(verdict(&world.open().judge(&seen)), ("log-fault", Some("record")));
}

#[test]
fn a_file_that_only_reads_like_safetensors_is_altered_and_no_fault_of_the_record() {
    let mut plan = Plan::default();
    plan.disk.rename(WEIGHTS, "weights.bin");
    let world = World::build(plan);
    let mut disk = world.disk.clone();
    assert_eq!(
        verdict(&world.open().judge(&disk.seen(&world.disk))),
        ("authentic", None)
    );
    disk.bytes("weights.bin")[6 * MIB] ^= 1;
    let report = world.open().judge(&disk.seen(&world.disk));
    assert_eq!(verdict(&report), ("mismatch", Some("altered")));
    assert_eq!(file(&report, "weights.bin").chunks, [1]);
}
