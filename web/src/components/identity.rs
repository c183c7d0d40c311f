//! Choosing to trust a publisher: who it is, shown whole, and asked once.

use leptos::prelude::*;
use provenance::verify::{Identity, Report};
use web_sys::HtmlDialogElement;

use super::{
    button::button,
    icon::{Icon, icon},
};
use crate::{
    dom::{IntoView, Reference, el},
    route,
};

/// The offer to trust the publisher of `report`; nothing when it is trusted already, nobody was proved or no file was
/// compared.
pub(crate) fn trust_publisher(report: &Report, pin: Callback<()>) -> Option<impl IntoView + use<>> {
    let identity = report.identity.clone();
    let identity = identity.filter(|identity| report.compares_files() && !identity.pinned)?;
    let dialog = Reference::new();
    let open = move || {
        if let Some(dialog) = dialog.get::<HtmlDialogElement>() {
            // Fails only while it is open already.
            let _ = dialog.show_modal();
        }
    };
    let name = identity.publisher.to_string();
    Some(
        el("div").class("notice is-blue").child((
            icon(Icon::Person, "notice-icon"),
            el("div").child((
                el("p").child((
                    format!("The signature is by {name}. Whether {name} is who you think it is, only you can say: "),
                    el("a")
                        .attr("href", route::publisher(&identity.publisher))
                        .child("who that is, and how to find out"),
                    ".",
                )),
                button(format!("Trust {name} from now on"), open)
                    .class("button is-primary")
                    .hook("trust-publisher"),
                confirm(&identity, dialog, pin),
            )),
        )),
    )
}

fn confirm(identity: &Identity, dialog: Reference, pin: Callback<()>) -> impl IntoView + use<> {
    let close = move || {
        if let Some(dialog) = dialog.get::<HtmlDialogElement>() {
            dialog.close();
        }
    };
    let keys = identity.signers.iter().map(|signer| {
        let holder = provenance::path::visible(&signer.holder);
        el("li").child((format!("{holder}: "), el("code").child(signer.keyid.to_string())))
    });
    el("dialog").class("dialog").reference(dialog).attr("aria-labelledby", "trust-publisher-title").child((
        el("h2").attr("id", "trust-publisher-title").child(format!("Trust {}?", identity.publisher)),
        el("p").child(
            "From now on, records signed by this publisher can turn green here. A name alone proves nothing: \
             compare the genesis with one that you got from the publisher itself.",
        ),
        el("dl").class("facts").child((
            el("div").class("fact").child((el("dt").child("Name"), el("dd").child(identity.publisher.to_string()))),
            el("div").class("fact").child((
                el("dt").child("Genesis"),
                el("dd").child(el("code").child(identity.genesis.to_string())),
            )),
            el("div")
                .class("fact")
                .child((el("dt").child("Keys"), el("dd").child(el("ul").child(keys.collect::<Vec<_>>())))),
        )),
        el("div").class("buttons").child((
            button(format!("Trust {}", identity.publisher), move || {
                close();
                pin.run(());
            })
            .class("button is-primary")
            .hook("trust-publisher-confirm"),
            button("Not now", close),
        )),
    ))
}
