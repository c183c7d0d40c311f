//! `GET /badge/v1/…` and `/e/…`: pictures and JSON about a record for other people's pages, and the element that checks.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{self, HeaderName},
    web::{Bytes, Data, Path, Query},
};
use provenance::{
    PublisherName, RecordId,
    api::{BadgeDocument, ScriptVersion, ScriptsAnswer, ShieldsBadge, Summary, paths},
    statement::SIGNATURE_TYPE,
};
use serde::Deserialize;

use super::{
    asking,
    caching::{FRESH, IMMUTABLE, REVALIDATE, answer_with_etag, content_tag, fresh_json},
    failures::bad_query,
    lookup::{index_error, summary_of},
    problem::{ApiError, Code},
    records,
};
use crate::{
    App,
    badge::{
        Finished, LABEL, State, script,
        svg::{Drawing, Style, Theme, draw},
    },
    index::Index,
};

/// For a badge that says what a log says for ever: five minutes.
const BADGE: &str = "public, max-age=300";

/// For a badge that may soon say something else.
const SOON: &str = "public, max-age=60";

const SVG: &str = "image/svg+xml; charset=utf-8";

/// What shields.io services read as seconds.
const SHIELDS_SECONDS: u32 = 300;

/// The query of a picture.
#[derive(Debug, Deserialize)]
pub(crate) struct Asked {
    style: Option<String>,
    theme: Option<String>,
    label: Option<String>,
}

impl Asked {
    fn drawing(self) -> Result<Drawing, ApiError> {
        let one_of = |what: &str, found: &str, known: &str| {
            ApiError::new(
                Code::BadRequest,
                format!("The {what} of a badge is {known}, not {found:?}."),
            )
        };
        let style = match self.style.as_deref() {
            None | Some("flat") => Style::Flat,
            Some("square") => Style::Square,
            Some("large") => Style::Large,
            Some(other) => return Err(one_of("style", other, "flat, square or large")),
        };
        let theme = match self.theme.as_deref() {
            None | Some("auto") => Theme::Auto,
            Some("light") => Theme::Light,
            Some("dark") => Theme::Dark,
            Some(other) => return Err(one_of("theme", other, "auto, light or dark")),
        };
        Ok(Drawing {
            style,
            theme,
            label: self.label.filter(|label| !label.trim().is_empty()),
        })
    }
}

/// What a badge is about.
#[derive(Debug, PartialEq, Eq)]
enum Reference {
    /// One record, for ever.
    Record(RecordId),
    /// The newest signature record of a model: `@publisher/model`, or with `@version` behind.
    Newest {
        publisher: PublisherName,
        /// Name, with the version where one may stand.
        model: String,
    },
}

impl Reference {
    fn parse(text: &str) -> Result<Self, ApiError> {
        let wrong = || {
            ApiError::new(
                Code::BadRequest,
                format!(
                    "A badge is about a record id, or about @publisher/model or @publisher/model@version, not {text:?}."
                ),
            )
        };
        match text.strip_prefix('@') {
            None => text
                .parse()
                .map(|digest| Self::Record(RecordId::from_digest(digest)))
                .map_err(|_| wrong()),
            Some(rest) => {
                let (publisher, model) = rest.split_once('/').ok_or_else(wrong)?;
                let publisher = publisher.parse().map_err(|_| wrong())?;
                let model = model.to_owned();
                Ok(Self::Newest { publisher, model })
            }
        }
    }

    /// The record that it stands for now.
    fn find(&self, app: &App, index: &Index) -> Result<Option<Summary>, ApiError> {
        match self {
            Self::Record(id) => summary_of(app, index, id),
            Self::Newest { publisher, model } => {
                let is_it = |record: &Summary| {
                    let version = record.version.as_deref();
                    record.kind == SIGNATURE_TYPE
                        && (record.name == *model
                            || model
                                .strip_prefix(record.name.as_str())
                                .and_then(|rest| rest.strip_prefix('@'))
                                .is_some_and(|wanted| Some(wanted) == version))
                };
                index.newest_of(publisher, is_it).map_err(|e| index_error(&e))
            }
        }
    }
}

fn state_of(app: &App, found: Option<&Summary>) -> State {
    match found {
        _ if !app.log.is_running() => State::LogFault,
        Some(record) => State::Logged { index: record.index },
        None => State::NoRecord,
    }
}

/// Draws a badge. Never an error for a record that is not there: the picture says so.
pub(crate) async fn svg(
    request: HttpRequest,
    path: Path<String>,
    query: Result<Query<Asked>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let address = request
        .uri()
        .path_and_query()
        .map_or("", actix_web::http::uri::PathAndQuery::as_str)
        .to_owned();
    let size = app.log.view().head.size.get();
    let known = app.badges.get(&address, size).filter(|_| app.log.is_running());
    let finished = if let Some(finished) = known {
        finished
    } else {
        let drawing = asked(query)?.drawing()?;
        let reference = Reference::parse(&path)?;
        let finished = asking(&app, move |app, index| {
            let found = reference.find(app, index)?;
            let state = state_of(app, found.as_ref());
            let publisher = found.as_ref().map(|record| record.publisher.as_str());
            Ok(finish(&state, publisher, &drawing))
        })
        .await?;
        app.badges.put(&address, size, finished.clone());
        finished
    };
    Ok(picture(&request, finished))
}

