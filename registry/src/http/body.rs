//! Reading request bodies: bounded, with a deadline, and within one budget for the whole server.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpRequest,
    http::header::CONTENT_LENGTH,
    web::{Bytes, BytesMut, Payload},
};
use futures_util::StreamExt as _;

use super::problem::{ApiError, Code};

/// Bytes of all bodies that are being read or worked on at one time: 128 MiB.
pub const MAX_BYTES_IN_FLIGHT: usize = 128 << 20;

/// What a byte of JSON counts: parsed, it takes more memory than it has (`provenance::json` bounds how much).
/// Two of the largest records are worked on at one time, and hundreds of usual ones.
const JSON_WEIGHT: usize = 4;

/// Time in which a whole body must have arrived: 11 MiB at 100 KiB/s.
pub const BODY_DEADLINE: Duration = Duration::from_secs(120);

/// The budget.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    used: AtomicUsize,
}

/// A share of the budget, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Budget {
    /// Takes `bytes` of the budget.
    ///
    /// # Errors
    /// [`Code::Busy`] when they are not to be had.
    pub(crate) fn take(self: &Arc<Self>, bytes: usize) -> Result<Share, ApiError> {
        let fits = |used: usize| used.checked_add(bytes).filter(|sum| *sum <= MAX_BYTES_IN_FLIGHT);
        match self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits) {
            Ok(_) => Ok(Share {
                budget: Arc::clone(self),
                bytes,
            }),
            Err(_) => Err(ApiError::new(
                Code::Busy,
                "Too many bytes are being submitted at this moment. Try again in a second.",
            )),
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(self.bytes, Ordering::AcqRel);
    }
}

/// The length that the client announced.
pub(crate) fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Reads a body of JSON of at most `limit` bytes, and holds its share of the budget as long as the caller does.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    budget: &Arc<Budget>,
) -> Result<(Bytes, Share), ApiError> {
    let announced = announced_length(request).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let share = budget.take(announced.unwrap_or(limit).saturating_mul(JSON_WEIGHT))?;
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(64 << 10));
    for_each_piece(payload, async |piece| {
        if body.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&piece);
        Ok(())
    })
    .await?;
    Ok((body.freeze(), share))
}

/// Hands every piece of a body to `take`, and ends with an error when the body breaks off or takes too long.
pub(crate) async fn for_each_piece(
    mut payload: Payload,
    mut take: impl AsyncFnMut(Bytes) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let all = async {
        while let Some(piece) = payload.next().await {
            let broken = |e| ApiError::new(Code::BadRequest, format!("The request's body broke off: {e}."));
            take(piece.map_err(broken)?).await?;
        }
        Ok(())
    };
    tokio::time::timeout(BODY_DEADLINE, all)
        .await
        .unwrap_or_else(|_| {
            let seconds = BODY_DEADLINE.as_secs();
            Err(ApiError::new(
                Code::RequestTimeout,
                format!("The request's body did not arrive within {seconds} seconds."),
            ))
        })
}

fn too_large(limit: usize) -> ApiError {
    ApiError::new(
        Code::PayloadTooLarge,
        format!("The request's body has more than {limit} bytes, the most that is taken here."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_is_given_back() {
        let budget = Arc::new(Budget::default());
        let first = budget.take(MAX_BYTES_IN_FLIGHT).unwrap();
        assert_eq!(budget.take(1).unwrap_err().code, Code::Busy);
        drop(first);
        assert!(budget.take(1).is_ok());
    }
}
