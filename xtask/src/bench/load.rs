//! What a registry serves and takes in a second, on this machine, beside what else would.

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::verdict;
use crate::{registry::Registry, steps::say, system::Run, tools::Workspace};

/// Badges that must be served in a second, at least.
const BADGES_A_SECOND: f64 = 20_000.0;

/// A search or a lookup, 99 times of 100, in ms.
const QUESTION_P99_MS: f64 = 50.0;

/// Longest wait for the index to hold what is published.
const INDEX_PATIENCE: Duration = Duration::from_secs(300);

/// How long `wrk` asks for one address.
const SECONDS: &str = "8s";

/// What a publish waits for, the longest time of half of them, in ms, for a single client, and how long that publishes.
const SINGLE_RUNS: [(Wait, f64, &str); 2] = [("sequenced", 10.0, "6s"), (PUBLISHED, 250.0, "6s")];

/// Clients at one time, and how long they publish: each with a connection of its own and one record after the other.
const FIRST_RUNS: [(u32, &str); 2] = [(16, "6s"), (256, "6s")];

/// As [`FIRST_RUNS`], when the searches are done.
const LONG_RUN: (u32, &str) = (256, "60s");

/// Four times as many clients as the long run has: all of them are served, if later.
const OVERLOAD: (u32, &str) = (1024, "15s");

/// Least part of the long run's rate that the overload must reach.
const OVERLOAD_PART: f64 = 0.8;

/// Most memory that the registry may take at any time, in KiB.
const MOST_MEMORY_KIB: u64 = 512 << 10;

/// Publishes in a second that the long run must reach.
const PUBLISHES_A_SECOND: f64 = 5000.0;

/// A publish in the long run, 99 times of 100, in ms.
const PUBLISH_P99_MS: f64 = 450.0;

/// Records that are signed before any clock runs: more than the runs can use.
const RECORDS: u64 = 1_000_000;

/// Fewest records that the searches must find their way through.
const LEAST_RECORDS: u64 = 10_000;

/// Requests for a static file that must be answered in a second.
const READS_A_SECOND: f64 = 25_000.0;

/// Measures; answers whether the limits were kept.
///
/// # Errors
/// When something does not run.
pub(super) fn run(workspace: &Workspace) -> Result<bool> {
    let folder = workspace.target().join("bench/load");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let registry = start_registry(workspace, &folder)?;
    let mut kept = publish_and_search(workspace, &folder, &registry)?;
    kept &= read(workspace, &folder, &registry)?;
    let memory = registry.peak_memory_kib()?;
    let small = memory <= MOST_MEMORY_KIB;
    say(&format!(
        "   most memory that the registry took: {} MiB, at most {}: {}",
        memory >> 10,
        MOST_MEMORY_KIB >> 10,
        verdict(small)
    ));
    Ok(kept && small)
}

/// A registry in release that takes records from everybody, as many as come.
pub(super) fn start_registry(workspace: &Workspace, folder: &Path) -> Result<Registry> {
    let run = workspace.program("release", "weighbridge-registry");
    let run = run
        .arg("--data")
        .arg(folder.join("registry"))
        .arg("--web")
        .arg(workspace.dist());
    let run = run.args([
        "--admission",
        "open",
        "--log-level",
        "error",
        "--max-connections",
        "2048",
        "--rate-limit",
        "0",
    ]);
    Registry::start(run, "127.0.0.1:0")
}

fn publish_and_search(workspace: &Workspace, folder: &Path, registry: &Registry) -> Result<bool> {
    let url = format!("http://{}", registry.address());
    let mut publishing = Publishing::prepare(workspace, folder, registry, RECORDS)?;
    let mut soon = true;
    for (wait, limit, time) in SINGLE_RUNS {
        let half = number(&publishing.run(1, time, wait)?, "p50_ms");
        soon &= half <= limit;
        say(&format!(
            "   half of them in at most {limit:.0} ms: {}",
            verdict(half <= limit)
        ));
    }
    for (clients, time) in FIRST_RUNS {
        publishing.run(clients, time, PUBLISHED)?;
    }
    let records = registry.entries()?;
    anyhow::ensure!(records >= LEAST_RECORDS, "only {records} records were published");
    wait_for_index(registry)?;
    let quick = questions(workspace, &url, "search")?;
    let (clients, time) = LONG_RUN;
    let found = publishing.run(clients, time, PUBLISHED)?;
    let (rate, p99) = (number(&found, "per_second"), number(&found, "p99_ms"));
    let enough = rate >= PUBLISHES_A_SECOND && p99 <= PUBLISH_P99_MS;
    let ceiling = signature_checks(workspace)?;
    say(&format!(
        "   at least {PUBLISHES_A_SECOND:.0} and p99 at most {PUBLISH_P99_MS:.0} ms: {}; openssl checks {ceiling:.0} signatures a \
         second on these cores, so that is {:.2} of what they alone would allow",
        verdict(enough),
        rate / ceiling
    ));
    wait_for_index(registry)?;
    let (clients, time) = OVERLOAD;
    let part = number(&publishing.run(clients, time, PUBLISHED)?, "per_second") / rate;
    let bears = part >= OVERLOAD_PART;
    say(&format!(
        "   that is {part:.2} of the rate before, at least {OVERLOAD_PART}: {}",
        verdict(bears)
    ));
    Ok(soon && quick && enough && bears)
}

