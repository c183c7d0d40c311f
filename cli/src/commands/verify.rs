//! `verify`: finds the record of files, proves it, hashes the files and tells the verdict.
//!
//! Every judgement is `provenance::verify`'s; here are only the steps around it. All requests are reads.

use std::{
    cmp::Reverse,
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use provenance::{
    RecordId,
    api::{RecordProof, paths},
    dsse::MAX_PAYLOAD_BYTES,
    lookup::MAX_CANDIDATES,
    trust::TrustFile,
    verify::{self, Identity, Observation, Opened, Report, Scope, Verdict},
};
use serde::Serialize;

use super::Context;
use crate::{
    also::{self, Also, Candidate, Outcome, Promise},
    args::VerifyArgs,
    client::{Client, MAX_ANSWER_BYTES},
    evidence::{Evidence, fetch_sidecars},
    failure::{Exit, Failure},
    find::{Candidates, find_candidates},
    header::sniff,
    observe::observe,
    output::{self, Output},
    report, trust_store,
    walk::{Purpose, Walk, walk},
};

/// The report as programs get it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    also: &'a [Also],
    ignored: &'a [String],
    ignored_files: u64,
}

/// Checks what lies at the path.
pub(super) fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    let found = walk(&args.path, Purpose::Check)?;
    if found.files.is_empty() {
        return Err(
            Failure::usage(format!("{} holds no file to check", args.path.display()))
                .next("name the folder with the model's files, or one file"),
        );
    }
    let candidates = match args.record {
        Some(id) => candidate(&client, trust.as_ref(), id)?.into_iter().collect(),
        None => open_found(context, &client, trust.as_ref(), &found)?,
    };
    let mut outcome = if candidates.is_empty() {
        Outcome {
            report: nothing_on_record(args, &client, &found)?,
            evidence: Evidence::default(),
            also: Vec::new(),
        }
    } else {
        best_report(context, args, &client, &found, candidates)?
    };
    let report = &mut outcome.report;
    report.next = next_step(context, &client, report).or(report.next.take());
    also::settle(&mut outcome);
    if context.output.json {
        Output::print_json(&Told {
            report: &outcome.report,
            also: &outcome.also,
            ignored: &found.ignored,
            ignored_files: found.ignored_files,
        })?;
    } else {
        Output::print(&report::human(&outcome, &found, context.output))?;
    }
    Ok(exit_of(outcome.report.verdict))
}

/// The exit code that a verdict ends with.
pub(super) fn exit_of(verdict: Verdict) -> Exit {
    match verdict {
        Verdict::Authentic | Verdict::Superseded => Exit::Done,
        Verdict::Mismatch => Exit::Mismatch,
        Verdict::Unknown => Exit::Unknown,
        Verdict::Withdrawn | Verdict::Tainted => Exit::Withdrawn,
        Verdict::Stale => Exit::Stale,
        Verdict::Incomplete => Exit::Incomplete,
        Verdict::Unreadable => Exit::Io,
        Verdict::LogFault => Exit::LogFault,
        Verdict::Untrusted => Exit::Untrusted,
    }
}

/// Fetches a record with its proof, and proves it; none when the registry has no such record.
pub(super) fn open_named(
    client: &Client,
    trust: Option<&TrustFile>,
    id: RecordId,
) -> Result<Option<Opened>, Failure> {
    Ok(candidate(client, trust, id)?.map(|candidate| candidate.opened))
}

/// As [`open_named`], with the record's place in the log.
fn candidate(client: &Client, trust: Option<&TrustFile>, id: RecordId) -> Result<Option<Candidate>, Failure> {
    let Some(payload) = client.get_if_there(&paths::record(&id), MAX_PAYLOAD_BYTES as u64)? else {
        return Ok(None);
    };
    let proof: RecordProof = client.get_json(&paths::record_proof(&id))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .map(|now| now.as_secs());
    let opened = verify::open(trust, id, &payload, &proof, now);
    let index = opened.log().map_or(proof.index, |log| log.index);
    Ok(Some(Candidate { opened, index }))
}

fn open_found(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    found: &Walk,
) -> Result<Vec<Candidate>, Failure> {
    let candidates = find_candidates(client, &found.sources())?;
    context.output.note(privacy_note(&candidates));
    let mut opened = Vec::new();
    for id in worth_opening(context, client, trust, candidates.records)? {
        let usable = |one: &Candidate| one.opened.manifest().is_some() || one.opened.fault().is_some();
        opened.extend(candidate(client, trust, id)?.filter(usable));
    }
    Ok(opened)
}

/// The records to open where more share the files than are opened. Here the registry's word is taken; what is opened
/// is proved.
fn worth_opening(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    records: Vec<(RecordId, usize)>,
) -> Result<Vec<RecordId>, Failure> {
    if records.len() <= MAX_CANDIDATES {
        return Ok(records.into_iter().map(|(id, _)| id).collect());
    }
    context.output.note(format!(
        "At least {} records share data with these files; {MAX_CANDIDATES} of them are compared, those of names in your trust file and the oldest first. To compare with another one, name it with --record ID.",
        records.len()
    ));
    let mut ranked = Vec::with_capacity(records.len());
    for (id, shared) in records {
        let path = paths::record_proof(&id);
        if let Some(body) = client.get_if_there(&path, MAX_ANSWER_BYTES as u64)? {
            let proof: RecordProof = client.parse(&path, &body)?;
            let known = trust.is_some_and(|trust| trust.pinned_genesis(&proof.publisher).is_some());
            let index = proof.index;
            ranked.push((
                Promise {
                    known,
                    shared,
                    oldest: Reverse(index),
                },
                id,
            ));
        }
    }
    Ok(also::most_promising(ranked, MAX_CANDIDATES))
}

