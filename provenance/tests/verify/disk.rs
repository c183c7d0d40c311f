//! A small model on an imagined disk, and what a client sees of it.

use std::{collections::BTreeMap, sync::OnceLock};

use provenance::{
    Sha256Digest,
    chunk::{CHUNK_SIZE, ChunkList},
    manifest::{Manifest, ManifestFile},
    tensor::{Format, Header, TensorIndex, read_header},
    verify::{Bytes, Junk, Observation, OwnHeader, Scope, SeenFile, to_read},
};

pub(crate) const WEIGHTS: &str = "model.safetensors";
pub(crate) const MIB: usize = 1 << 20;
pub(crate) const CHUNK: usize = 4 * MIB;

/// The tensors of the weights, with their sizes in bytes. `layer` fills the chunks 1 and 2 alone.
const TENSORS: [(&str, usize); 3] = [("embed", MIB), ("layer", 11 * MIB), ("head", MIB)];

/// Files by path, and how a client looks at them.
#[derive(Clone)]
pub(crate) struct Disk {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) scope: Scope,
    pub(crate) named: bool,
    pub(crate) allow_extra: bool,
    /// Whether whole-file digests are computed as well.
    pub(crate) full: bool,
}

impl Disk {
    /// Six files: weights of 13 MiB, an empty one, one with an accent, and two that share a base name.
    pub(crate) fn model() -> Self {
        static WEIGHTS_BYTES: OnceLock<Vec<u8>> = OnceLock::new();
        let texts = [
            ("README.md", "# acme/tiny\n"),
            ("config.json", r#"{"model_type":"tiny"}"#),
            ("tokenizer/config.json", r#"{"add_bos":true}"#),
            ("tokenizer/caf\u{e9}.txt", "a\nb\n"),
            ("empty.txt", ""),
        ];
        let mut files: BTreeMap<String, Vec<u8>> = texts
            .into_iter()
            .map(|(path, text)| (path.to_owned(), text.as_bytes().to_vec()))
            .collect();
        files.insert(WEIGHTS.into(), WEIGHTS_BYTES.get_or_init(weights).clone());
        Self {
            files,
            scope: Scope::Folder,
            named: false,
            allow_extra: false,
            full: false,
        }
    }

    /// The same files without their folders, one entry each, in an order of their own.
    pub(crate) fn flat(&self) -> Vec<(String, Vec<u8>)> {
        let base = |path: &String| path.rsplit('/').next().unwrap_or(path).to_owned();
        self.files
            .iter()
            .rev()
            .map(|(path, bytes)| (base(path), bytes.clone()))
            .collect()
    }

    pub(crate) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_vec());
    }

    pub(crate) fn bytes(&mut self, path: &str) -> &mut Vec<u8> {
        self.files.get_mut(path).expect("a file of the model")
    }

    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let bytes = self.files.remove(from).expect("a file of the model");
        self.files.insert(to.to_owned(), bytes);
    }

    pub(crate) fn swap(&mut self, a: &str, b: &str) {
        let (one, two) = (self.files[a].clone(), self.files[b].clone());
        self.put(a, &two);
        self.put(b, &one);
    }

    /// The manifest that a publisher makes of these files.
    pub(crate) fn manifest(&self) -> Manifest {
        let files = self.files.iter().map(|(path, bytes)| {
            let chunks = chunks(bytes);
            ManifestFile {
                path: path.parse().expect("a relative path"),
                size: bytes.len() as u64,
                sha256: Sha256Digest::of(bytes),
                chunks: chunks.digest(),
                chunk0: chunks.chunk0(),
                tensors: tensors(path, bytes).map(|index| index.digest()),
            }
        });
        Manifest::new(files.collect()).expect("a manifest")
    }

    /// The sidecars of all files, by digest.
    pub(crate) fn sidecars(&self) -> BTreeMap<Sha256Digest, Vec<u8>> {
        let lists = self.files.values().map(|bytes| chunks(bytes).to_bytes());
        let indexes = self
            .files
            .iter()
            .filter_map(|(path, bytes)| Some(tensors(path, bytes)?.to_bytes()));
        lists
            .chain(indexes)
            .map(|bytes| (Sha256Digest::of(&bytes), bytes))
            .collect()
    }

    /// What a client observes, given the sidecars of `original`.
    pub(crate) fn seen(&self, original: &Self) -> Observation {
        let files = self
            .files
            .iter()
            .map(|(path, bytes)| (path.clone(), bytes.clone()));
        self.seen_as(files.collect(), original)
    }

    /// As [`Self::seen`], of `files` instead.
    pub(crate) fn seen_as(&self, files: Vec<(String, Vec<u8>)>, original: &Self) -> Observation {
        let names: Vec<_> = files
            .iter()
            .map(|(path, bytes)| (path.as_str(), bytes.len() as u64))
            .collect();
        let read = to_read(self.scope, &[&original.manifest()], &names);
        let files = files.into_iter().zip(read).map(|((path, bytes), read)| SeenFile {
            size: bytes.len() as u64,
            bytes: if read {
                Bytes::Hashed {
                    chunks: chunks(&bytes),
                    sha256: self.full.then(|| Sha256Digest::of(&bytes)),
                    // A header is looked for whatever the name: caches name files by their digest.
                    header: header(&bytes),
                    junk: Junk::sniff(
                        &path,
                        &bytes[..bytes.len().min(Junk::SNIFF_BYTES)],
                        bytes.len() as u64,
                    ),
                }
            } else {
                Bytes::NotRead
            },
            path,
        });
        Observation {
            scope: self.scope,
            files: files.collect(),
            sidecars: original.sidecars(),
            named: self.named,
            ignored: 0,
            allow_extra: self.allow_extra,
        }
    }
}

pub(crate) fn chunks(bytes: &[u8]) -> ChunkList {
    let size = usize::try_from(CHUNK_SIZE).expect("4 MiB");
    ChunkList::new(bytes.chunks(size).map(Sha256Digest::of).collect())
}

fn tensors(path: &str, bytes: &[u8]) -> Option<TensorIndex> {
    Format::of_name(path)?;
    header(bytes).index().cloned()
}

fn header(bytes: &[u8]) -> OwnHeader {
    match read_header(bytes, bytes.len() as u64) {
        Ok(Header::Read(layout)) => OwnHeader::Index(layout.index),
        Ok(Header::Needs(bytes)) => panic!("all of the file is there, and it wants {bytes} bytes"),
        Err(error) => OwnHeader::from(Err(error)),
    }
}

fn weights() -> Vec<u8> {
    let (mut at, mut members) = (0, Vec::new());
    for (name, size) in TENSORS {
        let end = at + size;
        members.push(format!(
            r#""{name}":{{"dtype":"U8","shape":[{size}],"data_offsets":[{at},{end}]}}"#
        ));
        at = end;
    }
    let header = format!("{{{}}}", members.join(","));
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    let mut state = 1u64;
    while bytes.len() < 8 + header.len() + at {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        bytes.extend_from_slice(&(state >> 32).to_le_bytes()[..4]);
    }
    bytes
}
