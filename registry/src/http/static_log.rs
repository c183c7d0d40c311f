//! `GET /log/checkpoint`, `/log/checkpoints/{size}`, `/log/tile/...` and `/trust`: the log for clients that have never heard of us
//! (c2sp tlog-tiles), and the starter trust file.

use std::io::Write as _;

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{CONTENT_ENCODING, HeaderValue, VARY},
    web::{Data, Path},
};
use flate2::{Compression, write::GzEncoder};
use provenance::merkle::{
    TreeSize,
    tile::{TileCoord, TileKind},
};

use super::{
    blocking,
    caching::{BYTES, FRESH, IMMUTABLE, TEXT, answer_with_etag, content_tag, takes},
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
    // Hashes do not get smaller.
    let is_bundle = coord.kind == TileKind::Entries;
    let packed = is_bundle && takes(&request, "gzip");
    let found = blocking(move || {
        let bytes = app.log.tile(&coord).map_err(|e| log_error(&e))?;
        let pack = |bytes: Vec<u8>| gzip(&bytes).map_err(|e| ApiError::internal("compressing a bundle", &e));
        if packed {
            bytes.map(pack).transpose()
        } else {
            Ok(bytes)
        }
    });
    let bytes = found.await?.ok_or_else(beyond)?;
    let mut tag = path.replace('/', "-");
    if packed {
        tag.push_str("-gzip");
    }
    let mut response = answer_with_etag(&request, &tag, IMMUTABLE, BYTES, || bytes.into());
    let headers = response.headers_mut();
    if is_bundle {
        headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
    }
    if packed {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(response)
}

fn gzip(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// Serves a checkpoint that was published earlier: the proof of what was logged before.
pub(crate) async fn archived(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let unknown = || {
        let wanted = path.as_str();
        let detail = format!("No checkpoint of {wanted:?} entries was published. Not every size was.");
        ApiError::new(Code::NotFound, detail)
    };
    let size: TreeSize = path.parse().map_err(|_| unknown())?;
    let found = blocking(move || app.log.archived_checkpoint(size).map_err(|e| log_error(&e))).await?;
    let note = found.ok_or_else(unknown)?;
    let tag = content_tag(&note);
    Ok(answer_with_etag(&request, &tag, IMMUTABLE, TEXT, || note.into()))
}

/// Serves the trust file that this registry suggests for itself.
pub(crate) async fn trust(request: HttpRequest, app: Data<App>) -> HttpResponse {
    let tag = content_tag(&app.trust);
    answer_with_etag(&request, &tag, FRESH, TEXT, || app.trust.clone().into())
}
