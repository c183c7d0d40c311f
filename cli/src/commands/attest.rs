//! `attest`: hashes an artifact once and signs what was found. Uses no network.

mod genesis;
mod shards;
mod suitable;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use provenance::{
    Sha256Digest,
    dsse::{Envelope, MAX_PAYLOAD_BYTES},
    key::SigningKey,
    manifest::{Manifest, ManifestFile},
    path::{BUNDLE_ENDING, PathError, RelativePath, visible},
    record::Record,
    statement::{Run, SubjectFacts, provenance_payload, signature_payload},
    tensor::{Format, Layout, MAX_INDEX_BYTES},
};
use serde_json::json;

use self::{genesis::Genesis, shards::Layouts};
use super::{Context, key::read_signing_key};
use crate::{
    args::AttestArgs,
    att_folder::{AttFolder, SignedRecord},
    failure::{Exit, Failure},
    hashing::{Depth, hash_files, thread_count},
    header::read_layout,
    output::{self, Output, Tone},
    progress::Progress,
    shell::quoted,
    walk::{Found, Purpose, Walk, walk},
};

/// Everything that was computed about the files.
struct Weighed {
    manifest: Manifest,
    sidecars: BTreeMap<Sha256Digest, Vec<u8>>,
}

/// Hashes, signs and writes the folder that `publish` sends.
pub(super) fn run(context: &Context, args: &AttestArgs) -> Result<Exit, Failure> {
    let key = read_signing_key(context, &args.key, &args.passphrase)?;
    let Genesis { id: genesis, doubt } = genesis::find(context, args, &key)?;
    if let Some(doubt) = &doubt {
        context.output.note(format!("warning: {doubt}."));
    }
    let facts = SubjectFacts {
        publisher: args.publisher.clone(),
        genesis,
        name: args.name.clone(),
        version: args.version.clone(),
        official: args.official.clone(),
    };
    let run = run_of(args)?;
    refuse_unusable_facts(&facts, run.as_ref(), &key)?;
    let folder = AttFolder::prepare(&args.out, args.force)?;
    let found = walk(&args.path, Purpose::Sign)?;
    let paths = listable_paths(&found)?;
    suitable::check(&found, args)?;
    let weighed = weigh(context, &args.path, &found, paths)?;
    let bundles: Vec<_> = found
        .ignored
        .iter()
        .filter(|name| name.ends_with(BUNDLE_ENDING))
        .cloned()
        .collect();
    let records = sign(&facts, &weighed.manifest, &bundles, run.as_ref(), &key)?;
    folder.write(&records, &weighed.sidecars)?;
    tell(context, &args.out, &found, &weighed, &records, doubt)
}

/// The files' names as a manifest may hold them.
fn listable_paths(found: &Walk) -> Result<Vec<RelativePath>, Failure> {
    let listable = |file: &Found| {
        file.path.parse().map_err(|error| {
            Failure::usage(format!(
                "{} cannot be recorded",
                visible(&file.source.path.to_string_lossy())
            ))
            .why(error)
            .next("rename the file")
        })
    };
    found.files.iter().map(listable).collect()
}

