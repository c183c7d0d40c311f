//! The verdict card: headline, facts in a fixed order, every check, every file, and what all of it does not prove.

use leptos::{ev, html, prelude::*};
use provenance::verify::{Check, Report, Verdict};

use super::{
    digest::digest,
    file_list::file_list,
    icon::{Icon, icon},
    identity::trust_publisher,
};
use crate::{
    clipboard, text,
    trust::Source,
    verification::{Judgement, summary_text},
};

/// What the buttons below the card do.
#[derive(Clone, Copy)]
pub(crate) struct Actions {
    /// Check the same files again.
    pub(crate) again: Callback<()>,
    /// Start over with other files.
    pub(crate) other: Callback<()>,
    /// Pin the publisher of the report.
    pub(crate) pin: Callback<()>,
}

/// The card. `source` says where the chosen trust file came from, `told` what the registry learnt.
pub(crate) fn verdict_card(
    judgement: &Judgement,
    source: Option<&Source>,
    told: Option<String>,
    can_repeat: bool,
    actions: Actions,
) -> AnyView {
    let report = &judgement.report;
    html::article()
        .class("verdict")
        .attr("data-test", "verdict")
        .attr("data-verdict", report.verdict.code())
        .attr("data-subtype", report.subtype.clone().unwrap_or_default())
        .child((
            band(report),
            html::div().class("verdict-body").child((
                trust_publisher(report, actions.pin),
                facts(report, source, told).into_any(),
                file_list(judgement).into_any(),
                checks(&report.checks).into_any(),
                not_proven(report).into_any(),
                buttons(report, can_repeat, actions).into_any(),
            )),
        ))
        .into_any()
}

/// Icon and colour class of a verdict.
fn look(verdict: Verdict) -> (Icon, &'static str) {
    match verdict {
        Verdict::Authentic => (Icon::ShieldCheck, "is-green"),
        Verdict::Superseded => (Icon::Arrow, "is-violet"),
        Verdict::Mismatch => (Icon::Cross, "is-red"),
        Verdict::Incomplete => (Icon::Half, "is-amber"),
        Verdict::Unknown => (Icon::Question, "is-grey"),
        Verdict::Withdrawn => (Icon::NoEntry, "is-red"),
        Verdict::Tainted => (Icon::Branch, "is-amber"),
        Verdict::Stale => (Icon::Clock, "is-amber"),
        Verdict::Untrusted => (Icon::Person, "is-grey"),
        Verdict::LogFault => (Icon::Split, "is-red"),
        Verdict::Unreadable => (Icon::Warning, "is-amber"),
    }
}

fn band(report: &Report) -> impl IntoView + use<> {
    let (picture, colour) = look(report.verdict);
    html::header().class(format!("band {colour}")).child((
        icon(picture, "band-icon"),
        html::div().child((
            html::h2()
                .class("band-headline")
                .id("verdict-headline")
                .attr("tabindex", "-1")
                .child(report.headline.clone()),
            html::p().child(provenance::path::visible(&report.summary)),
            next_step(report).map(|next| html::p().class("band-next").child(next)),
        )),
    ))
}

/// The next step in the page's words: the report's own may name a command.
fn next_step(report: &Report) -> Option<String> {
    match (report.verdict, report.subtype.as_deref()) {
        (Verdict::Untrusted, Some("no-log")) => Some(
            "Choose a log to trust in the panel “Whom you trust”; the files are not read again.".to_owned(),
        ),
        (Verdict::Untrusted, _) => None,
        (Verdict::Mismatch, Some("extra")) => {
            Some("Remove the files marked “not on record”, then check again.".to_owned())
        }
        _ => report.next.as_deref().map(provenance::path::visible),
    }
}

fn fact(term: &'static str, description: AnyView) -> impl IntoView {
    html::div()
        .class("fact")
        .child((html::dt().child(term), html::dd().child(description)))
}

