//! What stands around every page: name, navigation, footer.

use super::icon::{Icon, icon};

use crate::{
    dom::{IntoView, el},
    route::Route,
};

/// The first stop of Tab: past the bar, to the page's own buttons.
pub(crate) fn skip_link() -> impl IntoView {
    el("a")
        .class("skip")
        .attr("href", "#main")
        .child("Skip to the main part")
}

/// The bar on top.
pub(crate) fn header(here: &Route) -> impl IntoView + use<> {
    let link = |href: &'static str, text: &'static str, is_here: bool| {
        let link = el("a").attr("href", href).child(text);
        el("li").child(if is_here {
            link.attr("aria-current", "page")
        } else {
            link
        })
    };
    el("header").class("site-header").child((
        el("a")
            .class("site-name")
            .attr("href", "/")
            .child((icon(Icon::Mark, "site-mark"), el("span").child("Weighbridge"))),
        el("nav")
            .attr("aria-label", "Site")
            .child(el("ul").class("site-nav").child((
                link("/verify", "Verify", matches!(here, Route::Home | Route::Verify)),
                link("/search", "Search", *here == Route::Search),
                link("/publishers", "Publishers", *here == Route::Publishers),
                link("/log", "Log", *here == Route::Log),
                link("/badge", "Badges", *here == Route::Badge),
            ))),
    ))
}

/// The line at the bottom.
pub(crate) fn footer() -> impl IntoView {
    el("footer").class("site-footer").child((
        el("p").child(
            "Weighbridge weighs model files against their signed, logged record. It compares bytes; it does not \
             judge what a model does.",
        ),
        el("p").child(
            "This page is only as honest as the server it came from. To depend on no server, run the command line \
             tool with your own trust file.",
        ),
        el("p").class("build").child((
            el("a").attr("href", "/developers").child("API and command line"),
            " · ",
            el("a").attr("href", "/words").child("What the words mean"),
            " · Version ",
            el("code").child(env!("CARGO_PKG_VERSION")),
        )),
    ))
}
