//! `key show`: what a key file is, without changing or unlocking it.

use std::path::Path;

use provenance::key::PublicKey;
use serde_json::json;

use super::{super::Context, KeyNote, NOTE_ENDING, PUBLIC_ENDING, beside, read_note};
use crate::{
    args::{KeyShowArgs, PassphraseArgs},
    failure::{Exit, Failure},
    key_file::KeyFile,
    output::Output,
};

/// What is known of the key in a file.
struct Shown {
    /// `private`, `encrypted` or `public`.
    kind: &'static str,
    /// How it is encrypted.
    scheme: Option<String>,
    /// The public half, if anything tells it.
    public: Option<PublicKey>,
    /// Whether the public half is of this very file, rather than of the one beside it.
    checked: bool,
}

/// Shows a key file. Of an encrypted one, what can be said without its passphrase, unless that is given.
pub(crate) fn show(context: &Context, args: &KeyShowArgs) -> Result<Exit, Failure> {
    let path = args.file.as_path();
    let shown = look(context, path, &args.passphrase)?;
    let beside_it = beside(path, PUBLIC_ENDING);
    if shown.checked
        && shown.kind != "public"
        && let Ok(KeyFile::Public(other)) = KeyFile::read(&beside_it)
        && shown.public.as_ref() != Some(&other)
    {
        context.output.note(format!(
            "warning: {} is the public key of another private key, {}.",
            beside_it.display(),
            other.keyid()
        ));
    }
    // The note lies beside the private key; its public half has the same one.
    let private = path.to_str().and_then(|path| path.strip_suffix(PUBLIC_ENDING));
    let noted_at = match private {
        Some(private) if shown.kind == "public" => Path::new(private),
        _ => path,
    };
    let note = read_note(noted_at)?;
    let keyid = shown.public.as_ref().map(PublicKey::keyid);
    if let (Some(note), Some(keyid)) = (&note, keyid)
        && note.keyid != keyid.to_string()
    {
        context.output.note(format!(
            "warning: {} is about another key, {}.",
            beside(noted_at, NOTE_ENDING).display(),
            note.keyid
        ));
    }
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "file": path, "kind": shown.kind, "encryption": shown.scheme,
            "algorithm": shown.public.as_ref().map(PublicKey::algorithm), "keyid": keyid,
            "public_key": shown.public.as_ref().map(PublicKey::to_spki_pem), "checked": shown.checked,
            "publisher": note.as_ref().map(|note| json!({
                "publisher": note.publisher, "genesis": note.genesis, "origin": note.origin, "holder": note.holder,
                "keyid": note.keyid,
            })),
        }))?;
    } else {
        Output::print(&text(path, &shown, note.as_ref()))?;
    }
    Ok(Exit::Done)
}

fn look(context: &Context, path: &Path, passphrase: &PassphraseArgs) -> Result<Shown, Failure> {
    let known = |kind, scheme, public| Shown {
        kind,
        scheme,
        public: Some(public),
        checked: true,
    };
    Ok(match KeyFile::read(path)? {
        KeyFile::Public(public) => known("public", None, public),
        KeyFile::Plain(key) => known("private", None, key.public().clone()),
        KeyFile::Encrypted(key) if passphrase.source().is_given() => {
            let opened = key.open(&passphrase.source().existing(context.output, path)?, path)?;
            known("encrypted", Some(key.scheme()), opened.public().clone())
        }
        KeyFile::Encrypted(key) => Shown {
            kind: "encrypted",
            scheme: Some(key.scheme()),
            public: match KeyFile::read(&beside(path, PUBLIC_ENDING)) {
                Ok(KeyFile::Public(public)) => Some(public),
                _ => None,
            },
            checked: false,
        },
    })
}

fn text(path: &Path, shown: &Shown, note: Option<&KeyNote>) -> String {
    let kind = match (shown.kind, &shown.scheme) {
        ("public", _) => "public key".to_owned(),
        (_, Some(scheme)) => format!("private key, encrypted ({scheme})"),
        _ => "private key, not encrypted; whoever can read the file signs as you".to_owned(),
    };
    let mut lines = vec![format!("{}\n  kind       {kind}", path.display())];
    match &shown.public {
        Some(public) => {
            lines.push(format!("  algorithm  {}", public.algorithm()));
            lines.push(format!("  key id     {}", public.keyid()));
        }
        None => lines.push(
            "  key id     not known without the passphrase (--passphrase-file FILE), and there is no public key beside it".into(),
        ),
    }
    if let Some(note) = note {
        lines.push(format!("  publisher  {}, holder {}", note.publisher, note.holder));
        lines.push(format!("  genesis    {}", note.genesis));
        lines.push(format!("  log        {}, entry {}", note.origin, note.index));
    }
    if let (Some(public), false) = (&shown.public, shown.checked) {
        lines.push(format!(
            "  source     algorithm and key id are from {}; that the two belong together was not checked (--passphrase-file FILE does)",
            beside(path, PUBLIC_ENDING).display()
        ));
        lines.push(public.to_spki_pem());
    } else if let Some(public) = &shown.public {
        lines.push(public.to_spki_pem());
    }
    lines.join("\n").trim_end().to_owned()
}
