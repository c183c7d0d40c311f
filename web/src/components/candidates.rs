//! Several publishers recorded the same bytes: only the visitor can say whose record is meant.

use leptos::prelude::*;
use provenance::RecordId;

use super::{
    button::{button, cancel_button},
    digest::whole,
};
use crate::{
    candidate::Candidate,
    dom::{IntoView, View, el},
    text,
};

/// The list.
pub(crate) fn candidate_list(
    candidates: &[Candidate],
    pick: Callback<RecordId>,
    cancel: Callback<()>,
) -> View {
    let rows = candidates
        .iter()
        .map(|candidate| row(candidate, pick))
        .collect::<Vec<_>>();
    el("section")
        .class("candidates")
        .child((
            el("h2").child("Which record do you mean?"),
            el("p").child(
                "These are the same bytes, recorded by several publishers, none of whom is in your trust file. Pick \
                 the one whose genesis you got from the publisher itself.",
            ),
            el("ul").class("candidate-list").child(rows),
            el("div").class("buttons").child(cancel_button(cancel)),
        ))
        .into_view()
}

fn row(candidate: &Candidate, pick: Callback<RecordId>) -> impl IntoView + use<> {
    let record = candidate.record;
    // Without a log that the visitor trusts no genesis is proved.
    let (term, id) = match candidate.genesis {
        Some(genesis) => ("Genesis ", genesis),
        None => ("Record ", record),
    };
    el("li")
        .class("candidate")
        .hook("candidate")
        .attr("data-record", record.to_string())
        .child((
            el("div").child((
                el("p").child((
                    el("strong").child(candidate.title()),
                    format!(" by {}", candidate.publisher),
                )),
                el("p").class("quiet").child((
                    format!(
                        "Entry {} of the log, {}. {term}",
                        text::grouped(candidate.index),
                        text::counted(candidate.listed, "file"),
                    ),
                    whole(id.to_string()),
                )),
            )),
            button("This one", move || pick.run(record))
                .attr("aria-label", format!("This one: {}", candidate.by())),
        ))
}
