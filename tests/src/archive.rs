//! Bundles taken apart and put together again, by code that shares nothing with the product's.

/// Names and contents of an archive's members.
///
/// # Panics
/// When it is not one of ours.
pub fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let (mut at, mut found) = (0, Vec::new());
    while bytes[at] != 0 {
        let field = |from: usize, to: usize| {
            let text = std::str::from_utf8(&bytes[at + from..at + to]).expect("an archive of ours");
            text.trim_end_matches('\0').to_owned()
        };
        let size = usize::from_str_radix(&field(124, 136), 8).expect("an archive of ours");
        found.push((field(0, 100), bytes[at + 512..][..size].to_vec()));
        at += 512 + size.next_multiple_of(512);
    }
    found
}

/// The archive of `members`, in the form of a bundle.
pub fn archive(members: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, data) in members {
        let mut header = [0_u8; 512];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..136]
            .copy_from_slice(format!("0000644\x000000000\x000000000\0{:011o}\0", data.len()).as_bytes());
        header[136..157].copy_from_slice(b"00000000000\0        0");
        header[257..265].copy_from_slice(b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        bytes.extend_from_slice(&header);
        bytes.extend(&data);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}
