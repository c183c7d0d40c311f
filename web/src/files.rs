//! The `File` objects of a picker or a drop, with the names that the browser gives them.

use js_sys::{Array, Promise, Reflect};
use wasm_bindgen::{JsCast, JsValue, prelude::wasm_bindgen};
use wasm_bindgen_futures::JsFuture;
use web_sys::{DataTransfer, File, FileList};

use crate::{plan::Listed, text};

#[wasm_bindgen(module = "/js/files.js")]
extern "C" {
    #[wasm_bindgen(js_name = filesOfList)]
    fn files_of_list(list: &FileList) -> Array;
    #[wasm_bindgen(js_name = filesOfDrop)]
    fn files_of_drop(transfer: &DataTransfer) -> Promise;
}

/// Names and handles, in the same order.
#[derive(Clone, Default)]
pub(crate) struct Picked {
    /// What the plan is made from.
    pub(crate) listed: Vec<Listed>,
    /// The file behind each entry of `listed`.
    pub(crate) handles: Vec<File>,
}

/// The files of an input.
pub(crate) fn from_list(list: &FileList) -> Picked {
    picked(&files_of_list(list))
}

/// The files of a drop, folders walked to the end. The items are taken before this returns, because the browser
/// forgets them when the drop handler does; the answer comes later.
pub(crate) fn from_drop(transfer: &DataTransfer) -> impl Future<Output = Result<Picked, String>> + use<> {
    let pairs = JsFuture::from(files_of_drop(transfer));
    async move {
        pairs
            .await
            .map(|pairs| picked(&Array::from(&pairs)))
            .map_err(|error| described(&error))
    }
}

fn picked(pairs: &Array) -> Picked {
    let mut picked = Picked::default();
    for pair in pairs.iter().map(|pair| Array::from(&pair)) {
        if let (Some(path), Ok(file)) = (pair.get(0).as_string(), pair.get(1).dyn_into::<File>()) {
            picked.listed.push(Listed {
                path,
                size: text::whole(file.size()),
            });
            picked.handles.push(file);
        }
    }
    picked
}

/// The text of a short file; none when it cannot be read.
pub(crate) async fn text_of(file: &File) -> Option<String> {
    JsFuture::from(file.text()).await.ok()?.as_string()
}

/// The message of a JavaScript error or event, if it has one.
pub(crate) fn message(error: &JsValue) -> Option<String> {
    Reflect::get(error, &"message".into()).ok()?.as_string()
}

/// The text of a JavaScript error.
pub(crate) fn described(error: &JsValue) -> String {
    message(error)
        .or_else(|| error.as_string())
        .unwrap_or_else(|| "the browser gave no reason".to_owned())
}
