//! The badge builder: pick a record or a model, see the badge, take the snippet, and read what it does not say.

mod snippets;

use leptos::{ev, prelude::*};
use provenance::{
    api::{BadgeDocument, ScriptVersion},
    path::visible,
    statement::title,
};
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};

use self::snippets::{Badge, Drawing};
use crate::{
    api::{self, ApiError},
    components::{
        button::button,
        page::{fact, facts, page, panel},
        query::leads_elsewhere,
    },
    dom::{IntoView, Reference, View, el},
    loaded::loaded,
    query::{self, Query},
    route,
    task::{Begun, keep},
    trust::log_keys,
};

/// States that a badge can be in, as the registry names its examples.
const STATES: [(&str, &str); 7] = [
    (
        "logged",
        "The record is in the log. Blue: a picture is no verdict.",
    ),
    ("superseded", "Its publisher has recorded a newer one."),
    ("withdrawn", "Its publisher took it back."),
    ("lineage-alert", "Something that it was made from was withdrawn."),
    ("log-stale", "The log’s newest view is older than it should be."),
    ("no-record", "The log has no such record."),
    ("log-fault", "The log has stopped, or contradicts itself."),
];

/// Everything that the snippets need.
struct Ready {
    badge: BadgeDocument,
    script: Option<ScriptVersion>,
    log: Option<String>,
}

/// The page. `#record=` names the record.
pub(crate) fn badge_page() -> View {
    let asked = RwSignal::new_local(from_address());
    let wrong = RwSignal::new(None::<String>);
    let field = Reference::new();
    // A link to another record's badge, followed from this page, changes only the fragment.
    keep(window_event_listener(ev::hashchange, move |_| {
        if let Some(reference) = from_address() {
            wrong.set(None);
            if let Some(field) = field.get::<HtmlInputElement>() {
                field.set_value(&reference);
            }
            asked.set(Some(reference));
        }
    }));
    let submit = move |event: Event| {
        event.prevent_default();
        let Some(field) = field.get::<HtmlInputElement>() else {
            return;
        };
        let elsewhere = leads_elsewhere(&field.value());
        let reference = reference(&field.value()).filter(|_| elsewhere.is_none());
        let hint =
            "Paste a record id or a link to a record, or write @ and the publisher, / and the model’s name.";
        wrong.set(elsewhere.or_else(|| reference.is_none().then(|| hint.to_owned())));
        asked.set(reference);
    };
    let form = el("form").class("query").on("submit", submit).child((
        el("label")
            .attr("for", "badge")
            .child("A record id, a link to a record, or a name as in @acme.example/acme/minilm: publisher, then model"),
        el("div").class("query-row").child((
            el("input")
                .attr("id", "badge")
                .class("field is-mono")
                .attr("type", "text")
                .attr("autocomplete", "off")
                .attr("spellcheck", "false")
                .attr("autocapitalize", "none")
                .attr("value", asked.get_untracked().unwrap_or_default())
                .attr("aria-describedby", "badge-wrong")
                .hook("badge-reference")
                .reference(field),
            el("button")
                .attr("type", "submit")
                .class("button is-primary")
                .hook("badge-go")
                .child("Make a badge"),
        )),
        el("p")
            .attr("id", "badge-wrong")
            .class("field-error")
            .attr("role", "alert")
            .child(move || wrong.get()),
    ));
    page(
        "Badges",
        "Show on your own pages where a model comes from. A badge says what is on record; whether a copy is that \
         model, only a check of its bytes can say.",
        el("div").class("stack").child((
            el("section")
                .class("panel")
                .attr("aria-label", "Which model")
                .child(form),
            move || asked.get().map(builder),
            panel("Every state", gallery()).hook("gallery"),
            panel("Why it is not green", why_not_green()),
        )),
    )
}

fn from_address() -> Option<String> {
    match query::from_fragment(&window().location().hash().unwrap_or_default())? {
        Ok(Query::Record(id)) => Some(id.to_string()),
        _ => None,
    }
}

/// What the badge routes take.
fn reference(input: &str) -> Option<String> {
    let input = input.trim();
    if input.starts_with('@') && input.contains('/') {
        return Some(input.to_owned());
    }
    match query::parse(input).ok()? {
        Query::Record(id) => Some(id.to_string()),
        Query::Digest(digest) => Some(digest.to_string()),
    }
}

fn fetch(reference: &str) -> Begun<Result<Ready, ApiError>> {
    let (badge, scripts) = (api::badge(reference), api::scripts());
    Box::pin(async move {
        let badge = badge.await?;
        // Without them the element's snippet is left out, and said to be.
        let script = scripts
            .await
            .ok()
            .and_then(|scripts| scripts.versions.into_iter().next());
        let trust = api::offered_trust()
            .await
            .ok()
            .and_then(|text| provenance::trust::TrustFile::parse(&text).ok());
        let log = trust.and_then(|file| log_keys(&file).into_iter().next());
        Ok(Ready { badge, script, log })
    })
}

