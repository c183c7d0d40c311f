//! Folders that other tools keep models in, recognised by the paths in them: what to check of one, or that it holds
//! several models.
//!
//! ```text
//! the hub's cache    models--ORG--NAME/{blobs/DIGEST, refs/main, snapshots/REVISION/…}
//! Ollama             models/{blobs/sha256-DIGEST, manifests/HOST/NAMESPACE/MODEL/TAG}
//! LM Studio          models/PUBLISHER/MODEL/FILE.gguf
//! ```
//! In scope: paths. Out of scope: reading files, but for the one whose text the caller brings, [`REF_MAIN`].

use crate::{
    digest::Sha256Digest,
    order::sort_by,
    path::{RelativePath, visible},
    tensor::Format,
};

/// Where the hub's cache keeps the name of the revision that was asked for last. Its text decides between several.
pub const REF_MAIN: &str = "refs/main";

/// Longest text of [`REF_MAIN`] in bytes; a revision has 40.
pub const MAX_REF_BYTES: u64 = 256;

/// Most names that one message lists.
const MOST_NAMES: usize = 8;

/// How a folder is to be checked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// What to go down to: empty, or a path with a slash at its end.
    pub prefix: String,
    /// The files are named by their digests: names say nothing of paths, and everything else is left alone.
    pub by_digest: bool,
    /// What was recognised, for people; none of a folder that is nothing special.
    pub told: Option<String>,
    /// Files that are downloads under way or broken off.
    pub unfinished: Vec<String>,
}

/// A folder that holds several models, where one has to be named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what}: {}", names(.models))]
pub struct Several {
    /// What the folder is.
    pub what: String,
    /// What it holds.
    pub models: Vec<String>,
    /// What to do.
    pub next: &'static str,
}

/// At most [`MOST_NAMES`] of the names.
fn names(all: &[String]) -> String {
    let mut shown: Vec<String> = all.iter().take(MOST_NAMES).map(|name| visible(name)).collect();
    if all.len() > MOST_NAMES {
        shown.push(format!("and {} more", all.len() - MOST_NAMES));
    }
    shown.join(", ")
}

/// The digest that a file's name claims, in the way of Ollama (`sha256-…`) or of the hub's cache.
pub fn claimed_digest(name: &str) -> Option<Sha256Digest> {
    name.strip_prefix("sha256-").unwrap_or(name).parse().ok()
}

/// Whether a file is named by a digest: a SHA-256, or the SHA-1 by which the hub knows small files.
pub fn is_digest_name(name: &str) -> bool {
    claimed_digest(name).is_some() || is_revision(name)
}

/// Whether `name` is that of a Git revision.
fn is_revision(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether a file is a download that is not finished: the hub's `*.incomplete`, Ollama's `sha256-…-partial…`.
fn is_unfinished(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.ends_with(".incomplete") || (name.starts_with("sha256-") && name.contains("-partial"))
}

/// Looks at a folder named `name` that holds `paths`; `main` is the text of the file at [`REF_MAIN`], if there is one.
///
/// # Errors
/// [`Several`] when the folder holds several models, or several revisions of one.
pub fn view(name: &str, paths: &[&str], main: Option<&str>) -> Result<View, Several> {
    let mut view = hub_model(name, paths, main)
        .or_else(|| hub_cache(paths))
        .or_else(|| ollama(paths))
        .or_else(|| several_models(name, paths))
        .unwrap_or_else(|| Ok(View::default()))?;
    let unfinished = paths.iter().filter(|path| is_unfinished(path));
    view.unfinished = unfinished.map(|path| (*path).to_owned()).collect();
    Ok(view)
}

/// What follows `folder` and a slash in the paths that lie below it.
fn below<'p, 'f>(paths: &'f [&'p str], folder: &'f str) -> impl Iterator<Item = &'p str> + use<'p, 'f> {
    let inside = move |path: &&'p str| path.strip_prefix(folder)?.strip_prefix('/');
    paths.iter().filter_map(inside)
}

/// The first components of paths that have more, each once and in order.
fn tops<'a>(paths: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut tops: Vec<&str> = paths.filter_map(|path| Some(path.split_once('/')?.0)).collect();
    sort_by(&mut tops, Ord::cmp);
    tops.dedup();
    tops
}

