//! What a difference looks like: the sidecars that locate it, and the digests expected and found.
//!
//! A hash cannot tell accident from attack. Chunks of zeros are pointed out because that is what interrupted
//! downloads leave behind; no verdict depends on it.

use std::collections::BTreeMap;

use provenance::{
    Sha256Digest, Sha256Hasher,
    chunk::{ChunkList, chunk_count, chunk_range},
    manifest::{Manifest, ManifestFile},
    tensor::{MAX_INDEX_BYTES, TensorIndex},
    verify::{Bytes, FileReport, FileVerdict, Observation, Report},
};

use crate::failure::Failure;

/// What was found in the changed files, by their listed path.
#[derive(Debug, Default)]
pub(crate) struct Evidence(BTreeMap<String, Difference>);

/// One changed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Difference {
    /// The first differing chunk, from 0.
    pub(crate) chunk: u64,
    /// Its signed digest; none past the end of the listed file.
    pub(crate) expected: Option<Sha256Digest>,
    /// Its digest here; none past the end of the file found.
    pub(crate) found: Option<Sha256Digest>,
    /// Differing chunks that hold nothing but zeros.
    pub(crate) zero_chunks: usize,
    /// Whether a differing chunk holds bytes of the header, by the signed tensor index.
    pub(crate) header: bool,
}

impl Evidence {
    /// Collects what the sidecars and the digests found tell of each changed file in `report`.
    pub(crate) fn of(report: &Report, manifest: &Manifest, seen: &Observation) -> Self {
        let changed = report.files.iter().filter(|file| !file.chunks.is_empty());
        let one = |file: &FileReport| {
            let difference = difference(file, manifest.file(&file.path)?, seen)?;
            Some((file.path.clone(), difference))
        };
        Self(changed.filter_map(one).collect())
    }

    /// What was found in the file listed as `path`.
    pub(crate) fn in_file(&self, path: &str) -> Option<&Difference> {
        self.0.get(path)
    }
}

fn difference(file: &FileReport, listed: &ManifestFile, seen: &Observation) -> Option<Difference> {
    let found = seen
        .files
        .iter()
        .find(|found| found.path == file.path || seen.files.len() == 1)?;
    let Bytes::Hashed { chunks, .. } = &found.bytes else {
        return None;
    };
    let sidecar = seen
        .sidecars
        .get(&listed.chunks)
        .filter(|bytes| Sha256Digest::of(bytes) == listed.chunks)?;
    let expected = ChunkList::from_bytes(sidecar, listed.size).ok()?;
    let chunk = *file.chunks.first()?;
    let at = usize::try_from(chunk).ok()?;
    let mut zeros = ZeroDigests::default();
    let is_zero = |chunk: &&u64| {
        let range = chunk_range(**chunk, found.size);
        let digest = usize::try_from(**chunk)
            .ok()
            .and_then(|at| chunks.digests().get(at));
        digest.is_some_and(|digest| *digest == zeros.of_length(range.end - range.start))
    };
    Some(Difference {
        chunk,
        expected: expected.digests().get(at).copied(),
        found: chunks.digests().get(at).copied(),
        zero_chunks: file.chunks.iter().filter(is_zero).count(),
        header: touches_header(file, listed, seen),
    })
}

/// Whether the change may lie in the header. Of a truncated file everything up to the cut is taken to be as listed.
fn touches_header(file: &FileReport, listed: &ManifestFile, seen: &Observation) -> bool {
    let index = listed.tensors.and_then(|digest| {
        let sidecar = seen.sidecars.get(&digest)?;
        let is_signed = Sha256Digest::of(sidecar) == digest;
        TensorIndex::from_bytes(sidecar).ok().filter(|_| is_signed)
    });
    let first = match file.verdict {
        FileVerdict::Truncated => Some(file.size),
        _ => file.ranges.first().map(|range| range[0]),
    };
    // An index without tensors says nothing about where the header ends.
    let header = index.filter(|index| !index.tensors().is_empty());
    header
        .zip(first)
        .is_some_and(|(index, first)| first < index.data_begin())
}

/// Digests of runs of zeros; a file has chunks of at most two lengths.
#[derive(Default)]
struct ZeroDigests(BTreeMap<u64, Sha256Digest>);

impl ZeroDigests {
    fn of_length(&mut self, length: u64) -> Sha256Digest {
        *self.0.entry(length).or_insert_with(|| {
            let zeros = [0; 8 << 10];
            let mut hasher = Sha256Hasher::new();
            let mut left = length;
            while left > 0 {
                let now = left.min(zeros.len() as u64);
                hasher.update(&zeros[..usize::try_from(now).expect("at most 8 KiB")]);
                left -= now;
            }
            hasher.finish()
        })
    }
}

/// Gets a sidecar of at most so many bytes.
pub(crate) type GetSidecar<'a> = dyn Fn(&Sha256Digest, u64) -> Result<Vec<u8>, Failure> + 'a;

/// Gets the sidecars of the changed files with `get` into `into`. Gives what went wrong: without
/// its sidecar a difference is still a difference, only its place is not known.
pub(crate) fn get_sidecars(
    get: &GetSidecar<'_>,
    manifest: &Manifest,
    report: &Report,
    into: &mut BTreeMap<Sha256Digest, Vec<u8>>,
) -> Vec<Failure> {
    let mut missed = Vec::new();
    for changed in report.files.iter().filter(|file| file.verdict.is_difference()) {
        let Some(file) = manifest.file(&changed.path) else {
            continue;
        };
        let count = chunk_count(file.size);
        if count == 1 {
            // The list of one chunk is its digest, which the record states.
            into.insert(file.chunks, file.chunk0.as_bytes().to_vec());
        }
        let chunks = (file.chunks, count * Sha256Digest::LEN as u64);
        let tensors = file.tensors.map(|digest| (digest, MAX_INDEX_BYTES as u64));
        for (digest, limit) in [Some(chunks), tensors].into_iter().flatten() {
            if digest == Sha256Digest::OF_NOTHING || into.contains_key(&digest) {
                continue;
            }
            // Its digest is checked where it is used.
            match get(&digest, limit) {
                Ok(bytes) => drop(into.insert(digest, bytes)),
                Err(failure) => missed.push(failure),
            }
        }
    }
    missed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zeros_are_hashed_in_pieces_as_in_one() {
        for length in [0, 1, 8191, 8192, 8193, 4 << 20] {
            let zeros = vec![0; usize::try_from(length).unwrap()];
            assert_eq!(ZeroDigests::default().of_length(length), Sha256Digest::of(&zeros));
        }
    }
}
