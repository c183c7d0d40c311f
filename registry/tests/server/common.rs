//! The real server as a child process, a small HTTP client, and a lab that publishes.

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{Problem, RecordProof, paths},
    chunk::ChunkList,
    dsse::Envelope,
    json::{self, FromJson},
    key::SigningKey,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    statement::{SubjectFacts, keyset_payload, signature_payload},
    trust::TrustFile,
    verify,
};

/// A running registry. Dropped, it is killed.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: String,
    pub(crate) log_key: String,
    pub(crate) data: PathBuf,
}

/// How a server that did not start ended.
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) stderr: String,
}

pub(crate) fn command(data: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_weighbridge-registry"));
    command.arg("--data").arg(data);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admission",
        "open",
        "--http-threads",
        "2",
        "--log-level",
        "warn",
    ]);
    command.args(["--web", "/nonexistent/web"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

impl Server {
    pub(crate) fn start(data: &Path) -> Self {
        Self::launch(command(data), data)
    }

    pub(crate) fn start_with(data: &Path, arguments: &[&str]) -> Self {
        let mut command = command(data);
        command.args(arguments);
        Self::launch(command, data)
    }

    fn launch(mut command: Command, data: &Path) -> Self {
        let mut child = command.stderr(Stdio::inherit()).spawn().expect("the server runs");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut next = |prefix: &str| {
            let line = lines.next().expect("the server says where it listens").unwrap();
            line.strip_prefix(prefix)
                .unwrap_or_else(|| panic!("wanted {prefix:?}, got {line:?}"))
                .to_owned()
        };
        let address = next("listening on http://");
        let log_key = next("log key ");
        Self {
            child,
            address,
            log_key,
            data: data.to_owned(),
        }
    }

    /// Starts a server that is expected to refuse.
    pub(crate) fn refuse(data: &Path, arguments: &[&str]) -> Refusal {
        let output = command(data).args(arguments).output().unwrap();
        Refusal {
            code: output.status.code(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the end, and gives the exit code.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        self.child.wait().unwrap().code()
    }

    /// SIGTERM, and waits for the end.
    pub(crate) fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .unwrap()
                .success()
        );
        self.child.wait().unwrap().code()
    }

    pub(crate) fn origin(&self) -> String {
        self.log_key.split('+').next().unwrap().to_owned()
    }

    pub(crate) fn trust(&self) -> TrustFile {
        TrustFile::parse(&std::fs::read_to_string(self.data.join("trust")).unwrap()).unwrap()
    }

    pub(crate) fn get(&self, path: &str) -> Response {
        self.request("GET", path, &[], b"")
    }

    pub(crate) fn request(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Response {
        request(&self.address, method, path, headers, body)
    }

    pub(crate) fn submit(&self, envelope: &Envelope) -> Response {
        self.request("POST", paths::ATTESTATIONS, &[], &envelope.to_json())
    }

    pub(crate) fn published_size(&self) -> u64 {
        self.get("/log/checkpoint")
            .text()
            .lines()
            .nth(1)
            .unwrap()
            .parse()
            .unwrap()
    }

    /// Submits, uploads what is missing, submits again.
    pub(crate) fn publish(&self, model: &Model, envelope: &Envelope) -> RecordProof {
        let first = self.submit(envelope);
        if first.status == 200 {
            return first.json();
        }
        let problem: Problem = first.json();
        assert_eq!(problem.code, "blobs-missing", "{problem:?}");
        let ticket = problem.ticket.unwrap();
        for blob in problem.missing {
            let path = paths::blob(&blob.digest);
            let response = self.request(
                "PUT",
                &path,
                &[(paths::TICKET_HEADER, &ticket)],
                &model.blobs[&blob.digest],
            );
            assert_eq!(response.status, 201, "{}", response.text());
        }
        let second = self.submit(envelope);
        assert_eq!(second.status, 200, "{}", second.text());
        second.json()
    }

    /// Checks a record exactly as a client does.
    pub(crate) fn assert_proved(&self, id: &RecordId) {
        let payload = self.get(&paths::record(id));
        assert_eq!(payload.status, 200, "{}", payload.text());
        let proof = self.get(&paths::record_proof(id));
        assert_eq!(proof.status, 200, "{}", proof.text());
        let opened = verify::open(Some(&self.trust()), *id, &payload.body, &proof.json(), None);
        assert_eq!(opened.fault(), None);
        assert!(opened.identity().is_some());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Response {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json<T: FromJson>(&self) -> T {
        json::read(&self.body, self.body.len()).unwrap_or_else(|e| panic!("{e}: {}", self.text()))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The code of a problem document that has the form it must have.
    pub(crate) fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        assert_eq!(self.header("cache-control"), "no-store");
        let problem: Problem = self.json();
        assert_eq!(
            (problem.status, problem.type_.as_str()),
            (self.status, "about:blank")
        );
        assert!(
            problem.detail.len() > 10 && !problem.detail.contains('!'),
            "{}",
            problem.detail
        );
        problem.code
    }
}

pub(crate) fn request(
    address: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut stream = TcpStream::connect(address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let length = (!body.is_empty() || matches!(method, "POST" | "PUT")).then(|| body.len().to_string());
    let length = length.as_deref().map(|length| ("Content-Length", length));
    let all = [("Host", address), ("Connection", "close")]
        .into_iter()
        .chain(length)
        .chain(headers.iter().copied());
    let lines: String = all
        .map(|(name, value)| [name, ": ", value, "\r\n"].concat())
        .collect();
    let head = format!("{method} {path} HTTP/1.1\r\n{lines}");
    stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(body);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    parse(&bytes)
}

pub(crate) fn parse(bytes: &[u8]) -> Response {
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("a whole head");
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let header = |line: &str| {
        line.split_once(": ")
            .map(|(n, v)| (n.to_ascii_lowercase(), v.to_owned()))
            .unwrap()
    };
    let headers: BTreeMap<_, _> = lines.map(header).collect();
    let mut body = bytes[end + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|t| t == "chunked") {
        body = dechunk(&body);
    }
    Response {
        status,
        headers,
        body,
    }
}

fn dechunk(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|w| w == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..end]).unwrap(), 16).unwrap();
        body.extend_from_slice(&rest[end + 2..][..size]);
        rest = &rest[end + 2 + size + 2..];
    }
    body
}

/// Waits until `holds`, and fails after a minute.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "gave up waiting: {what}"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A lab with one key.
pub(crate) struct Lab {
    pub(crate) key: SigningKey,
    pub(crate) name: PublisherName,
    pub(crate) keyset: Envelope,
    pub(crate) genesis: RecordId,
}

impl Lab {
    pub(crate) fn new(name: &str, seed: u8, origin: &str) -> Self {
        let key = SigningKey::from_seed(&[seed; 32]);
        let name: PublisherName = name.parse().unwrap();
        let keyset =
            Keyset::first(name.clone(), origin.into(), key.public().clone(), "alice".into()).unwrap();
        let keyset = Envelope::sign(keyset_payload(&keyset), &[&key]);
        let genesis = RecordId::of_payload(&keyset.payload);
        Self {
            key,
            name,
            keyset,
            genesis,
        }
    }

    /// A lab whose name exists on the log.
    pub(crate) fn create(server: &Server, name: &str, seed: u8) -> Self {
        let lab = Self::new(name, seed, &server.origin());
        let answer = server.submit(&lab.keyset);
        assert_eq!(answer.status, 200, "{}", answer.text());
        lab
    }

    pub(crate) fn facts(&self, name: &str) -> SubjectFacts {
        SubjectFacts {
            publisher: self.name.clone(),
            genesis: self.genesis,
            name: name.into(),
            version: Some("1.0".into()),
            official: vec![],
        }
    }

    pub(crate) fn attest(&self, model: &Model) -> Envelope {
        Envelope::sign(
            signature_payload(&self.facts(&model.name), &model.manifest, &[], &[]),
            &[&self.key],
        )
    }
}

/// A model of small files, with its sidecars.
pub(crate) struct Model {
    pub(crate) name: String,
    pub(crate) manifest: Manifest,
    pub(crate) blobs: BTreeMap<Sha256Digest, Vec<u8>>,
}

impl Model {
    /// Files of under one chunk each, none of them weights.
    pub(crate) fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let mut blobs = BTreeMap::new();
        let files = files.iter().map(|(path, content)| {
            let sha256 = Sha256Digest::of(content.as_bytes());
            let list = if content.is_empty() {
                ChunkList::default()
            } else {
                ChunkList::new(vec![sha256])
            };
            if !content.is_empty() {
                blobs.insert(list.digest(), list.to_bytes());
            }
            ManifestFile {
                path: path.parse().unwrap(),
                size: content.len() as u64,
                sha256,
                chunks: list.digest(),
                chunk0: list.chunk0(),
                tensors: None,
            }
        });
        let manifest = Manifest::new(files.collect()).unwrap();
        Self {
            name: name.into(),
            manifest,
            blobs,
        }
    }

    /// A model that differs from every other `n`.
    pub(crate) fn numbered(n: u64) -> Self {
        Self::of(
            &format!("acme/model-{n}"),
            &[("config.json", &format!("{{\"n\":{n}}}")), ("empty", "")],
        )
    }
}
