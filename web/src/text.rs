//! Numbers and digests as people read them. No locale: one form everywhere, so that a report reads the same as
//! the command line's.

/// Bytes with a binary unit and three significant digits: `86.7 MiB`; below 1 KiB the exact count. Integers only:
/// printing floats would add 15 KB to the page.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if count < 1024 {
        return format!("{count} {}", if count == 1 { "byte" } else { "bytes" });
    }
    // The largest unit of which there is at least one after rounding: 1023.5 KiB is 1.00 MiB.
    let (mut unit, mut size) = (0, 1024_u64);
    while unit + 1 < UNITS.len() && count >= size * 1024 - size / 2 {
        unit += 1;
        size *= 1024;
    }
    // In parts of the unit, rounded once; the whole is split off first, so that nothing overflows.
    let (whole, rest) = (count / size, count % size);
    let parts = |scale: u64| {
        whole
            .saturating_mul(scale)
            .saturating_add((rest * scale + size / 2) / size)
    };
    let unit = UNITS[unit];
    match (parts(100), parts(10), parts(1)) {
        (hundredths @ 0..=999, ..) => format!("{}.{:02} {unit}", hundredths / 100, hundredths % 100),
        (_, tenths @ 0..=999, _) => format!("{}.{} {unit}", tenths / 10, tenths % 10),
        (.., ones) => format!("{ones} {unit}"),
    }
}

