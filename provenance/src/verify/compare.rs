//! Comparing found files with listed ones: which bytes, chunks and tensors differ.

use std::ops::Range;

use super::{
    file_report::{FileReport, FileVerdict},
    junk::Junk,
    observation::{Bytes, Observation, OwnHeader, Scope, SeenFile},
    pair::Pairs,
    report::Check,
};
use crate::{
    chunk::{CHUNK_SIZE, ChunkList, chunk_count, chunk_range},
    digest::Sha256Digest,
    folder::claimed_digest,
    manifest::{Manifest, ManifestFile},
    order::sort_by,
    path::RelativePath,
    tensor::{Tensor, TensorIndex},
    unicode::nfc,
};

/// All files compared.
pub(super) struct Compared {
    pub(super) files: Vec<FileReport>,
    /// Why the record contradicts bytes that match it, if it does, as a check that failed.
    pub(super) record_fault: Option<Check>,
    /// Why a header could not be compared with its signed tensor index, if one could not.
    pub(super) unread_header: Option<String>,
    /// A matching file whose name claims another digest, if there is one.
    pub(super) wrong_name: Option<String>,
    /// Extra files that a loader might run or prefer.
    pub(super) loadable_extras: usize,
    /// Matching files whose whole digest this run computed.
    pub(super) whole_digests: usize,
}

impl Compared {
    /// Notes the first contradiction between the record and bytes that match it.
    fn contradicts(&mut self, check: &str, detail: String) {
        self.record_fault.get_or_insert(Check::failed(check, detail));
    }
}

/// Compares every pair, and lists what has no partner.
pub(super) fn compare(manifest: &Manifest, seen: &Observation, pairs: &Pairs) -> Compared {
    let listed = manifest.files();
    let mut by_content: Vec<&ManifestFile> = listed.iter().filter(|f| f.size > 0).collect();
    sort_by(&mut by_content, |a, b| {
        (a.size, a.chunks).cmp(&(b.size, b.chunks))
    });
    let mut out = Compared {
        files: Vec::new(),
        record_fault: None,
        unread_header: None,
        wrong_name: None,
        loadable_extras: 0,
        whole_digests: 0,
    };
    for &(l, f) in &pairs.matched {
        let (listed, found) = (&listed[l], &seen.files[f]);
        let report = compare_pair(listed, found, seen, &by_content, &mut out);
        out.files.push(report);
    }
    // A single file is judged alone: the record's other files are not missing, they were not given.
    let missing = if seen.scope == Scope::SingleFile {
        &[][..]
    } else {
        &pairs.missing
    };
    for &at in missing {
        let file = &listed[at];
        let mut report = plain(
            file.path.as_str(),
            FileVerdict::Missing,
            file.size,
            "listed, and not there",
        );
        report.listed_bytes = file.size;
        out.files.push(report);
    }
    for &at in &pairs.ambiguous {
        let SeenFile { path, size, .. } = &seen.files[at];
        let detail = match seen.scope {
            Scope::SingleFile => "is none of the files that this record lists",
            _ => {
                "several listed files have this name and none has these bytes; give the folder to tell them apart"
            }
        };
        out.files.push(plain(path, FileVerdict::Ambiguous, *size, detail));
    }
    for &at in &pairs.extra {
        let SeenFile { path, size, bytes } = &seen.files[at];
        let mut report = plain(path, FileVerdict::Extra, *size, "not on record");
        // A name that no manifest could list is suspect as well, and so is another spelling of a listed one.
        let composed = nfc(path);
        report.could_be_loaded = manifest.file(&composed).is_some()
            || composed
                .parse::<RelativePath>()
                .map_or(true, |p| p.could_be_loaded())
            || is_blob_of_weights(path, bytes);
        if report.could_be_loaded {
            report.detail = "not on record, and a loader might run or prefer it".into();
            out.loadable_extras += 1;
        }
        if let Ok(place) = pairs.renamed.binary_search_by(|(_, found)| found.cmp(&at)) {
            let listed = listed[pairs.renamed[place].0].path.to_string();
            report.detail = format!("has the bytes of {listed}; under this name it is not on record");
            report.same_as = Some(listed);
            report.same_bytes = *size;
        } else if let Bytes::Hashed { chunks, .. } = bytes
            && let Some(listed) = with_bytes(&by_content, *size, chunks)
        {
            report.detail = format!("a copy of {listed}; under this name it is not on record");
        }
        out.files.push(report);
    }
    sort_by(&mut out.files, |a, b| a.path.cmp(&b.path));
    out
}

