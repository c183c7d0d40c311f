//! `show`: a record, a publisher, or what is on record for a digest. What can be proved is proved before it is
//! shown; what is only the registry's word is called that.

mod publisher;
mod record;

use std::collections::BTreeSet;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    lookup::{KeyKind, MAX_CANDIDATES, Match},
    path::visible,
    record::Record,
    trust::TrustFile,
};
use serde_json::json;

use self::{
    publisher::show_publisher,
    record::{headline, show_record},
};
use super::{Context, verify::open_named};
use crate::{
    args::ShowArgs,
    client::Client,
    failure::{Exit, Failure},
    find::Finder,
    output::{Output, Tone},
};

/// Most files and records that are written out; JSON has them all.
const MOST_LINES: usize = 40;

/// Shows what the argument names.
pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let trust = context.trust()?;
    let what = Named::of(&args.what);
    let client = match &what.registry {
        Some(address) if context.global.registry.is_none() => Client::new(address, context.global.timeout)?,
        _ => context.needed_registry(trust.as_ref())?,
    };
    if let Ok(digest) = what.text.parse::<Sha256Digest>() {
        if let Some(opened) = open_named(&client, trust.as_ref(), RecordId::from_digest(digest))? {
            return show_record(context, &opened);
        }
        return show_digest(context, &client, trust.as_ref(), digest);
    }
    let name = what.text.parse::<PublisherName>().map_err(|error| {
        let failure = Failure::usage(format!(
            "{:?} is neither a record id, a digest nor a publisher's name",
            args.what
        ));
        if what.is_short() {
            return failure.why(ID_LENGTH).next(GIVE_IT_WHOLE);
        }
        failure
            .why(error)
            .next(format!(
                "ids and digests have 64 hex digits, publishers are called like acme.example; a model is found by its name: {}",
                context.again("search WORD")
            ))
    })?;
    let shown = show_publisher(context, &client, trust.as_ref(), &name);
    shown.map_err(|failure| {
        if failure.exit == Exit::Unknown && what.is_short() {
            failure.why(ID_LENGTH).next(GIVE_IT_WHOLE)
        } else {
            failure
        }
    })
}

const ID_LENGTH: &str = "ids and digests have 64 hex digits";
const GIVE_IT_WHOLE: &str = "if this is a shortened id, give all of it";

/// What the argument names, in the one form that ids and names have: people copy links, `sha256:` prefixes and capital
/// letters.
struct Named {
    text: String,
    /// The registry of a link.
    registry: Option<String>,
}

impl Named {
    fn of(argument: &str) -> Self {
        let argument = argument.trim();
        let link = argument
            .split_once("/record/")
            .filter(|(address, _)| address.starts_with("http://") || address.starts_with("https://"));
        let (registry, text) = match link {
            Some((address, rest)) => {
                let id = rest.split(['/', '?', '#']).next().unwrap_or_default();
                (Some(address.to_owned()), id)
            }
            None => (None, argument),
        };
        let text = text.strip_prefix("sha256:").unwrap_or(text);
        let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let text = if is_digest {
            text.to_ascii_lowercase()
        } else {
            text.to_owned()
        };
        Self { text, registry }
    }

    /// Whether it looks like the beginning of an id: hex digits, perhaps with dots after them.
    fn is_short(&self) -> bool {
        let digits = self.text.trim_end_matches(['.', '…']);
        let cut = digits.len() < self.text.len();
        let hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hex && (digits.len() >= 6 || cut && digits.len() >= 2)
    }
}

fn show_digest(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    digest: Sha256Digest,
) -> Result<Exit, Failure> {
    let matches = Finder::new(client)?.digest(digest)?;
    let exit = if matches.is_empty() {
        Exit::Unknown
    } else {
        Exit::Done
    };
    if context.output.json {
        Output::print_json(&json!({ "v": 1, "digest": digest, "matches": matches }))?;
        return Ok(exit);
    }
    if matches.is_empty() {
        Output::print(&format!(
            "{}\n   {} has neither a record {digest} nor one that lists it.\n   This says nothing about the file.",
            context.output.paint("?  No record", Tone::Strong),
            client.address()
        ))?;
        return Ok(exit);
    }
    let mut lines = vec![
        context
            .output
            .paint(format!("{digest} is on record"), Tone::Strong),
    ];
    lines.extend(matches.iter().take(MOST_LINES).map(match_line));
    let records: BTreeSet<_> = matches.iter().map(|found| found.record).collect();
    for id in records.into_iter().take(MAX_CANDIDATES) {
        if let Some(opened) = open_named(client, trust, id)? {
            lines.push(headline(context, &opened));
            lines.push(format!("   record     {id}"));
            if let Some(artifact) = opened.record().and_then(Record::artifact) {
                lines.push(format!(
                    "   what       {} by {}",
                    visible(&artifact.subject.title()),
                    artifact.subject.publisher
                ));
            }
        }
    }
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}

fn match_line(found: &Match) -> String {
    let kind = serde_json::to_value(found.kind).ok();
    let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
    let what = match (found.kind, &found.path) {
        (KeyKind::File, Some(path)) => format!("the file {}", visible(path)),
        (_, Some(path)) => format!("the {kind} of {}", visible(path)),
        (_, None) => format!("the {kind}"),
    };
    format!("   {what} in record {}", found.record)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_known_in_every_form_that_people_paste() {
        let id = "ab".repeat(32);
        for text in [
            id.clone(),
            format!("sha256:{id}"),
            id.to_ascii_uppercase(),
            format!("sha256:{}", id.to_ascii_uppercase()),
            format!(" {id}\n"),
            format!("https://registry.example/record/{id}"),
            format!("http://127.0.0.1:8080/record/{id}?x#files"),
        ] {
            assert_eq!(Named::of(&text).text, id, "{text}");
        }
        let link = Named::of(&format!("http://127.0.0.1:8080/record/{id}"));
        assert_eq!(link.registry.as_deref(), Some("http://127.0.0.1:8080"));
        assert_eq!(Named::of("acme.example").text, "acme.example");
    }

    #[test]
    fn a_shortened_id_is_told_from_a_name() {
        for text in ["abababab", "7f3c…", "7f3c...", "ABABAB"] {
            assert!(Named::of(text).is_short(), "{text}");
        }
        for text in ["acme.example", "acme", "cafe", "…"] {
            assert!(!Named::of(text).is_short(), "{text}");
        }
    }
}
