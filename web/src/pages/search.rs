//! Search: one box for words and digests. Digests are looked up by their first digits only; words are sent.

use std::rc::Rc;

use leptos::prelude::*;
use provenance::{
    RecordId,
    lookup::{KeyKind, Match},
    path::visible,
};
use web_sys::{Event, HtmlInputElement, HtmlTextAreaElement};

use crate::{
    api::{self, Lookup},
    components::{
        digest::digest,
        page::{page, panel, record_list},
        query::leads_elsewhere,
        record_link::record_named,
    },
    dom::{IntoView, Reference, View, el},
    loaded::loaded,
    query::{self, Query},
    route,
    sums::{self, Listed},
    task::spawn,
    text,
};

/// Rows of a list that are shown; the counts are of all.
const MOST_ROWS: usize = 500;

/// Records that are shown of one digest.
const MOST_RECORDS: usize = 50;

/// Records of one digest that are read for their names.
const MOST_NAMED: usize = 8;

/// What is being asked.
#[derive(Clone)]
enum Asked {
    /// Nothing yet.
    Nothing,
    /// Words, sent to the registry.
    Words(String),
    /// Digests, looked up by their first digits.
    Digests(Rc<Vec<Listed>>),
    /// What was pasted cannot be asked, and why.
    Wrong(String),
}

/// Reads what was pasted.
fn read(input: &str) -> Asked {
    let input = input.trim();
    if let Some(told) = leads_elsewhere(input) {
        return Asked::Wrong(told);
    }
    if let Some(listed) = sums::parse(input) {
        return Asked::Digests(Rc::new(listed));
    }
    if let Ok(Query::Digest(digest)) = query::parse(input) {
        let name = String::new();
        return Asked::Digests(Rc::new(vec![Listed { name, digest }]));
    }
    match input.chars().count() {
        2..=256 if !input.contains('\n') => Asked::Words(input.to_owned()),
        0 => Asked::Wrong("Type a name, or paste a digest or a record id.".to_owned()),
        _ => Asked::Wrong(
            "This is neither a name of 2 to 256 characters, nor a digest, nor a list with a digest at the start of each line."
                .to_owned(),
        ),
    }
}

/// Reads a list.
fn read_list(input: &str) -> Asked {
    match sums::parse(input) {
        Some(listed) => Asked::Digests(Rc::new(listed)),
        None => Asked::Wrong(match sums::wrong_line(input) {
            Some((number, line)) => format!(
                "Line {number} does not start with a digest: “{}”. Nothing was looked up.",
                visible(line)
            ),
            None => format!(
                "A list has at least one digest and at most {} lines.",
                text::grouped(sums::MOST_LINES as u64)
            ),
        }),
    }
}

/// Goes to the page of a record that was named by a link.
fn follow(input: &str) -> bool {
    let Ok(Query::Record(id)) = query::parse(input) else {
        return false;
    };
    // An address of our own; a browser that does not go there stays, which is seen.
    leads_elsewhere(input).is_none() && window().location().replace(&route::record(id)).is_ok()
}

