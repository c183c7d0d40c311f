//! What a page asked the registry for: waiting, there, missing or failed, and a way to ask again.

use leptos::prelude::*;

use crate::{
    api::ApiError,
    components::{
        button::button,
        icon::{Icon, icon},
    },
    dom::{IntoView, View, el},
    task::{Begun, spawn},
};

/// An answer, or how far it is.
enum Loaded<T> {
    Waiting,
    There(T),
    Missing,
    Failed(String),
}

/// Asks, and shows what comes of it. `missing` is shown when the registry has no such thing.
pub(crate) fn loaded<T: 'static, V: IntoView>(
    ask: impl Fn() -> Begun<Result<T, ApiError>> + Clone + 'static,
    missing: impl Fn() -> View + 'static,
    show: impl Fn(&T) -> V + 'static,
) -> View {
    let state = RwSignal::new_local(Loaded::Waiting);
    let start = move || {
        state.set(Loaded::Waiting);
        let answer = ask();
        spawn(async move {
            state.set(match answer.await {
                Ok(found) => Loaded::There(found),
                Err(ApiError::NotFound) => Loaded::Missing,
                Err(error) => Loaded::Failed(error.to_string()),
            });
        });
    };
    start();
    (move || {
        state.with(|state| match state {
            Loaded::Waiting => el("p")
                .class("quiet waiting")
                .attr("role", "status")
                .hook("loading")
                .child("Asking the registry …")
                .into_view(),
            Loaded::There(found) => show(found).into_view(),
            Loaded::Missing => missing(),
            Loaded::Failed(why) => failed(why, start.clone()).into_view(),
        })
    })
    .into_view()
}

fn failed(why: &str, again: impl Fn() + 'static) -> impl IntoView {
    el("div")
        .class("notice is-amber")
        .hook("failed")
        .attr("role", "alert")
        .child((
            icon(Icon::Warning, "notice-icon"),
            el("div").child((
                el("p").child(provenance::path::visible(why)),
                button("Try again", again).hook("retry"),
            )),
        ))
}
