//! Collecting partial tiles and bundles: once the full one has been there for a while, those before it only take up space.
//! A client that still asks for one is answered from the full one, which begins with the same bytes ([`cut`]).

use std::{
    fs, io,
    path::Path,
    time::{Duration, SystemTime},
};

use provenance::{
    Sha256Digest,
    merkle::tile::{BundleError, TileCoord, TileKind, decode_bundle, encode_bundle},
};

use crate::durable::{DurableError, io_error};

/// How long partial tiles stay after the full one is there: one hour, for clients in the middle of something, and for
/// whoever serves the folder as it is.
const RETENTION: Duration = Duration::from_secs(3600);

/// Deepest folder below `tile/`: level, six groups of three digits, and one to spare.
const MAX_DEPTH: usize = 8;

/// Removes what is no longer needed under `tiles`; answers how many tiles and bundles that were.
///
/// # Errors
/// [`DurableError`]; what was removed before it is gone, and nothing depends on it.
pub(crate) fn collect(tiles: &Path, now: SystemTime) -> Result<usize, DurableError> {
    collect_within(tiles, now, MAX_DEPTH)
}

fn collect_within(folder: &Path, now: SystemTime, depth: usize) -> Result<usize, DurableError> {
    let mut collected = 0;
    for entry in fs::read_dir(folder).map_err(io_error("list", folder))? {
        let path = entry.map_err(io_error("list", folder))?.path();
        if !path.is_dir() {
            continue;
        }
        if path.extension().is_some_and(|extension| extension == "p") {
            if is_old(&path.with_extension(""), now)? {
                collected += fs::read_dir(&path).map_err(io_error("list", &path))?.count();
                fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
            }
        } else if depth > 0 {
            collected += collect_within(&path, now, depth - 1)?;
        }
    }
    Ok(collected)
}

/// Whether the full tile is there, and has been for [`RETENTION`].
fn is_old(full: &Path, now: SystemTime) -> Result<bool, DurableError> {
    let written = match fs::metadata(full).and_then(|found| found.modified()) {
        Ok(written) => written,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(e) => return Err(io_error("look at", full)(e)),
    };
    Ok(now.duration_since(written).is_ok_and(|age| age >= RETENTION))
}

/// The partial tile or bundle `coord` as the beginning of the full one.
///
/// # Errors
/// When the full bundle does not read.
pub(crate) fn cut(coord: &TileCoord, mut full: Vec<u8>) -> Result<Vec<u8>, BundleError> {
    let width = usize::from(coord.width);
    match coord.kind {
        TileKind::Hashes(_) => full.truncate(width * Sha256Digest::LEN),
        TileKind::Entries => {
            let entries = decode_bundle(&full, coord.whole().width)?;
            full = encode_bundle(entries.iter().take(width).map(Vec::as_slice))?;
        }
    }
    Ok(full)
}
