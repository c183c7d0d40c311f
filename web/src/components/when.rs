//! A moment: as people read it, and as programs do.

use js_sys::Date;
use wasm_bindgen::JsValue;

use crate::{
    dom::{El, el},
    text,
};

/// The last second that a browser can name.
const LAST_SECOND: u64 = 8_640_000_000_000;

/// POSIX seconds as `2026-11-27 15:24 UTC`.
pub(crate) fn when(seconds: u64) -> El {
    let moment = Date::new(&JsValue::from_f64(
        text::as_float(seconds.min(LAST_SECOND)) * 1000.0,
    ));
    let iso = String::from(moment.to_iso_string());
    let words = match iso.split_once('T') {
        Some((day, time)) => format!("{day} {} UTC", time.get(..5).unwrap_or(time)),
        None => iso.clone(),
    };
    el("time").attr("datetime", iso).child(words)
}
