//! `oms export`: a record's own statement, signed once more with a P-256 key, as one `model.sig`.

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
};

use provenance::{
    RecordId,
    api::paths,
    dsse::{MAX_PAYLOAD_BYTES, pae},
    key::{KeyAlgorithm, SigningKey},
    oms::bundle_json,
    path::visible,
    record::{Body, Record},
};
use serde_json::json;

use crate::{
    args::OmsExportArgs,
    att_folder::read_records,
    commands::{Context, key::read_signing_key, verify::open_named},
    failure::{Exit, Failure},
    output::{Output, Tone},
    shell::quoted,
    trust_store,
};

/// Writes the signature.
pub(super) fn run(context: &Context, args: &OmsExportArgs) -> Result<Exit, Failure> {
    refuse_to_overwrite(args)?;
    let secret = read_p256_key(context, args)?;
    let payload = payload(context, &args.what)?;
    let record = RecordId::of_payload(&payload);
    let hint = secret.public().keyid();
    let bundle = bundle_json(&payload, &secret.sign(&pae(&payload)), &hint.to_string());
    write(&args.out, &bundle, args.force)?;
    if context.output.json {
        Output::print_json(&json!({ "v": 1, "record": record, "signature": args.out, "key": hint }))?;
        return Ok(Exit::Done);
    }
    let out = quoted(&args.out.display().to_string());
    Output::print(&format!(
        "{}  {}\n  record       {record}\n  key          P-256  {hint}\n  verify with  weighbridge oms verify PATH --signature {out} --public-key KEY.pub\n  or           model_signing verify key PATH --signature {out} --public_key KEY.pub",
        context.output.paint("Written", Tone::Good),
        args.out.display(),
    ))?;
    Ok(Exit::Done)
}

fn refuse_to_overwrite(args: &OmsExportArgs) -> Result<(), Failure> {
    if args.force || args.out.symlink_metadata().is_err() {
        return Ok(());
    }
    Err(
        Failure::new(Exit::Io, format!("{} is there already", args.out.display()))
            .next("add --force to replace it, or give another name with -o"),
    )
}

fn read_p256_key(context: &Context, args: &OmsExportArgs) -> Result<SigningKey, Failure> {
    let path = args.key.as_path();
    let key = read_signing_key(context, path, &args.passphrase)?;
    if key.public().algorithm() == KeyAlgorithm::P256 {
        return Ok(key);
    }
    Err(Failure::usage(format!("{} is not a P-256 key", path.display()))
        .why("the Python tool model_signing verifies no Ed25519 signature, and Sigstore clients expect P-256")
        .next("make one: weighbridge key new --algorithm p256 --out p256.key"))
}

/// The payload of the signature record that `what` names.
fn payload(context: &Context, what: &str) -> Result<Vec<u8>, Failure> {
    let folder = Path::new(what);
    match what.parse::<RecordId>() {
        Ok(id) if !folder.exists() => published(context, id),
        _ if folder.is_dir() => attested(folder),
        _ => Err(Failure::usage(format!("{} is neither a record id nor a folder", visible(what)))
            .next("give the id that attest and publish print as the signature record, or the folder that attest wrote")),
    }
}

/// From a folder that `attest` wrote.
fn attested(folder: &Path) -> Result<Vec<u8>, Failure> {
    let records = read_records(folder)?;
    let mut found = records
        .into_iter()
        .map(|record| record.payload)
        .filter(|payload| {
            Record::parse(payload).is_ok_and(|record| matches!(record.body, Body::Signature(_)))
        });
    match (found.next(), found.next()) {
        (Some(payload), None) => Ok(payload),
        (None, _) => Err(not_a_signature_record(&folder.display().to_string())),
        (Some(_), Some(_)) => Err(Failure::usage(format!(
            "{} holds several signature records",
            folder.display()
        ))
        .next("publish them, and export each by its record id")),
    }
}

/// From the registry, proved against the trust file.
fn published(context: &Context, id: RecordId) -> Result<Vec<u8>, Failure> {
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    if trust.is_none() {
        return Err(Failure::new(
            Exit::Untrusted,
            "there is no trust file to prove the record against",
        )
        .next(trust_store::how_to_choose_a_log(
            &context.global,
            Some(client.address()),
        )));
    }
    let Some(opened) = open_named(&client, trust.as_ref(), id)? else {
        return Err(
            Failure::new(Exit::Unknown, format!("{} has no record {id}", client.address()))
                .next("check the id; attest and publish print it"),
        );
    };
    if let Some(fault) = opened.fault() {
        return Err(
            Failure::new(Exit::LogFault, format!("the record {id} does not hold"))
                .why(&fault.detail)
                .next("keep this output and ask the log's operator"),
        );
    }
    if opened.manifest().is_none() {
        return Err(not_a_signature_record(&format!("the record {id}")));
    }
    if !opened.is_trusted() {
        let failure = Failure::new(
            Exit::Untrusted,
            format!("the record {id} is of a publisher you have not chosen to trust"),
        );
        return Err(match opened.identity() {
            Some(who) => failure.next(format!(
                "if you know {} by this genesis: {}",
                who.publisher,
                context.again(&format!("publisher trust {} {}", who.publisher, who.genesis))
            )),
            None => failure,
        });
    }
    if let Some(stale) = opened.stale() {
        context.output.note(format!(
            "warning: the record may not be current: {}.",
            stale.detail
        ));
    }
    let payload = client.get_if_there(&paths::record(&id), MAX_PAYLOAD_BYTES as u64)?;
    payload
        .filter(|payload| RecordId::of_payload(payload) == id)
        .ok_or_else(|| {
            Failure::new(
                Exit::Network,
                format!(
                    "{} answered with two different texts for the record {id}",
                    client.address()
                ),
            )
        })
}

fn not_a_signature_record(what: &str) -> Failure {
    Failure::usage(format!("{what} is no signature record"))
        .why("only a record that lists files is an OMS signature; how a model was made is not in one")
        .next("give the id that attest and publish print as the signature record")
}

/// Writes the file whole or not at all.
fn write(path: &Path, bytes: &[u8], force: bool) -> Result<(), Failure> {
    if force {
        return trust_store::replace(path, bytes);
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = write_beside(&temporary, path, bytes);
    // It has its name now, or is of no use.
    let _ = fs::remove_file(&temporary);
    written.map_err(|error| Failure::io("write", path, &error))
}

fn write_beside(temporary: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::options().write(true).create_new(true).open(temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    // Unlike a rename, a second name is refused where the first came into being meanwhile.
    match fs::hard_link(temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Err(error),
        // Not every file system has hard links.
        Err(_) => fs::rename(temporary, path),
        Ok(()) => Ok(()),
    }
}
