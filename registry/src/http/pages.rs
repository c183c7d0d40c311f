//! The pages of the site: the built page's own file, with what the server says of this address in it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::{
    PublisherName, RecordId,
    api::{PublisherSummary, Summary},
    record::Record,
};

use super::{
    asking, failures,
    failures::log_error,
    lookup::{index_error, summary_of},
    problem::{ApiError, Code},
    publishers,
};
use crate::{App, pages::Essentials};

/// Sends the page, or says that there is none to send.
fn send(request: &HttpRequest, app: &App, essentials: &Essentials) -> Result<HttpResponse, ApiError> {
    app.assets.page(request, essentials).ok_or_else(|| {
        let detail = format!("There is nothing at {:?}.", request.path());
        ApiError::new(Code::NotFound, detail)
    })
}

/// `/record/{id}`.
pub(crate) async fn record(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Ok(digest) = failures::digest(&path) else {
        let why = "This address names no record: a record id has 64 characters from 0-9 and a-f.";
        return send(&request, &app, &Essentials::missing("No such record", why));
    };
    let id = RecordId::from_digest(digest);
    let found: Option<(Record, Summary)> = asking(&app, move |app, index| {
        let Some(summary) = summary_of(app, index, &id)? else {
            return Ok(None);
        };
        let payload = app.log.payload(&id).map_err(|e| log_error(&e))?;
        let record = payload.and_then(|payload| Record::parse(&payload).ok());
        Ok(record.map(|record| (record, summary)))
    })
    .await?;
    let essentials = match &found {
        Some((record, summary)) => Essentials::record(record, summary, &app.public_url),
        None => Essentials::missing(
            "No such record",
            "This log has no record with this id. It may be on another registry.",
        ),
    };
    send(&request, &app, &essentials)
}

/// `/artifact/{dirHash1}`.
pub(crate) async fn artifact(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let Ok(digest) = failures::digest(&path) else {
        let why = "This address names no artifact: a dirHash1 has 64 characters from 0-9 and a-f.";
        return send(&request, &app, &Essentials::missing("No such artifact", why));
    };
    let records = asking(&app, move |_, index| {
        index.artifact(&digest).map_err(|e| index_error(&e))
    })
    .await?;
    let essentials = if records.is_empty() {
        Essentials::missing(
            "No such artifact",
            "Nobody recorded anything about these bytes here.",
        )
    } else {
        Essentials::artifact(&digest, &records)
    };
    send(&request, &app, &essentials)
}

/// `/publisher/{name}`.
pub(crate) async fn publisher(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let missing = "Nobody has registered this name on this log.";
    let answer = match path.parse::<PublisherName>() {
        Ok(name) => asking(&app, move |app, index| publishers::about(app, index, &name, None)).await?,
        Err(_) => None,
    };
    let essentials = answer.as_ref().map_or_else(
        || Essentials::missing("No such publisher", missing),
        Essentials::publisher,
    );
    send(&request, &app, &essentials)
}

/// `/publishers`.
pub(crate) async fn publishers(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let all: Vec<PublisherSummary> = asking(&app, |app, index| Ok(publishers::all(app, index))).await?;
    send(&request, &app, &Essentials::publishers(&all))
}

/// `/log`.
pub(crate) async fn log(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let view = app.log.view();
    let origin = view.note.lines().next().unwrap_or_default();
    let essentials = Essentials::log(origin, view.head.size.get(), &view.note);
    send(&request, &app, &essentials)
}

/// Pages about nothing in the log, files of the page, and what is neither.
pub(crate) fn other(request: &HttpRequest, app: &App) -> Option<HttpResponse> {
    let path = request.path();
    let fixed = Essentials::fixed(
        path.strip_suffix('/')
            .filter(|rest| !rest.is_empty())
            .unwrap_or(path),
    );
    if let Some(essentials) = fixed {
        return app.assets.page(request, &essentials);
    }
    let file = app.assets.file(request, path);
    file.or_else(|| app.assets.file(request, &format!("{path}.html")))
        .or_else(|| {
            // A file that is not there is asked for by a program.
            let is_page = !path.rsplit('/').next().unwrap_or_default().contains('.');
            let why = "There is no page at this address.";
            is_page
                .then(|| Essentials::missing("No such page", why))
                .and_then(|essentials| app.assets.page(request, &essentials))
        })
}
