//! The proof that a record is in the log, checked in the visitor's browser.

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{RecordId, path::visible, verify::Opened};

use crate::{
    components::{
        button::button,
        checks::check_list,
        icon::{Icon, icon},
        page::panel,
    },
    dom::{IntoView, View, el},
    evidence::Evidence,
    task::spawn,
    text,
    trust_session::TrustSession,
};

/// How far a check of the log proof is.
#[derive(Clone)]
enum Checking {
    NotYet,
    Working,
    Done(Rc<Evidence>),
    Failed(String),
}

/// The log proof, checked in this browser on a click.
pub(super) fn proof(id: RecordId, trust: TrustSession) -> View {
    let state = RwSignal::new_local(Checking::NotYet);
    let start = move || {
        state.set(Checking::Working);
        let evidence = Evidence::fetch(id);
        spawn(async move {
            state.set(match evidence.await {
                Ok(evidence) => Checking::Done(Rc::new(evidence)),
                Err(error) => Checking::Failed(error.to_string()),
            });
        });
    };
    let body = move || match state.get() {
        Checking::NotYet => (
            el("p").child("The registry says that this record is in its log. Your browser can prove it."),
            button("Check the log proof now", start)
                .class("button is-primary")
                .hook("check-proof"),
        )
            .into_view(),
        Checking::Working => el("p")
            .class("quiet working")
            .attr("role", "status")
            .child("Fetching the proof …")
            .into_view(),
        Checking::Done(evidence) => {
            trust.state.track();
            let opened = trust.with_file(|file| evidence.open(file));
            (steps(&opened), button("Check again", start).hook("check-proof")).into_view()
        }
        Checking::Failed(why) => (
            el("p").attr("role", "alert").child(visible(&why)),
            button("Try again", start).hook("check-proof"),
        )
            .into_view(),
    };
    panel("Log proof", body).hook("proof").into_view()
}

/// What was proved, step by step, and in a sentence.
fn steps(opened: &Opened) -> impl IntoView + use<> {
    let (picture, colour, words) = match (opened.fault(), opened.log(), opened.identity()) {
        (Some(_), ..) => (Icon::Cross, "is-red", "This record does not hold.".to_owned()),
        (None, None, _) => (
            Icon::Lock,
            "is-blue",
            "This text is the record that its id names. That it is in a log was not checked: choose a log to trust.".to_owned(),
        ),
        (None, Some(log), Some(identity)) if identity.pinned => (
            Icon::Check,
            "is-blue",
            format!(
                "Proved: {}, signed by {}, whom you trust.",
                text::entry(log.index, log.size),
                identity.publisher
            ),
        ),
        (None, Some(log), _) => (
            Icon::Check,
            "is-blue",
            format!(
                "Proved: {}. You have not chosen to trust its publisher.",
                text::entry(log.index, log.size)
            ),
        ),
    };
    let choose = opened
        .log()
        .is_none()
        .then(|| el("p").child(el("a").attr("href", "#trust").child("Choose a log to trust")));
    (
        el("div")
            .class(format!("notice {colour}"))
            .attr("role", "status")
            .hook("proved")
            .child((
                icon(picture, "notice-icon"),
                el("div").child((el("p").child(words), choose)),
            )),
        el("div").class("is-narrow").child(check_list(opened.checks())),
    )
}
