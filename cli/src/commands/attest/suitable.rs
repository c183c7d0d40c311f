//! What is not to be signed, found before any hashing: folders of other tools, files that are no weights, keys.

use std::{
    io,
    path::{Path, PathBuf},
};

use provenance::{
    folder::{self, View},
    path::visible,
    verify::Junk,
};

use crate::{
    args::AttestArgs,
    failure::Failure,
    header::sniff,
    walk::{Found, Walk},
};

/// Refuses what could not be recorded or should not be.
///
/// # Errors
/// Usage.
pub(super) fn check(found: &Walk, args: &AttestArgs) -> Result<(), Failure> {
    if found.files.is_empty() {
        return Err(
            Failure::usage(format!("{} holds no file to attest", args.path.display()))
                .next("name the folder with the model's files"),
        );
    }
    let root = args.path.canonicalize().unwrap_or_else(|_| args.path.clone());
    // What is not there yet lies where its nearest existing folder lies.
    let inside = |path: &Path| {
        path.ancestors()
            .find_map(|part| canonical(part).ok())
            .is_some_and(|at| at.starts_with(&root))
    };
    if inside(&args.key) {
        return Err(Failure::usage(format!(
            "the private key {} lies in the folder to attest",
            args.key.display()
        ))
        .why("the folder is what you hand to others")
        .next("move the key somewhere else"));
    }
    if inside(&args.out) {
        return Err(Failure::usage(format!(
            "--out {} lies in the folder to attest",
            args.out.display()
        ))
        .why("the next run would list it as part of the model")
        .next("give a folder beside it"));
    }
    refuse_store(found, args, &root)?;
    found.files.iter().try_for_each(refuse_junk)
}

/// As `canonicalize`, with the empty path for the folder we are in.
fn canonical(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().is_empty() {
        Path::new(".").canonicalize()
    } else {
        path.canonicalize()
    }
}

/// Refuses a folder in which a tool keeps models under names of its own: nobody's download has these names.
fn refuse_store(found: &Walk, args: &AttestArgs, root: &Path) -> Result<(), Failure> {
    let paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    let Ok(View {
        prefix,
        by_digest,
        told: Some(told),
        ..
    }) = folder::view(&name, &paths, None)
    else {
        return Ok(());
    };
    let refused = Failure::usage(format!("{} is {}", args.path.display(), visible(&told)));
    if by_digest {
        return Err(refused
            .why("a record lists the names that a model's files have where they are downloaded")
            .next("copy the model's files to a folder under their own names, and attest that"));
    }
    if prefix.is_empty() {
        return Ok(());
    }
    let inner = args.path.join(&prefix);
    Err(refused
        .why("a record is about one model's files")
        .next(format!("attest {}", inner.display())))
}

/// Refuses a file that stands where weights should be.
fn refuse_junk(file: &Found) -> Result<(), Failure> {
    let Some(junk) = sniff(&file.source)? else {
        return Ok(());
    };
    if !matches!(junk, Junk::LfsPointer(_)) && !Junk::is_named_as_weights(&file.path) {
        return Ok(());
    }
    let what = format!("{} {}", visible(&file.path), junk.told(file.source.stamp.size));
    Err(Failure::usage(what.trim_end_matches('.'))
        .why("a record of it would tell everybody that this is the model")
        .next(junk.next()))
}