/// Draws a state that no record stands behind, for showing what there is.
pub(crate) async fn example(
    request: HttpRequest,
    path: Path<String>,
    query: Result<Query<Asked>, actix_web::Error>,
) -> Result<HttpResponse, ApiError> {
    let mut drawing = asked(query)?.drawing()?;
    let state = State::examples()
        .into_iter()
        .find(|state| state.word() == *path)
        .ok_or_else(|| {
            let words = State::examples().map(|state| state.word()).join(", ");
            ApiError::new(Code::NotFound, format!("There are examples of {words}."))
        })?;
    // An example can be embedded like any other picture, so it says what it is.
    drawing.label = Some("example".to_owned());
    Ok(picture(&request, finish(&state, None, &drawing)))
}

fn asked(query: Result<Query<Asked>, actix_web::Error>) -> Result<Asked, ApiError> {
    query.map(Query::into_inner).map_err(bad_query)
}

fn finish(state: &State, publisher: Option<&str>, drawing: &Drawing) -> Finished {
    let svg = draw(state, publisher, drawing);
    Finished {
        tag: content_tag(&svg),
        body: svg.into(),
        cache_control: match state {
            State::Logged { .. } | State::Superseded { .. } => BADGE,
            State::NoRecord => SOON,
            _ => REVALIDATE,
        },
    }
}

fn picture(request: &HttpRequest, finished: Finished) -> HttpResponse {
    let Finished {
        body,
        tag,
        cache_control,
    } = finished;
    let mut response = answer_with_etag(request, &tag, cache_control, SVG, || body);
    let headers = response.headers_mut();
    let policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox";
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(policy),
    );
    cross_origin(&mut response);
    response
}

fn cross_origin(response: &mut HttpResponse) {
    response.headers_mut().insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        header::HeaderValue::from_static("cross-origin"),
    );
}

/// What services that draw their own badges read.
pub(crate) async fn shields(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let reference = Reference::parse(&path)?;
    let answer = asking(&app, move |app, index| {
        let found = reference.find(app, index)?;
        let state = state_of(app, found.as_ref());
        Ok(ShieldsBadge {
            schema_version: 1,
            label: LABEL.to_owned(),
            message: state.message(),
            color: state.colour().to_owned(),
            cache_seconds: SHIELDS_SECONDS,
            is_error: state.is_alarm(),
        })
    });
    fresh_json(&request, &answer.await?)
}

/// What the element reads: everything that proves the record but its payload, which is linked.
pub(crate) async fn document(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let reference = Reference::parse(&path)?;
    let answer = asking(&app, move |app, index| {
        let found = reference.find(app, index)?.ok_or_else(|| {
            ApiError::new(
                Code::RecordUnknown,
                "This log has no record that the badge could be about.",
            )
        })?;
        let state = state_of(app, Some(&found));
        let genesis = app.log.publisher(&found.publisher).map(|known| known.genesis);
        Ok(BadgeDocument {
            v: 1,
            state: state.word().to_owned(),
            label: LABEL.to_owned(),
            message: state.message(),
            record: found.record,
            genesis: genesis.unwrap_or(found.record),
            name: found.name,
            version: found.version,
            payload: paths::record(&found.record),
            page: format!("/record/{}", found.record),
            proof: records::prove(app, &found.record, None)?,
        })
    });
    fresh_json(&request, &answer.await?)
}

/// Serves the script of the element, for ever the same at this address.
pub(crate) async fn script(request: HttpRequest, path: Path<String>) -> Result<HttpResponse, ApiError> {
    if *path != script::VERSION {
        let detail = format!(
            "This registry serves version {} of the badge's script.",
            script::VERSION
        );
        return Err(ApiError::new(Code::NotFound, detail));
    }
    let mut response = answer_with_etag(
        &request,
        script::VERSION,
        IMMUTABLE,
        "text/javascript; charset=utf-8",
        || Bytes::from_static(script::SCRIPT.as_bytes()),
    );
    cross_origin(&mut response);
    Ok(response)
}

/// Lists the scripts that are served, with their integrity values.
pub(crate) async fn scripts(request: HttpRequest) -> Result<HttpResponse, ApiError> {
    let version = ScriptVersion {
        version: script::VERSION.to_owned(),
        path: format!("/e/{}/badge.js", script::VERSION),
        integrity: script::INTEGRITY.clone(),
    };
    let answer = ScriptsAnswer {
        v: 1,
        versions: vec![version],
    };
    let mut response = fresh_json(&request, &answer)?;
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, header::HeaderValue::from_static(FRESH));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_told_apart() {
        let id = RecordId::of_payload(b"x");
        assert_eq!(Reference::parse(&id.to_string()).unwrap(), Reference::Record(id));
        let newest = Reference::parse("@acme.ai/acme/7b@1.0").unwrap();
        let Reference::Newest { publisher, model } = newest else {
            panic!("a name is not a record id");
        };
        assert_eq!((publisher.as_str(), model.as_str()), ("acme.ai", "acme/7b@1.0"));
        for text in [
            "",
            "x",
            "@",
            "@acme.ai",
            "@/x",
            "@ACME/x",
            "../x",
            &"0".repeat(63),
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
    }
}
