//! Manifests: the files of one artifact, and the digests that name it.

use crate::{
    chunk::{MAX_FILE_BYTES, chunk_count},
    digest::{Sha256Digest, Sha256Hasher},
    order::{positions, sort_by},
    path::RelativePath,
    tensor::Format,
};

/// Most files in one manifest; at about 600 bytes each the payload limit is reached earlier.
pub const MAX_FILES: usize = 100_000;

/// One file of an artifact, as its publisher signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestFile {
    /// Path relative to the artifact's folder; a single file's base name.
    pub path: RelativePath,
    /// Size in bytes.
    pub size: u64,
    /// SHA-256 of the whole file: what hubs show, and the OMS digest.
    pub sha256: Sha256Digest,
    /// SHA-256 of the chunk list: `weighbridge_chunks`.
    pub chunks: Sha256Digest,
    /// SHA-256 of the first chunk: `weighbridge_chunk0`.
    pub chunk0: Sha256Digest,
    /// SHA-256 of the tensor index, for safetensors and GGUF files: `weighbridge_tensors`.
    pub tensors: Option<Sha256Digest>,
}

/// The files of one artifact, sorted bytewise by path. Not empty; no two paths collide, even ignoring case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    files: Vec<ManifestFile>,
}

/// Why files do not make a manifest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// No file at all.
    #[error("there is no file to list")]
    Empty,
    /// More than [`MAX_FILES`].
    #[error("{found} files are listed, at most {MAX_FILES} are allowed")]
    TooMany {
        /// Files found.
        found: usize,
    },
    /// Two paths that are equal, or would be on a file system that ignores case.
    #[error("the paths {first:?} and {second:?} are the same file on systems that ignore case")]
    Duplicate {
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// One path is a file and a folder at once.
    #[error("the path {path:?} is listed as a file and as a folder")]
    FileAndFolder {
        /// The path.
        path: String,
    },
    /// A size over [`MAX_FILE_BYTES`].
    #[error("the file {path:?} has {size} bytes, at most {MAX_FILE_BYTES} are allowed")]
    Size {
        /// The path.
        path: String,
        /// Its size.
        size: u64,
    },
    /// Digests that contradict the size: an empty file whose digests are not of nothing, or a one-chunk file
    /// whose first chunk is not the file.
    #[error("the digests of {path:?} contradict its size of {size} bytes")]
    Contradiction {
        /// The path.
        path: String,
        /// Its size.
        size: u64,
    },
    /// A tensor index that is missing where it is required, or present where it has no place.
    #[error("the file {path:?} must {} a tensor index", if *.required { "have" } else { "not have" })]
    Tensors {
        /// The path.
        path: String,
        /// Whether one is required.
        required: bool,
    },
}

impl Manifest {
    /// Sorts and checks `files`.
    ///
    /// # Errors
    /// [`ManifestError`].
    pub fn new(mut files: Vec<ManifestFile>) -> Result<Self, ManifestError> {
        if files.is_empty() {
            return Err(ManifestError::Empty);
        }
        if files.len() > MAX_FILES {
            return Err(ManifestError::TooMany { found: files.len() });
        }
        sort_by(&mut files, |a, b| a.path.cmp(&b.path));
        check_collisions(&files)?;
        files.iter().try_for_each(check_file)?;
        Ok(Self { files })
    }

    /// The files, sorted bytewise by path.
    pub fn files(&self) -> &[ManifestFile] {
        &self.files
    }

    /// The file at `path`.
    pub fn file(&self, path: &str) -> Option<&ManifestFile> {
        let at = self.files.binary_search_by(|f| f.path.as_str().cmp(path)).ok()?;
        self.files.get(at)
    }

