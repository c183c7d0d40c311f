//! `bundle`: packs a record with everything that proves it into one file, or renews the proofs of such a file.
//!
//! What is written was read back and proved first. A bundle never goes backwards: the new view of the log has to
//! contain the old one.

mod consistency;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use provenance::{
    RecordId, Sha256Digest,
    api::{RecordProof, paths},
    bundle::{BuildError, Bundle, BundleBuilder},
    chunk::chunk_count,
    dsse::MAX_PAYLOAD_BYTES,
    manifest::Manifest,
    record::{Body, Record},
    tensor::MAX_INDEX_BYTES,
    tlog_proof::TlogProof,
    trust::TrustFile,
    verify,
};
use serde_json::json;

use super::{Context, now};
use crate::{
    args::BundleArgs,
    bundle_file::{self, about, file_name},
    client::Client,
    failure::{Exit, Failure},
    output::{self, Output, Tone, count},
    trust_store,
};

/// How often the proofs are fetched anew when the log grows between two of them.
const MAX_ROUNDS: usize = 5;

/// What a bundle is made of, apart from proofs.
#[derive(Default)]
struct Parts {
    payloads: BTreeMap<RecordId, Vec<u8>>,
    blobs: BTreeMap<Sha256Digest, Vec<u8>>,
}

/// Makes or renews a bundle.
pub(super) fn run(context: &Context, args: &BundleArgs) -> Result<Exit, Failure> {
    let trust = context.trust()?;
    let client = context.needed_registry(trust.as_ref())?;
    match (&args.refresh, args.record) {
        (Some(file), _) => refresh(context, &client, trust.as_ref(), file),
        (None, Some(id)) => make(context, &client, trust.as_ref(), args, id),
        (None, None) => Err(Failure::usage("neither a record nor a bundle to renew was named")
            .next("weighbridge bundle RECORD, or weighbridge bundle --refresh FILE")),
    }
}

fn make(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    args: &BundleArgs,
    id: RecordId,
) -> Result<Exit, Failure> {
    if let Some(path) = args.out.as_ref().filter(|_| !args.force) {
        bundle_file::check_free(path)?;
    }
    let mut parts = Parts::default();
    let record = parts.fetch_record(client, id)?.ok_or_else(|| {
        Failure::new(Exit::Unknown, format!("{} has no record {id}", client.address()))
            .next("check the id; weighbridge publish and verify print it")
    })?;
    let path = args
        .out
        .clone()
        .unwrap_or_else(|| PathBuf::from(file_name(&name_of(&record))));
    if !args.force {
        bundle_file::check_free(&path)?;
    }
    if let Body::Signature(signature) = &record.body {
        for parent in &signature.provenance {
            if parts.fetch_record(client, *parent)?.is_none() {
                context.output.note(format!(
                    "the record names its provenance {parent}, which {} does not have; it is left out",
                    client.address()
                ));
            }
        }
        parts.fetch_blobs(context, client, &signature.manifest)?;
    }
    let bundle = assemble(client, &parts)?;
    prove(client, trust, &bundle)?;
    if args.force {
        trust_store::replace(&path, bundle.as_bytes())?;
    } else {
        bundle_file::create(&path, bundle.as_bytes())?;
    }
    tell(context, trust, &path, &bundle, "Bundled")
}

fn refresh(
    context: &Context,
    client: &Client,
    trust: Option<&TrustFile>,
    path: &Path,
) -> Result<Exit, Failure> {
    let old = bundle_file::read(path)?;
    let ids = old.records();
    let mut parts = Parts::default();
    // Keysets and advisories come again with the proofs, and new ones with them.
    let own = ids.iter().filter(|id| !old.is_control(id));
    let chosen: Vec<_> = if own.clone().next().is_some() {
        own.collect()
    } else {
        ids.iter().collect()
    };
    for id in chosen {
        if let Some(payload) = old.payload(id) {
            parts.payloads.insert(*id, payload.to_vec());
        }
    }
    if parts.payloads.is_empty() {
        return Err(Failure::usage(format!("{} holds no record", path.display()))
            .next("make it anew: weighbridge bundle RECORD"));
    }
    parts.blobs = old
        .blobs()
        .map(|(digest, bytes)| (digest, bytes.to_vec()))
        .collect();
    let new = assemble(client, &parts)?;
    prove(client, trust, &new)?;
    consistency::check_forward(client, trust, &old, &new)?;
    if new == old {
        return tell(context, trust, path, &new, "Already current; nothing changed:");
    }
    trust_store::replace(path, new.as_bytes())?;
    tell(context, trust, path, &new, "Renewed")
}

