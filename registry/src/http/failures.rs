//! How what goes wrong below becomes a problem document: one mapping for every route.

use std::fmt::Display;

use provenance::Sha256Digest;

use super::problem::{ApiError, Code};
use crate::log::{AdmissionError, LogError, SidecarError};

/// Reads a digest from a path.
pub(crate) fn digest(text: &str) -> Result<Sha256Digest, ApiError> {
    text.parse()
        .map_err(|e| ApiError::new(Code::BadRequest, format!("{text:?} is not a digest: {e}.")))
}

/// What a client hears of a query string that is none.
pub(crate) fn bad_query(why: impl Display) -> ApiError {
    ApiError::new(Code::BadRequest, format!("The query does not parse: {why}."))
}

/// What a client hears when its record is not admitted.
pub(crate) fn admission_error(error: &AdmissionError) -> ApiError {
    let code = match error {
        AdmissionError::Envelope(_) => Code::EnvelopeInvalid,
        AdmissionError::TooLarge { .. } => Code::PayloadTooLarge,
        AdmissionError::Record(_) => Code::RecordInvalid,
        AdmissionError::Unsupported { .. } => Code::NotYetSupported,
        AdmissionError::PublisherUnknown { .. } => Code::PublisherUnknown,
        AdmissionError::WrongGenesis { .. } => Code::WrongGenesis,
        AdmissionError::PublisherExists { .. } => Code::PublisherExists,
        AdmissionError::DomainProofRequired { .. } => Code::DomainProofRequired,
        AdmissionError::InviteRequired => Code::InviteRequired,
        AdmissionError::WrongOrigin { .. } => Code::WrongOrigin,
        AdmissionError::Signatures { .. } => Code::SignaturesInsufficient,
        AdmissionError::EntryTooLarge { .. } => Code::EntryTooLarge,
    };
    ApiError::new(code, sentence(&error.to_string()))
}

/// What a client hears when the sidecars of its record are not as they must be.
pub(crate) fn sidecar_error(error: &SidecarError) -> ApiError {
    match error {
        SidecarError::Contradiction { .. } => {
            ApiError::new(Code::RecordInvalid, sentence(&error.to_string()))
        }
        SidecarError::TooLarge { .. } => ApiError::new(Code::PayloadTooLarge, sentence(&error.to_string())),
        SidecarError::Malformed { .. } => ApiError::new(Code::BlobMalformed, sentence(&error.to_string())),
        SidecarError::Gone { .. } => ApiError::new(Code::Busy, sentence(&error.to_string())),
        SidecarError::Durable(cause) => ApiError::internal("looking at sidecars", cause),
    }
}

/// What a client hears when the log did not do what it was asked.
pub(crate) fn log_error(error: &LogError) -> ApiError {
    match error {
        LogError::Admission(error) => admission_error(error),
        LogError::QueueFull => ApiError::new(
            Code::Busy,
            "Too many records wait to be logged. Try again in a second.",
        ),
        LogError::NotIndexed => ApiError::new(
            Code::NotReady,
            "The index is being opened or built again. The log itself is there; try again in a moment.",
        ),
        LogError::Stopped => ApiError::new(
            Code::LogStopped,
            "The log has stopped, and this record may or may not be in it. Submit it again later: a record is never logged twice.",
        ),
        other => ApiError::internal("using the log", other),
    }
}

/// An error message as a sentence for people.
pub(crate) fn sentence(message: &str) -> String {
    let mut characters = message.chars();
    let first: String = characters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .collect();
    format!("{first}{}.", characters.as_str())
}
