//! Targets for what other tools write: OpenSSF Model Signing, ECDSA signatures, folders.

use std::collections::BTreeSet;

use provenance::{
    dsse::pae,
    folder,
    key::{self, SIGNATURE_BYTES},
    oms::{self, OmsError},
};

use super::target::Target;

pub(crate) const TARGETS: [Target; 5] = [
    Target::new("folder", folder_samples, folder),
    Target::new("oms_bundle", bundle_samples, bundle),
    Target::new("oms_key", key_samples, keys),
    Target::new("oms_statement", statement_samples, statement),
    Target::new("p256_signature", signature_samples, signature),
];

/// What the signatures of this file are over.
const MESSAGE: &[u8] = b"weighed";

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

/// A throw-away key in the form that OMS reads.
fn oms_key() -> oms::SigningKey {
    let pem = p256_key().to_pkcs8_pem();
    oms::SigningKey::from_pem(pem.as_ref()).expect("a P-256 key")
}

fn p256_key() -> key::SigningKey {
    key::SigningKey::p256_from_seed(&[3; 32]).expect("a sound seed")
}

/// Lines: the folder's name, what `refs/main` says, then paths. What a view goes down to is in the folder, and what it
/// tells of is one of the paths.
fn folder(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let mut lines = text.split('\n');
    let (Some(name), Some(main)) = (lines.next(), lines.next()) else {
        return;
    };
    let paths: Vec<&str> = lines.collect();
    for main in [None, Some(main)] {
        let Ok(view) = folder::view(name, &paths, main) else {
            continue;
        };
        assert!(view.prefix.is_empty() || view.prefix.ends_with('/'));
        assert!(view.prefix.is_empty() || paths.iter().any(|path| path.starts_with(&view.prefix)));
        assert!(view.unfinished.iter().all(|path| paths.contains(&path.as_str())));
    }
}

fn folder_samples() -> Vec<Vec<u8>> {
    let (revision, digest) = ("a".repeat(40), "b".repeat(64));
    [
        format!(
            "models--acme--tiny\n{revision}\nblobs/{digest}\nrefs/main\nsnapshots/{revision}/model.safetensors"
        ),
        format!("hub\n\nmodels--acme--tiny/refs/main\nmodels--acme--tiny/snapshots/{revision}/config.json"),
        format!(
            "models\n\nblobs/sha256-{digest}\nblobs/sha256-{digest}-partial-0\nmanifests/registry.ollama.ai/library/tiny/latest"
        ),
        "models\n\nacme/tiny/tiny.gguf\nacme/other/other.gguf".to_owned(),
        "tiny\n\nmodel.safetensors\nconfig.json".to_owned(),
    ]
    .map(String::into_bytes)
    .to_vec()
}

/// A bundle that is read has the payload that was signed, and no other key opens it.
fn bundle(bytes: &[u8]) {
    let Ok(bundle) = oms::Bundle::parse(bytes) else {
        return;
    };
    assert!(bundle.payload().len() <= oms::MAX_STATEMENT_BYTES);
    assert!(bundle.open(&oms_key().public()).is_err());
}

fn bundle_samples() -> Vec<Vec<u8>> {
    let payload = statement_samples().remove(0);
    let signature = vec![0x30, 6, 2, 1, 1, 2, 1, 1];
    vec![
        include_bytes!("../../tests/vectors/oms/model/model.sig").to_vec(),
        oms::bundle_json(&payload, &signature, &oms_key().public().hint().to_string()),
    ]
}

/// A PEM text that is read as a key is written in the one way of OpenSSL, which reads the same.
fn keys(bytes: &[u8]) {
    let Some(text) = text(bytes) else { return };
    let secret = oms::SigningKey::from_pem(text).ok().map(|key| key.public());
    for public in oms::PublicKey::from_pem(text).into_iter().chain(secret) {
        assert_eq!(oms::PublicKey::from_pem(&public.to_pem()), Ok(public));
    }
}

fn key_samples() -> Vec<Vec<u8>> {
    vec![
        oms_key().public().to_pem().into_bytes(),
        p256_key().to_pkcs8_pem().as_ref().as_bytes().to_vec(),
        key::SigningKey::from_seed(&[7; 32])
            .public()
            .to_spki_pem()
            .into_bytes(),
    ]
}

/// Any bytes, well signed: what a key holder may write. Whatever is taken lists each path once.
fn statement(bytes: &[u8]) {
    let key = oms_key();
    let public = key.public();
    let written = oms::bundle_json(bytes, &key.sign(&pae(bytes)), &public.hint().to_string());
    let bundle = oms::Bundle::parse(&written).expect("what is written is read");
    assert_eq!(bundle.payload(), bytes);
    match bundle.open(&public) {
        Ok(signed) => {
            let names: BTreeSet<&str> = signed.resources().iter().map(oms::Resource::name).collect();
            assert_eq!(names.len(), signed.resources().len());
            assert!(!names.is_empty() && names.len() <= oms::MAX_RESOURCES);
        }
        Err(error) => assert!(!matches!(error, OmsError::Signature(_)), "{error}"),
    }
}

fn statement_samples() -> Vec<Vec<u8>> {
    let files = ["config.json", "model.safetensors"]
        .map(|path| {
            (
                path.parse().expect("a path"),
                provenance::Sha256Digest::of(path.as_bytes()),
            )
        })
        .into();
    vec![oms::statement_json("tiny", &files, &["model.sig".to_owned()])]
}

/// Of all bytes, only the two DER forms of one signature verify, and both give the one form for the log.
fn signature(bytes: &[u8]) {
    let key = p256_key();
    let Some(raw) = key.public().verify_envelope(MESSAGE, bytes) else {
        return;
    };
    assert!(key.public().verifies(MESSAGE, &raw));
    let known = key.public().verify_envelope(MESSAGE, &key.sign(MESSAGE));
    assert_eq!(Some(raw), known);
    assert!((8..=72).contains(&bytes.len()) && raw.len() == SIGNATURE_BYTES);
}

fn signature_samples() -> Vec<Vec<u8>> {
    vec![p256_key().sign(MESSAGE), vec![0x30, 6, 2, 1, 1, 2, 1, 1]]
}
