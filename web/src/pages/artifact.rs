//! Everything that was recorded about one set of bytes.

use provenance::{Sha256Digest, api::RecordsAnswer, statement::SIGNATURE_TYPE};

use crate::{
    api,
    components::{
        digest::whole,
        page::{fact, facts, missing, page, panel, record_list},
    },
    dom::{View, el},
    loaded::loaded,
};

/// The page of the artifact with this dirHash1.
pub(crate) fn artifact_page(dir_hash1: Sha256Digest) -> View {
    loaded(
        move || api::artifact(dir_hash1),
        || View::Nothing,
        move |answer| shown(dir_hash1, answer),
    )
}

fn shown(dir_hash1: Sha256Digest, answer: &RecordsAnswer) -> View {
    let records = &answer.records;
    if records.is_empty() {
        return missing(
            "No such artifact",
            "Nobody recorded anything about these bytes here. That says nothing good or bad about them.",
        );
    }
    let mut publishers: Vec<_> = (records.iter())
        .filter(|record| record.kind == SIGNATURE_TYPE)
        .map(|record| record.publisher.as_str())
        .collect();
    publishers.sort_unstable();
    publishers.dedup();
    let said = match publishers.len() {
        0 => "No publisher says that these files are its own.".to_owned(),
        1 => format!("{} recorded these files.", publishers[0]),
        n => format!(
            "{n} publishers recorded the same files. Anybody can record files; whom to believe is your choice."
        ),
    };
    page(
        "One set of bytes",
        said,
        el("div").class("columns").child((
            panel(
                "Records about it",
                record_list(records, true, "None."),
            )
            .hook("records"),
            panel(
                "The bytes",
                (
                    facts(fact("dirHash1", whole(dir_hash1.to_string()))),
                    el("p").child(
                        "One digest over all paths and whole-file digests: the same files in the same places give the \
                         same value.",
                    ),
                ),
            ),
        )),
    )
}
