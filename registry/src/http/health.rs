//! `GET /healthz` and `/readyz`, for whatever watches the server.

use actix_web::{HttpResponse, web::Data};

use super::problem::{ApiError, Code};
use crate::App;

/// The process answers.
pub(crate) async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", super::caching::NEVER))
        .body("alive\n")
}

/// The log takes records, and the index reflects what is published.
pub(crate) async fn ready(app: Data<App>) -> Result<HttpResponse, ApiError> {
    if !app.log.is_running() {
        return Err(ApiError::new(
            Code::LogStopped,
            "The log has stopped; the server is about to exit.",
        ));
    }
    let indexed = app
        .log
        .index()
        .head()
        .map_err(|e| super::lookup::index_error(&e))?
        .size;
    let published = app.log.view().head.size;
    if indexed < published {
        let detail = format!(
            "The index reflects {} of {} published entries.",
            indexed.get(),
            published.get()
        );
        return Err(ApiError::new(Code::NotReady, detail));
    }
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", super::caching::NEVER))
        .body("ready\n"))
}