/// Whether a file that a store names by its digest holds weights: which model loads them, its name does not say.
fn is_blob_of_weights(path: &str, bytes: &Bytes) -> bool {
    let weights = matches!(bytes, Bytes::Hashed { header, .. } if header.index().is_some());
    weights && claimed_digest(base_name(path)).is_some()
}

fn plain(path: &str, verdict: FileVerdict, size: u64, detail: &str) -> FileReport {
    FileReport {
        path: path.to_owned(),
        verdict,
        size,
        bytes: None,
        ranges: Vec::new(),
        chunks: Vec::new(),
        tensors: Vec::new(),
        tensor_details: Vec::new(),
        detail: detail.to_owned(),
        could_be_loaded: false,
        same_as: None,
        same_bytes: 0,
        listed_bytes: 0,
    }
}

fn compare_pair(
    listed: &ManifestFile,
    found: &SeenFile,
    seen: &Observation,
    by_content: &[&ManifestFile],
    out: &mut Compared,
) -> FileReport {
    let mut report = plain(
        listed.path.as_str(),
        FileVerdict::Match,
        found.size,
        "every chunk is as signed",
    );
    report.listed_bytes = listed.size;
    let (chunks, sha256, header, junk) = match &found.bytes {
        Bytes::Hashed {
            chunks,
            sha256,
            header,
            junk,
        } => (chunks, sha256, header, junk),
        Bytes::Unreadable(why) => {
            return FileReport {
                verdict: FileVerdict::Unreadable,
                detail: why.clone(),
                ..report
            };
        }
        Bytes::NotRead => {
            return FileReport {
                verdict: FileVerdict::Unreadable,
                detail: "was not read".into(),
                ..report
            };
        }
    };
    if found.size == listed.size && chunks.digest() == listed.chunks {
        report.same_bytes = listed.size;
        let path = &listed.path;
        if sha256.is_some_and(|s| s != listed.sha256) {
            let detail =
                format!("the record's SHA-256 of {path} is not that of the bytes whose chunks it signs");
            out.contradicts("listed-digests", detail);
        }
        if chunks.chunk0() != listed.chunk0 {
            let detail = format!(
                "the record's digest of the first chunk of {path} is not that of the bytes whose chunks it signs"
            );
            out.contradicts("listed-digests", detail);
        }
        check_index(listed, header, out);
        out.whole_digests += usize::from(sha256.is_some());
        if let Some(claimed) = claimed_digest(base_name(&found.path))
            && claimed != listed.sha256
        {
            out.wrong_name.get_or_insert(format!(
                "the name of {} says sha256:{claimed}, the bytes are sha256:{}",
                found.path, listed.sha256
            ));
        }
        if base_name(&found.path) != listed.path.base_name() {
            report.detail = format!(
                "every chunk is as signed; the file at hand is named {}",
                base_name(&found.path)
            );
        }
        return report;
    }
    let expected =
        sidecar(seen, listed.chunks).and_then(|bytes| ChunkList::from_bytes(bytes, listed.size).ok());
    if let Some(expected) = &expected {
        locate(&mut report, listed, found.size, chunks, expected);
        name_tensors(&mut report, listed, seen);
        let header_end = header.index().map(TensorIndex::data_begin);
        if header_end.is_some_and(|end| report.ranges.iter().all(|[from, _]| *from >= end)) {
            check_index(listed, header, out);
        }
    }
    report.verdict = classify(
        listed,
        found,
        chunks,
        expected.as_ref(),
        *junk,
        by_content,
        &mut report.detail,
    );
    report
}

/// The listed path with these bytes, if `by_content` has one.
fn with_bytes(by_content: &[&ManifestFile], size: u64, chunks: &ChunkList) -> Option<String> {
    let bytes = (size, chunks.digest());
    let at = by_content.binary_search_by(|listed| (listed.size, listed.chunks).cmp(&bytes));
    Some(by_content[at.ok()?].path.to_string())
}

/// Once the chunks of a header match, the index parsed from it must be the signed one. A header that is only newer
/// than this version says nothing against the record.
fn check_index(listed: &ManifestFile, own: &OwnHeader, out: &mut Compared) {
    let Some(signed) = listed.tensors else { return };
    if let OwnHeader::Unsupported(why) = own {
        out.unread_header.get_or_insert(format!(
            "the header of {} was not compared with its signed tensor index: {why}",
            listed.path
        ));
    } else if own.index().map(TensorIndex::digest) != Some(signed) {
        let path = &listed.path;
        let detail = format!("the signed tensor index of {path} is not that of the file's own header");
        out.contradicts("tensor-index", detail);
    }
}

