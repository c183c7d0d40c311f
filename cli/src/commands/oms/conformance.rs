//! `oms conformance`: what the OMS conformance suite calls. It signs plain OMS statements, which no registry takes:
//! records are made by `attest`.

use std::{collections::BTreeMap, fs, path::Path};

use provenance::{
    dsse::pae,
    oms::{DEFAULT_IGNORE_PATHS, FoundKind, SigningKey, bundle_json, ignore_path, statement_json},
    path::visible,
};

use super::{
    MAX_KEY_BYTES,
    files::{below, left_out, list},
    read_bounded, unusable_key,
    verify::{Question, answer},
};
use crate::{
    args::{CommonArgs, Method, SignModelArgs, VerifyModelArgs},
    commands::Context,
    failure::{Exit, Failure},
    trust_store::replace,
};

/// Signs a model.
pub(super) fn sign(context: &Context, args: &SignModelArgs) -> Result<Exit, Failure> {
    let key = key_method(&args.common, args.private_key.as_deref(), "--private-key")?;
    let bytes = zeroize::Zeroizing::new(read_bounded(key, MAX_KEY_BYTES)?);
    let text = zeroize::Zeroizing::new(String::from_utf8_lossy(&bytes).into_owned());
    let secret = SigningKey::from_pem(&text).map_err(|error| unusable_key(key, &error, "private key"))?;
    let payload = statement(context, args)?;
    let signature = secret.sign(&pae(&payload));
    let bundle = bundle_json(&payload, &signature, &secret.public().hint().to_string());
    replace(&args.output_bundle, &bundle)?;
    Ok(Exit::Done)
}

/// Verifies a signature.
pub(super) fn verify(context: &Context, args: &VerifyModelArgs) -> Result<Exit, Failure> {
    let public_key = key_method(&args.common, args.public_key.as_deref(), "--public-key")?;
    let question = Question {
        path: &args.common.model_path,
        signature: &args.bundle,
        public_key,
        ignore_unsigned: args.ignore_unsigned_files,
        ignore_paths: &args.common.ignore_paths,
    };
    super::verify::tell(context, &question, &answer(context, &question)?)
}

/// The key's file; the other methods are refused by name.
fn key_method<'a>(common: &CommonArgs, key: Option<&'a Path>, option: &str) -> Result<&'a Path, Failure> {
    let method = match common.method {
        Method::Key => return key.ok_or_else(|| Failure::usage(format!("the method key needs {option}"))),
        Method::Certificate => "certificate",
        Method::Sigstore => "sigstore",
    };
    Err(Failure::usage(format!("the method {method} is not supported"))
        .why("only signatures made with a key are")
        .next("use --method key"))
}

/// The statement about everything at the path that is not left out.
fn statement(context: &Context, args: &SignModelArgs) -> Result<Vec<u8>, Failure> {
    let root = &args.common.model_path;
    let mut ignore: Vec<String> = left_out(root, &args.common.ignore_paths);
    ignore.extend(below(root, &args.output_bundle));
    ignore.extend(DEFAULT_IGNORE_PATHS.map(str::to_owned));
    let mut ignore: Vec<_> = ignore.iter().filter_map(|entry| ignore_path(entry)).collect();
    ignore.sort();
    ignore.dedup();
    let mut tree = list(root, false)?;
    tree.leave_out(&ignore);
    let (found, _) = tree.hash(context.output, root, |_| true)?;
    let mut files = BTreeMap::new();
    for file in found {
        let at = root.join(&file.path);
        let cannot = |why: &str| {
            Failure::usage(format!("{} cannot be signed", visible(&at.to_string_lossy()))).why(why)
        };
        let sha256 = match file.kind {
            FoundKind::File(Some(sha256)) => sha256,
            FoundKind::File(None) => return Err(cannot("its name is not UTF-8")),
            FoundKind::Link | FoundKind::FolderLink => {
                return Err(cannot("it is a symbolic link; a signature is over files")
                    .next("copy the folder with its links resolved (cp -rL FROM TO), and sign the copy"));
            }
            FoundKind::Special => return Err(cannot("it is neither a file nor a folder")),
        };
        let path = file
            .path
            .parse()
            .map_err(|error| cannot("its name").why(error).next("rename it"))?;
        files.insert(path, sha256);
    }
    if files.is_empty() {
        return Err(Failure::usage(format!(
            "{} holds no file to sign",
            root.display()
        )));
    }
    let name = fs::canonicalize(root).ok();
    let name = name
        .as_deref()
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    Ok(statement_json(
        name.as_deref().unwrap_or("model"),
        &files,
        &ignore,
    ))
}
