//! Values on the command line that are more than a word: what they look like, and what is said when they do not.

use std::{fmt, str::FromStr, time::Duration};

use provenance::{RecordId, Sha256Digest, record::is_decimal, statement::Input};
use url::Url;

/// `ROLE=RECORD` or `ROLE=RECORD@DIRHASH1`.
#[derive(Debug, Clone)]
pub(crate) struct InputArg(pub(crate) Input);

/// `NAME=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct MetricArg {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Why a value on the command line does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArgError(String);

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgError {}

impl FromStr for InputArg {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Self, ArgError> {
        let wanted = || ArgError("wanted ROLE=RECORD, such as base-model=3f1c...64 hex digits".into());
        let (role, parent) = text
            .split_once('=')
            .filter(|(role, _)| !role.is_empty())
            .ok_or_else(wanted)?;
        let (record, dir_hash1) = parent
            .split_once('@')
            .map_or((parent, None), |(record, hash)| (record, Some(hash)));
        let record: RecordId = record
            .parse()
            .map_err(|error| ArgError(format!("the record: {error}")))?;
        if *record.digest() == Sha256Digest::from_bytes([0; 32]) {
            return Err(ArgError(
                "no record has the id 0000…; give the id that attest printed \"as --input\" for the parent"
                    .into(),
            ));
        }
        let dir_hash1 = dir_hash1.map(str::parse::<Sha256Digest>).transpose();
        let dir_hash1 = dir_hash1.map_err(|error| ArgError(format!("the dirHash1: {error}")))?;
        Ok(Self(Input {
            role: role.to_owned(),
            record,
            dir_hash1,
        }))
    }
}

impl FromStr for MetricArg {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Self, ArgError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && is_decimal(value) => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(ArgError(
                "wanted NAME=VALUE with a decimal number, such as validation_loss=2.31".into(),
            )),
        }
    }
}

/// Whole seconds, from one to a day.
pub(crate) fn seconds(text: &str) -> Result<Duration, ArgError> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(ArgError("wanted whole seconds from 1 to 86400".into())),
    }
}

/// Text that is not empty.
pub(crate) fn some_text(text: &str) -> Result<String, ArgError> {
    if text.trim().is_empty() {
        return Err(ArgError(
            "it is empty; give a text, or leave the option out".into(),
        ));
    }
    Ok(text.to_owned())
}

/// A name for people and programs.
pub(crate) fn artifact_name(text: &str) -> Result<String, ArgError> {
    if text.trim().is_empty() {
        return Err(ArgError(
            "a name cannot be empty; give one such as acme/minilm".into(),
        ));
    }
    Ok(text.to_owned())
}

/// An address of the web, kept as it was typed.
pub(crate) fn web_address(text: &str) -> Result<String, ArgError> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.host_str().is_some() => {
            Ok(text.to_owned())
        }
        _ => Err(ArgError(
            "wanted a URL such as https://acme.example/minilm".into(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inputs_name_a_record_and_may_name_its_digest() {
        let id = "ab".repeat(32);
        let InputArg(plain) = format!("base-model={id}").parse().unwrap();
        assert_eq!(
            (plain.role.as_str(), plain.record.to_string(), plain.dir_hash1),
            ("base-model", id.clone(), None)
        );
        let InputArg(full) = format!("base-model={id}@{id}").parse().unwrap();
        assert_eq!(full.dir_hash1.unwrap().to_string(), id);
        for text in ["", "base-model", "=x", "base-model=12", &format!("a={id}@12")] {
            assert!(text.parse::<InputArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn metrics_are_decimal_strings() {
        assert_eq!("loss=2.31".parse::<MetricArg>().unwrap().value, "2.31");
        for text in ["loss", "loss=", "=1", "loss=high", "loss=NaN", "loss=1,5"] {
            assert!(text.parse::<MetricArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn no_parent_is_the_record_of_zeros() {
        let error = format!("base-model={}", "00".repeat(32))
            .parse::<InputArg>()
            .unwrap_err();
        assert!(error.to_string().contains("as --input"), "{error}");
    }

    #[test]
    fn addresses_are_of_the_web_and_names_not_empty() {
        for text in [
            "acme.example/x",
            "ftp://acme.example",
            "",
            "https://",
            "mailto:a@b",
        ] {
            assert!(web_address(text).is_err(), "{text}");
        }
        let kept = "https://acme.example/minilm";
        assert_eq!(web_address(kept).unwrap(), kept);
        for text in ["", "  "] {
            assert!(
                artifact_name(text).is_err() && some_text(text).is_err(),
                "{text:?}"
            );
        }
    }
}
