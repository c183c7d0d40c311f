//! Reads the first bytes of a file: what it looks like, and the tensor index of a safetensors header.

use provenance::{
    tensor::{TensorError, TensorIndex, safetensors_header_length},
    verify::Junk,
};

use crate::source::{HashError, Source, read_range};

/// The tensor index in a safetensors file's own header, of at most 16 MiB. The inner error says why the file does
/// not read as one.
///
/// # Errors
/// [`HashError`] when the file cannot be read.
pub(crate) fn read_tensor_index(source: &Source) -> Result<Result<TensorIndex, TensorError>, HashError> {
    let size = source.stamp.size;
    let first = read_range(source, 0..size.min(8))?;
    let length = match safetensors_header_length(&first, size) {
        Ok(length) => length,
        Err(error) => return Ok(Err(error)),
    };
    let head = read_range(source, 0..8 + length)?;
    Ok(TensorIndex::from_safetensors(&head, size))
}

/// Whether a file is plainly not what its name promises: empty, a Git LFS pointer, a web page.
///
/// # Errors
/// [`HashError`] when the file cannot be read.
pub(crate) fn sniff(source: &Source) -> Result<Option<Junk>, HashError> {
    let size = source.stamp.size;
    let first = read_range(source, 0..size.min(Junk::SNIFF_BYTES as u64))?;
    Ok(Junk::sniff(&first, size))
}
