//! What stands below the drop zone on the first page: the way in for each kind of visitor.

use crate::{
    components::page::{command, snippet},
    dom::{IntoView, View, el},
};

/// The three ways in.
pub(crate) fn ways_in() -> View {
    let card = |title: &'static str, text: &'static str, more: View| {
        el("section").class("panel").attr("aria-label", title).child((
            el("h2").child(title),
            el("p").child(text),
            more,
        ))
    };
    let commands = [
        "weighbridge key new --out lab.key".to_owned(),
        command("publisher create NAME --key lab.key"),
        "weighbridge attest FOLDER --publisher NAME --key lab.key --name MODEL --out att".to_owned(),
        command("publish att"),
    ]
    .join("\n");
    let link = |href: &'static str, text: &'static str| el("p").child(el("a").attr("href", href).child(text));
    el("div")
        .class("doors")
        .hook("doors")
        .child((
            card(
                "You downloaded a model",
                "Give the files above. Or look up who recorded it, and why that name can be trusted.",
                (
                    link("/search", "Search records and digests"),
                    link("/publishers", "Who publishes here"),
                )
                    .into_view(),
            ),
            card(
                "You publish models",
                "Sign what you release and put it in the log: the files, how they were made, and from what.",
                (
                    snippet("Command line", commands),
                    link("/developers", "Where the command line tool comes from"),
                )
                    .into_view(),
            ),
            card(
                "You write about models",
                "Show where a model comes from with a badge that proves its record in your reader’s browser.",
                (link("/badge", "Make a badge"), link("/developers", "The API")).into_view(),
            ),
        ))
        .into_view()
}
