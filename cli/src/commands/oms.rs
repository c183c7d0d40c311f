//! `oms`: OpenSSF Model Signing both ways. What a signature means is `provenance::oms`'s; here are files and texts.

mod conformance;
mod export;
mod files;
mod verify;

use std::{fs::File, io::Read, path::Path};

use provenance::oms::{MAX_BUNDLE_BYTES, OmsKeyError, PublicKey};

use super::Context;
use crate::{
    args::{ConformanceCommand, OmsCommand},
    failure::{Exit, Failure},
};

/// Most bytes of a key file that are read.
const MAX_KEY_BYTES: u64 = 64 << 10;

/// Runs the command that was typed.
pub(super) fn run(context: &Context, command: &OmsCommand) -> Result<Exit, Failure> {
    match command {
        OmsCommand::Verify(args) => verify::run(context, args),
        OmsCommand::Export(args) => export::run(context, args),
        OmsCommand::Conformance(ConformanceCommand::SignModel(args)) => conformance::sign(context, args),
        OmsCommand::Conformance(ConformanceCommand::VerifyModel(args)) => conformance::verify(context, args),
    }
}

fn read_bundle(path: &Path) -> Result<Vec<u8>, Failure> {
    read_bounded(path, MAX_BUNDLE_BYTES as u64)
}

fn read_public_key(path: &Path) -> Result<PublicKey, Failure> {
    let bytes = read_bounded(path, MAX_KEY_BYTES)?;
    let text = String::from_utf8_lossy(&bytes);
    PublicKey::from_pem(&text).map_err(|error| unusable_key(path, &error, "public key"))
}

fn unusable_key(path: &Path, error: &OmsKeyError, wanted: &str) -> Failure {
    let failure = Failure::usage(format!("{} is not a usable {wanted}", path.display())).why(error);
    match error {
        OmsKeyError::NoKey { found: Some(found), .. } if wanted == "public key" && found.contains("PRIVATE KEY") => {
            failure.next("take its public half: openssl pkey -in KEY -pubout -out KEY.pub.pem")
        }
        OmsKeyError::NoKey { found: Some(found), .. } if found == "CERTIFICATE" => failure.next(
            "signatures made with certificates are not supported; the key in it: openssl x509 -in CERT -pubkey -noout",
        ),
        OmsKeyError::Encrypted => failure.next("decrypt a copy: openssl pkey -in KEY -out PLAIN"),
        _ => failure.next(format!("give the {wanted} as a PEM file: P-256, P-384, P-521 or Ed25519")),
    }
}

/// Reads a file of at most `limit` bytes.
fn read_bounded(path: &Path, limit: u64) -> Result<Vec<u8>, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("open", path, &error))?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read", path, &error))?;
    if bytes.len() as u64 > limit {
        return Err(
            Failure::usage(format!("{} has more than {limit} bytes", path.display()))
                .why("no file of that kind is so large")
                .next("check that this is the right file"),
        );
    }
    Ok(bytes)
}
