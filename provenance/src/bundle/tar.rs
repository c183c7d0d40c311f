//! The one form of tar that a bundle has: POSIX ustar, regular files only, every field but name and size constant.
//!
//! One function makes headers, for writing and for reading: a header that is read has to be the one that would be
//! written for its name and size. So there is nothing to interpret, and no field in which anything could hide.

use super::fault::{BundleError, Fault};

/// Bytes of a block: headers have one, members are padded to whole ones.
pub(super) const BLOCK: usize = 512;

/// Longest name in bytes, the length of its field. Longer ones would need the prefix field, which stays empty.
pub(super) const MAX_NAME: usize = 100;

const MODE: &[u8] = b"0000644\0";
const ZERO: &[u8] = b"0000000\0";
const SIZE: usize = 124;
const SIZE_DIGITS: usize = 11;
const MODIFIED: &[u8] = b"00000000000\0";
const CHECKSUM: usize = 148;
const MAGIC: &[u8] = b"ustar\x0000";
const MAGIC_AT: usize = 257;

/// What every form of tar that POSIX knows of has at [`MAGIC_AT`].
const USTAR: &[u8] = b"ustar";

/// Where each field begins.
const FIELDS: [(usize, &str); 13] = [
    (0, "name"),
    (100, "mode"),
    (108, "uid"),
    (116, "gid"),
    (SIZE, "size"),
    (136, "modification time"),
    (CHECKSUM, "checksum"),
    (156, "type"),
    (157, "link name"),
    (MAGIC_AT, "magic and version"),
    (265, "user and group name"),
    (329, "device numbers"),
    (345, "prefix"),
];

/// The header of a member; its name has at most [`MAX_NAME`] bytes.
fn header(name: &str, size: usize) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(100, MODE);
    put(108, ZERO);
    put(116, ZERO);
    put(SIZE, &octal::<SIZE_DIGITS>(size));
    put(136, MODIFIED);
    put(CHECKSUM, b"        ");
    put(156, b"0");
    put(MAGIC_AT, MAGIC);
    let sum: usize = block.iter().map(|byte| usize::from(*byte)).sum();
    block[CHECKSUM..CHECKSUM + 6].copy_from_slice(&octal::<6>(sum));
    block[CHECKSUM + 6] = 0;
    block
}

fn octal<const DIGITS: usize>(mut number: usize) -> [u8; DIGITS] {
    let mut digits = [b'0'; DIGITS];
    for digit in digits.iter_mut().rev() {
        *digit = b"01234567"[number % 8];
        number /= 8;
    }
    digits
}

/// Bytes from the end of a member of `size` bytes to the next block.
fn padding(size: usize) -> usize {
    size.wrapping_neg() % BLOCK
}

/// Appends a member.
pub(super) fn write(archive: &mut Vec<u8>, name: &str, data: &[u8]) {
    archive.extend_from_slice(&header(name, data.len()));
    archive.extend_from_slice(data);
    archive.resize(archive.len() + padding(data.len()), 0);
}

/// Appends the two empty blocks that end an archive.
pub(super) fn finish(archive: &mut Vec<u8>) {
    archive.resize(archive.len() + 2 * BLOCK, 0);
}

/// A member as it stands in the archive.
pub(super) struct TarMember<'a> {
    /// Its name: printable ASCII.
    pub(super) name: &'a str,
    /// Where its header begins.
    pub(super) at: usize,
    /// Its bytes.
    pub(super) data: &'a [u8],
}

/// Reads the members of `archive` one after the other; each name is greater than the one before.
pub(super) struct TarReader<'a> {
    archive: &'a [u8],
    at: usize,
    last: &'a str,
}

impl<'a> TarReader<'a> {
    pub(super) fn new(archive: &'a [u8]) -> Self {
        Self {
            archive,
            at: 0,
            last: "",
        }
    }

