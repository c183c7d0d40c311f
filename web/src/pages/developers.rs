//! The API, from the description that the registry makes of itself.

use leptos::prelude::*;
use provenance::path::visible;
use serde_json::Value;

use crate::{
    api,
    components::page::{command, page, panel, snippet},
    dom::{IntoView, View, el},
    loaded::loaded,
    task::spawn,
    text::visible_lines,
};

/// Depth to which the shape of an answer is written out.
const MOST_NESTED: usize = 6;

/// Values in the shape of one answer.
const MOST_VALUES: usize = 200;

/// The page.
pub(crate) fn developers_page() -> View {
    let origin = window().location().origin().unwrap_or_default();
    page(
        "API and command line",
        "Everything that these pages do, a program can do: all of it over plain HTTP, and all reading also from the pages of any site.",
        el("div").class("stack").child((
            panel(
                "Command line tool",
                (
                    el("p").child(
                        "The tool weighbridge checks, signs and publishes, and depends on no server’s page. It is one program, \
                         built from the same source as this registry: in a copy of that source, run",
                    ),
                    snippet("Build and install", "cargo install --locked --path cli".to_owned()),
                    snippet("Check a folder", command("verify FOLDER")),
                    snippet(
                        "Keep the trust file where every command looks for it, and compare the log key in it with one that you \
                         got elsewhere",
                        format!("mkdir -p ~/.config/weighbridge && curl -f -o ~/.config/weighbridge/trust {origin}/trust"),
                    ),
                    el("p").class("quiet").child(
                        "Its operator does not hand it out here on purpose: a tool that is to check a server should not come \
                         from that server. With --help every command says what it does.",
                    ),
                ),
            )
            .hook("tool"),
            panel(
                "To begin with",
                (
                    snippet("The newest checkpoint of the log", format!("curl {origin}/log/checkpoint")),
                    example_search(origin),
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

/// A search that finds something: for a name that was recorded here last.
fn example_search(origin: String) -> View {
    let name = RwSignal::new_local("minilm".to_owned());
    let newest = api::newest(None);
    spawn(async move {
        // Without an answer the example finds nothing, perhaps.
        if let Some(found) = newest
            .await
            .ok()
            .and_then(|answer| answer.records.into_iter().next())
        {
            name.set(found.name);
        }
    });
    (move || {
        // What is left of these would end the quotes, or be taken for history, in a shell.
        let words = name.with(|name| String::from(js_sys::encode_uri_component(name)));
        let words = words.replace('\'', "%27").replace('!', "%21");
        snippet("Search", format!("curl '{origin}/api/v1/search?q={words}'"))
    })
    .into_view()
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

fn described(document: &Value) -> View {
    let mut groups: Vec<(&str, Vec<View>)> = Vec::new();
    for (path, methods) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation["tags"][0].as_str().unwrap_or("Other");
            let view = operation_view(path, method, operation, document);
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

/// The shape of an answer as JSON with words for values, the schemas that it refers to written out. `left` is how many
/// more values may be.
fn shape(schema: &Value, document: &Value, indent: usize, left: &mut usize) -> String {
    let referred = text(schema, "$ref")
        .strip_prefix("#")
        .and_then(|path| document.pointer(path));
    let schema = referred.unwrap_or(schema);
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if indent > MOST_NESTED || *left == 0 {
        return "…".to_owned();
    }
    *left -= 1;
    let (pad, end) = ("  ".repeat(indent + 1), "  ".repeat(indent));
    if let Some(properties) = schema["properties"].as_object() {
        let lines = properties
            .iter()
            .take(MOST_VALUES)
            .map(|(name, value)| format!("{pad}\"{name}\": {}", shape(value, document, indent + 1, left)));
        return format!("{{\n{}\n{end}}}", lines.collect::<Vec<_>>().join(",\n"));
    }
    match &schema["type"] {
        Value::String(kind) if kind == "array" => {
            format!("[ {} … ]", shape(&schema["items"], document, indent + 1, left))
        }
        Value::String(kind) if kind == "string" && schema["pattern"].is_string() => {
            "64 hex digits".to_owned()
        }
        Value::String(kind) => kind.clone(),
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .collect::<Vec<_>>()
            .join(" or "),
        _ => schema["enum"].as_array().map_or_else(
            || "…".to_owned(),
            |words| {
                words
                    .iter()
                    .map(Value::to_string)
                    .collect::<Vec<_>>()
                    .join(" or ")
            },
        ),
    }
}

fn operation_view(path: &str, method: &str, operation: &Value, document: &Value) -> View {
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
            let mut left = MOST_VALUES;
            let schema = &answer["content"]["application/json"]["schema"];
            let shape = schema.is_object().then(|| {
                el("pre")
                    .attr("tabindex", "0")
                    .child(el("code").child(visible_lines(&shape(schema, document, 0, &mut left))))
            });
            el("li").child((
                el("code").child(visible(status)),
                " ",
                visible(text(answer, "description")),
                shape,
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
