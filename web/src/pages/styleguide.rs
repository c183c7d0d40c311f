//! Every component in every state, to be looked at and photographed. No words here are a verdict on anything.

use provenance::{
    RecordId,
    api::{GrowthPoint, Summary},
    statement::{PROVENANCE_TYPE, SIGNATURE_TYPE},
    verify::{Check, Verdict},
};

use crate::{
    components::{
        button::button,
        checks::check_list,
        digest::{digest, whole},
        growth_chart::growth_chart,
        icon::{Icon, icon},
        page::{command, fact, facts, page, panel, record_list, snippet},
        verdict::band_of,
    },
    dom::{IntoView, View, el},
};

/// Every verdict, in the order of their weight.
const VERDICTS: [Verdict; 11] = [
    Verdict::Authentic,
    Verdict::Superseded,
    Verdict::Untrusted,
    Verdict::Unknown,
    Verdict::Incomplete,
    Verdict::Stale,
    Verdict::Tainted,
    Verdict::Unreadable,
    Verdict::Mismatch,
    Verdict::Withdrawn,
    Verdict::LogFault,
];

/// The page.
pub(crate) fn styleguide_page() -> View {
    page(
        "Style guide",
        "Every component of these pages. Nothing here is a verdict on anything.",
        el("div").class("stack").child((
            panel("Type", kinds_of_text()),
            panel("Buttons and fields", controls()),
            panel("Notices", notices()),
            panel("Verdicts", {
                let bands = VERDICTS.map(|verdict| {
                    el("div").class("verdict").child(band_of(
                        verdict,
                        verdict.headline(None),
                        "One sentence on what was found.",
                    ))
                });
                el("div")
                    .class("stack")
                    .child(bands.into_iter().map(IntoView::into_view).collect::<Vec<_>>())
            }),
            panel("Checks", checks()),
            panel("Facts, digests and lists", lists()),
        )),
    )
}

fn kinds_of_text() -> impl IntoView {
    (
        el("h2").child("A heading of a part"),
        el("h3").child("A heading within it"),
        el("p").child((
            "Plain text with ",
            el("a").attr("href", "/styleguide").child("a link"),
            ", ",
            el("code").child("code"),
            " and ",
            el("strong").child("weight"),
            ".",
        )),
        el("p").class("quiet").child("Quiet text says what matters less."),
        el("ul")
            .class("bullets")
            .child((el("li").child("One thing"), el("li").child("Another"))),
    )
}

fn controls() -> impl IntoView {
    let nothing = || {};
    (
        el("div").class("buttons").child((
            button("The main way on", nothing).class("button is-primary"),
            button("Another way", nothing),
            button("Not now", nothing).attr("disabled", true),
            button("A way that is less than a button", nothing).class("button is-plain"),
        )),
        el("label")
            .attr("for", "style-field")
            .child("A field with its label"),
        el("input")
            .attr("id", "style-field")
            .class("field")
            .attr("type", "text")
            .attr("placeholder", "Something short"),
        el("p")
            .class("field-error")
            .child("What was wrong with it, and what is wanted."),
        el("label")
            .class("choice")
            .child((el("input").attr("type", "checkbox"), el("span").child("A choice"))),
    )
}

fn notices() -> impl IntoView {
    let one = |colour: &'static str, picture: Icon, words: &'static str| {
        el("div")
            .class(format!("notice {colour}"))
            .child((icon(picture, "notice-icon"), el("p").child(words)))
    };
    el("div").class("stack").child((
        one(
            "is-blue",
            Icon::Check,
            "Something that is so far only said, or proved without bytes.",
        ),
        one("is-amber", Icon::Warning, "Something to know before going on."),
        one("is-red", Icon::Cross, "Something that does not hold."),
    ))
}

fn checks() -> impl IntoView {
    let check = |name: &str, ok, detail: &str| Check {
        name: name.to_owned(),
        ok,
        detail: detail.to_owned(),
    };
    check_list(&[
        check("inclusion", Some(true), "entry 7 is in the tree"),
        check("signatures", Some(false), "no key in force signed it"),
        check("freshness", None, "no witness confirms this view"),
    ])
}

fn lists() -> impl IntoView {
    let record = |name: &str, version: Option<&str>, kind: &str| Summary {
        record: RecordId::of_payload(name.as_bytes()),
        publisher: "lab.example".parse().expect("a name"),
        kind: kind.to_owned(),
        index: 12_345,
        name: name.to_owned(),
        version: version.map(str::to_owned),
        taken_at: Some(1_760_000_000),
    };
    let long = "a-name-that-goes-on-and-on-without-a-single-place-to-break-it-".repeat(3);
    let records = [
        record("lab/tiny", Some("1.0"), SIGNATURE_TYPE),
        record("lab/tiny", Some("1.0"), PROVENANCE_TYPE),
        record(&long, None, SIGNATURE_TYPE),
    ];
    let id = RecordId::of_payload(b"style").to_string();
    let growth = [(1, 0), (40, 2), (55, 9), (610, 10), (700, 21), (1900, 30)];
    let growth = growth.map(|(size, days)| GrowthPoint {
        size,
        taken_at: 1_760_000_000 + days * 86_400,
    });
    (
        facts((
            fact("Short", digest(id.clone())),
            fact("Whole", whole(id)),
            fact("Words", "What is said about the term."),
        )),
        record_list(&records, true, "None."),
        record_list(&[], true, "The words for an empty list."),
        growth_chart(&growth),
        snippet("Command line", command("verify FOLDER")),
    )
}
