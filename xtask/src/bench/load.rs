//! What a registry serves and takes in a second, on this machine, beside what else would.

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::verdict;
use crate::{registry::Registry, steps::say, system::Run, tools::Workspace};

/// Badges that must be served in a second, at least.
const BADGES_A_SECOND: f64 = 20_000.0;

/// A search over 10,000 records, 99 times of 100, in ms.
const SEARCH_P99_MS: f64 = 50.0;

/// How long `wrk` asks for one address.
const SECONDS: &str = "8s";

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
    ]);
    let registry = Registry::start(run, "127.0.0.1:0")?;
    let url = format!("http://{}", registry.address());
    let trust = fs::read_to_string(folder.join("registry/trust"))?;
    let key = trust.lines().find_map(|line| line.strip_prefix("log "));
    let origin = key
        .and_then(|key| key.split('+').next())
        .context("the trust file names no log")?;

    let answer = workspace
        .program("release", "load")
        .args([&url, origin])
        .show_and_answer()?;
    let found: Value = serde_json::from_str(&answer).with_context(|| format!("load printed {answer:?}"))?;
    let ceiling = signature_checks(workspace)?;
    for one in found["publish"].as_array().into_iter().flatten() {
        say(&format!(
            "   {} clients publish {:.0} records a second, p50 {:.1} ms, p99 {:.1} ms; the signature checks alone would allow \
             {ceiling:.0} on these cores",
            one["clients"],
            number(one, "per_second"),
            number(one, "p50_ms"),
            number(one, "p99_ms")
        ));
    }
    let p99 = number(&found["search"], "p99_ms");
    let mut kept = p99 <= SEARCH_P99_MS;
    say(&format!(
        "   search over {} records: p50 {:.2} ms, p99 {p99:.2} ms, at most {SEARCH_P99_MS:.0}: {}",
        found["records"],
        number(&found["search"], "p50_ms"),
        verdict(kept)
    ));

    let badge = format!("/badge/v1/{}.svg", "0".repeat(64));
    let nginx = Nginx::start(&folder, &registry.get(&badge)?)?;
    let peer = requests(workspace, &format!("http://127.0.0.1:{}/badge.svg", nginx.port))?;
    drop(nginx);
    let badges = requests(workspace, &format!("{url}{badge}"))?;
    let checkpoint = requests(workspace, &format!("{url}/log/checkpoint"))?;
    let enough = badges.a_second >= BADGES_A_SECOND;
    kept &= enough;
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
    say(&format!(
        "   checkpoint: {:.0} a second, p99 {}",
        checkpoint.a_second, checkpoint.p99
    ));
    say(&format!(
        "   most memory that the registry took: {}",
        registry.peak_memory()?
    ));
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
            std::thread::sleep(Duration::from_millis(100));
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
