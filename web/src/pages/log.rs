//! The log: its checkpoint, and whether it only grew since this browser last looked.

use leptos::prelude::*;
use provenance::{
    api::{Summary, paths},
    checkpoint::Checkpoint,
    evidence::Evidence,
    note::SignedNote,
    path::visible,
    trust::{TrustFile, TrustedCheckpoint},
};

use crate::{
    api::{self, ApiError},
    clipboard,
    components::{
        button::button,
        growth_chart::growth_chart,
        icon::{Icon, icon},
        older::with_older,
        page::{fact, facts, page, panel, snippet},
        trust_panel::trust_panel,
        word::{Word, word},
    },
    dom::{IntoView, View, el},
    growth::{self, Growth, Remembered},
    loaded::loaded,
    task::{Begun, now_s, spawn},
    text,
    trust_session::TrustSession,
};

/// The page.
pub(crate) fn log_page(trust: TrustSession) -> View {
    page(
        "The log",
        (
            "A public list of everything that was recorded here, to which entries are only ever added. Whoever keeps it \
             cannot change its past without being seen, as long as somebody remembers: your browser, and every ",
            word(Word::Witness, "witness"),
            ".",
        ),
        el("div").class("columns").child((
            el("div").class("stack").child((
                panel(
                    "Now",
                    loaded(api::checkpoint, || View::Nothing, move |note| now(note, trust)),
                )
                .hook("now"),
                panel("Newest entries", entries()).hook("entries"),
                panel(
                    "Growth",
                    (
                        loaded(api::growth, || View::Nothing, |answer| growth_chart(&answer.points)),
                        el("p").class("quiet").child(
                            "A log has no times. These are when this registry’s index took the entries in: its own word.",
                        ),
                    ),
                ),
                panel("For programs", programs()),
            )),
            el("div").class("stack").child(trust_panel(trust)),
        )),
    )
}

/// What was logged last, and the way to everything before.
fn entries() -> View {
    let before = |last: u64| -> Begun<Result<Vec<Summary>, ApiError>> {
        let older = api::newest(Some(last));
        Box::pin(async move { Ok(older.await?.records) })
    };
    loaded(
        || api::newest(None),
        || View::Nothing,
        move |answer| {
            with_older(
                answer.records.clone(),
                (0, answer.as_of_size),
                true,
                "Nothing was recorded here yet.",
                before,
            )
        },
    )
}

fn programs() -> impl IntoView {
    el("ul").class("bullets").child((
        el("li").child((
            el("a").attr("href", paths::CHECKPOINT).child("Checkpoint"),
            ", tiles and entries below ",
            el("code").child("/log/tile/"),
            ", as C2SP tlog-tiles has them.",
        )),
        el("li").child(
            el("a")
                .attr("href", paths::TRUST)
                .child("The trust file that this registry suggests"),
        ),
        el("li").child(
            el("a")
                .attr("href", "/developers")
                .child("Every address of the API"),
        ),
    ))
}

fn now(note: &str, trust: TrustSession) -> View {
    let parsed = SignedNote::parse(note).map_err(|error| error.to_string());
    let checkpoint = parsed.and_then(|signed| {
        let text = signed.text().to_owned();
        let checkpoint = Checkpoint::parse(&text).map_err(|error| error.to_string())?;
        Ok((signed, checkpoint))
    });
    let (signed, checkpoint) = match checkpoint {
        Ok(both) => both,
        Err(error) => {
            return el("div")
                .class("notice is-red")
                .attr("role", "alert")
                .hook("bad-checkpoint")
                .child((
                    icon(Icon::Cross, "notice-icon"),
                    el("p").child(format!(
                        "The registry’s checkpoint does not read: {}.",
                        visible(&error)
                    )),
                ))
                .into_view();
        }
    };
    let head = checkpoint.head;
    let origin = checkpoint.origin.to_string();
    let raw = note.to_owned();
    let standing = {
        let signed = signed.clone();
        move || {
            trust.state.track();
            let checked =
                trust.with_file(|file: Option<&TrustFile>| file.map(|file| file.check_checkpoint(&signed)));
            match checked {
                None => el("p")
                    .hook("signature")
                    .child((
                        "You have not chosen a log to trust. ",
                        el("a").attr("href", "#trust").child("Choose one"),
                        " to check the signature.",
                    ))
                    .into_view(),
                Some(Ok(checkpoint)) => el("p")
                    .hook("signature")
                    .child(confirmed(&checkpoint))
                    .into_view(),
                Some(Err(error)) => el("div")
                    .class("notice is-red")
                    .attr("role", "alert")
                    .hook("signature")
                    .child((
                        icon(Icon::Cross, "notice-icon"),
                        el("p").child(text::sentence(&error.to_string())),
                    ))
                    .into_view(),
            }
        }
    };
    (
        facts((
            fact("Name (origin)", el("code").child(visible(&origin))),
            fact(
                "Entries",
                el("strong").hook("size").child(text::grouped(head.size.get())),
            ),
            fact("Root", el("code").class("whole-key").child(head.root.to_string())),
            fact("Signature", standing),
        )),
        memory(origin, signed, checkpoint),
        el("details").class("fold").child((
            el("summary").child("The checkpoint, as it was signed"),
            snippet("Checkpoint", raw),
        )),
    )
        .into_view()
}

