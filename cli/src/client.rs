//! Talks to the registry: bounded bodies, bounded time, and every refusal turned into words.
//!
//! Nothing an answer says is believed here or by the callers; `provenance` proves it. Redirects are not
//! followed: they would tell another host what this user asks for.

use std::{fmt::Display, io, thread, time::Duration};

use provenance::{
    Sha256Digest,
    api::{Problem, paths},
    json::{self, FromJson},
    note::SignedNote,
};
use ureq::{
    Agent, Body,
    config::ConfigBuilder,
    http::{Response, StatusCode},
    typestate::AgentScope,
};
use url::Url;

use crate::{
    failure::{Exit, Failure, plain_io},
    output,
};

/// Most bytes of an ordinary JSON answer.
pub(crate) const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Most bytes of a checkpoint that are read; one with 32 witnesses has about 6 KiB.
const MAX_CHECKPOINT_BYTES: u64 = 64 << 10;

/// Most bytes of a problem document that are read.
const MAX_PROBLEM_BYTES: usize = 64 << 10;

/// The code that stands for an answer without a problem document: it may come from anything but a registry.
const NO_PROBLEM_DOCUMENT: &str = "no-problem-document";

/// How often an overloaded registry is asked again, and how long we wait at the most in between.
const MAX_RETRIES: u32 = 4;
const MAX_RETRY_WAIT: Duration = Duration::from_secs(10);

/// Slowest transfer that is put up with beyond `--timeout`: 64 KiB a second.
const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;

/// A registry at an address.
#[derive(Debug)]
pub(crate) struct Client {
    agent: Agent,
    base: Url,
    timeout: Duration,
}

/// What the registry answered, status included.
pub(crate) enum Answer {
    /// 2xx, and the body.
    Done(Vec<u8>),
    /// Anything else.
    Refused(Box<Problem>),
}

/// Speaks HTTP as all of this program does: redirects are not followed, and every status is an answer.
pub(crate) fn agent(timeouts: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>) -> Agent {
    let config = Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("weighbridge/", env!("CARGO_PKG_VERSION")));
    timeouts(config).build().into()
}

/// An address of the web, or what was wanted instead.
fn web_url(address: &str) -> Result<Url, String> {
    let wanted = || "wanted a URL such as https://registry.example".to_owned();
    let url = Url::parse(address).map_err(|error| {
        if address.contains("://") {
            error.to_string()
        } else {
            wanted()
        }
    })?;
    if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() {
        Ok(url)
    } else {
        Err(wanted())
    }
}

/// The exit code of a refusal: what the registry will not take as it is must change; all else may pass by itself.
fn exit_of_refusal(status: u16) -> Exit {
    match status {
        429 => Exit::Network,
        400..=499 => Exit::Usage,
        _ => Exit::Network,
    }
}

enum Method<'a> {
    Get,
    Post(&'a [u8], Option<&'a str>),
    Put(&'a [u8], &'a str),
}

impl Client {
    /// A client of the registry at `address`.
    ///
    /// # Errors
    /// [`Exit::Usage`] when `address` is not an http or https URL.
    pub(crate) fn new(address: &str, timeout: Duration) -> Result<Self, Failure> {
        let mut base = web_url(address).map_err(|why| {
            Failure::usage(format!("the registry address {address:?} cannot be used"))
                .why(why)
                .next("give the whole address, with http:// or https:// in front (--registry URL)")
        })?;
        base.set_query(None);
        base.set_fragment(None);
        Ok(Self {
            agent: agent(|config| config.timeout_connect(Some(timeout))),
            base,
            timeout,
        })
    }

    /// The registry's address as text, without a final slash.
    pub(crate) fn address(&self) -> &str {
        self.base.as_str().trim_end_matches('/')
    }

    /// Fetches `path`: at most `limit` bytes.
    ///
    /// # Errors
    /// [`Exit::Network`], or [`Exit::Usage`] when it is refused.
    pub(crate) fn get(&self, path: &str, limit: u64) -> Result<Vec<u8>, Failure> {
        match self.call(path, &Method::Get, limit)? {
            Answer::Done(body) => Ok(body),
            Answer::Refused(problem) => Err(self.refused(path, &problem)),
        }
    }

