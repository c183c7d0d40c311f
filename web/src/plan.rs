//! What will be checked: the files a visitor gave, with the paths that a record could have for them.
//!
//! Browsers give names in three shapes: a folder picker gives `folder/sub/file` for everything, a drop gives
//! whatever was dragged, and a file picker gives bare names. This module makes one list of them. It knows
//! names and sizes only; the `File` objects stay with the caller, found again by [`PlanFile::source`].

use provenance::{
    folder::{self, Several, View},
    manifest::Manifest,
    order::positions,
    path::{BUNDLE_ENDING, RelativePath, visible},
    verify::{Scope, to_read},
};

/// A name and size as the browser gave them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Slash-separated, without a leading slash.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) size: u64,
}

/// Whether folder names were seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Paths below one folder.
    Folder,
    /// Bare file names; where they belong is not known.
    Flat,
}

/// One file to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PlanFile {
    /// Relative to the folder, or the bare name. Any text: a name that no record can hold is kept, so that the
    /// judge sees it as the extra file it is.
    pub(crate) path: String,
    /// Size in bytes.
    pub(crate) size: u64,
    /// Position in the list that the plan was made from.
    pub(crate) source: usize,
}

/// What will be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Plan {
    /// The folder's own name, when there is one.
    pub(crate) folder: Option<String>,
    /// Whether folder names were seen.
    pub(crate) layout: Layout,
    /// Files to check, in order of their paths.
    pub(crate) files: Vec<PlanFile>,
    /// Paths left out by the fixed ignore list, such as `.git/config`.
    pub(crate) ignored: Vec<RelativePath>,
    /// Bundles at the top level; they are among the ignored.
    pub(crate) bundles: Vec<PlanFile>,
    /// Sum of the sizes of `files`.
    pub(crate) total_bytes: u64,
    /// What kind of folder it is, and what is not finished in it, for people.
    pub(crate) told: Option<String>,
}

/// Why a list cannot be checked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PlanError {
    /// Nothing in it.
    #[error("This folder holds no file. Choose the folder that the model was downloaded to.")]
    Empty,
    /// Only ignored files.
    #[error("Everything in it is on the fixed ignore list ({example} …), so there is nothing to check.")]
    AllIgnored {
        /// One of the ignored paths.
        example: String,
    },
    /// Several models.
    #[error("{0}. To check one, {next}.", next = .0.next)]
    Several(#[from] Several),
    /// Bundles, and nothing that they could be about.
    #[error("There is a bundle, and no file to check with it.")]
    OnlyBundles {
        /// The bundles.
        bundles: Vec<PlanFile>,
    },
    /// Two files under one path.
    #[error("Two files have the same path, {path}. Choose the folder itself, or one copy only.")]
    Twice {
        /// The path.
        path: String,
    },
}

impl Plan {
    /// Makes a plan of `listed`.
    ///
    /// `main` is the text of the file at [`Self::main_ref`], where there is one. With `as_it_is` a folder of several
    /// models is taken as it is: the visitor named a record for it.
    ///
    /// # Errors
    /// [`PlanError`], whose text is for the visitor.
    pub(crate) fn new(listed: &[Listed], main: Option<&str>, as_it_is: bool) -> Result<Self, PlanError> {
        let mut layout = if listed.iter().any(|l| l.path.contains('/')) {
            Layout::Folder
        } else {
            Layout::Flat
        };
        let folder = common_folder(listed);
        let prefix = folder.map_or(0, |name| name.len() + 1);
        let paths: Vec<&str> = listed.iter().map(|l| &l.path[prefix..]).collect();
        let view = match layout {
            Layout::Folder => match folder::view(folder.unwrap_or_default(), &paths, main) {
                Err(_) if as_it_is => View::default(),
                view => view?,
            },
            Layout::Flat => View::default(),
        };
        if view.by_digest {
            layout = Layout::Flat;
        }
        let (mut files, mut ignored) = (Vec::with_capacity(listed.len()), Vec::new());
        let mut bundles = Vec::new();
        for source in positions(listed.len(), &|a, b| listed[a].path.cmp(&listed[b].path)) {
            let Some(path) = paths[source].strip_prefix(view.prefix.as_str()) else {
                continue;
            };
            if view.by_digest && !folder::is_digest_name(path) {
                continue;
            }
            let file = PlanFile {
                path: path.to_owned(),
                size: listed[source].size,
                source,
            };
            match path.parse::<RelativePath>() {
                Ok(path) if path.is_ignored() => {
                    if path.as_str().ends_with(BUNDLE_ENDING) && !path.as_str().contains('/') {
                        bundles.push(file);
                    }
                    ignored.push(path);
                }
                _ => files.push(file),
            }
        }
        // Without folder names two files may well share theirs; the judge tells them apart by their bytes.
        if layout == Layout::Folder
            && let Some(pair) = files.windows(2).find(|pair| pair[0].path == pair[1].path)
        {
            return Err(PlanError::Twice {
                path: visible(&pair[0].path),
            });
        }
        if files.is_empty() && !bundles.is_empty() {
            return Err(PlanError::OnlyBundles { bundles });
        }
        if files.is_empty() {
            return Err(match ignored.first() {
                Some(example) => PlanError::AllIgnored {
                    example: example.to_string(),
                },
                None => PlanError::Empty,
            });
        }
        let total_bytes = files
            .iter()
            .fold(0_u64, |sum, file| sum.saturating_add(file.size));
        Ok(Self {
            folder: folder.map(visible),
            layout,
            files,
            ignored,
            bundles,
            total_bytes,
            told: told(&view),
        })
    }

