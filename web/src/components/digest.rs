//! A digest: short to the eye, whole to the clipboard and to a screen reader's user who asks for it.

use leptos::prelude::*;

use crate::{
    clipboard,
    dom::{El, IntoView, el},
    text,
};

/// Shows `hex` shortened, with a button that copies all of it.
pub(crate) fn digest(hex: String) -> impl IntoView {
    let short = el("code")
        .attr("title", hex.clone())
        .child(text::short_digest(&hex));
    el("span").class("digest").child((short, copy_value(hex)))
}

/// Shows `value` whole, because it is there to be compared, with a button that copies it.
pub(crate) fn whole(value: String) -> impl IntoView {
    (
        el("code").class("whole-key").child(value.clone()),
        copy_value(value),
    )
}

/// A button that copies `value`, and says so; nothing where the browser offers no clipboard.
pub(crate) fn copy_button(
    class: &'static str,
    words: (&'static str, &'static str),
    value: String,
) -> Option<El> {
    let copied = RwSignal::new(false);
    let (before, after) = words;
    clipboard::is_offered().then(|| {
        el("button")
            .attr("type", "button")
            .class(class)
            .on("click", move |_| clipboard::copy(&value, copied))
            .child(move || if copied.get() { after } else { before })
    })
}

fn copy_value(value: String) -> Option<El> {
    let button = copy_button("copy", ("copy", "copied"), value)?;
    Some(button.attr("title", "Copy the whole value"))
}
