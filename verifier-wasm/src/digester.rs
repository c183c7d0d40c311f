//! Who hashes in a worker: the browser's SHA-256 where it is offered, ours in wasm where not.
//!
//! `crypto.subtle` exists in secure contexts only (https and localhost) and has no streaming form, so the digest
//! of a whole file is always computed in wasm.

use js_sys::{Reflect, Uint8Array};
use provenance::{Sha256Digest, Sha256Hasher};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::SubtleCrypto;

use crate::{blob_source::describe, hasher::Digester, protocol::Failure};

/// SHA-256 in a worker.
pub(crate) struct BrowserDigester {
    subtle: Option<SubtleCrypto>,
    whole: Sha256Hasher,
    /// One chunk in wasm memory, used again for each.
    scratch: Vec<u8>,
}

impl BrowserDigester {
    pub(crate) fn new() -> Self {
        let subtle = Reflect::get(&js_sys::global(), &"crypto".into())
            .and_then(|crypto| Reflect::get(&crypto, &"subtle".into()))
            .ok()
            .filter(JsValue::is_object)
            .map(JsCast::unchecked_into);
        Self {
            subtle,
            whole: Sha256Hasher::new(),
            scratch: Vec::new(),
        }
    }

    fn copy(&mut self, piece: &Uint8Array) {
        self.scratch.resize(piece.length() as usize, 0);
        piece.copy_to(&mut self.scratch);
    }
}

impl Digester<Uint8Array> for BrowserDigester {
    async fn chunk(&mut self, piece: &Uint8Array) -> Result<Sha256Digest, Failure> {
        let Some(subtle) = &self.subtle else {
            self.copy(piece);
            return Ok(Sha256Digest::of(&self.scratch));
        };
        let failed = |error| Failure::Digest {
            detail: describe(&error),
        };
        let promise = subtle
            .digest_with_str_and_buffer_source("SHA-256", piece)
            .map_err(failed)?;
        let digest = Uint8Array::new(&JsFuture::from(promise).await.map_err(failed)?).to_vec();
        Sha256Digest::from_slice(&digest).ok_or_else(|| Failure::Digest {
            detail: format!("SHA-256 came back with {} bytes", digest.len()),
        })
    }

    fn append(&mut self, piece: &Uint8Array) {
        self.copy(piece);
        self.whole.update(&self.scratch);
    }

    fn whole(&mut self) -> Sha256Digest {
        std::mem::take(&mut self.whole).finish()
    }
}
