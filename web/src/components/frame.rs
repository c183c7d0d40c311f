//! What stands around every page: name, navigation, footer.

use leptos::{html, prelude::*};

use super::icon::{Icon, icon};

/// The bar on top. It comes after the page in the document, so that the first Tab reaches the page's own buttons.
pub(crate) fn header() -> impl IntoView {
    html::header().class("site-header").child((
        html::a()
            .class("site-name")
            .href("/")
            .child((icon(Icon::Mark, "site-mark"), html::span().child("Weighbridge"))),
        html::nav()
            .aria_label("Site")
            .child(html::ul().class("site-nav").child((
                html::li().child(html::a().href("/").attr("aria-current", "page").child("Verify")),
                html::li().child(html::a().href("/log/checkpoint").child("Log checkpoint")),
            ))),
    ))
}

/// The line at the bottom.
pub(crate) fn footer() -> impl IntoView {
    html::footer().class("site-footer").child((
        html::p().child(
            "Weighbridge weighs model files against their signed, logged record. It compares bytes; it does not \
             judge what a model does.",
        ),
        html::p().child(
            "This page is only as honest as the server it came from. To depend on no server, run the command line \
             tool with your own trust file.",
        ),
        html::p().class("build").child((
            "Build ",
            html::code().child(verifier_wasm::protocol::BUILD),
        )),
    ))
}
