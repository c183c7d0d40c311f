//! The run under way: one bar, one line of figures, one row for each file, and the first difference at once.

use leptos::prelude::*;

use super::{
    button::{button, cancel_button},
    icon::{Icon, icon},
};
use crate::{
    dom::{IntoView, el},
    progress::{Difference, Progress, Row},
    text,
    verification::{Phase, Verification},
};

/// Rows drawn; a model of 100,000 files must not freeze the page.
const MAX_ROWS: usize = 200;

/// What the buttons do.
#[derive(Clone, Copy)]
pub(crate) struct Controls {
    /// Stop reading, or go on.
    pub(crate) pause: Callback<bool>,
    /// End the run.
    pub(crate) cancel: Callback<()>,
}

/// The state as the panel reads it, at every redraw: in place, for a model's lists of chunks are long.
type State = RwSignal<Verification>;

/// Reads the progress; gives nothing in the moment in which the run ends.
fn of<T: Default>(state: State, read: impl FnOnce(&Progress) -> T) -> T {
    state.with(|state| match &state.phase {
        Phase::Hashing(progress) => read(progress),
        _ => T::default(),
    })
}

/// The panel while every byte is read.
pub(crate) fn progress_panel(state: State, controls: Controls) -> impl IntoView {
    let paused = Memo::new(move |_| of(state, |p| p.paused));
    let line = Memo::new(move |_| of(state, Progress::line));
    let percent = Memo::new(move |_| of(state, Progress::percent));
    el("div").class("progress").child((
        el("div").class("progress-head").child((
            el("span")
                .class("progress-percent")
                .child(move || format!("{}%", percent.get())),
            el("span").class("progress-line").child(move || line.get()),
        )),
        el("progress")
            .attr("max", "100")
            .prop("value", move || text::as_float(percent.get()).into())
            .attr("aria-label", "Bytes checked")
            .attr("aria-valuetext", move || line.get())
            .hook("progress"),
        el("div").class("buttons").child((
            move || {
                let (text, hook, to) = if paused.get() {
                    ("Resume", "resume", false)
                } else {
                    ("Pause", "pause", true)
                };
                button(text, move || controls.pause.run(to)).hook(hook)
            },
            cancel_button(controls.cancel),
            el("span").class("quiet").child(move || {
                if paused.get() {
                    "Nothing is read until you resume."
                } else {
                    "You can switch tabs; the check goes on."
                }
            }),
        )),
        difference(state),
        rows(state),
    ))
}

/// Announced by screen readers the moment it appears. A difference counts against the files only where the visitor
/// named the record or trusts its publisher.
fn difference(state: State) -> impl IntoView {
    let found = Memo::new(move |_| of(state, |p| p.difference.clone()));
    let grave = move || state.with_untracked(Verification::compares_against_trust);
    el("div").attr("role", "alert").child(move || {
        found.with(|found| {
            let difference = found.as_ref()?;
            Some(difference_alert(difference, grave()))
        })
    })
}

fn difference_alert(difference: &Difference, grave: bool) -> impl IntoView + use<> {
    let tensors = match (difference.tensors.as_slice(), difference.more_tensors) {
        ([], _) => None,
        (names, 0) => Some(format!("In {}.", names.join(", "))),
        (names, more) => Some(format!(
            "In {} and {}.",
            names.join(", "),
            text::counted(more, "more tensor")
        )),
    };
    el("div")
        .class(if grave { "notice is-red" } else { "notice" })
        .hook("difference")
        .child((
            icon(Icon::Cross, "notice-icon"),
            el("div").child((
                el("p").class("notice-title").child((
                    "First difference in ",
                    el("code").child(provenance::path::visible(&difference.path)),
                )),
                el("p").child(format!("It is in {}.", difference.place())),
                tensors.map(|names| el("p").child(provenance::path::visible(&names))),
                el("p")
                    .class("quiet")
                    .child("The rest is still being read, to find everything that differs."),
            )),
        ))
}

fn rows(state: State) -> impl IntoView {
    let count = Memo::new(move |_| of(state, |p| p.rows.len()));
    el("ul")
        .class("file-rows")
        .attr("aria-label", "Files")
        .child(move || {
            let rows = (0..count.get().min(MAX_ROWS))
                .map(|at| row(state, at))
                .collect::<Vec<_>>();
            let hidden = count.get().saturating_sub(MAX_ROWS);
            (
                rows,
                (hidden > 0).then(|| {
                    el("li")
                        .class("quiet")
                        .child(format!("and {}", text::counted(hidden, "more file")))
                }),
            )
        })
}

fn row(state: State, at: usize) -> impl IntoView {
    let cell = move |read: fn(&Row) -> String| {
        Memo::new(move |_| of(state, |p| p.rows.get(at).map(read).unwrap_or_default()))
    };
    let (path, size) = (cell(|row| row.path.clone()), cell(|row| text::bytes(row.size)));
    let (code, word) = (cell(|row| row.state.code().to_owned()), cell(state_words));
    el("li")
        .class("file-row-live")
        .attr("data-state", move || code.get())
        .child((
            el("code").class("file-path").child(move || path.get()),
            el("span").class("file-size").child(move || size.get()),
            el("span").class("file-state").child(move || word.get()),
        ))
}

fn state_words(row: &Row) -> String {
    match row.state {
        crate::progress::RowState::Reading => format!("{}%", text::percent(row.done_bytes, row.size)),
        state => state.word().to_owned(),
    }
}
