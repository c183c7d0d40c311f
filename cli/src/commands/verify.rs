//! `verify`: finds the record of files, proves it, hashes the files and tells the verdict.
//!
//! Every judgement is `provenance::verify`'s; here are only the steps around it. Bundles are tried first; the registry
//! is asked, with reads only, for what they leave open.

mod bundles;
mod registry;
mod unknown;

use std::{cmp::Reverse, collections::BTreeMap};

use provenance::{
    RecordId,
    folder::View,
    lookup::{Index, Sent},
    trust::TrustFile,
    verify::{Identity, Observation, Opened, Report, Scope, Verdict},
};
use serde::Serialize;

use super::Context;
use crate::{
    also::{self, Also, Candidate, Outcome},
    args::VerifyArgs,
    bundle_file::about,
    client::Client,
    evidence::{Evidence, get_sidecars},
    failure::{Exit, Failure},
    observe::observe,
    output::Output,
    place::{Place, look},
    report,
    supply::{self, Bundles, SuppliedBy, Supplier},
    trust_store,
    walk::Walk,
};

/// The report as programs get it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    source: &'a Option<SuppliedBy>,
    also: &'a [Also],
    ignored: &'a [String],
    ignored_files: u64,
    /// What kind of folder it is, when it is one that another tool keeps.
    #[serde(skip_serializing_if = "Option::is_none")]
    recognised: Option<&'a str>,
    /// Downloads into it that are not finished.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    unfinished: &'a [String],
    /// What the registry was told of the files, when they were looked up.
    #[serde(skip_serializing_if = "Option::is_none")]
    lookup: Option<Sent>,
}

/// Checks what lies at the path.
pub(super) fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, Failure> {
    let trust = context.trust()?;
    let Place { found, view } = look(context.output, &args.path, args.record.is_some())?;
    let single_file = found.scope == Scope::SingleFile;
    let bundles = Bundles::gather(args.bundle.as_deref(), &args.path, single_file)?;
    if found.files.is_empty() {
        return Err(nothing_to_check(args, &bundles));
    }
    let client = if args.offline {
        None
    } else {
        context.registry(trust.as_ref())?
    };
    let seen = Observation {
        scope: found.scope,
        files: Vec::new(),
        sidecars: BTreeMap::new(),
        named: args.record.is_some(),
        ignored: found.ignored_files,
        allow_extra: args.allow_extra,
    };
    let mut run = Run {
        context,
        args,
        trust,
        found,
        view,
        bundles,
        client,
        asked: false,
        index: None,
        seen,
    };
    let mut outcome = run.outcome()?;
    let next = run.next_step(&outcome);
    let report = &mut outcome.report;
    report.next = next.or(report.next.take());
    also::settle(&mut outcome);
    if context.output.json {
        Output::print_json(&Told {
            report: &outcome.report,
            source: &outcome.source,
            also: &outcome.also,
            ignored: &run.found.ignored,
            ignored_files: run.found.ignored_files,
            recognised: run.view.told.as_deref(),
            unfinished: &run.view.unfinished,
            lookup: run.index.as_ref().map(Index::sent),
        })?;
    } else {
        Output::print(&report::human(&outcome, &run.found, context.output))?;
    }
    Ok(exit_of(outcome.report.verdict))
}

fn nothing_to_check(args: &VerifyArgs, bundles: &Bundles) -> Failure {
    let path = args.path.display();
    let failure = Failure::usage(format!("{path} holds no file to check"));
    match bundles.read.first() {
        Some((file, bundle)) => failure
            .why(format!(
                "there is only the bundle {} of {}",
                file.display(),
                about(bundle)
            ))
            .next("name the folder in which the model's files and the bundle lie"),
        None => failure.next("name the folder with the model's files, or one file"),
    }
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
    Ok(supply::fetch(client, trust, id)?.map(|candidate| candidate.opened))
}

/// One check: what is at hand, and what was read and asked so far.
struct Run<'a> {
    context: &'a Context,
    args: &'a VerifyArgs,
    trust: Option<TrustFile>,
    found: Walk,
    view: View,
    bundles: Bundles,
    /// None when no request may be made, or no registry is known.
    client: Option<Client>,
    /// Whether a request was made.
    asked: bool,
    /// The registry's index as far as it was read, once files were looked up.
    index: Option<Index>,
    seen: Observation,
}

/// What the best of several records says of the files.
struct Judged {
    outcome: Outcome,
    /// All of them, the best first.
    candidates: Vec<Candidate>,
}

