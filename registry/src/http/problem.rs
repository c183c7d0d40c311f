//! Problem documents: every error answer of the registry (RFC 9457), and the list of their codes.
//!
//! The code is stable and listed in docs/API.md; a test holds the two lists equal. The detail says what
//! happened, where, the likely cause and the next step. An internal cause is logged once, here, and not sent.

use std::fmt;

use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{CACHE_CONTROL, RETRY_AFTER},
    },
};
use provenance::api::{MissingBlob, Problem};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $status:literal, $title:literal;)+) => {
        /// What went wrong, as a stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name),+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The code as it stands in a problem document.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $code),+ }
            }

            /// The HTTP status it is sent with.
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status),+ }
            }

            /// A few words for people.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title),+ }
            }
        }
    };
}

codes! {
    /// Not a DSSE envelope.
    EnvelopeInvalid = "envelope-invalid", 400, "This is not an attestation";
    /// A malformed digest, name, prefix or query.
    BadRequest = "bad-request", 400, "The request does not parse";
    /// No upload ticket for this blob.
    TicketRequired = "ticket-required", 403, "An upload needs a ticket";
    /// A dotted name that nobody has proved to own.
    DomainProofRequired = "domain-proof-required", 403, "This name needs a domain proof";
    /// No new names without an invitation.
    InviteRequired = "invite-required", 403, "New publishers need an invitation";
    /// No such path.
    NotFound = "not-found", 404, "There is nothing at this address";
    /// No such record.
    RecordUnknown = "record-unknown", 404, "No such record";
    /// No such blob.
    BlobUnknown = "blob-unknown", 404, "No such blob";
    /// No such publisher.
    PublisherUnknown = "publisher-unknown", 404, "No such publisher";
    /// A tile that no published checkpoint covers.
    BeyondCheckpoint = "beyond-checkpoint", 404, "The log does not reach this far";
    /// The path exists, the method does not.
    MethodNotAllowed = "method-not-allowed", 405, "This address takes another method";
    /// The body took too long.
    RequestTimeout = "request-timeout", 408, "The request took too long";
    /// Sidecars have to be uploaded first.
    BlobsMissing = "blobs-missing", 409, "Some sidecars are missing";
    /// The name belongs to another genesis.
    PublisherExists = "publisher-exists", 409, "This name is taken";
    /// A body above a limit.
    PayloadTooLarge = "payload-too-large", 413, "The request is too large";
    /// An address above a limit.
    TargetTooLong = "target-too-long", 414, "The address is too long";
    /// A body that would have to be decompressed.
    EncodingUnsupported = "encoding-unsupported", 415, "The body is compressed";
    /// A statement that breaks a rule of its format.
    RecordInvalid = "record-invalid", 422, "The record does not hold up";
    /// Signatures that do not carry the record.
    SignaturesInsufficient = "signatures-insufficient", 422, "The signatures do not suffice";
    /// A genesis that is not the one the log gives the name.
    WrongGenesis = "wrong-genesis", 422, "The record names another genesis";
    /// A keyset for another log.
    WrongOrigin = "wrong-origin", 422, "The keyset is for another log";
    /// A kind of record that this version does not take.
    NotYetSupported = "not-yet-supported", 422, "This version does not take such records";
    /// A record whose leaf would be too long.
    EntryTooLarge = "entry-too-large", 422, "The entry would be too large";
    /// An upload whose bytes have another digest.
    DigestMismatch = "digest-mismatch", 422, "The bytes have another digest";
    /// An upload of another length.
    BlobLength = "blob-length", 422, "The upload has the wrong length";
    /// A sidecar that is not what the record says.
    BlobMalformed = "blob-malformed", 422, "A sidecar contradicts the record";
    /// More keys share a prefix than one answer holds.
    TooManyMatches = "too-many-matches", 422, "Too many keys start with these digits";
    /// One address asked too much.
    RateLimited = "rate-limited", 429, "Too many requests";
    /// Something of ours broke.
    Internal = "internal", 500, "The registry made a mistake";
    /// Too much is under way.
    Busy = "busy", 503, "The registry is busy";
    /// The log stopped.
    LogStopped = "log-stopped", 503, "The log has stopped";
    /// The index has not caught up with the log.
    NotReady = "not-ready", 503, "The registry is not ready";
}

