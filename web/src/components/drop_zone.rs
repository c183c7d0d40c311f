//! Where a visit starts: choose a folder, choose files, or drop them anywhere on the page.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{Event, HtmlInputElement};

use super::icon::{Icon, icon};
use crate::files::{self, Picked};

use crate::dom::{IntoView, el};

/// The panel with its two buttons. `over` is true while files are dragged over the window.
pub(crate) fn drop_zone(over: Signal<bool>, take: Callback<Picked>) -> impl IntoView {
    el("div")
        .class("drop-zone")
        .class_if("is-over", move || over.get())
        .hook("drop-zone")
        .child((
            icon(Icon::Folder, "drop-icon"),
            el("p").class("drop-title").child(move || {
                if over.get() {
                    "Let go to check these files"
                } else {
                    "Drop a model folder anywhere on this page"
                }
            }),
            el("div").class("buttons is-centred").child((
                picker("Choose folder", "button is-primary", "input-folder", true, take),
                picker("Choose files", "button", "input-files", false, take),
            )),
            el("p").class("drop-hint").child((
                icon(Icon::Lock, "inline-icon"),
                el("span")
                    .child("Your files stay on this computer. To find their record, at most the first digits of a hash are sent."),
            )),
        ))
}

/// A file input that looks like a button: the label is the button, the input takes focus and keys.
fn picker(
    text: &'static str,
    class: &'static str,
    hook: &'static str,
    folder: bool,
    take: Callback<Picked>,
) -> impl IntoView {
    let changed = move |event: Event| {
        let Some(input) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) else {
            return;
        };
        // An empty folder gives an empty list, and is told as such.
        let Some(list) = input.files() else {
            return;
        };
        let picked = files::from_list(&list);
        // The same choice made again has to give another event.
        input.set_value("");
        take.run(picked);
    };
    el("label").class(class).child((
        el("input")
            .attr("type", "file")
            .class("visually-hidden")
            .attr("multiple", true)
            .attr("webkitdirectory", folder)
            .hook(hook)
            .on("change", changed),
        el("span").child(text),
    ))
}
