//! Packs what the crates `unicode-normalization` and `caseless` know of Unicode into the tables of
//! `src/unicode.rs`. Their own tables are made for speed and would be a third of the page's download.

use std::{collections::HashMap, env, fs, path::Path};

use unicode_normalization::char::{canonical_combining_class, compose, decompose_canonical};

/// Hangul syllables, which are (de)composed by arithmetic (The Unicode Standard, section 3.12).
const HANGUL: std::ops::RangeInclusive<char> = '\u{AC00}'..='\u{D7A3}';

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var("OUT_DIR").expect("cargo names the folder");
    let write = |name: &str, table: Packer| {
        fs::write(Path::new(&out).join(name), table.0).expect("the folder that cargo made is writable");
    };
    write("decompositions.bin", decompositions());
    write("combining_classes.bin", combining_classes());
    write("case_folds.bin", case_folds());
}

/// Every character that decomposes: its distance from the one before, twice the last character of what it
/// decomposes to (0 when that is only one character) and whether the pair composes to it again, and the
/// distance from it to the first of the pair, which may decompose further.
fn decompositions() -> Packer {
    let mut whole = Vec::new();
    for c in ('\0'..=char::MAX).filter(|c| !HANGUL.contains(c)) {
        let mut to = Vec::new();
        decompose_canonical(c, |part| to.push(part));
        if to != [c] {
            whole.push((c, to));
        }
    }
    let by_parts: HashMap<&[char], char> = whole.iter().rev().map(|(c, to)| (&to[..], *c)).collect();
    let (mut table, mut before) = (Packer::default(), 0);
    for (c, to) in &whole {
        let (first, last) = match &to[..] {
            [only] => (*only, 0),
            [first, last] => (*first, u32::from(*last)),
            [start @ .., last] => (by_parts[start], u32::from(*last)),
            [] => unreachable!("no character decomposes to nothing"),
        };
        let composes = char::from_u32(last).and_then(|last| compose(first, last)) == Some(*c);
        table.number(u32::from(*c) - before);
        table.number(2 * last + u32::from(composes));
        table.signed(i64::from(u32::from(first)) - i64::from(u32::from(*c)));
        before = u32::from(*c);
    }
    table
}

/// Runs of characters of one combining class other than 0: the distance from the end of the run before, the
/// length, the class.
fn combining_classes() -> Packer {
    let mut runs: Vec<(u32, u32, u8)> = Vec::new();
    for c in '\0'..=char::MAX {
        let (at, class) = (u32::from(c), canonical_combining_class(c));
        match runs.last_mut() {
            _ if class == 0 => {}
            Some((start, length, of)) if *start + *length == at && *of == class => *length += 1,
            _ => runs.push((at, 1, class)),
        }
    }
    let (mut table, mut before) = (Packer::default(), 0);
    for (start, length, class) in runs {
        table.number(start - before);
        table.number(length);
        table.number(class.into());
        before = start + length;
    }
    table
}

/// Every character that folds: its distance from the one before, how many characters it folds to, and the
/// distance from it to each.
fn case_folds() -> Packer {
    let (mut table, mut before) = (Packer::default(), 0);
    for c in '\0'..=char::MAX {
        let folded = caseless::default_case_fold_str(c.encode_utf8(&mut [0; 4]));
        if folded.chars().eq([c]) {
            continue;
        }
        table.number(u32::from(c) - before);
        table.number(u32::try_from(folded.chars().count()).expect("at most three"));
        for to in folded.chars() {
            table.signed(i64::from(u32::from(to)) - i64::from(u32::from(c)));
        }
        before = u32::from(c);
    }
    table
}

/// Numbers in LEB128: seven bits a byte, the lowest first, the high bit set on all but the last.
#[derive(Default)]
struct Packer(Vec<u8>);

impl Packer {
    fn number(&mut self, mut value: u32) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// Zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...
    fn signed(&mut self, value: i64) {
        let zigzag = (value << 1) ^ (value >> 63);
        self.number(u32::try_from(zigzag).expect("characters are less than 2^21 apart"));
    }
}
