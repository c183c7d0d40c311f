//! A publisher, by its name.

use provenance::{
    PublisherName,
    api::{PublisherAnswer, paths},
    path::visible,
    record::Body,
    trust::TrustFile,
    verify::Opened,
};
use serde_json::json;

use super::{
    MOST_LINES,
    record::{describe_keyset, record_json, standing},
};
use crate::{
    client::{Client, MAX_ANSWER_BYTES},
    commands::{Context, verify::open_named},
    failure::{Exit, Failure},
    output::{Output, Tone, grouped},
};

/// Shows a publisher: its keys from its proved keyset, and the records that the registry lists.
pub(super) fn show_publisher(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    name: &PublisherName,
) -> Result<Exit, Failure> {
    let path = paths::publisher(name);
    let Some(body) = client.get_if_there(&path, MAX_ANSWER_BYTES as u64)? else {
        let what = format!("{} has no publisher {name}", client.address());
        return Err(Failure::new(Exit::Unknown, what).next(format!(
            "check the spelling; a model is found by its name: {}",
            context.again(&format!("search {name}"))
        )));
    };
    let answer: PublisherAnswer = client.parse(&path, &body)?;
    let opened = open_named(client, trust, answer.genesis)?;
    let keyset = opened
        .as_ref()
        .and_then(Opened::record)
        .and_then(|record| match &record.body {
            Body::Keyset(keyset) if keyset.publisher == *name => Some(keyset),
            _ => None,
        });
    // A second first keyset is void: its id is no genesis, whatever the registry says.
    let proved = opened
        .as_ref()
        .and_then(Opened::identity)
        .map_or(answer.genesis, |identity| identity.genesis);
    let (Some(opened), Some(keyset), true) = (&opened, keyset, proved == answer.genesis) else {
        return Err(Failure::new(
            Exit::LogFault,
            format!(
                "the genesis that {} names for {name} is not its first keyset",
                client.address()
            ),
        )
        .next("do not pin it; ask the publisher for its genesis id"));
    };
    let exit = if opened.fault().is_some() {
        Exit::LogFault
    } else {
        Exit::Done
    };
    if context.output.json {
        let mut value = record_json(opened);
        value["genesis"] = json!(answer.genesis);
        value["count"] = json!(answer.count);
        value["records"] = json!(answer.records);
        Output::print_json(&value)?;
        return Ok(exit);
    }
    let mut lines = vec![context.output.paint(name, Tone::Strong)];
    if opened.identity().is_none() {
        lines.push(format!(
            "   genesis    {}, by the registry's word",
            answer.genesis
        ));
    }
    describe_keyset(keyset, &mut |name, text| {
        lines.push(format!("   {name:<10} {}", visible(text)));
    });
    standing(opened, &mut lines);
    lines.push(format!(
        "   records    {}, by the registry's word:",
        grouped(answer.count)
    ));
    for summary in answer.records.iter().take(MOST_LINES) {
        let line = format!("     {}  {}  ({})", summary.record, summary.title(), summary.kind);
        lines.push(visible(&line));
    }
    if !opened.is_trusted() {
        let pin = context.again(&format!("publisher trust {name} {}", answer.genesis));
        lines.push(format!(
            "   next:      if the publisher told you this genesis: {pin}"
        ));
    }
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}
