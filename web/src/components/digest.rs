//! A digest: short to the eye, whole to the clipboard and to a screen reader's user who asks for it.

use leptos::prelude::*;

use crate::{
    clipboard,
    dom::{IntoView, el},
    text,
};

/// Shows `hex` shortened, with a button that copies all of it.
pub(crate) fn digest(hex: String) -> impl IntoView {
    let short = el("code")
        .attr("title", hex.clone())
        .child(text::short_digest(&hex));
    el("span").class("digest").child((short, copy_button(hex)))
}

/// Shows `value` whole, because it is there to be compared, with a button that copies it.
pub(crate) fn whole(value: String) -> impl IntoView {
    (
        el("code").class("whole-key").child(value.clone()),
        copy_button(value),
    )
}

fn copy_button(value: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    el("button")
        .attr("type", "button")
        .class("copy")
        .attr("aria-label", "Copy the whole value")
        .on("click", move |_| clipboard::copy(&value, copied))
        .child(move || if copied.get() { "copied" } else { "copy" })
}
