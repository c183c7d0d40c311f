//! What the bundles say, and what they leave for the registry to say.

use std::{collections::BTreeSet, path::PathBuf};

use provenance::{RecordId, bundle::MAX_BUNDLE_BYTES, path::visible, verify::Verdict};

use super::{Judged, Run};
use crate::{
    also::{Candidate, Outcome},
    bundle_file::{MOST_BESIDE, about},
    failure::Failure,
    output,
    supply::Supplier,
};

/// Bundles that were not tried and are told by name.
const NAMED_UNTRIED: usize = 8;

/// What a bundle leaves for the registry to say.
enum Open {
    /// Whether its view of the log is current.
    Current(RecordId),
    /// Whether another record fits better.
    Fitting,
    /// Whether a publisher whom the user trusts recorded the files too.
    Trusted,
}

impl Run<'_> {
    /// Records of the bundles that these files may belong to.
    pub(super) fn try_bundles(&self) -> Result<Vec<Candidate>, Failure> {
        let trust = self.trust.as_ref();
        match self.args.record {
            Some(id) => Ok(self.bundles.open_named(trust, id)),
            None => Ok(self.bundles.open_found(trust, &self.found.sources())?),
        }
    }

    /// Says of every bundle that is of no use here why it is passed over.
    pub(super) fn tell_broken(&self, faulty: &[Candidate], answered: bool) {
        let output = self.context.output;
        for failure in &self.bundles.broken {
            output.note(format!("{failure}. It is passed over."));
        }
        let mut told = BTreeSet::new();
        for candidate in faulty {
            let (Supplier::Bundle(at), Some(standing)) = (candidate.supplier, candidate.opened.fault())
            else {
                continue;
            };
            if told.insert(at) {
                output.note(format!(
                    "the bundle {} does not hold: {}. It is passed over.",
                    self.bundles.path(at).display(),
                    standing.detail
                ));
            }
        }
        if !self.bundles.untried.is_empty() {
            output.note(untried(&self.bundles.untried));
        }
        if !answered && faulty.is_empty() {
            for (path, bundle) in &self.bundles.read {
                let what = match self.args.record {
                    Some(id) => format!("does not hold record {id}"),
                    None => "holds no record of these files".into(),
                };
                output.note(format!(
                    "the bundle {} {what} (it is of {})",
                    path.display(),
                    about(bundle)
                ));
            }
        }
    }

    /// What a bundle said, completed by the registry where it is allowed and could say more.
    pub(super) fn complete(&mut self, judged: Judged) -> Result<Outcome, Failure> {
        let open = if self.args.offline {
            None
        } else {
            self.left_open(&judged)
        };
        let Some(open) = open else {
            self.context
                .output
                .note("Your files stay on this computer; nothing was sent: a bundle answers.");
            return Ok(judged.outcome);
        };
        let (why, asked) = match open {
            Open::Current(id) => (
                "the bundle's view of the log is not confirmed as current",
                self.fresh(id),
            ),
            Open::Fitting => (
                "these files are not what the bundle's record lists",
                self.ask_registry(),
            ),
            Open::Trusted => (
                "the bundle's record is not by a publisher that you trust",
                self.ask_registry(),
            ),
        };
        let found = match asked {
            Ok(found) => found,
            Err(failure) => {
                self.context.output.note(format!(
                    "{why}, and the registry could not be asked: {failure}. The bundle's word stands."
                ));
                return Ok(judged.outcome);
            }
        };
        let (faulty, found): (Vec<_>, Vec<_>) =
            (found.into_iter()).partition(|candidate| candidate.opened.fault().is_some());
        if let Some(standing) = faulty.first().and_then(|candidate| candidate.opened.fault()) {
            self.context.output.note(format!(
                "{why}, but what the registry served for it does not hold: {}. The bundle's word stands.",
                standing.detail
            ));
        }
        if found.is_empty() {
            return Ok(judged.outcome);
        }
        self.context
            .output
            .note(format!("{why}; the registry was asked too."));
        let candidates = self.join(judged.candidates, found);
        Ok(self.judge(candidates)?.outcome)
    }

    /// What the best of the bundles' records leaves for the registry to say. A view that is not confirmed may be an old
    /// one, files that differ may be those of another record, and what a stranger recorded may be on record by someone
    /// whom the user trusts too: whoever hands out the files may have laid the stranger's bundle beside them.
    fn left_open(&self, judged: &Judged) -> Option<Open> {
        let best = &judged.candidates.first()?.opened;
        let report = &judged.outcome.report;
        let free = self.args.record.is_none();
        match report.verdict {
            Verdict::Stale if best.is_trusted() || !free => Some(Open::Current(best.id())),
            Verdict::Mismatch | Verdict::Incomplete | Verdict::Unknown | Verdict::LogFault => {
                free.then_some(Open::Fitting)
            }
            // Where no log is trusted nobody is, whatever the registry says.
            _ if report.subtype.as_deref() == Some("no-log") => None,
            _ => (free && !best.is_trusted()).then_some(Open::Trusted),
        }
    }

    /// The bundles' candidates with what the registry gave, of each record the better view.
    fn join(&self, mut known: Vec<Candidate>, found: Vec<Candidate>) -> Vec<Candidate> {
        for new in found {
            let same = known.iter_mut().find(|old| old.opened.id() == new.opened.id());
            match same {
                None => known.push(new),
                Some(old) if new.view() >= old.view() => *old = new,
                Some(old) => {
                    let (before, now) = (old.view().size, new.view().size);
                    if now < before {
                        self.context.output.note(format!(
                            "the registry shows a log of {} entries, but a bundle proves one of {}: its answer for record {} is older, \
                             and the bundle's word stands",
                            output::grouped(now),
                            output::grouped(before),
                            new.opened.id()
                        ));
                    }
                }
            }
        }
        known
    }
}

/// Which bundles were not tried, and why.
fn untried(paths: &[PathBuf]) -> String {
    let named = paths.iter().take(NAMED_UNTRIED);
    let named: Vec<_> = named.map(|path| path.display().to_string()).collect();
    let more = match paths.len().saturating_sub(NAMED_UNTRIED) {
        0 => String::new(),
        more => format!(" and {} more", output::grouped(more as u64)),
    };
    format!(
        "of the bundles beside the files at most {MOST_BESIDE} are tried, and {} of them together; not tried: {}{more}. Name \
         one with --bundle FILE",
        output::bytes(MAX_BUNDLE_BYTES as u64),
        visible(&named.join(", "))
    )
}