fn has_below(paths: &[&str], folder: &str) -> bool {
    below(paths, folder).next().is_some()
}

/// `models--ORG--NAME` as `ORG/NAME`.
fn hub_name(folder: &str) -> Option<String> {
    let kinds = ["models--", "datasets--", "spaces--"];
    let name = kinds.iter().find_map(|kind| folder.strip_prefix(kind))?;
    Some(name.replace("--", "/"))
}

/// Whether everything outside `folders` is something that no loader runs or prefers.
fn is_only(paths: &[&str], folders: &[&str]) -> bool {
    let inside = |path: &str| folders.iter().any(|folder| path.starts_with(folder));
    let harmless = |path: &str| {
        let path = path.parse::<RelativePath>();
        path.is_ok_and(|path| path.is_ignored() || !path.could_be_loaded())
    };
    paths.iter().all(|path| inside(path) || harmless(path))
}

/// Whether `folder` holds nothing but files named by their digests, finished or not.
fn are_blobs(paths: &[&str], folder: &str) -> bool {
    below(paths, folder).all(|name| is_digest_name(name) || is_unfinished(name))
}

/// The hub's cache of one model, or its folder of snapshots.
fn hub_model(name: &str, paths: &[&str], main: Option<&str>) -> Option<Result<View, Several>> {
    let whole = has_below(paths, "blobs") && (has_below(paths, "refs") || has_below(paths, "snapshots"));
    let snapshots = name == "snapshots" && paths.iter().any(|path| path.contains('/'));
    if !whole && !snapshots {
        return None;
    }
    // Only a part is checked, so nothing that a loader might take may lie beside it: a download can be laid out to
    // look like a cache.
    let holds = if whole {
        is_only(paths, &["blobs/", "refs/", "snapshots/", ".no_exist/"])
            && are_blobs(paths, "blobs")
            && below(paths, "snapshots").all(|path| path.contains('/'))
    } else {
        paths.iter().all(|path| path.contains('/'))
    };
    if !holds {
        return None;
    }
    let of = hub_name(name).map_or_else(String::new, |name| format!(" of {}", visible(&name)));
    let (base, revisions) = if whole {
        ("snapshots/", tops(below(paths, "snapshots")))
    } else {
        ("", tops(paths.iter().copied()))
    };
    if !revisions.iter().all(|revision| is_revision(revision)) {
        return None;
    }
    let chosen = |revision: &str, why: &str| {
        Some(Ok(View {
            prefix: format!("{base}{revision}/"),
            told: Some(format!(
                "a cache of the model hub{of}; its snapshot {revision} is checked, {why}"
            )),
            ..View::default()
        }))
    };
    let main = main.map(str::trim_ascii).filter(|_| whole);
    if let Some(revision) = main.and_then(|main| revisions.iter().find(|revision| **revision == main)) {
        return chosen(revision, "which refs/main names");
    }
    match revisions[..] {
        // Browsers do not follow links, and snapshots are links: what they lead to is all there is.
        [] => Some(Ok(View {
            prefix: "blobs/".to_owned(),
            by_digest: true,
            told: Some(format!(
                "a cache of the model hub{of} without snapshots; its blobs are compared by their bytes"
            )),
            ..View::default()
        })),
        [only] => chosen(only, "the only one"),
        _ => Some(Err(Several {
            what: format!(
                "this cache of the model hub{of} holds several snapshots, and refs/main names none of them"
            ),
            models: revisions
                .iter()
                .map(|revision| format!("{base}{revision}"))
                .collect(),
            next: "name the folder of one snapshot",
        })),
    }
}

/// The hub's cache of all models.
fn hub_cache(paths: &[&str]) -> Option<Result<View, Several>> {
    let mut models = tops(paths.iter().copied());
    models.retain(|top| hub_name(top).is_some());
    (!models.is_empty()).then(|| {
        Err(Several {
            what: "this is a cache of the model hub, with a folder for each model".to_owned(),
            models: models.into_iter().map(str::to_owned).collect(),
            next: "name one of these folders",
        })
    })
}