/// Asks a question of this kind two thousand times; answers whether the limit was kept.
pub(super) fn questions(workspace: &Workspace, url: &str, kind: &str) -> Result<bool> {
    let answer = load(workspace).args([kind, url]).show_and_answer()?;
    let found: Value = serde_json::from_str(&answer).with_context(|| format!("load printed {answer:?}"))?;
    let p99 = number(&found, "p99_ms");
    let quick = p99 <= QUESTION_P99_MS;
    say(&format!(
        "   {kind}: p50 {:.2} ms, p99 {p99:.2} ms, at most {QUESTION_P99_MS:.0}: {}",
        number(&found, "p50_ms"),
        verdict(quick)
    ));
    Ok(quick)
}

/// Waits until the index holds what is published; says and answers how many seconds that took.
pub(super) fn wait_for_index(registry: &Registry) -> Result<f64> {
    let begun = Instant::now();
    while registry.get("/readyz").is_err() {
        anyhow::ensure!(begun.elapsed() < INDEX_PATIENCE, "the index does not come up");
        std::thread::sleep(Duration::from_millis(50));
    }
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!(
        "   the index holds all {} entries {seconds:.1} s later",
        registry.entries()?,
    ));
    Ok(seconds)
}

fn load(workspace: &Workspace) -> Run {
    workspace.program("release", "load")
}

/// What a publish waits for, as the API calls it.
type Wait = &'static str;

/// The default.
pub(super) const PUBLISHED: Wait = "published";

/// Records that wait to be published, in the order of a file.
pub(super) struct Publishing<'a> {
    workspace: &'a Workspace,
    url: String,
    script: PathBuf,
    records: PathBuf,
    used: u64,
}

impl<'a> Publishing<'a> {
    /// Signs `count` records for the registry in `folder`.
    pub(super) fn prepare(
        workspace: &'a Workspace,
        folder: &Path,
        registry: &Registry,
        count: u64,
    ) -> Result<Self> {
        let url = format!("http://{}", registry.address());
        let trust = fs::read_to_string(folder.join("registry/trust"))?;
        let key = trust.lines().find_map(|line| line.strip_prefix("log "));
        let origin = key
            .and_then(|key| key.split('+').next())
            .context("the trust file names no log")?;
        let (script, records) = (folder.join("publish.lua"), folder.join("records.jsonl"));
        fs::write(&script, include_str!("publish.lua"))?;
        let sign = load(workspace).args(["sign", &url, origin]).arg(&records);
        sign.arg(count.to_string()).show()?;
        Ok(Self {
            workspace,
            url,
            script,
            records,
            used: 0,
        })
    }

    /// Publishes; what wrk found, and every record is one that was not sent before.
    pub(super) fn run(&mut self, clients: u32, time: &str, wait: Wait) -> Result<Value> {
        let wrk = self.workspace.run("wrk").args(["-t1", "--timeout", "10s"]);
        let wrk = wrk.arg(format!("-c{clients}")).arg(format!("-d{time}")).arg("-s");
        let wrk = wrk.arg(&self.script).arg(&self.url).arg("--").arg(&self.records);
        let said = wrk.arg(self.used.to_string()).arg(wait).show_and_answer()?;
        let found = said.lines().last().unwrap_or_default();
        let found: Value = serde_json::from_str(found).with_context(|| format!("wrk said {said:?}"))?;
        let count = |name: &str| found[name].as_u64().with_context(|| format!("wrk said {said:?}"));
        anyhow::ensure!(
            count("refused")? == 0 && count("broken")? == 0,
            "not every record was taken: {found}"
        );
        // The last request of each client may have been sent and not answered.
        self.used += count("requests")? + 2 * u64::from(clients);
        say(&format!(
            "   {clients} clients publish {:.0} records a second for {time}, until they are {wait}; p50 {:.2} ms, p99 {:.1} ms, at most {:.1} ms",
            number(&found, "per_second"),
            number(&found, "p50_ms"),
            number(&found, "p99_ms"),
            number(&found, "most_ms")
        ));
        Ok(found)
    }
}

