//! A publisher: how it is known, whether its own site confirms it, its keys and records. And the list of all.

use leptos::prelude::*;
use provenance::{
    PublisherName, RecordId,
    api::{PublisherAnswer, PublisherSummary, Summary},
    domain_proof::{DomainProof, address},
    path::visible,
    trust::TrustFile,
};

use crate::{
    api::{self, ApiError},
    components::{
        button::button,
        digest::{digest, whole},
        icon::{Icon, icon},
        older::with_older,
        page::{self, command, fact, facts, key_row, missing, page, panel, snippet},
        trust_panel::trust_panel,
        word::{Word, word},
    },
    dom::{IntoView, View, el},
    loaded::loaded,
    route,
    task::{Begun, spawn},
    text,
    trust_session::TrustSession,
};

/// The page of one publisher.
pub(crate) fn publisher_page(name: PublisherName, trust: TrustSession) -> View {
    loaded(
        move || api::publisher(&name),
        || {
            missing(
                "No such publisher",
                "Nobody has registered this name on this log.",
            )
        },
        move |answer| shown(answer, trust),
    )
}

fn shown(answer: &PublisherAnswer, trust: TrustSession) -> View {
    let keys = answer.keys.iter();
    let keys = keys.map(|key| key_row(&key.holder, &key.roles, key.keyid));
    let threshold = &answer.threshold;
    let rule = format!(
        "A record needs the signature of {}; a new keyset needs {}.",
        holders(threshold.sign),
        holders(threshold.root)
    );
    let identity = panel(
        "How it is known",
        (
            el("p").child((
                "A name alone proves nothing: anybody may have registered it here first. A publisher is known \
                 by its ",
                word(Word::Genesis, "genesis"),
                ", the id of its first entry in the log. Compare it with one that the publisher gives you.",
            )),
            facts((
                fact("Genesis", whole(answer.genesis.to_string())),
                fact("First entry", format!("entry {}", text::grouped(answer.index))),
                fact("In your trust file", standing(answer.publisher.clone(), answer.genesis, trust)),
                fact("Its own site", own_site(answer.publisher.clone(), answer.genesis)),
            )),
            snippet(
                "Trust it on the command line",
                format!("weighbridge publisher trust {} {}", answer.publisher, answer.genesis),
            ),
            el("p").class("quiet").child((
                "The command keeps it in your ",
                word(Word::TrustFile, "trust file"),
                ", which has to name the log first.",
            )),
        ),
    )
    .hook("identity");
    let lead = format!("Publisher with {}.", text::counted_u64(answer.count, "record"));
    page(
        answer.publisher.as_str(),
        lead,
        el("div").class("columns").child((
            el("div")
                .class("stack")
                .child((identity, panel("Records", records(answer)).hook("records"))),
            el("div").class("stack").child((
                panel(
                    "Keys",
                    (
                        el("p").child(rule),
                        el("ul").class("bullets").child(keys.collect::<Vec<_>>()),
                    ),
                )
                .hook("keys"),
                panel(
                    "Follow",
                    el("p").child((
                        "New records come as an ",
                        el("a")
                            .attr("href", provenance::api::paths::feed(&answer.publisher))
                            .child("Atom feed"),
                        ". The feed is this registry’s word; check what it names.",
                    )),
                ),
                trust_panel(trust),
            )),
        )),
    )
}

/// The newest records, and the older ones a page at a time.
fn records(answer: &PublisherAnswer) -> View {
    let name = answer.publisher.clone();
    let before = move |last: u64| -> Begun<Result<Vec<Summary>, ApiError>> {
        let older = api::publisher_before(&name, last);
        Box::pin(async move { Ok(older.await?.records) })
    };
    with_older(
        answer.records.clone(),
        (answer.index, answer.count),
        false,
        "It has not recorded any model yet.",
        before,
    )
}

fn holders(n: usize) -> String {
    match n {
        1 => "one holder".to_owned(),
        n => format!("{n} holders"),
    }
}

/// How the visitor's own trust file stands to the publisher, and the way to change that.
fn standing(name: PublisherName, genesis: RecordId, trust: TrustSession) -> View {
    (move || {
        trust.state.track();
        let pinned = trust.with_file(|file: Option<&TrustFile>| file.map(|file| file.pinned_genesis(&name)));
        let name = name.clone();
        match pinned {
            None => el("p").child((
                "You have not chosen a log to trust yet. ",
                el("a").attr("href", "#trust").child("Choose one"),
                ", then this publisher.",
            ))
            .into_view(),
            Some(Some(pinned)) if pinned == genesis => {
                el("p").hook("pinned").child("Yes, with this genesis.").into_view()
            }
            Some(Some(_)) => el("div").class("notice is-red").hook("pinned-otherwise").child((
                icon(Icon::Cross, "notice-icon"),
                el("p").child("Your trust file knows this name by another genesis. This is not the publisher that you chose."),
            ))
            .into_view(),
            Some(None) => (
                el("p").child("No."),
                button(format!("Trust {name} by this genesis"), move || trust.pin(&name, genesis)).hook("pin"),
            )
                .into_view(),
        }
    })
    .into_view()
}