/// Reads the tensor indexes, then hashes every byte once.
fn weigh(context: &Context, root: &Path, found: &Walk, paths: Vec<RelativePath>) -> Result<Weighed, Failure> {
    let mut layouts = Layouts::new();
    for file in &found.files {
        if let Some(format) = Format::of_name(&file.path) {
            layouts.insert(&file.path, layout(file, format)?);
        }
    }
    shards::check(&found.files, &layouts)?;
    let mut sidecars = BTreeMap::new();
    let mut indexes = Vec::with_capacity(found.files.len());
    for file in &found.files {
        let layout = layouts.remove(file.path.as_str());
        let bytes = layout.map(|layout| index_bytes(file, &layout)).transpose()?;
        indexes.push(bytes.map(|bytes| {
            let digest = Sha256Digest::of(&bytes);
            sidecars.insert(digest, bytes);
            digest
        }));
    }
    let total = found.total_bytes();
    context.output.note(format!(
        "hashing {}  ({}, {})",
        root.display(),
        output::count(found.files.len(), "file"),
        output::bytes(total)
    ));
    let progress = Progress::new(total, context.output.wants_progress());
    let hashed = hash_files(&found.sources(), Depth::ChunksAndWhole, thread_count(), &|n| {
        progress.add(n);
    })?;
    drop(progress);
    let mut files = Vec::with_capacity(hashed.len());
    for (((file, path), hashed), tensors) in found.files.iter().zip(paths).zip(hashed).zip(indexes) {
        let list = hashed.chunks.to_bytes();
        let chunks = Sha256Digest::of(&list);
        if !list.is_empty() {
            sidecars.insert(chunks, list);
        }
        files.push(ManifestFile {
            path,
            size: file.source.stamp.size,
            sha256: hashed.sha256.expect("whole files were asked for"),
            chunks,
            chunk0: hashed.chunks.chunk0(),
            tensors,
        });
    }
    let manifest = Manifest::new(files).map_err(|error| {
        Failure::usage(format!("the files of {} cannot be recorded", root.display()))
            .why(error)
            .next("rename or split, then attest again")
    })?;
    Ok(Weighed { manifest, sidecars })
}

/// The layout of a file whose name promises `format`.
fn layout(file: &Found, format: Format) -> Result<Layout, Failure> {
    let refused = |why: String, next: &str| {
        Failure::usage(format!("{} does not read as {}", file.path, format.name()))
            .why(why)
            .next(next)
    };
    let layout = read_layout(&file.source)?.map_err(|error| {
        if error.is_unsupported() {
            let next = "its record must list its tensors; attest it with a version of weighbridge that reads it, or \
                        leave it out of the folder";
            return refused(error.to_string(), next);
        }
        refused(error.to_string(), "download or convert it again")
    })?;
    if layout.format != format {
        let why = format!("it is {}, under another name", layout.format.name());
        return Err(refused(why, "rename it to what it is"));
    }
    Ok(layout)
}

/// The tensor index of a file, as its sidecar's bytes.
fn index_bytes(file: &Found, layout: &Layout) -> Result<Vec<u8>, Failure> {
    let bytes = layout.index.to_bytes();
    if bytes.len() <= MAX_INDEX_BYTES {
        return Ok(bytes);
    }
    let (size, limit) = (
        output::bytes(bytes.len() as u64),
        output::bytes(MAX_INDEX_BYTES as u64),
    );
    let what = format!("the tensors of {} cannot be recorded", file.path);
    Err(Failure::usage(what)
        .why(format!("their list has {size}, at most {limit} are recorded"))
        .next("split the file into parts"))
}

/// What `--stage`, `--input` and `--metric` say together.
fn run_of(args: &AttestArgs) -> Result<Option<Run>, Failure> {
    let Some(stage) = &args.stage else { return Ok(None) };
    let mut metrics = BTreeMap::new();
    for metric in &args.metrics {
        if metrics
            .insert(metric.name.clone(), metric.value.clone())
            .is_some()
        {
            return Err(
                Failure::usage(format!("the metric {} is given twice", metric.name)).next("give each once"),
            );
        }
    }
    let inputs = args.inputs.iter().map(|input| input.0.clone()).collect();
    Ok(Some(Run {
        stage: stage.clone(),
        inputs,
        metrics,
    }))
}

/// Makes the records of an empty file from these facts, so that what no reader would accept is refused before the
/// hashing, which may take minutes.
fn refuse_unusable_facts(facts: &SubjectFacts, run: Option<&Run>, key: &SigningKey) -> Result<(), Failure> {
    let nothing = Sha256Digest::OF_NOTHING;
    let path = "empty"
        .parse()
        .map_err(|error: PathError| Failure::usage("no path can be recorded").why(error))?;
    let file = ManifestFile {
        path,
        size: 0,
        sha256: nothing,
        chunks: nothing,
        chunk0: nothing,
        tensors: None,
    };
    let manifest =
        Manifest::new(vec![file]).map_err(|error| Failure::usage("no file can be recorded").why(error))?;
    sign(facts, &manifest, &[], run, key).map(drop)
}

