//! Reads the whole log as an outsider would, and computes again everything that it claims.

use provenance::{
    api::paths,
    audit::Audit,
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
        for bytes in read_entries(client, coord)? {
            let index = audit.head().size;
            let wrong = |error: &dyn std::fmt::Display| client.fault(format!("entry {index}: {error}"));
            let entry = Entry::parse(&bytes).map_err(|error| wrong(&error))?;
            let payload = client.get(&paths::record(&entry.payload), MAX_PAYLOAD_BYTES as u64)?;
            audit.take(&bytes, &payload).map_err(|error| wrong(&error))?;
            progress.add(1);
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
