//! Unicode normalisation form C (UAX #15) and full default case folding, from packed tables.
//!
//! `build.rs` makes the tables from the crates `unicode-normalization` and `caseless`, whose own would be a
//! third of the page's download; the tests compare every answer with theirs. Names of files are nearly always
//! ASCII: the tables are unpacked at the first one that is not.

use std::sync::OnceLock;

use crate::order::positions;

/// Hangul (The Unicode Standard, section 3.12): the first leading consonant, vowel, (before the first) trailing
/// consonant and syllable.
const HANGUL_L: u32 = 0x1100;
const HANGUL_V: u32 = 0x1161;
const HANGUL_T: u32 = 0x11A7;
const HANGUL_S: u32 = 0xAC00;
/// How many of each there are.
const L_COUNT: u32 = 19;
const V_COUNT: u32 = 21;
const T_COUNT: u32 = 28;

/// `text` in normalisation form C.
pub(crate) fn nfc(text: &str) -> String {
    if text.is_ascii() {
        return text.to_owned();
    }
    let tables = Tables::get();
    let mut parts = Vec::with_capacity(text.len());
    for c in text.chars() {
        tables.decompose(u32::from(c), &mut parts);
    }
    let parts = tables.compose(&order(&parts));
    parts
        .iter()
        .filter_map(|part| char::from_u32(part.code))
        .collect()
}

/// Whether `text` is in normalisation form C.
pub(crate) fn is_nfc(text: &str) -> bool {
    text.is_ascii() || nfc(text) == text
}

/// `text` without differences of case (the mappings C and F of `CaseFolding.txt`).
pub(crate) fn case_fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let folds = &Tables::get().folds;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match folds.binary_search_by_key(&u32::from(c), |fold| fold.0) {
            Ok(at) => out.extend(folds[at].1.iter().filter_map(|&code| char::from_u32(code))),
            Err(_) => out.push(c),
        }
    }
    out
}

/// A character with its canonical combining class.
#[derive(Clone, Copy)]
struct Part {
    code: u32,
    class: u8,
}

/// A character that decomposes to `first`, which may decompose further, and `last`, if that is not 0.
struct Decomposition {
    code: u32,
    first: u32,
    last: u32,
    composes: bool,
}

impl Decomposition {
    fn pair(&self) -> (u32, u32) {
        (self.first, self.last)
    }
}

struct Tables {
    /// By `code`.
    decompositions: Vec<Decomposition>,
    /// Positions in `decompositions` of those that compose, by `first` and `last`.
    compositions: Vec<usize>,
    /// First and last character of a run, and their class, which is not 0.
    classes: Vec<(u32, u32, u8)>,
    /// By the character: what it folds to.
    folds: Vec<(u32, Vec<u32>)>,
}

impl Tables {
    fn get() -> &'static Self {
        static TABLES: OnceLock<Tables> = OnceLock::new();
        TABLES.get_or_init(|| {
            let decompositions = decompositions();
            let pair = |at: usize| decompositions[at].pair();
            let mut compositions = positions(decompositions.len(), &|a, b| pair(a).cmp(&pair(b)));
            compositions.retain(|&at| decompositions[at].composes);
            Self {
                compositions,
                decompositions,
                classes: classes(),
                folds: folds(),
            }
        })
    }

    fn class(&self, code: u32) -> u8 {
        let at = self.classes.partition_point(|run| run.1 < code);
        self.classes
            .get(at)
            .map_or(0, |run| if run.0 <= code { run.2 } else { 0 })
    }

    fn decompose(&self, code: u32, out: &mut Vec<Part>) {
        let syllable = code.wrapping_sub(HANGUL_S);
        if syllable < L_COUNT * V_COUNT * T_COUNT {
            let trailing = syllable % T_COUNT;
            let pair = syllable / T_COUNT;
            let letters = [
                HANGUL_L + pair / V_COUNT,
                HANGUL_V + pair % V_COUNT,
                HANGUL_T + trailing,
            ];
            let present = if trailing == 0 { 2 } else { 3 };
            out.extend(letters[..present].iter().map(|&code| Part { code, class: 0 }));
            return;
        }
        match self
            .decompositions
            .binary_search_by_key(&code, |known| known.code)
        {
            Ok(at) => {
                let Decomposition { first, last, .. } = self.decompositions[at];
                self.decompose(first, out);
                if last != 0 {
                    self.decompose(last, out);
                }
            }
            Err(_) => out.push(Part {
                code,
                class: self.class(code),
            }),
        }
    }

    /// Composes `parts`, which are decomposed and in canonical order (UAX #15, definition D117).
    fn compose(&self, parts: &[Part]) -> Vec<Part> {
        let mut kept: Vec<Part> = Vec::with_capacity(parts.len());
        let mut starter: Option<usize> = None;
        for &part in parts {
            if let Some(at) = starter {
                // Blocked when something of the same or a higher class, or another starter, stands between.
                let between = &kept[at + 1..];
                let free = between
                    .last()
                    .is_none_or(|last| last.class != 0 && last.class < part.class);
                if free && let Some(code) = self.pair(kept[at].code, part.code) {
                    kept[at].code = code;
                    continue;
                }
            }
            if part.class == 0 {
                starter = Some(kept.len());
            }
            kept.push(part);
        }
        kept
    }

    /// The character that `first` and `last` compose to.
    fn pair(&self, first: u32, last: u32) -> Option<u32> {
        let (l, v) = (first.wrapping_sub(HANGUL_L), last.wrapping_sub(HANGUL_V));
        if l < L_COUNT && v < V_COUNT {
            return Some(HANGUL_S + (l * V_COUNT + v) * T_COUNT);
        }
        let (syllable, t) = (first.wrapping_sub(HANGUL_S), last.wrapping_sub(HANGUL_T));
        if syllable < L_COUNT * V_COUNT * T_COUNT
            && syllable.is_multiple_of(T_COUNT)
            && (1..T_COUNT).contains(&t)
        {
            return Some(first + t);
        }
        let pair = |at: &usize| self.decompositions[*at].pair();
        let at = self
            .compositions
            .binary_search_by_key(&(first, last), pair)
            .ok()?;
        Some(self.decompositions[self.compositions[at]].code)
    }
}

