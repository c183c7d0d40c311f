//! Publisher names: the human half of a publisher's identity (the other half is its genesis id).

use std::{fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::json::{At, FromJson, WrongValue};

/// Longest publisher name in bytes. DNS allows 253; a name is shown in badges and tables, and no lab we know
/// comes near 128.
pub const MAX_PUBLISHER_BYTES: usize = 128;

/// Longest label in bytes (RFC 1035 section 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// A publisher's name, such as `acme.ai`: lowercase LDH labels joined by dots, at most 128 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublisherName(String);

impl PublisherName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name has more than one label, and so could be a domain.
    pub fn is_dotted(&self) -> bool {
        self.0.contains('.')
    }

    /// The last label, such as `ai` of `acme.ai`.
    pub fn last_label(&self) -> &str {
        self.0.rsplit('.').next().unwrap_or(&self.0)
    }
}

/// Why a text is not a publisher name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublisherError {
    /// Empty, or longer than [`MAX_PUBLISHER_BYTES`].
    #[error("a publisher name has 1 to {MAX_PUBLISHER_BYTES} bytes, got {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// A label that is empty, too long, or starts or ends with a hyphen.
    #[error("a label of a publisher name has 1 to 63 bytes and no hyphen at either end, got {label:?}")]
    Label {
        /// The label.
        label: String,
    },
    /// A character outside `a-z 0-9 - .`.
    #[error("a publisher name has lowercase letters, digits, hyphens and dots only, got {found:?}")]
    Character {
        /// The first such character.
        found: char,
    },
}

impl FromStr for PublisherName {
    type Err = PublisherError;

    fn from_str(text: &str) -> Result<Self, PublisherError> {
        if text.is_empty() || text.len() > MAX_PUBLISHER_BYTES {
            return Err(PublisherError::Length { found: text.len() });
        }
        let allowed = |c: char| matches!(c, 'a'..='z' | '0'..='9' | '-' | '.');
        if let Some(found) = text.chars().find(|&c| !allowed(c)) {
            return Err(PublisherError::Character { found });
        }
        let wrong =
            |l: &&str| l.is_empty() || l.len() > MAX_LABEL_BYTES || l.starts_with('-') || l.ends_with('-');
        if let Some(label) = text.split('.').find(wrong) {
            return Err(PublisherError::Label {
                label: label.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for PublisherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PublisherName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for PublisherName {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl FromJson for PublisherName {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        at.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_ldh_names() {
        for name in ["acme", "acme.ai", "xn--bcher-kva.example", "a-1.b2.test"] {
            assert_eq!(name.parse::<PublisherName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn refuses_names_that_could_be_confused() {
        for name in [
            "", "Acme.ai", "acme..ai", ".acme", "acme.", "-a.ai", "a-.ai", "acme ai", "acmé.ai", "a/b",
            "a\nb",
        ] {
            assert!(name.parse::<PublisherName>().is_err(), "{name:?}");
        }
        assert!("a".repeat(64).parse::<PublisherName>().is_err());
        assert!(format!("{}a", "ab.".repeat(43)).parse::<PublisherName>().is_err());
    }
}
