//! Reading the start of a file of which more can be had: every step forward either succeeds, asks for more, or says
//! that there is no more.

use super::{GgufError, MAX_GGUF_HEADER_BYTES};

/// Why reading does not go on.
pub(super) enum Stop {
    /// This many bytes from the start of the file are needed.
    Needs(u64),
    /// No number of bytes would do.
    Bad(GgufError),
}

/// A place in the start of a file.
pub(super) struct Cursor<'a> {
    head: &'a [u8],
    /// Never behind the end of the file.
    at: u64,
    size: u64,
}

impl<'a> Cursor<'a> {
    /// At the start of a file of `size` bytes, of which `head` is there.
    pub(super) fn new(head: &'a [u8], size: u64) -> Self {
        Self { head, at: 0, size }
    }

    pub(super) fn at(&self) -> u64 {
        self.at
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    /// Refuses a number over its limit.
    pub(super) fn check(&self, what: &'static str, found: u64, limit: u64) -> Result<(), Stop> {
        if found <= limit {
            return Ok(());
        }
        Err(Stop::Bad(GgufError::Limit {
            at: self.at,
            what,
            found,
            limit,
        }))
    }

    /// Refuses a header that the file, or the limit of headers, has no room for. Gives where the next `length` bytes
    /// end.
    pub(super) fn must_have(&self, length: u64) -> Result<u64, Stop> {
        let needed = self.at.saturating_add(length);
        if needed > self.size {
            let size = self.size;
            return Err(Stop::Bad(GgufError::Truncated { needed, size }));
        }
        if needed > MAX_GGUF_HEADER_BYTES {
            return Err(Stop::Bad(GgufError::TooLong { needed }));
        }
        Ok(needed)
    }

    /// The next `length` bytes.
    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], Stop> {
        let end = self.must_have(length)?;
        let range = usize::try_from(self.at).ok().zip(usize::try_from(end).ok());
        let Some(bytes) = range.and_then(|(from, to)| self.head.get(from..to)) else {
            return Err(Stop::Needs(end));
        };
        self.at = end;
        Ok(bytes)
    }

    /// Steps over `length` bytes, which need not be there.
    pub(super) fn skip(&mut self, length: u64) -> Result<(), Stop> {
        self.at = self.must_have(length)?;
        Ok(())
    }

    pub(super) fn u32(&mut self) -> Result<u32, Stop> {
        let bytes = self.take(4)?.iter().rev();
        Ok(bytes.fold(0, |value, &byte| value << 8 | u32::from(byte)))
    }

    pub(super) fn u64(&mut self) -> Result<u64, Stop> {
        let bytes = self.take(8)?.iter().rev();
        Ok(bytes.fold(0, |value, &byte| value << 8 | u64::from(byte)))
    }

    /// A string of at most `limit` bytes; `what` names its length.
    pub(super) fn string(&mut self, what: &'static str, limit: u64) -> Result<&'a [u8], Stop> {
        let length = self.u64()?;
        self.check(what, length, limit)?;
        self.take(length)
    }
}
