//! Models in parts: whether the parts are all there, and hold what their index says. A record of some parts of a model
//! would be true and useless, since no loader takes them, so `attest` refuses to make one.
//!
//! ```text
//! model.safetensors.index.json   {"weight_map": {TENSOR: FILE, …}}      beside the files
//! NAME-00002-of-00003.gguf       split.no 1, split.count 3, split.tensors.count     in the header
//! ```

use std::collections::{BTreeMap, BTreeSet};

use provenance::{
    path::visible,
    tensor::{Layout, gguf::Split},
};
use serde_json::Value;

use crate::{failure::Failure, source::read_range, walk::Found};

/// Ending of the file that says which tensor is in which part.
const INDEX_ENDING: &str = ".safetensors.index.json";

/// Longest such file that is read: 64 MiB, half a million tensors.
const MAX_INDEX_FILE_BYTES: u64 = 64 << 20;

/// Most names in one message.
const MOST_NAMES: usize = 5;

/// The weights of a folder, by path.
pub(super) type Layouts<'a> = BTreeMap<&'a str, Layout>;

/// Refuses models in parts that are not whole.
pub(super) fn check(files: &[Found], layouts: &Layouts<'_>) -> Result<(), Failure> {
    for file in files.iter().filter(|file| file.path.ends_with(INDEX_ENDING)) {
        check_index(file, files, layouts)?;
    }
    check_splits(layouts)
}

/// Checks the parts that a safetensors index names.
fn check_index(file: &Found, files: &[Found], layouts: &Layouts<'_>) -> Result<(), Failure> {
    let size = file.source.stamp.size;
    let unreadable = |why: String| {
        Failure::usage(format!(
            "{} does not read as the index of a model in parts",
            visible(&file.path)
        ))
        .why(why)
        .next("download it again, or leave it out of the folder")
    };
    if size > MAX_INDEX_FILE_BYTES {
        return Err(unreadable(format!(
            "it has {size} bytes, at most {MAX_INDEX_FILE_BYTES} are read"
        )));
    }
    let text: Value = serde_json::from_slice(&read_range(&file.source, 0..size)?)
        .map_err(|error| unreadable(error.to_string()))?;
    let Some(map) = text["weight_map"].as_object() else {
        return Err(unreadable("it has no list called weight_map".into()));
    };
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let beside = |name: &str| {
        if folder.is_empty() {
            name.to_owned()
        } else {
            format!("{folder}/{name}")
        }
    };
    let mut parts: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (tensor, part) in map {
        let Some(part) = part.as_str() else {
            return Err(unreadable(format!(
                "it names no file for the tensor {}",
                visible(tensor)
            )));
        };
        parts.entry(part).or_default().push(tensor);
    }
    let there: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let missing: Vec<&str> = parts
        .keys()
        .filter(|part| !there.contains(beside(part).as_str()))
        .copied()
        .collect();
    if !missing.is_empty() {
        return Err(incomplete(
            format!(
                "{} names {} that {} not there",
                visible(&file.path),
                some(&missing, "part"),
                are(&missing)
            ),
            &missing,
        ));
    }
    for (part, tensors) in parts {
        let Some(layout) = layouts.get(beside(part).as_str()) else {
            return Err(unreadable(format!("{} is not a safetensors file", visible(part))));
        };
        let held: BTreeSet<&str> = layout
            .index
            .tensors()
            .iter()
            .map(|tensor| tensor.name.as_str())
            .collect();
        let wrong: Vec<&str> = tensors
            .into_iter()
            .filter(|tensor| !held.contains(tensor))
            .collect();
        if !wrong.is_empty() {
            return Err(Failure::usage(format!(
                "{} puts {} in {} that {} not in it: {}",
                visible(&file.path),
                some(&wrong, "tensor"),
                visible(part),
                are(&wrong),
                listed(&wrong)
            ))
            .why("index and parts are of different models, or of different versions of one")
            .next("download the index and all parts again, from one revision"));
        }
    }
    Ok(())
}

/// A part of a GGUF model, as its name has it: counted from 1.
struct Part<'a> {
    prefix: &'a str,
    number: u64,
    parts: u64,
}

/// The parts at hand of one model, by their number.
type Parts<'a> = BTreeMap<u64, (&'a str, &'a Layout)>;

