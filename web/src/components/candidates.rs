//! Several records fit the same files equally well: the visitor says which one is meant.

use leptos::{ev, html, prelude::*};
use provenance::RecordId;

use super::digest::digest;
use crate::{text, verification::Candidate};

/// The list.
pub(crate) fn candidate_list(
    candidates: &[Candidate],
    pick: Callback<RecordId>,
    cancel: Callback<()>,
) -> AnyView {
    let rows = candidates
        .iter()
        .map(|candidate| row(candidate, pick))
        .collect_view();
    html::section()
        .class("candidates")
        .child((
            html::h2().child("Which record do you mean?"),
            html::p().child("Several records fit these files equally well. Pick the one that you expected."),
            html::ul().class("candidate-list").child(rows),
            html::div().class("buttons").child(
                html::button()
                    .r#type("button")
                    .class("button")
                    .attr("data-test", "cancel")
                    .on(ev::click, move |_| cancel.run(()))
                    .child("Cancel"),
            ),
        ))
        .into_any()
}

fn row(candidate: &Candidate, pick: Callback<RecordId>) -> impl IntoView + use<> {
    let record = candidate.record;
    let standing = match (candidate.faulty, candidate.trusted) {
        (true, _) => "this record does not hold",
        (false, true) => "in your trust file",
        (false, false) => "not in your trust file",
    };
    html::li()
        .class("candidate")
        .attr("data-test", "candidate")
        .attr("data-record", record.to_string())
        .child((
            html::div().child((
                html::p().child((
                    html::strong().child(candidate.title()),
                    format!(" by {}", candidate.publisher),
                )),
                html::p().class("quiet").child((
                    format!(
                        "{}, {} here, {standing}. Record ",
                        text::counted(candidate.listed, "file"),
                        candidate.fitting
                    ),
                    digest(record.to_string()),
                )),
            )),
            html::button()
                .r#type("button")
                .class("button")
                .on(ev::click, move |_| pick.run(record))
                .child("Compare with this"),
        ))
}
