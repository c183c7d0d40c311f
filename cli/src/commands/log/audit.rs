//! Reads the whole log as an outsider would, and computes again everything that it claims.

use std::thread;

use provenance::{
    api::paths,
    audit::{Audit, AuditError},
    dsse::MAX_PAYLOAD_BYTES,
    entry::Entry,
    merkle::{
        TreeSize,
        tile::{TileKind, bundles_for_growth, tile_bytes, tiles_for_growth},
    },
};
use serde_json::{Value, json};

use super::View;
use crate::{
    client::Client,
    failure::Failure,
    output::{self, Output, count},
    progress::Progress,
    tiles::{read_entries, read_tile},
};

/// Payloads that are asked for at the same time; each may be 8 MiB.
const PARALLEL_PAYLOADS: usize = 16;

/// What an audit found sound.
pub(super) struct Audited {
    entries: u64,
    publishers: usize,
    tiles: usize,
}

/// Audits the log that `view` is of.
///
/// # Errors
/// [`Exit::LogFault`] with the entry or tile that does not hold, [`Exit::Network`].
pub(super) fn run(output: Output, client: &Client, view: &View) -> Result<Audited, Failure> {
    let head = view.checkpoint.head;
    let none = TreeSize::new(0);
    let progress = Progress::of(head.size.get(), "entries", output.wants_progress());
    let mut audit = Audit::new();
    for coord in bundles_for_growth(none, head.size) {
        for entries in read_entries(client, coord)?.chunks(PARALLEL_PAYLOADS) {
            for (entry, payload) in entries.iter().zip(payloads(client, entries)) {
                let index = audit.head().size;
                let wrong = |error: AuditError| client.fault(format!("entry {index}: {error}"));
                audit.take(entry, &payload?).map_err(wrong)?;
                progress.add(1);
            }
        }
    }
    if audit.head() != head {
        return Err(client.fault("its entries do not hash to the checkpoint that its key signed"));
    }
    let coords = tiles_for_growth(none, head.size);
    for &coord in &coords {
        let TileKind::Hashes(level) = coord.kind else {
            continue;
        };
        // The tree has every tile of its own size.
        let wanted = tile_bytes(audit.tree(), level, coord.index, coord.width).unwrap_or_default();
        if read_tile(client, coord)? != wanted {
            return Err(client.fault(format!("the tile {coord} is not made of its entries")));
        }
    }
    Ok(Audited {
        entries: head.size.get(),
        publishers: audit.publishers(),
        tiles: coords.len(),
    })
}

/// The payload of each of these entries, all asked for at once. An entry that does not parse has none, and says itself what is
/// wrong with it.
fn payloads(client: &Client, entries: &[Vec<u8>]) -> Vec<Result<Vec<u8>, Failure>> {
    let get = |entry: &[u8]| match Entry::parse(entry) {
        Ok(entry) => client.get(&paths::record(&entry.payload), MAX_PAYLOAD_BYTES as u64),
        Err(_) => Ok(Vec::new()),
    };
    let get = &get;
    thread::scope(|scope| {
        let asked: Vec<_> = entries
            .iter()
            .map(|entry| scope.spawn(move || get(entry)))
            .collect();
        asked
            .into_iter()
            .map(|one| one.join().expect("a request does not panic"))
            .collect()
    })
}

impl Audited {
    pub(super) fn json(&self) -> Value {
        json!({ "entries": self.entries, "publishers": self.publishers, "tiles": self.tiles })
    }

    pub(super) fn words(&self) -> String {
        format!(
            "{} entries read: each is its record, signed as its publisher's keys want it, and carries the state root that follows; \
             {} and {} are made of them",
            output::grouped(self.entries),
            count(self.publishers, "publisher"),
            count(self.tiles, "tile")
        )
    }
}
