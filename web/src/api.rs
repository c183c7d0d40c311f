//! What the page asks the registry, typed and bounded. Nothing here is believed: the bytes go to
//! `provenance::verify`, which proves them or says why not.

use std::rc::Rc;

use js_sys::{Array, Promise, Uint8Array};
use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{
        BadgeDocument, GrowthAnswer, Problem, PublisherAnswer, PublishersAnswer, RecordProof, RecordsAnswer,
        ScriptsAnswer, SearchAnswer, paths,
    },
    domain_proof::MAX_DOMAIN_PROOF_BYTES,
    dsse::MAX_PAYLOAD_BYTES,
    json::{self, FromJson},
    lookup::{Index, LookupAnswer, Match},
    merkle::tile::{TILE_WIDTH, TileCoord},
    record::Record,
    trust::MAX_TRUST_BYTES,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use crate::{files::described, task::Begun, text};

#[wasm_bindgen(module = "/js/fetch.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchBounded)]
    fn fetch_bounded(path: &str, limit: f64, reload: bool) -> Promise;
    #[wasm_bindgen(js_name = fetchElsewhere)]
    fn fetch_elsewhere(url: &str, limit: f64) -> Promise;
}

/// Most bytes of an answer with a list or a proof: 16 MiB.
const MAX_ANSWER_BYTES: usize = 16 << 20;

/// Most bytes of a checkpoint with all its cosignatures.
const MAX_CHECKPOINT_BYTES: usize = 64 << 10;

/// Why the registry gave no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ApiError {
    /// No connection.
    #[error("The registry could not be reached for {what}: {detail}. Check the connection and try again.")]
    Network {
        /// What was asked for.
        what: &'static str,
        /// What the browser said.
        detail: String,
    },
    /// The registry has no such record.
    #[error(
        "The registry has no record with this id. It may be on another registry, or the id may be a file's digest."
    )]
    NotFound,
    /// The registry refused, and said why.
    #[error("The registry gave no {what}: {detail} (code {code}). Try again later.")]
    Refused {
        /// What was asked for.
        what: &'static str,
        /// The problem's stable code, or the HTTP status.
        code: String,
        /// The problem's own words.
        detail: String,
    },
    /// The answer was of another shape, or too long.
    #[error("The registry's answer for {what} cannot be used: {detail}. Its operator should know.")]
    Answer {
        /// What was asked for.
        what: &'static str,
        /// What was wrong with it.
        detail: String,
    },
}

/// A record's payload bytes. `verify` compares them with the id.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn record(id: RecordId) -> Begun<Result<Vec<u8>, ApiError>> {
    get("record", &paths::record(&id), MAX_PAYLOAD_BYTES, false)
}

/// A record, read out of the bytes that its id names.
///
/// # Errors
/// [`ApiError`], for bytes that are not that record too.
pub(crate) fn parsed_record(id: RecordId) -> Begun<Result<Rc<Record>, ApiError>> {
    let payload = record(id);
    Box::pin(async move {
        let payload = payload.await?;
        let wrong = |detail: String| ApiError::Answer {
            what: "record",
            detail,
        };
        let found = RecordId::of_payload(&payload);
        if found != id {
            return Err(wrong(format!("what came is record {found}, not {id}")));
        }
        Record::parse(&payload)
            .map(Rc::new)
            .map_err(|error| wrong(error.to_string()))
    })
}

/// A record's proof against the newest checkpoint.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn record_proof(id: RecordId) -> Begun<Result<RecordProof, ApiError>> {
    get_json("proof", &paths::record_proof(&id), true)
}

/// A sidecar of at most `limit` bytes; `None` when what came does not have this digest.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn blob(digest: Sha256Digest, limit: usize) -> Begun<Result<Option<Vec<u8>>, ApiError>> {
    let bytes = get("sidecar", &paths::blob(&digest), limit, false);
    Box::pin(async move { Ok(Some(bytes.await?).filter(|bytes| Sha256Digest::of(bytes) == digest)) })
}

/// The registry's own trust file.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn offered_trust() -> Result<String, ApiError> {
    let bytes = get("trust file", paths::TRUST, MAX_TRUST_BYTES, true).await?;
    String::from_utf8(bytes).map_err(|_| ApiError::Answer {
        what: "trust file",
        detail: "it is not text".to_owned(),
    })
}

