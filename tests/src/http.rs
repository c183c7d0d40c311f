//! Plain HTTP as any program would speak it: statuses and headers as they are, nothing decoded or followed.

use std::collections::BTreeMap;

use provenance::json::{self, FromJson};
use serde_json::Value;
use ureq::{Agent, Body, http::Response};

/// Most bytes of an answer that are read.
const MAX_BODY_BYTES: u64 = 64 << 20;

/// A server at an address.
#[derive(Debug, Clone)]
pub struct Client {
    agent: Agent,
    base: String,
}

/// What a server answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Headers by lowercase name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the server at `base`.
    pub fn new(base: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_global(Some(crate::wait::PATIENCE))
            .build();
        Self {
            agent: config.into(),
            base: base.to_owned(),
        }
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Answer {
        self.get_with(path, &[])
    }

    /// `GET path` with headers.
    pub fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let mut request = self.agent.get(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(path, request.call())
    }

    /// `HEAD path`.
    pub fn head(&self, path: &str) -> Answer {
        answer(path, self.agent.head(self.url(path)).call())
    }

    /// `POST path`.
    pub fn post(&self, path: &str, body: &[u8]) -> Answer {
        let request = self
            .agent
            .post(self.url(path))
            .header("Content-Type", "application/json");
        answer(path, request.send(body))
    }

    /// `POST path`; none when no answer comes, as from a server that is killed.
    pub fn try_post(&self, path: &str, body: &[u8]) -> Option<Answer> {
        let request = self
            .agent
            .post(self.url(path))
            .header("Content-Type", "application/json");
        try_answer(request.send(body)).ok()
    }

    /// `GET path`; none when no answer comes.
    pub fn try_get(&self, path: &str) -> Option<Answer> {
        try_answer(self.agent.get(self.url(path)).call()).ok()
    }

    /// `PUT path` with headers.
    pub fn put(&self, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
        let mut request = self.agent.put(self.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(path, request.send(body))
    }

    /// `DELETE path`.
    pub fn delete(&self, path: &str) -> Answer {
        answer(path, self.agent.delete(self.url(path)).call())
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }
}

fn answer(path: &str, result: Result<Response<Body>, ureq::Error>) -> Answer {
    try_answer(result).unwrap_or_else(|error| panic!("no answer for {path}: {error}"))
}

fn try_answer(result: Result<Response<Body>, ureq::Error>) -> Result<Answer, ureq::Error> {
    let mut response = result?;
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = response
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    let body = response
        .body_mut()
        .with_config()
        .limit(MAX_BODY_BYTES)
        .read_to_vec()?;
    Ok(Answer {
        status: response.status().as_u16(),
        headers,
        body,
    })
}

impl Answer {
    /// A header; empty when it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in the answer {} {}", self.status, self.text()))
    }

    /// The body as JSON of a known shape, read as every client of ours does.
    pub fn parse<T: FromJson>(&self) -> T {
        json::read(&self.body, self.body.len())
            .unwrap_or_else(|error| panic!("{error} in the answer {} {}", self.status, self.text()))
    }

    /// The body, when the status is 200.
    #[expect(clippy::return_self_not_must_use, reason = "often called for its check alone")]
    pub fn ok(self) -> Self {
        assert_eq!(self.status, 200, "{}", self.text());
        self
    }

    /// The code of a problem document.
    pub fn problem(&self) -> String {
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text()
        );
        let problem: provenance::api::Problem = self.parse();
        assert_eq!(problem.status, self.status, "{}", self.text());
        assert!(
            !problem.title.is_empty() && !problem.detail.is_empty(),
            "{}",
            self.text()
        );
        problem.code
    }
}
