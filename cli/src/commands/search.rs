//! `search`: records by the words of their name, version and publisher. What comes back is the registry's word; `show`
//! proves one of them.

use provenance::{
    Sha256Digest,
    api::{SearchAnswer, paths},
    path::visible,
};
use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::Context;
use crate::{
    args::SearchArgs,
    failure::{Exit, Failure},
    output::{Output, Tone},
};

/// Lists the records that have these words.
pub(super) fn run(context: &Context, args: &SearchArgs) -> Result<Exit, Failure> {
    let client = context.needed_registry(context.trust()?.as_ref())?;
    let words = args.words.join(" ");
    if words.parse::<Sha256Digest>().is_ok() {
        let show = context.again(&format!("show {words}"));
        return Err(Failure::usage("a digest is no word: a search sends it whole")
            .next(format!("of a digest only the first digits are sent by: {show}")));
    }
    let escaped: String = byte_serialize(words.as_bytes()).collect();
    let answer: SearchAnswer = client.get_json(&format!("{}?q={escaped}", paths::SEARCH))?;
    let exit = if answer.results.is_empty() {
        Exit::Unknown
    } else {
        Exit::Done
    };
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "words": words, "as_of_size": answer.as_of_size, "records": answer.results,
        }))?;
        return Ok(exit);
    }
    let Some(first) = answer.results.first() else {
        let nothing = context.output.paint("?  No record", Tone::Strong);
        let told = format!(
            "{} has no record with the words {words:?} in its name, version or publisher.",
            client.address()
        );
        Output::print(&format!(
            "{nothing}\n   {told}\n   This says nothing about any file."
        ))?;
        return Ok(exit);
    };
    let rows = answer.results.iter().map(|found| {
        let about = format!("{}  by {}  ({})", found.title(), found.publisher, found.kind);
        format!("{}  {}", found.record, visible(&about))
    });
    let mut lines: Vec<String> = rows.collect();
    let show = context.again(&format!("show {}", first.record));
    lines.push(format!(
        "This is the registry's word. One of them, proved: {show}"
    ));
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}
