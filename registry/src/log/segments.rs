//! Segments: the files `commit/<20-digit start index>.seg` that hold commit records one after the other.
//!
//! A segment's name is the index of its first entry. A record is appended and made durable with fdatasync;
//! above 64 MiB, when everything in it is published, the next record starts a new segment, whose folder is fsynced. Reading back after a crash
//! knows two imperfections and refuses every other: a *torn tail* (a last record that was never finished, at
//! the very end of the last segment) and a *superseded tail* (bytes past the point where the next segment
//! starts, left when recovery copied them there and was interrupted).

use std::{
    fs::{self, File, OpenOptions},
    io::Write,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use provenance::merkle::RootHash;

use super::commit::{self, Commit, CommitError, Item, MAGIC, WriterNonce};
use crate::durable::{self, DurableError, io_error};

/// A segment that has this many bytes takes no further record once all of it is published: 64 MiB, read back in well
/// under a second.
const SEGMENT_BYTES: u64 = 64 << 20;

/// Largest segment that is read back: its size, what may be committed and unpublished, and one batch of the largest size.
const MAX_SEGMENT_BYTES: u64 = SEGMENT_BYTES + (64 << 20);

/// Where an entry lies; its payload follows at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Location {
    /// Start index of the segment.
    pub(crate) segment: u64,
    /// Offset of the entry's first byte in it.
    pub(crate) offset: u64,
    /// Bytes of the entry.
    pub(crate) entry_length: u32,
    /// Bytes of the payload.
    pub(crate) payload_length: u32,
}

/// Why the commits cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SegmentError {
    /// The operating system refused.
    #[error(transparent)]
    Durable(#[from] DurableError),
    /// A file that is not a segment.
    #[error("{} is not the name of a segment", path.display())]
    Name {
        /// Which file.
        path: PathBuf,
    },
    /// A segment too large to have been written by this program.
    #[error("the segment {} has {found} bytes; none is larger than {MAX_SEGMENT_BYTES}", path.display())]
    TooLarge {
        /// Which segment.
        path: PathBuf,
        /// Its size in bytes.
        found: u64,
    },
    /// A record that does not read, elsewhere than at the very end.
    #[error("the segment {} is damaged at byte {offset}: {reason}", path.display())]
    Damaged {
        /// Which segment.
        path: PathBuf,
        /// Where the bad record starts.
        offset: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// A gap or an overlap.
    #[error("the segment {} has an entry with index {found} where {expected} belongs", path.display())]
    OutOfOrder {
        /// Which segment.
        path: PathBuf,
        /// Index that belongs there.
        expected: u64,
        /// Index found.
        found: u64,
    },
}

/// What a scan found beyond the records it showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Number of entries in whole records.
    pub(crate) size: u64,
    /// Start index of the last segment.
    pub(crate) last: Option<u64>,
    /// Bytes of the last segment that are whole records.
    pub(crate) valid_bytes: u64,
    /// Whether bytes follow these: a record that was never finished.
    pub(crate) torn: bool,
    /// A segment to be cut to this many bytes, because the next one holds the rest.
    pub(crate) superseded: Option<(u64, u64)>,
}

/// The folder of segments.
#[derive(Debug, Clone)]
pub(crate) struct Segments {
    folder: PathBuf,
}

