//! Records that could be the one for the files at hand, and which of them is meant.

use provenance::{
    RecordId, lookup,
    manifest::Manifest,
    order::sort_by,
    path::visible,
    record::Record,
    verify::{Identity, Opened},
};

use crate::plan::Plan;

/// A record that could be the one for these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The record.
    pub(crate) record: RecordId,
    /// Its place in the log: the proved one, else the registry's word.
    pub(crate) index: u64,
    /// The artifact's name, made visible.
    pub(crate) name: String,
    /// The artifact's version.
    pub(crate) version: Option<String>,
    /// Its publisher.
    pub(crate) publisher: String,
    /// Its publisher's genesis; only when proved.
    pub(crate) genesis: Option<RecordId>,
    /// Whether the record holds and its publisher is pinned.
    pub(crate) trusted: bool,
    /// Whether the record fails a check of its own.
    pub(crate) faulty: bool,
    /// Files it lists.
    pub(crate) listed: usize,
    /// Listed files that are here under their name and size.
    pub(crate) fitting: usize,
    /// Listed files that are here under their name.
    pub(crate) named: usize,
}

impl Candidate {
    /// Describes an opened record beside the files at hand; `None` when it holds and lists no files. A record
    /// that does not hold is described as far as it could be read: the verdict about it is a fault. `index` is the
    /// registry's word for its place in the log.
    pub(crate) fn of(opened: &Opened, index: u64, plan: &Plan) -> Option<Self> {
        let faulty = opened.fault().is_some();
        let files = opened.manifest().map_or(&[][..], Manifest::files);
        if files.is_empty() && !faulty {
            return None;
        }
        let seen: Vec<(&str, u64)> = plan.files.iter().map(|f| (f.path.as_str(), f.size)).collect();
        let (fitting, named) = opened
            .manifest()
            .map_or((0, 0), |manifest| lookup::fit(manifest, &seen));
        let record = opened.record();
        let subject = record
            .and_then(Record::artifact)
            .map(|artifact| &artifact.subject);
        Some(Self {
            record: opened.id(),
            index: opened.log().map_or(index, |log| log.index),
            name: subject.map_or_else(|| "a record".to_owned(), |s| visible(&s.name)),
            version: subject.and_then(|s| s.version.as_deref()).map(visible),
            publisher: record.map_or_else(
                || "nobody known".to_owned(),
                |record| record.publisher().to_string(),
            ),
            genesis: opened.identity().map(|Identity { genesis, .. }| *genesis),
            trusted: opened.is_trusted(),
            faulty,
            listed: files.len(),
            fitting,
            named,
        })
    }

    /// `acme/minilm 1.0`.
    pub(crate) fn title(&self) -> String {
        provenance::statement::title(&self.name, self.version.as_deref())
    }

    /// `acme/minilm 1.0 by acme.example`.
    pub(crate) fn by(&self) -> String {
        format!("{} by {}", self.title(), self.publisher)
    }

    fn rank(&self) -> (bool, bool, usize, usize) {
        (!self.faulty, self.trusted, self.fitting, self.named)
    }
}

/// Sorts candidates and what goes with each by what can be said before a byte is read: the best first, the oldest
/// first among equals. Says whether the first is clearly the best.
pub(crate) fn choose<T>(candidates: &mut [(Candidate, T)]) -> bool {
    sort_by(candidates, |(a, _), (b, _)| {
        b.rank().cmp(&a.rank()).then(a.index.cmp(&b.index))
    });
    match candidates {
        [] => false,
        [_] => true,
        [(first, _), (second, _), ..] => first.rank() > second.rank(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record of three files.
    pub(crate) fn candidate(n: u8, trusted: bool, fitting: usize) -> Candidate {
        Candidate {
            record: RecordId::of_payload(&[n]),
            index: u64::from(n),
            name: "acme/minilm".into(),
            version: Some("1.0".into()),
            publisher: "acme.example".into(),
            genesis: None,
            trusted,
            faulty: false,
            listed: 3,
            fitting,
            named: fitting,
        }
    }

    #[test]
    fn a_trusted_record_goes_before_a_better_fitting_stranger() {
        let mut candidates = [candidate(1, false, 3), candidate(2, true, 2)].map(|it| (it, ()));
        assert!(choose(&mut candidates));
        assert!(candidates[0].0.trusted);
    }

    #[test]
    fn a_record_that_does_not_hold_comes_last() {
        let mut candidates = [
            Candidate {
                faulty: true,
                ..candidate(1, false, 3)
            },
            candidate(2, false, 1),
        ]
        .map(|it| (it, ()));
        assert!(choose(&mut candidates));
        assert!(!candidates[0].0.faulty);
    }

    #[test]
    fn of_equal_ones_none_is_clearly_the_best_and_the_oldest_comes_first() {
        let mut candidates = [candidate(2, false, 3), candidate(1, false, 3)].map(|it| (it, ()));
        assert!(!choose(&mut candidates));
        assert_eq!(candidates[0].0.index, 1);
        assert!(!choose::<()>(&mut []));
    }
}
