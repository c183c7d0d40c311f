//! What `cargo xtask bench` asks of a registry beside what `wrk` does: `load sign URL ORIGIN FILE COUNT` creates a publisher and
//! writes as many signed records of it, a line each; `load search URL` searches, and prints how long that took.

use std::{
    env,
    fs::File,
    io::{self, BufWriter, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use harness::{envelopes::Busy, http::Client};
use provenance::api::paths;
use serde_json::json;

/// Searches, one after the other.
const SEARCHES: usize = 2000;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["sign", url, origin, file, count] => sign(url, origin, file, count.parse()?),
        ["search", url] => search(url),
        _ => bail!("usage: load sign URL ORIGIN FILE COUNT, or load search URL"),
    }
}

fn sign(url: &str, origin: &str, file: &str, count: usize) -> Result<()> {
    let publisher = Busy::new("bench.example", origin);
    Client::new(url)
        .post(paths::ATTESTATIONS, &publisher.first().to_json())
        .ok();
    let mut lines = BufWriter::new(File::create(file).with_context(|| format!("cannot write {file}"))?);
    for n in 0..count {
        lines.write_all(&publisher.record(n).to_json())?;
        lines.write_all(b"\n")?;
    }
    // On the disk now, so that it is not written while others are measured.
    Ok(lines.into_inner()?.sync_all()?)
}

fn search(url: &str) -> Result<()> {
    let client = Client::new(url);
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
    let found = json!({"p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)});
    Ok(writeln!(io::stdout(), "{found}")?)
}

/// The time, in ms, below which `percent` of `times` are.
fn part(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