/// The page. `?q=` and `#hash=` ask at once.
pub(crate) fn search_page() -> View {
    let asked = RwSignal::new_local(first_question());
    let field = Reference::new();
    let list = Reference::new();
    let submit = move |event: Event| {
        event.prevent_default();
        let Some(field) = field.get::<HtmlInputElement>() else {
            return;
        };
        let value = field.value();
        if follow(&value) {
            return;
        }
        let question = read(&value);
        show_in_address(&question);
        asked.set(question);
    };
    let bulk = move |event: Event| {
        event.prevent_default();
        if let Some(list) = list.get::<HtmlTextAreaElement>() {
            asked.set(read_list(&list.value()));
        }
    };
    let now = asked.get_untracked();
    let first = match &now {
        Asked::Words(words) => words.clone(),
        Asked::Digests(listed) => listed
            .first()
            .map(|one| one.digest.to_string())
            .unwrap_or_default(),
        _ => String::new(),
    };
    let one = el("form").class("query").attr("role", "search").on("submit", submit).child((
        el("label").attr("for", "search").child("A model’s name, a publisher, a record id or link, or the SHA-256 of a file"),
        el("div").class("query-row").child((
            el("input")
                .attr("id", "search")
                .class("field")
                .attr("type", "search")
                .attr("autocomplete", "off")
                .attr("spellcheck", "false")
                .attr("autocapitalize", "none")
                .attr("value", first)
                .hook("search")
                .reference(field),
            el("button").attr("type", "submit").class("button is-primary").hook("search-go").child("Search"),
        )),
        el("p").class("quiet").child(
            "Of a digest only the first digits are sent, and none while the registry is small; a record that is found is then \
             asked for. Words are sent whole.",
        ),
    ));
    let many = el("details").class("fold").child((
        el("summary").child("Look up a whole list (SHA256SUMS)"),
        el("form").class("paste").on("submit", bulk).child((
            el("label")
                .attr("for", "sums")
                .child("Paste the list: a digest and a file name on each line"),
            el("textarea")
                .attr("id", "sums")
                .class("field is-mono")
                .attr("rows", "6")
                .attr("spellcheck", "false")
                .hook("sums")
                .reference(list),
            el("button")
                .attr("type", "submit")
                .class("button")
                .hook("sums-go")
                .child("Look up the list"),
        )),
    ));
    page(
        "Search",
        "Find what was recorded about a model or a file.",
        el("div").class("stack").child((
            el("section")
                .class("panel")
                .attr("aria-label", "Search")
                .child((one, many)),
            move || results(asked.get()),
        )),
    )
}

/// What the address asks.
fn first_question() -> Asked {
    let location = window().location();
    if let Some(Ok(Query::Digest(digest))) = query::from_fragment(&location.hash().unwrap_or_default()) {
        let name = String::new();
        return Asked::Digests(Rc::new(vec![Listed { name, digest }]));
    }
    let search = location.search().unwrap_or_default();
    let words = search
        .trim_start_matches('?')
        .split('&')
        .find_map(|part| part.strip_prefix("q="));
    let words = words.map(|words| words.replace('+', " "));
    let decoded = words.and_then(|words| js_sys::decode_uri_component(&words).ok());
    let Some(words) = decoded.map(String::from).filter(|words| !words.is_empty()) else {
        return Asked::Nothing;
    };
    if follow(&words) {
        Asked::Nothing
    } else {
        read(&words)
    }
}

/// Makes the question part of the address, so that it can be shared. A digest stands in the fragment, which is not
/// sent to any server.
fn show_in_address(asked: &Asked) {
    let address = match asked {
        Asked::Words(words) => format!("/search?q={}", String::from(js_sys::encode_uri_component(words))),
        Asked::Digests(listed) if listed.len() == 1 => format!("/search#hash={}", listed[0].digest),
        _ => "/search".to_owned(),
    };
    if let Ok(history) = window().history() {
        // An address that does not change costs only the sharing.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&address));
    }
}

fn results(asked: Asked) -> View {
    match asked {
        Asked::Nothing => View::Nothing,
        Asked::Wrong(why) => el("p")
            .class("notice is-amber")
            .attr("role", "alert")
            .hook("neither")
            .child(why)
            .into_view(),
        Asked::Words(words) => panel(
            "Found by name",
            loaded(
                move || api::search(&words),
                || View::Nothing,
                |answer| {
                    record_list(
                        &answer.results,
                        true,
                        "No record has these words in its name, version or publisher. That says nothing about any file.",
                    )
                },
            ),
        )
        .hook("found")
        .into_view(),
        Asked::Digests(listed) => panel("Found by digest", digests(listed)).hook("found").into_view(),
    }
}

/// What came of a list so far.
#[derive(Default, Clone)]
struct Found {
    done: usize,
    rows: Vec<(Listed, Vec<Match>)>,
    recorded: usize,
    told: String,
    failed: Option<String>,
    ended: bool,
}

