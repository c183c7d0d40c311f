//! A record: what it says, read out of bytes that hash to its id, and its proof, checked here when asked.

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{
    RecordId,
    api::paths,
    manifest::{Manifest, ManifestFile},
    path::visible,
    record::{ArtifactFacts, Body, ProvenanceRecord, Record, SignatureRecord},
    verify::Opened,
};
use web_sys::HtmlInputElement;

use crate::{
    api::{self, ApiError},
    clipboard,
    components::{
        button::button,
        checks::check_list,
        digest::{digest, whole},
        icon::{Icon, icon},
        page::{fact, facts, key_row, missing, named, page, panel, snippet},
        trust_panel::trust_panel,
    },
    dom::{IntoView, Reference, View, el},
    evidence::Evidence,
    loaded::loaded,
    route,
    task::{Begun, spawn},
    text,
    trust_session::TrustSession,
};

/// Rows of files that are shown before somebody asks for more.
const FIRST_ROWS: usize = 200;

/// Records of how it was made that are read for the list.
const MOST_MAKINGS: usize = 8;

/// The page of the record `id`.
pub(crate) fn record_page(id: RecordId, trust: TrustSession) -> View {
    loaded(
        move || fetch(id),
        || {
            missing(
                "No such record",
                "This log has no record with this id. It may be on another registry, or the id may be a file’s digest.",
            )
        },
        move |record| shown(record, trust),
    )
}

/// The record, read out of the bytes that its id names.
fn fetch(id: RecordId) -> Begun<Result<Rc<Record>, ApiError>> {
    let payload = api::record(id);
    Box::pin(async move {
        let payload = payload.await?;
        let wrong = |detail: String| ApiError::Answer {
            what: "record",
            detail,
        };
        let found = RecordId::of_payload(&payload);
        if found != id {
            return Err(wrong(format!("what came is record {found}, not {id}")));
        }
        Record::parse(&payload)
            .map(Rc::new)
            .map_err(|error| wrong(error.to_string()))
    })
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
            subject(&signature.artifact),
            (
                "Files recorded by ",
                by(),
                ". Signed, logged, and read here out of bytes that hash to the record’s id.",
            )
                .into_view(),
            signature_body(record, signature),
        ),
        Body::Provenance(made) => (
            format!("How {} was made", subject(&made.artifact)),
            ("Recorded by ", by(), ".").into_view(),
            panel("Made from", making(made)).into_view(),
        ),
        Body::Keyset(keyset) => (
            format!("Keys of {publisher}"),
            ("Who may sign for ", by(), ".").into_view(),
            panel("Keys", {
                let keys = keyset.keys.iter();
                let keys = keys.map(|member| key_row(&member.holder, &member.roles, member.key.keyid()));
                el("ul").class("bullets").child(keys.collect::<Vec<_>>())
            })
            .into_view(),
        ),
        Body::Other(artifact) => (
            subject(artifact),
            ("A statement by ", by(), ".").into_view(),
            panel(
                "Statement",
                el("p").child("This version shows no more of this kind of statement than its JSON."),
            )
            .into_view(),
        ),
        _ => (record.id.to_string(), View::Nothing, View::Nothing),
    };
    page(
        &title,
        lead,
        el("div").class("columns").child((
            el("div").class("stack").child(content),
            el("div")
                .class("stack")
                .child((about(record), proof(record.id, trust), trust_panel(trust))),
        )),
    )
}

fn subject(artifact: &ArtifactFacts) -> String {
    named(&artifact.subject.name, artifact.subject.version.as_deref())
}

fn signature_body(record: &Rc<Record>, signature: &SignatureRecord) -> View {
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
            snippet("Command line", format!("weighbridge verify FOLDER --record {id}")),
        ));
    (
        check,
        panel("Files", files(Rc::clone(record), &signature.manifest)).hook("files"),
        panel("How it was made", makings(&signature.provenance)).hook("makings"),
    )
        .into_view()
}

fn manifest_of(record: &Record) -> Option<&Manifest> {
    record.manifest()
}

