//! One run: from chosen files to what the judge needs. Every step belongs to one run number, and what comes back
//! after the run has ended is dropped by the state itself.

use std::{collections::BTreeMap, rc::Rc};

use leptos::prelude::*;
use provenance::{
    Sha256Digest,
    manifest::Manifest,
    order::{positions, sort_by},
    verify::{Bytes, Junk, Observation, OwnHeader, SeenFile},
};
use web_sys::File;

use crate::{
    bundles::Named,
    evidence,
    plan::{Plan, PlanFile},
    progress::{Expected, Outcome, Progress, Row},
    schedule,
    sidecars::{self, Sidecars},
    verification::Verification,
    worker_pool::{Pool, WorkError},
};

/// Least time between two redraws of the progress, in milliseconds.
const REDRAW_MS: f64 = 80.0;

/// Starts as many workers as the machine has cores for.
pub(crate) fn start_pool() -> Rc<Pool> {
    let cores = window().navigator().hardware_concurrency();
    Rc::new(Pool::start(schedule::worker_count(cores)))
}

/// Milliseconds of the page's own clock.
pub(crate) fn clock_ms() -> f64 {
    window()
        .performance()
        .map_or(0.0, |performance| performance.now())
}

/// What the files are compared with while they are read.
pub(crate) struct Likely<'a> {
    /// Its files.
    pub(crate) manifest: &'a Manifest,
    /// The bundle that has its sidecars; none for the registry.
    pub(crate) from: Option<&'a Named>,
}

/// Hashes every file of `plan` that can be compared with one of `manifests`, and gives what the judge needs. `None` when
/// the run ended in between.
///
/// # Errors
/// [`WorkError`] when the workers themselves broke; a file that cannot be read is an outcome, not an error.
pub(crate) async fn observe(
    state: RwSignal<Verification>,
    run: u64,
    pool: &Rc<Pool>,
    plan: &Plan,
    handles: &[File],
    manifests: &[&Manifest],
    likely: Option<Likely<'_>>,
) -> Result<Option<Observation>, WorkError> {
    let read = plan.to_read(manifests);
    let Sidecars {
        bytes: sidecars,
        mut expected,
    } = match likely {
        Some(Likely { manifest, from }) => sidecars::fetch(manifest, plan, from).await,
        None => Sidecars::default(),
    };
    let rows = plan.files.iter().enumerate().map(|(at, file)| {
        let expected = expected.get_mut(at).and_then(Option::take);
        let expected = expected.or_else(|| read[at].then(Expected::default));
        Row::new(provenance::path::visible(&file.path), file.size, expected)
    });
    let progress = Progress::new(rows.collect());
    let whole = state.with_untracked(|state| state.whole);
    state.update(|state| state.hash(run, progress));

    let sizes = |at: usize| plan.files[at].size;
    let largest_first = positions(plan.files.len(), &|a, b| sizes(b).cmp(&sizes(a)));
    let files: Vec<(usize, u64)> = largest_first
        .into_iter()
        .filter(|at| read[*at])
        .map(|at| (at, sizes(at)))
        .collect();
    hash_files(state, run, pool, plan, handles, &files, whole).await?;
    let Some(outcomes) = state.with_untracked(|state| state.outcomes(run)) else {
        return Ok(None);
    };
    seen(pool, plan, handles, manifests, sidecars, outcomes)
        .await
        .map(Some)
}

async fn hash_files(
    state: RwSignal<Verification>,
    run: u64,
    pool: &Rc<Pool>,
    plan: &Plan,
    handles: &[File],
    files: &[(usize, u64)],
    whole: bool,
) -> Result<(), WorkError> {
    let workers = schedule::worker_count(window().navigator().hardware_concurrency());
    let drawn = Rc::new(std::cell::Cell::new(clock_ms()));
    let jobs = schedule::jobs(files, workers, whole)
        .into_iter()
        .filter_map(|job| {
            let handle = handles.get(plan.files[job.file].source)?;
            let drawn = Rc::clone(&drawn);
            let report = move |index, digest| {
                let now = clock_ms();
                state.try_maybe_update(|state| {
                    let at_once = state.chunk(run, job.file, index, digest, now);
                    let draw = at_once || now - drawn.get() >= REDRAW_MS;
                    if draw {
                        drawn.set(now);
                    }
                    (draw, ())
                });
            };
            let answer = pool.hash(handle, job.span, whole, Rc::new(report));
            Some((job.file, answer))
        });
    // All are given to the pool before the first is awaited.
    let jobs: Vec<_> = jobs.collect();
    let mut broken = None;
    for (file, answer) in jobs {
        match answer.await {
            Ok(Some(digest)) => note(state, run, |progress| progress.whole(file, digest)),
            Ok(None) => {}
            Err(WorkError::Job(failure)) if failure.concerns_file() => {
                note(state, run, |progress| {
                    progress.unreadable(file, failure.to_string());
                });
            }
            Err(error) => broken = Some(error),
        }
    }
    broken.map_or(Ok(()), Err)
}

fn note(state: RwSignal<Verification>, run: u64, change: impl FnOnce(&mut Progress)) {
    state.update(|state| {
        if let Some(progress) = state.hashing(run) {
            change(progress);
        }
    });
}

/// Joins what was hashed with what only the head of a file can tell.
async fn seen(
    pool: &Pool,
    plan: &Plan,
    handles: &[File],
    manifests: &[&Manifest],
    sidecars: BTreeMap<Sha256Digest, Vec<u8>>,
    outcomes: Vec<Outcome>,
) -> Result<Observation, WorkError> {
    let mut as_listed: Vec<(u64, Sha256Digest)> = manifests
        .iter()
        .flat_map(|manifest| manifest.files())
        .map(|listed| (listed.size, listed.chunks))
        .collect();
    sort_by(&mut as_listed, Ord::cmp);
    let mut files = Vec::with_capacity(outcomes.len());
    for (file, outcome) in plan.files.iter().zip(outcomes) {
        let bytes = match (outcome, handles.get(file.source)) {
            (Outcome::Skipped, _) => Bytes::NotRead,
            (Outcome::Unreadable(why), _) => Bytes::Unreadable(why),
            (Outcome::Hashed(..), None) => Bytes::Unreadable("the browser lost hold of the file".to_owned()),
            (Outcome::Hashed(chunks, sha256), Some(handle)) => {
                let listed = as_listed.binary_search(&(file.size, chunks.digest())).is_ok();
                match head_facts(pool, plan, file, handle, listed).await {
                    Ok((header, junk)) => Bytes::Hashed {
                        chunks,
                        sha256,
                        header,
                        junk,
                    },
                    Err(WorkError::Job(failure)) if failure.concerns_file() => {
                        Bytes::Unreadable(failure.to_string())
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        files.push(SeenFile {
            path: file.path.clone(),
            size: file.size,
            bytes,
        });
    }
    Ok(Observation {
        scope: plan.scope(),
        files,
        sidecars,
        named: false,
        ignored: plan.ignored.len() as u64,
        allow_extra: false,
    })
}

/// What the file's own header says, and, unless its bytes are `listed`, what its first bytes look like.
async fn head_facts(
    pool: &Pool,
    plan: &Plan,
    file: &PlanFile,
    handle: &File,
    listed: bool,
) -> Result<(OwnHeader, Option<Junk>), WorkError> {
    let header = evidence::own_header(pool, plan.layout, &file.path, file.size, handle).await?;
    if listed {
        return Ok((header, None));
    }
    Ok((header, evidence::sniff(pool, file, handle).await?))
}
