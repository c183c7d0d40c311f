//! The verdict card: headline, facts in a fixed order, every check, every file, and what all of it does not prove.

use leptos::prelude::*;
use provenance::{
    path::visible,
    verify::{Check, Report, Verdict},
};

use super::{
    button::button,
    checks::check_list,
    digest::{copy_button, digest},
    file_list::{matching_files, problem_files},
    icon::{Icon, icon},
    identity::trust_publisher,
    word::{Word, word},
};
use crate::{
    clipboard,
    dom::{IntoView, View, el},
    judgement::{Judgement, summary_text},
    route, text,
    trust::Source,
};

/// Other records that are named.
const MAX_ALSO: usize = 3;

/// What the buttons below the card do.
#[derive(Clone, Copy)]
pub(crate) struct Actions {
    /// Check the same files again.
    pub(crate) again: Callback<()>,
    /// Start over with other files.
    pub(crate) other: Callback<()>,
    /// Pin the publisher of the report.
    pub(crate) pin: Callback<()>,
    /// Compare with the record of the report as the one that is meant.
    pub(crate) expect: Callback<()>,
}

/// What the card says of the run itself.
pub(crate) struct Told {
    /// What the registry learnt.
    pub(crate) registry: Option<String>,
    /// What came of the bundles among the files.
    pub(crate) bundles: Option<String>,
}

