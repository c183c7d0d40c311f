//! A digest: short to the eye, whole to the clipboard and to a screen reader's user who asks for it.

use leptos::{ev, html, prelude::*};

use crate::{clipboard, text};

/// Shows `hex` shortened, with a button that copies all of it.
pub(crate) fn digest(hex: String) -> impl IntoView {
    let copied = RwSignal::new(false);
    let (short, title, whole) = (text::short_digest(&hex), hex.clone(), hex);
    html::span().class("digest").child((
        html::code().title(title).child(short),
        html::button()
            .r#type("button")
            .class("copy")
            .aria_label("Copy the whole value")
            .on(ev::click, move |_| clipboard::copy(&whole, copied))
            .child(move || if copied.get() { "copied" } else { "copy" }),
    ))
}
