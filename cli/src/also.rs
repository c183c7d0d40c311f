//! Several records of the same files: which one is judged, and what is said of the others.
//!
//! Anyone may record bytes that another published. So a publisher whom the user trusts goes first, then the record
//! that matches best, and among equals the oldest: a newcomer never takes the place of the one it copied.

use std::{cmp::Reverse, collections::BTreeSet};

use provenance::{
    PublisherName, RecordId, lookup,
    path::visible,
    statement::title,
    verify::{Identity, Opened, Report, Verdict, grade},
};
use serde::Serialize;

use crate::{
    evidence::Evidence,
    supply::{SuppliedBy, Supplier},
};

/// A record that the files may belong to.
#[derive(Debug)]
pub(crate) struct Candidate {
    /// The record, proved as far as the trust file allows.
    pub(crate) opened: Opened,
    /// Its place in the log: the proved one, else the word of who supplied it.
    pub(crate) index: u64,
    /// Who supplied it.
    pub(crate) supplier: Supplier,
}

/// How well a candidate fits; the greatest is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    grade: u8,
    trusted: bool,
    same_bytes: u64,
    fit: Option<(usize, usize)>,
    oldest: Reverse<u64>,
}

/// How good a view of the log proves a record; the greatest is kept. One of a larger tree goes before a smaller one that
/// looks better, which may hide a withdrawal; whether it is confirmed as current only tells equal ones apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ViewRank {
    holds: bool,
    /// Entries of the tree; 0 where none is proved.
    pub(crate) size: u64,
    current: bool,
}

impl Candidate {
    /// How good the view is that proves the record.
    pub(crate) fn view(&self) -> ViewRank {
        ViewRank {
            holds: self.opened.fault().is_none(),
            size: self.opened.log().map_or(0, |log| log.size),
            current: self.opened.stale().is_none(),
        }
    }

    /// What can be said before a byte is read: whom the user trusts, names and sizes, age.
    pub(crate) fn rank_unread(&self, sizes: &[(&str, u64)]) -> Rank {
        Rank {
            grade: 0,
            trusted: self.opened.is_trusted(),
            same_bytes: 0,
            fit: self.fit(sizes),
            oldest: Reverse(self.index),
        }
    }

    /// As [`Self::rank_unread`], with the report on the bytes.
    pub(crate) fn rank(&self, report: &Report, sizes: &[(&str, u64)]) -> Rank {
        let trusted = self.opened.is_trusted();
        Rank {
            grade: grade(report.verdict, report.subtype.is_some(), trusted),
            same_bytes: report.files.iter().map(|file| file.same_bytes).sum(),
            ..self.rank_unread(sizes)
        }
    }

    fn fit(&self, sizes: &[(&str, u64)]) -> Option<(usize, usize)> {
        let manifest = self.opened.manifest()?;
        Some(lookup::fit(manifest, sizes))
    }
}

/// What a run found, and what else is on record.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The report about the record that was judged.
    pub(crate) report: Report,
    /// What the differences look like.
    pub(crate) evidence: Evidence,
    /// The other candidates, the best first.
    pub(crate) also: Vec<Also>,
    /// Who supplied the record that was judged; none where there is none.
    pub(crate) source: Option<SuppliedBy>,
}

/// A record beside the one that was judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Also {
    /// The record.
    pub(crate) record: RecordId,
    /// Its publisher.
    pub(crate) publisher: PublisherName,
    /// The artifact's name.
    pub(crate) name: Option<String>,
    /// The artifact's version.
    pub(crate) version: Option<String>,
    /// What the files are, by this record.
    pub(crate) verdict: Verdict,
    /// Place of its entry in the log.
    pub(crate) index: u64,
    /// Its publisher's genesis id; only when proved.
    pub(crate) genesis: Option<RecordId>,
    /// The genesis that the trust file has for that name, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) other_genesis: Option<RecordId>,
}

