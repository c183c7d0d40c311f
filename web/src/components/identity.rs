//! Choosing to trust a publisher: who it is, shown whole, and asked once.

use leptos::{ev, html, prelude::*};
use provenance::verify::{Identity, Report};

use super::icon::{Icon, icon};

/// The offer to trust the publisher of `report`; nothing when it is trusted already or nobody was proved.
pub(crate) fn trust_publisher(report: &Report, pin: Callback<()>) -> Option<impl IntoView + use<>> {
    let identity = report.identity.clone().filter(|identity| !identity.pinned)?;
    let dialog = NodeRef::<html::Dialog>::new();
    let open = move |_| {
        if let Some(dialog) = dialog.get_untracked() {
            // Fails only while it is open already.
            let _ = dialog.show_modal();
        }
    };
    let name = identity.publisher.to_string();
    Some(
        html::div().class("notice is-blue").child((
            icon(Icon::Person, "notice-icon"),
            html::div().child((
                html::p().child(format!(
                    "The signature is by {name}. Whether {name} is who you think it is, only you can say."
                )),
                html::button()
                    .r#type("button")
                    .class("button is-primary")
                    .attr("data-test", "trust-publisher")
                    .on(ev::click, open)
                    .child(format!("Trust {name} from now on")),
                confirm(&identity, dialog, pin),
            )),
        )),
    )
}

fn confirm(identity: &Identity, dialog: NodeRef<html::Dialog>, pin: Callback<()>) -> impl IntoView + use<> {
    let close = move || {
        if let Some(dialog) = dialog.get_untracked() {
            dialog.close();
        }
    };
    let keys = identity.signers.iter().map(|signer| {
        let holder = provenance::path::visible(&signer.holder);
        html::li().child((
            format!("{holder}: "),
            html::code().child(signer.keyid.to_string()),
        ))
    });
    html::dialog().class("dialog").node_ref(dialog).attr("aria-labelledby", "trust-publisher-title").child((
        html::h2().id("trust-publisher-title").child(format!("Trust {}?", identity.publisher)),
        html::p().child(
            "From now on, records signed by this publisher can turn green here. A name alone proves nothing: \
             compare the genesis with one that you got from the publisher itself.",
        ),
        html::dl().class("facts").child((
            html::div().class("fact").child((html::dt().child("Name"), html::dd().child(identity.publisher.to_string()))),
            html::div().class("fact").child((
                html::dt().child("Genesis"),
                html::dd().child(html::code().child(identity.genesis.to_string())),
            )),
            html::div()
                .class("fact")
                .child((html::dt().child("Keys"), html::dd().child(html::ul().child(keys.collect_view())))),
        )),
        html::div().class("buttons").child((
            html::button()
                .r#type("button")
                .class("button is-primary")
                .attr("data-test", "trust-publisher-confirm")
                .on(ev::click, move |_| {
                    close();
                    pin.run(());
                })
                .child(format!("Trust {}", identity.publisher)),
            html::button().r#type("button").class("button").on(ev::click, move |_| close()).child("Not now"),
        )),
    ))
}
