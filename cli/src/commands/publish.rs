//! `publish`: sends signed records to the registry, uploads the sidecars it asks for, and checks the receipts.
//!
//! Sending a record twice changes nothing, so an interrupted run is simply run again.

use std::path::Path;

use provenance::{
    RecordId,
    api::{Problem, RecordProof, paths},
    checkpoint::Checkpoint,
    entry::Entry,
    path::visible,
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify,
};
use serde_json::json;

use super::Context;
use crate::{
    args::PublishArgs,
    att_folder::{StoredRecord, read_records, read_sidecar, sidecar_bytes},
    client::{Answer, Client, MAX_ANSWER_BYTES},
    failure::{Exit, Failure},
    output::{self, Output, Tone},
    trust_store,
};

/// How often one record is sent again after uploads; once is enough unless another cleans up in between.
const MAX_ROUNDS: usize = 4;

/// What the registry answered for one record.
struct Receipt {
    proof: RecordProof,
    /// Whether the registry had the record before.
    already: bool,
}

/// Whether a receipt was proved here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReceiptCheck {
    /// Against the log key in the trust file.
    Held,
    /// There is no trust file.
    NoTrustFile,
    /// The trust file does not name this log.
    OtherLog,
}

/// Publishes a folder that `attest` wrote.
pub(super) fn run(context: &Context, args: &PublishArgs) -> Result<Exit, Failure> {
    let records = read_records(&args.att)?;
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    announce(context, &args.att, &records, &client)?;
    let mut receipts = Vec::with_capacity(records.len());
    let mut checked = ReceiptCheck::Held;
    for record in &records {
        let already = is_on_record(&client, &RecordId::of_payload(&record.payload))?;
        let receipt = send(context, &client, &args.att, record)?;
        checked = check_receipt(trust.as_ref(), &client, &record.payload, &receipt)?;
        receipts.push(Receipt {
            proof: receipt,
            already,
        });
    }
    tell(context, &client, &receipts, checked)
}

/// Whether the registry has a record, by its own word.
pub(super) fn is_on_record(client: &Client, id: &RecordId) -> Result<bool, Failure> {
    let proof = client.get_if_there(&paths::record_proof(id), MAX_ANSWER_BYTES as u64)?;
    Ok(proof.is_some())
}

/// Says, before anything is sent, what will be.
fn announce(context: &Context, att: &Path, records: &[StoredRecord], client: &Client) -> Result<(), Failure> {
    let statements: usize = records.iter().map(|record| record.envelope.len()).sum();
    context.output.note(format!(
        "Only {} ({}) and at most {} of digests and tensor names (chunk digests are 8 bytes per MiB) leave this machine, to {}.\nThe files themselves stay here.",
        output::count(records.len(), "signed statement"),
        output::bytes(statements as u64),
        output::bytes(sidecar_bytes(att)?),
        client.address(),
    ));
    Ok(())
}

/// Sends one record; uploads what the registry misses, and sends it again.
fn send(
    context: &Context,
    client: &Client,
    att: &Path,
    record: &StoredRecord,
) -> Result<RecordProof, Failure> {
    for _ in 0..MAX_ROUNDS {
        match client.submit(&record.envelope, None)? {
            Answer::Done(body) => return client.parse(paths::ATTESTATIONS, &body),
            Answer::Refused(problem) if problem.code == "blobs-missing" => {
                upload(context, client, att, &problem)?;
            }
            Answer::Refused(problem) => {
                let failure = client.refused(paths::ATTESTATIONS, &problem);
                let what = format!("{}, sent from {}", failure.what, record.path.display());
                return Err(Failure { what, ..failure });
            }
        }
    }
    Err(Failure::new(
        Exit::Network,
        format!(
            "the registry {} keeps asking for the same sidecars",
            client.address()
        ),
    )
    .next("try again later; if it stays so, its operator has to look at it"))
}

fn upload(context: &Context, client: &Client, att: &Path, problem: &Problem) -> Result<(), Failure> {
    let Some(ticket) = &problem.ticket else {
        let failure = client.refused(paths::ATTESTATIONS, problem);
        return Err(Failure {
            exit: Exit::Network,
            ..failure
        }
        .next("the registry gave no upload ticket; try again"));
    };
    let mut sent = 0;
    for missing in &problem.missing {
        let bytes = read_sidecar(att, &missing.digest, missing.max_length)?;
        client.upload(&missing.digest, &bytes, ticket)?;
        sent += bytes.len() as u64;
    }
    context.output.note(format!(
        "sent {} ({})",
        output::count(problem.missing.len(), "sidecar"),
        output::bytes(sent)
    ));
    Ok(())
}