impl Parts {
    fn fetch_record(&mut self, client: &Client, id: RecordId) -> Result<Option<Record>, Failure> {
        let Some(payload) = client.get_if_there(&paths::record(&id), MAX_PAYLOAD_BYTES as u64)? else {
            return Ok(None);
        };
        let found = RecordId::of_payload(&payload);
        if found != id {
            return Err(fault(
                client,
                &format!("for record {id} it served record {found}"),
            ));
        }
        let record = Record::parse(&payload)
            .map_err(|error| fault(client, &format!("record {id} does not parse: {error}")))?;
        self.payloads.insert(id, payload);
        Ok(Some(record))
    }

    fn fetch_blobs(
        &mut self,
        context: &Context,
        client: &Client,
        manifest: &Manifest,
    ) -> Result<(), Failure> {
        let wanted = wanted_blobs(manifest);
        let most: u64 = wanted.values().sum();
        context.output.note(format!(
            "fetching {} (at most {})",
            count(wanted.len(), "sidecar"),
            output::bytes(most)
        ));
        for (digest, limit) in wanted {
            let bytes = client.get(&paths::blob(&digest), limit)?;
            if Sha256Digest::of(&bytes) != digest {
                return Err(fault(
                    client,
                    &format!("the sidecar {digest} that it served has another digest"),
                ));
            }
            self.blobs.insert(digest, bytes);
        }
        Ok(())
    }
}

/// The sidecars of a record, with the most bytes that each may have. The list of a file of one chunk is the chunk's
/// digest, which the record states.
fn wanted_blobs(manifest: &Manifest) -> BTreeMap<Sha256Digest, u64> {
    let mut wanted = BTreeMap::new();
    for file in manifest.files() {
        let chunks = chunk_count(file.size);
        if chunks > 1 {
            wanted.insert(file.chunks, chunks * Sha256Digest::LEN as u64);
        }
        if let Some(tensors) = file.tensors {
            wanted.insert(tensors, MAX_INDEX_BYTES as u64);
        }
    }
    wanted
}

/// Fetches the proofs of all records against one checkpoint, and puts the bundle together.
fn assemble(client: &Client, parts: &Parts) -> Result<Bundle, Failure> {
    for _ in 0..MAX_ROUNDS {
        match try_assemble(client, parts)? {
            Ok(bundle) => return Ok(bundle),
            // The log grew between two answers.
            Err(BuildError::OtherView { .. }) => {}
            Err(error @ BuildError::LongName { .. }) => {
                return Err(Failure::usage("no bundle can be made of this record").why(error));
            }
            Err(error) => return Err(fault(client, &error.to_string())),
        }
    }
    Err(Failure::new(
        Exit::Network,
        format!(
            "the log of {} kept growing while its proofs were fetched",
            client.address()
        ),
    )
    .next("try again in a moment"))
}

fn try_assemble(client: &Client, parts: &Parts) -> Result<Result<Bundle, BuildError>, Failure> {
    let mut proofs = Vec::with_capacity(parts.payloads.len());
    for (id, payload) in &parts.payloads {
        let proof: RecordProof = client.get_json(&paths::record_proof(id))?;
        proofs.push((payload, proof));
    }
    let build = || {
        let (_, last) = proofs.last().expect("a bundle has a record");
        let note = TlogProof::parse(&last.proof)?.checkpoint;
        let mut builder = BundleBuilder::new(note)?;
        for (payload, proof) in &proofs {
            builder.record(payload, proof)?;
        }
        for blob in parts.blobs.values() {
            builder.blob(blob.clone())?;
        }
        builder.finish()
    };
    Ok(build())
}

