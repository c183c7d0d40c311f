//! `publisher create`: claims a name in the log. `publisher trust`: pins one in the trust file.

use std::path::Path;

use provenance::{
    PublisherName, RecordId,
    api::{RecordProof, paths},
    checkpoint::Checkpoint,
    dsse::Envelope,
    key::SigningKey,
    keyset::Keyset,
    statement::keyset_payload,
    trust::TrustFile,
};
use serde_json::json;

use super::{
    Context,
    key::{KeyNote, NOTE_ENDING, beside, read_note, read_signing_key},
    publish,
};
use crate::{
    args::PassphraseArgs,
    client::{Answer, Client},
    failure::{Exit, Failure},
    output::{Output, Tone},
    shell::quoted,
    trust_store::{self, Pinned},
};

/// Creates a publisher whose one key is the one in `key_path`. Doing it again gives the same answer.
pub(super) fn create(
    context: &Context,
    name: &PublisherName,
    key_path: &Path,
    passphrase: &PassphraseArgs,
    holder: Option<String>,
    invite: Option<&str>,
) -> Result<Exit, Failure> {
    let key = read_signing_key(context, key_path, passphrase)?;
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    let origin = origin(&client, trust.as_ref())?;
    let note = read_note(key_path)?;
    let noted_holder = note
        .as_ref()
        .filter(|note| note.publisher == *name)
        .map(|note| note.holder.clone());
    let holder = holder.or(noted_holder).unwrap_or_else(|| name.to_string());
    let payload = first_keyset(name, &origin, &key, &holder)?;
    let genesis = RecordId::of_payload(&payload);
    refuse_other_note(note.as_ref(), key_path, name, genesis)?;

    let already = publish::is_on_record(&client, &genesis)?;
    let envelope = Envelope::sign(payload.clone(), &[&key]).to_json();
    let receipt = match client.submit(&envelope, invite)? {
        Answer::Done(body) => client.parse::<RecordProof>(paths::ATTESTATIONS, &body)?,
        Answer::Refused(problem) => return Err(client.refused(paths::ATTESTATIONS, &problem)),
    };
    publish::check_receipt(trust.as_ref(), &client, &payload, &receipt)?;
    let note = KeyNote {
        v: 1,
        publisher: name.clone(),
        genesis,
        index: receipt.index,
        origin,
        keyid: key.public().keyid().to_string(),
        holder,
    };
    let note_path = beside(key_path, NOTE_ENDING);
    write_note(&note_path, &note)?;
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "publisher": note.publisher, "genesis": note.genesis, "index": note.index,
            "origin": note.origin, "keyid": note.keyid, "holder": note.holder, "leaf_hash": receipt.leaf_hash,
            "already": already,
        }))?;
    } else {
        let headline = if already {
            "Publisher already created; nothing changed"
        } else {
            "Publisher created"
        };
        let trust_it = context.again(&format!("publisher trust {name} {genesis}"));
        let attest = context.again(&format!(
            "attest DIR --publisher {name} --key {} --name {name}/MODEL --out att/",
            quoted(&key_path.display().to_string())
        ));
        Output::print(&format!(
            "{}\n  publisher  {name}\n  genesis    {genesis}   (name and genesis together are your identity; publish both)\n  log        {}, entry {}\n  noted in   {}\n  next:      {trust_it}\n             {attest}",
            context.output.paint(headline, Tone::Good),
            note.origin,
            note.index,
            note_path.display(),
        ))?;
    }
    Ok(Exit::Done)
}

/// Pins a publisher in the trust file.
pub(super) fn trust(context: &Context, name: &PublisherName, genesis: RecordId) -> Result<Exit, Failure> {
    let (path, pinned) = trust_store::pin(&context.global, name, genesis)?;
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "publisher": name, "genesis": genesis, "trust": path, "added": pinned == Pinned::Added,
        }))?;
    } else {
        let said = match pinned {
            Pinned::Added => format!("You now trust {name}"),
            Pinned::Already => format!("You trust {name} already"),
        };
        Output::print(&format!(
            "{}\n  genesis     {genesis}\n  trust file  {}",
            context.output.paint(said, Tone::Good),
            path.display()
        ))?;
    }
    Ok(Exit::Done)
}

/// The payload of a first keyset. The same facts give the same bytes, and so the same genesis.
fn first_keyset(
    name: &PublisherName,
    origin: &str,
    key: &SigningKey,
    holder: &str,
) -> Result<Vec<u8>, Failure> {
    let keyset = Keyset::first(
        name.clone(),
        origin.to_owned(),
        key.public().clone(),
        holder.to_owned(),
    )
    .map_err(|error| Failure::usage("these facts do not make a keyset").why(error))?;
    Ok(keyset_payload(&keyset))
}

/// The origin of the registry's log, which must be one the user trusts where a trust file says so.
fn origin(client: &Client, trust: Option<&TrustFile>) -> Result<String, Failure> {
    let note = client.checkpoint()?;
    let checkpoint = Checkpoint::parse(note.text()).map_err(|error| client.no_checkpoint(error))?;
    let origin = checkpoint.origin.to_string();
    let Some(trust) = trust else { return Ok(origin) };
    if trust
        .logs()
        .iter()
        .any(|log| log.key.name().to_string() == origin)
    {
        return Ok(origin);
    }
    let trusted: Vec<_> = trust
        .logs()
        .iter()
        .map(|log| log.key.name().to_string())
        .collect();
    Err(Failure::usage(format!(
        "the registry {} keeps the log {origin}",
        client.address()
    ))
    .why(format!("your trust file names {}", trusted.join(", ")))
    .next("name the right registry with --registry, or the right trust file with --trust"))
}

/// A key that is noted as another publisher's is not used for a second name by accident.
fn refuse_other_note(
    note: Option<&KeyNote>,
    key: &Path,
    name: &PublisherName,
    genesis: RecordId,
) -> Result<(), Failure> {
    match note {
        Some(note) if note.publisher != *name || note.genesis != genesis => Err(Failure::usage(format!(
            "this key already belongs to {} with genesis {}",
            note.publisher, note.genesis
        ))
        .why(format!("so says {}", beside(key, NOTE_ENDING).display()))
        .next("make another key, or move that file away if the log it names is gone")),
        _ => Ok(()),
    }
}

fn write_note(path: &Path, note: &KeyNote) -> Result<(), Failure> {
    let mut text = serde_json::to_vec_pretty(note)
        .map_err(|error| Failure::new(Exit::Io, format!("could not write {}", path.display())).why(error))?;
    text.push(b'\n');
    trust_store::replace(path, &text)
}
