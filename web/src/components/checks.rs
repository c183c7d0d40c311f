//! Checks by name, each with how it came out.

use provenance::verify::Check;

use super::icon::{Icon, icon};
use crate::dom::{IntoView, el};

/// The checks, one a row.
pub(crate) fn check_list(checks: &[Check]) -> impl IntoView + use<> {
    el("ul")
        .class("checks")
        .child(checks.iter().map(check_row).collect::<Vec<_>>())
}

fn check_row(check: &Check) -> impl IntoView + use<> {
    let (picture, colour, word, ok) = match check.ok {
        Some(false) if check.name == "lookup" => (Icon::Dash, "is-open", "found nothing", "false"),
        Some(true) => (Icon::Check, "is-held", "held", "true"),
        Some(false) => (Icon::Cross, "is-failed", "did not hold", "false"),
        None => (Icon::Dash, "is-open", "not made", "none"),
    };
    el("li")
        .class(format!("check {colour}"))
        .hook("check")
        .attr("data-name", check.name.clone())
        .attr("data-ok", ok)
        .child((
            icon(picture, "check-icon"),
            el("span").class("check-name").child((
                check_title(&check.name),
                el("span").class("visually-hidden").child(format!(", {word}")),
            )),
            el("span")
                .class("check-detail")
                .child(provenance::path::visible(&check.detail)),
        ))
}

/// A check's name for people.
fn check_title(name: &str) -> String {
    match name {
        "record-id" => "Record id",
        "statement" => "Statement",
        "entry" => "Log entry",
        "log-signature" => "Log signature",
        "freshness" => "Freshness",
        "inclusion" => "Inclusion in the log",
        "state" => "Publisher’s state",
        "control" => "Keysets and advisories",
        "keyset" => "Keyset",
        "withdrawals" => "Withdrawals",
        "signatures" => "Publisher’s signature",
        "publisher" => "Publisher you trust",
        "bytes" => "Bytes",
        "complete" => "All files present",
        "extras" => "No added files",
        "file-digests" => "Whole-file SHA-256",
        "listed-digests" => "Digests that belong together",
        "tensor-index" => "Tensor index",
        "parents" => "Parents",
        "lookup" => "Lookup",
        other => return provenance::path::visible(other),
    }
    .to_owned()
}
