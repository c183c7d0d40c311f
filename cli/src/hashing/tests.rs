//! The engine against the plain way: everything in memory, one piece after the other.

use std::{
    fs::File,
    io,
    sync::atomic::{AtomicU64, Ordering},
};

use provenance::Sha256Digest;

use super::*;
use crate::source::{first_chunk, source_at};

/// Bytes without a period that a chunk border could hide.
fn bytes(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut out = Vec::with_capacity(length + 8);
    while out.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        out.extend_from_slice(&state.to_le_bytes());
    }
    out.truncate(length);
    out
}

/// The plain way: everything in memory, one piece after the other.
fn oracle(data: &[u8]) -> HashedFile {
    let chunks = data.chunks(4_194_304).map(Sha256Digest::of).collect();
    HashedFile {
        chunks: ChunkList::new(chunks),
        sha256: Some(Sha256Digest::of(data)),
    }
}

fn write(folder: &tempfile::TempDir, name: &str, data: &[u8]) -> Source {
    let path = folder.path().join(name);
    std::fs::write(&path, data).unwrap();
    source_at(&path).unwrap()
}

#[test]
fn agrees_with_the_plain_way_at_every_chunk_edge() {
    let folder = tempfile::tempdir().unwrap();
    let sizes = [
        0, 1, 262_143, 262_145, 4_194_303, 4_194_304, 4_194_305, 8_388_608, 8_388_609, 30_000_001,
    ];
    let data: Vec<_> = sizes.iter().map(|&size| bytes(size, size as u64 + 3)).collect();
    let sources: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(i, d)| write(&folder, &i.to_string(), d))
        .collect();
    for threads in [1, 2, 3, 7] {
        let seen = AtomicU64::new(0);
        let add = |n: u64| {
            seen.fetch_add(n, Ordering::Relaxed);
        };
        let full = hash_files(&sources, Depth::ChunksAndWhole, threads, &add).unwrap();
        let chunks = hash_files(&sources, Depth::Chunks, threads, &|_| ()).unwrap();
        assert_eq!(seen.into_inner(), sizes.iter().sum::<usize>() as u64);
        for (i, data) in data.iter().enumerate() {
            let wanted = oracle(data);
            assert_eq!(full[i], wanted, "size {} on {threads} threads", data.len());
            assert_eq!(
                chunks[i],
                HashedFile {
                    sha256: None,
                    ..wanted
                },
                "size {}",
                data.len()
            );
        }
    }
}

#[test]
fn many_small_files_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<_> = (0..300).map(|i| bytes(i * 17, i as u64)).collect();
    let sources: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(i, d)| write(&folder, &i.to_string(), d))
        .collect();
    let hashed = hash_files(&sources, Depth::ChunksAndWhole, 4, &|_| ()).unwrap();
    assert_eq!(hashed, data.iter().map(|d| oracle(d)).collect::<Vec<_>>());
}

#[test]
fn first_chunk_is_the_first_of_the_list() {
    let folder = tempfile::tempdir().unwrap();
    for size in [0, 5, 4_194_304, 4_194_309] {
        let data = bytes(size, 9);
        assert_eq!(
            first_chunk(&write(&folder, "f", &data)).unwrap(),
            oracle(&data).chunks.chunk0()
        );
    }
}

#[test]
fn a_file_that_changed_since_it_was_found_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    for size in [10, 9_000_000] {
        let source = write(&folder, "model.bin", &bytes(size, 1));
        std::fs::write(&source.path, bytes(size - 1, 1)).unwrap();
        for depth in [Depth::Chunks, Depth::ChunksAndWhole] {
            let error = hash_files(std::slice::from_ref(&source), depth, 2, &|_| ()).unwrap_err();
            assert!(
                matches!(&error, HashError::Changed { path } if *path == source.path),
                "{error}"
            );
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = write(&folder, "model.bin", &bytes(9_000_000, 1));
    let path = source.path.clone();
    let once = std::sync::Once::new();
    let grow = |_| {
        once.call_once(|| {
            let mut file = File::options().append(true).open(&path).unwrap();
            io::Write::write_all(&mut file, b"x").unwrap();
        });
    };
    let error = hash_files(std::slice::from_ref(&source), Depth::Chunks, 2, &grow).unwrap_err();
    assert!(matches!(error, HashError::Changed { .. }), "{error}");
}

#[test]
fn one_missing_file_stops_the_run_and_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let mut sources: Vec<_> = (0..5)
        .map(|i| write(&folder, &i.to_string(), &bytes(5_000_000, i)))
        .collect();
    std::fs::remove_file(&sources[3].path).unwrap();
    let error = hash_files(&sources, Depth::ChunksAndWhole, 3, &|_| ()).unwrap_err();
    assert!(
        matches!(&error, HashError::Open { path, .. } if *path == sources[3].path),
        "{error}"
    );
    sources[3].stamp.size = MAX_FILE_BYTES + 1;
    let error = hash_files(&sources, Depth::Chunks, 3, &|_| ()).unwrap_err();
    assert!(matches!(error, HashError::TooLarge { .. }), "{error}");
}

#[test]
fn a_file_that_cannot_be_read_does_not_keep_the_others_from_being_hashed() {
    let folder = tempfile::tempdir().unwrap();
    let data: Vec<_> = (0..6).map(|i| bytes(13_000_000 + i, i as u64)).collect();
    let mut sources: Vec<_> = data
        .iter()
        .enumerate()
        .map(|(i, d)| write(&folder, &i.to_string(), d))
        .collect();
    std::fs::remove_file(&sources[0].path).unwrap();
    sources[2].stamp.size += 5;
    sources[4].stamp.size = MAX_FILE_BYTES + 1;
    for (depth, threads) in [
        (Depth::Chunks, 2),
        (Depth::ChunksAndWhole, 1),
        (Depth::ChunksAndWhole, 3),
    ] {
        let each = hash_each(&sources, depth, threads, &|_| ());
        assert!(matches!(each[0], Err(HashError::Open { .. })));
        assert!(matches!(each[2], Err(HashError::Changed { .. })));
        assert!(matches!(each[4], Err(HashError::TooLarge { .. })));
        for at in [1, 3, 5] {
            assert_eq!(each[at].as_ref().unwrap().chunks, oracle(&data[at]).chunks);
        }
    }
}

#[test]
fn a_read_that_fails_half_way_fails_only_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let data = bytes(40_000_000, 1);
    let cut = write(&folder, "cut", &data);
    let whole = write(&folder, "whole", &data);
    let once = std::sync::Once::new();
    let cut_path = cut.path.clone();
    // The file loses its tail once the first piece of it was read, while its other chunks are under way.
    let shorten = |_| {
        let cut_it = || File::options().write(true).open(&cut_path)?.set_len(9_000_000);
        once.call_once(|| cut_it().unwrap());
    };
    let each = hash_each(&[cut, whole], Depth::ChunksAndWhole, 3, &shorten);
    assert!(matches!(each[0], Err(HashError::Changed { .. })));
    assert_eq!(*each[1].as_ref().unwrap(), oracle(&data));
}

#[test]
fn no_file_at_all_is_no_work() {
    assert_eq!(
        hash_files(&[], Depth::ChunksAndWhole, 2, &|_| ()).unwrap(),
        Vec::new()
    );
}
