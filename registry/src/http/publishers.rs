//! `GET /api/v1/publishers` and `/publishers/{name}`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Query},
};
use provenance::{
    PublisherName,
    api::{KeySummary, PublisherAnswer, PublisherSummary, PublishersAnswer},
    merkle::LeafIndex,
};
use serde::Deserialize;

use super::{
    asking,
    caching::fresh_json,
    failures::bad_query,
    lookup::{from_index, index_error},
    problem::{ApiError, Code},
};
use crate::{App, index::Index};

/// Every publisher that the index knows of, by name.
pub(crate) fn all(app: &App, index: &Index) -> Vec<PublisherSummary> {
    let size = index.size().get();
    let summary = |(publisher, known): (PublisherName, crate::log::Publisher)| {
        let records = index.number_of_records(&publisher);
        PublisherSummary {
            publisher,
            genesis: known.genesis,
            index: known.index,
            records,
        }
    };
    let public = app
        .log
        .publishers()
        .into_iter()
        .filter(|(_, known)| known.index < size);
    public.map(summary).collect()
}

/// Lists all publishers by name.
pub(crate) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let there = app.clone();
    from_index(request, app, move |index, as_of_size| {
        Ok(PublishersAnswer {
            v: 1,
            as_of_size,
            publishers: all(&there, index),
        })
    })
    .await
}

/// A publisher that the index knows of: its keys and records, or those with an index below `before`.
pub(crate) fn about(
    app: &App,
    index: &Index,
    name: &PublisherName,
    before: Option<u64>,
) -> Result<Option<PublisherAnswer>, ApiError> {
    let as_of_size = index.size().get();
    let Some(known) = app.log.publisher(name).filter(|known| known.index < as_of_size) else {
        return Ok(None);
    };
    let keys = known.keyset.keys.iter().map(|member| KeySummary {
        keyid: member.key.keyid(),
        holder: member.holder.clone(),
        roles: member.roles.clone(),
    });
    Ok(Some(PublisherAnswer {
        v: 1,
        as_of_size,
        genesis: known.genesis,
        index: known.index,
        keys: keys.collect(),
        threshold: known.keyset.threshold,
        count: index.number_of_records(name),
        records: index.records_of(name, before).map_err(|e| index_error(&e))?,
        publisher: name.clone(),
    }))
}

/// The name in an address.
pub(crate) fn name(text: &str) -> Result<PublisherName, ApiError> {
    text.parse().map_err(|e| {
        ApiError::new(
            Code::BadRequest,
            format!("{text:?} is not a publisher name: {e}."),
        )
    })
}

/// Nobody has this name here.
pub(crate) fn unknown(name: &PublisherName) -> ApiError {
    ApiError::new(
        Code::PublisherUnknown,
        format!("No publisher {name} is on this log."),
    )
}

/// The query string of a list.
#[derive(Debug, Deserialize)]
pub(crate) struct Older {
    before: Option<String>,
}

impl Older {
    /// The index that a list ends before.
    pub(crate) fn read(query: Result<Query<Self>, actix_web::Error>) -> Result<Option<u64>, ApiError> {
        let before = query.map_err(bad_query)?.into_inner().before;
        let before = before.map(|text| text.parse::<LeafIndex>()).transpose();
        Ok(before.map_err(bad_query)?.map(LeafIndex::get))
    }
}

/// One publisher: its keys and records.
pub(crate) async fn one(
    request: HttpRequest,
    path: Path<String>,
    query: Result<Query<Older>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let name = name(&path)?;
    let before = Older::read(query)?;
    let answer = asking(&app, move |app, index| {
        about(app, index, &name, before)?.ok_or_else(|| unknown(&name))
    });
    fresh_json(&request, &answer.await?)
}
