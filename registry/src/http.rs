//! The route table: the only file with URL strings, and what every answer has in common.
//!
//! Reads (`GET`, `HEAD`) of the API and of the log may come from any origin; writes may not. Every answer that
//! is not a success is a problem document and is never cached. Whatever is neither API nor log is the page.

pub mod assets;
mod badge;
mod blobs;
pub mod body;
mod caching;
mod failures;
mod feed;
mod health;
mod lookup;
mod newest;
pub(crate) mod openapi;
mod pages;
pub mod problem;
mod proofs;
mod publishers;
mod records;
mod search;
mod static_log;
mod submit;

use std::time::{Duration, Instant};

use actix_web::{
    Error, HttpRequest, HttpResponse, Resource,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        ConnectionType, Method,
        header::{self, HeaderValue},
    },
    middleware::Next,
    web::{self, Data, ServiceConfig},
};

use provenance::api::paths;

use self::problem::{ApiError, Code};
use crate::{App, index::Index};

/// Longest address of a request, path and query together, in bytes: room for the longest search in percent escapes.
pub const MAX_TARGET_BYTES: usize = 2048;

/// Adds every route of the registry to an actix app; `app` is shared by all its threads.
pub(crate) fn routes(config: &mut ServiceConfig, app: Data<App>) {
    config
        .app_data(app)
        .service(write("/api/v1/attestations", "POST").route(web::post().to(submit::submit)))
        .service(read("/api/v1/blobs/{digest}", blobs::get).route(web::put().to(blobs::put)))
        .service(read("/api/v1/records/{record}", records::payload))
        .service(read("/api/v1/records/{record}/proof", records::proof))
        .service(read("/api/v1/lookup", lookup::info))
        .service(read("/api/v1/lookup/{digits:.*}", lookup::prefix))
        .service(read("/api/v1/artifacts/{digest}", lookup::artifact))
        .service(read("/api/v1/publishers", publishers::list))
        .service(read("/api/v1/publishers/{publisher}", publishers::one))
        .service(read("/api/v1/publishers/{publisher}/feed.atom", feed::feed))
        .service(read("/api/v1/search", search::search))
        .service(read("/api/v1/openapi.json", openapi::document))
        .service(read("/api/v1/log/newest", newest::newest))
        .service(read("/api/v1/log/growth", newest::growth))
        .service(read("/api/v1/log/inclusion/{index}", proofs::inclusion))
        .service(read("/api/v1/log/consistency/{from}/{to}", proofs::consistency))
        .service(read("/log/checkpoint", static_log::checkpoint))
        .service(read("/log/checkpoints/{size}", static_log::archived))
        .service(read("/log/tile/{path:.*}", static_log::tile))
        .service(read("/badge/v1/example/{state}.svg", badge::example))
        .service(read("/badge/v1/{reference:.+}.svg", badge::svg))
        .service(read("/badge/v1/{reference:.+}/shields.json", badge::shields))
        .service(read("/badge/v1/{reference:.+}.json", badge::document))
        .service(read("/e/", badge::scripts))
        .service(read("/e/{version}/badge.js", badge::script))
        .service(read("/trust", static_log::trust))
        .service(read("/healthz", health::alive))
        .service(read("/readyz", health::ready))
        .service(read("/metrics", health::metrics))
        .service(web::redirect("/api", "/developers").see_other())
        .service(web::redirect("/api/", "/developers").see_other())
        .service(read("/record/{record}", pages::record))
        .service(read("/artifact/{digest}", pages::artifact))
        .service(read("/publisher/{publisher}", pages::publisher))
        .service(read("/publishers", pages::publishers))
        .service(read("/log", pages::log))
        .default_service(web::to(everything_else));
}

/// A resource that answers GET and HEAD, and OPTIONS for pages of other origins.
fn read<F, Args>(path: &str, handler: F) -> Resource
where
    F: actix_web::Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: actix_web::Responder + 'static,
{
    let (get, head) = (handler.clone(), handler);
    web::resource(path)
        .route(web::get().to(get))
        .route(web::head().to(head))
        .route(web::method(Method::OPTIONS).to(preflight))
        .default_service(web::to(|request: HttpRequest| {
            std::future::ready(method_not_allowed(&request, "GET, HEAD"))
        }))
}

fn write(path: &str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |request: HttpRequest| {
        std::future::ready(method_not_allowed(&request, allowed))
    }))
}

async fn preflight() -> HttpResponse {
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD, OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "86400"))
        .finish()
}

