//! `key change-passphrase`: the same key under another passphrase, in place.

use super::{super::Context, open};
use crate::{
    args::KeyPassphraseArgs,
    failure::{Exit, Failure},
    key_file::{self, KeyFile},
    output::{Output, Tone},
    trust_store,
};

/// Encrypts the key in a file anew. The old file stays as it is until the new one is whole and has been read again.
pub(crate) fn change_passphrase(context: &Context, args: &KeyPassphraseArgs) -> Result<Exit, Failure> {
    let path = args.file.as_path();
    let (old, new) = (args.passphrase.source(), args.new_passphrase.source());
    if old.descriptor.is_some() && old.descriptor == new.descriptor {
        return Err(
            Failure::usage("both passphrases are to come from one descriptor").next("use two, one for each")
        );
    }
    let key = open(context, KeyFile::read(path)?, path, &args.passphrase)?;
    let passphrase = if args.no_passphrase {
        None
    } else {
        Some(new.new_one(context.output, &path.display().to_string())?)
    };
    let text = key_file::encode(&key, passphrase.as_ref())?;
    let again = match (KeyFile::parse(&text, path)?, &passphrase) {
        (KeyFile::Encrypted(again), Some(passphrase)) => again.open(passphrase, path)?,
        (KeyFile::Plain(again), None) => *again,
        _ => return Err(unequal()),
    };
    if again.public() != key.public() {
        return Err(unequal());
    }
    trust_store::replace(path, text.as_bytes())?;
    let encrypted = passphrase.is_some();
    if context.output.json {
        Output::print_json(&serde_json::json!({
            "v": 1, "private_key": path, "keyid": key.public().keyid(), "encrypted": encrypted,
        }))?;
        return Ok(Exit::Done);
    }
    let (headline, detail) = if encrypted {
        let detail = "older copies of the file still open with the old passphrase";
        (context.output.paint("Passphrase changed", Tone::Good), detail)
    } else {
        let detail = "warning: not encrypted; whoever can read the file signs as you";
        (context.output.paint("Passphrase taken away", Tone::Open), detail)
    };
    Output::print(&format!(
        "{headline}\n  private key  {}   ({detail})",
        path.display()
    ))?;
    Ok(Exit::Done)
}

fn unequal() -> Failure {
    Failure::new(
        Exit::Io,
        "the key did not read back as it was, so nothing was written",
    )
    .next("run it again; if this stays so, test this computer's memory")
}
