//! `GET /api/v1/search?q=`: records by the words of their name, version and publisher, or by a digest.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use provenance::api::SearchAnswer;
use serde::Deserialize;

use super::{
    failures::bad_query,
    lookup::{from_index, index_error},
    problem::{ApiError, Code},
};
use crate::App;

/// Shortest query, in characters.
const MIN_QUERY_CHARACTERS: usize = 2;

/// Longest query, in bytes.
const MAX_QUERY_BYTES: usize = 256;

/// The query string.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
}

/// Searches.
pub(crate) async fn search(
    request: HttpRequest,
    query: Result<Query<Asked>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Query(Asked { q }) = query.map_err(bad_query)?;
    if q.trim().chars().count() < MIN_QUERY_CHARACTERS || q.len() > MAX_QUERY_BYTES {
        let detail =
            format!("A search (?q=) has {MIN_QUERY_CHARACTERS} characters to {MAX_QUERY_BYTES} bytes.");
        return Err(ApiError::new(Code::BadRequest, detail));
    }
    let there = app.clone();
    from_index(request, app, move |index, as_of_size| {
        let results = index.search(&q, |id| there.log.index_of(id));
        Ok(SearchAnswer {
            v: 1,
            as_of_size,
            results: results.map_err(|e| index_error(&e))?,
        })
    })
    .await
}
