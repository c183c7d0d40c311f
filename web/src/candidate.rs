//! Records that could be the one for the files at hand, and which of them is meant.

use provenance::{
    RecordId, lookup, manifest::Manifest, order::sort_by, path::visible, record::Record, verify::Opened,
};

use crate::plan::Plan;

/// A record that could be the one for these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    /// The record.
    pub(crate) record: RecordId,
    /// The artifact's name, made visible.
    pub(crate) name: String,
    /// The artifact's version.
    pub(crate) version: Option<String>,
    /// Its publisher.
    pub(crate) publisher: String,
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
    /// that does not hold is described as far as it could be read: the verdict about it is a fault.
    pub(crate) fn of(opened: &Opened, plan: &Plan) -> Option<Self> {
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
            name: subject.map_or_else(|| "a record".to_owned(), |s| visible(&s.name)),
            version: subject.and_then(|s| s.version.as_deref()).map(visible),
            publisher: record.map_or_else(
                || "nobody known".to_owned(),
                |record| record.publisher().to_string(),
            ),
            trusted: opened.is_trusted(),
            faulty,
            listed: files.len(),
            fitting,
            named,
        })
    }

    /// `acme/minilm 1.0`.
    pub(crate) fn title(&self) -> String {
        match &self.version {
            Some(version) => format!("{} {version}", self.name),
            None => self.name.clone(),
        }
    }

    fn rank(&self) -> (bool, bool, usize, usize) {
        (!self.faulty, self.trusted, self.fitting, self.named)
    }
}

/// Sorts candidates, best first, and says whether the first is clearly the best.
pub(crate) fn choose(candidates: &mut [Candidate]) -> bool {
    let better = |a: &Candidate, b: &Candidate| b.rank().cmp(&a.rank()).then(a.record.cmp(&b.record));
    sort_by(candidates, better);
    match candidates {
        [] => false,
        [_] => true,
        [first, second, ..] => first.rank() > second.rank(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record of three files.
    pub(crate) fn candidate(n: u8, trusted: bool, fitting: usize) -> Candidate {
        Candidate {
            record: RecordId::of_payload(&[n]),
            name: "acme/minilm".into(),
            version: Some("1.0".into()),
            publisher: "acme.example".into(),
            trusted,
            faulty: false,
            listed: 3,
            fitting,
            named: fitting,
        }
    }

    #[test]
    fn a_trusted_record_goes_before_a_better_fitting_stranger() {
        let mut candidates = [candidate(1, false, 3), candidate(2, true, 2)];
        assert!(choose(&mut candidates));
        assert!(candidates[0].trusted);
    }

    #[test]
    fn a_record_that_does_not_hold_comes_last() {
        let mut candidates = [
            Candidate {
                faulty: true,
                ..candidate(1, false, 3)
            },
            candidate(2, false, 1),
        ];
        assert!(choose(&mut candidates));
        assert!(!candidates[0].faulty);
    }

    #[test]
    fn equal_strangers_are_left_to_the_visitor() {
        assert!(!choose(&mut [candidate(1, false, 3), candidate(2, false, 3)]));
        assert!(!choose(&mut []));
    }
}
