//! `verify-evidence`: whether a file shows that a log contradicted itself. Needs no network.

use std::{fs::File, io::Read as _};

use provenance::{
    checkpoint::Checkpoint,
    evidence::{Evidence, MAX_EVIDENCE_BYTES},
    note::{SignedNote, VerifierKey},
    trust::TrustFile,
};
use serde_json::json;

use super::Context;
use crate::{
    args::EvidenceArgs,
    failure::{Exit, Failure},
    output::Output,
};

/// Checks the file.
pub(super) fn run(context: &Context, args: &EvidenceArgs) -> Result<Exit, Failure> {
    let path = &args.file;
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
    file.take(MAX_EVIDENCE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", path, &error))?;
    let none = |why: &dyn std::fmt::Display| {
        Failure::usage(format!("{} shows nothing about any log", path.display())).why(why)
    };
    let evidence = Evidence::parse(&bytes).map_err(|error| none(&error))?;
    let key = key(context, args, &evidence)?;
    let shown = evidence.judge(&key).map_err(|error| none(&error))?;
    if context.output.json {
        Output::print_json(&json!({
            "v": 1,
            "log": key.to_string(),
            "kind": shown.code(),
            "proved": shown.is_proved(),
            "shows": shown.to_string(),
        }))?;
    } else {
        Output::print(&format!("log    {}\nshows  {shown}", key.name()))?;
    }
    Ok(if shown.is_proved() {
        Exit::LogFault
    } else {
        Exit::Stale
    })
}

/// The key that is named, else the one of the trust file that has the origin of the first view.
fn key(context: &Context, args: &EvidenceArgs, evidence: &Evidence) -> Result<VerifierKey, Failure> {
    if let Some(key) = &args.key {
        return Ok(key.clone());
    }
    let [first, _] = evidence.checkpoints();
    let origin = SignedNote::parse(first)
        .ok()
        .and_then(|note| Checkpoint::parse(note.text()).ok())
        .map(|checkpoint| checkpoint.origin);
    let trust = context.trust()?;
    let known = trust.iter().flat_map(TrustFile::logs);
    let mut known = known.filter(|log| {
        origin
            .as_ref()
            .is_some_and(|origin| log.key.name().as_str() == origin.as_str())
    });
    known.next().map(|log| log.key.clone()).ok_or_else(|| {
        Failure::usage("the log's key is not known")
            .why("no --key was given, and your trust file names no log of the origin in the file")
            .next("give the log's verifier key: --key NAME+ID+KEY, as it stands in a trust file")
    })
}