/// The files, with a box that filters them by path.
fn files(record: Rc<Record>, manifest: &Manifest) -> impl IntoView + use<> {
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
        let manifest = manifest_of(&record)?;
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
            move || fetch(id),
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
    let input = |input: &provenance::statement::Input| {
        el("li").hook("input").child((
            el("span").class("chip").child(visible(&input.role)),
            " ",
            el("a").attr("href", route::record(input.record)).child("record"),
            " ",
            digest(input.record.to_string()),
        ))
    };
    let inputs: Vec<_> = run.inputs.iter().map(input).collect();
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

fn about(record: &Record) -> View {
    let id = record.id;
    let artifact = match &record.body {
        Body::Signature(signature) => Some(&signature.artifact),
        Body::Provenance(made) => Some(&made.artifact),
        Body::Other(artifact) => Some(artifact),
        _ => None,
    };
    let bytes = artifact.map(|artifact| {
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
            fact("dirHash1", digest(dir_hash1)),
            fact("OMS root", digest(artifact.oms_root.to_string())),
            official,
        )
    });
    let links = el("ul").class("bullets").child((
        el("li").child(el("a").attr("href", paths::record(&id)).child("Statement (JSON)")),
        el("li").child(
            el("a")
                .attr("href", paths::record_proof(&id))
                .child("Proof (JSON)"),
        ),
        el("li").child(
            el("a")
                .attr("href", format!("/badge#record={id}"))
                .child("Badges of this record"),
        ),
    ));
    panel(
        "The record",
        facts((
            fact("Record id", whole(id.to_string())),
            bytes.map(IntoView::into_view),
            fact("For programs", links),
        )),
    )
    .hook("about")
    .into_view()
}

/// How far a check of the log proof is.
#[derive(Clone)]
enum Checking {
    NotYet,
    Working,
    Done(Rc<Evidence>),
    Failed(String),
}

/// The log proof, checked in this browser on a click.
fn proof(id: RecordId, trust: TrustSession) -> View {
    let state = RwSignal::new_local(Checking::NotYet);
    let start = move || {
        state.set(Checking::Working);
        let evidence = Evidence::fetch(id);
        spawn(async move {
            state.set(match evidence.await {
                Ok(evidence) => Checking::Done(Rc::new(evidence)),
                Err(error) => Checking::Failed(error.to_string()),
            });
        });
    };
    let body = move || match state.get() {
        Checking::NotYet => (
            el("p").child("The registry says that this record is in its log. Your browser can prove it."),
            button("Check the log proof now", start)
                .class("button is-primary")
                .hook("check-proof"),
        )
            .into_view(),
        Checking::Working => el("p")
            .class("quiet working")
            .attr("role", "status")
            .child("Fetching the proof …")
            .into_view(),
        Checking::Done(evidence) => {
            trust.state.track();
            let opened = trust.with_file(|file| evidence.open(file));
            (steps(&opened), button("Check again", start).hook("check-proof")).into_view()
        }
        Checking::Failed(why) => (
            el("p").attr("role", "alert").child(visible(&why)),
            button("Try again", start).hook("check-proof"),
        )
            .into_view(),
    };
    panel("Log proof", body).hook("proof").into_view()
}

/// What was proved, step by step, and in a sentence.
fn steps(opened: &Opened) -> impl IntoView + use<> {
    let (picture, colour, words) = match (opened.fault(), opened.log(), opened.identity()) {
        (Some(_), ..) => (Icon::Cross, "is-red", "This record does not hold.".to_owned()),
        (None, None, _) => (
            Icon::Lock,
            "is-blue",
            "The bytes are the record’s. To check the log, choose a log to trust.".to_owned(),
        ),
        (None, Some(log), Some(identity)) if identity.pinned => (
            Icon::Check,
            "is-blue",
            format!(
                "Proved: entry {} of {}, signed by {}, whom you trust.",
                text::grouped(log.index),
                text::grouped(log.size),
                identity.publisher
            ),
        ),
        (None, Some(log), _) => (
            Icon::Check,
            "is-blue",
            format!(
                "Proved: entry {} of {}. You have not chosen to trust its publisher.",
                text::grouped(log.index),
                text::grouped(log.size)
            ),
        ),
    };
    let choose = opened
        .log()
        .is_none()
        .then(|| el("p").child(el("a").attr("href", "#trust").child("Choose a log to trust")));
    (
        el("div")
            .class(format!("notice {colour}"))
            .attr("role", "status")
            .hook("proved")
            .child((
                icon(picture, "notice-icon"),
                el("div").child((el("p").child(words), choose)),
            )),
        el("div").class("is-narrow").child(check_list(opened.checks())),
    )
}
