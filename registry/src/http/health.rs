//! `GET /healthz`, `/readyz` and `/metrics`, for whatever watches the server.

use actix_web::{HttpResponse, web::Data};

use super::{
    caching::{NEVER, TEXT},
    problem::{ApiError, Code},
};
use crate::App;

/// What Prometheus asks for.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The process answers.
pub(crate) async fn alive() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header(("Cache-Control", NEVER))
        .content_type(TEXT)
        .body("alive\n")
}

/// Numbers about the server, for Prometheus.
pub(crate) async fn metrics(app: Data<App>) -> Result<HttpResponse, ApiError> {
    let metrics = &app.metrics;
    let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let indexed = app.log.indexed().unwrap_or(0);
    metrics.entries.set(count(app.log.view().head.size.get()));
    metrics.indexed.set(count(indexed));
    metrics.publishers.set(count(app.log.publishers().len() as u64));
    metrics.connections.set(count(app.connections.count() as u64));
    metrics.running.set(i64::from(app.log.is_running()));
    let text = metrics
        .text()
        .map_err(|e| ApiError::internal("writing the metrics", &e))?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", NEVER))
        .content_type(OPEN_METRICS)
        .body(text))
}

/// The log takes records, and the index reflects what is published.
pub(crate) async fn ready(app: Data<App>) -> Result<HttpResponse, ApiError> {
    if !app.log.is_running() {
        return Err(ApiError::new(
            Code::LogStopped,
            "The log has stopped; the server is about to exit.",
        ));
    }
    // The index follows by some milliseconds while records come, and is opened soon after a start; neither is a reason to be
    // taken out of service. What is not there after this wait is told below.
    let published = app.log.view().head.size.get();
    let _ = app.log.index().await;
    let indexed = app.log.indexed();
    if indexed.is_none_or(|indexed| indexed < published) {
        let indexed = indexed.unwrap_or(0);
        let detail = format!("The index reflects {indexed} of {published} published entries.");
        return Err(ApiError::new(Code::NotReady, detail));
    }
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", NEVER))
        .content_type(TEXT)
        .body("ready\n"))
}
