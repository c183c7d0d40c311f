//! `key backup`: an encrypted copy of a key, under a passphrase of its own, with what lies beside it.

use std::{
    fs::{self, File},
    io::{ErrorKind, Read as _},
    path::{Path, PathBuf},
};

use serde_json::json;

use super::{super::Context, NOTE_ENDING, PUBLIC_ENDING, beside, open, read_note, taken, write_new};
use crate::{
    args::KeyBackupArgs,
    failure::{Exit, Failure},
    key_file::{self, KeyFile},
    output::{Output, Tone},
};

/// Most bytes of a note that are copied.
const MAX_NOTE_BYTES: u64 = 64 << 10;

/// Files of the copy; they are removed again unless all of it succeeds.
#[derive(Default)]
struct Written(Vec<PathBuf>);

impl Written {
    fn write(&mut self, path: PathBuf, bytes: &[u8], mode: u32) -> Result<(), Failure> {
        write_new(&path, bytes, mode)?;
        self.0.push(path);
        Ok(())
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        for path in &self.0 {
            // Made a moment ago by us; the error that led here is the one to tell.
            let _ = fs::remove_file(path);
        }
    }
}

/// Copies a key, its public half and its note, and reads the copy back before it says so.
pub(crate) fn backup(context: &Context, args: &KeyBackupArgs) -> Result<Exit, Failure> {
    let (path, out) = (args.file.as_path(), args.out.as_path());
    let places = [
        out.to_owned(),
        beside(out, PUBLIC_ENDING),
        beside(out, NOTE_ENDING),
    ];
    if let Some(there) = places.iter().find(|place| place.symlink_metadata().is_ok()) {
        return Err(taken(there).next("choose another name with --out"));
    }
    let (old, new) = (args.passphrase.source(), args.new_passphrase.source());
    if old.descriptor.is_some() && old.descriptor == new.descriptor {
        return Err(
            Failure::usage("both passphrases are to come from one descriptor").next("use two, one for each")
        );
    }
    let note = note_bytes(path)?;
    let key = open(context, KeyFile::read(path)?, path, &args.passphrase)?;
    let passphrase = new.new_one(context.output, &format!("the copy {}", out.display()))?;
    let text = key_file::encode(&key, Some(&passphrase))?;

    let [private, public, noted] = places;
    let mut written = Written::default();
    written.write(public.clone(), key.public().to_spki_pem().as_bytes(), 0o644)?;
    if let Some(note) = &note {
        written.write(noted.clone(), note, 0o644)?;
    }
    written.write(private, text.as_bytes(), 0o600)?;
    let unequal = || {
        Failure::new(
            Exit::Io,
            format!("the copy {} did not read back as it was written", out.display()),
        )
        .why("it was removed again; the medium may be damaged")
        .next("try another place with --out")
    };
    let KeyFile::Encrypted(copy) = KeyFile::read(out)? else {
        return Err(unequal());
    };
    let copy = copy.open(&passphrase, out).map_err(|_| unequal())?;
    if copy.to_pkcs8_der().as_ref() != key.to_pkcs8_der().as_ref() {
        return Err(unequal());
    }
    written.0.clear();

    let keyid = key.public().keyid();
    let noted = note.is_some().then_some(noted);
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "private_key": out, "public_key": public, "note": noted, "keyid": keyid,
        }))?;
        return Ok(Exit::Done);
    }
    let publisher = match read_note(out)? {
        Some(note) => format!("\n  publisher    {}", note.publisher),
        None => String::new(),
    };
    let beside_it = noted.map_or_else(String::new, |noted| format!(", {}", noted.display()));
    Output::print(&format!(
        "{}\n  copy         {}   (encrypted; read back and compared)\n  with it      {}{beside_it}\n  key id       {keyid}{publisher}\n  to restore:  copy these files back, under the names you want; the copy's passphrase opens it",
        context.output.paint("Key backed up", Tone::Good),
        out.display(),
        public.display(),
    ))?;
    Ok(Exit::Done)
}

/// The note beside the key as it is; none when there is none.
fn note_bytes(key: &Path) -> Result<Option<Vec<u8>>, Failure> {
    // A note that does not read would be of no use in the copy.
    if read_note(key)?.is_none() {
        return Ok(None);
    }
    let path = beside(key, NOTE_ENDING);
    let mut bytes = Vec::new();
    match File::open(&path).and_then(|file| file.take(MAX_NOTE_BYTES).read_to_end(&mut bytes)) {
        Ok(_) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::io("read", &path, &error)),
    }
}
