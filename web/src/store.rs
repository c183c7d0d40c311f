//! Texts that this browser keeps between visits, in IndexedDB.

use wasm_bindgen::{JsValue, prelude::wasm_bindgen};

use crate::files::described;

#[wasm_bindgen(module = "/js/store.js")]
extern "C" {
    #[wasm_bindgen(js_name = load, catch)]
    async fn load_text(key: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = save, catch)]
    async fn save_text(key: &str, text: &str) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(js_name = forget, catch)]
    async fn forget_text(key: &str) -> Result<JsValue, JsValue>;
}

/// The browser keeps nothing, as in some private windows. What was chosen holds until the page is closed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("This browser did not keep the choice ({reason}). It holds until you close this page.")]
pub(crate) struct StoreError {
    reason: String,
}

/// The text kept under `key`.
pub(crate) async fn load(key: &str) -> Result<Option<String>, StoreError> {
    load_text(key)
        .await
        .map(|value| value.as_string())
        .map_err(|error| store_error(&error))
}

/// Keeps `text` under `key`.
pub(crate) async fn save(key: &str, text: &str) -> Result<(), StoreError> {
    save_text(key, text)
        .await
        .map(|_| ())
        .map_err(|error| store_error(&error))
}

/// Removes what is kept under `key`.
pub(crate) async fn forget(key: &str) -> Result<(), StoreError> {
    forget_text(key)
        .await
        .map(|_| ())
        .map_err(|error| store_error(&error))
}

fn store_error(error: &JsValue) -> StoreError {
    StoreError {
        reason: described(error),
    }
}