/// Ollama's folder, or a folder of blobs.
fn ollama(paths: &[&str]) -> Option<Result<View, Several>> {
    let is_store = |base: &str| {
        let blobs = format!("{base}blobs");
        below(paths, &blobs).any(|name| name.starts_with("sha256-"))
    };
    let base = ["", "models/"].into_iter().find(|base| is_store(base));
    let Some(base) = base else {
        // The folder of blobs itself.
        let mut blobs = paths.iter().filter(|path| !is_unfinished(path)).peekable();
        let all = blobs.peek().is_some() && blobs.all(|path| is_digest_name(path));
        return all.then(|| {
            Ok(View {
                by_digest: true,
                told: Some(
                    "a folder of files named by their digests; they are compared by their bytes".to_owned(),
                ),
                ..View::default()
            })
        });
    };
    let (blobs, manifests) = (format!("{base}blobs"), format!("{base}manifests"));
    if !is_only(paths, &[&format!("{blobs}/"), &format!("{manifests}/")]) || !are_blobs(paths, &blobs) {
        return None;
    }
    let mut models: Vec<String> = below(paths, &manifests).filter_map(ollama_name).collect();
    sort_by(&mut models, Ord::cmp);
    Some(if let [_, _, ..] = models[..] {
        Err(Several {
            what: "this is Ollama's folder, and it holds several models".to_owned(),
            models,
            next: "name the file of one: `ollama show MODEL --modelfile` has it behind FROM",
        })
    } else {
        let of = models
            .first()
            .map_or_else(String::new, |name| format!(" with {}", visible(name)));
        Ok(View {
            prefix: format!("{base}blobs/"),
            by_digest: true,
            told: Some(format!(
                "Ollama's folder{of}; its blobs are compared by their bytes"
            )),
            ..View::default()
        })
    })
}

/// `HOST/library/MODEL/TAG` as `MODEL:TAG`, and other namespaces with their names.
fn ollama_name(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.split('/').collect();
    let [_, namespace, model, tag] = parts[..] else {
        return None;
    };
    Some(match namespace {
        "library" => format!("{model}:{tag}"),
        _ => format!("{namespace}/{model}:{tag}"),
    })
}

/// A folder with nothing but folders of models in it, as LM Studio keeps them and people do.
fn several_models(name: &str, paths: &[&str]) -> Option<Result<View, Several>> {
    let lm_studio = matches!(name, ".lmstudio" | "lm-studio");
    let base = if lm_studio { "models/" } else { "" };
    let inside: Vec<&str> = paths.iter().filter_map(|path| path.strip_prefix(base)).collect();
    let depth = inside.iter().map(|path| path.split('/').count()).min()?;
    // Files at the top make it one model with folders of its own.
    if depth < 2 {
        return None;
    }
    // PUBLISHER/MODEL/FILE, or MODEL/FILE.
    let level = depth.min(3) - 1;
    let folder_of = |path: &str| {
        let mut parts = path.split('/');
        let folder: Vec<&str> = parts.by_ref().take(level).collect();
        folder.join("/")
    };
    let mut models: Vec<String> = inside
        .iter()
        .filter(|path| Format::of_name(path).is_some())
        .map(|path| format!("{base}{}", folder_of(path)))
        .collect();
    sort_by(&mut models, Ord::cmp);
    models.dedup();
    let all = inside.iter().all(|path| {
        let folder = format!("{base}{}", folder_of(path));
        models.binary_search(&folder).is_ok()
    });
    let several = models.len() > 1 && (all || lm_studio);
    let as_whom = if level == 2 {
        ", in the way of LM Studio"
    } else {
        ""
    };
    several.then(|| {
        Err(Several {
            what: format!("this folder holds several models{as_whom}"),
            models,
            next: "name the folder of one model, or the record that lists them all",
        })
    })
}

#[cfg(test)]
mod tests;
