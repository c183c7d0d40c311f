//! `GET /api/v1/lookup`, `/lookup/{digits}` and `/artifacts/{dirHash1}`: from digests to records.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::{
    RecordId,
    api::{RecordsAnswer, Summary},
    lookup::{LookupAnswer, LookupInfo, MAX_DIGITS, Match, digits_for},
};
use serde::Serialize;

use super::{
    asking,
    caching::fresh_json,
    failures,
    problem::{ApiError, Code},
};
use crate::{
    App,
    index::{Index, IndexError, MAX_MATCHES},
};

/// An answer from the index, with the log size that it reflects. The size is read first: an answer may know
/// more than it says, never less.
pub(crate) async fn from_index<T: Serialize + Send + 'static>(
    request: HttpRequest,
    app: Data<App>,
    ask: impl FnOnce(&Index, u64) -> Result<T, ApiError> + Send + 'static,
) -> Result<HttpResponse, ApiError> {
    let answer = asking(&app, move |_, index| {
        let size = index.size().get();
        ask(index, size)
    });
    fresh_json(&request, &answer.await?)
}

pub(crate) fn index_error(error: &IndexError) -> ApiError {
    ApiError::internal("reading the index", error)
}

/// What a list says of a record; none when it is not published.
pub(crate) fn summary_of(app: &App, index: &Index, id: &RecordId) -> Result<Option<Summary>, ApiError> {
    match app.log.index_of(id) {
        Some(at) => index.summary(at).map_err(|e| index_error(&e)),
        None => Ok(None),
    }
}

fn matches(index: &Index, digits: &str) -> Result<Vec<Match>, ApiError> {
    index.lookup(digits).map_err(|e| index_error(&e))?.ok_or_else(|| {
        let detail = format!(
            "More than {MAX_MATCHES} keys start with {digits:?}, the most that one answer holds. Ask with more digits, \
             up to {MAX_DIGITS}."
        );
        ApiError::new(Code::TooManyMatches, detail)
    })
}

/// Says how to ask, and answers at once while the index is small.
pub(crate) async fn info(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    from_index(request, app, |index, as_of_size| {
        let keys = index.keys();
        let digits = digits_for(keys);
        let matches = if digits == 0 {
            Some(matches(index, "")?)
        } else {
            None
        };
        Ok(LookupInfo {
            v: 1,
            keys,
            digits,
            as_of_size,
            matches,
        })
    })
    .await
}

/// Answers with every key that starts with these digits.
pub(crate) async fn prefix(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let digits = path.into_inner();
    let hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if digits.len() > MAX_DIGITS as usize || !hex {
        let detail = format!(
            "A lookup takes up to {MAX_DIGITS} lowercase hex digits, not {digits:?}. Never send a whole digest."
        );
        return Err(ApiError::new(Code::BadRequest, detail));
    }
    from_index(request, app, move |index, as_of_size| {
        Ok(LookupAnswer {
            v: 1,
            as_of_size,
            matches: matches(index, &digits)?,
        })
    })
    .await
}

/// Lists the records about one artifact.
pub(crate) async fn artifact(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let digest = failures::digest(&path)?;
    from_index(request, app, move |index, as_of_size| {
        let records = index.artifact(&digest).map_err(|e| index_error(&e))?;
        Ok(RecordsAnswer {
            v: 1,
            as_of_size,
            records,
        })
    })
    .await
}
