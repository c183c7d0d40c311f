//! The note that `publisher create` leaves beside a key: whose it is.

use std::{
    ffi::OsString,
    fs::File,
    io::Read,
    path::{Path, PathBuf},
};

use provenance::{
    PublisherName, RecordId,
    json::{self, At, FromJson, WrongValue},
};
use serde::Serialize;

use crate::failure::Failure;

/// Most bytes of a note that are read.
const MAX_NOTE_BYTES: usize = 64 << 10;

/// What the note's name adds to that of its key.
pub(crate) const NOTE_ENDING: &str = ".publisher.json";

/// Which publisher a key belongs to: `KEY.publisher.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct KeyNote {
    /// Format version, 1.
    pub(crate) v: u32,
    /// The publisher's name.
    pub(crate) publisher: PublisherName,
    /// Its genesis id.
    pub(crate) genesis: RecordId,
    /// Log index of the genesis.
    pub(crate) index: u64,
    /// The log that holds it.
    pub(crate) origin: String,
    /// The key's id.
    pub(crate) keyid: String,
    /// Who holds the key.
    pub(crate) holder: String,
}

impl FromJson for KeyNote {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.get("v")?,
            publisher: at.get("publisher")?,
            genesis: at.get("genesis")?,
            index: at.get("index")?,
            origin: at.get("origin")?,
            keyid: at.get("keyid")?,
            holder: at.get("holder")?,
        })
    }
}

/// `path` with `ending` appended to its name.
pub(crate) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Reads the note beside a key; none when there is none.
pub(crate) fn read_note(key: &Path) -> Result<Option<KeyNote>, Failure> {
    read_note_at(&beside(key, NOTE_ENDING))
}

/// Reads a note by its own path; none when there is none.
pub(crate) fn read_note_at(path: &Path) -> Result<Option<KeyNote>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("open", path, &error)),
    };
    let mut text = Vec::new();
    file.take(MAX_NOTE_BYTES as u64)
        .read_to_end(&mut text)
        .map_err(|error| Failure::io("read", path, &error))?;
    let note = json::read(&text, MAX_NOTE_BYTES).map_err(|error| {
        Failure::usage(format!("{} is not what publisher create writes", path.display()))
            .why(error)
            .next("move it away; publisher create writes it anew")
    })?;
    Ok(Some(note))
}
