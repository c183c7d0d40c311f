//! Reads the files to check: which of them, how deep, and what is told meanwhile. What the digests mean is
//! `provenance`'s.

use std::{collections::BTreeSet, path::Path};

use provenance::{
    tensor::Format,
    verify::{Bytes, OwnHeader, Scope, SeenFile, to_read},
};

use crate::{
    also::Candidate,
    args::VerifyArgs,
    failure::chain,
    hashing::{Depth, HashedFile, hash_each, thread_count},
    header::{read_layout, sniff},
    output::{self, Output},
    progress::Progress,
    source::{HashError, Source},
    walk::{Found, Walk},
};

/// Hashes the files that any of the records lists, or that may be one under another name; others are only named. What was
/// read before is not read again.
pub(crate) fn observe(
    output: Output,
    args: &VerifyArgs,
    found: &Walk,
    candidates: &[Candidate],
    before: Vec<SeenFile>,
) -> Vec<SeenFile> {
    let manifests: Vec<_> = candidates
        .iter()
        .filter_map(|candidate| candidate.opened.manifest())
        .collect();
    let names = found.files.iter();
    let names: Vec<_> = names
        .map(|file| (file.path.as_str(), file.source.stamp.size))
        .collect();
    let to_read = to_read(found.scope, &manifests, &names);
    let mut files: Vec<SeenFile> = before;
    files.retain(|file| !matches!(file.bytes, Bytes::NotRead));
    let known: BTreeSet<String> = files.iter().map(|file| file.path.clone()).collect();
    let (mut read, mut passed) = (Vec::new(), Vec::new());
    for (file, to_read) in found.files.iter().zip(to_read) {
        if !known.contains(&file.path) {
            if to_read { &mut read } else { &mut passed }.push(file);
        }
    }
    if manifests.is_empty() {
        // No record that lists files: there is nothing to hash against.
        return found
            .files
            .iter()
            .map(|file| seen(file, Bytes::NotRead))
            .collect();
    }
    files.extend(passed.into_iter().map(|file| seen(file, Bytes::NotRead)));
    if read.is_empty() {
        return files;
    }
    let sources: Vec<Source> = read.iter().map(|file| file.source.clone()).collect();
    let total = sources.iter().map(|source| source.stamp.size).sum();
    announce(output, &args.path, &sources, total, candidates);
    let progress = Progress::new(total, output.wants_progress());
    let depth = if args.full {
        Depth::ChunksAndWhole
    } else {
        Depth::Chunks
    };
    let hashed = hash_each(&sources, depth, thread_count(), &|n| progress.add(n));
    drop(progress);
    for (file, hashed) in read.into_iter().zip(hashed) {
        let bytes = hashed.and_then(|hashed| with_header(file, hashed, found.scope));
        files.push(seen(
            file,
            bytes.unwrap_or_else(|error| Bytes::Unreadable(chain(&error))),
        ));
    }
    files
}

/// Names the first of the candidates: the one that is judged, unless another turns out to match better.
fn announce(output: Output, path: &Path, sources: &[Source], total: u64, candidates: &[Candidate]) {
    let Some(first) = candidates.first() else { return };
    let mut against = format!("record {}", first.opened.id().digest().short());
    if candidates.len() > 1 {
        against = format!("{against} (1 of {} that may fit)", candidates.len());
    }
    output.note(format!(
        "checking {}  ({}, {})  against {against}",
        path.display(),
        output::count(sources.len(), "file"),
        output::bytes(total)
    ));
}

fn seen(file: &Found, bytes: Bytes) -> SeenFile {
    SeenFile {
        path: file.path.clone(),
        size: file.source.stamp.size,
        bytes,
    }
}

/// Adds what the file's own header says. Outside of folders that keep names a file may have any, as in caches that name
/// files by their digest; its header is read whatever it is called.
fn with_header(file: &Found, hashed: HashedFile, scope: Scope) -> Result<Bytes, HashError> {
    let HashedFile { chunks, sha256 } = hashed;
    let header = if scope != Scope::Folder || Format::of_name(&file.path).is_some() {
        OwnHeader::from(read_layout(&file.source)?.map(|layout| layout.index))
    } else {
        OwnHeader::Absent
    };
    Ok(Bytes::Hashed {
        chunks,
        sha256,
        header,
        junk: sniff(&file.source)?,
    })
}
