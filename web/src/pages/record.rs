//! A record: what it says, read out of bytes that hash to its id, and its proof, checked here when asked.

mod files;
mod proof;

use std::rc::Rc;

use provenance::{
    RecordId,
    api::paths,
    path::visible,
    record::{Body, ProvenanceRecord, Record, SignatureRecord},
};

use self::{files::files, proof::proof};
use crate::{
    api,
    components::{
        digest::{digest, whole},
        page::{command, fact, facts, key_row, missing, page, panel, record_title, snippet},
        record_link::record_named,
        trust_panel::trust_panel,
        when::when,
        word::{Word, word},
    },
    dom::{IntoView, View, el},
    loaded::loaded,
    route, text,
    trust_session::TrustSession,
};

/// Inputs of one making that are read for their names.
const MOST_NAMED: usize = 16;

/// Records of how it was made that are read for the list.
const MOST_MAKINGS: usize = 8;

/// The page of the record `id`.
pub(crate) fn record_page(id: RecordId, trust: TrustSession) -> View {
    loaded(
        move || api::parsed_record(id),
        || {
            missing(
                "No such record",
                "This log has no record with this id. It may be on another registry, or the id may be a file’s digest.",
            )
        },
        move |record| shown(record, trust),
    )
}

fn shown(record: &Rc<Record>, trust: TrustSession) -> View {
    let publisher = record.publisher();
    let by = || {
        el("a")
            .attr("href", route::publisher(publisher))
            .child(publisher.to_string())
    };
    let (title, lead, content): (_, View, View) = match &record.body {
        Body::Signature(signature) => (
            signature.artifact.subject.title(),
            (
                "A record of files, by ",
                by(),
                " as it says itself. What you read here hashes to the record’s id; the log proof shows whether it is signed \
                 and logged.",
            )
                .into_view(),
            signature_body(record, signature, trust),
        ),
        Body::Provenance(made) => (
            record_title(&record.kind, &made.artifact.subject.title()),
            ("Recorded by ", by(), ".").into_view(),
            panel("The run", making(made)).into_view(),
        ),
        Body::Keyset(keyset) => (
            record_title(&record.kind, publisher.as_str()),
            ("Who may sign for ", by(), ".").into_view(),
            panel("Keys", {
                let keys = keyset.keys.iter();
                let keys = keys.map(|member| key_row(&member.holder, &member.roles, member.key.keyid()));
                el("ul").class("bullets").child(keys.collect::<Vec<_>>())
            })
            .into_view(),
        ),
        Body::Other(artifact) => (
            artifact.subject.title(),
            ("A statement by ", by(), ".").into_view(),
            panel(
                "Statement",
                el("p").child("This version shows no more of this kind of statement than its JSON."),
            )
            .into_view(),
        ),
        _ => (record.id.to_string(), View::Nothing, View::Nothing),
    };
    // Files have it above their list, which may be long.
    let proof = (!matches!(record.body, Body::Signature(_))).then(|| proof(record.id, trust));
    page(
        &title,
        lead,
        el("div").class("columns").child((
            el("div").class("stack").child((content, proof)),
            el("div")
                .class("stack")
                .child((about(record), trust_panel(trust))),
        )),
    )
}

fn signature_body(record: &Rc<Record>, signature: &SignatureRecord, trust: TrustSession) -> View {
    let id = record.id;
    let check = el("section")
        .class("panel is-call")
        .attr("aria-label", "Check your copy")
        .child((
            el("h2").child("Do you have these files?"),
            el("p")
                .child("Your copy is hashed on this computer and compared with this record, byte for byte."),
            el("a")
                .class("button is-primary")
                .hook("check-copy")
                .attr("href", format!("/verify#record={id}"))
                .child("Check my copy"),
            snippet("Command line", command(&format!("verify FOLDER --record {id}"))),
        ));
    (
        check,
        proof(id, trust),
        panel("Files", files(Rc::clone(record), &signature.manifest)).hook("files"),
        panel("How it was made", makings(&signature.provenance)).hook("makings"),
    )
        .into_view()
}

