//! The files that a record lists.

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{
    manifest::{Manifest, ManifestFile},
    path::visible,
    record::Record,
};
use web_sys::HtmlInputElement;

use crate::{
    clipboard,
    components::{button::button, digest::digest},
    dom::{IntoView, Reference, el},
    text,
};

/// Rows of files that are shown before somebody asks for more.
const FIRST_ROWS: usize = 200;

/// The files, with a box that filters them by path.
pub(super) fn files(record: Rc<Record>, manifest: &Manifest) -> impl IntoView + use<> {
    let count = manifest.files().len();
    let filter = RwSignal::new(String::new());
    let all = RwSignal::new(false);
    let field = Reference::new();
    let read = move |_| {
        if let Some(field) = field.get::<HtmlInputElement>() {
            filter.set(field.value().to_lowercase());
        }
    };
    let summary = format!(
        "{}, {}",
        text::counted(count, "file"),
        text::bytes(manifest.total_bytes())
    );
    let filter_box = (count > 5).then(|| {
        el("input")
            .class("field")
            .attr("type", "search")
            .attr("aria-label", "Filter files by path")
            .attr("placeholder", "Filter by path")
            .hook("filter")
            .reference(field)
            .on("input", read)
    });
    let sums = sums(manifest);
    let save = button("Save SHA256SUMS", move || {
        // A download that does not start is seen by the visitor; there is nothing to add.
        let _ = clipboard::save("SHA256SUMS", &sums);
    })
    .hook("save-sums");
    let rows = move || {
        let manifest = record.manifest()?;
        let wanted = filter.get();
        let fits =
            |file: &&ManifestFile| wanted.is_empty() || file.path.as_str().to_lowercase().contains(&wanted);
        let fitting = manifest.files().iter().filter(fits);
        let limit = if all.get() { usize::MAX } else { FIRST_ROWS };
        let shown: Vec<_> = fitting.clone().take(limit).map(file_row).collect();
        let hidden = fitting.count() - shown.len();
        let none = shown.is_empty().then(|| {
            el("p")
                .class("quiet")
                .hook("none")
                .child("No file’s path has this in it.")
        });
        let more = (hidden > 0).then(|| {
            button(format!("Show {} more", text::grouped(hidden as u64)), move || {
                all.set(true);
            })
            .hook("show-all")
        });
        let table = el("table").class("table").child((
            el("thead").child(el("tr").child((
                el("th").attr("scope", "col").child("Path"),
                el("th").attr("scope", "col").class("is-number").child("Size"),
                el("th").attr("scope", "col").child("SHA-256"),
            ))),
            el("tbody").child(shown),
        ));
        Some((
            el("div")
                .class("table-box")
                .attr("tabindex", "0")
                .attr("role", "region")
                .attr("aria-label", "Table of files")
                .child(table),
            none,
            more,
        ))
    };
    (
        el("div")
            .class("panel-tools")
            .child((el("p").class("quiet").child(summary), filter_box, save)),
        rows,
    )
}

fn file_row(file: &ManifestFile) -> impl IntoView + use<> {
    let tensors = file
        .tensors
        .map(|_| el("span").class("chip").child("tensors listed"));
    el("tr").hook("file").child((
        el("td")
            .class("is-path")
            .child((visible(file.path.as_str()), tensors)),
        el("td")
            .class("is-number")
            .attr("title", format!("{} bytes", text::grouped(file.size)))
            .child(text::bytes(file.size)),
        el("td").child(digest(file.sha256.to_string())),
    ))
}

/// The files as `sha256sum --check` reads them. A path has no line break, so none is escaped.
fn sums(manifest: &Manifest) -> String {
    let line = |file: &ManifestFile| format!("{}  {}\n", file.sha256, file.path);
    manifest.files().iter().map(line).collect()
}