/// The card. `source` says where the chosen trust file came from.
pub(crate) fn verdict_card(
    judgement: &Judgement,
    source: Option<&Source>,
    told: Told,
    can_repeat: bool,
    actions: Actions,
) -> View {
    let report = &judgement.report;
    el("article")
        .class("verdict")
        .hook("verdict")
        .attr("data-verdict", report.verdict.code())
        .attr("data-subtype", report.subtype.clone().unwrap_or_default())
        .child((
            band(report, source),
            el("div")
                .class("verdict-body")
                .child((
                    also(&judgement.also),
                    told.bundles
                        .map(|text| el("p").class("quiet").hook("bundle").child(text)),
                ))
                .child((
                    (
                        choose_log(report, source),
                        trust_publisher(report, actions.pin),
                        expect_record(report, actions.expect),
                    ),
                    // A record that does not hold says nothing about files.
                    (report.verdict != Verdict::LogFault).then(|| problem_files(judgement).into_view()),
                    facts(report, source, told.registry).into_view(),
                    matching_files(judgement).into_view(),
                    checks(&report.checks).into_view(),
                    not_proven(report).into_view(),
                    buttons(report, can_repeat, actions).into_view(),
                )),
        ))
        .into_view()
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

fn band(report: &Report, source: Option<&Source>) -> impl IntoView + use<> {
    let (picture, colour) = look(report.verdict);
    let circular = report.verdict == Verdict::Authentic && source == Some(&Source::Registry);
    el("header").class(format!("band {colour}")).child((
        icon(picture, "band-icon"),
        el("div").child((
            el("h2")
                .class("band-headline")
                .attr("id", "verdict-headline")
                .attr("tabindex", "-1")
                .child(report.headline.clone()),
            el("p").child(visible(&report.summary)),
            circular.then(|| {
                el("p").hook("circular").child(
                    "You took the key of the log from this registry itself: that other people see the same log is \
                     its word alone. Compare the key with one that you got elsewhere.",
                )
            }),
            next_step(report).map(|next| el("p").class("band-next").child(next)),
        )),
    ))
}

/// The head of a card, as an example.
pub(crate) fn band_of(verdict: Verdict, headline: &'static str, summary: &'static str) -> impl IntoView {
    let (picture, colour) = look(verdict);
    el("div").class(format!("band {colour}")).child((
        icon(picture, "band-icon"),
        el("div").child((
            el("h3").class("band-headline").child(headline),
            el("p").child(summary),
        )),
    ))
}

/// Other records that are equally good.
fn also(others: &[String]) -> Option<impl IntoView + use<>> {
    let hidden = others.len().saturating_sub(MAX_ALSO);
    let mut names = others
        .iter()
        .take(MAX_ALSO)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if hidden > 0 {
        names = format!("{names}, and {hidden} more");
    }
    (!others.is_empty()).then(|| {
        el("p")
            .class("quiet")
            .hook("also")
            .child(format!("Also recorded as {names}."))
    })
}

/// The way to the trust panel, which on a phone is far below.
fn choose_log(report: &Report, source: Option<&Source>) -> Option<impl IntoView + use<>> {
    (source.is_none() && report.compares_files()).then(|| {
        el("div").class("notice is-blue").child((
            icon(Icon::Lock, "notice-icon"),
            el("div").child((
                el("p").child(
                    "Who made this record can be proved once you choose a log to trust. The files are then judged \
                     again at once; they are not read again.",
                ),
                el("a")
                    .class("button is-primary")
                    .attr("href", "#trust")
                    .child("Choose a log to trust"),
            )),
        ))
    })
}

/// The way from "not quite this record" to a plain answer.
fn expect_record(report: &Report, expect: Callback<()>) -> Option<impl IntoView + use<>> {
    (report.verdict == Verdict::Unknown && report.subtype.as_deref() == Some("near")).then(|| {
        el("div").class("notice is-blue").child((
            icon(Icon::Question, "notice-icon"),
            el("div").child((
                el("p").child(
                    "Should these be exactly the files of this record? Say so, and every difference is told as a change.",
                ),
                button("They should be this record’s files", move || expect.run(())).hook("expect-record"),
            )),
        ))
    })
}

/// The next step in the page's words: the report's own may name a command.
fn next_step(report: &Report) -> Option<String> {
    match (report.verdict, report.subtype.as_deref()) {
        (Verdict::Untrusted, _) | (Verdict::Unknown, Some("near")) => None,
        (Verdict::Mismatch, Some("extra"))
            if report
                .files
                .iter()
                .any(|file| file.could_be_loaded && file.same_as.is_none()) =>
        {
            Some("Remove the files marked “not on record”, then check again.".to_owned())
        }
        // What to do with a file that is no model data, in a few words or as a command.
        (Verdict::Unknown, Some(_)) => report
            .next
            .as_ref()
            .map(|next| format!("Next: {}", visible(next))),
        _ => report.next.as_deref().map(visible),
    }
}

fn fact(term: &'static str, description: View) -> impl IntoView {
    el("div")
        .class("fact")
        .child((el("dt").child(term), el("dd").child(description)))
}

fn facts(report: &Report, source: Option<&Source>, told: Option<String>) -> impl IntoView + use<> {
    report.record.is_some().then(|| {
        el("dl").class("facts").child((
            fact("What", what(report)),
            fact("Who", who(report, source)),
            fact("Bytes", el("p").child(bytes(report)).into_view()),
            fact("Log", log(report, source)),
            fact(
                "Withdrawn?",
                el("p").child(from_check(report, "withdrawals")).into_view(),
            ),
            fact(
                "Parents",
                el("p").child(from_check(report, "parents")).into_view(),
            ),
            told.map(|told| fact("Privacy", el("p").child(told).into_view())),
        ))
    })
}

fn what(report: &Report) -> View {
    let name = report
        .name
        .as_deref()
        .map_or_else(|| "unnamed".to_owned(), visible);
    let version = report
        .version
        .as_deref()
        .map(|version| format!(" {}", visible(version)));
    (
        el("p").child((el("strong").child(name), version)),
        report.record.map(|record| {
            el("p").class("quiet").child((
                "Record ",
                digest(record.to_string()),
                " ",
                el("a")
                    .attr("href", route::record(record))
                    .hook("open-record")
                    .child("Open its page"),
            ))
        }),
    )
        .into_view()
}

fn who(report: &Report, source: Option<&Source>) -> View {
    let Some(identity) = &report.identity else {
        let claimed = report
            .publisher
            .as_ref()
            .map_or_else(|| "nobody".to_owned(), ToString::to_string);
        return el("p")
            .child(format!("Claims to be by {claimed}; not proved."))
            .into_view();
    };
    let standing = match (identity.pinned, source) {
        (true, Some(Source::Registry)) => ", in your trust file, which came from this registry. ",
        (true, _) => ", in your trust file. ",
        (false, _) => ", whom you have not chosen to trust. ",
    };
    let signers = identity.signers.iter().map(|signer| {
        let holder = visible(&signer.holder);
        el("p").class("quiet").child((
            format!("Signed by {holder}, key "),
            digest(signer.keyid.to_string()),
        ))
    });
    (
        el("p").child((
            el("strong").child(identity.publisher.to_string()),
            standing,
            el("a")
                .attr("href", route::publisher(&identity.publisher))
                .child("Who is that?"),
        )),
        el("p").class("quiet").child((
            word(Word::Genesis, "Genesis"),
            " ",
            digest(identity.genesis.to_string()),
        )),
        signers.collect::<Vec<_>>(),
    )
        .into_view()
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
        "{} compared; {same} of {all} bytes are as signed",
        text::counted(files, "file")
    )
}

