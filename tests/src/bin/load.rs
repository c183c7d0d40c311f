//! Publishes and searches as fast as a registry lets, and prints what came of it as one JSON object. Run by
//! `cargo xtask bench`, which starts the registry: `load URL ORIGIN`.

use std::{
    collections::BTreeMap,
    env,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::paths,
    dsse::Envelope,
    key::SigningKey,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    statement::{Run, SubjectFacts, keyset_payload, provenance_payload},
};
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
    let address = url
        .strip_prefix("http://")
        .context("the registry's address begins with http://")?;
    let key = SigningKey::from_seed(&[42; 32]);
    let publisher: PublisherName = "bench.example".parse()?;
    let keyset = Keyset::first(publisher.clone(), origin, key.public().clone(), "bench".into())?;
    let first = Envelope::sign(keyset_payload(&keyset), &[&key]);
    let genesis = RecordId::of_payload(&first.payload);
    Connection::open(address)?.post(&first.to_json())?;
    let envelopes = sign_all(&publisher, genesis, &key)?;
    let next = Arc::new(AtomicUsize::new(0));
    let mut published = Vec::new();
    for clients in CLIENTS {
        published.push(publish(address, &envelopes, &next, clients)?);
    }
    let answer = Connection::open(address)?.get(&paths::publisher(&publisher))?;
    let answer: Value = serde_json::from_slice(&answer)?;
    let records = answer["as_of_size"].as_u64().context("a size")?;
    ensure!(records >= LEAST_RECORDS, "only {records} records were published");
    let found = json!({"publish": published, "records": records, "search": search(address)?});
    writeln!(io::stdout(), "{found}")?;
    Ok(())
}

/// Records that need no sidecars: how something was made.
fn sign_all(publisher: &PublisherName, genesis: RecordId, key: &SigningKey) -> Result<Arc<Vec<Vec<u8>>>> {
    let file = |n: usize| -> Result<ManifestFile> {
        let digest = Sha256Digest::of(&n.to_be_bytes());
        Ok(ManifestFile {
            path: "model.bin".parse()?,
            size: 1 << 20,
            sha256: digest,
            chunks: Sha256Digest::of(digest.as_bytes()),
            chunk0: digest,
            tensors: None,
        })
    };
    let envelope = |n: usize| -> Result<Vec<u8>> {
        let facts = SubjectFacts {
            publisher: publisher.clone(),
            genesis,
            name: format!("bench/model-{} family{}", n, n % 97),
            version: Some(format!("{}.{}", n % 13, n % 7)),
            official: vec![],
        };
        let run = Run {
            stage: "checkpoint".into(),
            inputs: vec![],
            metrics: BTreeMap::new(),
        };
        let payload = provenance_payload(&facts, &Manifest::new(vec![file(n)?])?, &run);
        Ok(Envelope::sign(payload, &[key]).to_json())
    };
    Ok(Arc::new((0..RECORDS).map(envelope).collect::<Result<_>>()?))
}

fn publish(
    address: &str,
    envelopes: &Arc<Vec<Vec<u8>>>,
    next: &Arc<AtomicUsize>,
    clients: usize,
) -> Result<Value> {
    let times = Arc::new(Mutex::new(Vec::new()));
    let begun = Instant::now();
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (address, times) = (address.to_owned(), Arc::clone(&times));
            let (envelopes, next) = (Arc::clone(envelopes), Arc::clone(next));
            thread::spawn(move || -> Result<()> {
                let mut connection = Connection::open(&address)?;
                let mut mine = Vec::new();
                while begun.elapsed() < PUBLISHING {
                    let Some(envelope) = envelopes.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    let sent = Instant::now();
                    connection.post(envelope)?;
                    mine.push(sent.elapsed());
                }
                times.lock().expect("no thread panics with it").append(&mut mine);
                Ok(())
            })
        })
        .collect();
    for thread in threads {
        thread
            .join()
            .map_err(|_| anyhow::anyhow!("a client panicked"))??;
    }
    let took = begun.elapsed().as_secs_f64();
    let mut times = times.lock().expect("no thread panics with it");
    let count = times.len();
    #[expect(clippy::cast_precision_loss, reason = "a count of some thousands")]
    let rate = count as f64 / took;
    Ok(
        json!({"clients": clients, "per_second": rate, "p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)}),
    )
}

fn search(address: &str) -> Result<Value> {
    let mut connection = Connection::open(address)?;
    let mut times = Vec::with_capacity(SEARCHES);
    for n in 0..SEARCHES {
        // One record, a family of about a hundredth, and words that are on no record.
        let words = match n % 3 {
            0 => format!("model-{}", n * 3),
            1 => format!("family{} bench", n % 97),
            _ => format!("nothing{n}"),
        };
        let sent = Instant::now();
        connection.get(&format!("{}?q={}", paths::SEARCH, words.replace(' ', "+")))?;
        times.push(sent.elapsed());
    }
    Ok(json!({"p50_ms": part(&mut times, 50), "p99_ms": part(&mut times, 99)}))
}

/// The time, in ms, below which `percent` of `times` are.
fn part(times: &mut [Duration], percent: usize) -> f64 {
    times.sort_unstable();
    let at = (times.len() * percent / 100).min(times.len().saturating_sub(1));
    times.get(at).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
}

/// One connection that is kept.
struct Connection {
    address: String,
    stream: BufReader<TcpStream>,
}

impl Connection {
    fn open(address: &str) -> Result<Self> {
        let stream = TcpStream::connect(address).with_context(|| format!("{address} does not answer"))?;
        stream.set_nodelay(true)?;
        Ok(Self {
            address: address.to_owned(),
            stream: BufReader::new(stream),
        })
    }

    fn get(&mut self, path: &str) -> Result<Vec<u8>> {
        let head = format!("GET {path} HTTP/1.1\r\nHost: {}\r\n\r\n", self.address);
        self.ask(head.as_bytes(), &[])
    }

    fn post(&mut self, body: &[u8]) -> Result<()> {
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            paths::ATTESTATIONS,
            self.address,
            body.len()
        );
        self.ask(head.as_bytes(), body).map(drop)
    }

    fn ask(&mut self, head: &[u8], body: &[u8]) -> Result<Vec<u8>> {
        self.stream.get_mut().write_all(&[head, body].concat())?;
        let (mut line, mut status, mut length, mut closes) = (String::new(), String::new(), 0, false);
        loop {
            line.clear();
            self.stream.read_line(&mut line)?;
            let text = line.trim_end().to_ascii_lowercase();
            if text.is_empty() {
                break;
            }
            if status.is_empty() {
                status.clone_from(&text);
            }
            if let Some(value) = text.strip_prefix("content-length:") {
                length = value.trim().parse()?;
            }
            closes |= text == "connection: close";
        }
        let mut answer = vec![0; length];
        self.stream.read_exact(&mut answer)?;
        ensure!(
            status.contains(" 200 "),
            "{status}: {}",
            String::from_utf8_lossy(&answer)
        );
        if closes {
            *self = Self::open(&self.address)?;
        }
        Ok(answer)
    }
}
