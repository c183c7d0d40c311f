//! What lies at a path to check, when it may be a folder that another tool keeps: the hub's cache, Ollama, LM Studio.
//! What such folders look like is `provenance::folder`'s.

use std::{fs::File, io::Read, path::Path};

use provenance::{
    folder::{self, MAX_REF_BYTES, REF_MAIN, View},
    path::visible,
    verify::Scope,
};

use crate::{
    failure::Failure,
    output::{Output, count},
    walk::{Purpose, Walk, walk},
};

/// The files to check, and what kind of folder they were found in.
pub(crate) struct Place {
    /// The files.
    pub(crate) found: Walk,
    /// The folder.
    pub(crate) view: View,
}

/// Finds the files at `path`. With `as_it_is` a folder of several models is taken as it is: somebody named a record
/// for it.
///
/// # Errors
/// Usage, when it holds several models; and those of [`walk`].
pub(crate) fn look(output: Output, path: &Path, as_it_is: bool) -> Result<Place, Failure> {
    let found = walk(path, Purpose::Check)?;
    if found.scope != Scope::Folder {
        let view = View::default();
        return Ok(Place { found, view });
    }
    let mut paths: Vec<&str> = found.files.iter().map(|file| file.path.as_str()).collect();
    let unfinished = unfinished_downloads(path);
    paths.extend(unfinished.iter().map(String::as_str));
    let full = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let name = full.file_name().unwrap_or_default().to_string_lossy();
    let main = read_main(path);
    let view = match folder::view(&name, &paths, main.as_deref()) {
        Ok(view) => view,
        Err(_) if as_it_is => View::default(),
        Err(several) => {
            return Err(Failure::usage(format!("{}: {several}", path.display())).next(several.next));
        }
    };
    if let Some(told) = &view.told {
        output.note(format!("{} is {}.", path.display(), visible(told)));
    }
    if let Some(first) = view.unfinished.first() {
        output.note(format!(
            "warning: {} into {} not finished ({} …); wait for it, or start it again.",
            count(view.unfinished.len(), "download"),
            if view.unfinished.len() == 1 {
                "this folder is"
            } else {
                "this folder are"
            },
            visible(first)
        ));
    }
    if view.prefix.is_empty() && !view.by_digest {
        return Ok(Place { found, view });
    }
    let mut found = walk(&path.join(&view.prefix), Purpose::Check)?;
    if view.by_digest {
        found.scope = Scope::Flat;
        found.files.retain(|file| folder::is_digest_name(&file.path));
    }
    Ok(Place { found, view })
}

/// The text of [`REF_MAIN`], where there is one as short as they are.
fn read_main(path: &Path) -> Option<String> {
    let mut text = String::new();
    let file = File::open(path.join(REF_MAIN)).ok()?;
    file.take(MAX_REF_BYTES).read_to_string(&mut text).ok()?;
    Some(text)
}

/// What the hub's tools have not finished downloading into this folder. Their own folder is on the ignore list, so it
/// is looked at apart; only a remark rests on it.
fn unfinished_downloads(path: &Path) -> Vec<String> {
    const DOWNLOADS: &str = ".cache/huggingface/download";
    let Ok(entries) = path.join(DOWNLOADS).read_dir() else {
        return Vec::new();
    };
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut unfinished: Vec<_> = names.filter(|name| name.ends_with(".incomplete")).collect();
    unfinished.sort();
    unfinished
        .into_iter()
        .map(|name| format!("{DOWNLOADS}/{name}"))
        .collect()
}
