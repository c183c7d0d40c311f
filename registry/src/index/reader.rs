//! Reading rows that lie in several places: in each run, and in memory.

use std::{ops::Range, rc::Rc, sync::RwLockReadGuard};

use super::{
    IndexError, Shelf, rows,
    run::{self, Row},
    store_error,
};

/// The index as it is at one moment; nothing is added while there is one.
pub(super) struct Reader<'a> {
    pub(super) db: &'a sled::Db,
    pub(super) shelf: RwLockReadGuard<'a, Shelf>,
}

/// Rows in the order of their keys.
type Rows<'a> = Box<dyn Iterator<Item = Result<Row, IndexError>> + 'a>;

impl Reader<'_> {
    /// The places where rows lie, oldest entries first: the runs, and the memory after them.
    pub(super) fn places(&self) -> Range<usize> {
        0..self.shelf.runs.len() + 1
    }

    /// The place of the rows that belong to the entry at `index` alone.
    pub(super) fn place_of(&self, index: u64) -> usize {
        let in_runs = index < self.shelf.start();
        let begun = self.shelf.runs.partition_point(|start| *start <= index);
        if in_runs { begun.saturating_sub(1) } else { begun }
    }

    /// The rows of each of these places, one place after the other: those from the key `from` on, up to the first whose key does
    /// not fit.
    pub(super) fn rows<'r>(
        &'r self,
        places: impl Iterator<Item = usize> + 'r,
        from: Vec<u8>,
        fits: impl Fn(&[u8]) -> bool + 'r,
    ) -> impl Iterator<Item = Result<Row, IndexError>> + 'r {
        let fits = Rc::new(fits);
        places.flat_map(move |place| {
            let fits = Rc::clone(&fits);
            self.from(place, from.clone())
                .take_while(move |row| row.as_ref().map_or(true, |(key, _)| fits(key)))
        })
    }

    /// The rows of these places whose keys begin with `prefix`.
    pub(super) fn with_prefix<'r>(
        &'r self,
        places: impl Iterator<Item = usize> + 'r,
        prefix: &'r [u8],
    ) -> impl Iterator<Item = Result<Row, IndexError>> + 'r {
        self.rows(places, prefix.to_vec(), |key| key.starts_with(prefix))
    }

    fn from(&self, place: usize, from: Vec<u8>) -> Rows<'_> {
        let Some(&start) = self.shelf.runs.get(place) else {
            let rows = self.shelf.fresh.rows().range(from..);
            return Box::new(rows.map(|(key, value)| Ok((key.clone(), value.clone()))));
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
