//! Reading request bodies: bounded, with a deadline, and within one budget for the whole server.

use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use actix_web::{
    HttpMessage as _, HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    dev::ServiceRequest,
    error::PayloadError,
    http::header::{CONTENT_ENCODING, CONTENT_LENGTH},
    web::{Bytes, BytesMut, Payload},
};
use futures_util::{Stream, StreamExt as _};
use tokio::time::{Instant, timeout};

use super::problem::{ApiError, Code};

/// Bytes of all bodies that are being read or worked on at one time: 128 MiB.
pub const MAX_BYTES_IN_FLIGHT: usize = 128 << 20;

/// What a byte of JSON counts: parsed, it takes more memory than it has (`provenance::json` bounds how much).
/// Two of the largest records are worked on at one time, and hundreds of usual ones.
const JSON_WEIGHT: usize = 4;

/// How far a body may fall behind [`SLOWEST_BYTES_PER_SECOND`], all pauses since it last kept up together: 10 s. What
/// came fast earlier buys no later pause, so that whoever holds memory of ours keeps sending.
pub const BODY_SLACK: Duration = Duration::from_secs(10);

/// Slowest body that is put up with: 64 KiB a second, so that the largest, a chunk list of 64 MiB, takes 17 minutes
/// and a usual record less than a second. The command line puts up with the same.
pub const SLOWEST_BYTES_PER_SECOND: u64 = 64 << 10;

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

impl Share {
    /// Takes `bytes` more of the budget.
    ///
    /// # Errors
    /// [`Code::Busy`] when they are not to be had.
    fn grow(&mut self, bytes: usize) -> Result<(), ApiError> {
        let mut more = self.budget.take(bytes)?;
        self.bytes += std::mem::take(&mut more.bytes);
        Ok(())
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

/// Refuses a body that is not as it will be read: nothing is decompressed here, so a small request stays small.
pub(crate) fn not_compressed(request: &HttpRequest) -> Result<(), ApiError> {
    let Some(encoding) = request.headers().get(CONTENT_ENCODING) else {
        return Ok(());
    };
    if encoding.as_bytes().eq_ignore_ascii_case(b"identity") {
        return Ok(());
    }
    Err(ApiError::new(
        Code::EncodingUnsupported,
        format!(
            "Bodies are taken as they are, and not with the Content-Encoding {encoding:?}. Send it uncompressed."
        ),
    ))
}

/// Reads a body of JSON of at most `limit` bytes, and holds its share of the budget as long as the caller does. What
/// has arrived is counted, not what was announced: an announcement costs its sender nothing.
pub(crate) async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    budget: &Arc<Budget>,
) -> Result<(Bytes, Share), ApiError> {
    not_compressed(request)?;
    let announced = announced_length(request).map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large(limit));
    }
    let mut share = budget.take(0)?;
    let mut body = BytesMut::with_capacity(announced.unwrap_or(0).min(64 << 10));
    for_each_piece(payload, async |piece| {
        if body.len() + piece.len() > limit {
            return Err(too_large(limit));
        }
        share.grow(piece.len().saturating_mul(JSON_WEIGHT))?;
        body.extend_from_slice(&piece);
        Ok(())
    })
    .await?;
    Ok((body.freeze(), share))
}

/// A body that two can hold: the handler that reads it, and the answer that is sent before it was read to its end. While
/// it is held, the HTTP library closes the connection [`CLOSING_DEADLINE`] after the answer. Otherwise it would read the
/// rest and throw it away, for as long as the client sends.
///
/// [`CLOSING_DEADLINE`]: crate::limits::CLOSING_DEADLINE
#[derive(Clone)]
pub(crate) struct HeldBody(Rc<RefCell<actix_web::dev::Payload>>);

impl HeldBody {
    /// Takes the body of `request` and leaves one that reads it; none when there is none.
    pub(crate) fn of(request: &mut ServiceRequest) -> Option<Self> {
        let body = request.take_payload();
        if matches!(body, actix_web::dev::Payload::None) {
            return None;
        }
        let held = Self(Rc::new(RefCell::new(body)));
        request.set_payload(actix_web::dev::Payload::Stream {
            payload: Box::pin(held.clone()),
        });
        Some(held)
    }