/// Bytes of a sidecar, if they are the ones that the record signed.
fn sidecar(seen: &Observation, digest: Sha256Digest) -> Option<&[u8]> {
    let bytes: &[u8] = if digest == Sha256Digest::OF_NOTHING {
        &[]
    } else {
        seen.sidecars.get(&digest)?
    };
    (Sha256Digest::of(bytes) == digest).then_some(bytes)
}

/// Fills in the differing chunks and byte ranges.
fn locate(
    report: &mut FileReport,
    listed: &ManifestFile,
    found_size: u64,
    found: &ChunkList,
    expected: &ChunkList,
) {
    let longest = chunk_count(listed.size.max(found_size));
    let (mut start, mut ranges) = (None, Vec::new());
    for chunk in 0..=longest {
        let at = usize::try_from(chunk).unwrap_or(usize::MAX);
        let (have, want) = (found.digests().get(at), expected.digests().get(at));
        let differs = chunk < longest && have != want;
        if differs {
            report.chunks.push(chunk);
            start.get_or_insert(chunk * CHUNK_SIZE);
        } else {
            if let Some(from) = start.take() {
                ranges.push([from, (chunk * CHUNK_SIZE).min(listed.size.max(found_size))]);
            }
            if have.is_some() {
                let range = chunk_range(chunk, listed.size);
                report.same_bytes += range.end - range.start;
            }
        }
    }
    report.bytes = ranges.first().copied();
    report.ranges = ranges;
}

/// Fills in the tensors, from the signed index and never from the suspect header.
fn name_tensors(report: &mut FileReport, listed: &ManifestFile, seen: &Observation) {
    let bytes = listed.tensors.and_then(|digest| sidecar(seen, digest));
    let Some(index) = bytes.and_then(|bytes| TensorIndex::from_bytes(bytes).ok()) else {
        return;
    };
    // The ranges are in order and apart, so the first that ends behind a tensor's begin is the only one to look at.
    let touched = |t: &&Tensor| {
        let at = report.ranges.partition_point(|&[_, to]| to <= t.begin);
        let range = report.ranges.get(at);
        range.is_some_and(|&[from, to]| overlaps(t.begin..t.end, from..to))
    };
    report.tensor_details = index.tensors().iter().filter(touched).cloned().collect();
    report.tensors = report.tensor_details.iter().map(|t| t.name.clone()).collect();
}

/// Whether the two have a byte in common; an empty range has none with anything.
fn overlaps(a: Range<u64>, b: Range<u64>) -> bool {
    a.start.max(b.start) < a.end.min(b.end)
}

fn classify(
    listed: &ManifestFile,
    found: &SeenFile,
    chunks: &ChunkList,
    expected: Option<&ChunkList>,
    junk: Option<Junk>,
    by_content: &[&ManifestFile],
    detail: &mut String,
) -> FileVerdict {
    let junk = if found.size == 0 { Some(Junk::Empty) } else { junk };
    if let Some(junk) = junk {
        *detail = format!("{} Next: {}", junk.told(found.size), junk.next());
        return match junk {
            Junk::Empty => FileVerdict::Empty,
            _ => FileVerdict::NotWeights,
        };
    }
    if let Some(other) = with_bytes(by_content, found.size, chunks) {
        *detail = format!("has the bytes of {other}, another file of this record");
        return FileVerdict::Swapped;
    }
    let whole_chunks = usize::try_from(found.size.min(listed.size) / CHUNK_SIZE).unwrap_or(usize::MAX);
    let prefix_matches = expected.is_some_and(|e| {
        let (have, want) = (
            chunks.digests().get(..whole_chunks),
            e.digests().get(..whole_chunks),
        );
        have.is_some() && have == want && whole_chunks > 0
    });
    if found.size < listed.size {
        let upto = if prefix_matches {
            "; every whole chunk up to there matches"
        } else {
            ""
        };
        *detail = format!("stops at {} of {} bytes{upto}", found.size, listed.size);
        return if prefix_matches || expected.is_none() {
            FileVerdict::Truncated
        } else {
            truncated_or_altered(whole_chunks)
        };
    }
    if found.size > listed.size {
        *detail = format!(
            "has {} bytes, {} more than listed",
            found.size,
            found.size - listed.size
        );
        return if prefix_matches {
            FileVerdict::Padded
        } else {
            FileVerdict::Altered
        };
    }
    *detail = "has the listed size and other bytes".into();
    FileVerdict::Altered
}

/// A file cut within its first chunk cannot be told from one that was changed there; its size says truncated.
fn truncated_or_altered(whole_chunks: usize) -> FileVerdict {
    if whole_chunks == 0 {
        FileVerdict::Truncated
    } else {
        FileVerdict::Altered
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}
