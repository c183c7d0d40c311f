//! The way to a record by what it is called, where only its id is known.

use leptos::prelude::*;
use provenance::{RecordId, path::visible};

use crate::{
    api::{self, ApiError},
    dom::{IntoView, View, el},
    route,
    task::spawn,
};

/// The way to a record: by the name that it says itself, and its publisher, when it is `asked` for and there.
pub(crate) fn record_named(id: RecordId, asked: bool) -> View {
    let link = move |title: &str| el("a").attr("href", route::record(id)).child(visible(title));
    if !asked {
        return link("record").into_view();
    }
    let title = RwSignal::new_local("record".to_owned());
    let after = RwSignal::new_local(String::new());
    let record = api::parsed_record(id);
    spawn(async move {
        match record.await {
            Ok(record) => {
                if let Some(artifact) = record.artifact() {
                    title.set(artifact.subject.title());
                    after.set(format!(" by {}", record.publisher()));
                }
            }
            Err(ApiError::NotFound) => after.set(", which this log does not have".to_owned()),
            // The page of that record says what went wrong.
            Err(_) => {}
        }
    });
    (move || title.with(|title| (link(title), after.get()))).into_view()
}
