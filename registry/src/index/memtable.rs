//! The rows of the newest entries, in memory until there are enough of them for a run.

use std::collections::BTreeMap;

use provenance::{Sha256Digest, api::Summary, lookup::KeyKind, record::Record};

use super::rows;

/// Rows by key, as a run will have them.
#[derive(Debug, Default)]
pub(super) struct Memtable {
    rows: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
}

impl Memtable {
    /// All rows in the order of their keys.
    pub(super) fn rows(&self) -> &BTreeMap<Vec<u8>, Vec<u8>> {
        &self.rows
    }

    /// Bytes of all keys and values.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes a row.
    pub(super) fn insert(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.bytes += value.len();
        let length = key.len();
        match self.rows.insert(key, value) {
            Some(before) => self.bytes -= before.len(),
            None => self.bytes += length,
        }
    }

    /// Changes the number in a row; one that is not there is nought.
    fn change(&mut self, key: Vec<u8>, change: impl FnOnce(u64) -> u64) {
        let before = self.rows.get(&key).and_then(|value| rows::number(value));
        let number = change(before.unwrap_or_default());
        self.insert(key, number.to_be_bytes().to_vec());
    }

    fn add_to_set(&mut self, set: &[u8], index: u64) {
        self.change(rows::bitmap_of(set, index), |bits| bits | rows::bit(index));
    }

    /// Takes in a record whose first leaf is at `index`; gives how many lookup keys it has.
    pub(super) fn record(&mut self, index: u64, record: &Record) -> u64 {
        let mut keys = 0;
        let summary = summary(index, record);
        let texts = [
            summary.name.as_str(),
            summary.publisher.as_str(),
            summary.version.as_deref().unwrap_or(""),
        ];
        for word in rows::words(texts) {
            self.add_to_set(&rows::word(&word), index);
        }
        self.add_to_set(&rows::publisher_records(&summary.publisher), index);
        self.change(rows::publisher_count(&summary.publisher), |count| count + 1);
        self.insert(rows::summary(index), rows::summary_value(&summary));
        let mut key = |digest: Sha256Digest, kind, file: u32, path: &str| {
            // An empty file says nothing: half of all artifacts have one.
            if digest != Sha256Digest::OF_NOTHING {
                keys += 1;
                self.insert(
                    rows::lookup(&digest, kind, index, file),
                    rows::lookup_value(&record.id, path),
                );
            }
        };
        if let Some(artifact) = record.artifact() {
            key(artifact.dir_hash1, KeyKind::DirHash1, 0, "");
            key(artifact.oms_root, KeyKind::OmsRoot, 0, "");
        }
        let Some(manifest) = record.manifest() else {
            return keys;
        };
        key(manifest.oms_root_components(), KeyKind::OmsRootComponents, 0, "");
        for (number, file) in (0_u32..).zip(manifest.files()) {
            let path = file.path.as_str();
            key(file.sha256, KeyKind::File, number, path);
            key(file.chunks, KeyKind::Chunks, number, path);
            key(file.chunk0, KeyKind::Chunk0, number, path);
            if let Some(tensors) = file.tensors {
                key(tensors, KeyKind::Tensors, number, path);
            }
        }
        keys
    }
}

fn summary(index: u64, record: &Record) -> Summary {
    let subject = record.artifact().map(|a| &a.subject);
    Summary {
        record: record.id,
        publisher: record.publisher().clone(),
        kind: record.kind.clone(),
        index,
        name: subject.map_or_else(|| record.publisher().to_string(), |s| s.name.clone()),
        version: subject.and_then(|s| s.version.clone()),
        // One row for all that are taken in together has it.
        taken_at: None,
    }
}
