//! What the words mean, one below the other.

use leptos::prelude::*;

use crate::{
    components::{
        page::{facts, page},
        word::WORDS,
    },
    dom::{IntoView, View, el},
};

/// The page.
pub(crate) fn words_page() -> View {
    let rows = WORDS.map(|word| {
        el("div")
            .class("fact")
            .hook("word")
            .attr("id", word.anchor)
            .child((
                el("dt").child(el("strong").child(word.title)),
                el("dd").child(word.text),
            ))
    });
    // The address may name a word that was not there yet when the browser looked for it.
    request_animation_frame(|| {
        let anchor = window().location().hash().unwrap_or_default();
        if let Some(word) = document().get_element_by_id(anchor.trim_start_matches('#')) {
            word.scroll_into_view();
        }
    });
    page(
        "What the words mean",
        "The words of the field, as these pages use them.",
        el("section")
            .class("panel")
            .attr("aria-label", "Words")
            .child(facts(
                rows.into_iter().map(IntoView::into_view).collect::<Vec<_>>(),
            )),
    )
}