/// The records in the order in which they are published: how it was made, then what it is.
fn sign(
    facts: &SubjectFacts,
    manifest: &Manifest,
    bundles: &[String],
    run: Option<&Run>,
    key: &SigningKey,
) -> Result<Vec<SignedRecord>, Failure> {
    let mut records = Vec::new();
    let mut made_by = Vec::new();
    if let Some(run) = run {
        let record = signed("provenance", provenance_payload(facts, manifest, run), key)?;
        made_by.push(record.id);
        records.push(record);
    }
    records.push(signed(
        "signature",
        signature_payload(facts, manifest, bundles, &made_by),
        key,
    )?);
    Ok(records)
}

/// Signs a payload that reads back as a record; one that does not would be refused by every reader.
fn signed(kind: &'static str, payload: Vec<u8>, key: &SigningKey) -> Result<SignedRecord, Failure> {
    if payload.len() > MAX_PAYLOAD_BYTES {
        let size = output::bytes(payload.len() as u64);
        return Err(Failure::usage(format!("the {kind} record would have {size}"))
            .why(format!(
                "a record has at most {}, about 20,000 files",
                output::bytes(MAX_PAYLOAD_BYTES as u64)
            ))
            .next("pack small files together, or attest sub-folders one by one"));
    }
    let record = Record::parse(&payload).map_err(|error| {
        Failure::usage(format!("these facts do not make a {kind} record"))
            .why(error)
            .next("correct --name, --version, --official, --input or --metric")
    })?;
    Ok(SignedRecord {
        id: record.id,
        kind,
        envelope: Envelope::sign(payload, &[key]).to_json(),
    })
}

fn tell(
    context: &Context,
    out: &PathBuf,
    found: &Walk,
    weighed: &Weighed,
    records: &[SignedRecord],
    doubt: Option<String>,
) -> Result<Exit, Failure> {
    let Weighed { manifest, sidecars } = weighed;
    // Lineage goes from one making to the next; a record without one is named by itself.
    let parent = records.first().map(|record| record.id);
    let sidecar_bytes: usize = sidecars.values().map(Vec::len).sum();
    if context.output.json {
        let listed: Vec<_> = records
            .iter()
            .map(|r| json!({ "record": r.id, "kind": r.kind }))
            .collect();
        Output::print_json(&json!({
            "v": 1, "records": listed, "out": out, "files": manifest.files().len(), "bytes": manifest.total_bytes(),
            "dir_hash1": manifest.dir_hash1(), "oms_root": manifest.oms_root(),
            "oms_root_components": manifest.oms_root_components(), "sidecar_bytes": sidecar_bytes,
            "input_record": parent, "ignored": found.ignored, "ignored_files": found.ignored_files,
            "warnings": Vec::from_iter(doubt),
        }))?;
        return Ok(Exit::Done);
    }
    let mut lines = vec![
        format!(
            "{}  {}, {}",
            context.output.paint("Signed", Tone::Good),
            output::count(manifest.files().len(), "file"),
            output::bytes(manifest.total_bytes()),
        ),
        format!("  dirHash1               {}", manifest.dir_hash1()),
        format!("  OMS root               {}", manifest.oms_root()),
        format!("  OMS root (Python tool) {}", manifest.oms_root_components()),
    ];
    lines.extend(
        records
            .iter()
            .map(|record| format!("  {:<10} record      {}", record.kind, record.id)),
    );
    if let Some(parent) = parent {
        lines.push(format!(
            "  as --input             ROLE={parent}   (when you attest what is made from this)"
        ));
    }
    if let Some(left_out) = found.left_out() {
        lines.push(format!("  left out               {left_out}"));
    }
    let publish = context.again(&format!("publish {}", quoted(&out.display().to_string())));
    lines.push(format!("  next:                  {publish}"));
    Output::print(&lines.join("\n"))?;
    Ok(Exit::Done)
}
