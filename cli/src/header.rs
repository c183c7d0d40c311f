//! Reads the first bytes of a file: what it looks like, and what the header of a weights file says.

use provenance::{
    tensor::{Header, HeaderError, Layout, read_header},
    verify::Junk,
};

use crate::source::{HashError, Source, read_range};

/// What a weights file's own header says. As much of the file is read as the header needs, at most 64 MiB. The inner
/// error says why it does not read as one.
///
/// # Errors
/// [`HashError`] when the file cannot be read.
pub(crate) fn read_layout(source: &Source) -> Result<Result<Layout, HeaderError>, HashError> {
    let mut head = Vec::new();
    loop {
        match read_header(&head, source.stamp.size) {
            Ok(Header::Read(layout)) => return Ok(Ok(layout)),
            Ok(Header::Needs(bytes)) => head.extend(read_range(source, head.len() as u64..bytes)?),
            Err(error) => return Ok(Err(error)),
        }
    }
}

/// Whether a file is plainly not what its name promises: empty, a Git LFS pointer, a web page, another format.
///
/// # Errors
/// [`HashError`] when the file cannot be read.
pub(crate) fn sniff(source: &Source) -> Result<Option<Junk>, HashError> {
    let size = source.stamp.size;
    let first = read_range(source, 0..size.min(Junk::SNIFF_BYTES as u64))?;
    Ok(Junk::sniff(&source.path.to_string_lossy(), &first, size))
}
