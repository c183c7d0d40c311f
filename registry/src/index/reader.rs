//! Reading rows that lie in several places: in each run, and in memory.

use std::{
    ops::Range,
    rc::Rc,
    sync::{Arc, PoisonError, RwLock},
};

use super::{
    IndexError,
    memtable::Memtable,
    rows,
    run::{self, Row},
    store_error,
};

/// Rows that are copied from memory together: between two copies the follower may add more.
const COPIED_ROWS: usize = 64;

/// The index as it was at one moment, for one question. It holds nothing up: runs never change, and rows in memory are copied a few at a
/// time. Rows of entries that came later may be among them, never some rows of an entry without the others that are read after them.
pub(super) struct Reader {
    /// Where the runs are.
    pub(super) db: sled::Db,
    /// Index of the first entry of each run.
    pub(super) runs: Arc<Vec<u64>>,
    /// Index of the first entry that was in no run.
    pub(super) start: u64,
    /// Rows of the entries from there on.
    pub(super) fresh: Arc<RwLock<Memtable>>,
}

/// Rows in the order of their keys.
type Rows<'a> = Box<dyn Iterator<Item = Result<Row, IndexError>> + 'a>;

impl Reader {
    /// The sources of rows, oldest entries first: the runs, and the memory after them.
    pub(super) fn sources(&self) -> Range<usize> {
        0..self.runs.len() + 1
    }

    /// The source of the rows that belong to the entry at `index` alone.
    pub(super) fn source_of(&self, index: u64) -> usize {
        let begun = self.runs.partition_point(|start| *start <= index);
        if index < self.start {
            begun.saturating_sub(1)
        } else {
            begun
        }
    }

    /// The rows of each of these sources, one source after the other: those from the key `from` on, up to the first whose key
    /// does not fit.
    pub(super) fn rows<'r>(
        &'r self,
        sources: impl Iterator<Item = usize> + 'r,
        from: Vec<u8>,
        fits: impl Fn(&[u8]) -> bool + 'r,
    ) -> impl Iterator<Item = Result<Row, IndexError>> + 'r {
        let fits = Rc::new(fits);
        sources.flat_map(move |source| {
            let fits = Rc::clone(&fits);
            self.from(source, from.clone())
                .take_while(move |row| row.as_ref().map_or(true, |(key, _)| fits(key)))
        })
    }

    /// The rows of these sources whose keys begin with `prefix`.
    pub(super) fn with_prefix<'r>(
        &'r self,
        sources: impl Iterator<Item = usize> + 'r,
        prefix: &'r [u8],
    ) -> impl Iterator<Item = Result<Row, IndexError>> + 'r {
        self.rows(sources, prefix.to_vec(), |key| key.starts_with(prefix))
    }

    fn from(&self, source: usize, from: Vec<u8>) -> Rows<'_> {
        let Some(&start) = self.runs.get(source) else {
            return Box::new(self.in_memory(from).map(Ok));
        };
        Box::new(
            self.blocks(start, &from)
                .flat_map(|block| match block {
                    Ok(rows) => rows.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                })
                .skip_while(move |row| row.as_ref().is_ok_and(|(key, _)| *key < from)),
        )
    }

    fn in_memory(&self, from: Vec<u8>) -> impl Iterator<Item = Row> {
        let mut next = Some(from);
        let copies = std::iter::from_fn(move || {
            let fresh = self.fresh.read().unwrap_or_else(PoisonError::into_inner);
            let rows = fresh.rows().range(next.take()?..).take(COPIED_ROWS);
            let copied: Vec<Row> = rows.map(|(key, value)| (key.clone(), value.clone())).collect();
            // The least key after the last one.
            next = copied.last().map(|(key, _)| [key.as_slice(), &[0]].concat());
            Some(copied)
        });
        copies.flatten()
    }

    /// The blocks of a run from the one on that may hold the key `from`: the first whose last key is not before it.
    fn blocks(&self, start: u64, from: &[u8]) -> impl Iterator<Item = Result<Vec<Row>, IndexError>> + use<> {
        let run = rows::block_of_run(start, b"");
        self.db
            .range(rows::block_of_run(start, from)..)
            .take_while(move |block| block.as_ref().map_or(true, |(key, _)| key.starts_with(&run)))
            .map(|block| {
                let (_, block) = block.map_err(store_error("reading"))?;
                run::unpack(&block).ok_or(IndexError::Row { prefix: 'b' })
            })
    }
}
