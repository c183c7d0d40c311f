//! The signed statement: which files a model has, and how they were read.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::error::{OmsError, StatementFault, Unsupported};
use crate::{
    digest::{Sha256Digest, Sha256Hasher},
    json::{At, FromJson, WrongValue, parse_foreign},
    path::{PathError, RelativePath, clip},
    statement::{SIGNATURE_TYPE, STATEMENT_TYPE},
};

/// Largest statement in bytes, 16 MiB: about 80,000 files.
pub const MAX_STATEMENT_BYTES: usize = 16 << 20;

/// Most files in one statement.
pub const MAX_RESOURCES: usize = 100_000;

/// What the Python tool ignores at the top of a folder unless it is told otherwise; OMS v1.0 section 6.2 asks it of all.
pub const DEFAULT_IGNORE_PATHS: [&str; 4] = [".git", ".gitattributes", ".github", ".gitignore"];

/// How the Python tool names the only file of a model that is a single file.
pub const SINGLE_FILE_NAME: &str = ".";

/// Predicate type of model_signing 0.2. It lists no serialisation, and the tool that wrote it signed another encoding
/// than DSSE's.
pub(super) const OLD_PREDICATE_TYPE: &str = "https://model_signing/Digests/v0.1";

/// A signed file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its path; none for [`SINGLE_FILE_NAME`], a single file under whatever name.
    pub path: Option<RelativePath>,
    /// SHA-256 of its bytes.
    pub sha256: Sha256Digest,
}

impl Resource {
    /// The name as signed.
    pub fn name(&self) -> &str {
        self.path.as_ref().map_or(SINGLE_FILE_NAME, RelativePath::as_str)
    }
}

/// What a key signed: the signature holds, and so does the statement in itself. No file has been compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed {
    pub(super) name: String,
    pub(super) root: Sha256Digest,
    pub(super) allow_symlinks: bool,
    pub(super) ignore_paths: Vec<String>,
    pub(super) resources: Vec<Resource>,
    pub(super) warnings: Vec<String>,
}

impl Signed {
    /// What the signer calls the model: informational.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// SHA-256 over the raw digests of the files, in the order in which they are listed.
    pub fn root(&self) -> Sha256Digest {
        self.root
    }

    /// Whether the signer followed links to files.
    pub fn allows_symlinks(&self) -> bool {
        self.allow_symlinks
    }

    /// The files, in the order in which they are listed.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// Whether the model is one file, whatever its name.
    pub fn is_single_file(&self) -> bool {
        matches!(self.resources.as_slice(), [Resource { path: None, .. }])
    }

    /// Reads a payload whose signature was checked. `warnings` are those made so far.
    pub(super) fn read(payload: &[u8], mut warnings: Vec<String>) -> Result<Self, OmsError> {
        let value = parse_foreign(payload, MAX_STATEMENT_BYTES).map_err(StatementFault::from)?;
        let statement = At::new(&value);
        check_types(statement)?;
        let fault = StatementFault::from;
        let predicate = statement.member("predicate").map_err(fault)?;
        let (allow_symlinks, ignore_paths) = read_serialization(predicate)?;
        warn_of_others(
            predicate,
            &["serialization", "resources"],
            "predicate",
            &mut warnings,
        )?;
        let (name, root) = read_subject(statement).map_err(fault)?;
        let resources = read_resources(predicate)?;
        let mut hasher = Sha256Hasher::new();
        for resource in &resources {
            hasher.update(resource.sha256.as_bytes());
        }
        let computed = hasher.finish();
        if computed != root {
            let stated = root;
            return Err(StatementFault::Root { stated, computed }.into());
        }
        Ok(Self {
            name,
            root,
            allow_symlinks,
            ignore_paths,
            resources,
            warnings,
        })
    }
}

fn check_types(statement: At<'_>) -> Result<(), OmsError> {
    let text = |name| {
        let member = statement.member(name).and_then(|at| at.text());
        member.map_err(StatementFault::from)
    };
    let type_ = text("_type")?;
    if type_ != STATEMENT_TYPE {
        let found = clip(type_);
        return Err(StatementFault::Type { found }.into());
    }
    match text("predicateType")? {
        SIGNATURE_TYPE => Ok(()),
        OLD_PREDICATE_TYPE => Err(Unsupported::OldPredicate.into()),
        other => {
            let found = clip(other);
            Err(StatementFault::PredicateType { found }.into())
        }
    }
}

/// How the files were read: whether links were followed, and which paths were left out.
fn read_serialization(predicate: At<'_>) -> Result<(bool, Vec<String>), OmsError> {
    let fault = StatementFault::from;
    let serialization = predicate.member("serialization").map_err(fault)?;
    let text = |name| serialization.member(name).and_then(|at| at.text()).map_err(fault);
    match text("method")? {
        "files" => {}
        "shards" => return Err(Unsupported::Shards.into()),
        other => {
            let found = clip(other);
            return Err(Unsupported::Method { found }.into());
        }
    }
    let hash = text("hash_type")?;
    if hash != "sha256" {
        let found = clip(hash);
        return Err(Unsupported::Hash { found }.into());
    }
    let known = ["method", "hash_type", "allow_symlinks", "ignore_paths"];
    let mut members = serialization.members().map_err(fault)?;
    if let Some((other, _)) = members.find(|(name, _)| !known.contains(name)) {
        let found = clip(other);
        return Err(Unsupported::Serialization { found }.into());
    }
    let allow_symlinks = serialization.member("allow_symlinks").and_then(|at| at.boolean());
    let ignore_paths = serialization.get_optional::<Vec<String>>("ignore_paths");
    Ok((
        allow_symlinks.map_err(fault)?,
        ignore_paths.map_err(fault)?.unwrap_or_default(),
    ))
}