/// An error answer under way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// Stable code.
    pub code: Code,
    /// For people.
    pub detail: String,
    /// Sidecars to upload.
    pub missing: Vec<MissingBlob>,
    /// Ticket for them.
    pub ticket: Option<String>,
    /// Seconds after which to come back.
    pub retry_after: Option<u64>,
}

/// Seconds after which a client that was told to come back does so.
const RETRY_AFTER_SECONDS: u64 = 1;

/// Longest explanation; it may quote what the client sent.
const MAX_DETAIL_CHARACTERS: usize = 4096;

impl ApiError {
    /// An error with its explanation, of which at most [`MAX_DETAIL_CHARACTERS`] are sent.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let mut detail = detail.into();
        if let Some((end, _)) = detail.char_indices().nth(MAX_DETAIL_CHARACTERS) {
            detail.truncate(end);
            detail.push('…');
        }
        Self {
            code,
            detail,
            missing: Vec::new(),
            ticket: None,
            retry_after: (code.status() == 503).then_some(RETRY_AFTER_SECONDS),
        }
    }

    /// An error of ours: the cause goes to the log, the client learns only that there was one.
    pub fn internal(doing: &'static str, cause: &dyn fmt::Display) -> Self {
        tracing::error!(doing, cause = %cause, "a request failed while {doing}: {cause}");
        Self::new(
            Code::Internal,
            format!(
                "Something failed on the registry while {doing}. The operator finds the cause in its log; trying again later may help."
            ),
        )
    }

    /// As the wire type.
    pub fn problem(&self) -> Problem {
        Problem {
            type_: "about:blank".into(),
            title: self.code.title().into(),
            status: self.code.status(),
            code: self.code.as_str().into(),
            detail: self.detail.clone(),
            missing: self.missing.clone(),
            ticket: self.ticket.clone(),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl std::error::Error for ApiError {}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header((CACHE_CONTROL, "no-store"));
        if let Some(seconds) = self.retry_after {
            response.insert_header((RETRY_AFTER, seconds));
        }
        let body = serde_json::to_vec(&self.problem()).unwrap_or_default();
        response.content_type("application/problem+json").body(body)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn codes_are_distinct_and_hyphenated() {
        let codes: BTreeSet<_> = Code::ALL.iter().map(|c| c.as_str()).collect();
        assert_eq!(codes.len(), Code::ALL.len());
        assert!(
            codes
                .iter()
                .all(|c| c.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
        );
        assert!(Code::ALL.iter().all(|c| (400..600).contains(&c.status())));
    }

    #[test]
    fn api_md_lists_exactly_these_codes() {
        let text = include_str!("../../../docs/API.md");
        let table = text
            .split("## Problem codes")
            .nth(1)
            .expect("API.md has a section of problem codes");
        let table = table.split("\n## ").next().unwrap_or(table);
        let row = |line: &str| {
            let mut cells = line.strip_prefix("| `")?.split('|');
            let code = cells.next()?.trim().trim_end_matches('`').to_owned();
            Some((code, cells.next()?.trim().to_owned()))
        };
        let listed: BTreeSet<_> = table.lines().filter_map(row).collect();
        let ours: BTreeSet<_> = Code::ALL
            .iter()
            .map(|c| (c.as_str().to_owned(), c.status().to_string()))
            .collect();
        assert_eq!(listed, ours);
    }

    #[test]
    fn an_error_answer_is_a_problem_document_that_is_never_cached() {
        let response = ApiError::new(Code::Busy, "later").error_response();
        assert_eq!(response.status(), 503);
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|v| v.to_str().unwrap().to_owned())
        };
        assert_eq!(
            header("content-type").as_deref(),
            Some("application/problem+json")
        );
        assert_eq!(header("cache-control").as_deref(), Some("no-store"));
        assert_eq!(header("retry-after").as_deref(), Some("1"));
    }
}