fn facts(report: &Report, source: Option<&Source>, told: Option<String>) -> impl IntoView + use<> {
    report.record.is_some().then(|| {
        html::dl().class("facts").child((
            fact("What", what(report)),
            fact("Who", who(report)),
            fact("Bytes", html::p().child(bytes(report)).into_any()),
            fact("Log", log(report, source)),
            fact(
                "Withdrawn?",
                html::p().child(from_check(report, "withdrawals")).into_any(),
            ),
            fact(
                "Parents",
                html::p().child(from_check(report, "parents")).into_any(),
            ),
            told.map(|told| fact("Privacy", html::p().child(told).into_any())),
        ))
    })
}

fn what(report: &Report) -> AnyView {
    let name = report
        .name
        .as_deref()
        .map_or_else(|| "unnamed".to_owned(), provenance::path::visible);
    let version = report
        .version
        .as_deref()
        .map(|version| format!(" {}", provenance::path::visible(version)));
    (
        html::p().child((html::strong().child(name), version)),
        report.record.map(|record| {
            html::p()
                .class("quiet")
                .child(("Record ", digest(record.to_string())))
        }),
    )
        .into_any()
}

fn who(report: &Report) -> AnyView {
    let Some(identity) = &report.identity else {
        let claimed = report
            .publisher
            .as_ref()
            .map_or_else(|| "nobody".to_owned(), ToString::to_string);
        return html::p()
            .child(format!("Claims to be by {claimed}; not proved."))
            .into_any();
    };
    let standing = if identity.pinned {
        "in your trust file"
    } else {
        "not in your trust file"
    };
    let signers = identity.signers.iter().map(|signer| {
        let holder = provenance::path::visible(&signer.holder);
        html::p().class("quiet").child((
            format!("Signed by {holder}, key "),
            digest(signer.keyid.to_string()),
        ))
    });
    (
        html::p().child((
            html::strong().child(identity.publisher.to_string()),
            format!(", {standing}"),
        )),
        html::p()
            .class("quiet")
            .child(("Genesis ", digest(identity.genesis.to_string()))),
        signers.collect_view(),
    )
        .into_any()
}

fn bytes(report: &Report) -> String {
    let compared = report.files.iter().filter(|file| file.verdict.is_compared());
    let (mut files, mut same, mut listed) = (0, 0_u64, 0_u64);
    for file in compared {
        files += 1;
        same = same.saturating_add(file.same_bytes);
        listed = listed.saturating_add(file.listed_bytes);
    }
    if files == 0 {
        return "No file was compared.".to_owned();
    }
    let (same, all) = (text::grouped(same), text::grouped(listed));
    format!(
        "{}; {same} of {all} bytes are as signed",
        text::counted(files, "file compared").replace("compareds", "compared")
    )
}

fn log(report: &Report, source: Option<&Source>) -> AnyView {
    let Some(log) = &report.log else {
        return html::p().child("Not proved.").into_any();
    };
    let witnesses = match log.witnesses {
        0 => "No witness confirms this view.".to_owned(),
        1 => "1 witness confirms this view.".to_owned(),
        n => format!("{n} witnesses confirm this view."),
    };
    let origin = provenance::path::visible(&log.origin);
    (
        html::p().child(format!(
            "Entry {} of {}, in {origin}",
            text::grouped(log.index),
            text::grouped(log.size),
        )),
        html::p().class("quiet").child(witnesses),
        (source == Some(&Source::Registry)).then(|| {
            html::p().class("quiet").child(
                "The log key was taken from the registry itself. Compare it with one you got elsewhere.",
            )
        }),
    )
        .into_any()
}

fn from_check(report: &Report, name: &str) -> String {
    let found = report.checks.iter().find(|check| check.name == name);
    found.map_or_else(|| "Not checked.".to_owned(), |check| sentence(&check.detail))
}