/// Members that OMS v1.0 does not define are signed, but mean nothing to this program.
fn warn_of_others(
    at: At<'_>,
    known: &[&str],
    place: &str,
    warnings: &mut Vec<String>,
) -> Result<(), StatementFault> {
    let others: Vec<_> = at
        .members()?
        .map(|(name, _)| name)
        .filter(|name| !known.contains(name))
        .collect();
    if let Some(first) = others.first() {
        warnings.push(format!(
            "the {place} has {} that OMS v1.0 does not define, such as {:?}; what it says was not checked",
            if others.len() == 1 {
                "a member".to_owned()
            } else {
                format!("{} members", others.len())
            },
            clip(first)
        ));
    }
    Ok(())
}

/// The model's name and root digest.
fn read_subject(statement: At<'_>) -> Result<(String, Sha256Digest), WrongValue> {
    let subjects = statement.member("subject")?;
    let mut items = subjects.items()?;
    let (Some(subject), None) = (items.next(), items.next()) else {
        return Err(subjects.wrong("does not name exactly one model"));
    };
    let name = subject.member("name")?;
    if name.text()?.is_empty() {
        return Err(name.wrong("is empty"));
    }
    let digest = subject.member("digest")?;
    Ok((clip(name.text()?), digest.get("sha256")?))
}

fn read_resources(predicate: At<'_>) -> Result<Vec<Resource>, OmsError> {
    let fault = StatementFault::from;
    let listed = predicate.member("resources").map_err(fault)?;
    let items = listed.items().map_err(fault)?;
    let found = items.len();
    if !(1..=MAX_RESOURCES).contains(&found) {
        return Err(StatementFault::Resources { found }.into());
    }
    let resources: Vec<Resource> = items
        .map(|item| read_resource(item, found == 1))
        .collect::<Result<_, _>>()?;
    let mut seen = BTreeSet::new();
    for resource in &resources {
        if !seen.insert(resource.name()) {
            let name = clip(resource.name());
            return Err(StatementFault::Duplicate { name }.into());
        }
    }
    Ok(resources)
}

/// A file; members other than the three are its annotations, which OMS asks verifiers to ignore.
fn read_resource(resource: At<'_>, is_only: bool) -> Result<Resource, OmsError> {
    let fault = StatementFault::from;
    let text = |name| resource.member(name).and_then(|at| at.text()).map_err(fault);
    let algorithm = text("algorithm")?;
    if algorithm != "sha256" {
        let found = clip(algorithm);
        return Err(Unsupported::Hash { found }.into());
    }
    let name = text("name")?;
    let path = if is_only && name == SINGLE_FILE_NAME {
        None
    } else {
        Some(name.parse().map_err(|error| match error {
            PathError::NotNfc { .. } => OmsError::from(Unsupported::Name(error)),
            other => StatementFault::Name(other).into(),
        })?)
    };
    let sha256 = Sha256Digest::from_json(resource.member("digest").map_err(fault)?).map_err(fault)?;
    Ok(Resource { path, sha256 })
}

/// An entry of `ignore_paths` in its one spelling: `./cache/` is `cache`. None when it could match no file below the
/// folder, or would take the whole folder out.
pub fn ignore_path(entry: &str) -> Option<String> {
    let entry = entry.strip_prefix("./").unwrap_or(entry);
    let entry = entry.strip_suffix('/').unwrap_or(entry);
    let plain = entry.split('/').all(|part| !matches!(part, "" | "." | ".."));
    plain.then(|| entry.to_owned())
}

/// Writes the statement about these files, which are not empty and have one entry for each path.
pub fn statement_json(
    name: &str,
    files: &BTreeMap<RelativePath, Sha256Digest>,
    ignore_paths: &[String],
) -> Vec<u8> {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Wire<'a> {
        #[serde(rename = "_type")]
        type_: &'a str,
        subject: [Subject<'a>; 1],
        predicate_type: &'a str,
        predicate: Predicate<'a>,
    }
    #[derive(Serialize)]
    struct Subject<'a> {
        name: &'a str,
        digest: Digest,
    }
    #[derive(Serialize)]
    struct Digest {
        sha256: Sha256Digest,
    }
    #[derive(Serialize)]
    struct Predicate<'a> {
        serialization: Serialization<'a>,
        resources: Vec<WireResource<'a>>,
    }
    #[derive(Serialize)]
    struct Serialization<'a> {
        method: &'a str,
        hash_type: &'a str,
        allow_symlinks: bool,
        ignore_paths: &'a [String],
    }
    #[derive(Serialize)]
    struct WireResource<'a> {
        name: &'a str,
        algorithm: &'a str,
        digest: Sha256Digest,
    }
    let mut hasher = Sha256Hasher::new();
    for sha256 in files.values() {
        hasher.update(sha256.as_bytes());
    }
    let wire = Wire {
        type_: STATEMENT_TYPE,
        subject: [Subject {
            name,
            digest: Digest {
                sha256: hasher.finish(),
            },
        }],
        predicate_type: SIGNATURE_TYPE,
        predicate: Predicate {
            serialization: Serialization {
                method: "files",
                hash_type: "sha256",
                allow_symlinks: false,
                ignore_paths,
            },
            resources: (files.iter())
                .map(|(path, digest)| WireResource {
                    name: path.as_str(),
                    algorithm: "sha256",
                    digest: *digest,
                })
                .collect(),
        },
    };
    serde_json::to_vec(&wire).expect("strings always serialise")
}
