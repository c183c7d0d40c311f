//! Publishes and searches as fast as a registry lets, and prints what came of it as one JSON object. Run by
//! `cargo xtask bench`, which starts the registry: `load URL ORIGIN`.

use std::{
    env,
    io::{self, Write as _},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use harness::{envelopes::Busy, http::Client};
use provenance::api::paths;
use serde_json::{Value, json};

/// Clients at one time, each with a connection of its own and one record after the other.
const CLIENTS: [usize; 3] = [1, 16, 256];

/// How long each number of clients publishes.
const PUBLISHING: Duration = Duration::from_secs(6);

/// Records that are signed before the clock runs.
const RECORDS: usize = 90_000;

/// Searches, one after the other.
const SEARCHES: usize = 2000;

/// Fewest records that the searches must find their way through.
const LEAST_RECORDS: u64 = 10_000;

fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    let (Some(url), Some(origin)) = (arguments.next(), arguments.next()) else {
        anyhow::bail!("usage: load URL ORIGIN");
    };
    let publisher = Busy::new("bench.example", &origin);
    let client = Client::new(&url);
    post(&client, &publisher.first().to_json());
    let envelopes: Vec<_> = (0..RECORDS).map(|n| publisher.record(n).to_json()).collect();
    let next = AtomicUsize::new(0);
    let published = CLIENTS.map(|clients| publish(&url, &envelopes, &next, clients));
    let answer = client.get(&paths::publisher(publisher.name())).ok().json();
    let records = answer["as_of_size"].as_u64().context("a size")?;
    ensure!(records >= LEAST_RECORDS, "only {records} records were published");
    let found = json!({"publish": published, "records": records, "search": search(&client)});
    writeln!(io::stdout(), "{found}")?;
    Ok(())
}

fn post(client: &Client, envelope: &[u8]) {
    client.post(paths::ATTESTATIONS, envelope).ok();
}

fn publish(url: &str, envelopes: &[Vec<u8>], next: &AtomicUsize, clients: usize) -> Value {
    let begun = Instant::now();
    let work = || {
        let client = Client::new(url);
        let mut times = Vec::new();
        while begun.elapsed() < PUBLISHING {
            let Some(envelope) = envelopes.get(next.fetch_add(1, Ordering::Relaxed)) else {
                break;
            };
            let sent = Instant::now();
            post(&client, envelope);
            times.push(sent.elapsed());
        }
        times
    };
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(work)).collect();
        let times = threads
            .into_iter()
            .map(|thread| thread.join().expect("a client does not panic"));
        times.flatten().collect()
    });
    let took = begun.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
    let rate = times.len() as f64 / took;
    json!({"clients": clients, "per_second": rate, "p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)})
}

fn search(client: &Client) -> Value {
    let mut times = Vec::with_capacity(SEARCHES);
    for n in 0..SEARCHES {
        // One record, a family of about a hundredth, and words that are on no record.
        let words = match n % 3 {
            0 => format!("model-{}", n * 3),
            1 => format!("family{}+bench", n % 97),
            _ => format!("nothing{n}"),
        };
        let sent = Instant::now();
        client.get(&format!("{}?q={words}", paths::SEARCH)).ok();
        times.push(sent.elapsed());
    }
    json!({"p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)})
}

/// The time, in ms, below which `percent` of `times` are.
fn part(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