fn builder(reference: String) -> View {
    let asked = reference.clone();
    loaded(
        move || fetch(&asked),
        || missing_record().into_view(),
        move |ready| built(&reference, ready),
    )
}

fn missing_record() -> impl IntoView {
    el("p")
        .class("notice is-amber")
        .attr("role", "alert")
        .hook("missing")
        .child((
            "This log has no such record, and no model of that name: it is the publisher’s name and then the whole name of \
             the model, as in @acme.example/acme/minilm. A badge of it would say “no record”. ",
            el("a").attr("href", "/search").child("Search for the model"),
        ))
}

fn built(reference: &str, ready: &Ready) -> View {
    let drawing = RwSignal::new_local(Drawing {
        style: "flat".to_owned(),
        theme: "auto".to_owned(),
        newest: reference.starts_with('@'),
    });
    let found = &ready.badge;
    let badge = Badge::of(ready);
    let preview = badge.clone();
    panel(
        "Your badge",
        (
            facts((
                fact(
                    "Model",
                    el("a")
                        .attr("href", route::record(found.record))
                        .child(visible(&title(&found.name, found.version.as_deref()))),
                ),
                fact("Publisher", found.proof.publisher.to_string()),
                fact("Says now", visible(&found.message)),
            )),
            choices(drawing),
            move || preview.preview(&drawing.get()),
            move || badge.snippets(&drawing.get()),
        ),
    )
    .hook("builder")
    .into_view()
}

fn choices(drawing: RwSignal<Drawing, LocalStorage>) -> impl IntoView {
    let select = |label: &'static str,
                  hook: &'static str,
                  options: &'static [(&'static str, &'static str)],
                  set: fn(&mut Drawing, String)| {
        let field = Reference::new();
        let change = move |_| {
            if let Some(field) = field.get::<HtmlSelectElement>() {
                drawing.update(|drawing| set(drawing, field.value()));
            }
        };
        let options: Vec<_> = options
            .iter()
            .map(|(value, text)| el("option").attr("value", *value).child(*text))
            .collect();
        el("label").class("choice-field").child((
            label,
            el("select")
                .class("field")
                .hook(hook)
                .reference(field)
                .on("change", change)
                .child(options),
        ))
    };
    let toggle = move || drawing.update(|drawing| drawing.newest = !drawing.newest);
    let which = move || {
        let (words, other) = if drawing.with(|drawing| drawing.newest) {
            (
                "It follows the newest record of this name.",
                "Show this one record for ever",
            )
        } else {
            (
                "It is about this one record for ever.",
                "Follow the newest record of this name",
            )
        };
        (
            el("p").class("quiet").child(words),
            button(other, toggle).hook("badge-newest"),
        )
            .into_view()
    };
    (
        el("div").class("choice-fields").child((
            select(
                "Shape",
                "badge-style",
                &[
                    ("flat", "Flat"),
                    ("square", "Square"),
                    ("large", "Large, for touch"),
                ],
                |drawing, value| drawing.style = value,
            ),
            select(
                "Colours",
                "badge-theme",
                &[
                    ("auto", "As the reader’s system"),
                    ("light", "Light"),
                    ("dark", "Dark"),
                ],
                |drawing, value| drawing.theme = value,
            ),
        )),
        which,
    )
}

fn gallery() -> impl IntoView {
    let one = |(state, words): &(&'static str, &'static str)| {
        el("li").class("badge-row").hook("badge-state").child((
            el("span").class("badge-ground is-light").child(
                el("img")
                    .attr("src", format!("/badge/v1/example/{state}.svg?theme=light"))
                    .attr("alt", format!("Example: {state}")),
            ),
            el("span").class("badge-ground is-dark").child(
                el("img")
                    .attr("src", format!("/badge/v1/example/{state}.svg?theme=dark"))
                    .attr("alt", ""),
            ),
            el("span").child(*words),
        ))
    };
    (
        el("p").class("quiet").child(
            "“Superseded”, “withdrawn” and “lineage alert” are drawn from examples: this version of the registry does not \
             take the advisories that lead to them.",
        ),
        el("ul")
            .class("badge-list")
            .child(STATES.iter().map(one).collect::<Vec<_>>()),
    )
}

fn why_not_green() -> impl IntoView {
    el("ul").class("bullets").child((
        el("li").child("Whoever owns a page can show any picture on it, a copied one too. A picture proves nothing, so it claims little: that something is on record."),
        el("li").child("The element proves that the record is in the log and signed by the publisher that the page names. It says “logged”, in blue, for it has not seen your visitor’s files."),
        el("li").child("Green is for bytes. The badge leads to the record’s page, where a visitor can check their own copy."),
    ))
}