fn log(report: &Report, source: Option<&Source>) -> View {
    let Some(log) = &report.log else {
        return el("p").child("Not proved.").into_view();
    };
    let (count, noun, confirm) = match log.witnesses {
        0 => ("No ".to_owned(), "witness", " confirms this view."),
        1 => ("1 ".to_owned(), "witness", " confirms this view."),
        n => (format!("{n} "), "witnesses", " confirm this view."),
    };
    let origin = visible(&log.origin);
    (
        el("p").child(format!("{}, in {origin}", text::entry(log.index, log.size))),
        el("p")
            .class("quiet")
            .child((count, word(Word::Witness, noun), confirm)),
        (source == Some(&Source::Registry)).then(|| {
            el("p")
                .class("quiet")
                .child("The key of the log was taken from this registry itself.")
        }),
    )
        .into_view()
}

fn from_check(report: &Report, name: &str) -> String {
    let found = report.checks.iter().find(|check| check.name == name);
    found.map_or_else(
        || "Not checked.".to_owned(),
        |check| text::sentence(&check.detail),
    )
}

fn checks(checks: &[Check]) -> impl IntoView + use<> {
    let held = checks.iter().filter(|check| check.ok == Some(true)).count();
    let failed = checks.iter().filter(|check| check.ok == Some(false)).count();
    let open = checks.len() - held - failed;
    let counts = [(failed, "did not hold"), (open, "not made")];
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    let counts: Vec<_> = counts.map(|(count, what)| format!(", {count} {what}")).collect();
    let title = if checks.iter().all(|check| check.name == "lookup") {
        "What was looked up".to_owned()
    } else {
        format!("Checks: {held} held{}", counts.concat())
    };
    el("details")
        .class("fold")
        .attr("open", true)
        .child((el("summary").child(title), check_list(checks)))
}

fn not_proven(report: &Report) -> impl IntoView + use<> {
    el("details").class("fold").hook("not-proven").child((
        el("summary").child("What this does not prove"),
        el("ul").class("bullets").child(
            report
                .not_proven
                .iter()
                .map(|text| el("li").child(text.clone()))
                .collect::<Vec<_>>(),
        ),
    ))
}

fn buttons(report: &Report, can_repeat: bool, actions: Actions) -> impl IntoView + use<> {
    let summary = summary_text(report);
    let json = serde_json::to_string_pretty(report).unwrap_or_default();
    let name = format!("weighbridge-{}.json", report.verdict.code());
    let save = move || {
        // A download that does not start is seen by the visitor; there is nothing to add.
        let _ = clipboard::save(&name, &json);
    };
    el("div").class("buttons verdict-buttons").child((
        button("Check other files", move || actions.other.run(())).hook("check-other"),
        can_repeat.then(|| button("Check again", move || actions.again.run(())).hook("check-again")),
        button("Save report", save).hook("save-report"),
        copy_button("button", ("Copy summary", "Summary copied"), summary)
            .map(|button| button.hook("copy-summary")),
    ))
}
