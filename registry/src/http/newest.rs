//! `GET /api/v1/log/newest` and `/growth`: what was logged last, and how the log came to its size.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Query},
};
use provenance::api::{GrowthAnswer, RecordsAnswer};

use super::{
    lookup::{from_index, index_error},
    problem::ApiError,
    publishers::Older,
};
use crate::App;

/// Lists the newest records of everybody.
pub(crate) async fn newest(
    request: HttpRequest,
    query: Result<Query<Older>, actix_web::Error>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let before = Older::read(query)?;
    from_index(request, app, move |index, as_of_size| {
        Ok(RecordsAnswer {
            v: 1,
            as_of_size,
            records: index.newest(before).map_err(|e| index_error(&e))?,
        })
    })
    .await
}

/// Says how large the log was when.
pub(crate) async fn growth(request: HttpRequest, app: Data<App>) -> Result<HttpResponse, ApiError> {
    from_index(request, app, |index, as_of_size| {
        Ok(GrowthAnswer {
            v: 1,
            as_of_size,
            points: index.growth(as_of_size).map_err(|e| index_error(&e))?,
        })
    })
    .await
}
