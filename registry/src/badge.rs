//! Badges: what a picture or a short JSON may say of a record (docs/API.md, "Badges").
//!
//! A picture is not a verdict: it says what the log holds, never that anything was verified, and it is never green.
//! [`svg`] draws one, [`script`] holds the element that checks for itself.

pub(crate) mod script;
pub(crate) mod svg;

use std::{collections::HashMap, sync::Mutex};

use actix_web::web::Bytes;
use provenance::path::visible;

/// What stands left on a badge when nobody asks for another word.
pub(crate) const LABEL: &str = "provenance";

/// Longest label that can be asked for, in characters.
pub(crate) const MAX_LABEL_CHARACTERS: usize = 40;

/// Longest text of a record that a badge shows, in characters.
const MAX_TEXT_CHARACTERS: usize = 64;

/// Finished badges that are kept in memory.
const MAX_CACHED_BADGES: usize = 4096;

/// What a badge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// The record is in the published log.
    Logged {
        /// Index of its entry.
        index: u64,
    },
    /// Its publisher logged a record that takes its place.
    Superseded {
        /// The version of that one.
        by: String,
    },
    /// Its publisher withdrew it.
    Withdrawn,
    /// Something that it was made from is withdrawn or flagged.
    LineageAlert,
    /// The newest view of the log is older than a day.
    LogStale {
        /// Its age.
        hours: u64,
    },
    /// No such record.
    NoRecord,
    /// The log has stopped on a doubt.
    LogFault,
}

/// The looks of a state: word for programs, colour with white text of at least 4.5:1, lines of the glyph in a 16 x 16 box.
struct Look {
    word: &'static str,
    colour: &'static str,
    glyph: &'static str,
}

impl State {
    /// One of each, for showing what there is. States that need advisories or witnesses cannot come from this version's
    /// log yet; their looks are fixed now.
    pub(crate) fn examples() -> [Self; 7] {
        let by = "v1.2".to_owned();
        [
            Self::Logged { index: 1_234_567 },
            Self::Superseded { by },
            Self::Withdrawn,
            Self::LineageAlert,
            Self::LogStale { hours: 31 },
            Self::NoRecord,
            Self::LogFault,
        ]
    }

    fn look(&self) -> Look {
        let (word, colour, glyph) = match self {
            Self::Logged { .. } => ("logged", "0a58ca", "M3 8.5l3.2 3.2L13 5"),
            Self::Superseded { .. } => ("superseded", "6e40c9", "M3 8h10M9 4l4 4-4 4"),
            Self::Withdrawn => (
                "withdrawn",
                "b42318",
                "M2.5 8a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0M4.2 4.2l7.6 7.6",
            ),
            Self::LineageAlert => ("lineage-alert", "8a5a00", "M5 2v12M5 9c5 0 6-2 6-5M11 2v2"),
            Self::LogStale { .. } => (
                "log-stale",
                "8a5a00",
                "M2.5 8a5.5 5.5 0 1 0 11 0a5.5 5.5 0 1 0-11 0M8 5v3l2 2",
            ),
            Self::NoRecord => (
                "no-record",
                "57606a",
                "M5.5 6a2.5 2.5 0 1 1 3.6 2.3c-.8.4-1.1.8-1.1 1.7M8 13v.1",
            ),
            Self::LogFault => ("log-fault", "b42318", "M3 3l4 5-4 5M13 3L9 8l4 5"),
        };
        Look { word, colour, glyph }
    }

