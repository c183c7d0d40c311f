//! `key new`: makes a signing key. Also reads keys for the commands that sign, and the note that
//! `publisher create` leaves beside a key.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io::{Read, Write},
    path::{Path, PathBuf},
};

use provenance::{
    PublisherName, RecordId,
    json::{self, At, FromJson, WrongValue},
    key::SigningKey,
};
use serde::Serialize;
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use crate::{
    failure::{Exit, Failure},
    output::{Output, Tone},
    shell::quoted,
};

/// Most bytes of a key or of the note beside it that are read.
const MAX_SMALL_FILE_BYTES: usize = 64 << 10;

/// What the note's name adds to that of its key.
pub(super) const NOTE_ENDING: &str = ".publisher.json";

/// Which publisher a key belongs to: `KEY.publisher.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct KeyNote {
    /// Format version, 1.
    pub(super) v: u32,
    /// The publisher's name.
    pub(super) publisher: PublisherName,
    /// Its genesis id.
    pub(super) genesis: RecordId,
    /// Log index of the genesis.
    pub(super) index: u64,
    /// The log that holds it.
    pub(super) origin: String,
    /// The key's id.
    pub(super) keyid: String,
    /// Who holds the key.
    pub(super) holder: String,
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

/// Makes a key pair.
pub(super) fn new(context: &Context, out: &Path, no_passphrase: bool) -> Result<Exit, Failure> {
    if !no_passphrase {
        return Err(Failure::usage("encrypted keys are not supported yet, so no key was written")
            .next("add --no-passphrase to write the key unencrypted, and keep the file where only you can read it"));
    }
    let mut seed = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *seed).map_err(|error| {
        Failure::new(Exit::Io, "the system gave no random bytes, so no key was made").why(error)
    })?;
    let key = SigningKey::from_seed(&seed);
    let public_path = beside(out, ".pub");
    // The public half goes first: if it cannot be written, no private key is left behind.
    write_new(&public_path, key.public().to_spki_pem().as_bytes(), 0o644)?;
    if let Err(failure) = write_new(out, key.to_pkcs8_pem().as_ref().as_bytes(), 0o600) {
        // Ours, made a moment ago; should removing it fail, the message below is still the one that matters.
        let _ = std::fs::remove_file(&public_path);
        return Err(failure.next("choose another name with --out"));
    }
    let keyid = key.public().keyid();
    if context.output.json {
        let report = json!({ "v": 1, "keyid": keyid, "private_key": out, "public_key": public_path });
        Output::print_json(&report)?;
    } else {
        let output = &context.output;
        Output::print(&format!(
            "{}\n  private key  {}   (not encrypted, readable by you only; whoever has it signs as you)\n  public key   {}\n  key id       {keyid}\n  next:        {}",
            output.paint("Key made", Tone::Good),
            out.display(),
            public_path.display(),
            context.again(&format!(
                "publisher create NAME --key {}",
                quoted(&out.display().to_string())
            )),
        ))?;
    }
    Ok(Exit::Done)
}

/// `path` with `ending` appended to its name.
pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Reads a private key.
pub(super) fn read_signing_key(path: &Path) -> Result<SigningKey, Failure> {
    let mut text = Zeroizing::new(String::new());
    let file = File::open(path).map_err(|error| Failure::io("open the key", path, &error))?;
    file.take(MAX_SMALL_FILE_BYTES as u64)
        .read_to_string(&mut text)
        .map_err(|error| Failure::io("read the key", path, &error))?;
    if text.contains("BEGIN ENCRYPTED PRIVATE KEY") {
        return Err(Failure::usage(format!("the key {} is encrypted", path.display()))
            .why("encrypted keys are not supported yet")
            .next("decrypt it: openssl pkey -in KEY -out PLAIN"));
    }
    if text.contains("BEGIN PUBLIC KEY") {
        return Err(Failure::usage(format!(
            "{} is a public key; signing needs the private one",
            path.display()
        ))
        .next("leave out the .pub"));
    }
    SigningKey::from_pkcs8_pem(&text).map_err(|error| {
        Failure::usage(format!("{} is not a usable key", path.display()))
            .why(error)
            .next("make one: weighbridge key new --out FILE --no-passphrase")
    })
}

/// Reads the note beside a key; none when there is none.
pub(super) fn read_note(key: &Path) -> Result<Option<KeyNote>, Failure> {
    read_note_at(&beside(key, NOTE_ENDING))
}

/// Reads a note by its own path; none when there is none.
pub(super) fn read_note_at(path: &Path) -> Result<Option<KeyNote>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("open", path, &error)),
    };
    let mut text = Vec::new();
    file.take(MAX_SMALL_FILE_BYTES as u64)
        .read_to_end(&mut text)
        .map_err(|error| Failure::io("read", path, &error))?;
    let note = json::read(&text, MAX_SMALL_FILE_BYTES).map_err(|error| {
        Failure::usage(format!("{} is not what publisher create writes", path.display()))
            .why(error)
            .next("move it away; publisher create writes it anew")
    })?;
    Ok(Some(note))
}

/// Writes a file that must not exist yet, with these permissions where the system has them.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, mode);
    #[cfg(not(unix))]
    let _ = mode;
    let mut file = options
        .open(path)
        .map_err(|error| Failure::io("create", path, &error))?;
    file.write_all(bytes)
        .and_then(|()| file.sync_all())
        .map_err(|error| Failure::io("write", path, &error))
}
