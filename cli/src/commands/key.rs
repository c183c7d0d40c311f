//! `key`: making, showing and keeping signing keys. Also opens keys for the commands that sign.

mod backup;
mod note;
mod passphrase;
mod show;

use std::{fs::OpenOptions, io::Write, path::Path};

use provenance::key::{KeyAlgorithm, SigningKey};
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use crate::{
    args::{KeyNewArgs, PassphraseArgs},
    failure::{Exit, Failure},
    key_file::{self, KeyFile},
    output::{Output, Tone},
    shell::quoted,
};

pub(super) use self::{
    backup::backup,
    note::{KeyNote, NOTE_ENDING, beside, read_note, read_note_at},
    passphrase::change_passphrase,
    show::show,
};

/// What the name of a public key adds to that of its private key.
const PUBLIC_ENDING: &str = ".pub";

/// Makes a key pair.
pub(super) fn new(context: &Context, args: &KeyNewArgs) -> Result<Exit, Failure> {
    let (out, public_path) = (args.out.as_path(), beside(&args.out, PUBLIC_ENDING));
    // Nobody types a passphrase twice to hear that the name is taken.
    for path in [out, &public_path] {
        if path.symlink_metadata().is_ok() {
            return Err(taken(path).next("choose another name with --out"));
        }
    }
    let passphrase = if args.no_passphrase {
        None
    } else {
        let source = args.passphrase.source();
        let chosen = source.new_one(context.output, &out.display().to_string());
        Some(chosen.map_err(|failure| failure.or_next("or --no-passphrase to write it unencrypted"))?)
    };
    let key = generate(args.algorithm.into())?;
    let text = key_file::encode(&key, passphrase.as_ref())?;
    // The public half goes first: if it cannot be written, no private key is left behind.
    write_new(&public_path, key.public().to_spki_pem().as_bytes(), 0o644)?;
    if let Err(failure) = write_new(out, text.as_bytes(), 0o600) {
        // Ours, made a moment ago; should removing it fail, the message below is still the one that matters.
        let _ = std::fs::remove_file(&public_path);
        return Err(failure.next("choose another name with --out"));
    }
    let (keyid, algorithm) = (key.public().keyid(), key.public().algorithm());
    let encrypted = passphrase.is_some();
    if context.output.json {
        let report = json!({
            "v": 1, "keyid": keyid, "algorithm": algorithm, "encrypted": encrypted,
            "private_key": out, "public_key": public_path,
        });
        Output::print_json(&report)?;
    } else {
        let protection = if encrypted {
            "encrypted with your passphrase, which nobody can restore"
        } else {
            "not encrypted, readable by you only; whoever has it signs as you"
        };
        Output::print(&format!(
            "{}\n  algorithm    {algorithm}\n  private key  {}   ({protection})\n  public key   {}\n  key id       {keyid}\n  next:        {}",
            context.output.paint("Key made", Tone::Good),
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

fn generate(algorithm: KeyAlgorithm) -> Result<SigningKey, Failure> {
    let mut seed = Zeroizing::new([0; 32]);
    loop {
        key_file::fill(&mut *seed)?;
        match algorithm {
            KeyAlgorithm::Ed25519 => return Ok(SigningKey::from_seed(&seed)),
            // One seed in 2^32 is no scalar of the curve.
            KeyAlgorithm::P256 => {
                if let Ok(key) = SigningKey::p256_from_seed(&seed) {
                    return Ok(key);
                }
            }
        }
    }
}

/// Opens the private key at `path`, asking for its passphrase where it has one.
///
/// # Errors
/// When the file, or the passphrase, is not the right one.
pub(super) fn read_signing_key(
    context: &Context,
    path: &Path,
    passphrase: &PassphraseArgs,
) -> Result<SigningKey, Failure> {
    open(context, KeyFile::read(path)?, path, passphrase)
}

fn open(context: &Context, file: KeyFile, path: &Path, args: &PassphraseArgs) -> Result<SigningKey, Failure> {
    match file {
        KeyFile::Plain(key) => {
            if args.source().is_given() {
                context.output.note(format!(
                    "note: {} is not encrypted; the passphrase was not used.",
                    path.display()
                ));
            }
            Ok(*key)
        }
        KeyFile::Encrypted(key) => key.open(&args.source().existing(context.output, path)?, path),
        KeyFile::Public(_) => Err(Failure::usage(format!(
            "{} is a public key; the private one is needed",
            path.display()
        ))
        .next("leave out the .pub")),
    }
}

fn taken(path: &Path) -> Failure {
    Failure::io("create", path, &std::io::ErrorKind::AlreadyExists.into())
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
