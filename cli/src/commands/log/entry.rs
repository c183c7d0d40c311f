//! `log get` and `log prove`: single entries, each proved from tiles against the signed root.

use std::{fs, path::Path};

use provenance::{
    RecordId,
    api::{RecordProof, paths},
    entry::Entry,
    merkle::{
        InclusionProof, LeafIndex, ProveError,
        tile::{TileReadError, bundle_of},
    },
    path::visible,
    tlog_proof::TlogProof,
};
use serde_json::json;

use super::View;
use crate::{
    client::Client,
    failure::{Exit, Failure},
    output::{Output, grouped},
    tiles::{self, read_entries},
};

/// An entry that is in the tree of a view.
struct Proved {
    entry: Entry,
    proof: InclusionProof,
}

/// Shows the entry at `index`.
///
/// # Errors
/// [`Exit::Unknown`] when the log has no such entry, [`Exit::LogFault`], [`Exit::Network`].
pub(super) fn get(output: Output, client: &Client, view: &View, index: u64) -> Result<(), Failure> {
    let Proved { entry, .. } = proved(client, view, index)?;
    let keyids = entry.signatures.iter().map(|s| s.keyid.to_string());
    if output.json {
        return Output::print_json(&json!({
            "v": 1,
            "index": index,
            "size": view.checkpoint.head.size.get(),
            "leaf_hash": entry.leaf_hash().digest(),
            "publisher": entry.publisher,
            "kind": entry.kind,
            "record": entry.payload,
            "record_bytes": entry.size,
            "state": entry.state.to_string(),
            "keyids": keyids.collect::<Vec<_>>(),
            "entry": String::from_utf8_lossy(&entry.to_bytes()),
        }));
    }
    let shown = [
        format!(
            "entry      {} of {}",
            grouped(index),
            grouped(view.checkpoint.head.size.get())
        ),
        format!("publisher  {}", entry.publisher),
        format!("kind       {}", visible(&entry.kind)),
        format!("record     {}, {} bytes", entry.payload, grouped(entry.size)),
        format!("signed by  {}", keyids.collect::<Vec<_>>().join(", ")),
        format!("state      {}", entry.state),
        format!("leaf hash  {}", entry.leaf_hash().digest()),
        "proved     it is in the tree that the log's key signed".to_owned(),
        "not done   its signatures were not checked: log audit does that, and verify for a record".to_owned(),
    ];
    Output::print(&shown.join("\n"))
}

/// Writes the proof that `record` is logged.
///
/// # Errors
/// [`Exit::Unknown`] when it is not, [`Exit::LogFault`], [`Exit::Network`], [`Exit::Io`].
pub(super) fn prove(
    output: Output,
    client: &Client,
    view: &View,
    record: &RecordId,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let path = paths::record_proof(record);
    let answer = client.get_if_there(&path, crate::client::MAX_ANSWER_BYTES as u64)?;
    let Some(answer) = answer else {
        return Err(Failure::new(
            Exit::Unknown,
            format!("the log of {} has no record {record}", client.address()),
        ));
    };
    let claimed: RecordProof = client.parse(&path, &answer)?;
    let Proved { entry, proof, .. } = proved(client, view, claimed.index)?;
    if entry.payload != *record {
        let why = format!(
            "entry {} is not the record {record}, as it was said to be",
            claimed.index
        );
        return Err(client.fault(why));
    }
    let proof = TlogProof {
        extra: None,
        index: LeafIndex::new(claimed.index),
        proof,
        checkpoint: view.note.clone(),
    };
    let text = proof.to_string();
    if let Some(out) = out {
        fs::write(out, &text).map_err(|error| Failure::io("write", out, &error))?;
    }
    if output.json {
        let (index, size) = (claimed.index, view.checkpoint.head.size.get());
        return Output::print_json(
            &json!({ "v": 1, "record": record, "index": index, "size": size, "proof": text }),
        );
    }
    match out {
        // The text ends in a line feed of its own.
        None => Output::print(text.trim_end_matches('\n')),
        Some(out) => Output::print(&format!(
            "{}: entry {} is in the tree of {} that the log's key signed",
            out.display(),
            grouped(claimed.index),
            grouped(view.checkpoint.head.size.get())
        )),
    }
}

/// The entry at `index`, from its bundle, with the proof that it is in the tree of `view`.
fn proved(client: &Client, view: &View, index: u64) -> Result<Proved, Failure> {
    let head = view.checkpoint.head;
    let at = LeafIndex::new(index);
    let Some((coord, position)) = bundle_of(at, head.size) else {
        return Err(Failure::new(
            Exit::Unknown,
            format!(
                "the log has no entry {index}: it has {}, counted from 0",
                head.size
            ),
        ));
    };
    let wrong = |why: &dyn std::fmt::Display| client.fault(format!("entry {index}: {why}"));
    let bundle = read_entries(client, coord)?;
    let bytes = bundle.get(position);
    let bytes = bytes.ok_or_else(|| wrong(&format!("the bundle {coord} is too short")))?;
    let entry = Entry::parse(bytes).map_err(|error| wrong(&error))?;
    let proof = InclusionProof::prove(&tiles::reader(client, head.size), head.size, at);
    let proof = proof.map_err(|error| match error {
        ProveError::Read(TileReadError::Read(failure)) => failure,
        ProveError::Read(other) => wrong(&other),
        other => wrong(&other),
    })?;
    let leaf = entry.leaf_hash();
    proof.verify(&head, at, &leaf).map_err(|error| wrong(&error))?;
    Ok(Proved { entry, proof })
}
