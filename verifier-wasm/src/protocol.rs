//! What page and worker say to each other: one enum each way.
//!
//! A message crosses as a JavaScript array of two: a line of text, and beside it what has no text (the `File` of a
//! [`Request`], the bytes of [`Event::Head`]) or `undefined`. A `File` travels by reference; its bytes stay where
//! they are. A line of words needs no serialization library:
//!
//! ```text
//! hash <job> <first chunk> <chunks> <file size> whole|chunks     ready
//! head <job> <len>                                               chunk <job> <index> <digest>
//! pause                                                          head <job>
//! resume                                                         done <job> <digest>|-
//!                                                                failed <job>|- <kind> <numbers or text>
//! ```

use std::str::Split;

use provenance::Sha256Digest;
use wasm_bindgen::JsValue;

/// Largest head that a worker reads for the page, in bytes: the largest header of a weights file.
pub const MAX_HEAD_BYTES: u64 = provenance::tensor::MAX_HEAD_BYTES;

/// A run of whole chunks of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Index of the first chunk.
    pub first_chunk: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// Size of the whole file in bytes, as the page saw it.
    pub file_size: u64,
}

/// From the page to a worker. A worker does one job at a time; to cancel it, terminate the worker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Hash the chunks of `span`. The `File` travels beside.
    Hash {
        /// Echoed in every answer.
        job: u32,
        /// What to hash.
        span: Span,
        /// Also compute the SHA-256 of the whole file; `span` then covers all of it.
        whole: bool,
    },
    /// Read the first `len` bytes, at most [`MAX_HEAD_BYTES`]. The `File` travels beside.
    Head {
        /// Echoed in the answer.
        job: u32,
        /// Bytes wanted.
        len: u64,
    },
    /// Read nothing more until [`Request::Resume`].
    Pause,
    /// Go on after [`Request::Pause`].
    Resume,
}

/// From a worker to the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The worker has loaded. Always its first message; requests sent before it are lost.
    Ready,
    /// One chunk was hashed.
    Chunk {
        /// The job it belongs to.
        job: u32,
        /// Index of the chunk in its file.
        index: u64,
        /// SHA-256 of the chunk.
        digest: Sha256Digest,
    },
    /// The first bytes of a file; they travel beside as a `Uint8Array`.
    Head {
        /// The job they belong to.
        job: u32,
    },
    /// The job is complete.
    Done {
        /// The job.
        job: u32,
        /// SHA-256 of the whole file, when it was asked for.
        whole: Option<Sha256Digest>,
    },
    /// The job ended without its result.
    Failed {
        /// The job, or nothing when the worker itself broke.
        job: Option<u32>,
        /// Why.
        what: Failure,
    },
}

/// Why a worker could not do its job.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The browser refused to read the file: moved, changed, or without permission.
    #[error("the browser could not read the file: {detail}")]
    Unreadable {
        /// What the browser said.
        detail: String,
    },
    /// The file ended before its size.
    #[error("the file changed while it was read: wanted {wanted} bytes at offset {offset}, got {found}")]
    Changed {
        /// Where the read began.
        offset: u64,
        /// Bytes wanted.
        wanted: u64,
        /// Bytes that came.
        found: u64,
    },
    /// The browser's own SHA-256 failed.
    #[error("the browser could not hash: {detail}")]
    Digest {
        /// What the browser said.
        detail: String,
    },
    /// A message without a meaning.
    #[error("page and worker do not understand each other: {detail}")]
    Message {
        /// What was wrong with it.
        detail: String,
    },
    /// The worker panicked. It is unusable afterwards.
    #[error("the hashing worker stopped: {detail}")]
    Panicked {
        /// The panic's message and place.
        detail: String,
    },
}

impl Failure {
    /// Whether the file is at fault, so that other files can still be read.
    pub fn concerns_file(&self) -> bool {
        matches!(self, Self::Unreadable { .. } | Self::Changed { .. })
    }
}