fn read(workspace: &Workspace, folder: &Path, registry: &Registry) -> Result<bool> {
    let url = format!("http://{}", registry.address());
    let badge = format!("/badge/v1/{}.svg", "0".repeat(64));
    let nginx = Nginx::start(folder, &registry.get(&badge)?)?;
    let peer = requests(workspace, &format!("http://127.0.0.1:{}/badge.svg", nginx.port))?;
    drop(nginx);
    let badges = requests(workspace, &format!("{url}{badge}"))?;
    let enough = badges.a_second >= BADGES_A_SECOND;
    let mut kept = enough;
    say(&format!(
        "   badges: {:.0} a second, p99 {}, at least {BADGES_A_SECOND:.0}: {}; nginx serves a file of that size {:.0} times a \
         second, p99 {} (ratio {:.2})",
        badges.a_second,
        badges.p99,
        verdict(enough),
        peer.a_second,
        peer.p99,
        badges.a_second / peer.a_second
    ));
    for (what, path) in [
        ("checkpoint", "/log/checkpoint"),
        ("a full tile", "/log/tile/0/000"),
    ] {
        let served = requests(workspace, &format!("{url}{path}"))?;
        let enough = served.a_second >= READS_A_SECOND;
        kept &= enough;
        say(&format!(
            "   {what}: {:.0} a second, p99 {}, at least {READS_A_SECOND:.0}: {}",
            served.a_second,
            served.p99,
            verdict(enough)
        ));
    }
    Ok(kept)
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(f64::NAN)
}

/// Ed25519 signatures that all cores together check in a second, by openssl.
fn signature_checks(workspace: &Workspace) -> Result<f64> {
    let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
    let speed =
        workspace
            .run("openssl")
            .args(["speed", "-seconds", "2", "-multi", &cores.to_string(), "ed25519"]);
    let said = speed.answer().context("openssl speed did not run")?;
    let line = said.lines().rfind(|line| line.contains("253 bits EdDSA"));
    let last = line.and_then(|line| line.split_whitespace().last());
    last.and_then(|last| last.parse().ok())
        .with_context(|| format!("openssl speed said {said:?}"))
}

/// What `wrk` found.
struct Served {
    a_second: f64,
    p99: String,
}

/// As many requests as 64 connections get answered, from one thread.
fn requests(workspace: &Workspace, url: &str) -> Result<Served> {
    let wrk = |seconds: &str| {
        workspace
            .run("wrk")
            .args(["-t1", "-c64", "-d", seconds, "--latency", url])
            .show_and_answer()
    };
    // The first second warms what is cached.
    wrk("1s")?;
    let said = wrk(SECONDS)?;
    let after = |word: &str| {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(word));
        line.map(|rest| rest.trim().to_owned())
    };
    let a_second = after("Requests/sec:").and_then(|rate| rate.parse().ok());
    anyhow::ensure!(after("Non-2xx").is_none(), "not everything was served: {said}");
    Ok(Served {
        a_second: a_second.with_context(|| format!("wrk said {said:?}"))?,
        p99: after("99%").unwrap_or_default(),
    })
}

/// The web server that everybody has, with one file.
struct Nginx {
    child: std::process::Child,
    port: u16,
}

impl Nginx {
    fn start(folder: &Path, badge: &str) -> Result<Self> {
        let www = folder.join("www");
        fs::create_dir_all(&www)?;
        fs::write(www.join("badge.svg"), badge)?;
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let settings = format!(
            "daemon off; worker_processes auto; error_log stderr error; pid {folder}/nginx.pid; events {{ worker_connections 1024; }}\n\
             http {{ types {{ image/svg+xml svg; }} access_log off; sendfile on; keepalive_requests 1000000;\n\
             client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; \
             scgi_temp_path {folder}/e; open_file_cache max=10;\n\
             server {{ listen 127.0.0.1:{port}; root {www}; }} }}\n",
            folder = folder.display(),
            www = www.display()
        );
        let path = folder.join("nginx.conf");
        fs::write(&path, settings)?;
        // Its workers are not root, and read the file through folders that are somebody's home.
        let run = Run::new("nginx").arg("-c").arg(&path).args(["-g", "user root;"]);
        let child = run.start()?;
        for _ in 0..50 {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return Ok(Self { child, port });
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        anyhow::bail!("nginx does not answer")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // It ends its workers itself when it is asked to.
        let asked = Run::new("kill").arg(self.child.id().to_string()).quiet();
        if asked.is_err() {
            let _ = self.child.kill();
        }
        let _ = self.child.wait();
    }
}