/// A publisher's keys and records.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn publisher(name: &PublisherName) -> Begun<Result<PublisherAnswer, ApiError>> {
    get_json("publisher", &paths::publisher(name), true)
}

/// A publisher, with those of its records that came before entry `index`.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn publisher_before(name: &PublisherName, index: u64) -> Begun<Result<PublisherAnswer, ApiError>> {
    get_json("publisher", &paths::publisher_before(name, index), true)
}

/// All publishers.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn publishers() -> Begun<Result<PublishersAnswer, ApiError>> {
    get_json("list of publishers", paths::PUBLISHERS, true)
}

/// The newest records of everybody, or of those with an index below `before`.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn newest(before: Option<u64>) -> Begun<Result<RecordsAnswer, ApiError>> {
    let path = match before {
        None => paths::NEWEST.to_owned(),
        Some(index) => format!("{}?before={index}", paths::NEWEST),
    };
    get_json("list of records", &path, true)
}

/// How the log has grown.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn growth() -> Begun<Result<GrowthAnswer, ApiError>> {
    get_json("growth of the log", paths::GROWTH, true)
}

/// Records about the artifact with this dirHash1.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn artifact(dir_hash1: Sha256Digest) -> Begun<Result<RecordsAnswer, ApiError>> {
    get_json("list of records", &paths::artifact(&dir_hash1), true)
}

/// Records with these words, which the registry is told.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn search(words: &str) -> Begun<Result<SearchAnswer, ApiError>> {
    let escaped = String::from(js_sys::encode_uri_component(words));
    get_json("search", &format!("{}?q={escaped}", paths::SEARCH), true)
}

/// What the badge of a record or model is made from.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn badge(reference: &str) -> Begun<Result<BadgeDocument, ApiError>> {
    let escaped: Vec<_> = reference
        .split('/')
        .map(|part| String::from(js_sys::encode_uri_component(part)))
        .collect();
    get_json("badge", &format!("/badge/v1/{}.json", escaped.join("/")), true)
}

/// The badge scripts that the registry serves.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn scripts() -> Begun<Result<ScriptsAnswer, ApiError>> {
    get_json("list of scripts", "/e/", true)
}

/// The description of the API.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn openapi() -> Begun<Result<serde_json::Value, ApiError>> {
    let bytes = get("description", paths::OPENAPI, MAX_ANSWER_BYTES, true);
    Box::pin(async move {
        let detail = |error: json::JsonError| ApiError::Answer {
            what: "description",
            detail: error.to_string(),
        };
        json::parse_strict(&bytes.await?, MAX_ANSWER_BYTES).map_err(detail)
    })
}

/// The newest checkpoint, a signed note.
///
/// # Errors
/// [`ApiError`].
pub(crate) fn checkpoint() -> Begun<Result<String, ApiError>> {
    let bytes = get("checkpoint", paths::CHECKPOINT, MAX_CHECKPOINT_BYTES, true);
    Box::pin(async move {
        String::from_utf8(bytes.await?).map_err(|_| ApiError::Answer {
            what: "checkpoint",
            detail: "it is not text".to_owned(),
        })
    })
}

/// A tile of the log. A partial one may be gone once the full one is there, which begins with the same hashes.
///
/// # Errors
/// [`ApiError`].
pub(crate) async fn tile(tile: TileCoord) -> Result<Vec<u8>, ApiError> {
    let limit = usize::try_from(TILE_WIDTH).unwrap_or(usize::MAX) * Sha256Digest::LEN;
    let exact = get("tile", &paths::tile(&tile), limit, false).await;
    if exact.is_ok() || tile.is_full() {
        return exact;
    }
    let mut bytes = get("tile", &paths::tile(&tile.whole()), limit, false).await?;
    bytes.truncate(usize::from(tile.width) * Sha256Digest::LEN);
    Ok(bytes)
}