impl Segments {
    /// Segments in `folder`.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    fn path(&self, start: u64) -> PathBuf {
        self.folder.join(format!("{start:020}.seg"))
    }

    /// Start indices of all segments, ascending.
    fn starts(&self) -> Result<Vec<u64>, SegmentError> {
        durable::remove_leftovers(&self.folder)?;
        let mut starts = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(io_error("list", &self.folder))? {
            let path = entry.map_err(io_error("list", &self.folder))?.path();
            let name = path
                .file_name()
                .and_then(|n| n.to_str())
                .and_then(|n| n.strip_suffix(".seg"));
            let digits = name.filter(|n| n.len() == 20 && n.bytes().all(|b| b.is_ascii_digit()));
            let Some(start) = digits.and_then(|d| d.parse().ok()) else {
                return Err(SegmentError::Name { path });
            };
            starts.push(start);
        }
        starts.sort_unstable();
        Ok(starts)
    }

    /// Reads every record that holds entry `from` or a later one and shows it to `visit`, with the segment it
    /// lies in and the offset of its first byte there. Segments that end before are not opened.
    ///
    /// # Errors
    /// [`SegmentError`], or what `visit` returns.
    pub(crate) fn scan<E: From<SegmentError>>(
        &self,
        from: u64,
        mut visit: impl FnMut(u64, u64, &Commit<'_>) -> Result<(), E>,
    ) -> Result<Scan, E> {
        let mut starts = self.starts()?;
        let skipped = starts.iter().skip(1).take_while(|next| **next <= from).count();
        starts.drain(..skipped);
        let size = if skipped == 0 { 0 } else { starts[0] };
        let mut scan = Scan {
            size,
            last: None,
            valid_bytes: 0,
            torn: false,
            superseded: None,
        };
        for (position, &start) in starts.iter().enumerate() {
            let path = self.path(start);
            if start != scan.size {
                return Err(SegmentError::OutOfOrder {
                    path,
                    expected: scan.size,
                    found: start,
                }
                .into());
            }
            let next = starts.get(position + 1).copied();
            let bytes = read_segment(&path)?;
            let mut at = 0;
            while at < bytes.len() && next.is_none_or(|next| scan.size < next) {
                let offset = at as u64;
                let commit = match commit::decode(&bytes[at..]) {
                    Ok(commit) => commit,
                    Err(error) if next.is_none() && is_torn(error, &bytes[at..]) => break,
                    Err(error) => {
                        return Err(SegmentError::Damaged {
                            path,
                            offset,
                            reason: error.to_string(),
                        }
                        .into());
                    }
                };
                if commit.start != scan.size {
                    let (expected, found) = (scan.size, commit.start);
                    return Err(SegmentError::OutOfOrder {
                        path,
                        expected,
                        found,
                    }
                    .into());
                }
                scan.size += commit.items.len() as u64;
                if scan.size > from {
                    visit(start, offset, &commit)?;
                }
                at += commit.length;
            }
            if at < bytes.len() && next.is_some() {
                if position + 2 != starts.len() {
                    let reason = "bytes follow that belong to the next segment".to_owned();
                    return Err(SegmentError::Damaged {
                        path,
                        offset: at as u64,
                        reason,
                    }
                    .into());
                }
                scan.superseded = Some((start, at as u64));
            }
            (scan.last, scan.valid_bytes) = (Some(start), at as u64);
            scan.torn = next.is_none() && at < bytes.len();
        }
        Ok(scan)
    }

    /// Cuts a segment to its first `length` bytes, durably.
    pub(crate) fn cut(&self, start: u64, length: u64) -> Result<(), SegmentError> {
        let path = self.path(start);
        let file = OpenOptions::new()
            .write(true)
            .open(&path)
            .map_err(io_error("open", &path))?;
        file.set_len(length).map_err(io_error("cut", &path))?;
        file.sync_all().map_err(io_error("fsync", &path))?;
        Ok(())
    }

    /// Writes the records in bytes `[from, to)` of the segment `start`, whose first entry has the index
    /// `first`, anew into a segment of their own, and then cuts the old one before them. A crash in between
    /// leaves a superseded tail.
    pub(crate) fn copy_tail(&self, start: u64, from: u64, to: u64, first: u64) -> Result<(), SegmentError> {
        let bytes = read_segment(&self.path(start))?;
        let range = usize::try_from(from).unwrap_or(usize::MAX)..usize::try_from(to).unwrap_or(usize::MAX);
        let path = self.path(start);
        let reason = "it became shorter while it was read".to_owned();
        let tail = bytes.get(range).ok_or(SegmentError::Damaged {
            path,
            offset: from,
            reason,
        })?;
        durable::replace(&self.path(first), tail)?;
        if first == start {
            Ok(())
        } else {
            self.cut(start, from)
        }
    }

    /// Writes the segments from `start` on anew, each in its place and durably, the last one without what lies behind its first
    /// `last_bytes`. Their records stay where they are.
    pub(crate) fn rewrite(&self, start: u64, last_bytes: u64) -> Result<(), SegmentError> {
        let starts = self.starts()?;
        for &one in starts.iter().filter(|one| **one >= start) {
            let path = self.path(one);
            let mut bytes = read_segment(&path)?;
            if starts.last() == Some(&one) {
                bytes.truncate(usize::try_from(last_bytes).unwrap_or(usize::MAX));
            }
            durable::replace(&path, &bytes)?;
        }
        Ok(())
    }

    /// Reads an entry and its payload back. What they say is checked by the caller.
    pub(crate) fn read(&self, location: Location) -> Result<(Vec<u8>, Vec<u8>), SegmentError> {
        let path = self.path(location.segment);
        let file = File::open(&path).map_err(io_error("open", &path))?;
        let mut entry = vec![0; location.entry_length as usize];
        file.read_exact_at(&mut entry, location.offset)
            .map_err(io_error("read", &path))?;
        let mut payload = vec![0; location.payload_length as usize];
        let offset = location.offset + u64::from(location.entry_length);
        file.read_exact_at(&mut payload, offset)
            .map_err(io_error("read", &path))?;
        Ok((entry, payload))
    }

    /// Reads only the entry.
    pub(crate) fn read_entry(&self, location: Location) -> Result<Vec<u8>, SegmentError> {
        self.read(Location {
            payload_length: 0,
            ..location
        })
        .map(|(entry, _)| entry)
    }
}

