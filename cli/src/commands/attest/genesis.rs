//! The publisher's genesis id, and whether key, publisher and genesis belong together as far as this computer knows.
//! A wrong key signs all the same, and the registry refuses the record; so what speaks against it is told here.

use std::{fs, path::Path};

use provenance::{PublisherName, RecordId, key::SigningKey};

use crate::{
    args::AttestArgs,
    commands::{
        Context,
        key::{KeyNote, NOTE_ENDING, beside, read_note, read_note_at},
    },
    failure::Failure,
    shell::quoted,
};

/// The genesis id, and why key, publisher and genesis may not belong together.
pub(super) struct Genesis {
    pub(super) id: RecordId,
    pub(super) doubt: Option<String>,
}

/// The genesis id: given, noted beside the key, or pinned.
pub(super) fn find(context: &Context, args: &AttestArgs, key: &SigningKey) -> Result<Genesis, Failure> {
    let keyid = key.public().keyid().to_string();
    let checked = |id| Genesis {
        id,
        doubt: doubt(context, args, id, &keyid),
    };
    if let Some(genesis) = args.genesis {
        return Ok(checked(genesis));
    }
    if let Some(note) = read_note(&args.key)? {
        if note.publisher == args.publisher && note.keyid == keyid {
            return Ok(Genesis {
                id: note.genesis,
                doubt: None,
            });
        }
        let (said, given) = other_note(&beside(&args.key, NOTE_ENDING), &note, args, &keyid);
        return Err(Failure::usage(said)
            .why(given)
            .next("give the key and the publisher that belong together, or --genesis ID"));
    }
    let pinned = context
        .trust()?
        .and_then(|trust| trust.pinned_genesis(&args.publisher));
    pinned
        .map(checked)
        .ok_or_else(|| unknown(context, &args.publisher, &args.key))
}

fn unknown(context: &Context, publisher: &PublisherName, key: &Path) -> Failure {
    let create = context.again(&format!(
        "publisher create {publisher} --key {}",
        quoted(&key.display().to_string())
    ));
    let key = key.display();
    Failure::usage(format!("the genesis id of {publisher} is not known"))
        .why(format!(
            "there is no {key}{NOTE_ENDING}, no pin in the trust file and no --genesis"
        ))
        .next(format!(
            "create the publisher first, or is this the wrong key? {create}"
        ))
}

/// What a note beside the key, or else the trust file, says against them. What cannot be read says nothing.
fn doubt(context: &Context, args: &AttestArgs, genesis: RecordId, keyid: &str) -> Option<String> {
    let contradicted = |path: &Path, note: &KeyNote| {
        let (said, given) = other_note(path, note, args, keyid);
        format!("{said}; {given}. Is this the wrong key? A registry refuses a record that another key signed")
    };
    if let Ok(Some(note)) = read_note(&args.key) {
        let path = beside(&args.key, NOTE_ENDING);
        if note.publisher != args.publisher || note.keyid != keyid {
            return Some(contradicted(&path, &note));
        }
        return (note.genesis != genesis).then(|| {
            format!(
                "{} has the genesis {}, and you gave {genesis}. A registry refuses a record with the wrong one",
                path.display(),
                note.genesis
            )
        });
    }
    let folder = args.key.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside_it = fs::read_dir(folder.unwrap_or(Path::new(".")));
    for entry in beside_it.into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().ends_with(NOTE_ENDING) {
            continue;
        }
        if let Ok(Some(note)) = read_note_at(&entry.path())
            && note.publisher == args.publisher
            && note.genesis == genesis
            && note.keyid != keyid
        {
            return Some(contradicted(&entry.path(), &note));
        }
    }
    let trust = context.trust().ok().flatten()?;
    let pinned = trust.pinned_genesis(&args.publisher)?;
    (pinned != genesis).then(|| {
        format!(
            "your trust file pins {} with the genesis {pinned}, and you gave {genesis}. One of the two is not theirs",
            args.publisher
        )
    })
}

/// What a note is about, and what was given.
fn other_note(path: &Path, note: &KeyNote, args: &AttestArgs, keyid: &str) -> (String, String) {
    let said = format!(
        "{} is about the publisher {} and key {}",
        path.display(),
        note.publisher,
        note.keyid
    );
    let given = format!(
        "you gave --publisher {}, and {} is key {keyid}",
        args.publisher,
        args.key.display()
    );
    (said, given)
}
