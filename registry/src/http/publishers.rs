//! `GET /api/v1/publishers` and `/publishers/{name}`.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use provenance::{
    PublisherName,
    api::{KeySummary, PublisherAnswer, PublisherSummary, PublishersAnswer},
};

use super::{
    lookup::{from_index, index_error},
    problem::{ApiError, Code},
};
use crate::App;

/// Lists all publishers by name.
pub(crate) async fn list(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    let known = app.log.publishers();
    from_index(request, app, move |index, as_of_size| {
        let summary = |(publisher, known): (PublisherName, crate::log::Publisher)| {
            let records = index.number_of_records(&publisher).map_err(|e| index_error(&e))?;
            Ok(PublisherSummary {
                publisher,
                genesis: known.genesis,
                index: known.index,
                records,
            })
        };
        let public = known.into_iter().filter(|(_, known)| known.index < as_of_size);
        let publishers = public.map(summary).collect::<Result<_, ApiError>>()?;
        Ok(PublishersAnswer {
            v: 1,
            as_of_size,
            publishers,
        })
    })
    .await
}

/// One publisher: its keys and records.
pub(crate) async fn one(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let text = path.into_inner();
    let name: PublisherName = text.parse().map_err(|e| {
        ApiError::new(
            Code::BadRequest,
            format!("{text:?} is not a publisher name: {e}."),
        )
    })?;
    let known = app.log.publisher(&name);
    from_index(request, app, move |index, as_of_size| {
        let unknown = || {
            ApiError::new(
                Code::PublisherUnknown,
                format!("No publisher {name} is on this log."),
            )
        };
        let known = known
            .filter(|known| known.index < as_of_size)
            .ok_or_else(unknown)?;
        let keys = known.keyset.keys.iter().map(|member| KeySummary {
            keyid: member.key.keyid(),
            holder: member.holder.clone(),
            roles: member.roles.clone(),
        });
        Ok(PublisherAnswer {
            v: 1,
            as_of_size,
            genesis: known.genesis,
            index: known.index,
            keys: keys.collect(),
            threshold: known.keyset.threshold,
            records: index.records_of(&name).map_err(|e| index_error(&e))?,
            publisher: name,
        })
    })
    .await
}
