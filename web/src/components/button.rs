//! A button.

use leptos::prelude::*;

use crate::dom::{El, IntoView, el};

/// A button that says `text` and does `act`.
pub(crate) fn button(text: impl IntoView, mut act: impl FnMut() + 'static) -> El {
    el("button")
        .attr("type", "button")
        .class("button")
        .on("click", move |_| act())
        .child(text)
}

/// The way back out of a run.
pub(crate) fn cancel_button(cancel: Callback<()>) -> El {
    button("Cancel", move || cancel.run(())).hook("cancel")
}
