//! What `cargo xtask bench` asks of a registry beside what `wrk` does: `load sign URL ORIGIN FILE COUNT` creates a publisher and
//! writes as many signed records of it, a line each; `load search URL` searches, `load lookup URL` looks digests up, and both print how long
//! that took.

use std::{
    env,
    fs::File,
    io::{self, BufWriter, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use harness::{envelopes::Busy, http::Client};
use provenance::{
    Sha256Digest,
    api::paths,
    lookup::{digits_for, prefix},
};
use serde_json::{Value, json};

/// Questions, one after the other.
const QUESTIONS: usize = 2000;

fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["sign", url, origin, file, count] => sign(url, origin, file, count.parse()?),
        ["search", url] => search(url),
        ["lookup", url] => lookup(url),
        _ => bail!("usage: load sign URL ORIGIN FILE COUNT, or load search URL, or load lookup URL"),
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
    // One record, a family of about a hundredth, and words that are on no record.
    ask(&Client::new(url), |n| {
        let words = match n % 3 {
            0 => format!("model-{}", n * 3),
            1 => format!("family{}+bench", n % 97),
            _ => format!("nothing{n}"),
        };
        format!("{}?q={words}", paths::SEARCH)
    })
}

fn lookup(url: &str) -> Result<()> {
    let client = Client::new(url);
    let info: Value = client.get(paths::LOOKUP).ok().json();
    let digits = digits_for(info["keys"].as_u64().context("no number of keys")?);
    ask(&client, |n| {
        let digest = Sha256Digest::of(&n.to_be_bytes());
        format!("{}/{}", paths::LOOKUP, prefix(&digest, digits))
    })
}

/// Asks [`QUESTIONS`] addresses, and prints how long the answers took.
fn ask(client: &Client, address: impl Fn(usize) -> String) -> Result<()> {
    let timed = |n| {
        let address = address(n);
        let sent = Instant::now();
        client.get(&address).ok();
        sent.elapsed()
    };
    let mut times: Vec<_> = (0..QUESTIONS).map(timed).collect();
    let found = json!({"p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)});
    Ok(writeln!(io::stdout(), "{found}")?)
}

/// The time, in ms, below which `percent` of `times` are.
fn part(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}
