//! Cache headers, ETags and the answer to `If-None-Match`, in one place (LOG.md "Read path").

use actix_web::{
    HttpRequest, HttpResponse,
    body::BoxBody,
    http::header::{ACCEPT_ENCODING, CACHE_CONTROL, ETAG, IF_NONE_MATCH},
};
use provenance::Sha256Digest;
use serde::Serialize;

use super::problem::ApiError;

/// For what never changes: tiles, bundles, records, blobs, hashed files of the page.
pub(crate) const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// For the checkpoint and for proofs against it: five seconds at most.
pub(crate) const FRESH: &str = "public, max-age=5";

/// For what is asked again on every use, and answered from the ETag.
pub(crate) const REVALIDATE: &str = "no-cache";

/// For everything that is not a 200.
pub(crate) const NEVER: &str = "no-store";

/// The content type of plain text.
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// The content type of bytes that mean something to their reader only.
pub(crate) const BYTES: &str = "application/octet-stream";

/// The content type of JSON.
pub(crate) const JSON: &str = "application/json";

/// The ETag of bytes, without quotes.
pub(crate) fn content_tag(bytes: impl AsRef<[u8]>) -> String {
    Sha256Digest::of(bytes.as_ref()).to_string()[..32].to_owned()
}

/// JSON, tagged with its own hash.
pub(crate) fn json<T: Serialize>(
    request: &HttpRequest,
    cache_control: &'static str,
    answer: &T,
) -> Result<HttpResponse, ApiError> {
    let body = serde_json::to_vec(answer).map_err(|e| ApiError::internal("writing an answer", &e))?;
    let tag = content_tag(&body);
    Ok(answer_with_etag(request, &tag, cache_control, JSON, || {
        body.into()
    }))
}

/// Follows the log: JSON that is the same until something is published.
pub(crate) fn fresh_json<T: Serialize>(request: &HttpRequest, answer: &T) -> Result<HttpResponse, ApiError> {
    json(request, FRESH, answer)
}

/// Whether the client takes bodies in this encoding.
pub(crate) fn takes(request: &HttpRequest, encoding: &str) -> bool {
    let accepted = request.headers().get(ACCEPT_ENCODING);
    let accepted = accepted.and_then(|v| v.to_str().ok()).unwrap_or("");
    accepted.split(',').any(|offer| {
        let mut parts = offer.split(';').map(str::trim);
        parts.next() == Some(encoding) && !parts.any(|p| matches!(p, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// A 200 with the body and its ETag, or a 304 when the client has it already. `tag` is written without quotes.
pub(crate) fn answer_with_etag(
    request: &HttpRequest,
    tag: &str,
    cache_control: &'static str,
    content_type: &'static str,
    body: impl FnOnce() -> actix_web::web::Bytes,
) -> HttpResponse<BoxBody> {
    let quoted = format!("\"{tag}\"");
    let known = request
        .headers()
        .get(IF_NONE_MATCH)
        .and_then(|v| v.to_str().ok())
        .is_some_and(|wanted| {
            wanted
                .split(',')
                .map(str::trim)
                .any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == quoted)
        });
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((ETAG, quoted))
        .insert_header((CACHE_CONTROL, cache_control));
    if known {
        response.finish()
    } else {
        response.content_type(content_type).body(body())
    }
}