impl Request {
    /// The line.
    pub fn to_line(&self) -> String {
        match self {
            Self::Hash { job, span, whole } => {
                let Span {
                    first_chunk,
                    chunks,
                    file_size,
                } = span;
                let how = if *whole { "whole" } else { "chunks" };
                format!("hash {job} {first_chunk} {chunks} {file_size} {how}")
            }
            Self::Head { job, len } => format!("head {job} {len}"),
            Self::Pause => "pause".to_owned(),
            Self::Resume => "resume".to_owned(),
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Failure::Message`] when it is none of ours.
    pub fn from_line(line: &str) -> Result<Self, Failure> {
        Self::parse(line).ok_or_else(|| Failure::unknown(line))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let request = match words.next()? {
            "hash" => Self::Hash {
                job: number(&mut words)?,
                span: Span {
                    first_chunk: number(&mut words)?,
                    chunks: number(&mut words)?,
                    file_size: number(&mut words)?,
                },
                whole: match words.next()? {
                    "whole" => true,
                    "chunks" => false,
                    _ => return None,
                },
            },
            "head" => Self::Head {
                job: number(&mut words)?,
                len: number(&mut words)?,
            },
            "pause" => Self::Pause,
            "resume" => Self::Resume,
            _ => return None,
        };
        words.next().is_none().then_some(request)
    }
}

impl Event {
    /// The line.
    pub fn to_line(&self) -> String {
        match self {
            Self::Ready => "ready".to_owned(),
            Self::Chunk { job, index, digest } => format!("chunk {job} {index} {digest}"),
            Self::Head { job } => format!("head {job}"),
            Self::Done {
                job,
                whole: Some(digest),
            } => format!("done {job} {digest}"),
            Self::Done { job, whole: None } => format!("done {job} -"),
            Self::Failed { job, what } => {
                let job = job.map_or_else(|| "-".to_owned(), |job| job.to_string());
                match what {
                    Failure::Unreadable { detail } => format!("failed {job} unreadable {detail}"),
                    Failure::Changed {
                        offset,
                        wanted,
                        found,
                    } => {
                        format!("failed {job} changed {offset} {wanted} {found}")
                    }
                    Failure::Digest { detail } => format!("failed {job} digest {detail}"),
                    Failure::Message { detail } => format!("failed {job} message {detail}"),
                    Failure::Panicked { detail } => format!("failed {job} panicked {detail}"),
                }
            }
        }
    }

    /// Reads a line.
    ///
    /// # Errors
    /// [`Failure::Message`] when it is none of ours.
    pub fn from_line(line: &str) -> Result<Self, Failure> {
        Self::parse(line).ok_or_else(|| Failure::unknown(line))
    }

    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        Some(match words.next()? {
            "ready" => Self::Ready,
            "chunk" => Self::Chunk {
                job: number(&mut words)?,
                index: number(&mut words)?,
                digest: number(&mut words)?,
            },
            "head" => Self::Head {
                job: number(&mut words)?,
            },
            "done" => Self::Done {
                job: number(&mut words)?,
                whole: unless_dash(words.next()?)?,
            },
            "failed" => {
                let job = unless_dash(words.next()?)?;
                Self::Failed {
                    job,
                    what: Failure::parse(words.next()?, &mut words)?,
                }
            }
            _ => return None,
        })
    }
}

impl Failure {
    fn parse(kind: &str, words: &mut Split<'_, char>) -> Option<Self> {
        if kind == "changed" {
            let (offset, wanted, found) = (number(words)?, number(words)?, number(words)?);
            return Some(Self::Changed {
                offset,
                wanted,
                found,
            });
        }
        let detail = words.collect::<Vec<_>>().join(" ");
        Some(match kind {
            "unreadable" => Self::Unreadable { detail },
            "digest" => Self::Digest { detail },
            "message" => Self::Message { detail },
            "panicked" => Self::Panicked { detail },
            _ => return None,
        })
    }

    fn unknown(line: &str) -> Self {
        Self::Message {
            detail: format!("the message {line:?} has no meaning"),
        }
    }
}

/// The next word, as a number or digest.
fn number<T: std::str::FromStr>(words: &mut Split<'_, char>) -> Option<T> {
    words.next()?.parse().ok()
}

/// A word that may be `-` for nothing; the outer `None` is a word that is neither.
#[expect(clippy::option_option, reason = "absent and unreadable are different answers")]
fn unless_dash<T: std::str::FromStr>(word: &str) -> Option<Option<T>> {
    if word == "-" {
        Some(None)
    } else {
        word.parse().ok().map(Some)
    }
}

/// The message for `postMessage`: `line`, and `beside` in second place.
pub fn pack(line: &str, beside: &JsValue) -> JsValue {
    js_sys::Array::of2(&line.into(), beside).into()
}

/// Takes a message apart that [`pack`] made; the line is empty when it is none.
pub fn unpack(data: &JsValue) -> (String, JsValue) {
    let pair = js_sys::Array::from(data);
    (pair.get(0).as_string().unwrap_or_default(), pair.get(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_survives_the_crossing() {
        let span = Span {
            first_chunk: 3,
            chunks: 2,
            file_size: 40 << 30,
        };
        for request in [
            Request::Hash {
                job: 7,
                span,
                whole: false,
            },
            Request::Hash {
                job: u32::MAX,
                span,
                whole: true,
            },
            Request::Head {
                job: 0,
                len: MAX_HEAD_BYTES,
            },
            Request::Pause,
            Request::Resume,
        ] {
            assert_eq!(Request::from_line(&request.to_line()), Ok(request));
        }
    }

    #[test]
    fn every_event_survives_the_crossing() {
        let digest = Sha256Digest::of(b"x");
        let detail = || "NotReadableError: the file  could not be read\n at line 3".to_owned();
        let failed = |job, what| Event::Failed { job, what };
        for event in [
            Event::Ready,
            Event::Chunk {
                job: 7,
                index: 1 << 40,
                digest,
            },
            Event::Head { job: 1 },
            Event::Done {
                job: 1,
                whole: Some(digest),
            },
            Event::Done { job: 1, whole: None },
            failed(
                Some(4),
                Failure::Changed {
                    offset: 1,
                    wanted: 2,
                    found: 3,
                },
            ),
            failed(Some(4), Failure::Unreadable { detail: detail() }),
            failed(
                Some(4),
                Failure::Digest {
                    detail: String::new(),
                },
            ),
            failed(None, Failure::Message { detail: detail() }),
            failed(None, Failure::Panicked { detail: detail() }),
        ] {
            assert_eq!(Event::from_line(&event.to_line()), Ok(event));
        }
    }

    #[test]
    fn what_is_no_message_is_said_and_never_a_panic() {
        for line in [
            "",
            "hash",
            "hash 1 2 3 4",
            "hash 1 2 3 4 half",
            "hash 1 2 3 4 whole x",
            "head 1 -1",
            "pause now",
        ] {
            assert!(
                matches!(Request::from_line(line), Err(Failure::Message { .. })),
                "{line}"
            );
        }
        for line in [
            "",
            "chunk 1 2 xyz",
            "done 1",
            "failed",
            "failed x",
            "failed 1 burnt down",
            "failed 1 changed 1 2",
        ] {
            assert!(
                matches!(Event::from_line(line), Err(Failure::Message { .. })),
                "{line}"
            );
        }
    }
}