fn privacy_note(candidates: &Candidates) -> String {
    let Candidates {
        prefixes_sent,
        digits,
        as_of_size,
        ..
    } = candidates;
    let sent = match prefixes_sent {
        0 => "no digest was sent, not even in part: the registry's index is small enough to fetch whole"
            .to_owned(),
        1 => format!("1 prefix of {digits} hex digits was sent to the registry"),
        n => format!("{n} prefixes of {digits} hex digits were sent to the registry"),
    };
    format!(
        "Your files stay on this computer; {sent} (log of {} entries).",
        output::grouped(*as_of_size)
    )
}

/// The report when there is no record to compare with.
fn nothing_on_record(args: &VerifyArgs, client: &Client, found: &Walk) -> Result<Report, Failure> {
    if let Some(id) = args.record {
        let mut report = Report::unknown(None, format!("{} has no record {id}", client.address()));
        report.headline = "No such record".into();
        report.summary = format!("{} has no record {id}; no file was read.", client.address());
        report.next =
            Some("check the id, or leave out --record to look for the record of these files".into());
        return Ok(report);
    }
    let mut junk = None;
    for file in &found.files {
        match sniff(&file.source)? {
            // One sound file in the folder, and the folder is not junk.
            None => return Ok(unknown(None, client)),
            some => junk = junk.or(some),
        }
    }
    Ok(unknown(junk.map(verify::Junk::code), client))
}

fn unknown(junk: Option<&str>, client: &Client) -> Report {
    let mut report = Report::unknown(
        junk,
        format!("{} has no record with these digests", client.address()),
    );
    let told = match junk {
        Some("empty") => Some((
            "The file is empty (0 bytes); e3b0c442… is the hash of nothing. The download never started.",
            "download again",
        )),
        Some("lfs-pointer") => Some(("The file is a Git LFS pointer, not the weights.", "git lfs pull")),
        Some("html") => Some((
            "The file is a web page, saved instead of the model (was the link /blob/ instead of /resolve/?).",
            "download again from the link to the file itself",
        )),
        _ => None,
    };
    if let Some((summary, next)) = told {
        report.summary = summary.into();
        report.next = Some(next.into());
    }
    report
}

/// Hashes once, judges against each candidate, and keeps the report that says most.
fn best_report(
    context: &Context,
    args: &VerifyArgs,
    client: &Client,
    found: &Walk,
    mut candidates: Vec<Candidate>,
) -> Result<Outcome, Failure> {
    let sizes: Vec<_> = found
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.source.stamp.size))
        .collect();
    candidates.sort_by_cached_key(|candidate| Reverse(candidate.rank_unread(&sizes)));
    let mut seen = Observation {
        scope: if found.single_file {
            Scope::SingleFile
        } else {
            Scope::Folder
        },
        files: observe(context.output, args, found, &candidates),
        sidecars: BTreeMap::new(),
        named: args.record.is_some(),
        ignored: found.ignored_files,
        allow_extra: args.allow_extra,
    };
    let announced = candidates.first().map(|candidate| candidate.opened.id());
    let mut judged: Vec<_> = candidates
        .into_iter()
        .map(|candidate| {
            let report = candidate.opened.judge(&seen);
            (candidate.rank(&report, &sizes), candidate, report)
        })
        .collect();
    judged.sort_by(|(a, ..), (b, ..)| b.cmp(a));
    let mut judged = judged.into_iter();
    let (_, best, mut report) = judged
        .next()
        .ok_or_else(|| Failure::usage("there is no record to compare with"))?;
    if announced != Some(best.opened.id()) {
        context.output.note(format!(
            "checking {}  against record {}, which matches better",
            args.path.display(),
            best.opened.id().digest().short()
        ));
    }
    let mut evidence = Evidence::default();
    if let Some(manifest) = best.opened.manifest() {
        let missed = fetch_sidecars(client, manifest, &report, &mut seen.sidecars);
        for failure in missed {
            context
                .output
                .note(format!("a difference cannot be located exactly: {failure}"));
        }
        report = best.opened.judge(&seen);
        evidence = Evidence::of(&report, manifest, &seen);
    }
    let also = judged.filter_map(|(_, candidate, report)| Also::of(&candidate, &report));
    Ok(Outcome {
        report,
        evidence,
        also: also.collect(),
    })
}

/// The next step where a command line has a better one than the report, which also serves pages.
fn next_step(context: &Context, client: &Client, report: &Report) -> Option<String> {
    match (report.verdict, report.subtype.as_deref()) {
        (Verdict::Untrusted, Some("no-log")) => Some(trust_store::how_to_choose_a_log(
            &context.global,
            Some(client.address()),
        )),
        (Verdict::Untrusted, _) => {
            let identity = report.identity.as_ref()?;
            let Identity {
                publisher,
                genesis,
                other_genesis: None,
                ..
            } = identity
            else {
                return None;
            };
            let pin = context.again(&format!("publisher trust {publisher} {genesis}"));
            Some(format!("if you know {publisher} by this genesis: {pin}"))
        }
        (Verdict::LogFault, Some("checkpoint")) => Some(format!(
            "check that {} and your trust file belong to the same log (--registry, --trust); if they do, keep this output and ask the log's operator",
            client.address()
        )),
        (Verdict::LogFault, _) => {
            Some("keep this output and ask the log's operator; do not use the record".into())
        }
        (Verdict::Stale, Some("no-witness")) => {
            Some("if you accept a log without witnesses, write \"max_age none\" in your trust file".into())
        }
        _ => None,
    }
}