fn digests(listed: Rc<Vec<Listed>>) -> View {
    let found = RwSignal::new_local(Found::default());
    let all = listed.len();
    let list = Rc::clone(&listed);
    spawn(async move {
        let mut lookup = Lookup::default();
        for one in list.iter() {
            match lookup.find(one.digest).await {
                Ok(matches) => found.update(|found| {
                    found.done += 1;
                    found.recorded += usize::from(!matches.is_empty());
                    if found.rows.len() < MOST_ROWS {
                        found.rows.push((one.clone(), matches));
                    }
                }),
                Err(error) => {
                    found.update(|found| found.failed = Some(error.to_string()));
                    break;
                }
            }
        }
        found.update(|found| {
            found.ended = true;
            found.told = lookup.told();
        });
    });
    (move || {
        found.with(|found| {
            let status = match (&found.failed, found.ended) {
                (Some(why), _) => visible(why),
                (None, false) => format!("Looking up: {} of {all} …", found.done),
                (None, true) if found.recorded == 0 => {
                    "No record of such a file. That says nothing good or bad about the file: \
                    most files are on no record. A publisher adds one with weighbridge attest and publish."
                        .to_owned()
                }
                (None, true) if all == 1 => "This digest is on record.".to_owned(),
                (None, true) => format!(
                    "{} of {} on record.",
                    found.recorded,
                    text::counted(all, "digest")
                ),
            };
            let rows: Vec<_> = found
                .rows
                .iter()
                .map(|(one, matches)| row(one, matches, all == 1))
                .collect();
            let as_record = listed
                .first()
                .filter(|_| all == 1 && found.ended && found.recorded == 0);
            let as_record = as_record.map(|one| {
                el("p").child((
                    "It may be the id of a record, and not the digest of a file. Asking for that tells the registry all of \
                     it: ",
                    el("a")
                        .attr("href", route::record(RecordId::from_digest(one.digest)))
                        .hook("as-record")
                        .child("ask for it as a record id"),
                    ".",
                ))
            });
            (
                el("p").attr("role", "status").hook("status").child(status),
                as_record,
                el("ul").class("record-list").child(rows),
                el("p").class("quiet").hook("told").child(found.told.clone()),
            )
                .into_view()
        })
    })
    .into_view()
}

/// A digest and where it is on record; the records are `asked` for their names.
fn row(one: &Listed, matches: &[Match], asked: bool) -> impl IntoView + use<> {
    let mut records: Vec<(RecordId, String)> = Vec::new();
    // The digest of a small file is that of its only chunk too; the file says more.
    let (files, others): (Vec<_>, Vec<_>) = matches.iter().partition(|found| found.kind == KeyKind::File);
    for found in files.into_iter().chain(others) {
        if !records.iter().any(|(id, _)| *id == found.record) {
            records.push((found.record, what(found)));
        }
    }
    let hidden = records.len().saturating_sub(MOST_RECORDS);
    let links = records.into_iter().take(MOST_RECORDS).enumerate();
    let mut links: Vec<_> = links
        .map(|(at, (id, what))| {
            el("li").hook("match").child((
                format!("{what} of "),
                record_named(id, asked && at < MOST_NAMED),
                " · ",
                digest(id.to_string()),
            ))
        })
        .collect();
    if hidden > 0 {
        let more = format!("and {}", text::counted(hidden, "more record"));
        links.push(el("li").class("quiet").child(more));
    }
    let answer = if links.is_empty() {
        el("span").class("quiet").child("no record").into_view()
    } else {
        el("ul").class("bullets").child(links).into_view()
    };
    let name = (!one.name.is_empty()).then(|| el("span").class("record-name").child(visible(&one.name)));
    el("li")
        .class("record-row")
        .hook("digest-row")
        .child((name, digest(one.digest.to_string()), answer))
}

/// What a digest is of a record.
fn what(found: &Match) -> String {
    let path = found.path.as_ref().map(|path| visible(path.as_str()));
    match (found.kind, path) {
        (KeyKind::File, Some(path)) => format!("The file {path}"),
        (KeyKind::File, None) => "A file".to_owned(),
        (KeyKind::DirHash1, _) => "All bytes together (dirHash1)".to_owned(),
        (KeyKind::OmsRoot | KeyKind::OmsRootComponents, _) => "The OMS root".to_owned(),
        (_, Some(path)) => format!("A part of the file {path}"),
        (_, None) => "A part of a file".to_owned(),
    }
}