    /// Fetches `path`, or nothing when the registry does not have it.
    ///
    /// # Errors
    /// [`Exit::Network`], or [`Exit::Usage`] when it is refused.
    pub(crate) fn get_if_there(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, Failure> {
        match self.call(path, &Method::Get, limit)? {
            Answer::Done(body) => Ok(Some(body)),
            Answer::Refused(problem) if problem.status == 404 => Ok(None),
            Answer::Refused(problem) => Err(self.refused(path, &problem)),
        }
    }

    /// Fetches and parses a JSON answer.
    ///
    /// # Errors
    /// [`Exit::Network`], or [`Exit::Usage`] when it is refused.
    pub(crate) fn get_json<T: FromJson>(&self, path: &str) -> Result<T, Failure> {
        self.parse(path, &self.get(path, MAX_ANSWER_BYTES as u64)?)
    }

    /// Fetches the log's newest checkpoint. It is not proved.
    ///
    /// # Errors
    /// [`Exit::Network`].
    pub(crate) fn checkpoint(&self) -> Result<SignedNote, Failure> {
        let note = self.get(paths::CHECKPOINT, MAX_CHECKPOINT_BYTES)?;
        let note = String::from_utf8(note).map_err(|_| self.no_checkpoint("it is not text"))?;
        SignedNote::parse(&note).map_err(|error| self.no_checkpoint(error))
    }

    /// What is said of an answer that should be a checkpoint and is none.
    pub(crate) fn no_checkpoint(&self, why: impl Display) -> Failure {
        let path = paths::CHECKPOINT;
        Failure::new(
            Exit::Network,
            format!("{}{path} is not a checkpoint", self.address()),
        )
        .why(why)
        .next("check that this is the address of a Weighbridge registry")
    }

    /// What is said of a log of which something does not hold.
    pub(crate) fn fault(&self, why: impl Display) -> Failure {
        Failure::new(
            Exit::LogFault,
            format!("the log at {} does not hold", self.address()),
        )
        .why(provenance::path::visible(&why.to_string()))
        .next("keep this output, and ask the log's operator and witnesses")
    }

    /// Parses the answer to a request for `path`.
    ///
    /// # Errors
    /// [`Exit::Network`].
    pub(crate) fn parse<T: FromJson>(&self, path: &str, body: &[u8]) -> Result<T, Failure> {
        json::read(body, MAX_ANSWER_BYTES).map_err(|error| {
            Failure::new(
                Exit::Network,
                format!("the answer of {}{path} is not understood", self.address()),
            )
            .why(error)
            .next("check that this is the address of a Weighbridge registry, and of a version near this one")
        })
    }

    /// Submits an envelope, with an invitation where a new name needs one.
    ///
    /// # Errors
    /// [`Exit::Network`] when there is no answer.
    pub(crate) fn submit(&self, envelope: &[u8], invite: Option<&str>) -> Result<Answer, Failure> {
        self.call(
            paths::ATTESTATIONS,
            &Method::Post(envelope, invite),
            MAX_ANSWER_BYTES as u64,
        )
    }

    /// Uploads a sidecar.
    ///
    /// # Errors
    /// [`Exit::Network`] when there is no answer, [`Exit::Usage`] when it is refused.
    pub(crate) fn upload(&self, digest: &Sha256Digest, bytes: &[u8], ticket: &str) -> Result<(), Failure> {
        let path = paths::blob(digest);
        match self.call(&path, &Method::Put(bytes, ticket), MAX_ANSWER_BYTES as u64)? {
            Answer::Done(_) => Ok(()),
            Answer::Refused(problem) => Err(self.refused(&path, &problem)),
        }
    }

    /// A refusal in words: [`Exit::Usage`] when the request has to change, else [`Exit::Network`].
    pub(crate) fn refused(&self, path: &str, problem: &Problem) -> Failure {
        let what = format!("the registry {} refused {path}", self.address());
        let said = if problem.detail.is_empty() {
            &problem.title
        } else {
            &problem.detail
        };
        let why = format!("{said} ({} {})", problem.status, problem.code);
        let failure =
            Failure::new(exit_of_refusal(problem.status), what).why(provenance::path::visible(&why));
        if problem.code == NO_PROBLEM_DOCUMENT && (300..400).contains(&problem.status) {
            return failure.next("give the address that it leads to, if you trust it, with --registry");
        }
        if problem.status == 404 && problem.code == NO_PROBLEM_DOCUMENT {
            return failure.next("check that this is the address of a Weighbridge registry (--registry)");
        }
        failure
    }

    fn call(&self, path: &str, method: &Method<'_>, limit: u64) -> Result<Answer, Failure> {
        let url = format!("{}{path}", self.address());
        let mut retries = 0;
        loop {
            let mut response = self
                .send(&url, method, limit)
                .map_err(|error| self.unreachable(&url, &error))?;
            let status = response.status();
            if status.is_success() {
                let body = response.body_mut().with_config().limit(limit).read_to_vec();
                return body
                    .map(Answer::Done)
                    .map_err(|error| self.unreachable(&url, &error));
            }
            let overloaded = matches!(
                status,
                StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE
            );
            if overloaded && retries < MAX_RETRIES {
                retries += 1;
                thread::sleep(retry_after(&response));
                continue;
            }
            return Ok(Answer::Refused(Box::new(problem(&mut response))));
        }
    }

    fn send(&self, url: &str, method: &Method<'_>, limit: u64) -> Result<Response<Body>, ureq::Error> {
        let sent = match method {
            Method::Get => 0,
            Method::Post(body, _) | Method::Put(body, _) => body.len() as u64,
        };
        let patience = Duration::from_secs((sent + limit) / SLOWEST_BYTES_PER_SECOND);
        let whole = Some(self.timeout + patience);
        let first_byte = Some(self.timeout);
        match method {
            Method::Get => {
                let request = self
                    .agent
                    .get(url)
                    .config()
                    .timeout_recv_response(first_byte)
                    .timeout_global(whole);
                request.build().call()
            }
            Method::Post(body, invite) => {
                let request = self
                    .agent
                    .post(url)
                    .config()
                    .timeout_recv_response(first_byte)
                    .timeout_global(whole);
                let mut request = request.build().header("Content-Type", "application/json");
                if let Some(invite) = invite {
                    request = request.header(paths::INVITE_HEADER, *invite);
                }
                request.send(*body)
            }
            Method::Put(body, ticket) => {
                let request = self
                    .agent
                    .put(url)
                    .config()
                    .timeout_recv_response(first_byte)
                    .timeout_global(whole);
                let request = request.build().header("Content-Type", "application/octet-stream");
                request.header(paths::TICKET_HEADER, *ticket).send(*body)
            }
        }
    }

    fn unreachable(&self, url: &str, error: &ureq::Error) -> Failure {
        let check = "check the address (--registry) and that the registry is running";
        let failure = Failure::new(Exit::Network, format!("no usable answer from {url}"));
        match error {
            ureq::Error::HostNotFound => failure.why("there is no host of that name").next(check),
            ureq::Error::Timeout(_) => failure
                .why(format!("it took longer than {} s", self.timeout.as_secs()))
                .next("try again, or allow more time with --timeout SECONDS"),
            ureq::Error::Io(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                failure.why("nothing listens at that address").next(check)
            }
            ureq::Error::Io(error) => failure.why(plain_io(error)).next("try again"),
            ureq::Error::BodyExceedsLimit(limit) => failure
                .why(format!("it sent more than {}", output::bytes(*limit)))
                .next(check),
            ureq::Error::Protocol(_) => failure
                .why("what it sent is not HTTP as it should be")
                .next(check),
            other => failure.why(other).next(check),
        }
    }
}

fn retry_after(response: &Response<Body>) -> Duration {
    let header = response
        .headers()
        .get("Retry-After")
        .and_then(|value| value.to_str().ok());
    let seconds = header.and_then(|text| text.parse().ok()).unwrap_or(1);
    Duration::from_secs(seconds).clamp(Duration::from_millis(200), MAX_RETRY_WAIT)
}

/// The problem document of a refusal, or one made up from the status when there is none.
fn problem(response: &mut Response<Body>) -> Problem {
    let status = response.status();
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_PROBLEM_BYTES as u64)
        .read_to_vec()
        .unwrap_or_default();
    json::read(&body, MAX_PROBLEM_BYTES).unwrap_or_else(|_| Problem {
        type_: "about:blank".into(),
        title: status.canonical_reason().unwrap_or("refused").to_owned(),
        status: status.as_u16(),
        code: NO_PROBLEM_DOCUMENT.into(),
        detail: if status.is_redirection() {
            "it redirects to another address, which is not followed".into()
        } else {
            String::new()
        },
        missing: Vec::new(),
        ticket: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_no_web_address_are_refused() {
        for address in [
            "",
            "registry",
            "localhost:8080",
            "ftp://x",
            "file:///etc/passwd",
            "http://",
        ] {
            let failure = Client::new(address, Duration::from_secs(1)).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage, "{address}");
        }
        let failure = Client::new("registry.example", Duration::from_secs(1)).unwrap_err();
        assert_eq!(
            failure.why.as_deref(),
            Some("wanted a URL such as https://registry.example")
        );
        let client = Client::new("http://127.0.0.1:1/?x#y", Duration::from_secs(1)).unwrap();
        assert_eq!(client.address(), "http://127.0.0.1:1");
    }

    #[test]
    fn a_registry_that_is_not_there_is_a_network_failure_with_a_next_step() {
        // Port 1 of loopback: nothing listens there on any common system.
        let client = Client::new("http://127.0.0.1:1", Duration::from_secs(5)).unwrap();
        let failure = client.get("/healthz", 10).unwrap_err();
        assert_eq!(failure.exit, Exit::Network);
        assert!(
            failure.next.is_some() && failure.what.contains("http://127.0.0.1:1/healthz"),
            "{failure:?}"
        );
    }

    #[test]
    fn a_refusal_that_asks_for_another_request_is_no_network_failure() {
        for status in [400, 403, 404, 409, 413, 422] {
            assert_eq!(exit_of_refusal(status), Exit::Usage, "{status}");
        }
        for status in [302, 429, 500, 502, 503] {
            assert_eq!(exit_of_refusal(status), Exit::Network, "{status}");
        }
    }
}
