//! What page and worker say to each other: one enum each way.
//!
//! A message crosses as a JavaScript array of two: the serialized enum, and beside it what cannot be serialized
//! (the `File` of a [`Request`], the bytes of [`Event::Head`]) or `undefined`. A `File` travels by reference;
//! its bytes stay where they are.

use provenance::Sha256Digest;
use serde::{Deserialize, Serialize};

/// Build id of this code. Page and worker compare theirs before any work is given out.
pub const BUILD: &str = env!("WEIGHBRIDGE_WORKER_BUILD");

/// Largest head that a worker reads for the page, in bytes: the largest safetensors header with its length
/// field.
pub const MAX_HEAD_BYTES: u64 = provenance::tensor::MAX_HEADER_BYTES + 8;

/// A run of whole chunks of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    /// Index of the first chunk.
    pub first_chunk: u64,
    /// Number of chunks.
    pub chunks: u64,
    /// Size of the whole file in bytes, as the page saw it.
    pub file_size: u64,
}

/// From the page to a worker. A worker does one job at a time; to cancel it, terminate the worker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// The worker has loaded. Always its first message; requests sent before it are lost.
    Ready {
        /// The worker's [`BUILD`].
        build: String,
    },
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
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
    /// A message that this build does not know.
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

mod crossing {
    use serde::{Serialize, de::DeserializeOwned};
    use wasm_bindgen::JsValue;

    use super::Failure;

    /// Builds the message for `postMessage`: the serialized `message` with `beside` in second place.
    ///
    /// # Errors
    /// [`Failure::Message`] when a number does not fit JavaScript.
    pub fn pack(message: &impl Serialize, beside: &JsValue) -> Result<JsValue, Failure> {
        let message = serde_wasm_bindgen::to_value(message).map_err(|e| Failure::Message {
            detail: e.to_string(),
        })?;
        Ok(js_sys::Array::of2(&message, beside).into())
    }

    /// Takes a message apart that [`pack`] made.
    ///
    /// # Errors
    /// [`Failure::Message`] when it is none.
    pub fn unpack<T: DeserializeOwned>(data: &JsValue) -> Result<(T, JsValue), Failure> {
        let pair = js_sys::Array::from(data);
        let message = serde_wasm_bindgen::from_value(pair.get(0)).map_err(|e| Failure::Message {
            detail: e.to_string(),
        })?;
        Ok((message, pair.get(1)))
    }
}

pub use crossing::{pack, unpack};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_survive_the_crossing() {
        let request = Request::Hash {
            job: 7,
            span: Span {
                first_chunk: 3,
                chunks: 2,
                file_size: 40 << 30,
            },
            whole: false,
        };
        let event = Event::Chunk {
            job: 7,
            index: 3,
            digest: Sha256Digest::of(b"x"),
        };
        let request_again = serde_json::from_str(&serde_json::to_string(&request).unwrap()).unwrap();
        let event_again = serde_json::from_str(&serde_json::to_string(&event).unwrap()).unwrap();
        assert_eq!((request, event), (request_again, event_again));
    }

    #[test]
    fn the_build_id_is_sixteen_hex_digits() {
        assert_eq!(BUILD.len(), 16);
        assert!(BUILD.bytes().all(|b| b.is_ascii_hexdigit()));
    }
}
