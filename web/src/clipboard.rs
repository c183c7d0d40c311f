//! Text that leaves the page on a click: to the clipboard, or as a file.

use crate::task::spawn;
use js_sys::Array;
use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, BlobPropertyBag, Clipboard, HtmlAnchorElement, Url};

/// Whether text can be copied. Browsers offer it in secure contexts only: https and localhost.
pub(crate) fn is_offered() -> bool {
    clipboard().is_some()
}

fn clipboard() -> Option<Clipboard> {
    js_sys::Reflect::get(&window().navigator(), &"clipboard".into())
        .ok()?
        .dyn_into()
        .ok()
}

/// Copies `text`, and sets `done` when the browser says that it did.
pub(crate) fn copy(text: &str, done: RwSignal<bool>) {
    let Some(promise) = clipboard().map(|clipboard| clipboard.write_text(text)) else {
        return;
    };
    spawn(async move {
        if JsFuture::from(promise).await.is_ok() {
            // The button may be gone by now.
            done.try_set(true);
        }
    });
}

/// Offers `text` as a download named `name`.
///
/// # Errors
/// The browser's own, which is shown nowhere: a download that does not start is seen.
pub(crate) fn save(name: &str, text: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    let is_json = name.rsplit('.').next() == Some("json");
    options.set_type(if is_json { "application/json" } else { "text/plain" });
    let blob = Blob::new_with_str_sequence_and_options(&Array::of1(&text.into()), &options)?;
    let url = Url::create_object_url_with_blob(&blob)?;
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&url);
    link.set_download(name);
    link.click();
    Url::revoke_object_url(&url)
}