impl Run<'_> {
    /// Tries the bundles, and asks the registry for what they leave open.
    fn outcome(&mut self) -> Result<Outcome, Failure> {
        let (faulty, held): (Vec<_>, Vec<_>) =
            (self.try_bundles()?.into_iter()).partition(|candidate| candidate.opened.fault().is_some());
        self.tell_broken(&faulty, !held.is_empty());
        if !held.is_empty() {
            let judged = self.judge(held)?;
            return self.complete(judged);
        }
        if self.args.offline {
            return self.nothing_offline(faulty);
        }
        let candidates = self.ask_registry()?;
        if candidates.is_empty() {
            return self.nothing_on_record();
        }
        Ok(self.judge(candidates)?.outcome)
    }

    /// Hashes what was not hashed yet, judges against each candidate, and puts the one that says most first.
    fn judge(&mut self, mut candidates: Vec<Candidate>) -> Result<Judged, Failure> {
        let output = self.context.output;
        let files = self.found.files.iter();
        let sizes: Vec<_> = files
            .map(|file| (file.path.as_str(), file.source.stamp.size))
            .collect();
        candidates.sort_by_cached_key(|candidate| Reverse(candidate.rank_unread(&sizes)));
        let before = std::mem::take(&mut self.seen.files);
        self.seen.files = observe(output, self.args, &self.found, &candidates, before);
        let announced = candidates.first().map(|candidate| candidate.opened.id());
        let mut judged: Vec<_> = candidates
            .into_iter()
            .map(|candidate| {
                let report = candidate.opened.judge(&self.seen);
                (candidate.rank(&report, &sizes), candidate, report)
            })
            .collect();
        judged.sort_by(|(a, ..), (b, ..)| b.cmp(a));
        let Some((_, best, report)) = judged.first() else {
            return Err(Failure::usage("there is no record to compare with"));
        };
        if announced != Some(best.opened.id()) {
            output.note(format!(
                "checking {}  against record {}, which matches better",
                self.args.path.display(),
                best.opened.id().digest().short()
            ));
        }
        let (mut report, mut evidence) = (report.clone(), Evidence::default());
        if let Some(manifest) = best.opened.manifest() {
            let mut sidecars = std::mem::take(&mut self.seen.sidecars);
            let get = |digest: &_, limit| self.sidecar(best.supplier, digest, limit);
            for failure in get_sidecars(&get, manifest, &report, &mut sidecars) {
                output.note(format!("a difference cannot be located exactly: {failure}"));
            }
            self.seen.sidecars = sidecars;
            report = best.opened.judge(&self.seen);
            evidence = Evidence::of(&report, manifest, &self.seen);
        }
        let also = judged.iter().skip(1);
        let also = also
            .filter_map(|(_, candidate, report)| Also::of(candidate, report))
            .collect();
        let outcome = Outcome {
            report,
            evidence,
            also,
            source: self.supplied_by(best.supplier),
        };
        let candidates = judged.into_iter().map(|(_, candidate, _)| candidate).collect();
        Ok(Judged { outcome, candidates })
    }

    fn supplied_by(&self, supplier: Supplier) -> Option<SuppliedBy> {
        let (kind, at) = match supplier {
            Supplier::Bundle(at) => ("bundle", self.bundles.path(at).display().to_string()),
            Supplier::Registry => ("registry", self.client.as_ref()?.address().to_owned()),
        };
        Some(SuppliedBy {
            kind,
            at,
            registry_asked: self.asked,
        })
    }

    /// The next step where a command line has a better one than the report, which also serves pages.
    fn next_step(&self, outcome: &Outcome) -> Option<String> {
        let (context, report) = (self.context, &outcome.report);
        let client = self.client.as_ref().map(Client::address);
        let refresh = || {
            let bundle = outcome.source.as_ref().filter(|source| source.kind == "bundle")?;
            let command = format!("bundle --refresh {}", crate::shell::quoted(&bundle.at));
            Some(format!(
                "renew the bundle, with a network: {}",
                context.again(&command)
            ))
        };
        match (report.verdict, report.subtype.as_deref()) {
            (Verdict::Untrusted, Some("no-log")) => {
                Some(trust_store::how_to_choose_a_log(&context.global, client))
            }
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
            (Verdict::LogFault, Some("checkpoint")) => {
                let whose = outcome.source.as_ref().map(|source| source.at.as_str());
                Some(format!(
                    "check that {} and your trust file belong to the same log (--registry, --trust); if they do, keep this output and ask the log's operator",
                    whose.unwrap_or("the registry")
                ))
            }
            (Verdict::LogFault, _) => {
                Some("keep this output and ask the log's operator; do not use the record".into())
            }
            (Verdict::Stale, Some("no-witness")) => Some(
                "if you accept a log without witnesses, write \"max_age none\" in your trust file".into(),
            ),
            (Verdict::Stale, Some("old" | "quorum" | "withheld")) => refresh(),
            _ => None,
        }
    }
}
