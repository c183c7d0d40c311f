//! A record, as it was proved.

use provenance::{
    keyset::Keyset,
    manifest::ManifestFile,
    path::visible,
    record::{Body, Record},
    statement::Input,
    verify::{Check, Opened},
};
use serde_json::{Value, json};

use super::MOST_LINES;
use crate::{
    commands::Context,
    failure::{Exit, Failure},
    output::{self, Output, Tone},
};

/// Shows one record: what it says, where it stands, and every check.
pub(super) fn show_record(context: &Context, opened: &Opened) -> Result<Exit, Failure> {
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

/// Whether the record holds and is trusted, in one line.
pub(super) fn headline(context: &Context, opened: &Opened) -> String {
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
        fact("what", &subject.title());
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

/// Who may sign, and how many it takes.
pub(super) fn describe_keyset(keyset: &Keyset, fact: &mut dyn FnMut(&str, &str)) {
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

/// Identity, place in the log, and what is wrong or open.
pub(super) fn standing(opened: &Opened, lines: &mut Vec<String>) {
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

/// Everything about a record, for programs.
pub(super) fn record_json(opened: &Opened) -> Value {
    let record = opened.record();
    let artifact = record.and_then(Record::artifact);
    let files = opened.manifest().map(|manifest| {
        let one = |file: &ManifestFile| {
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
            let input = |input: &Input| json!({ "role": input.role, "record": input.record, "dir_hash1": input.dir_hash1 });
            let inputs: Vec<_> = provenance.run.inputs.iter().map(input).collect();
            json!({ "stage": provenance.run.stage, "inputs": inputs, "metrics": provenance.run.metrics })
        }
        Body::Keyset(keyset) => json!(keyset),
        _ => Value::Null,
    }
}
