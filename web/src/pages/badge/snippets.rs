//! What one badge is: its addresses, its picture, and the snippets that show it elsewhere.

use leptos::prelude::window;
use provenance::path::visible;

use super::Ready;
use crate::{
    components::page::snippet,
    dom::{El, IntoView, View, el},
    route,
};

/// How the picture is drawn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Drawing {
    pub(super) style: String,
    pub(super) theme: String,
    pub(super) newest: bool,
}

/// Addresses and words of one badge.
#[derive(Clone)]
pub(super) struct Badge {
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
    pub(super) fn of(ready: &Ready) -> Self {
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

    pub(super) fn preview(&self, drawing: &Drawing) -> El {
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

    pub(super) fn snippets(&self, drawing: &Drawing) -> View {
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
