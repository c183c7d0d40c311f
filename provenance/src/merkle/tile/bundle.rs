//! Entry bundles: the entries behind a level 0 tile, each after its length as big-endian u16.

/// Largest bundle in bytes: 256 entries of 65,535 with their lengths.
pub const MAX_BUNDLE_BYTES: usize = 256 * (65_535 + 2);

/// Why entries do not make a bundle, or bytes are not one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A length prefix or entry that is cut short.
    #[error("the bundle ends within entry {position}")]
    Truncated {
        /// Position of the entry, from 0.
        position: usize,
    },
    /// More or fewer entries than the path says.
    #[error("the bundle has {found} entries or more, wanted {expected}")]
    Count {
        /// Entries wanted.
        expected: usize,
        /// Entries found.
        found: usize,
    },
    /// An entry over 65,535 bytes.
    #[error("an entry of {found} bytes does not fit a bundle (at most 65,535)")]
    EntryTooLong {
        /// Bytes found.
        found: usize,
    },
}

/// Writes a bundle.
///
/// # Errors
/// [`BundleError::EntryTooLong`].
pub fn encode_bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    for entry in entries {
        let length =
            u16::try_from(entry.len()).map_err(|_| BundleError::EntryTooLong { found: entry.len() })?;
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Ok(bytes)
}

/// Reads a bundle of exactly `width` entries.
///
/// # Errors
/// [`BundleError`].
pub fn decode_bundle(bytes: &[u8], width: u16) -> Result<Vec<Vec<u8>>, BundleError> {
    let expected = usize::from(width);
    let mut entries = Vec::with_capacity(expected);
    let mut rest = bytes;
    while !rest.is_empty() {
        let position = entries.len();
        if position == expected {
            return Err(BundleError::Count {
                expected,
                found: position + 1,
            });
        }
        let truncated = BundleError::Truncated { position };
        let (length, after) = rest.split_first_chunk::<2>().ok_or(truncated.clone())?;
        let (entry, after) = after
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(truncated)?;
        entries.push(entry.to_vec());
        rest = after;
    }
    if entries.len() != expected {
        return Err(BundleError::Count {
            expected,
            found: entries.len(),
        });
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bundles_round_trip_and_are_exact() {
        let entries: [&[u8]; 3] = [b"a", b"", b"ccc"];
        let bytes = encode_bundle(entries).unwrap();
        assert_eq!(decode_bundle(&bytes, 3).unwrap(), entries);
        assert_eq!(
            decode_bundle(&bytes, 2),
            Err(BundleError::Count {
                expected: 2,
                found: 3
            })
        );
        assert_eq!(
            decode_bundle(&bytes, 4),
            Err(BundleError::Count {
                expected: 4,
                found: 3
            })
        );
        assert_eq!(
            decode_bundle(&bytes[..bytes.len() - 1], 3),
            Err(BundleError::Truncated { position: 2 })
        );
        assert_eq!(
            decode_bundle(&[0], 1),
            Err(BundleError::Truncated { position: 0 })
        );
        assert!(encode_bundle([vec![0u8; 65_536].as_slice()]).is_err());
    }
}