    /// The state as programs read it.
    pub(crate) fn word(&self) -> &'static str {
        self.look().word
    }

    /// Background behind white text, six hex digits.
    pub(crate) fn colour(&self) -> &'static str {
        self.look().colour
    }

    fn glyph(&self) -> &'static str {
        self.look().glyph
    }

    /// What the badge says; colour and glyph only repeat it.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Logged { index } => format!("logged #{index}"),
            Self::Superseded { by } => format!("superseded by {}", shown(by)),
            Self::Withdrawn => "withdrawn by publisher".into(),
            Self::LineageAlert => "lineage alert".into(),
            Self::LogStale { hours } => format!("log stale {hours} h"),
            Self::NoRecord => "no record".into(),
            Self::LogFault => "log fault".into(),
        }
    }

    /// Whether an embedding page must not recolour it, nor anyone keep it.
    pub(crate) fn is_alarm(&self) -> bool {
        matches!(self, Self::Withdrawn | Self::LogFault)
    }

    /// The picture in words, for those who do not see it: `Model provenance: logged, entry 12, publisher acme.ai`.
    pub(crate) fn spoken(&self, publisher: Option<&str>) -> String {
        let what = match self {
            Self::Logged { index } => format!("logged, entry {index}"),
            other => other.message(),
        };
        match publisher {
            Some(name) => format!("Model provenance: {what}, publisher {}", shown(name)),
            None => format!("Model provenance: {what}"),
        }
    }
}

/// A stranger's text for a badge: hidden characters written out, and not too long.
pub(crate) fn shown(text: &str) -> String {
    clipped(&visible(text), MAX_TEXT_CHARACTERS)
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most - 1).chain(['…']).collect()
}

/// A finished badge.
#[derive(Debug, Clone)]
pub(crate) struct Finished {
    /// Its bytes.
    pub(crate) body: Bytes,
    /// Its tag, without quotes.
    pub(crate) tag: String,
    /// How long it may be kept.
    pub(crate) cache_control: &'static str,
}

/// Badges by address, each as of a size of the log. A badge is asked for far more often than the log grows.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<String, (u64, Finished)>>);

impl Cache {
    /// The badge at `address`, if it was made for a log of `size` entries.
    pub(crate) fn get(&self, address: &str, size: u64) -> Option<Finished> {
        let known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        known
            .get(address)
            .filter(|(made_for, _)| *made_for == size)
            .map(|(_, finished)| finished.clone())
    }

    /// Keeps a badge. When there are [`MAX_CACHED_BADGES`], all are made anew.
    pub(crate) fn put(&self, address: &str, size: u64, finished: Finished) {
        let mut known = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= MAX_CACHED_BADGES {
            known.clear();
        }
        known.insert(address.to_owned(), (size, finished));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_text_is_readable_on_every_colour_and_none_is_green() {
        for state in State::examples() {
            let value = u32::from_str_radix(state.colour(), 16).unwrap();
            let channel = |shift: u32| f64::from((value >> shift) & 0xff) / 255.0;
            let linear = |c: f64| {
                if c <= 0.04045 {
                    c / 12.92
                } else {
                    ((c + 0.055) / 1.055).powf(2.4)
                }
            };
            let (red, green, blue) = (channel(16), channel(8), channel(0));
            let luminance = 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
            let contrast = 1.05 / (luminance + 0.05);
            assert!(contrast >= 4.5, "{}: {contrast}", state.word());
            assert!(green <= red.max(blue), "{} is green", state.word());
        }
    }

    #[test]
    fn a_badge_is_kept_for_one_size_of_the_log_only_and_not_without_end() {
        let cache = Cache::default();
        let finished = Finished {
            body: Bytes::from_static(b"x"),
            tag: "x".into(),
            cache_control: "no-cache",
        };
        cache.put("/a", 3, finished.clone());
        assert!(cache.get("/a", 3).is_some());
        assert!(cache.get("/a", 4).is_none() && cache.get("/b", 3).is_none());
        for n in 0..=MAX_CACHED_BADGES {
            cache.put(&n.to_string(), 3, finished.clone());
        }
        assert!(cache.0.lock().unwrap().len() <= MAX_CACHED_BADGES);
    }

    #[test]
    fn strangers_texts_are_shown_whole_or_cut_and_never_hidden() {
        assert_eq!(shown("v\u{202E}1"), "v\\u{202e}1");
        assert_eq!(shown(&"é".repeat(200)).chars().count(), MAX_TEXT_CHARACTERS);
    }
}