/// Who confirmed this view, and when last.
fn confirmed(checkpoint: &TrustedCheckpoint) -> String {
    let times = checkpoint.cosignatures().map(|cosignature| cosignature.time);
    let witnesses = checkpoint.cosignatures().len();
    match times.max() {
        None => "Signed by the log’s key. No witness confirms this view, so its age is not known.".to_owned(),
        Some(time) => {
            let age = now_s().saturating_sub(time);
            format!(
                "Signed by the log’s key and confirmed by {}, last {} ago.",
                text::counted(witnesses, "witness"),
                text::age(age)
            )
        }
    }
}

/// What this browser remembers of the log, and whether the log has only grown since.
fn memory(origin: String, note: SignedNote, checkpoint: Checkpoint) -> View {
    let state = RwSignal::new_local(None::<Growth>);
    let start = move || {
        state.set(None);
        let (origin, note, checkpoint) = (origin.clone(), note.clone(), checkpoint.clone());
        spawn(async move {
            let remembered = growth::recall(&origin).await;
            let growth = growth::check(remembered, &note, &checkpoint).await;
            if matches!(growth, Growth::First | Growth::Grew { .. }) {
                growth::remember(&origin, &note.to_string()).await;
            }
            state.set(Some(growth));
        });
    };
    start();
    let view = move || {
        match state.get() {
        None => el("p")
            .class("quiet waiting")
            .attr("role", "status")
            .child("Comparing with what this browser remembers …")
            .into_view(),
        Some(Growth::First) => el("p")
            .attr("role", "status")
            .hook("growth")
            .child(
                "This page had not shown this log in this browser before. It remembers this view from now on, and \
                 compares at every visit. Checks of files and records remember nothing.",
            )
            .into_view(),
        Some(Growth::Grew { before, tiles }) => grew(&before, tiles).into_view(),
        Some(Growth::Broken { evidence, why }) => broken(evidence, &why).into_view(),
        Some(Growth::Unknown(why)) => el("p").attr("role", "alert").hook("growth").child(text::sentence(&why)).into_view(),
    }
    };
    let again = move || {
        // The first time there is nothing to compare with.
        let compared = state.with(|state| !matches!(state, None | Some(Growth::First)));
        compared.then(|| button("Compare again", start.clone()).hook("compare-again"))
    };
    (el("h3").child("Has it only grown?"), view, again).into_view()
}

/// Two views that do not fit.
fn broken(evidence: Evidence, why: &str) -> impl IntoView + use<> {
    let save = move || {
        // A download that does not start is seen by the visitor.
        let _ = clipboard::save("weighbridge-split-view.json", &evidence.to_json());
    };
    el("div")
        .class("notice is-red")
        .attr("role", "alert")
        .hook("growth")
        .child((
            icon(Icon::Split, "notice-icon"),
            el("div").child((
                el("p")
                    .class("notice-title")
                    .child("The log contradicts what it showed this browser before"),
                el("p").child(text::sentence(why)),
                el("p").child(
                    "Keep both views, in one file that weighbridge verify-evidence checks anywhere: where the log’s key \
                     signed both, they show what it did. Believe no verdict that rests on this log until its operator has \
                     explained it.",
                ),
                button("Save both views", save).hook("save-evidence"),
            )),
        ))
}

fn grew(before: &Remembered, tiles: usize) -> impl IntoView + use<> {
    let grown = before.now.saturating_sub(before.size);
    let what = if grown == 0 {
        format!(
            "The same {} as at this browser’s last visit, {} ago: nothing was added and nothing changed.",
            text::counted_u64(before.size, "entry"),
            text::age(before.age_s)
        )
    } else {
        format!(
            "{} since this browser’s last visit, {} ago. Proved from {} of the log, in this browser: every earlier \
             entry is where it was.",
            text::counted_u64(grown, "new entry"),
            text::age(before.age_s),
            text::counted(tiles, "tile")
        )
    };
    el("div")
        .class("notice is-blue")
        .attr("role", "status")
        .hook("growth")
        .child((icon(Icon::Check, "notice-icon"), el("p").child(what)))
}