fn method_not_allowed(request: &HttpRequest, allowed: &'static str) -> HttpResponse {
    let detail = format!("{} takes {allowed}, not {}.", request.path(), request.method());
    let mut response =
        actix_web::ResponseError::error_response(&ApiError::new(Code::MethodNotAllowed, detail));
    response
        .headers_mut()
        .insert(header::ALLOW, HeaderValue::from_static(allowed));
    response
}

/// Files and folders that never fall through to the page; `/log` alone is one.
const NOT_THE_PAGE: [&str; 8] = [
    "/api",
    "/badge/v1",
    "/e",
    "/log/",
    "/trust",
    "/healthz",
    "/readyz",
    "/metrics",
];

/// Whether a path is one of [`NOT_THE_PAGE`] or below it.
fn is_for_programs(path: &str) -> bool {
    let within = |folder: &&str| {
        path.strip_prefix(*folder)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || folder.ends_with('/'))
    };
    NOT_THE_PAGE.iter().any(within)
}

async fn everything_else(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let path = request.path();
    let is_page = !is_for_programs(path);
    if is_page && !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(method_not_allowed(&request, "GET, HEAD"));
    }
    let answer = if is_page {
        pages::other(&request, &app)
    } else {
        None
    };
    answer.ok_or_else(|| {
        ApiError::new(
            Code::NotFound,
            format!("There is nothing at {path:?}. The addresses of this registry are listed at /developers, and for \
                     programs at {}.", paths::OPENAPI),
        )
    })
}

/// Whether a request changes nothing, whatever it is answered.
pub(crate) fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// Headers that every answer carries, the rule that only successes are cached, and the longest address.
pub(crate) async fn common_headers<B: MessageBody + 'static>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let open_to_all = is_for_programs(request.path());
    let is_read = is_read(request.method());
    let begun = Instant::now();
    let held = body::HeldBody::of(&mut request);
    let target = request
        .uri()
        .path_and_query()
        .map_or(0, |target| target.as_str().len());
    let mut response = if target > MAX_TARGET_BYTES {
        let detail = format!("The address has {target} bytes, at most {MAX_TARGET_BYTES} are taken.");
        request.error_response(ApiError::new(Code::TargetTooLong, detail))
    } else if let Some(wait) = asked_too_much(&request) {
        let detail = "This address has asked for much in a short time. Wait as long as Retry-After says; tiles, checkpoints and \
                      records are not counted.";
        let mut error = ApiError::new(Code::RateLimited, detail);
        error.retry_after = Some(wait.as_secs() + 1);
        request.error_response(error)
    } else {
        next.call(request).await?.map_into_boxed_body()
    };
    if let Some(body) = held {
        response = response.map_body(|_, answer| body.hold_until_sent(answer));
    }
    let app = response.request().app_data::<Data<App>>();
    let many = app.is_some_and(|app| app.connections.are_many());
    if let Some(app) = app {
        let (request, status, took) = (response.request(), response.status().as_u16(), begun.elapsed());
        app.metrics.answered(is_read, status, took);
        let (method, path) = (request.method(), request.path());
        tracing::debug!(%method, path, status, microseconds = took.as_micros(), "answered");
    }
    if many {
        response
            .response_mut()
            .head_mut()
            .set_connection_type(ConnectionType::Close);
    }
    let status = response.status();
    let headers = response.headers_mut();
    if open_to_all && is_read {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        let nothing = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'; sandbox");
        headers.insert(header::CONTENT_SECURITY_POLICY, nothing);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !matches!(status.as_u16(), 200 | 304) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching::NEVER));
    }
    Ok(response)
}

fn asked_too_much(request: &ServiceRequest) -> Option<Duration> {
    let app = request.app_data::<Data<App>>()?;
    app.rates.as_ref()?.wait(request)
}

/// Runs work that blocks (disk, signatures, sled) on a thread made for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let stopped = |e: actix_web::error::BlockingError| ApiError::internal("answering", &e);
    web::block(work).await.map_err(stopped)?
}

/// Asks the index, on a thread made for work that blocks. Waiting for an index that lags takes no thread.
pub(crate) async fn asking<T: Send + 'static>(
    app: &Data<App>,
    question: impl FnOnce(&App, &Index) -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    let index = app.log.index().await.map_err(|e| failures::log_error(&e))?;
    let app = app.clone();
    blocking(move || question(&app, &index)).await
}
