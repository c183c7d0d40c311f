//! What the page asks the registry, typed and bounded. Nothing here is believed: the bytes go to
//! `provenance::verify`, which proves them or says why not.

use js_sys::{Array, Promise, Uint8Array};
use provenance::{
    RecordId, Sha256Digest,
    api::{Problem, RecordProof, paths},
    dsse::MAX_PAYLOAD_BYTES,
    json::{self, FromJson},
    lookup::{LookupAnswer, LookupInfo, Match, prefix},
    trust::MAX_TRUST_BYTES,
};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;

use crate::{files::described, task::Begun, text};

#[wasm_bindgen(module = "/js/fetch.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchBounded)]
    fn fetch_bounded(path: &str, limit: f64, reload: bool) -> Promise;
}

/// Most bytes of an answer with a list or a proof: 16 MiB.
const MAX_ANSWER_BYTES: usize = 16 << 20;

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

/// Lookups of one run. Counts what was said about the visitor's files.
#[derive(Debug, Default)]
pub(crate) struct Lookup {
    index: Option<Index>,
    /// Prefixes sent so far.
    pub(crate) prefixes_sent: usize,
    /// Hex digits in each of them.
    pub(crate) digits: u32,
}

/// How the registry's index is read.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Index {
    /// All of it is here.
    Whole(Vec<Match>),
    /// By prefixes of this many hex digits, at least one.
    ByPrefix(u32),
}

impl Index {
    fn of(info: LookupInfo) -> Result<Self, ApiError> {
        let digits = info.digits_to_send();
        match (info.matches, digits) {
            (Some(all), _) => Ok(Self::Whole(all)),
            (None, 0) => Err(ApiError::Answer {
                what: "lookup",
                detail: "it asks for no digits and gives no list".to_owned(),
            }),
            (None, digits) => Ok(Self::ByPrefix(digits)),
        }
    }
}

impl Lookup {
    /// Every key equal to `digest`. Only its first digits are sent; with a small index, nothing is.
    ///
    /// # Errors
    /// [`ApiError`].
    pub(crate) async fn find(&mut self, digest: Sha256Digest) -> Result<Vec<Match>, ApiError> {
        if self.index.is_none() {
            self.index = Some(Index::of(get_json("lookup", paths::LOOKUP, true).await?)?);
        }
        let mut matches = match &self.index {
            Some(Index::ByPrefix(digits)) => {
                self.prefixes_sent += 1;
                self.digits = *digits;
                let path = paths::lookup(&prefix(&digest, *digits));
                get_json::<LookupAnswer>("lookup", &path, true).await?.matches
            }
            Some(Index::Whole(all)) => all.clone(),
            None => Vec::new(),
        };
        matches.retain(|found| found.key == digest);
        Ok(matches)
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

fn read(what: &'static str, answer: Result<JsValue, JsValue>) -> Result<Vec<u8>, ApiError> {
    let answer = answer.map_err(|error| match error.dyn_ref::<js_sys::RangeError>() {
        Some(_) => ApiError::Answer {
            what,
            detail: described(&error),
        },
        None => ApiError::Network {
            what,
            detail: described(&error),
        },
    })?;
    let pair = Array::from(&answer);
    let bytes = Uint8Array::new(&pair.get(1)).to_vec();
    match pair.get(0).as_f64() {
        Some(200.0) => Ok(bytes),
        Some(404.0) if matches!(what, "record" | "proof") => Err(ApiError::NotFound),
        status => Err(refused(what, text::whole(status.unwrap_or_default()), &bytes)),
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

#[cfg(test)]
mod tests {
    use super::*;

    fn index(keys: u64, digits: u32, matches: Option<Vec<Match>>) -> Result<Index, ApiError> {
        Index::of(LookupInfo {
            v: 1,
            keys,
            digits,
            as_of_size: 9,
            matches,
        })
    }

    #[test]
    fn a_registry_cannot_make_the_page_send_more_digits_than_its_index_calls_for() {
        for (keys, asked, sent) in [
            (70_000, 2, 2),
            (70_000, 1, 1),
            (5000, 64, 1),
            (u64::MAX, u32::MAX, 5),
        ] {
            assert_eq!(index(keys, asked, None), Ok(Index::ByPrefix(sent)));
        }
    }

    #[test]
    fn an_index_that_is_given_whole_is_not_asked() {
        assert_eq!(index(0, 0, Some(Vec::new())), Ok(Index::Whole(Vec::new())));
        assert_eq!(index(70_000, 5, Some(Vec::new())), Ok(Index::Whole(Vec::new())));
    }

    #[test]
    fn a_registry_that_gives_neither_list_nor_digits_is_told_nothing() {
        for (keys, digits) in [(10, 0), (10, 5), (u64::MAX, 0)] {
            let error = index(keys, digits, None).unwrap_err().to_string();
            assert!(
                error.contains("it asks for no digits and gives no list"),
                "{error}"
            );
        }
    }
}