    /// `answer`, with the body held until it is sent.
    pub(crate) fn hold_until_sent(self, answer: BoxBody) -> BoxBody {
        BoxBody::new(Answer {
            answer,
            _unread: self,
        })
    }
}

struct Answer {
    answer: BoxBody,
    _unread: HeldBody,
}

impl MessageBody for Answer {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.answer.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.answer).poll_next(context)
    }
}

impl Stream for HeldBody {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(context)
    }
}

/// Hands every piece of a body to `take`, and ends with an error when the body breaks off or comes too slowly.
pub(crate) async fn for_each_piece(
    mut payload: Payload,
    mut take: impl AsyncFnMut(Bytes) -> Result<(), ApiError>,
) -> Result<(), ApiError> {
    let mut pace = Pace::default();
    loop {
        let begun = Instant::now();
        let Ok(piece) = timeout(pace.patience(), payload.next()).await else {
            return Err(too_slow());
        };
        let Some(piece) = piece else { return Ok(()) };
        let broken = |e| ApiError::new(Code::BadRequest, format!("The request's body broke off: {e}."));
        let piece = piece.map_err(broken)?;
        // Only waiting counts: a slow disk of ours is not the client's fault.
        pace.took(begun.elapsed(), piece.len());
        take(piece).await?;
    }
}

/// How far a body has fallen behind the slowest rate.
#[derive(Debug, Default)]
struct Pace {
    behind: Duration,
}

impl Pace {
    /// How long to wait for the next piece.
    fn patience(&self) -> Duration {
        BODY_SLACK.saturating_sub(self.behind)
    }

    /// `bytes` came after `waited`.
    fn took(&mut self, waited: Duration, bytes: usize) {
        let earned = Duration::from_micros(bytes as u64 * 1_000_000 / SLOWEST_BYTES_PER_SECOND);
        self.behind = (self.behind + waited).saturating_sub(earned);
    }
}

fn too_slow() -> ApiError {
    let (seconds, rate) = (BODY_SLACK.as_secs(), SLOWEST_BYTES_PER_SECOND >> 10);
    let detail = format!(
        "The request's body came slower than {rate} KiB a second for {seconds} seconds. Send it again over a faster \
         connection; what is logged is never logged twice."
    );
    ApiError::new(Code::RequestTimeout, detail)
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

    /// Whether a body of these pieces, each after this many seconds, is read to its end.
    fn keeps_up(pieces: impl IntoIterator<Item = (u64, usize)>) -> bool {
        let mut pace = Pace::default();
        pieces.into_iter().all(|(seconds, bytes)| {
            let pause = Duration::from_secs(seconds);
            let in_time = pause < pace.patience();
            pace.took(pause, bytes);
            in_time
        })
    }

    #[test]
    fn a_body_that_trickles_is_given_up_and_a_slow_one_is_not() {
        let rate = usize::try_from(SLOWEST_BYTES_PER_SECOND).unwrap();
        assert!(!keeps_up([(1, 1); 1000]), "a byte a second, for ever");
        assert!(
            !keeps_up([(1, 8 << 20), (BODY_SLACK.as_secs(), 1)]),
            "what came fast buys no pause"
        );
        assert!(!keeps_up([(6, rate), (6, rate)]), "pauses add up");
        assert!(keeps_up([(5, rate * 5); 720]), "an hour at the slowest rate");
    }

    #[test]
    fn a_share_grows_with_what_has_arrived_and_is_given_back_whole() {
        let budget = Arc::new(Budget::default());
        let mut share = budget.take(0).unwrap();
        share.grow(MAX_BYTES_IN_FLIGHT).unwrap();
        assert_eq!(share.grow(1).unwrap_err().code, Code::Busy);
        drop(share);
        assert!(budget.take(MAX_BYTES_IN_FLIGHT).is_ok());
    }

    #[test]
    fn the_budget_is_given_back() {
        let budget = Arc::new(Budget::default());
        let first = budget.take(MAX_BYTES_IN_FLIGHT).unwrap();
        assert_eq!(budget.take(1).unwrap_err().code, Code::Busy);
        drop(first);
        assert!(budget.take(1).is_ok());
    }
}
