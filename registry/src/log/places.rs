//! Where every committed entry lies, and which leaves a record has: in memory, computed from the commits. Receipts and the
//! recognition of repeated records need nothing else, so neither waits for the index nor suffers when it is damaged.

use std::collections::{HashMap, hash_map::Entry};

use provenance::RecordId;

use super::segments::Location;

/// The places of all entries: about 100 bytes for each.
#[derive(Debug, Default)]
pub(crate) struct Places {
    /// By log index.
    locations: Vec<Location>,
    /// Index of each record's first leaf.
    first: HashMap<RecordId, u64>,
    /// Further leaves, of the few records that several holders signed one after the other.
    further: HashMap<RecordId, Vec<u64>>,
}

impl Places {
    /// Takes in the next entry.
    pub(crate) fn push(&mut self, record: RecordId, location: Location) {
        let index = self.locations.len() as u64;
        self.locations.push(location);
        match self.first.entry(record) {
            Entry::Vacant(first) => drop(first.insert(index)),
            Entry::Occupied(_) => self.further.entry(record).or_default().push(index),
        }
    }

    /// Where an entry lies; none when there is none yet.
    pub(crate) fn location(&self, index: u64) -> Option<Location> {
        self.locations.get(usize::try_from(index).ok()?).copied()
    }

    /// Index of a record's first leaf.
    pub(crate) fn first(&self, record: &RecordId) -> Option<u64> {
        self.first.get(record).copied()
    }

    /// Whether the entry at `index`, which is about `record`, is the first one about it.
    pub(crate) fn is_first(&self, record: &RecordId, index: u64) -> bool {
        self.first(record) == Some(index)
    }

    /// Indices of all leaves of a record, ascending.
    pub(crate) fn leaves(&self, record: &RecordId) -> Vec<u64> {
        let further = self.further.get(record).into_iter().flatten().copied();
        self.first(record).into_iter().chain(further).collect()
    }

    /// The entries from `first` on were copied to the segment `to`, `by` bytes nearer to its beginning.
    pub(crate) fn moved(&mut self, first: u64, to: u64, by: u64) {
        let from = usize::try_from(first).unwrap_or(usize::MAX);
        for location in self.locations.iter_mut().skip(from) {
            location.segment = to;
            location.offset -= by;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(offset: u64) -> Location {
        Location {
            segment: 0,
            offset,
            entry_length: 1,
            payload_length: 2,
        }
    }

    #[test]
    fn leaves_are_found_by_record_and_entries_by_index() {
        let (one, two) = (RecordId::of_payload(b"1"), RecordId::of_payload(b"2"));
        let mut places = Places::default();
        for (at, record) in (0..).zip([one, two, one, one]) {
            places.push(record, location(100 * at));
        }
        assert_eq!(places.leaves(&one), [0, 2, 3]);
        assert_eq!((places.first(&two), places.leaves(&two)), (Some(1), vec![1]));
        assert_eq!(places.leaves(&RecordId::of_payload(b"3")), Vec::<u64>::new());
        assert_eq!(places.location(4), None);
        places.moved(2, 2, 200);
        let offsets: Vec<_> = (0..4)
            .map(|at| places.location(at).unwrap())
            .map(|l| (l.segment, l.offset))
            .collect();
        assert_eq!(offsets, [(0, 0), (0, 100), (2, 0), (2, 100)]);
    }
}