    /// Position of the file whose text says which revision of a hub's cache is meant.
    pub(crate) fn main_ref(listed: &[Listed]) -> Option<usize> {
        let prefix = common_folder(listed).map_or(0, |name| name.len() + 1);
        let is_main = |l: &Listed| l.path[prefix..] == *folder::REF_MAIN && l.size <= folder::MAX_REF_BYTES;
        listed.iter().position(is_main)
    }

    /// A plan without files, for looking at a record before any file is given.
    pub(crate) fn nothing() -> Self {
        Self {
            folder: None,
            layout: Layout::Flat,
            files: Vec::new(),
            ignored: Vec::new(),
            bundles: Vec::new(),
            total_bytes: 0,
            told: None,
        }
    }

    /// What it is called on the page: the folder, the only file, or a count.
    pub(crate) fn title(&self) -> String {
        match (&self.folder, self.files.as_slice()) {
            (Some(folder), _) => folder.clone(),
            (None, [only]) => visible(&only.path),
            (None, files) => format!("{} files", files.len()),
        }
    }

    /// What the judge has to know about the shape of the list.
    pub(crate) fn scope(&self) -> Scope {
        match (self.layout, self.files.len()) {
            (Layout::Folder, _) => Scope::Folder,
            (Layout::Flat, 1) => Scope::SingleFile,
            (Layout::Flat, _) => Scope::Flat,
        }
    }

    /// Which files have to be read to compare them with `manifests`.
    pub(crate) fn to_read(&self, manifests: &[&Manifest]) -> Vec<bool> {
        let names = self.files.iter().map(|file| (file.path.as_str(), file.size));
        to_read(self.scope(), manifests, &names.collect::<Vec<_>>())
    }
}

/// What there is to say of a folder that another tool keeps.
fn told(view: &View) -> Option<String> {
    let kind = view
        .told
        .as_deref()
        .map(|told| format!("This is {}.", visible(told)));
    let unfinished = match view.unfinished.as_slice() {
        [] => None,
        [first, ..] => Some(format!(
            "A download is not finished ({}); wait for it, or start it again.",
            visible(first)
        )),
    };
    match (kind, unfinished) {
        (Some(kind), Some(unfinished)) => Some(format!("{kind} {unfinished}")),
        (kind, unfinished) => kind.or(unfinished),
    }
}

