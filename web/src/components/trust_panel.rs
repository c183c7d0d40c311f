//! Whom the visitor trusts: the chosen log and publishers, and the ways to choose.

use js_sys::Uint8Array;
use leptos::prelude::*;
use provenance::trust::{MAX_TRUST_BYTES, TrustFile};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Event, File, HtmlInputElement, HtmlTextAreaElement};

use super::{
    button::button,
    digest::{digest, whole},
    icon::{Icon, icon},
    page::fact,
    word::{Word, word},
};
use crate::{
    dom::{IntoView, Reference, View, el},
    files::described,
    task::spawn,
    text,
    trust::{Chosen, KeyChange, Offer, Source, TrustState, log_keys},
    trust_session::TrustSession,
};

/// The panel.
pub(crate) fn trust_panel(trust: TrustSession) -> impl IntoView {
    let state = trust.state;
    let has_file = Memo::new(move |_| state.with(|s| s.chosen.is_some()));
    el("section")
        .class("trust")
        .attr("id", "trust")
        .hook("trust-panel")
        .attr("aria-label", "Whom you trust")
        .child((
            el("h2").child("Whom you trust"),
            el("div")
                .attr("role", "alert")
                .child(move || state.with(TrustState::key_change).map(key_change)),
            move || {
                state.with(|s| {
                    s.chosen
                        .as_ref()
                        .map_or_else(nothing_chosen, |chosen| chosen_view(chosen).into_view())
                })
            },
            el("div").attr("role", "status").child(move || {
                state
                    .with(|s| s.note.clone())
                    .map(|note| el("p").class("notice is-amber").child(note))
            }),
            move || {
                if has_file.get() {
                    let forget = button("Forget this choice", move || trust.forget()).hook("trust-forget");
                    let change = el("details")
                        .class("fold")
                        .child((el("summary").child("Choose another trust file"), ways(trust)));
                    (el("div").class("buttons").child(forget), change).into_view()
                } else {
                    ways(trust).into_view()
                }
            },
            move || {
                state.with(|s| {
                    s.offer
                        .as_ref()
                        .map(|offer| offer_view(offer, s.chosen.as_ref(), trust))
                })
            },
        ))
}

fn nothing_chosen() -> View {
    el("div")
        .class("trust-none")
        .child((
            el("p").class("trust-lead").child("You have not chosen a log to trust yet"),
            el("p").class("quiet").child((
                "Until you do, nothing here can turn green: what a registry says about itself proves nothing. A ",
                word(Word::TrustFile, "trust file"),
                " names the key of a ",
                word(Word::Log, "log"),
                " and the publishers you know. Your organisation may have one, or the lab whose model you use: \
                 take it from them, not from the place where you got the files.",
            )),
        ))
        .into_view()
}

fn chosen_view(chosen: &Chosen) -> impl IntoView + use<> {
    let file = &chosen.file;
    let logs = file.logs().iter().map(|log| {
        el("div").class("fact").child((
            el("dt").child("Log"),
            el("dd").child((
                el("p").child(provenance::path::visible(&log.key.name().to_string())),
                el("div")
                    .class("quiet")
                    .child(("Key", whole(log.key.to_string()))),
            )),
        ))
    });
    el("dl").class("facts is-narrow").child((
        logs.collect::<Vec<_>>(),
        fact("From", chosen.source.words()),
        fact(word(Word::Witness, "Witnesses"), witnesses(file)),
        fact(word(Word::OldestView, "Oldest view"), max_age(file)),
        fact("Publishers", publishers(file)),
    ))
}

fn publishers(file: &TrustFile) -> View {
    let pins = file.pins();
    if pins.is_empty() {
        return el("p")
            .child("None yet. You choose one when files match its record, or on its page.")
            .into_view();
    }
    let rows = pins.iter().map(|pin| {
        el("li").child((
            el("strong").child(pin.publisher.to_string()),
            el("span").class("quiet").child((
                " ",
                word(Word::Genesis, "genesis"),
                " ",
                digest(pin.genesis.to_string()),
            )),
        ))
    });
    el("ul").class("pins").child(rows.collect::<Vec<_>>()).into_view()
}

