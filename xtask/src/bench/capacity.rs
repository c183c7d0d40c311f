//! What a log of a million records takes: memory while it grows and after a start, disk, and the time of starts and questions.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{
    load::{PUBLISHED, Publishing, questions, start_registry, wait_for_index},
    verdict,
};
use crate::{registry::Registry, steps::say, tools::Workspace};

/// Entries that the log has in the end, at least.
const ENTRIES: u64 = 1_000_000;

/// Records that are signed: what is published in one run more than wanted comes on top.
const RECORDS: u64 = 1_300_000;

/// Clients at one time, and how long one run is.
const RUN: (u32, &str) = (256, "20s");

/// Bytes of the index on disk for each key of a lookup, at most.
const BYTES_A_KEY: f64 = 300.0;

/// Memory that the registry takes at any time after a start, at most, in KiB.
const MEMORY_KIB: u64 = 400_000_000 >> 10;

/// Entries in a second that a start reads from the commits before records are taken, at least.
const READ_A_SECOND: f64 = 50_000.0;

/// Entries in a second of which an index is built from nothing, at least.
const INDEXED_A_SECOND: f64 = 8000.0;

/// Part of the bytes of tiles that are partial, at most.
const PARTIAL_TILES: f64 = 0.02;

/// Measures; answers whether the limits were kept.
///
/// # Errors
/// When something does not run.
pub(super) fn run(workspace: &Workspace) -> Result<bool> {
    let folder = workspace.target().join("bench/capacity");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let registry = start_registry(workspace, &folder)?;
    let mut publishing = Publishing::prepare(workspace, &folder, &registry, RECORDS)?;
    while registry.entries()? < ENTRIES {
        let (clients, time) = RUN;
        publishing.run(clients, time, PUBLISHED)?;
    }
    wait_for_index(&registry)?;
    say(&format!(
        "   most memory while it grew: {} MiB",
        registry.peak_memory_kib()? >> 10
    ));
    drop(registry);
    // Killed, not shut down: what sled had not written is applied again.
    let begun = Instant::now();
    let registry = start_registry(workspace, &folder)?;
    let entries = registry.entries()?;
    let mut kept = at_least(
        "entries read before records are taken",
        entries,
        begun,
        READ_A_SECOND,
    );
    wait_for_index(&registry)?;
    let memory = registry.peak_memory_kib()?;
    let small = memory <= MEMORY_KIB;
    say(&format!(
        "   a start takes {:.1} s and at most {} MB of memory, at most {}: {}",
        begun.elapsed().as_secs_f64(),
        memory * 1024 / 1_000_000,
        MEMORY_KIB * 1024 / 1_000_000,
        verdict(small)
    ));
    kept &= small;
    let url = format!("http://{}", registry.address());
    for kind in ["search", "lookup"] {
        kept &= questions(workspace, &url, kind)?;
    }
    let data = folder.join("registry");
    kept &= index_on_disk(&registry, &data)?;
    kept &= tiles_on_disk(&data)?;
    drop(registry);
    fs::remove_dir_all(data.join("sled"))?;
    let registry = start_registry(workspace, &folder)?;
    let begun = Instant::now();
    wait_for_index(&registry)?;
    kept &= at_least("entries indexed anew", entries, begun, INDEXED_A_SECOND);
    // It takes gigabytes.
    drop(registry);
    fs::remove_dir_all(&folder)?;
    Ok(kept)
}

/// Says how many entries were done in a second; answers whether these are enough.
fn at_least(what: &str, entries: u64, begun: Instant, least: f64) -> bool {
    #[expect(clippy::cast_precision_loss, reason = "a rate is for people")]
    let rate = entries as f64 / begun.elapsed().as_secs_f64();
    let kept = rate >= least;
    say(&format!(
        "   {what}: {rate:.0} a second, at least {least:.0}: {}",
        verdict(kept)
    ));
    kept
}

fn index_on_disk(registry: &Registry, data: &Path) -> Result<bool> {
    let info: Value = serde_json::from_str(&registry.get("/api/v1/lookup")?)?;
    let keys = info["keys"]
        .as_u64()
        .context("the registry does not say how many keys it has")?;
    let bytes: u64 = files(&data.join("sled"))?.iter().map(|(_, size)| size).sum();
    let each = ratio(bytes, keys);
    let kept = each <= BYTES_A_KEY;
    say(&format!(
        "   the index has {keys} keys and {} MB on disk: {each:.0} bytes a key, at most {BYTES_A_KEY:.0}: {}",
        bytes / 1_000_000,
        verdict(kept)
    ));
    Ok(kept)
}

fn tiles_on_disk(data: &Path) -> Result<bool> {
    let tiles = files(&data.join("tile"))?;
    // A partial tile whose full one is there is removed an hour later; this does not wait for it.
    let full_of = |path: &Path| {
        let folder = path.parent()?;
        (folder.extension()? == "p").then(|| folder.with_extension(""))
    };
    let (mut whole, mut partial) = (0, 0);
    for (path, size) in &tiles {
        match full_of(path) {
            None => whole += size,
            Some(full) if !full.exists() => partial += size,
            Some(_) => {}
        }
    }
    let all = whole + partial;
    let part = ratio(partial, all);
    let kept = part <= PARTIAL_TILES;
    say(&format!(
        "   tiles and bundles have {} MB on disk when all are collected, {:.2} % of it partial, at most {:.0} %: {}",
        all / 1_000_000,
        part * 100.0,
        PARTIAL_TILES * 100.0,
        verdict(kept)
    ));
    Ok(kept)
}

/// Every file below a folder, with its size in bytes.
fn files(folder: &Path) -> Result<Vec<(PathBuf, u64)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.push((entry.path(), entry.metadata()?.len()));
            }
        }
    }
    Ok(found)
}

#[expect(clippy::cast_precision_loss, reason = "a ratio of counts is for people")]
fn ratio(of: u64, to: u64) -> f64 {
    of as f64 / to as f64
}
