//! The hostile corpus in `tests/vectors/hostile`: one file a defect, with what every surface says about it.
//!
//! Only reading. Which surfaces take a kind of input, and what they must do, stands in the tests:
//! `provenance/tests/hostile_corpus.rs` and the `hostile_*` tests of this package.

use std::{fs, path::Path};

use provenance::{api::Base64Bytes, json};
use serde_json::Value;

/// One defect.
#[derive(Debug, Clone)]
pub struct Case {
    /// Folder and name of its file, such as `envelope/no-payload`.
    pub id: String,
    /// What it is, in words.
    pub name: String,
    /// The input.
    pub bytes: Vec<u8>,
    /// What every surface says about it; none where the input is taken and judged later.
    pub says: Option<String>,
}

/// Every case of one kind, by name.
///
/// # Panics
/// When a file is not as `generate.py` writes it, or when there is none.
pub fn cases(kind: &str) -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/vectors/hostile")
        .join(kind);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut cases: Vec<Case> = files
        .map(|file| {
            let path = file.expect("a readable folder").path();
            let slug = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
            let text = fs::read(&path).expect("a readable file");
            case(
                format!("{kind}/{slug}"),
                &serde_json::from_slice(&text).expect("JSON"),
            )
        })
        .collect();
    cases.sort_by(|a, b| a.id.cmp(&b.id));
    assert!(!cases.is_empty(), "{kind} has cases");
    cases
}

fn case(id: String, file: &Value) -> Case {
    let text = |name: &str| file[name].as_str().map(str::to_owned);
    let parts = file["parts"].as_array().expect("parts");
    Case {
        name: text("name").expect("a name"),
        bytes: parts.iter().flat_map(part).collect(),
        says: text("says"),
        id,
    }
}

fn part(part: &Value) -> Vec<u8> {
    let text = |name: &str| part[name].as_str();
    match (text("text"), text("base64"), text("repeat")) {
        (Some(text), None, None) => text.as_bytes().to_vec(),
        (None, Some(encoded), None) => {
            let quoted = format!("\"{encoded}\"");
            let bytes: Base64Bytes = json::read(quoted.as_bytes(), quoted.len()).expect("base64");
            bytes.0
        }
        (None, None, Some(unit)) => {
            let times = part["times"].as_u64().and_then(|n| usize::try_from(n).ok());
            unit.as_bytes().repeat(times.expect("a count"))
        }
        _ => panic!("a part is text, base64 or a repetition: {part}"),
    }
}
