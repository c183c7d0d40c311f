//! The run under way: one bar, one line of figures, one row for each file, and the first difference at once.

use leptos::{ev, html, prelude::*};

use super::icon::{Icon, icon};
use crate::{
    progress::{Difference, Progress, Row},
    text,
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

/// The panel while every byte is read. `progress` gives nothing in the moment in which the run ends.
pub(crate) fn progress_panel(progress: Signal<Progress>, controls: Controls) -> impl IntoView {
    let paused = Memo::new(move |_| progress.with(|p| p.paused));
    let line = Memo::new(move |_| progress.with(Progress::line));
    let percent = Memo::new(move |_| progress.with(Progress::percent));
    html::div().class("progress").child((
        html::div().class("progress-head").child((
            html::span()
                .class("progress-percent")
                .child(move || format!("{}%", percent.get())),
            html::span().class("progress-line").child(move || line.get()),
        )),
        html::progress()
            .max("100")
            .prop("value", move || text::as_float(percent.get()))
            .aria_label("Bytes checked")
            .attr("aria-valuetext", move || line.get())
            .attr("data-test", "progress"),
        html::div().class("buttons").child((
            move || {
                let (text, hook, to) = if paused.get() {
                    ("Resume", "resume", false)
                } else {
                    ("Pause", "pause", true)
                };
                html::button()
                    .r#type("button")
                    .class("button")
                    .attr("data-test", hook)
                    .on(ev::click, move |_| controls.pause.run(to))
                    .child(text)
            },
            html::button()
                .r#type("button")
                .class("button")
                .attr("data-test", "cancel")
                .on(ev::click, move |_| controls.cancel.run(()))
                .child("Cancel"),
            html::span()
                .class("quiet")
                .child("You can switch tabs; the check goes on."),
        )),
        difference(progress),
        rows(progress),
    ))
}

/// Announced by screen readers the moment it appears.
fn difference(progress: Signal<Progress>) -> impl IntoView {
    let found = Memo::new(move |_| progress.with(|p| p.difference.clone()));
    html::div()
        .attr("role", "alert")
        .child(move || found.get().map(|difference| difference_alert(&difference)))
}

fn difference_alert(difference: &Difference) -> impl IntoView + use<> {
    let tensors = match (difference.tensors.as_slice(), difference.more_tensors) {
        ([], _) => None,
        (names, 0) => Some(format!("In {}.", names.join(", "))),
        (names, more) => Some(format!(
            "In {} and {}.",
            names.join(", "),
            text::counted(more, "more tensor")
        )),
    };
    html::div()
        .class("notice is-red")
        .attr("data-test", "difference")
        .child((
            icon(Icon::Cross, "notice-icon"),
            html::div().child((
                html::p().class("notice-title").child((
                    "First difference in ",
                    html::code().child(provenance::path::visible(&difference.path)),
                )),
                html::p().child(format!("It is in {}.", difference.place())),
                tensors.map(|names| html::p().child(provenance::path::visible(&names))),
                html::p()
                    .class("quiet")
                    .child("The rest is still being read, to find everything that differs."),
            )),
        ))
}

fn rows(progress: Signal<Progress>) -> impl IntoView {
    let count = Memo::new(move |_| progress.with(|p| p.rows.len()));
    html::ul().class("file-rows").aria_label("Files").child(move || {
        let rows = (0..count.get().min(MAX_ROWS))
            .map(|at| row(progress, at))
            .collect_view();
        let hidden = count.get().saturating_sub(MAX_ROWS);
        (
            rows,
            (hidden > 0).then(|| {
                html::li()
                    .class("quiet")
                    .child(format!("and {}", text::counted(hidden, "more file")))
            }),
        )
    })
}

fn row(progress: Signal<Progress>, at: usize) -> impl IntoView {
    let of = move |read: fn(&Row) -> String| {
        Memo::new(move |_| progress.with(|p| p.rows.get(at).map(read).unwrap_or_default()))
    };
    let (path, size) = (of(|row| row.path.clone()), of(|row| text::bytes(row.size)));
    let (code, word) = (of(|row| row.state.code().to_owned()), of(state_words));
    html::li()
        .class("file-row-live")
        .attr("data-state", move || code.get())
        .child((
            html::code().class("file-path").child(move || path.get()),
            html::span().class("file-size").child(move || size.get()),
            html::span().class("file-state").child(move || word.get()),
        ))
}

fn state_words(row: &Row) -> String {
    match row.state {
        crate::progress::RowState::Reading => format!("{}%", text::percent(row.done_bytes, row.size)),
        state => state.word().to_owned(),
    }
}
