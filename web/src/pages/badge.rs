//! The badge builder: pick a record or a model, see the badge, take the snippet, and read what it does not say.

use leptos::{ev, prelude::*};
use provenance::{
    api::{BadgeDocument, ScriptVersion},
    path::visible,
    statement::title,
};
use web_sys::{Event, HtmlInputElement, HtmlSelectElement};

use crate::{
    api::{self, ApiError},
    components::{
        button::button,
        page::{fact, facts, page, panel, snippet},
        query::leads_elsewhere,
    },
    dom::{El, IntoView, Reference, View, el},
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

/// How the picture is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Drawing {
    style: String,
    theme: String,
    newest: bool,
}

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

/// Addresses and words of one badge.
#[derive(Clone)]
struct Badge {
    origin: String,
    /// About this one record, for ever.
    record: Subject,
    /// About the newest record of this name.
    newest: Subject,
    element: Option<(String, String)>,
}

/// What a badge is about.
#[derive(Clone)]
struct Subject {
    /// As the badge routes take it.
    reference: String,
    /// Where the badge leads: the record, or for one that follows the newest, all records of the publisher.
    page: String,
    /// What a reader hears who does not see the picture. Of one that follows the newest record only the name stays true.
    alt: String,
}

impl Badge {
    fn of(ready: &Ready) -> Self {
        let badge = &ready.badge;
        let origin = window().location().origin().unwrap_or_default();
        let publisher = &badge.proof.publisher;
        let record = Subject {
            reference: badge.record.to_string(),
            page: format!("{origin}{}", route::record(badge.record)),
            alt: format!(
                "Model provenance: {}, publisher {publisher}",
                visible(&badge.message)
            ),
        };
        let newest = Subject {
            reference: format!("@{publisher}/{}", badge.name),
            page: format!("{origin}{}", route::publisher(publisher)),
            alt: format!("Model provenance of {} by {publisher}", visible(&badge.name)),
        };
        Self {
            element: element_snippet(ready, &origin, &record.page),
            origin,
            record,
            newest,
        }
    }

    fn subject(&self, drawing: &Drawing) -> &Subject {
        if drawing.newest {
            &self.newest
        } else {
            &self.record
        }
    }

    /// The picture's path on this registry; `theme` in place of the chosen one.
    fn path(&self, drawing: &Drawing, theme: Option<&str>) -> String {
        let reference = &self.subject(drawing).reference;
        let theme = theme.unwrap_or(&drawing.theme);
        let chosen = [
            ("style", drawing.style.as_str(), "flat"),
            ("theme", theme, "auto"),
        ];
        let chosen = chosen.iter().filter(|(_, value, default)| value != default);
        let query: Vec<_> = chosen.map(|(name, value, _)| format!("{name}={value}")).collect();
        let mark = if query.is_empty() { "" } else { "?" };
        format!(
            "/badge/v1/{}.svg{mark}{}",
            path_escaped(reference),
            query.join("&")
        )
    }

    fn preview(&self, drawing: &Drawing) -> El {
        let shown = |theme: &'static str| {
            let picture = el("img")
                .attr("src", self.path(drawing, Some(theme)))
                .attr("alt", self.subject(drawing).alt.clone())
                .hook("badge-preview");
            el("span")
                .class(format!("badge-ground is-{theme}"))
                .child(picture)
        };
        el("div")
            .class("badge-previews")
            .child((shown("light"), shown("dark")))
    }

    fn snippets(&self, drawing: &Drawing) -> View {
        let address = |theme| format!("{}{}", self.origin, self.path(drawing, theme));
        let (picture, light, dark) = (address(None), address(Some("light")), address(Some("dark")));
        let Subject { alt, page, .. } = self.subject(drawing);
        let (alt_markdown, alt_html) = (markdown_escaped(alt), html_escaped(alt));
        (
            snippet(
                "HTML",
                format!("<a href=\"{page}\"><img src=\"{picture}\" alt=\"{alt_html}\"></a>"),
            ),
            snippet("Markdown", format!("[![{alt_markdown}]({picture})]({page})")),
            snippet(
                "HTML with a picture for each theme",
                format!(
                    "<a href=\"{page}\"><picture>\n  <source media=\"(prefers-color-scheme: dark)\" \
                     srcset=\"{dark}\">\n  <img src=\"{light}\" alt=\"{alt_html}\">\n</picture></a>"
                ),
            ),
            snippet(
                "reStructuredText",
                format!(".. image:: {picture}\n   :target: {page}\n   :alt: {alt}"),
            ),
            self.element.clone().map(|(code, policy)| {
                (
                    el("h3").child("An element that checks"),
                    el("p").child(
                        "It proves the record in your visitor’s browser, against the log and publisher that your page \
                         names, and is about this one record for ever. Compare both values with ones that you got elsewhere: they stand here as this registry \
                         gives them.",
                    ),
                    snippet("Element", code),
                    snippet("Where your page has a Content-Security-Policy", policy),
                )
                    .into_view()
            }),
        )
            .into_view()
    }
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

/// The element, and the lines of a policy that it needs.
fn element_snippet(ready: &Ready, origin: &str, page: &str) -> Option<(String, String)> {
    let script = ready.script.as_ref()?;
    let log = ready
        .log
        .as_ref()
        .map(|log| format!("\n  log=\"{}\"", html_escaped(log)))
        .unwrap_or_default();
    let code = format!(
        "<script type=\"module\" src=\"{origin}{}\"\n  integrity=\"{}\" crossorigin></script>\n<model-provenance \
         record=\"{}\"{log}\n  genesis=\"{}\"><a href=\"{page}\">Provenance record</a></model-provenance>",
        script.path, script.integrity, ready.badge.record, ready.badge.genesis
    );
    let policy = format!("script-src {origin};\nconnect-src {origin};");
    Some((code, policy))
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

/// A reference in a path, with its slashes left alone.
fn path_escaped(reference: &str) -> String {
    let part = |part: &str| String::from(js_sys::encode_uri_component(part)).replace("%40", "@");
    reference.split('/').map(part).collect::<Vec<_>>().join("/")
}

/// Text between quotes of an attribute.
fn html_escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('"', "&quot;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Text between the brackets of a Markdown image.
fn markdown_escaped(text: &str) -> String {
    let special = |c: char| matches!(c, '[' | ']' | '\\' | '*' | '_' | '`' | '<' | '>');
    text.chars()
        .flat_map(|c| special(c).then_some('\\').into_iter().chain(std::iter::once(c)))
        .collect()
}