    /// The next member; none at a proper end.
    pub(super) fn next(&mut self) -> Result<Option<TarMember<'a>>, BundleError> {
        let at = self.at;
        let wrong = |name: &str, at, fault| Err(BundleError::new(name, at, fault));
        let rest = &self.archive[at..];
        let ends_at_once = rest.first_chunk() == Some(&[0; BLOCK]);
        if at == 0 && !ends_at_once && rest.get(MAGIC_AT..MAGIC_AT + USTAR.len()) != Some(USTAR) {
            return wrong("", at, Fault::NoArchive);
        }
        let Some((block, after)) = rest.split_first_chunk::<BLOCK>() else {
            return wrong("", at, Fault::Cut);
        };
        if block[0] == 0 {
            return if rest.len() == 2 * BLOCK && rest.iter().all(|byte| *byte == 0) {
                Ok(None)
            } else {
                wrong("", at, Fault::End)
            };
        }
        let name = block[..MAX_NAME]
            .split(|byte| *byte == 0)
            .next()
            .unwrap_or_default();
        let Some(name) = std::str::from_utf8(name).ok().filter(|name| is_plain(name)) else {
            return wrong("", at, Fault::Field { field: "name" });
        };
        let size = block[SIZE..SIZE + SIZE_DIGITS]
            .iter()
            .try_fold(0_u64, |size, digit| match digit {
                b'0'..=b'7' => Some(size * 8 + u64::from(digit - b'0')),
                _ => None,
            });
        let Some(size) = size else {
            return wrong(name, at + SIZE, Fault::Field { field: "size" });
        };
        // Eleven octal digits are at most 8 GiB, which a size on a 32-bit machine cannot hold.
        let Some(size) = usize::try_from(size).ok().filter(|size| *size <= after.len()) else {
            return wrong(name, at + SIZE, Fault::Cut);
        };
        let wanted = header(name, size);
        if let Some(differs) = (0..BLOCK).find(|at| block[*at] != wanted[*at]) {
            let field = FIELDS.iter().rev().find(|(begin, _)| *begin <= differs);
            let field = field.map_or("name", |(_, field)| field);
            return wrong(name, at + differs, Fault::Field { field });
        }
        if name <= self.last {
            let previous = self.last.to_owned();
            return wrong(name, at, Fault::Order { previous });
        }
        let (data, behind) = after.split_at(size);
        let padded = at + BLOCK + size;
        match behind.get(..padding(size)) {
            None => return wrong(name, padded, Fault::Cut),
            Some(bytes) if bytes.iter().any(|byte| *byte != 0) => return wrong(name, padded, Fault::Padding),
            Some(bytes) => self.at = padded + bytes.len(),
        }
        self.last = name;
        Ok(Some(TarMember { name, at, data }))
    }
}

fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, data) in members {
            write(&mut archive, name, data);
        }
        finish(&mut archive);
        archive
    }

    fn read(archive: &[u8]) -> Result<Vec<(String, Vec<u8>)>, BundleError> {
        let mut reader = TarReader::new(archive);
        let mut found = Vec::new();
        while let Some(member) = reader.next()? {
            found.push((member.name.to_owned(), member.data.to_vec()));
        }
        Ok(found)
    }

    fn refusal(archive: &[u8]) -> String {
        read(archive).unwrap_err().to_string()
    }

    #[test]
    fn members_come_back_as_they_were_written() {
        let block = [7; BLOCK];
        let longer = [8; BLOCK + 1];
        let members: [(&str, &[u8]); 4] = [("a", b""), ("b/c", b"x"), ("b/d", &block), ("e", &longer)];
        let read = read(&archive(&members)).unwrap();
        let read: Vec<_> = read
            .iter()
            .map(|(name, data)| (name.as_str(), data.as_slice()))
            .collect();
        assert_eq!(read, members);
        assert_eq!(archive(&members).len(), (4 + 1 + 1 + 2 + 2) * BLOCK);
    }

    #[test]
    fn every_field_has_one_value() {
        let good = archive(&[("a", b"x")]);
        for (at, field) in FIELDS {
            for value in [b' ', b'1', 1, 0xff] {
                let mut bent = good.clone();
                if bent[at] == value {
                    continue;
                }
                bent[at] = value;
                let told = refusal(&bent);
                // Another name or size is a header that asks for another checksum.
                let known = ["checksum", "cut", "no bundle", field]
                    .iter()
                    .any(|word| told.contains(word));
                assert!(known, "{field} {value}: {told}");
            }
        }
    }

    #[test]
    fn names_ascend_so_that_none_stands_twice() {
        assert!(refusal(&archive(&[("b", b""), ("a", b"")])).contains("a (byte 512)"));
        assert!(refusal(&archive(&[("a", b""), ("a", b"")])).contains("bytewise order"));
    }

    #[test]
    fn the_end_is_two_empty_blocks_and_nothing_behind_them() {
        let good = archive(&[("a", b"x")]);
        for bent in [
            good[..good.len() - 1].to_vec(),
            good[..good.len() - BLOCK].to_vec(),
            [good.as_slice(), &[0; BLOCK]].concat(),
            [good.as_slice(), b"\0"].concat(),
            [&good[..good.len() - 1], b"x"].concat(),
        ] {
            assert!(read(&bent).is_err(), "{} bytes", bent.len());
        }
        assert_eq!(read(&archive(&[])), Ok(vec![]));
        assert!(read(b"").is_err());
    }

    #[test]
    fn the_padding_is_zeros() {
        let mut bent = archive(&[("a", b"x")]);
        bent[BLOCK + 1] = 1;
        assert!(refusal(&bent).contains("a (byte 513)"), "{}", refusal(&bent));
    }

    #[test]
    fn a_size_past_the_end_is_told_and_not_allocated() {
        let mut bent = archive(&[("a", b"x")]);
        bent[..BLOCK].copy_from_slice(&header("a", (1 << 33) - 1));
        assert!(refusal(&bent).contains("cut short"), "{}", refusal(&bent));
    }
}
