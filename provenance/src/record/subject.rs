//! The subject of a statement: which artifact, by whom, under which names.

use super::{ArtifactFacts, MAX_LIST, MAX_TEXT_BYTES};
use crate::{
    digest::Sha256Digest,
    json::{At, FromJson, WrongValue},
    keyset::Keyset,
    path::is_hidden_character,
    statement::SubjectFacts,
};

/// The subject of every record but a keyset.
pub(super) fn artifact(subject: At<'_>) -> Result<ArtifactFacts, WrongValue> {
    let annotations = subject.member("annotations")?;
    let version = annotations.find("weighbridge_version")?;
    let facts = SubjectFacts {
        publisher: annotations.get("weighbridge_publisher")?,
        genesis: annotations.get("weighbridge_genesis")?,
        name: shown(annotations.member("weighbridge_name")?)?,
        version: version.map(shown).transpose()?,
        official: list(annotations, "weighbridge_official", shown)?,
    };
    shown(subject.member("name")?)?;
    Ok(ArtifactFacts {
        subject: facts,
        oms_root: digest(subject, "sha256")?,
        dir_hash1: digest(subject, "dirHash1")?,
    })
}

/// The keyset in `predicate`, whose subject is its publisher's name and nothing else of ours.
pub(super) fn keyset(subject: At<'_>, predicate: At<'_>) -> Result<Keyset, WrongValue> {
    let keyset = Keyset::from_json(predicate)?;
    let name = keyset.publisher.as_str();
    let same_name = subject.member("name")?.text()? == name;
    if !same_name || digest(subject, "sha256")? != Sha256Digest::of(name.as_bytes()) {
        return Err(subject.wrong("is not the publisher of the keyset"));
    }
    if let Some(annotations) = subject.find("annotations")? {
        let ours = annotations
            .members()?
            .find(|(name, _)| name.starts_with("weighbridge_"));
        if let Some((_, annotation)) = ours {
            return Err(annotation.wrong("has no place in a keyset"));
        }
    }
    Ok(keyset)
}

/// A list annotation, each item taken by `read`: at most [`MAX_LIST`] items, and left out rather than empty.
pub(super) fn list<T>(
    annotations: At<'_>,
    name: &str,
    read: fn(At<'_>) -> Result<T, WrongValue>,
) -> Result<Vec<T>, WrongValue> {
    let Some(list) = annotations.find(name)? else {
        return Ok(Vec::new());
    };
    let items = list.items()?;
    if !(1..=MAX_LIST).contains(&items.len()) {
        let found = items.len();
        return Err(list.wrong(&format!(
            "has {found} items; it is left out when empty and has at most {MAX_LIST}"
        )));
    }
    items.map(read).collect()
}

/// Text that people will be shown: bounded, not empty, nothing hidden.
pub(super) fn shown(at: At<'_>) -> Result<String, WrongValue> {
    let text = at.text()?;
    if is_presentable(text) {
        Ok(text.to_owned())
    } else {
        Err(at.wrong("is empty, too long or has hidden characters"))
    }
}

/// Whether people can be shown `text`.
pub(super) fn is_presentable(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_TEXT_BYTES && !text.chars().any(is_hidden_character)
}

/// The digest `name` of a subject; all its digests must be text, whichever they are.
fn digest(subject: At<'_>, name: &str) -> Result<Sha256Digest, WrongValue> {
    let digests = subject.member("digest")?;
    all_text(digests)?;
    digests.get(name)
}

/// Checks that every member of `at` is text.
pub(super) fn all_text(at: At<'_>) -> Result<(), WrongValue> {
    at.members()?.try_for_each(|(_, member)| member.text().map(drop))
}
