//! `GET /api/v1/records/{id}` and `/proof`: a record's exact bytes, and everything that proves it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::{RecordId, api::RecordProof, dsse::PAYLOAD_TYPE};

use super::{
    blocking,
    caching::{IMMUTABLE, answer_with_etag, fresh_json},
    failures::{digest, log_error},
    problem::{ApiError, Code},
};
use crate::App;

/// Serves the payload, exactly as it was signed.
pub(crate) async fn payload(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let id = RecordId::from_digest(digest(&path)?);
    let app_there = app.clone();
    let found = blocking(move || app_there.log.payload(&id).map_err(|e| log_error(&e))).await?;
    let payload = found.ok_or_else(|| unknown(&app, &id))?;
    Ok(answer_with_etag(
        &request,
        &id.to_string(),
        IMMUTABLE,
        PAYLOAD_TYPE,
        || payload.into(),
    ))
}

/// Serves the proof against the checkpoint that is published now.
pub(crate) async fn proof(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let id = RecordId::from_digest(digest(&path)?);
    let proof = blocking(move || prove(&app, &id, None)).await?;
    fresh_json(&request, &proof)
}

/// Proves a record, by its first leaf or by the leaf at `index`.
pub(crate) fn prove(app: &App, id: &RecordId, index: Option<u64>) -> Result<RecordProof, ApiError> {
    app.log
        .prove(id, index)
        .map_err(|e| log_error(&e))?
        .ok_or_else(|| unknown(app, id))
}

fn unknown(app: &App, id: &RecordId) -> ApiError {
    let size = app.log.view().head.size.get();
    ApiError::new(
        Code::RecordUnknown,
        format!("No record {id} is among the {size} entries of this log."),
    )
}