fn checks(checks: &[Check]) -> impl IntoView + use<> {
    let held = checks.iter().filter(|check| check.ok == Some(true)).count();
    let failed = checks.iter().filter(|check| check.ok == Some(false)).count();
    let title = match failed {
        0 => format!("Checks made: {held} held"),
        n => format!("Checks made: {held} held, {n} did not"),
    };
    html::details().class("fold").open(true).child((
        html::summary().child(title),
        html::ul()
            .class("checks")
            .child(checks.iter().map(check_row).collect_view()),
    ))
}

fn check_row(check: &Check) -> impl IntoView + use<> {
    let (picture, colour, word, ok) = match check.ok {
        Some(true) => (Icon::Check, "is-held", "held", "true"),
        Some(false) => (Icon::Cross, "is-failed", "did not hold", "false"),
        None => (Icon::Dash, "is-open", "not made", "none"),
    };
    html::li()
        .class(format!("check {colour}"))
        .attr("data-test", "check")
        .attr("data-name", check.name.clone())
        .attr("data-ok", ok)
        .child((
            icon(picture, "check-icon"),
            html::span().class("check-name").child((
                check_title(&check.name),
                html::span().class("visually-hidden").child(format!(", {word}")),
            )),
            html::span().class("check-detail").child(sentence(&check.detail)),
        ))
}

/// A check's name for people.
fn check_title(name: &str) -> String {
    match name {
        "record-id" => "Record id",
        "statement" => "Statement",
        "entry" => "Log entry",
        "log-signature" => "Log signature",
        "freshness" => "Freshness",
        "inclusion" => "Inclusion in the log",
        "state" => "Publisher’s state",
        "control" => "Keysets and advisories",
        "keyset" => "Keyset",
        "withdrawals" => "Withdrawals",
        "signatures" => "Publisher’s signature",
        "publisher" => "Publisher you trust",
        "bytes" => "Bytes",
        "complete" => "All files present",
        "extras" => "No added files",
        "file-digests" => "Whole-file SHA-256",
        "tensor-index" => "Tensor index",
        "parents" => "Parents",
        "lookup" => "Lookup",
        other => return provenance::path::visible(other),
    }
    .to_owned()
}

fn not_proven(report: &Report) -> impl IntoView + use<> {
    html::details()
        .class("fold")
        .attr("data-test", "not-proven")
        .child((
            html::summary().child("What this does not prove"),
            html::ul().class("bullets").child(
                report
                    .not_proven
                    .iter()
                    .map(|text| html::li().child(text.clone()))
                    .collect_view(),
            ),
        ))
}

fn buttons(report: &Report, can_repeat: bool, actions: Actions) -> impl IntoView + use<> {
    let copied = RwSignal::new(false);
    let summary = summary_text(report);
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    let name = format!("weighbridge-{}.json", report.verdict.code());
    let save = move |_| {
        // A download that does not start is seen by the visitor; there is nothing to add.
        let _ = clipboard::save(&name, &json);
    };
    let button = |text: &'static str, hook: &'static str| {
        html::button()
            .r#type("button")
            .class("button")
            .attr("data-test", hook)
            .child(text)
    };
    html::div().class("buttons verdict-buttons").child((
        button("Check other files", "check-other").on(ev::click, move |_| actions.other.run(())),
        can_repeat
            .then(|| button("Check again", "check-again").on(ev::click, move |_| actions.again.run(()))),
        button("Save report", "save-report").on(ev::click, save),
        html::button()
            .r#type("button")
            .class("button")
            .attr("data-test", "copy-summary")
            .on(ev::click, move |_| clipboard::copy(&summary, copied))
            .child(move || {
                if copied.get() {
                    "Summary copied"
                } else {
                    "Copy summary"
                }
            }),
    ))
}

/// Details start in lower case, so that they can stand in a sentence; here each is one.
fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    let first = chars
        .next()
        .map(|c| c.to_uppercase().to_string())
        .unwrap_or_default();
    provenance::path::visible(&format!("{first}{}", chars.as_str()))
}
