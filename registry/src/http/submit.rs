//! `POST /api/v1/attestations`: an envelope in, a receipt out.

use std::time::{Instant, SystemTime};

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use provenance::{
    RecordId, Sha256Digest,
    api::{MissingBlob, paths},
};
use serde::Serialize;

use super::{
    blocking, body,
    failures::{admission_error, log_error, sentence, sidecar_error},
    problem::{ApiError, Code},
    records,
};
use crate::{
    App,
    clock::posix_now,
    log::{
        Ack, Admitted, Wait,
        sidecars::{self, Inventory},
    },
};

/// Room for the signatures and the JSON around the payload, in bytes.
const ENVELOPE_OVERHEAD_BYTES: usize = 64 << 10;

/// Hex digits of an invitation's token.
const TOKEN_DIGITS: usize = 64;

/// Answer to `?wait=sequenced`: the index is final, the entry not public yet.
#[derive(Debug, Serialize)]
struct Sequenced<'a> {
    v: u32,
    record: String,
    publisher: &'a str,
    kind: &'a str,
    index: u64,
    leaf_hash: Sha256Digest,
}

/// Largest body in bytes: the largest payload in base64, and room around it.
pub(crate) fn max_body_bytes(max_payload_bytes: usize) -> usize {
    max_payload_bytes.div_ceil(3) * 4 + ENVELOPE_OVERHEAD_BYTES
}

/// Takes an attestation.
pub(crate) async fn submit(
    request: HttpRequest,
    payload: Payload,
    app: Data<App>,
) -> Result<HttpResponse, ApiError> {
    let wait = wait(request.query_string())?;
    let invitation = invitation(&request)?;
    let limit = max_body_bytes(app.max_payload_bytes);
    let (body, _share) = body::read(&request, payload, limit, &app.budget).await?;
    let there = app.clone();
    let (admitted, known) = blocking(move || admit(&there, &body, invitation.as_deref())).await?;
    let record = admitted.record.clone();
    if let Some(first) = known {
        // What the index knows is published.
        return receipt(app, record.id, first).await;
    }
    let ack = app.log.submit(admitted, wait).await.map_err(|e| log_error(&e))?;
    if let Ack {
        published: false,
        index,
        leaf_hash,
    } = ack
    {
        let body = Sequenced {
            v: 1,
            record: record.id.to_string(),
            publisher: record.publisher().as_str(),
            kind: &record.kind,
            index,
            leaf_hash,
        };
        return Ok(HttpResponse::Accepted().json(body));
    }
    receipt(app, record.id, ack.index).await
}

async fn receipt(app: Data<App>, id: RecordId, index: u64) -> Result<HttpResponse, ApiError> {
    let proof = blocking(move || records::prove(&app, &id, Some(index))).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("Cache-Control", super::caching::NEVER))
        .json(proof))
}

fn wait(query: &str) -> Result<Wait, ApiError> {
    match query.split('&').find_map(|pair| pair.strip_prefix("wait=")) {
        None | Some("published") => Ok(Wait::Published),
        Some("sequenced") => Ok(Wait::Sequenced),
        Some(other) => Err(ApiError::new(
            Code::BadRequest,
            format!("wait is \"published\" (the default) or \"sequenced\", not {other:?}."),
        )),
    }
}

/// Everything before the queue: the record, its sidecars, and where it is in the log already.
fn admit(app: &App, body: &[u8], invitation: Option<&str>) -> Result<(Admitted, Option<u64>), ApiError> {
    let admitted = app
        .log
        .admit(body, invitation.is_some())
        .map_err(|e| admission_error(&e))?;
    let known = app.log.duplicate_of(&admitted).map_err(|e| log_error(&e))?;
    if known.is_none() {
        sidecars_are_there(app, &admitted.record)?;
        if let Some(token) = invitation.filter(|_| admitted.by_invitation) {
            redeem(app, token, &admitted.record)?;
        }
    }
    Ok((admitted, known))
}

/// The last step before the queue: what holds uses up the invitation, what does not leaves it as it was.
fn redeem(app: &App, token: &str, record: &provenance::record::Record) -> Result<(), ApiError> {
    // A clock before 1970 lets every invitation be good.
    let redeemed = app
        .invites
        .redeem(token, record.publisher(), record.id, posix_now());
    redeemed.map_err(|error| {
        if error.is_refusal() {
            ApiError::new(Code::InviteRequired, sentence(&error.to_string()))
        } else {
            ApiError::internal("redeeming an invitation", &error)
        }
    })
}

/// The token that came along.
fn invitation(request: &HttpRequest) -> Result<Option<String>, ApiError> {
    let Some(value) = request.headers().get(paths::INVITE_HEADER) else {
        return Ok(None);
    };
    let token = value.to_str().ok().filter(|token| token.len() == TOKEN_DIGITS);
    let wrong = || {
        let detail = format!("An invitation has {TOKEN_DIGITS} hex digits; check that it was copied whole.");
        ApiError::new(Code::InviteRequired, detail)
    };
    token.map(|token| Some(token.to_owned())).ok_or_else(wrong)
}

fn sidecars_are_there(app: &App, record: &provenance::record::Record) -> Result<(), ApiError> {
    let Some(manifest) = record.manifest() else {
        return Ok(());
    };
    let Inventory { missing, largest } =
        sidecars::take_inventory(manifest, &app.blobs, SystemTime::now()).map_err(|e| sidecar_error(&e))?;
    if !missing.is_empty() {
        return Err(blobs_missing(app, *record.id.digest(), missing));
    }
    // One sidecar after the other is read into memory.
    let _share = app.budget.take(usize::try_from(largest).unwrap_or(usize::MAX))?;
    sidecars::check(manifest, &app.blobs).map_err(|e| sidecar_error(&e))
}

fn blobs_missing(app: &App, record: Sha256Digest, missing: Vec<MissingBlob>) -> ApiError {
    match app.tickets.issue(record, &missing, Instant::now()) {
        Err(error) => ApiError::new(Code::Busy, format!("{error}. Try again in a minute.")),
        Ok(ticket) => {
            let detail = format!(
                "{} sidecars of the record are not here yet. Upload each with PUT /api/v1/blobs/<digest> and the header \
                 Weighbridge-Ticket within an hour, then submit the same envelope again.",
                missing.len()
            );
            ApiError {
                missing,
                ticket: Some(ticket),
                ..ApiError::new(Code::BlobsMissing, detail)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_wait_levels_exist() {
        assert_eq!(wait("").unwrap(), Wait::Published);
        assert_eq!(wait("wait=sequenced").unwrap(), Wait::Sequenced);
        assert_eq!(wait("a=b&wait=published").unwrap(), Wait::Published);
        assert_eq!(wait("wait=never").unwrap_err().code, Code::BadRequest);
    }

    #[test]
    fn the_largest_payload_fits_the_body_limit() {
        assert!(max_body_bytes(8 << 20) >= (8 << 20) / 3 * 4 + 4);
    }
}
