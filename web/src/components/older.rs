//! A list of records that begins with the newest, and the older ones a page at a time.

use leptos::prelude::*;
use provenance::api::Summary;

use super::{button::button, page::record_list};
use crate::{
    api::ApiError,
    dom::{IntoView, View, el},
    task::{Begun, spawn},
    text,
};

/// Shows `newest` of `all` records, and asks `before` for those with an index below the last one's, until the entry
/// `oldest` is there.
pub(crate) fn with_older(
    newest: Vec<Summary>,
    (oldest, all): (u64, u64),
    with_publisher: bool,
    none: &'static str,
    before: impl Fn(u64) -> Begun<Result<Vec<Summary>, ApiError>> + Clone + 'static,
) -> View {
    let shown = RwSignal::new_local(newest);
    let failed = RwSignal::new_local(None::<String>);
    let more = move || {
        let Some(last) = shown.with(|records| records.last().map(|record| record.index)) else {
            return;
        };
        let older = before(last);
        spawn(async move {
            match older.await {
                Ok(older) => {
                    failed.set(None);
                    // A second click that came before the answer asked for the same ones.
                    shown.update(|records| {
                        if records.last().is_some_and(|record| record.index == last) {
                            records.extend(older);
                        }
                    });
                }
                Err(error) => failed.set(Some(error.to_string())),
            }
        });
    };
    (move || {
        let (count, is_all) = shown.with(|records| {
            let last = records.last().map_or(oldest, |record| record.index);
            (records.len() as u64, last <= oldest)
        });
        let rest = (!is_all).then(|| {
            (
                el("p").class("quiet").child(format!(
                    "The newest {} of {}.",
                    text::grouped(count),
                    text::grouped(all)
                )),
                button("Show older records", more.clone()).hook("older"),
                failed
                    .get()
                    .map(|why| el("p").attr("role", "alert").child(text::sentence(&why))),
            )
        });
        let list = shown.with(|records| record_list(records, with_publisher, none));
        (list, rest)
    })
    .into_view()
}