/// A count with a comma between groups of three: `90,868,376`.
pub(crate) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1st`, `12th`, `23rd`.
pub(crate) fn ordinal(number: u64) -> String {
    let ending = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{}{ending}", grouped(number))
}

/// `Entry 6, the 7th of 7`: entries of a log count from 0.
pub(crate) fn entry(index: u64, size: u64) -> String {
    let place = ordinal(index.saturating_add(1));
    format!("Entry {}, the {place} of {}", grouped(index), grouped(size))
}

/// `1 file`, `12 files`, `2 witnesses`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    counted_u64(count as u64, noun)
}

/// As [`counted`].
pub(crate) fn counted_u64(count: u64, noun: &str) -> String {
    let consonant_y = noun
        .strip_suffix('y')
        .filter(|stem| !stem.ends_with(['a', 'e', 'i', 'o', 'u']));
    let (stem, ending) = match (count, consonant_y) {
        (1, _) => (noun, ""),
        (_, Some(stem)) => (stem, "ies"),
        (_, None) if noun.ends_with('s') => (noun, "es"),
        (_, None) => (noun, "s"),
    };
    format!("{} {stem}{ending}", grouped(count))
}

/// A text of several lines with every hidden character but the line breaks made visible.
pub(crate) fn visible_lines(text: &str) -> String {
    text.lines()
        .map(provenance::path::visible)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A detail as a sentence of its own: details start in lower case and have no full stop, so that they can stand
/// in another sentence. Hidden characters are made visible.
pub(crate) fn sentence(detail: &str) -> String {
    let mut chars = detail.chars();
    // Details begin with words of ours, so ASCII is enough.
    let first = chars.next().map(|c| c.to_ascii_uppercase());
    let end = if detail.is_empty() || detail.ends_with(['.', '?', '…']) {
        ""
    } else {
        "."
    };
    provenance::path::visible(&format!(
        "{}{}{end}",
        first.map(String::from).unwrap_or_default(),
        chars.as_str()
    ))
}

/// Bytes per second: `512 MiB/s`.
pub(crate) fn rate(bytes_per_second: f64) -> String {
    format!("{}/s", bytes(whole(bytes_per_second)))
}

/// A rest of time, coarse on purpose: `a few seconds`, `about 40 seconds`, `about 3 minutes`.
pub(crate) fn time_left(seconds: f64) -> String {
    match whole(seconds) {
        0..=7 => "a few seconds left".to_owned(),
        s @ 8..=54 => format!("about {} seconds left", s.div_ceil(5) * 5),
        s @ 55..=90 => format!("about {} minute left", (s / 60).max(1)),
        s @ 91..=5400 => format!("about {} minutes left", (s + 30) / 60),
        s => format!("about {} hours left", (s + 1800) / 3600),
    }
}

/// A past time, coarse on purpose: `5 seconds`, `3 minutes`, `2 days`.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..=119 => counted_u64(seconds, "second"),
        120..=7199 => counted_u64(seconds / 60, "minute"),
        7200..=172_799 => counted_u64(seconds / 3600, "hour"),
        _ => counted_u64(seconds / 86_400, "day"),
    }
}

/// Whole percent, 100 only when all is done.
pub(crate) fn percent(done: u64, total: u64) -> u64 {
    if total == 0 {
        return 100;
    }
    // Sizes are below 2^53 in a browser; beyond 2^57 the shift keeps the product in range.
    let shift = if total > u64::MAX / 100 { 7 } else { 0 };
    (done.min(total) >> shift) * 100 / (total >> shift)
}

/// The first eight and last four digits of a digest; the full text stays beside it for copying.
pub(crate) fn short_digest(hex: &str) -> String {
    match (hex.get(..8), hex.get(hex.len().saturating_sub(4)..)) {
        (Some(head), Some(tail)) if hex.len() > 14 => format!("{head}…{tail}"),
        _ => hex.to_owned(),
    }
}

/// A count as a float; exact below 2^53, which every size in a browser is.
#[expect(
    clippy::cast_precision_loss,
    reason = "sizes in a browser are doubles already"
)]
pub(crate) fn as_float(count: u64) -> f64 {
    count as f64
}

/// A float as a count: nothing below zero, nothing for what is not a number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast saturates, which is the meaning wanted here"
)]
pub(crate) fn whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits_and_never_1024_of_a_unit() {
        let cases = [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1.00 KiB"),
            (90_868_376, "86.7 MiB"),
            (10_398, "10.2 KiB"),
            (102_399, "100 KiB"),
            (1_048_575, "1.00 MiB"),
            (14_925_234_176, "13.9 GiB"),
            (u64::MAX, "16777216 TiB"),
        ];
        for (count, text) in cases {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn groups_of_three_are_separated() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (90_868_376, "90,868,376"),
        ] {
            assert_eq!(grouped(count), text);
        }
    }

    #[test]
    fn nouns_take_their_plural() {
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(2000, "file"), "2,000 files");
        assert_eq!(counted(0, "witness"), "0 witnesses");
    }

    #[test]
    fn hidden_characters_show_and_lines_stay() {
        assert_eq!(visible_lines("a\u{202E}b\nc\r\n"), "a\\u{202e}b\nc");
    }

    #[test]
    fn a_hundred_percent_means_all_of_it() {
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(1000, 1000), 100);
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }

    #[test]
    fn time_left_is_coarse() {
        for (seconds, text) in [
            (0.3, "a few seconds left"),
            (11.0, "about 15 seconds left"),
            (60.0, "about 1 minute left"),
            (119.0, "about 2 minutes left"),
            (7200.0, "about 2 hours left"),
            (f64::NAN, "a few seconds left"),
        ] {
            assert_eq!(time_left(seconds), text);
        }
    }

    #[test]
    fn counts_and_ages_are_words() {
        assert_eq!(counted(1, "entry"), "1 entry");
        assert_eq!(counted(0, "entry"), "0 entries");
        assert_eq!(counted(2, "witness"), "2 witnesses");
        for (seconds, text) in [
            (1, "1 second"),
            (119, "119 seconds"),
            (120, "2 minutes"),
            (7200, "2 hours"),
            (172_800, "2 days"),
        ] {
            assert_eq!(age(seconds), text);
        }
    }

    #[test]
    fn digests_are_shortened_and_other_texts_are_left_alone() {
        assert_eq!(short_digest(&"ab".repeat(32)), "abababab…abab");
        assert_eq!(short_digest("ünïcode"), "ünïcode");
    }
}