/// Proves a receipt against the trust file, where that names the log it comes from.
///
/// # Errors
/// [`Exit::LogFault`] when it does not hold.
pub(super) fn check_receipt(
    trust: Option<&TrustFile>,
    client: &Client,
    payload: &[u8],
    receipt: &RecordProof,
) -> Result<ReceiptCheck, Failure> {
    let id = RecordId::of_payload(payload);
    let fault = |why: String| {
        Failure::new(
            Exit::LogFault,
            format!(
                "the receipt of {} for record {id} does not hold",
                client.address()
            ),
        )
        .why(why)
        .next("keep it and ask the log's operator; the record may not be in the log")
    };
    let entry = Entry::parse(&receipt.entry.0).map_err(|error| fault(error.to_string()))?;
    if receipt.record != id || entry.payload != id {
        return Err(fault("it is for another record".into()));
    }
    if *entry.leaf_hash().digest() != receipt.leaf_hash {
        return Err(fault("the leaf hash is not that of the entry".into()));
    }
    let origin = origin_of(receipt).map_err(&fault)?;
    let Some(trust) = trust else {
        return Ok(ReceiptCheck::NoTrustFile);
    };
    if !covers(trust, client, &origin) {
        return Ok(ReceiptCheck::OtherLog);
    }
    let opened = verify::open(Some(trust), id, payload, receipt, None);
    match opened.fault() {
        Some(standing) => Err(fault(standing.detail.clone())),
        None => Ok(ReceiptCheck::Held),
    }
}

/// Whether the trust file has something to say about this registry: it names its address, or its log.
fn covers(trust: &TrustFile, client: &Client, origin: &str) -> bool {
    let same_address = trust_store::registry_address(trust).is_some_and(|url| url == client.address());
    same_address || trust.logs().iter().any(|log| log.key.name().as_str() == origin)
}

/// The log that a receipt says it comes from.
fn origin_of(receipt: &RecordProof) -> Result<String, String> {
    let proof = TlogProof::parse(&receipt.proof).map_err(|error| error.to_string())?;
    let checkpoint = Checkpoint::parse(proof.checkpoint.text()).map_err(|error| error.to_string())?;
    Ok(checkpoint.origin.to_string())
}

fn tell(
    context: &Context,
    client: &Client,
    receipts: &[Receipt],
    checked: ReceiptCheck,
) -> Result<Exit, Failure> {
    let held = checked == ReceiptCheck::Held;
    if context.output.json {
        let listed: Vec<_> = receipts
            .iter()
            .map(|Receipt { proof: r, already }| {
                json!({
                    "already": already, "record": r.record, "publisher": r.publisher, "kind": r.kind, "index": r.index,
                    "leaf_hash": r.leaf_hash, "proof": r.proof,
                })
            })
            .collect();
        Output::print_json(&json!({ "v": 1, "records": listed, "receipts_checked": held }))?;
        return Ok(Exit::Done);
    }
    let all_known = receipts.iter().all(|receipt| receipt.already);
    let headline = if all_known {
        "Already published; nothing changed"
    } else {
        "Published"
    };
    let mut lines = vec![context.output.paint(headline, Tone::Good)];
    lines.extend(receipts.iter().map(|Receipt { proof, already }| {
        let known = if *already && !all_known {
            "   (already published)"
        } else {
            ""
        };
        let (id, index, kind) = (proof.record, proof.index, visible(&proof.kind));
        format!("  record {id}   entry {index}   {kind}{known}")
    }));
    lines.push(match checked {
        ReceiptCheck::Held => "  receipts: checked here against the log key in your trust file".into(),
        ReceiptCheck::NoTrustFile => {
            "  receipts: not checked, since you have not chosen a log to trust yet".into()
        }
        ReceiptCheck::OtherLog => {
            "  receipts: not checked, since your trust file does not name this log".into()
        }
    });
    if let Some(Receipt { proof: last, .. }) = receipts.last() {
        lines.push(format!("  page:     {}/record/{}", client.address(), last.record));
        let verify = context.again(&format!("verify DIR --record {}", last.record));
        lines.push(format!("  next:     {verify}"));
    }
    Output::print(&lines.join("\n"))?;
    Ok(Exit::Done)
}
