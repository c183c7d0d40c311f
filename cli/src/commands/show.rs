//! `show`: a record, a publisher, or what is on record for a digest. What can be proved is proved before it is
//! shown; what is only the registry's word is called that.

mod publisher;
mod record;

use std::collections::BTreeSet;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    lookup::{MAX_CANDIDATES, Match},
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
    find::find_digest,
    output::{Output, Tone},
};

/// Most files and records that are written out; JSON has them all.
const MOST_LINES: usize = 40;

/// Shows what the argument names.
pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<Exit, Failure> {
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    if let Ok(digest) = args.what.parse::<Sha256Digest>() {
        if let Some(opened) = open_named(&client, trust.as_ref(), RecordId::from_digest(digest))? {
            return show_record(context, &opened);
        }
        return show_digest(context, &client, trust.as_ref(), digest);
    }
    let name = args.what.parse::<PublisherName>().map_err(|error| {
        Failure::usage(format!(
            "{:?} is neither a record id, a digest nor a publisher's name",
            args.what
        ))
        .why(error)
        .next("ids and digests have 64 lowercase hex digits; names look like acme.example")
    })?;
    show_publisher(context, &client, trust.as_ref(), &name)
}

fn show_digest(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    digest: Sha256Digest,
) -> Result<Exit, Failure> {
    let matches = find_digest(client, digest)?;
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
                    visible(&artifact.subject.name),
                    artifact.subject.publisher
                ));
            }
        }
    }
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}

fn match_line(found: &Match) -> String {
    let kind = serde_json::to_value(found.kind)
        .ok()
        .and_then(|kind| kind.as_str().map(str::to_owned));
    let path = found
        .path
        .as_ref()
        .map(|path| format!(" of {}", visible(path)))
        .unwrap_or_default();
    format!("   {}{path} in record {}", kind.unwrap_or_default(), found.record)
}
