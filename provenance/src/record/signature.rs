//! Signature records (OpenSSF Model Signing v1.0): which files an artifact has.

use super::{RecordError, RecordId, SignatureRecord, subject};
use crate::{
    chunk::CHUNK_SIZE,
    json::{At, FromJson, WrongValue},
    manifest::{Manifest, ManifestFile},
};

/// The record that a signature predicate makes about `subject`. The files must have the subject's digests.
pub(super) fn read(subject: At<'_>, predicate: At<'_>) -> Result<SignatureRecord, RecordError> {
    let serialization = predicate.member("serialization")?;
    let method = serialization.member("method")?.text()?;
    let hash = serialization.member("hash_type")?.text()?;
    if (method, hash) != ("files", "sha256") {
        let reason = "is not the method files with sha256, the only one that is supported";
        return Err(serialization.wrong(reason).into());
    }
    let symlinks = serialization.member("allow_symlinks")?;
    if symlinks.boolean()? {
        return Err(symlinks.wrong("is true; a record lists files, not links").into());
    }
    Vec::<String>::from_json(serialization.member("ignore_paths")?)?;
    let resources = predicate.member("resources")?;
    let files: Vec<ManifestFile> = resources.items()?.map(file).collect::<Result<_, _>>()?;
    if !files.is_sorted_by(|a, b| a.path < b.path) {
        return Err(resources.wrong("is not sorted by name").into());
    }
    let (artifact, manifest) = (subject::artifact(subject)?, Manifest::new(files)?);
    let digests = [
        ("sha256", artifact.oms_root, manifest.oms_root()),
        ("dirHash1", artifact.dir_hash1, manifest.dir_hash1()),
    ];
    for (digest, stated, computed) in digests {
        if stated != computed {
            return Err(RecordError::SubjectDigest {
                digest,
                stated,
                computed,
            });
        }
    }
    let annotations = subject.member("annotations")?;
    let provenance = subject::list(annotations, "weighbridge_provenance", RecordId::from_json)?;
    Ok(SignatureRecord {
        artifact,
        manifest,
        provenance,
    })
}

fn file(resource: At<'_>) -> Result<ManifestFile, WrongValue> {
    let algorithm = resource.member("algorithm")?;
    if algorithm.text()? != "sha256" {
        return Err(algorithm.wrong("is not sha256, the only one that is supported"));
    }
    let annotations = resource.member("annotations")?;
    let chunk_size = annotations.member("weighbridge_chunk_size")?;
    if chunk_size.whole()? != CHUNK_SIZE {
        return Err(chunk_size.wrong(&format!("is not {CHUNK_SIZE}, the only one of version 1")));
    }
    Ok(ManifestFile {
        path: resource.member("name")?.parse()?,
        size: annotations.get("weighbridge_size")?,
        sha256: resource.get("digest")?,
        chunks: annotations.get("weighbridge_chunks")?,
        chunk0: annotations.get("weighbridge_chunk0")?,
        tensors: annotations
            .find("weighbridge_tensors")?
            .map(FromJson::from_json)
            .transpose()?,
    })
}