/// Reads `PREFIX-00002-of-00003.gguf`.
fn part_of_name(path: &str) -> Option<Part<'_>> {
    let stem = path.get(..path.len().checked_sub(".gguf".len())?)?;
    let read = |digits: &str| {
        let plain = digits.len() == 5 && digits.bytes().all(|b| b.is_ascii_digit());
        digits.parse().ok().filter(|_| plain)
    };
    let (rest, parts) = stem.rsplit_once("-of-")?;
    let (prefix, number) = rest.rsplit_once('-')?;
    let (number, parts) = (read(number)?, read(parts)?);
    let part = Part {
        prefix,
        number,
        parts,
    };
    (1..=parts).contains(&number).then_some(part)
}

/// Checks that the parts of GGUF models are all there, and are what they are called.
fn check_splits(layouts: &Layouts<'_>) -> Result<(), Failure> {
    let mut sets: BTreeMap<(&str, u64), Parts<'_>> = BTreeMap::new();
    for (path, layout) in layouts {
        let named = part_of_name(path).filter(|_| path.to_ascii_lowercase().ends_with(".gguf"));
        if let Some(split) = layout.split.filter(|split| split.parts > 1) {
            check_name(path, split, named.as_ref())?;
        }
        if let Some(named) = named {
            sets.entry((named.prefix, named.parts))
                .or_default()
                .insert(named.number, (path, layout));
        }
    }
    for ((prefix, parts), set) in sets {
        let absent = (1..=parts).filter(|part| !set.contains_key(part));
        let missing: Vec<String> = absent
            .map(|part| format!("{prefix}-{part:05}-of-{parts:05}.gguf"))
            .collect();
        let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
        if !missing.is_empty() {
            return Err(incomplete(
                format!(
                    "{} of {parts} parts of {} {} not there",
                    missing.len(),
                    visible(prefix),
                    are(&missing)
                ),
                &missing,
            ));
        }
        let held: u64 = set
            .values()
            .map(|(_, layout)| layout.index.tensors().len() as u64)
            .sum();
        let said = set
            .values()
            .find_map(|(path, layout)| Some((path, layout.split?.tensors?)));
        if let Some((path, said)) = said.filter(|(_, said)| *said != held) {
            return Err(Failure::usage(format!(
                "the parts of {} hold {held} tensors, and {} says that they hold {said}",
                visible(prefix),
                visible(path)
            ))
            .why("the parts are of different models, or of different versions of one")
            .next("download all parts again, from one revision"));
        }
    }
    Ok(())
}

/// Checks that a part is called what it says it is.
fn check_name(path: &str, split: Split, named: Option<&Part<'_>>) -> Result<(), Failure> {
    let (part, parts) = (split.part.saturating_add(1), split.parts);
    if named.is_some_and(|named| (named.number, named.parts) == (part, parts)) {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} is part {part} of {parts} of a model, and its name does not say so",
        visible(path)
    ))
    .why("loaders find the parts of a model by their names")
    .next(format!(
        "call it NAME-{part:05}-of-{parts:05}.gguf, beside the other parts"
    )))
}

fn incomplete(what: String, missing: &[&str]) -> Failure {
    Failure::usage(what)
        .why(format!(
            "no loader takes a part of a model: {} missing",
            listed(missing)
        ))
        .next("download the missing parts, then attest again")
}

fn listed(names: &[&str]) -> String {
    let mut shown: Vec<String> = names.iter().take(MOST_NAMES).map(|name| visible(name)).collect();
    if names.len() > MOST_NAMES {
        shown.push(format!("and {} more", names.len() - MOST_NAMES));
    }
    shown.join(", ")
}

fn some(names: &[&str], noun: &str) -> String {
    crate::output::count(names.len(), noun)
}

fn are(names: &[&str]) -> &'static str {
    if names.len() == 1 { "is" } else { "are" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_told_by_their_names() {
        for (path, wanted) in [
            ("a/m-Q4-00002-of-00003.gguf", Some(("a/m-Q4", 2, 3))),
            ("m-00001-of-00001.GGUF", Some(("m", 1, 1))),
            ("m-00000-of-00003.gguf", None),
            ("m-00004-of-00003.gguf", None),
            ("m-1-of-3.gguf", None),
            ("m-+0001-of-00003.gguf", None),
            ("m.gguf", None),
            ("gguf", None),
        ] {
            let read = part_of_name(path).map(|part| (part.prefix, part.number, part.parts));
            assert_eq!(read, wanted, "{path}");
        }
    }
}
