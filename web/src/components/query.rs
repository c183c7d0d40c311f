//! The box for a record id, a digest or a link, and the record that was named with it.

use leptos::prelude::*;
use provenance::path::visible;
use web_sys::{Event, HtmlInputElement};

use super::{button::button, digest::digest, page::name};
use crate::{
    candidate::Candidate,
    dom::{IntoView, Reference, el},
    query::{self, Query},
    text,
};

/// What to tell about a link that leads to another site.
pub(crate) fn leads_elsewhere(text: &str) -> Option<String> {
    let here = window().location().host().unwrap_or_default();
    let host = visible(query::host_elsewhere(text, &here)?);
    Some(format!(
        "This link leads to another registry, {host}. Follow it there, or paste only the id to ask this one."
    ))
}

/// The box.
pub(crate) fn query_form(ask: Callback<Query>) -> impl IntoView {
    let field = Reference::new();
    let wrong = RwSignal::new(None::<String>);
    let submit = move |event: Event| {
        event.prevent_default();
        let Some(field) = field.get::<HtmlInputElement>() else {
            return;
        };
        let value = field.value();
        if let Some(told) = leads_elsewhere(&value) {
            wrong.set(Some(told));
            return;
        }
        match query::parse(&value) {
            Ok(query) => {
                wrong.set(None);
                field.set_value("");
                ask.run(query);
            }
            Err(error) => wrong.set(Some(error.to_string())),
        }
    };
    el("form").class("query").on("submit", submit).child((
        el("label")
            .attr("for", "query")
            .child("Or name what you expect: a record id, a link to it, or a SHA-256"),
        el("div").class("query-row").child((
            el("input")
                .attr("id", "query")
                .class("field is-mono")
                .attr("type", "text")
                .attr("autocomplete", "off")
                .attr("spellcheck", "false")
                .attr("autocapitalize", "none")
                .attr("aria-describedby", "query-wrong")
                .hook("input-digest")
                .reference(field),
            el("button")
                .attr("type", "submit")
                .class("button")
                .hook("look-up")
                .child("Look up"),
        )),
        el("p")
            .attr("id", "query-wrong")
            .class("field-error")
            .attr("role", "alert")
            .child(move || wrong.get()),
    ))
}

/// The record that the visitor named.
pub(crate) fn named_record(named: &Candidate, forget: Callback<()>) -> impl IntoView + use<> {
    let files = text::counted(named.listed, "file");
    let about = el("p").child((
        "You expect ",
        el("strong").child(named.title()),
        " by ",
        name(&named.publisher),
        format!(", {files}. Now give the files to compare with it."),
    ));
    el("div").class("notice is-blue named").hook("named").child(
        el("div").child((
            about,
            el("p")
                .class("quiet")
                .child(("Record ", digest(named.record.to_string()))),
            button("Expect nothing in particular", move || forget.run(())).class("button is-plain"),
        )),
    )
}
