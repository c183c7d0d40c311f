//! Our own registry as a background process.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    process::{Child, ChildStdout},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::system::Run;

/// A registry that runs in the background; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Registry {
    child: Child,
    /// Such as `127.0.0.1:8080`, with the port that was picked.
    address: String,
    /// Kept open: a registry that cannot print would stop.
    _lines: BufReader<ChildStdout>,
}

impl Registry {
    /// Starts `run`, a registry with its options but for `listen`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(run: Run, listen: &str) -> Result<Self> {
        let mut child = run.args(["--listen", listen]).start()?;
        let mut lines = BufReader::new(child.stdout.take().context("its stdout is piped")?);
        let mut first = String::new();
        lines.read_line(&mut first)?;
        let Some(address) = first.trim_end().strip_prefix("listening on http://") else {
            child.wait()?;
            bail!(
                "the registry did not start; what it says is above. Is {listen} taken? \
                 Port 0 picks a free one"
            );
        };
        let address = address.to_owned();
        Ok(Self {
            child,
            address,
            _lines: lines,
        })
    }

    /// A small answer of the registry.
    ///
    /// # Errors
    /// When it does not answer, or refuses.
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        let address = &self.address;
        let mut stream = TcpStream::connect(address).with_context(|| format!("{address} does not answer"))?;
        write!(
            stream,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .context("an answer without a head")?;
        ensure!(head.starts_with("HTTP/1.1 200"), "{path} was refused: {head}");
        Ok(body.to_owned())
    }

    /// How many entries its log has published.
    ///
    /// # Errors
    /// When it does not say.
    pub(crate) fn entries(&self) -> Result<u64> {
        let checkpoint = self.get("/log/checkpoint")?;
        let size = checkpoint.lines().nth(1).and_then(|size| size.parse().ok());
        size.with_context(|| format!("the checkpoint reads {checkpoint:?}"))
    }

    /// The most memory that it had at one time, in KiB, as the system says it.
    ///
    /// # Errors
    /// When the system does not.
    pub(crate) fn peak_memory_kib(&self) -> Result<u64> {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = peak.and_then(|peak| peak.split_whitespace().next());
        number
            .and_then(|number| number.parse().ok())
            .context("the system names no peak")
    }

    /// Where it listens, such as `127.0.0.1:8080`.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        // It may have ended already; then both fail and there is nothing left to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