    /// Sum of all sizes in bytes.
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|f| f.size).fold(0, u64::saturating_add)
    }

    /// The artifact's identity, in-toto's `dirHash1`: SHA-256 over one line `<sha256>  <path>\n` a file.
    pub fn dir_hash1(&self) -> Sha256Digest {
        let mut hasher = Sha256Hasher::new();
        for file in &self.files {
            hasher.update(format!("{}  {}\n", file.sha256, file.path).as_bytes());
        }
        hasher.finish()
    }

    /// The OMS root: SHA-256 over the raw file digests in code-point order of the paths (OMS v1.0 section 6).
    /// It does not bind names.
    pub fn oms_root(&self) -> Sha256Digest {
        root_over(self.files.iter())
    }

    /// The OMS root in the order of the Python `model_signing` tool, path component by path component.
    pub fn oms_root_components(&self) -> Sha256Digest {
        let mut files: Vec<_> = self.files.iter().collect();
        sort_by(&mut files, |a, b| a.path.cmp_by_component(&b.path));
        root_over(files.into_iter())
    }
}

fn root_over<'a>(files: impl Iterator<Item = &'a ManifestFile>) -> Sha256Digest {
    let mut hasher = Sha256Hasher::new();
    files.for_each(|file| hasher.update(file.sha256.as_bytes()));
    hasher.finish()
}

/// Looks for two names for one place, also where case does not count.
fn check_collisions(files: &[ManifestFile]) -> Result<(), ManifestError> {
    // NUL, which no path holds, sorts before everything: a file stands directly before what would lie in it.
    let folded: Vec<String> = files
        .iter()
        .map(|file| file.path.case_folded().replace('/', "\0"))
        .collect();
    let order = positions(files.len(), &|a, b| folded[a].cmp(&folded[b]));
    for pair in order.windows(2) {
        let (first, second) = (pair[0], pair[1]);
        match folded[second].strip_prefix(&folded[first]) {
            Some("") => {
                return Err(ManifestError::Duplicate {
                    first: files[first].path.to_string(),
                    second: files[second].path.to_string(),
                });
            }
            Some(inside) if inside.starts_with('\0') => {
                return Err(ManifestError::FileAndFolder {
                    path: files[first].path.to_string(),
                });
            }
            _ => {}
        }
    }
    Ok(())
}