fn read_segment(path: &Path) -> Result<Vec<u8>, SegmentError> {
    let found = fs::metadata(path).map_err(io_error("look at", path))?.len();
    if found > MAX_SEGMENT_BYTES {
        return Err(SegmentError::TooLarge {
            path: path.to_owned(),
            found,
        });
    }
    Ok(fs::read(path).map_err(io_error("read", path))?)
}

/// Whether a record that does not read may be one that was never finished: nothing after it reads either. A
/// whole record further on shows that the bad one was damaged later.
fn is_torn(error: CommitError, rest: &[u8]) -> bool {
    if matches!(error, CommitError::Version { .. } | CommitError::Structure) {
        return false;
    }
    let mut later = rest
        .windows(MAGIC.len())
        .enumerate()
        .skip(1)
        .filter(|(_, window)| *window == MAGIC);
    !later.any(|(at, _)| commit::decode(&rest[at..]).is_ok())
}

/// Where one item of a record lies.
pub(crate) fn location(segment: u64, record_offset: u64, item_offset: usize, item: &Item<'_>) -> Location {
    let length =
        |bytes: &[u8]| u32::try_from(bytes.len()).expect("entries and payloads are bounded below 4 GiB");
    Location {
        segment,
        offset: record_offset + item_offset as u64,
        entry_length: length(item.entry),
        payload_length: length(item.payload),
    }
}

/// Appends records. Owned by the sequencer's thread; there is one in a process, and one process on a folder.
#[derive(Debug)]
pub(crate) struct SegmentWriter {
    segments: Segments,
    nonce: WriterNonce,
    current: Option<Current>,
}

#[derive(Debug)]
struct Current {
    start: u64,
    file: File,
    length: u64,
}

impl SegmentWriter {
    /// Goes on after the last record of the last segment, as a scan found it.
    pub(crate) fn resume(
        segments: Segments,
        nonce: WriterNonce,
        last: Option<(u64, u64)>,
    ) -> Result<Self, SegmentError> {
        let open = |(start, length): (u64, u64)| {
            let path = segments.path(start);
            let file = OpenOptions::new()
                .append(true)
                .open(&path)
                .map_err(io_error("open", &path))?;
            Ok::<_, SegmentError>(Current { start, file, length })
        };
        let current = last.map(open).transpose()?;
        let mut writer = Self {
            segments,
            nonce,
            current,
        };
        writer.roll_when_full();
        Ok(writer)
    }

    /// Has the next batch begin a new segment when this one has its size. Called when everything in it is published, so
    /// that what a crash leaves unpublished lies in one segment.
    pub(crate) fn roll_when_full(&mut self) {
        self.current.take_if(|current| current.length >= SEGMENT_BYTES);
    }

    /// Appends one batch and makes it durable. When this returns, the indices are final; when it fails, what
    /// is on disk is unknown and the server stops.
    pub(crate) fn append(
        &mut self,
        start: u64,
        previous: RootHash,
        items: &[Item<'_>],
    ) -> Result<Vec<Location>, SegmentError> {
        let record = commit::encode(start, previous, &self.nonce, items);
        let mut current = match self.current.take() {
            Some(current) => current,
            None => self.create(start)?,
        };
        let path = self.segments.path(current.start);
        current
            .file
            .write_all(&record)
            .map_err(io_error("append to", &path))?;
        current.file.sync_data().map_err(io_error("fdatasync", &path))?;
        let offset = current.length;
        current.length += record.len() as u64;
        let segment = current.start;
        self.current = Some(current);
        let places = commit::offsets(items);
        Ok(items
            .iter()
            .zip(places)
            .map(|(item, at)| location(segment, offset, at, item))
            .collect())
    }

    fn create(&self, start: u64) -> Result<Current, SegmentError> {
        let path = self.segments.path(start);
        let mut options = OpenOptions::new();
        let file = options
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(io_error("create", &path))?;
        durable::sync_folder(&self.segments.folder)?;
        Ok(Current {
            start,
            file,
            length: 0,
        })
    }
}

#[cfg(test)]
mod tests;