impl Also {
    /// What is told of a candidate that was not chosen; none when nothing of it could be read.
    pub(crate) fn of(candidate: &Candidate, report: &Report) -> Option<Self> {
        let identity = report.identity.as_ref();
        Some(Self {
            record: candidate.opened.id(),
            publisher: report.publisher.clone()?,
            name: report.name.clone(),
            version: report.version.clone(),
            verdict: report.verdict,
            index: candidate.index,
            genesis: identity.map(|identity| identity.genesis),
            other_genesis: identity.and_then(|identity| identity.other_genesis),
        })
    }

    /// One line for people.
    pub(crate) fn line(&self) -> String {
        let name = self.name.as_deref().unwrap_or("a record");
        let name = title(name, self.version.as_deref());
        let differs = match self.verdict {
            Verdict::Mismatch | Verdict::Unknown => " (its files differ)",
            Verdict::Incomplete => " (files of it are missing)",
            Verdict::LogFault => " (it does not hold)",
            _ => "",
        };
        let text = format!("{name} by {}, record {}{differs}", self.publisher, self.record);
        visible(&text)
    }
}

/// Who says the same about bytes that nobody the user trusts has recorded.
pub(crate) fn claimants(outcome: &Outcome) -> Vec<(&PublisherName, RecordId)> {
    let mut known = BTreeSet::new();
    let judged = outcome.report.identity.iter();
    let judged = judged
        .map(|identity| (&identity.publisher, identity.genesis))
        .filter(|_| outcome.report.verdict == Verdict::Untrusted);
    let others = outcome
        .also
        .iter()
        .filter(|also| also.verdict == Verdict::Untrusted);
    judged
        .chain(others.filter_map(|also| Some((&also.publisher, also.genesis?))))
        .filter(|claim| known.insert(*claim))
        .collect()
}

/// A publisher whose name the trust file pins with another genesis: name, here, pinned.
fn conflict(outcome: &Outcome) -> Option<(&PublisherName, RecordId, RecordId)> {
    let of = |identity: &Identity| Some((identity.genesis, identity.other_genesis?));
    let judged = outcome
        .report
        .identity
        .as_ref()
        .and_then(|identity| of(identity).map(|(here, pinned)| (&identity.publisher, here, pinned)));
    judged.or_else(|| {
        let mut others = outcome.also.iter();
        others.find_map(|also| Some((&also.publisher, also.genesis?, also.other_genesis?)))
    })
}

/// Words where more than one record has a say: the report knows its own only.
pub(crate) fn settle(outcome: &mut Outcome) {
    let is_trusted = |report: &Report| report.identity.as_ref().is_some_and(|identity| identity.pinned);
    if is_trusted(&outcome.report) || outcome.also.is_empty() {
        return;
    }
    let claims = claimants(outcome);
    let mut summary = outcome.report.summary.clone();
    let mut next = outcome.report.next.clone();
    if claims.len() > 1 {
        let names: BTreeSet<_> = claims.iter().map(|(name, _)| name.as_str()).collect();
        let names: Vec<_> = names.into_iter().collect();
        summary = format!(
            "Several publishers recorded these bytes, and you have not said whom to trust for this model: {}.",
            names.join(", ")
        );
        next = Some(
            "several publishers recorded these bytes; trust the one whose genesis you got from the publisher itself"
                .into(),
        );
    }
    // About the judged record alone, the report has said it already.
    let told = claims.len() < 2 && outcome.report.verdict == Verdict::Untrusted;
    let own = outcome.report.identity.as_ref().map(|identity| identity.genesis);
    let conflict = conflict(outcome).filter(|(_, here, _)| !(told && own == Some(*here)));
    if let Some((name, here, pinned)) = conflict {
        summary = format!(
            "The name {name} is on record here with another genesis id than the one that you trust ({} here, {} in \
             your trust file): name and genesis id make a publisher. {summary}",
            here.digest().short(),
            pinned.digest().short()
        );
        next = Some(format!(
            "ask {name}, outside this registry, which genesis id is theirs"
        ));
    }
    outcome.report.summary = summary;
    outcome.report.next = next;
}

#[cfg(test)]
mod tests;
