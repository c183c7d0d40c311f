//! `GET` and `PUT /api/v1/blobs/{sha256}`: the sidecars of records.

use std::{sync::Mutex, time::Instant};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use provenance::api::paths::TICKET_HEADER;

use super::{
    blocking, body,
    caching::{BYTES, IMMUTABLE, answer_with_etag},
    failures::{digest, sentence},
    problem::{ApiError, Code},
};
use crate::{
    App,
    blobs::{Upload, UploadError},
};

/// Bytes that are collected before they are written; what an upload holds of the memory budget.
const WRITE_BYTES: usize = 256 << 10;

/// Serves a sidecar.
pub(crate) async fn get(
    request: HttpRequest,
    path: Path<String>,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let digest = digest(&path)?;
    let read = move || {
        app.blobs
            .read(&digest)
            .map_err(|e| ApiError::internal("reading a sidecar", &e))
    };
    let unknown = || ApiError::new(Code::BlobUnknown, format!("No sidecar {digest} is held here."));
    let bytes = blocking(read).await?.ok_or_else(unknown)?;
    let tag = digest.to_string();
    Ok(answer_with_etag(&request, &tag, IMMUTABLE, BYTES, || {
        bytes.into()
    }))
}

/// Takes a sidecar that a ticket asks for.
pub(crate) async fn put(
    request: HttpRequest,
    path: Path<String>,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let digest = digest(&path)?;
    let ticket = request
        .headers()
        .get(TICKET_HEADER)
        .and_then(|t| t.to_str().ok())
        .unwrap_or_default();
    let allowed = app.tickets.allows(ticket, &digest, Instant::now()).ok_or_else(|| {
        let detail = "The header Weighbridge-Ticket is missing, has expired, or is for other sidecars. Submit the \
                      record first: the answer blobs-missing carries a ticket that is good for an hour.";
        ApiError::new(Code::TicketRequired, detail)
    })?;
    body::not_compressed(&request)?;
    let announced = body::announced_length(&request);
    if let Some(found) =
        announced.filter(|n| *n > allowed.max_length || allowed.length.is_some_and(|wanted| wanted != *n))
    {
        return Err(upload_error(&UploadError::Length {
            wanted: allowed.max_length,
            found,
        }));
    }
    if app.blobs.holds(&digest) {
        // The body is read to its end, so that the client can send it to its end and hear the answer.
        let mut found = 0;
        body::for_each_piece(payload, async |piece| {
            found += piece.len() as u64;
            let wanted = allowed.max_length;
            if found > wanted {
                Err(upload_error(&UploadError::Length { wanted, found }))
            } else {
                Ok(())
            }
        })
        .await?;
        return Ok(HttpResponse::Ok().finish());
    }
    let _share = app.budget.take(WRITE_BYTES)?;
    let started = app
        .blobs
        .upload(digest, allowed.max_length)
        .map_err(|e| ApiError::internal("taking a sidecar", &e))?;
    let upload = std::sync::Arc::new(Mutex::new(Some(started)));
    let mut waiting = Vec::new();
    body::for_each_piece(payload, async |piece| {
        waiting.extend_from_slice(&piece);
        if waiting.len() >= WRITE_BYTES {
            append(&upload, std::mem::take(&mut waiting)).await
        } else {
            Ok(())
        }
    })
    .await?;
    append(&upload, waiting).await?;
    blocking(move || {
        match upload
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .take()
        {
            Some(upload) => upload.finish(allowed.length).map_err(|e| upload_error(&e)),
            None => Ok(()),
        }
    })
    .await?;
    Ok(HttpResponse::Created().finish())
}

async fn append(upload: &std::sync::Arc<Mutex<Option<Upload>>>, bytes: Vec<u8>) -> Result<(), ApiError> {
    let upload = std::sync::Arc::clone(upload);
    blocking(move || {
        match upload
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .as_mut()
        {
            Some(upload) => upload.write(&bytes).map_err(|e| upload_error(&e)),
            None => Ok(()),
        }
    })
    .await
}

fn upload_error(error: &UploadError) -> ApiError {
    match error {
        UploadError::Length { .. } => ApiError::new(Code::BlobLength, sentence(&error.to_string())),
        UploadError::Digest { .. } => ApiError::new(Code::DigestMismatch, sentence(&error.to_string())),
        UploadError::Durable(cause) => ApiError::internal("taking a sidecar", cause),
    }
}
