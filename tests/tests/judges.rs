//! Independent readers of transparency logs accept ours, at every size around the edges of tiles.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use harness::{
    envelopes::{Busy, origin},
    http::Client,
    judges::{Aics, Judged, SumDb},
    outside::checked_head,
    proxy::Proxy,
    registry::TestRegistry,
    wait::wait_for,
};
use provenance::merkle::{
    LeafIndex, TreeSize,
    tile::{bundle_of, decode_bundle},
};

/// Publishers at one time.
const CLIENTS: usize = 16;

/// A log that grows to given sizes.
struct Growing {
    registry: TestRegistry,
    publisher: Busy,
    size: usize,
}

impl Growing {
    fn new() -> Self {
        let registry = TestRegistry::start_without_page();
        let publisher = Busy::new("judged.example", &origin(&registry));
        Self {
            registry,
            publisher,
            size: 0,
        }
    }

    /// Publishes records, one after the other for each client, until there are `size` entries.
    fn grow_to(&mut self, size: usize) {
        let post = |client: &Client, envelope: &[u8]| {
            let answer = client.post("/api/v1/attestations?wait=sequenced", envelope);
            assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
        };
        if self.size == 0 && size > 0 {
            post(&self.registry.client(), &self.publisher.first().to_json());
            self.size = 1;
        }
        let next = AtomicUsize::new(self.size);
        thread::scope(|scope| {
            for _ in 0..CLIENTS {
                scope.spawn(|| {
                    let client = self.registry.client();
                    loop {
                        let n = next.fetch_add(1, Ordering::Relaxed);
                        if n >= size {
                            return;
                        }
                        post(&client, &self.publisher.record(n).to_json());
                    }
                });
            }
        });
        self.size = size;
        let client = self.registry.client();
        wait_for("the checkpoint", || {
            let note = client.get("/log/checkpoint").ok().text();
            (checked_head(&note, self.registry.log_key()).size.get() == size as u64).then_some(())
        });
    }

    fn judged(&self) -> Judged<'_> {
        Judged {
            url: self.registry.url(),
            key: self.registry.log_key(),
        }
    }

    /// Index and bytes of the last entry.
    fn last(&self) -> Option<(u64, Vec<u8>)> {
        let size = self.size as u64;
        let index = size.checked_sub(1)?;
        let (coord, position) = bundle_of(LeafIndex::new(index), TreeSize::new(size))?;
        let bytes = self.registry.get(&format!("/log/{coord}")).ok().body;
        let mut entries = decode_bundle(&bytes, coord.width).expect("a bundle");
        Some((index, entries.swap_remove(position)))
    }
}

fn judge(sizes: &[usize]) {
    let (aics, sumdb) = (Aics::find(), SumDb::find());
    let mut log = Growing::new();
    for &size in sizes {
        log.grow_to(size);
        let last = log.last();
        let last = last.as_ref().map(|(index, entry)| (*index, entry.as_slice()));
        let (aics, sumdb) = (&aics, &sumdb);
        let said = aics.as_ref().map(|aics| aics.judge(log.judged(), last));
        assert!(matches!(said, None | Some(Ok(()))), "{size} entries: {said:?}");
        let said = sumdb.as_ref().map(|sumdb| sumdb.judge(log.judged()));
        assert!(matches!(said, None | Some(Ok(()))), "{size} entries: {said:?}");
    }
}

/// A judge that accepts everything is none.
#[test]
fn independent_readers_refuse_a_changed_byte() {
    let (aics, sumdb) = (Aics::find(), SumDb::find());
    let mut log = Growing::new();
    log.grow_to(3);
    for part in ["/log/checkpoint", "/log/tile/0/", "/log/tile/entries/"] {
        let proxy = Proxy::start(log.registry.url(), move |path, body| {
            path.starts_with(part).then(|| {
                let mut changed = body.to_vec();
                // In the root of the checkpoint, the first hash of the tile, the text of the first entry.
                let at = if part == "/log/checkpoint" {
                    body.len() / 4
                } else {
                    10
                };
                changed[at] ^= 1;
                changed
            })
        });
        let judged = Judged {
            url: proxy.url(),
            key: log.registry.log_key(),
        };
        let said = sumdb.as_ref().map(|sumdb| sumdb.judge(judged));
        assert!(!matches!(said, Some(Ok(()))), "{part}");
        // This one reads no bundles.
        if part != "/log/tile/entries/" {
            let said = aics.as_ref().map(|aics| aics.judge(judged, None));
            assert!(!matches!(said, Some(Ok(()))), "{part}");
        }
    }
}

#[test]
fn independent_readers_accept_logs_around_one_tile() {
    judge(&[0, 1, 2, 255, 256, 257]);
}

#[test]
#[ignore = "publishes 100,000 records"]
fn independent_readers_accept_logs_around_a_tile_of_tiles() {
    judge(&[65_535, 65_536, 65_537, 100_000]);
}