/// The first component that all paths share, when each has something below it.
fn common_folder(listed: &[Listed]) -> Option<&str> {
    let (first, _) = listed.first()?.path.split_once('/')?;
    let shared = |l: &Listed| {
        l.path
            .split_once('/')
            .is_some_and(|(top, rest)| top == first && !rest.is_empty())
    };
    (!first.is_empty() && listed.iter().all(shared)).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(paths: &[&str]) -> Result<Plan, PlanError> {
        let listed: Vec<_> = (1..)
            .zip(paths)
            .map(|(size, p)| Listed {
                path: (*p).into(),
                size,
            })
            .collect();
        Plan::new(&listed, None, false)
    }

    fn paths(plan: &Plan) -> Vec<&str> {
        plan.files.iter().map(|f| f.path.as_str()).collect()
    }

    #[test]
    fn a_folder_gives_paths_below_it() {
        let plan = plan(&["m/b.txt", "m/1_Pooling/config.json", "m/.git/config"]).unwrap();
        assert_eq!(paths(&plan), ["1_Pooling/config.json", "b.txt"]);
        assert_eq!(
            (plan.folder.as_deref(), plan.layout, plan.total_bytes),
            (Some("m"), Layout::Folder, 3)
        );
        assert_eq!(plan.ignored[0].as_str(), ".git/config");
        assert_eq!(plan.files[0].source, 1);
    }

    #[test]
    fn the_contents_of_a_folder_dropped_side_by_side_keep_their_paths() {
        let plan = plan(&["model.safetensors", "1_Pooling/config.json"]).unwrap();
        assert_eq!((plan.folder, plan.layout), (None, Layout::Folder));
    }

    #[test]
    fn two_folders_are_not_merged_into_one() {
        let plan = plan(&["a/x", "b/x"]).unwrap();
        assert_eq!((paths(&plan), plan.folder.clone()), (vec!["a/x", "b/x"], None));
    }

    #[test]
    fn bare_names_are_flat() {
        let plan = plan(&["b", "a"]).unwrap();
        assert_eq!((plan.layout, plan.title()), (Layout::Flat, "2 files".to_owned()));
        assert_eq!(plan.scope(), Scope::Flat);
    }

    #[test]
    fn a_name_that_no_record_can_hold_stays_in_the_plan() {
        let plan = plan(&["m/ok", "m/gpj.\u{202E}exe"]).unwrap();
        assert_eq!(paths(&plan), ["gpj.\u{202E}exe", "ok"]);
    }

    #[test]
    fn bundles_are_kept_apart_from_what_is_checked() {
        let plan = plan(&[
            "m/a",
            "m/x.weighbridge",
            "m/sub/y.weighbridge",
            "m/.git/z.weighbridge",
        ])
        .unwrap();
        assert_eq!(paths(&plan), ["a", "sub/y.weighbridge"]);
        let bundles: Vec<_> = plan
            .bundles
            .iter()
            .map(|file| (file.path.as_str(), file.source))
            .collect();
        assert_eq!((bundles, plan.ignored.len()), (vec![("x.weighbridge", 1)], 2));
    }

    #[test]
    fn a_lone_file_with_a_bundle_beside_it_is_one_file() {
        let plan = plan(&["model.safetensors", "x.weighbridge"]).unwrap();
        assert_eq!((plan.scope(), plan.bundles.len()), (Scope::SingleFile, 1));
    }

    #[test]
    fn a_bundle_alone_is_not_taken_for_nothing() {
        let error = plan(&["x.weighbridge"]).unwrap_err();
        assert!(matches!(error, PlanError::OnlyBundles { bundles } if bundles.len() == 1));
    }

    #[test]
    fn bare_names_may_repeat() {
        assert_eq!(plan(&["config.json", "config.json"]).unwrap().files.len(), 2);
    }

    #[test]
    fn folders_of_other_tools_are_gone_down_to() {
        let (a, b) = ("0".repeat(40), "1".repeat(40));
        let paths = [
            "models--acme--tiny/blobs/x".to_owned().replace('x', &a),
            format!("models--acme--tiny/snapshots/{a}/config.json"),
            format!("models--acme--tiny/snapshots/{a}/.gitattributes"),
            format!("models--acme--tiny/snapshots/{b}/config.json"),
            "models--acme--tiny/refs/main".to_owned(),
        ];
        let listed: Vec<_> = paths.into_iter().map(|path| Listed { path, size: 1 }).collect();
        let plan = Plan::new(&listed, Some(&a), false).unwrap();
        assert_eq!(
            (self::paths(&plan), plan.layout),
            (vec!["config.json"], Layout::Folder)
        );
        assert_eq!(plan.ignored.len(), 1);
        assert!(plan.told.unwrap().contains("refs/main names"));
        let several = Plan::new(&listed, None, false).unwrap_err().to_string();
        assert!(
            several.ends_with("To check one, name the folder of one snapshot."),
            "{several}"
        );
        assert_eq!(Plan::new(&listed, None, true).unwrap().files.len(), 5);
    }

    #[test]
    fn blobs_are_compared_by_their_bytes() {
        let blob = format!("models/blobs/sha256-{}", "a".repeat(64));
        let plan = plan(&[&blob, "models/manifests/registry.ollama.ai/library/tiny/latest"]).unwrap();
        assert_eq!((plan.layout, plan.files.len()), (Layout::Flat, 1));
        assert_eq!(plan.files[0].path, blob["models/blobs/".len()..]);
    }

    #[test]
    fn nothing_to_check_is_said() {
        assert_eq!(plan(&[]), Err(PlanError::Empty));
        assert_eq!(
            plan(&["m/.git/x"]),
            Err(PlanError::AllIgnored {
                example: ".git/x".into()
            })
        );
        assert_eq!(plan(&["m/a", "m/a"]), Err(PlanError::Twice { path: "a".into() }));
    }
}
