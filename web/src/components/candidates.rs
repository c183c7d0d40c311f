//! Several records fit the same files equally well: the visitor says which one is meant.

use leptos::prelude::*;
use provenance::RecordId;

use super::{
    button::{button, cancel_button},
    digest::digest,
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
            el("p").child("Several records fit these files equally well. Pick the one that you expected."),
            el("ul").class("candidate-list").child(rows),
            el("div").class("buttons").child(cancel_button(cancel)),
        ))
        .into_view()
}

fn row(candidate: &Candidate, pick: Callback<RecordId>) -> impl IntoView + use<> {
    let record = candidate.record;
    let standing = match (candidate.faulty, candidate.trusted) {
        (true, _) => "this record does not hold",
        (false, true) => "in your trust file",
        (false, false) => "not in your trust file",
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
                        "{}, {} here, {standing}. Record ",
                        text::counted(candidate.listed, "file"),
                        candidate.fitting
                    ),
                    digest(record.to_string()),
                )),
            )),
            button("Compare with this", move || pick.run(record)),
        ))
}
