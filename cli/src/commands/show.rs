//! `show`: a record, a publisher, or what is on record for a digest. What can be proved is proved before it is
//! shown; what is only the registry's word is called that.

use std::collections::BTreeSet;

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    api::{PublisherAnswer, paths},
    keyset::Keyset,
    lookup::{MAX_CANDIDATES, Match},
    path::visible,
    record::{Body, Record},
    trust::TrustFile,
    verify::{Check, Opened},
};
use serde_json::{Value, json};

use super::{Context, verify::open_named};
use crate::{
    args::ShowArgs,
    client::{Client, MAX_ANSWER_BYTES},
    failure::{Exit, Failure},
    find::find_digest,
    output::{self, Output, Tone},
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

fn show_record(context: &Context, opened: &Opened) -> Result<Exit, Failure> {
    let exit = if opened.fault().is_some() {
        Exit::LogFault
    } else {
        Exit::Done
    };
    if context.output.json {
        Output::print_json(&record_json(opened))?;
        return Ok(exit);
    }
    let mut lines = vec![headline(context, opened)];
    lines.push(format!("   record     {}", opened.id()));
    if let Some(record) = opened.record() {
        describe(record, &mut lines);
    }
    standing(opened, &mut lines);
    lines.push("   checks:".into());
    lines.extend(opened.checks().iter().map(|check| check_line(context, check)));
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}

fn headline(context: &Context, opened: &Opened) -> String {
    let (text, tone) = if opened.fault().is_some() {
        ("x  This record does not hold", Tone::Bad)
    } else if opened.log().is_none() {
        (
            "?  A record, not proved: you have not chosen a log to trust yet",
            Tone::Strong,
        )
    } else if opened.is_trusted() {
        ("ok Recorded by a publisher you trust", Tone::Good)
    } else {
        (
            "?  Recorded by someone you have not chosen to trust",
            Tone::Strong,
        )
    };
    context.output.paint(text, tone)
}

/// What the record says, as its signer says it.
fn describe(record: &Record, lines: &mut Vec<String>) {
    let mut fact = |name: &str, text: &str| lines.push(format!("   {name:<10} {}", visible(text)));
    fact("kind", &record.kind);
    fact("publisher", record.publisher().as_str());
    if let Some(artifact) = record.artifact() {
        let subject = &artifact.subject;
        let version = subject
            .version
            .as_ref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        fact("what", &format!("{}{version}", subject.name));
        fact("dirHash1", &artifact.dir_hash1.to_string());
        fact("OMS root", &artifact.oms_root.to_string());
        for url in &subject.official {
            fact("official", url);
        }
    }
    match &record.body {
        Body::Signature(signature) => {
            for id in &signature.provenance {
                fact("made as", &format!("told by record {id}"));
            }
            let files = signature.manifest.files();
            fact(
                "files",
                &format!(
                    "{}, {}",
                    output::count(files.len(), "file"),
                    output::bytes(signature.manifest.total_bytes())
                ),
            );
            for file in files.iter().take(MOST_LINES) {
                fact(
                    "",
                    &format!("{}  {:>11}  {}", file.sha256, output::bytes(file.size), file.path),
                );
            }
            if files.len() > MOST_LINES {
                fact(
                    "",
                    &format!(
                        "and {}; --json lists all",
                        output::count(files.len() - MOST_LINES, "more file")
                    ),
                );
            }
        }
        Body::Provenance(provenance) => {
            fact("stage", &provenance.run.stage);
            for input in &provenance.run.inputs {
                fact("input", &format!("{} = record {}", input.role, input.record));
            }
            for (name, value) in &provenance.run.metrics {
                fact("metric", &format!("{name} = {value}"));
            }
        }
        Body::Keyset(keyset) => describe_keyset(keyset, &mut fact),
        _ => {}
    }
}

fn describe_keyset(keyset: &Keyset, fact: &mut dyn FnMut(&str, &str)) {
    let threshold = keyset.threshold;
    fact("version", &keyset.version.to_string());
    fact(
        "needs",
        &format!(
            "{} of its holders for records, {} for keys",
            threshold.sign, threshold.root
        ),
    );
    for member in &keyset.keys {
        fact(
            "key",
            &format!("{}  held by {}", member.key.keyid(), member.holder),
        );
    }
}

fn standing(opened: &Opened, lines: &mut Vec<String>) {
    if let Some(identity) = opened.identity() {
        let pinned = if identity.pinned {
            "pinned in your trust file"
        } else {
            "not in your trust file"
        };
        lines.push(format!("   genesis    {} ({pinned})", identity.genesis));
    }
    if let Some(log) = opened.log() {
        lines.push(format!(
            "   log        {} entry {} of {}",
            visible(&log.origin),
            log.index,
            log.size
        ));
    }
    for (word, found) in [("fault", opened.fault()), ("open", opened.stale())] {
        if let Some(found) = found {
            lines.push(format!("   {word:<10} {}", visible(&found.detail)));
        }
    }
}

fn check_line(context: &Context, check: &Check) -> String {
    let (sign, tone) = match check.ok {
        Some(true) => ("ok", Tone::Good),
        Some(false) => ("x ", Tone::Bad),
        None => ("- ", Tone::Faint),
    };
    format!(
        "     {} {:<14} {}",
        context.output.paint(sign, tone),
        check.name,
        visible(&check.detail)
    )
}

fn record_json(opened: &Opened) -> Value {
    let record = opened.record();
    let artifact = record.and_then(Record::artifact);
    let files = opened.manifest().map(|manifest| {
        let one = |file: &provenance::manifest::ManifestFile| {
            json!({
                "path": file.path, "size": file.size, "sha256": file.sha256, "chunks": file.chunks,
                "chunk0": file.chunk0, "tensors": file.tensors,
            })
        };
        manifest.files().iter().map(one).collect::<Vec<_>>()
    });
    json!({
        "v": 1,
        "record": opened.id(),
        "holds": opened.fault().is_none() && opened.log().is_some(),
        "trusted": opened.is_trusted(),
        "kind": record.map(|record| &record.kind),
        "publisher": record.map(Record::publisher),
        "name": artifact.map(|artifact| &artifact.subject.name),
        "version": artifact.map(|artifact| &artifact.subject.version),
        "dir_hash1": artifact.map(|artifact| artifact.dir_hash1),
        "oms_root": artifact.map(|artifact| artifact.oms_root),
        "identity": opened.identity(),
        "log": opened.log(),
        "checks": opened.checks(),
        "files": files,
        "said": record.map(|record| said(&record.body)),
    })
}

/// The parts of a record that only some kinds have.
fn said(body: &Body) -> Value {
    match body {
        Body::Signature(signature) => json!({ "provenance": signature.provenance }),
        Body::Provenance(provenance) => {
            let input = |input: &provenance::statement::Input| json!({ "role": input.role, "record": input.record, "dir_hash1": input.dir_hash1 });
            let inputs: Vec<_> = provenance.run.inputs.iter().map(input).collect();
            json!({ "stage": provenance.run.stage, "inputs": inputs, "metrics": provenance.run.metrics })
        }
        Body::Keyset(keyset) => json!(keyset),
        _ => Value::Null,
    }
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

fn show_publisher(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    name: &PublisherName,
) -> Result<Exit, Failure> {
    let path = paths::publisher(name);
    let Some(body) = client.get_if_there(&path, MAX_ANSWER_BYTES)? else {
        let what = format!("{} has no publisher {name}", client.address());
        return Err(Failure::new(Exit::Unknown, what).next("check the spelling"));
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
    let (Some(opened), Some(keyset)) = (&opened, keyset) else {
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
        value["records"] = json!(answer.records);
        Output::print_json(&value)?;
        return Ok(exit);
    }
    let pinned = trust.is_some_and(|trust| trust.is_pinned(name, answer.genesis));
    let mut lines = vec![context.output.paint(name, Tone::Strong)];
    lines.push(format!(
        "   genesis    {}{}",
        answer.genesis,
        if pinned {
            " (pinned in your trust file)"
        } else {
            ""
        }
    ));
    describe_keyset(keyset, &mut |name, text| {
        lines.push(format!("   {name:<10} {}", visible(text)));
    });
    standing(opened, &mut lines);
    lines.push(format!(
        "   records    {}, by the registry's word:",
        answer.records.len()
    ));
    for summary in answer.records.iter().take(MOST_LINES) {
        let version = summary
            .version
            .as_ref()
            .map(|version| format!(" {version}"))
            .unwrap_or_default();
        let line = format!(
            "     {}  {}{version}  ({})",
            summary.record, summary.name, summary.kind
        );
        lines.push(visible(&line));
    }
    if !pinned {
        lines.push(format!(
            "   next:      if the publisher told you this genesis: weighbridge publisher trust {name} {}",
            answer.genesis
        ));
    }
    Output::print(&lines.join("\n"))?;
    Ok(exit)
}