/// The provenance records that the record names, each read when it is there.
fn makings(records: &[RecordId]) -> View {
    if records.is_empty() {
        return el("p")
            .class("quiet")
            .child("The publisher recorded nothing about how these files were made.")
            .into_view();
    }
    let one = |&id: &RecordId| {
        let link = move || {
            el("a")
                .attr("href", route::record(id))
                .child("its record")
                .into_view()
        };
        loaded(
            move || api::parsed_record(id),
            move || {
                el("p")
                    .child(("This log does not have ", link(), "."))
                    .into_view()
            },
            move |record| match &record.body {
                Body::Provenance(made) => {
                    (making(made), el("p").class("quiet").child(("From ", link()))).into_view()
                }
                _ => el("p")
                    .child(("It names ", link(), ", which is about something else."))
                    .into_view(),
            },
        )
    };
    records
        .iter()
        .take(MOST_MAKINGS)
        .map(one)
        .collect::<Vec<_>>()
        .into_view()
}

/// Stage, inputs and numbers of one making.
fn making(made: &ProvenanceRecord) -> impl IntoView + use<> {
    let run = &made.run;
    let input = |(number, input): (usize, &provenance::statement::Input)| {
        el("li").hook("input").child((
            el("span").class("chip").child(visible(&input.role)),
            " ",
            record_named(input.record, number < MOST_NAMED),
            " ",
            digest(input.record.to_string()),
        ))
    };
    let inputs: Vec<_> = run.inputs.iter().enumerate().map(input).collect();
    let inputs = if inputs.is_empty() {
        el("p")
            .class("quiet")
            .child("From nothing that is on record.")
            .into_view()
    } else {
        el("ul").class("lineage").child(inputs).into_view()
    };
    let metrics: Vec<_> = run
        .metrics
        .iter()
        .map(|(name, value)| el("li").child(format!("{}: {}", visible(name), visible(value))))
        .collect();
    facts((
        fact("Stage", run.stage.clone()),
        fact("Made from", inputs),
        (!metrics.is_empty()).then(|| fact("Numbers", el("ul").class("bullets").child(metrics))),
    ))
}

/// Where the record stands in the log and since when, by the registry's own word.
fn entry(id: RecordId) -> View {
    loaded(
        move || api::search(&id.to_string()),
        || View::Nothing,
        move |answer| {
            let found = answer.results.iter().find(|summary| summary.record == id);
            found.map(|summary| {
                el("p").hook("taken-in").child((
                    summary.taken_at.map(|at| (when(at), ", ").into_view()),
                    format!("as entry {}, says this registry", text::grouped(summary.index)),
                ))
            })
        },
    )
}

fn about(record: &Record) -> View {
    let id = record.id;
    let bytes = record.artifact().map(|artifact| {
        let dir_hash1 = artifact.dir_hash1.to_string();
        let official: Vec<_> = (artifact.subject.official.iter())
            .map(|address| el("li").child(el("code").child(visible(address))))
            .collect();
        let official = (!official.is_empty()).then(|| {
            fact(
                "Offered at, says the publisher",
                el("ul").class("bullets").child(official),
            )
        });
        (
            fact(
                "The same bytes",
                el("a")
                    .attr("href", format!("/artifact/{dir_hash1}"))
                    .child("Every record about them"),
            ),
            fact(word(Word::DirHash1, "dirHash1"), digest(dir_hash1)),
            fact(
                word(Word::OmsRoot, "OMS root"),
                digest(artifact.oms_root.to_string()),
            ),
            official,
        )
    });
    let links = el("ul").class("bullets").child((
        el("li").child((
            el("a").attr("href", paths::record(&id)).child("Statement (JSON)"),
            ", an ",
            word(Word::Statement, "in-toto statement"),
        )),
        el("li").child(
            el("a")
                .attr("href", paths::record_proof(&id))
                .child("Proof (JSON)"),
        ),
    ));
    let badge = el("a")
        .attr("href", format!("/badge#record={id}"))
        .child("Make a badge of it");
    panel(
        "The record",
        facts((
            fact("Record id", whole(id.to_string())),
            fact("Taken in", entry(id)),
            bytes.map(IntoView::into_view),
            fact("On your own page", badge),
            fact("For programs", links),
        )),
    )
    .hook("about")
    .into_view()
}