/// What a publisher's own site says of it, at `url`.
///
/// # Errors
/// Why nothing usable came, as a sentence about the site.
pub(crate) fn domain_proof(url: &str) -> Begun<Result<Vec<u8>, String>> {
    let answer = JsFuture::from(fetch_elsewhere(
        url,
        text::as_float(MAX_DOMAIN_PROOF_BYTES as u64),
    ));
    Box::pin(async move {
        match received(answer.await) {
            Ok((200, bytes)) => Ok(bytes),
            Ok((status, _)) => Err(format!("The site answered with status {status}.")),
            Err(Lost::TooLong(detail)) => Err(format!("The site’s answer is too long: {detail}.")),
            Err(Lost::Unreached(detail)) => Err(format!(
                "The site could not be reached, or does not let other pages read this file: {detail}."
            )),
        }
    })
}

/// Lookups of one run.
#[derive(Debug, Default)]
pub(crate) struct Lookup(Option<Index>);

impl Lookup {
    /// Every key equal to `digest`. Only its first digits are sent; with a small index, nothing is.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn find(&mut self, digest: Sha256Digest) -> Result<Vec<Match>, ApiError> {
        let what = "lookup";
        if self.0.is_none() {
            let index = Index::new(get_json(what, paths::LOOKUP, true).await?);
            self.0 = Some(index.map_err(|error| ApiError::Answer {
                what,
                detail: error.to_string(),
            })?);
        }
        let Some(index) = &mut self.0 else {
            return Ok(Vec::new());
        };
        if let Some(digits) = index.must_ask(&digest) {
            let answer: LookupAnswer = get_json(what, &paths::lookup(&digits), true).await?;
            index.learn(digits, answer);
        }
        Ok(index.matches(&digest))
    }

    /// What the registry was told so far.
    pub(crate) fn told(&self) -> String {
        match &self.0 {
            Some(index) => index.sent().words(),
            None => "Nothing was looked up.".to_owned(),
        }
    }
}

fn get_json<T: FromJson>(what: &'static str, path: &str, reload: bool) -> Begun<Result<T, ApiError>> {
    let bytes = get(what, path, MAX_ANSWER_BYTES, reload);
    Box::pin(async move { parse(&bytes.await?).map_err(|detail| ApiError::Answer { what, detail }) })
}

/// Begins a request at once.
fn get(what: &'static str, path: &str, limit: usize, reload: bool) -> Begun<Result<Vec<u8>, ApiError>> {
    let answer = JsFuture::from(fetch_bounded(path, text::as_float(limit as u64), reload));
    Box::pin(async move { read(what, answer.await) })
}

/// Why no whole answer came.
enum Lost {
    TooLong(String),
    Unreached(String),
}

/// Status and body of an answer of `/js/fetch.js`.
fn received(answer: Result<JsValue, JsValue>) -> Result<(u64, Vec<u8>), Lost> {
    let answer = answer.map_err(|error| match error.dyn_ref::<js_sys::RangeError>() {
        Some(_) => Lost::TooLong(described(&error)),
        None => Lost::Unreached(described(&error)),
    })?;
    let pair = Array::from(&answer);
    let status = text::whole(pair.get(0).as_f64().unwrap_or_default());
    Ok((status, Uint8Array::new(&pair.get(1)).to_vec()))
}

fn read(what: &'static str, answer: Result<JsValue, JsValue>) -> Result<Vec<u8>, ApiError> {
    match received(answer) {
        Ok((200, bytes)) => Ok(bytes),
        Ok((404, _)) if matches!(what, "record" | "proof" | "publisher" | "badge") => Err(ApiError::NotFound),
        Ok((status, bytes)) => Err(refused(what, status, &bytes)),
        Err(Lost::TooLong(detail)) => Err(ApiError::Answer { what, detail }),
        Err(Lost::Unreached(detail)) => Err(ApiError::Network { what, detail }),
    }
}

fn refused(what: &'static str, status: u64, body: &[u8]) -> ApiError {
    match parse::<Problem>(body) {
        Ok(problem) => {
            let code = provenance::path::visible(&problem.code);
            ApiError::Refused {
                what,
                code,
                detail: provenance::path::visible(&problem.detail),
            }
        }
        Err(_) => ApiError::Refused {
            what,
            code: status.to_string(),
            detail: "it gave no reason".to_owned(),
        },
    }
}

fn parse<T: FromJson>(bytes: &[u8]) -> Result<T, String> {
    json::read(bytes, MAX_ANSWER_BYTES).map_err(|error| error.to_string())
}
