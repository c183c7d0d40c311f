//! How the files of a plan are cut into jobs for several workers.
//!
//! Chunks hash independently, so a large file is split by ranges of chunks and all workers share it. The whole
//! file's own SHA-256 cannot be split: with it, a file is one job.

use provenance::chunk::chunk_count;
use verifier_wasm::protocol::Span;

/// Most chunks in one job: 256 MiB, about half a second of work, so that the last job keeps nobody waiting long.
const MAX_JOB_CHUNKS: u64 = 64;

/// Fewest chunks for which splitting pays: 16 MiB, about the time it takes to open a stream a few times over.
const MIN_JOB_CHUNKS: u64 = 4;

/// One piece of work: a run of chunks of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Job {
    /// Index of the file in the plan.
    pub(crate) file: usize,
    /// What to hash of it.
    pub(crate) span: Span,
}

/// Number of workers: as many as the machine has cores, at least 1 and at most 6.
pub(crate) fn worker_count(cores: f64) -> usize {
    match cores {
        c if c >= 6.0 => 6,
        c if c >= 5.0 => 5,
        c if c >= 4.0 => 4,
        c if c >= 3.0 => 3,
        c if c >= 2.0 => 2,
        _ => 1,
    }
}

/// Cuts files, given as (index, size), into jobs in the order given. Every file has at least one job, an empty
/// one too, so that its end is seen.
pub(crate) fn jobs(files: &[(usize, u64)], workers: usize, whole: bool) -> Vec<Job> {
    let total = files
        .iter()
        .fold(0_u64, |sum, (_, size)| sum.saturating_add(chunk_count(*size)));
    let share = (total / (workers.max(1) as u64 * 4)).clamp(MIN_JOB_CHUNKS, MAX_JOB_CHUNKS);
    let mut jobs = Vec::new();
    for &(file, file_size) in files {
        let chunks = chunk_count(file_size);
        let step = if whole { chunks } else { share }.max(1);
        let mut first_chunk = 0;
        loop {
            let span = Span {
                first_chunk,
                chunks: step.min(chunks - first_chunk),
                file_size,
            };
            jobs.push(Job { file, span });
            first_chunk += span.chunks;
            if first_chunk >= chunks {
                break;
            }
        }
    }
    jobs
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    #[test]
    fn every_chunk_is_in_exactly_one_job() {
        let files = [(0, 1024 * MIB), (1, 90_868_376), (2, 5), (3, 0)];
        for workers in [1, 2, 6] {
            for whole in [false, true] {
                let jobs = jobs(&files, workers, whole);
                for (file, size) in files {
                    let mut next = 0;
                    for job in jobs.iter().filter(|j| j.file == file) {
                        assert_eq!((job.span.first_chunk, job.span.file_size), (next, size));
                        next += job.span.chunks;
                    }
                    assert_eq!(next, chunk_count(size));
                }
            }
        }
    }

    #[test]
    fn one_large_file_keeps_every_worker_busy() {
        assert!(jobs(&[(0, 90_868_376)], 2, false).len() >= 4);
        assert!(
            jobs(&[(0, 100 << 30)], 6, false)
                .iter()
                .all(|j| j.span.chunks <= MAX_JOB_CHUNKS)
        );
    }

    #[test]
    fn a_whole_file_digest_keeps_the_file_in_one_job() {
        assert_eq!(jobs(&[(0, 100 << 30)], 6, true).len(), 1);
    }

    #[test]
    fn an_empty_file_still_has_a_job() {
        assert_eq!(jobs(&[(9, 0)], 2, false).len(), 1);
    }

    #[test]
    fn workers_follow_the_cores_within_bounds() {
        for (cores, workers) in [
            (f64::NAN, 1),
            (0.0, 1),
            (1.0, 1),
            (2.0, 2),
            (4.0, 4),
            (8.0, 6),
            (128.0, 6),
        ] {
            assert_eq!(worker_count(cores), workers, "{cores}");
        }
    }
}