fn check_file(file: &ManifestFile) -> Result<(), ManifestError> {
    let path = || file.path.to_string();
    if file.size > MAX_FILE_BYTES {
        return Err(ManifestError::Size {
            path: path(),
            size: file.size,
        });
    }
    let holds = match chunk_count(file.size) {
        0 => [file.sha256, file.chunks, file.chunk0]
            .iter()
            .all(|d| *d == Sha256Digest::OF_NOTHING),
        1 => file.chunk0 == file.sha256 && file.chunks == Sha256Digest::of(file.sha256.as_bytes()),
        _ => true,
    };
    if !holds {
        return Err(ManifestError::Contradiction {
            path: path(),
            size: file.size,
        });
    }
    let required = Format::of_name(file.path.as_str()).is_some();
    if required != file.tensors.is_some() {
        return Err(ManifestError::Tensors {
            path: path(),
            required,
        });
    }
    Ok(())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A small file of `content`, as a lab would list it.
    pub(crate) fn listed(path: &str, content: &[u8]) -> ManifestFile {
        let sha256 = Sha256Digest::of(content);
        ManifestFile {
            path: path.parse().unwrap(),
            size: content.len() as u64,
            sha256,
            chunks: if content.is_empty() {
                sha256
            } else {
                Sha256Digest::of(sha256.as_bytes())
            },
            chunk0: sha256,
            tensors: None,
        }
    }

    #[test]
    fn both_roots_of_the_oms_sample_are_as_recorded() {
        // Digests of the OMS sample model; both roots computed with Python's hashlib, the second one also
        // signed by `model_signing` 1.1.1 itself.
        let digests = [
            (
                ".hidden",
                "17de72d7e0b6103c101494e9ba6321e1658354f7a6dc662ae2a1648383f76158",
            ),
            (
                "README.md",
                "c634dd30cec60bbe75de17a69382c1872262d54c5508cdb6ccdf8552d3038036",
            ),
            (
                "config.json",
                "a7b72dca29c8920212ae168c7225fad01a5fac12593971b36d9e11df4c1e4203",
            ),
            (
                "empty.txt",
                "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            ),
            (
                "model.safetensors",
                "ac1f6eb2e48581cd8afd3a2af7d5dcadbace2fc4f1fcf417846442b371ff6570",
            ),
            (
                "tokenizer/vocab.txt",
                "880553fca8fcea94e325ee2cfb48e5a985cc797f39a14cc6d3cedecfeb2ae4d2",
            ),
            (
                "tokenizer-extra/x.txt",
                "efa8452654a6c2afe01b668d770b305ba50e1f1dd7aa2d765159e69b24a1f602",
            ),
        ];
        let mut files: Vec<_> = (digests.iter())
            .map(|(path, sha256)| ManifestFile {
                sha256: sha256.parse().unwrap(),
                ..listed(path, b"x")
            })
            .collect();
        sort_by(&mut files, |a, b| a.path.cmp(&b.path));
        let manifest = Manifest { files };
        let roots = (
            manifest.oms_root().to_string(),
            manifest.oms_root_components().to_string(),
        );
        assert_eq!(
            roots.0,
            "f777b9a2d2fd60c4e47a8cf56a1102bbaa5c65af10bf78a0ea486f734697412d"
        );
        assert_eq!(
            roots.1,
            "a65635aa4fa44f45a19a1adeb5198aaa4df03fc95cc26f4d8db4c239ede39689"
        );
    }

    #[test]
    fn dir_hash1_is_the_hash_of_sorted_lines() {
        let manifest = Manifest::new(vec![listed("b", b"2"), listed("a/x", b"1")]).unwrap();
        let lines = format!("{}  a/x\n{}  b\n", Sha256Digest::of(b"1"), Sha256Digest::of(b"2"));
        assert_eq!(manifest.dir_hash1(), Sha256Digest::of(lines.as_bytes()));
    }

    #[test]
    fn refuses_paths_that_collide() {
        let pair = |a: &str, b: &str| Manifest::new(vec![listed(a, b"1"), listed(b, b"2")]);
        assert!(matches!(pair("a", "a"), Err(ManifestError::Duplicate { .. })));
        assert!(matches!(
            pair("README.md", "readme.MD"),
            Err(ManifestError::Duplicate { .. })
        ));
        assert!(matches!(
            pair("a", "a/b"),
            Err(ManifestError::FileAndFolder { .. })
        ));
        assert!(matches!(
            pair("A", "a/b"),
            Err(ManifestError::FileAndFolder { .. })
        ));
        assert!(pair("a-b", "a/b").is_ok());
        assert_eq!(Manifest::new(vec![]), Err(ManifestError::Empty));
    }

    #[test]
    fn refuses_digests_that_contradict_the_size() {
        let mut file = listed("a", b"1");
        file.chunk0 = Sha256Digest::OF_NOTHING;
        assert!(matches!(
            Manifest::new(vec![file]),
            Err(ManifestError::Contradiction { .. })
        ));
        let mut file = listed("a", b"");
        file.size = 0;
        file.sha256 = Sha256Digest::of(b"1");
        assert!(matches!(
            Manifest::new(vec![file]),
            Err(ManifestError::Contradiction { .. })
        ));
    }

    #[test]
    fn weights_need_a_tensor_index_and_others_have_none() {
        let file = listed("a.safetensors", b"1");
        assert!(matches!(
            Manifest::new(vec![file]),
            Err(ManifestError::Tensors { required: true, .. })
        ));
        let mut file = listed("a.txt", b"1");
        file.tensors = Some(file.sha256);
        assert!(matches!(
            Manifest::new(vec![file]),
            Err(ManifestError::Tensors { required: false, .. })
        ));
    }
}
