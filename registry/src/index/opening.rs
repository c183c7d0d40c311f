//! Reading the index when it is opened: all of it once, and refusing what is not whole.

use std::{
    collections::BTreeMap,
    sync::{Arc, RwLock},
};

use super::{
    IndexError, Shelf,
    memtable::Memtable,
    rows,
    run::{Run, Sealing},
    store_error,
};

/// Reads every row in sled once: which runs there are, whether all of them are whole, and when the entries after them were taken
/// in. What a crash left of a run that was never finished is removed.
pub(super) fn read_all(db: &sled::Db, log: &str) -> Result<Shelf, IndexError> {
    let row_error = |prefix: u8| IndexError::Row {
        prefix: char::from(prefix),
    };
    let get = |key| db.get(key).map_err(store_error("reading"));
    let found = get(rows::VERSION)?.and_then(|value| rows::number(&value));
    let found = found.unwrap_or_default();
    if found != rows::LAYOUT {
        return Err(IndexError::Layout { found });
    }
    let found = get(rows::LOG)?.unwrap_or_default();
    if *found != *log.as_bytes() {
        let found = String::from_utf8_lossy(&found).into_owned();
        return Err(IndexError::Log { found });
    }
    let mut shelf = Shelf::default();
    let mut runs = Vec::new();
    let mut blocks = BTreeMap::<u64, Sealing>::new();
    for row in db.iter() {
        let (key, value) = row.map_err(store_error("reading"))?;
        let prefix = key.first().copied().unwrap_or_default();
        let start = || rows::start(&key).ok_or_else(|| row_error(prefix));
        match (prefix, &*key) {
            (b'b', _) => blocks.entry(start()?).or_default().block(&key, &value),
            (b'd', _) | (_, rows::LOG | rows::VERSION) => {}
            // After all blocks, by the order of prefixes.
            (b'r', _) => {
                let start = start()?;
                let follows = blocks.remove(&start).filter(|_| start == shelf.start);
                let run = follows.and_then(|blocks| Run::read(&value, blocks));
                let run = run.ok_or(IndexError::Run { start })?;
                runs.push(start);
                shelf.start = run.edge.size().get();
                (shelf.edge, shelf.keys) = (run.edge, run.keys);
            }
            _ => return Err(row_error(prefix)),
        }
    }
    for start in blocks.into_keys() {
        if start != shelf.start {
            return Err(IndexError::Run { start });
        }
        remove_all(db, &rows::block_of_run(start, b""), |_| true)?;
    }
    shelf.runs = Arc::new(runs);
    let (fresh, timed) = times(db, shelf.start)?;
    shelf.fresh = Arc::new(RwLock::new(fresh));
    shelf.timed = timed;
    Ok(shelf)
}

/// When entries from `start` on were taken in, and up to which entry that is known. Those of entries that are in runs, which
/// have them, are removed.
fn times(db: &sled::Db, start: u64) -> Result<(Memtable, u64), IndexError> {
    remove_all(db, rows::TAKEN, |value| {
        rows::taken_read(value).is_some_and(|(end, _)| end <= start)
    })?;
    let mut rows_in_memory = Memtable::default();
    let mut found = Vec::new();
    for row in db.scan_prefix(rows::TAKEN) {
        let (key, value) = row.map_err(store_error("reading"))?;
        let read = || Some((rows::taken_from(&key)?, rows::taken_read(&value)?.0));
        found.push(read().ok_or(IndexError::Row { prefix: 'd' })?);
        rows_in_memory.insert(key.to_vec(), value.to_vec());
    }
    // Their keys are inverted. The first may have begun in the last run.
    let mut timed = start;
    for (from, end) in found.into_iter().rev() {
        if from > timed || end <= timed {
            return Err(IndexError::Time { index: timed });
        }
        timed = end;
    }
    Ok((rows_in_memory, timed))
}

/// Removes the rows whose keys begin with `prefix` and whose values are so.
pub(super) fn remove_all(
    db: &sled::Db,
    prefix: &[u8],
    are: impl Fn(&[u8]) -> bool,
) -> Result<(), IndexError> {
    for row in db.scan_prefix(prefix) {
        let (key, value) = row.map_err(store_error("reading"))?;
        if are(&value) {
            db.remove(key).map_err(store_error("writing"))?;
        }
    }
    Ok(())
}
