//! What pages of facts share: heading, panels, lists of records, facts, and a word on what is missing.

use leptos::prelude::window;
use provenance::{
    api::Summary,
    key::KeyId,
    keyset::Role,
    path::visible,
    statement::{ADVISORY_TYPE, KEYSET_TYPE, PROVENANCE_TYPE, SIGNATURE_TYPE},
};

use super::when::when;
use crate::{
    dom::{El, IntoView, View, el},
    route, text,
};

/// A page with its heading. The text is made visible here.
pub(crate) fn page(title: &str, lead: impl IntoView, content: impl IntoView) -> View {
    el("div")
        .class("page is-wide")
        .child((
            el("div").class("page-head").child((
                el("h1").child(visible(title)),
                el("div").class("lead").child(lead),
            )),
            content,
        ))
        .into_view()
}

/// A publisher's name within a sentence: it has hyphens, and is one word all the same.
pub(crate) fn name(publisher: &str) -> El {
    el("span").class("one-word").child(publisher.to_owned())
}

/// A part of a page under a heading of its own.
pub(crate) fn panel(title: &'static str, content: impl IntoView) -> El {
    el("section")
        .class("panel")
        .attr("aria-label", title)
        .child((el("h2").child(title), content))
}

/// There is no such page, or no such thing.
pub(crate) fn missing(title: &'static str, why: impl IntoView) -> View {
    let ways = el("p").child((
        el("a").attr("href", "/search").child("Search this registry"),
        " or ",
        el("a").attr("href", "/verify").child("check files"),
        ".",
    ));
    page(title, why, el("div").class("panel").hook("missing").child(ways))
}

/// A term and what is said about it.
pub(crate) fn fact(term: impl IntoView, description: impl IntoView) -> El {
    el("div")
        .class("fact")
        .child((el("dt").child(term), el("dd").child(description)))
}

/// A list of terms.
pub(crate) fn facts(of: impl IntoView) -> El {
    el("dl").class("facts").child(of)
}

/// What a record of this predicate type is, in a word or two.
pub(crate) fn kind_in_words(kind: &str) -> &'static str {
    match kind {
        SIGNATURE_TYPE => "files",
        PROVENANCE_TYPE => "how it was made",
        KEYSET_TYPE => "keys",
        ADVISORY_TYPE => "advisory",
        _ => "statement",
    }
}

/// A command with this registry's address: a tool that was just installed knows none.
pub(crate) fn command(rest: &str) -> String {
    let registry = window().location().origin().unwrap_or_default();
    format!("weighbridge {rest} --registry {registry}")
}

/// What a record of this predicate type is called: `subject` is its model's title, or its publisher's name. Two records of
/// one model have names of their own.
pub(crate) fn record_title(kind: &str, subject: &str) -> String {
    match kind {
        PROVENANCE_TYPE => format!("How {subject} was made"),
        KEYSET_TYPE => format!("Keys of {subject}"),
        _ => subject.to_owned(),
    }
}

/// Records with links to their pages; `none` is said when there is none.
pub(crate) fn record_list(records: &[Summary], with_publisher: bool, none: &'static str) -> View {
    if records.is_empty() {
        return el("p").class("quiet").hook("none").child(none).into_view();
    }
    let row = |record: &Summary| {
        let publisher = with_publisher.then(|| {
            (
                "by ",
                el("a")
                    .attr("href", route::publisher(&record.publisher))
                    .child(record.publisher.to_string()),
                ", ",
            )
                .into_view()
        });
        el("li").class("record-row").hook("record-row").child((
            el("a")
                .class("record-name")
                .attr("href", route::record(record.record))
                .child(visible(&record_title(&record.kind, &record.title()))),
            el("span").class("chip").child(kind_in_words(&record.kind)),
            el("span").class("quiet record-about").child((
                publisher,
                format!("entry {}", text::grouped(record.index)),
                record.taken_at.map(|at| (", ", when(at)).into_view()),
            )),
        ))
    };
    el("ul")
        .class("record-list")
        .child(records.iter().map(row).collect::<Vec<_>>())
        .into_view()
}

/// A holder, what it may do, and its key.
pub(crate) fn key_row(holder: &str, roles: &[Role], keyid: KeyId) -> El {
    let may: Vec<&str> = (roles.iter())
        .map(|role| match role {
            Role::Root => "change keys",
            Role::Sign => "sign records",
        })
        .collect();
    el("li").child((
        el("strong").child(visible(holder)),
        format!(" may {}, with key ", may.join(" and ")),
        super::digest::digest(keyid.to_string()),
    ))
}

/// Something to type, with a button that copies it.
pub(crate) fn snippet(label: &'static str, code: String) -> El {
    let shown = el("code").child(words(&code));
    el("div").class("snippet").child((
        el("div").class("snippet-head").child((
            el("span").child(label),
            super::digest::copy_button("copy", ("copy", "copied"), code),
        )),
        el("pre").attr("tabindex", "0").child(shown),
    ))
}

/// Longest word that is kept whole, in bytes: it fits a phone of 320 pixels.
const MOST_WHOLE: usize = 30;

/// Code that breaks at spaces first: options and names have hyphens, where a browser would break them.
fn words(code: &str) -> Vec<View> {
    let part = |part: &str| {
        let (word, space) = part.split_at(part.trim_end().len());
        let is_whole = word.contains('-') && word.len() <= MOST_WHOLE;
        let word = word.to_owned();
        let word = if is_whole {
            el("span").class("one-word").child(word).into_view()
        } else {
            word.into_view()
        };
        (word, space.to_owned()).into_view()
    };
    code.split_inclusive(char::is_whitespace).map(part).collect()
}
