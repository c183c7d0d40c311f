//! `verify`: finds the record of files, proves it, hashes the files and tells the verdict.
//!
//! Every judgement is `provenance::verify`'s; here are only the steps around it. All requests are reads.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use provenance::{
    RecordId,
    api::{RecordProof, paths},
    dsse::MAX_PAYLOAD_BYTES,
    lookup,
    trust::TrustFile,
    verify::{self, Observation, Opened, Report, Scope, Verdict},
};

use super::Context;
use crate::{
    args::VerifyArgs,
    client::Client,
    evidence::{Evidence, fetch_sidecars},
    failure::{Exit, Failure},
    find::{Candidates, find_candidates},
    header::sniff,
    observe::observe,
    output::{self, Output},
    report, trust_store,
    walk::{Purpose, Walk, walk},
};

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
    let opened = match args.record {
        Some(id) => open_named(&client, trust.as_ref(), id)?.into_iter().collect(),
        None => open_found(context, &client, trust.as_ref(), &found)?,
    };
    let (mut report, evidence) = if opened.is_empty() {
        (nothing_on_record(args, &client, &found)?, Evidence::default())
    } else {
        best_report(context, args, &client, &found, &opened)?
    };
    report.next = next_step(context, &client, &report).or(report.next);
    if context.output.json {
        Output::print_json(&report)?;
    } else {
        Output::print(&report::human(&report, &evidence, context.output))?;
    }
    Ok(exit_of(report.verdict))
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
    let Some(payload) = client.get_if_there(&paths::record(&id), MAX_PAYLOAD_BYTES as u64)? else {
        return Ok(None);
    };
    let proof: RecordProof = client.get_json(&paths::record_proof(&id))?;
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .map(|now| now.as_secs());
    Ok(Some(verify::open(trust, id, &payload, &proof, now)))
}

fn open_found(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    found: &Walk,
) -> Result<Vec<Opened>, Failure> {
    let candidates = find_candidates(client, &found.sources())?;
    context.output.note(privacy_note(&candidates));
    let mut opened = Vec::new();
    for id in candidates.records {
        opened.extend(
            open_named(client, trust, id)?.filter(|one| one.manifest().is_some() || one.fault().is_some()),
        );
    }
    Ok(opened)
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
    opened: &[Opened],
) -> Result<(Report, Evidence), Failure> {
    let mut seen = Observation {
        scope: if found.single_file {
            Scope::SingleFile
        } else {
            Scope::Folder
        },
        files: observe(context.output, args, found, opened),
        sidecars: BTreeMap::new(),
        named: args.record.is_some(),
        allow_extra: args.allow_extra,
    };
    let sizes: Vec<_> = found
        .files
        .iter()
        .map(|file| (file.path.as_str(), file.source.stamp.size))
        .collect();
    let rank = |one: &&Opened| {
        let report = one.judge(&seen);
        let same: u64 = report.files.iter().map(|file| file.same_bytes).sum();
        let fit = one.manifest().map(|manifest| lookup::fit(manifest, &sizes));
        let newest = one.log().map(|log| log.index);
        (grade(&report, one.is_trusted()), same, fit, newest)
    };
    let best = opened.iter().max_by_key(rank);
    let best = best.ok_or_else(|| Failure::usage("there is no record to compare with"))?;
    let Some(manifest) = best.manifest() else {
        return Ok((best.judge(&seen), Evidence::default()));
    };
    let missed = fetch_sidecars(client, manifest, &best.judge(&seen), &mut seen.sidecars);
    for failure in missed {
        context
            .output
            .note(format!("a difference cannot be located exactly: {failure}"));
    }
    let report = best.judge(&seen);
    let evidence = Evidence::of(&report, manifest, &seen);
    Ok((report, evidence))
}

/// How much a report says; higher is kept. A trusted record goes before others even where it differs and another
/// matches: else whoever records a changed copy under a name of their own could turn "changed" into "not trusted".
/// A record that does not hold is told only when there is nothing else to tell.
fn grade(report: &Report, trusted: bool) -> u8 {
    match (report.verdict, trusted) {
        (Verdict::Authentic | Verdict::Superseded, _) => 10,
        (Verdict::Withdrawn | Verdict::Tainted, _) => 9,
        (Verdict::Stale, true) => 8,
        (Verdict::Incomplete, true) => 7,
        (Verdict::Mismatch, true) => 6,
        (Verdict::Stale | Verdict::Untrusted, _) => 5,
        (Verdict::Incomplete, false) => 4,
        (Verdict::Mismatch | Verdict::Unreadable, _) => 3,
        (Verdict::LogFault, _) => 1,
        (Verdict::Unknown, _) => u8::from(report.subtype.is_some()) * 2,
    }
}

/// The next step where a command line has a better one than the report, which also serves pages.
fn next_step(context: &Context, client: &Client, report: &Report) -> Option<String> {
    match (report.verdict, report.subtype.as_deref()?) {
        (Verdict::Untrusted, "no-log") => Some(how_to_choose_a_log(context, client)),
        (Verdict::LogFault, "checkpoint") => Some(format!(
            "check that {} and your trust file belong to the same log (--registry, --trust); if they do, keep this output and ask the log's operator",
            client.address()
        )),
        (Verdict::LogFault, _) => {
            Some("keep this output and ask the log's operator; do not use the record".into())
        }
        (Verdict::Stale, "no-witness") => {
            Some("if you accept a log without witnesses, write \"max_age none\" in your trust file".into())
        }
        _ => None,
    }
}

fn how_to_choose_a_log(context: &Context, client: &Client) -> String {
    let place = trust_store::path(&context.global)
        .map_or_else(|_| "a file".into(), |path| path.display().to_string());
    format!(
        "save the trust file of a log you trust as {place}, or name one with --trust FILE. This registry offers its own at {}{}; compare its log key with one you got elsewhere",
        client.address(),
        paths::TRUST
    )
}
