//! `GET /log/checkpoint`, `/log/tile/...` and `/trust`: the log for clients that have never heard of us
//! (c2sp tlog-tiles), and the starter trust file.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::merkle::tile::TileCoord;

use super::{
    blocking,
    caching::{FRESH, IMMUTABLE, TEXT, answer_with_etag, content_tag},
    failures::{log_error, sentence},
    problem::{ApiError, Code},
};
use crate::App;

/// Serves the published checkpoint.
pub(crate) async fn checkpoint(request: HttpRequest, app: Data<App>) -> HttpResponse {
    let view = app.log.view();
    let tag = content_tag(&view.note);
    answer_with_etag(&request, &tag, FRESH, TEXT, || view.note.clone().into())
}

/// Serves a tile or an entry bundle. Nothing above the published size exists.
pub(crate) async fn tile(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let path = format!("tile/{path}");
    let coord =
        TileCoord::parse(&path).map_err(|e| ApiError::new(Code::NotFound, sentence(&e.to_string())))?;
    let size = app.log.view().head.size;
    let beyond = || {
        let detail = format!(
            "No checkpoint that covers {path} was published; the log has {} entries.",
            size.get()
        );
        ApiError::new(Code::BeyondCheckpoint, detail)
    };
    if !coord.is_within(size) {
        return Err(beyond());
    }
    let found = blocking(move || app.log.tile(&coord).map_err(|e| log_error(&e))).await?;
    let bytes = found.ok_or_else(beyond)?;
    let tag = path.replace('/', "-");
    Ok(answer_with_etag(
        &request,
        &tag,
        IMMUTABLE,
        "application/octet-stream",
        || bytes.into(),
    ))
}

/// Serves the trust file that this registry suggests for itself.
pub(crate) async fn trust(request: HttpRequest, app: Data<App>) -> HttpResponse {
    let tag = content_tag(&app.trust);
    answer_with_etag(&request, &tag, FRESH, TEXT, || app.trust.clone().into())
}
