//! The box for a record id, a digest or a link, and the record that was named with it.

use leptos::{ev, html, prelude::*};
use web_sys::SubmitEvent;

use super::digest::digest;
use crate::{
    query::{self, Query},
    text,
    verification::Named,
};

/// The box.
pub(crate) fn query_form(ask: Callback<Query>) -> impl IntoView {
    let field = NodeRef::<html::Input>::new();
    let wrong = RwSignal::new(None::<String>);
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(field) = field.get_untracked() else {
            return;
        };
        match query::parse(&field.value()) {
            Ok(query) => {
                wrong.set(None);
                field.set_value("");
                ask.run(query);
            }
            Err(error) => wrong.set(Some(error.to_string())),
        }
    };
    html::form().class("query").on(ev::submit, submit).child((
        html::label()
            .r#for("query")
            .child("Or name what you expect: a record id, a link to it, or a SHA-256"),
        html::div().class("query-row").child((
            html::input()
                .id("query")
                .class("field is-mono")
                .r#type("text")
                .attr("autocomplete", "off")
                .attr("spellcheck", "false")
                .attr("autocapitalize", "none")
                .attr("aria-describedby", "query-wrong")
                .attr("data-test", "input-digest")
                .node_ref(field),
            html::button()
                .r#type("submit")
                .class("button")
                .attr("data-test", "look-up")
                .child("Look up"),
        )),
        html::p()
            .id("query-wrong")
            .class("field-error")
            .attr("role", "alert")
            .child(move || wrong.get()),
    ))
}

/// The record that the visitor named.
pub(crate) fn named_record(named: &Named, forget: Callback<()>) -> impl IntoView + use<> {
    let about = named.about.as_ref().map(|about| {
        let files = text::counted(about.listed, "file");
        html::p().child((
            "You expect ",
            html::strong().child(about.title()),
            format!(
                " by {}, {files}. Now give the files to compare with it.",
                about.publisher
            ),
        ))
    });
    html::div()
        .class("notice is-blue named")
        .attr("data-test", "named")
        .child(
            html::div().child((
                about,
                html::p()
                    .class("quiet")
                    .child(("Record ", digest(named.record.to_string()))),
                html::button()
                    .r#type("button")
                    .class("button is-plain")
                    .on(ev::click, move |_| forget.run(()))
                    .child("Expect nothing in particular"),
            )),
        )
}