/// Proves every record from the bundle's own bytes, as far as the trust file allows.
fn prove(client: &Client, trust: Option<&TrustFile>, bundle: &Bundle) -> Result<(), Failure> {
    for id in bundle.records() {
        let (Some(payload), Some(proof)) = (bundle.payload(&id), bundle.proof(&id)) else {
            continue;
        };
        let opened = verify::open(trust, id, payload, &proof, now());
        if let Some(standing) = opened.fault() {
            let failure = fault(client, &format!("record {id}: {}", standing.detail));
            return Err(if standing.subtype == "checkpoint" {
                failure.next("check that the registry and your trust file belong to the same log (--registry, --trust)")
            } else {
                failure
            });
        }
    }
    Ok(())
}

/// What the registry answered does not hold.
fn fault(client: &Client, why: &str) -> Failure {
    Failure::new(
        Exit::LogFault,
        format!(
            "what {} answered does not hold, so nothing was written",
            client.address()
        ),
    )
    .why(provenance::path::visible(why))
    .next("keep this output and ask the log's operator")
}

fn name_of(record: &Record) -> String {
    match record.artifact() {
        Some(artifact) => artifact.subject.name.clone(),
        None => record.publisher().to_string(),
    }
}

fn tell(
    context: &Context,
    trust: Option<&TrustFile>,
    path: &Path,
    bundle: &Bundle,
    did: &str,
) -> Result<Exit, Failure> {
    let records = bundle.records();
    let checkpoint = bundle.checkpoint();
    let size = bundle.as_bytes().len() as u64;
    if context.output.json {
        Output::print_json(&json!({
            "v": 1, "bundle": path, "bytes": size, "records": records, "proved": trust.is_some(),
            "changed": !did.starts_with("Already"),
            "log": { "origin": checkpoint.origin.as_str(), "size": checkpoint.head.size.get() },
        }))?;
        return Ok(Exit::Done);
    }
    let mut lines = vec![
        context
            .output
            .paint(format!("{did} {}", path.display()), Tone::Good),
    ];
    lines.push(format!("  holds    {}, {}", about(bundle), output::bytes(size)));
    lines.push(format!(
        "  log      {} at {} entries",
        checkpoint.origin,
        output::grouped(checkpoint.head.size.get())
    ));
    lines.push(match trust {
        Some(_) => "  proofs   checked here against your trust file".to_owned(),
        None => "  proofs   not checked, since you have not chosen a log to trust yet".to_owned(),
    });
    let freshness = trust.and_then(|trust| trust.check_checkpoint(bundle.note()).ok());
    if let Some(
        provenance::trust::Freshness::Old { .. } | provenance::trust::Freshness::QuorumMissing { .. },
    ) = freshness.map(|checkpoint| checkpoint.freshness(now()))
    {
        lines.push(
            "  note     too few witnesses confirm this view for your trust file: it verifies as stale".into(),
        );
    }
    lines.push(format!(
        "  next     lay it beside the weights; verify then asks nobody (weighbridge verify PATH). Renew it before it is\n           older than the max_age of those who verify: {}",
        context.again(&format!("bundle --refresh {}", crate::shell::quoted(&path.display().to_string())))
    ));
    Output::print(&lines.join("\n"))?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use provenance::manifest::ManifestFile;

    use super::*;

    #[test]
    fn the_list_of_a_file_of_one_chunk_is_not_fetched() {
        let file = |path: &str, size: u64, chunks: Sha256Digest, n: u8| ManifestFile {
            path: path.parse().unwrap(),
            size,
            sha256: Sha256Digest::of(&[n]),
            chunks,
            chunk0: Sha256Digest::of(&[n]),
            tensors: path.ends_with(".safetensors").then(|| Sha256Digest::of(&[n, 2])),
        };
        let one = Sha256Digest::of(Sha256Digest::of(&[1]).as_bytes());
        let several = Sha256Digest::of(&[2, 1]);
        let files = vec![
            file("a", 4 << 20, one, 1),
            file("b.safetensors", 9 << 20, several, 2),
        ];
        let manifest = Manifest::new(files).unwrap();
        let wanted = wanted_blobs(&manifest);
        assert_eq!(
            wanted,
            BTreeMap::from([
                (Sha256Digest::of(&[2, 1]), 96),
                (Sha256Digest::of(&[2, 2]), MAX_INDEX_BYTES as u64)
            ])
        );
    }
}
