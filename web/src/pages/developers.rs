//! The API, from the description that the registry makes of itself.

use provenance::path::visible;
use serde_json::Value;

use crate::{
    api,
    components::page::{page, panel, snippet},
    dom::{IntoView, View, el},
    loaded::loaded,
};

/// The page.
pub(crate) fn developers_page() -> View {
    let origin = leptos::prelude::window().location().origin().unwrap_or_default();
    page(
        "API and command line",
        "Everything that these pages do, a program can do: all of it over plain HTTP, most of it from any origin.",
        el("div").class("stack").child((
            panel(
                "Command line tool",
                (
                    el("p").child(
                        "The tool weighbridge checks, signs and publishes, and depends on no server’s page. It is one program, \
                         built from the same source as this registry: in a copy of that source, run",
                    ),
                    snippet("Build and install", "cargo install --locked --path cli".to_owned()),
                    snippet("Check a folder", "weighbridge verify FOLDER".to_owned()),
                    el("p").class("quiet").child(
                        "Its operator does not hand it out here on purpose: a tool that is to check a server should not come \
                         from that server. `weighbridge --help` lists every command.",
                    ),
                ),
            )
            .hook("tool"),
            panel(
                "To begin with",
                (
                    snippet("The newest checkpoint of the log", format!("curl {origin}/log/checkpoint")),
                    snippet("Search", format!("curl '{origin}/api/v1/search?q=minilm'")),
                    el("p").child((
                        "Nothing that the API answers has to be believed: proofs come with it. The description below is ",
                        el("a").attr("href", provenance::api::paths::OPENAPI).child("an OpenAPI document"),
                        ", made from the server’s own code.",
                    )),
                ),
            ),
            loaded(api::openapi, || View::Nothing, described),
        )),
    )
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn described(document: &Value) -> View {
    let mut groups: Vec<(&str, Vec<View>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("Other");
            let view = operation_view(path, method, operation);
            match groups.iter_mut().find(|(name, _)| *name == tag) {
                Some((_, views)) => views.push(view),
                None => groups.push((tag, vec![view])),
            }
        }
    }
    let groups = groups.into_iter().map(|(tag, views)| {
        el("section").class("panel").child((
            el("h2").child(visible(tag)),
            el("div").class("operations").child(views),
        ))
    });
    groups.map(IntoView::into_view).collect::<Vec<_>>().into_view()
}

fn operation_view(path: &str, method: &str, operation: &Value) -> View {
    let parameters = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| {
            el("li").child((
                el("code").child(visible(text(parameter, "name"))),
                " ",
                visible(text(parameter, "description")),
            ))
        });
    let parameters: Vec<_> = parameters.collect();
    let answers = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, answer)| {
            el("li").child((
                el("code").child(visible(status)),
                " ",
                visible(text(answer, "description")),
            ))
        });
    let answers: Vec<_> = answers.collect();
    el("details")
        .class("fold operation")
        .hook("operation")
        .child((
            el("summary").child((
                el("span").class("chip").child(method.to_uppercase()),
                " ",
                el("code").child(visible(path)),
                " ",
                el("span")
                    .class("quiet")
                    .child(visible(text(operation, "summary"))),
            )),
            (!parameters.is_empty()).then(|| el("ul").class("bullets").child(parameters)),
            el("ul").class("bullets").child(answers),
        ))
        .into_view()
}