/// What asking the publisher's own site came to.
#[derive(Clone)]
enum Asked {
    NotYet,
    Working,
    Confirmed,
    Denied(String),
    Failed(String),
}

/// The domain proof, fetched by the visitor's own browser on a click.
fn own_site(name: PublisherName, genesis: RecordId) -> View {
    let Some(url) = address(&name) else {
        return el("p")
            .child("The name is no domain, so no site can confirm it.")
            .into_view();
    };
    let state = RwSignal::new_local(Asked::NotYet);
    let ask = {
        let (name, url) = (name.clone(), url.clone());
        move || {
            state.set(Asked::Working);
            let (name, answer) = (name.clone(), api::domain_proof(&url));
            spawn(async move {
                state.set(match answer.await {
                    Ok(bytes) => {
                        match DomainProof::parse(&bytes).and_then(|proof| proof.confirms(&name, genesis)) {
                            Ok(()) => Asked::Confirmed,
                            Err(error) => Asked::Denied(error.to_string()),
                        }
                    }
                    Err(why) => Asked::Failed(why),
                });
            });
        }
    };
    (move || {
        let again = |words: &'static str| button(words, ask.clone()).hook("ask-site");
        match state.get() {
            Asked::NotYet => (
                el("p").child((
                    page::name(name.as_str()),
                    format!(" can confirm this genesis on its own site, in {url}. Asking tells "),
                    page::name(name.as_str()),
                    " that you ask.",
                )),
                again("Ask it now"),
            )
                .into_view(),
            Asked::Working => el("p")
                .class("quiet working")
                .attr("role", "status")
                .child("Asking …")
                .into_view(),
            Asked::Confirmed => el("div")
                .class("notice is-blue")
                .attr("role", "status")
                .hook("site-confirms")
                .child((
                    icon(Icon::Check, "notice-icon"),
                    el("p").child(format!("{name} confirms this genesis on its own site, just now.")),
                ))
                .into_view(),
            Asked::Denied(why) => (
                el("div")
                    .class("notice is-red")
                    .attr("role", "alert")
                    .hook("site-denies")
                    .child((
                        icon(Icon::Cross, "notice-icon"),
                        el("p").child(format!("{name} does not confirm this: {}.", visible(&why))),
                    )),
                again("Ask again"),
            )
                .into_view(),
            Asked::Failed(why) => (
                el("div")
                    .class("notice is-amber")
                    .attr("role", "alert")
                    .hook("site-silent")
                    .child((
                        icon(Icon::Warning, "notice-icon"),
                        el("p").child(format!(
                            "{url} gave no answer that can be used, which proves nothing either way. {}",
                            visible(&why)
                        )),
                    )),
                again("Ask again"),
            )
                .into_view(),
        }
    })
    .into_view()
}

/// The page of all publishers.
pub(crate) fn publishers_page() -> View {
    page(
        "Publishers",
        (
            "Everybody who has registered a name on this log. Being listed proves nothing about who they are: what a \
             publisher is known by is its ",
            word(Word::Genesis, "genesis"),
            ". A publisher’s page says how to find out whose that is.",
        ),
        panel(
            "All publishers",
            loaded(
                api::publishers,
                || View::Nothing,
                |answer| list(&answer.publishers),
            ),
        ),
    )
}

fn list(all: &[PublisherSummary]) -> View {
    if all.is_empty() {
        return (
            el("p")
                .class("quiet")
                .hook("none")
                .child("Nobody has registered a name yet. A lab does so with"),
            snippet("Command line", command("publisher create NAME --key lab.key")),
        )
            .into_view();
    }
    let row = |publisher: &PublisherSummary| {
        el("li").class("record-row").hook("publisher-row").child((
            el("a")
                .class("record-name")
                .attr("href", route::publisher(&publisher.publisher))
                .child(publisher.publisher.to_string()),
            el("span")
                .class("quiet")
                .child(text::counted_u64(publisher.records, "record")),
            el("span").class("quiet record-about").child((
                word(Word::Genesis, "genesis"),
                " ",
                digest(publisher.genesis.to_string()),
            )),
        ))
    };
    el("ul")
        .class("record-list")
        .child(all.iter().map(row).collect::<Vec<_>>())
        .into_view()
}