/// Brings the characters behind each starter (class 0) into the order of their classes; equal ones stay in order.
fn order(parts: &[Part]) -> Vec<Part> {
    let mut starters = 0_usize;
    let keys: Vec<(usize, u8)> = parts
        .iter()
        .map(|part| {
            starters += usize::from(part.class == 0);
            (starters, part.class)
        })
        .collect();
    let ordered = positions(parts.len(), &|a, b| keys[a].cmp(&keys[b]));
    ordered.into_iter().map(|at| parts[at]).collect()
}

fn decompositions() -> Vec<Decomposition> {
    let mut table = Packed(include_bytes!(concat!(env!("OUT_DIR"), "/decompositions.bin")));
    let (mut all, mut code) = (Vec::new(), 0);
    while !table.0.is_empty() {
        code += table.number();
        let last = table.number();
        all.push(Decomposition {
            code,
            first: table.near(code),
            last: last / 2,
            composes: last % 2 == 1,
        });
    }
    all
}

fn classes() -> Vec<(u32, u32, u8)> {
    let mut table = Packed(include_bytes!(concat!(env!("OUT_DIR"), "/combining_classes.bin")));
    let (mut all, mut end) = (Vec::new(), 0);
    while !table.0.is_empty() {
        let start = end + table.number();
        end = start + table.number();
        all.push((start, end - 1, table.number().to_le_bytes()[0]));
    }
    all
}

fn folds() -> Vec<(u32, Vec<u32>)> {
    let mut table = Packed(include_bytes!(concat!(env!("OUT_DIR"), "/case_folds.bin")));
    let (mut all, mut code) = (Vec::new(), 0);
    while !table.0.is_empty() {
        code += table.number();
        let count = table.number();
        all.push((code, (0..count).map(|_| table.near(code)).collect()));
    }
    all
}

/// The unread rest of a table that `build.rs` packed.
struct Packed(&'static [u8]);

impl Packed {
    /// LEB128.
    fn number(&mut self) -> u32 {
        let (mut value, mut shift) = (0, 0);
        while let Some((&byte, rest)) = self.0.split_first() {
            self.0 = rest;
            value |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        value
    }

    /// A character, written as its zigzag distance from `code`.
    fn near(&mut self, code: u32) -> u32 {
        let zigzag = self.number();
        let half = zigzag / 2;
        if zigzag.is_multiple_of(2) {
            code + half
        } else {
            code - half - 1
        }
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;

    fn oracle(text: &str) -> String {
        text.nfc().collect()
    }

    #[test]
    fn every_character_is_normalised_and_folded_like_the_oracles() {
        for c in '\0'..=char::MAX {
            let text = c.to_string();
            assert_eq!(nfc(&text), oracle(&text), "{c:?}");
            assert_eq!(case_fold(&text), caseless::default_case_fold_str(&text), "{c:?}");
            let decomposed: String = text.nfd().collect();
            assert_eq!(nfc(&decomposed), oracle(&decomposed), "{c:?} decomposed");
        }
    }

    /// Characters that decompose, compose, combine or are Hangul letters: where normalisation does anything.
    fn interesting() -> impl Strategy<Value = char> {
        let known: Vec<char> = ('\0'..=char::MAX)
            .filter(|c| {
                let hangul = ('\u{1100}'..'\u{1200}').contains(c);
                hangul || Tables::get().class(u32::from(*c)) != 0 || !c.to_string().nfd().eq([*c])
            })
            .collect();
        prop_oneof![
            proptest::sample::select(known),
            any::<char>(),
            "[a-zA-Z]".prop_map(|s| s.chars().next().unwrap_or('a'))
        ]
    }

    proptest! {
        #[test]
        fn strings_are_normalised_and_folded_like_the_oracles(
            text in proptest::collection::vec(interesting(), 0..12).prop_map(String::from_iter)
        ) {
            prop_assert_eq!(nfc(&text), oracle(&text));
            let decomposed: String = text.nfd().collect();
            prop_assert_eq!(nfc(&decomposed), oracle(&text));
            prop_assert_eq!(is_nfc(&text), unicode_normalization::is_nfc(&text));
            prop_assert_eq!(case_fold(&text), caseless::default_case_fold_str(&text));
        }
    }
}