/// Three ways to a trust file.
fn ways(trust: TrustSession) -> impl IntoView {
    let pasted = Reference::new();
    let open = move |event: Event| {
        let Some(input) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()) else {
            return;
        };
        if let Some(file) = input.files().and_then(|files| files.get(0)) {
            spawn(async move { take_file(trust, &file).await });
        }
        input.set_value("");
    };
    let paste = move || {
        if let Some(area) = pasted.get::<HtmlTextAreaElement>()
            && trust.choose(&area.value(), Source::Pasted)
        {
            area.set_value("");
        }
    };
    el("div").class("ways").child((
        el("label").class("button is-wide").child((
            el("input")
                .attr("type", "file")
                .class("visually-hidden")
                .hook("trust-file")
                .on("change", open),
            el("span").child("Open a trust file"),
        )),
        el("div").class("paste").child((
            el("label").attr("for", "trust-paste").child("Or paste one"),
            el("textarea")
                .attr("id", "trust-paste")
                .class("field is-mono")
                .attr("rows", "3")
                .attr("spellcheck", "false")
                .attr("autocomplete", "off")
                .hook("trust-paste")
                .reference(pasted),
            button("Use the pasted file", paste).hook("trust-paste-use"),
        )),
        button("See what this registry offers", move || trust.ask_registry())
            .class("button is-plain")
            .hook("trust-offer"),
    ))
}

async fn take_file(trust: TrustSession, file: &File) {
    if file.size() > text::as_float(MAX_TRUST_BYTES as u64) {
        return trust.refuse(&format!(
            "{} is not one: a trust file has at most {MAX_TRUST_BYTES} bytes, got {}.",
            provenance::path::visible(&file.name()),
            text::whole(file.size())
        ));
    }
    // Not `text()`, which puts replacement characters where the bytes are no text.
    match JsFuture::from(file.array_buffer()).await {
        Ok(content) => match String::from_utf8(Uint8Array::new(&content).to_vec()) {
            Ok(text) => {
                trust.choose(&text, Source::File(file.name()));
            }
            Err(_) => trust.refuse(&format!(
                "{} is not one: it is not UTF-8 text.",
                provenance::path::visible(&file.name())
            )),
        },
        Err(error) => trust.refuse(&format!("The file could not be read: {}.", described(&error))),
    }
}

fn offer_view(offer: &Offer, chosen: Option<&Chosen>, trust: TrustSession) -> Option<impl IntoView + use<>> {
    let same = chosen.is_some_and(|chosen| {
        offer
            .file
            .as_ref()
            .is_ok_and(|o| log_keys(o) == log_keys(&chosen.file))
    });
    if same {
        return None;
    }
    let adopt = offer.file.is_ok().then(|| {
        let adopted = offer.text.clone();
        button("Trust this log key", move || {
            trust.choose(&adopted, Source::Registry);
        })
        .hook("trust-adopt")
    });
    let next = offer.file.as_ref().is_ok_and(|file| file.pins().is_empty()).then(|| {
        el("p").class("quiet").hook("second-choice").child(
            "It names no publisher. With it you can prove what is in the log; whom of those who publish there you trust is \
             a second choice, asked when files match a record.",
        )
    });
    Some(el("div").class("offer").child((
        el("h3").child("What this registry offers"),
        el("p").child(
            "This registry vouches for itself; compare the log key with one you got elsewhere before you trust it.",
        ),
        el("pre").class("offer-text").attr("tabindex", "0").child(text::visible_lines(&offer.text)),
        offer.file.as_ref().err().map(|error| el("p").class("notice is-amber").child(error.clone())),
        next,
        adopt,
    )))
}

fn key_change(change: KeyChange) -> impl IntoView {
    let (colour, text) = match change {
        KeyChange::Replaced => (
            "is-red",
            "This registry now offers another log key than the one you took from it. A log’s key does not change in \
             normal operation. Do not adopt the new one before you have heard the reason from somebody else.",
        ),
        KeyChange::Other => (
            "is-amber",
            "This registry’s log is not the one in your trust file, so its records cannot be proved with it.",
        ),
    };
    el("div")
        .class(format!("notice {colour}"))
        .hook("trust-warning")
        .child((icon(Icon::Warning, "notice-icon"), el("p").child(text)))
}

fn witnesses(file: &TrustFile) -> String {
    let count = file.witnesses().count();
    match file.quorum().as_str() {
        "none" => "none required (quorum none): the log’s own signature is enough".to_owned(),
        quorum => provenance::path::visible(&format!(
            "quorum {quorum}, {} named",
            text::counted(count, "witness")
        )),
    }
}

fn max_age(file: &TrustFile) -> String {
    match file.max_age_s() {
        None => "any age (max_age none)".to_owned(),
        Some(seconds) if seconds % 3600 == 0 => format!("{} old", text::counted_u64(seconds / 3600, "hour")),
        Some(seconds) => format!("{} old", text::counted_u64(seconds.div_ceil(60), "minute")),
    }
}
