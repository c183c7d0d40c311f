//! Models to publish and to damage: a small generated one, a large hollow one, and real ones.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    ops::Range,
    path::{Path, PathBuf},
    sync::Once,
};

use provenance::{
    Sha256Digest,
    chunk::CHUNK_SIZE,
    tensor::{Header, Tensor, read_header},
};

use crate::binaries::tool;

/// The file that holds the weights of a generated model.
const WEIGHTS: &str = "model.safetensors";

/// The digest that the model hub publishes for the weights of all-MiniLM-L6-v2.
const MINILM_SHA256: &str = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db";

/// A folder with weights in one safetensors or GGUF file, and other files.
#[derive(Debug, Clone)]
pub struct Model {
    folder: PathBuf,
    weights: &'static str,
}

/// The Git LFS pointer to `path`.
pub fn lfs_pointer_to(path: &Path) -> String {
    let bytes = fs::read(path).expect("a readable file");
    format!(
        "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n",
        Sha256Digest::of(&bytes),
        bytes.len()
    )
}

impl Model {
    /// A generated model of 7 MiB in `folder`: four tensors, two chunks, seven files, one of them in a
    /// sub-folder. Always the same bytes.
    pub fn small(folder: &Path) -> Self {
        let tensors = [
            ("embeddings.word.weight", [1024, 1024]),
            ("encoder.layer.0.attention.weight", [512, 512]),
            ("encoder.layer.0.output.weight", [512, 768]),
            ("pooler.dense.weight", [64, 512]),
        ];
        let model = Self {
            folder: folder.to_owned(),
            weights: WEIGHTS,
        };
        let (header, data_bytes) = safetensors_header(&tensors);
        let mut weights = header;
        weights.extend(noise(7, data_bytes));
        model.write("model.safetensors", &weights);
        model.write("config.json", b"{\"model_type\":\"test\",\"hidden_size\":512}\n");
        model.write("tokenizer.json", &noise_text(11, 40_000));
        model.write("vocab.txt", &noise_text(13, 9_000));
        model.write("special_tokens_map.json", b"{\"unk_token\":\"[UNK]\"}\n");
        model.write("README.md", b"# A model for tests\n");
        model.write("1_Pooling/config.json", b"{\"pooling_mode_mean_tokens\":true}\n");
        model
    }

    /// A generated GGUF model of 7 MiB: four tensors in three types, a vocabulary in its header, three files.
    pub fn gguf(folder: &Path) -> Self {
        let model = Self {
            folder: folder.to_owned(),
            weights: "model.gguf",
        };
        model.write("model.gguf", &gguf_file());
        model.write("config.json", b"{\"model_type\":\"test\"}\n");
        model.write("README.md", b"# A GGUF model for tests\n");
        model
    }

    /// A model of `size` bytes that take no space on disk: reading it takes long enough to be interrupted.
    pub fn hollow(folder: &Path, size: u64) -> Self {
        let model = Self {
            folder: folder.to_owned(),
            weights: WEIGHTS,
        };
        let rows = (size >> 20) << 20;
        let header =
            format!(r#"{{"hollow.weight":{{"dtype":"U8","shape":[{rows}],"data_offsets":[0,{rows}]}}}}"#);
        model.write("config.json", b"{}\n");
        model.write("model.safetensors", &framed(&header));
        let file = File::options()
            .write(true)
            .open(model.weights())
            .expect("a file just written");
        file.set_len(framed(&header).len() as u64 + rows)
            .expect("a sparse file");
        model
    }

    /// The real all-MiniLM-L6-v2: 90,868,376 bytes of weights, 13 files with one in a sub-folder. Do not write
    /// to it, nor to the other real ones; [`Model::copy_to`] first.
    pub fn minilm() -> Self {
        static CHECKED: Once = Once::new();
        let model = Self::real("minilm", "model.safetensors");
        CHECKED.call_once(|| {
            let bytes = fs::read(model.weights()).expect("a readable file");
            assert_eq!(
                Sha256Digest::of(&bytes).to_string(),
                MINILM_SHA256,
                "{} is not what the hub publishes; delete its folder and run: cargo xtask setup",
                model.weights().display()
            );
        });
        model
    }

    /// The real wordllama: 16,384,096 bytes of weights in one tensor, and its tokenizer.
    pub fn wordllama() -> Self {
        Self::real("wordllama", "l2_supercat_256.safetensors")
    }

    /// The real silero-vad: the same small model as safetensors, ONNX (six times) and TorchScript, beside an empty
    /// Python file.
    pub fn silero() -> Self {
        Self::real("silero-vad", "silero_vad_16k.safetensors")
    }

    /// A model that setup fetched, and whose digests it checked.
    fn real(name: &str, weights: &'static str) -> Self {
        Self {
            folder: tool(name),
            weights,
        }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file of the model.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The weights.
    pub fn weights(&self) -> PathBuf {
        self.path(self.weights)
    }

    /// A copy in `folder`.
    #[must_use]
    pub fn copy_to(&self, folder: &Path) -> Self {
        for name in self.files() {
            let to = folder.join(&name);
            fs::create_dir_all(to.parent().expect("a folder above")).expect("a new folder");
            fs::copy(self.path(&name), to).expect("a file can be copied");
        }
        Self {
            folder: folder.to_owned(),
            weights: self.weights,
        }
    }

    /// Names of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.folder, "", &mut found);
        found.sort();
        found
    }

    /// Writes a file, and the folders above it.
    pub fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder above")).expect("a new folder");
        fs::write(path, bytes).expect("a writable folder");
    }

    /// Deletes a file.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).expect("the file is there");
    }

    /// Gives two files each other's names.
    pub fn swap(&self, one: &str, other: &str) {
        let aside = self.folder.join("aside");
        let rename = |from: &Path, to: &Path| fs::rename(from, to).expect("files can be renamed");
        rename(&self.path(one), &aside);
        rename(&self.path(other), &self.path(one));
        rename(&aside, &self.path(other));
    }

    /// The tensors of the weights.
    pub fn tensors(&self) -> Vec<Tensor> {
        tensors_of(&self.weights())
    }

    /// The bytes of a tensor.
    pub fn tensor(&self, name: &str) -> Range<u64> {
        let tensors = self.tensors();
        let found = tensors.iter().find(|tensor| tensor.name == name);
        let found = found.unwrap_or_else(|| panic!("there is a tensor {name}"));
        found.begin..found.end
    }

    /// The tensor that the byte at `offset` belongs to.
    pub fn tensor_at(&self, offset: u64) -> String {
        let tensors = self.tensors();
        let found = tensors
            .iter()
            .find(|tensor| (tensor.begin..tensor.end).contains(&offset));
        let found = found.unwrap_or_else(|| panic!("byte {offset} is in a tensor"));
        found.name.clone()
    }

    /// Flips the lowest bit of one byte of the weights.
    pub fn flip_bit(&self, offset: u64) {
        self.flip_bit_in(self.weights, offset);
    }

    /// Flips the lowest bit of one byte of a file.
    pub fn flip_bit_in(&self, name: &str, offset: u64) {
        let mut file = File::options()
            .read(true)
            .write(true)
            .open(self.path(name))
            .expect("a writable file");
        let mut byte = [0];
        file.seek(SeekFrom::Start(offset))
            .expect("an offset within the file");
        file.read_exact(&mut byte).expect("an offset within the file");
        file.seek(SeekFrom::Start(offset))
            .expect("an offset within the file");
        file.write_all(&[byte[0] ^ 1]).expect("a writable file");
    }

    /// Cuts the weights off after `size` bytes.
    pub fn truncate(&self, size: u64) {
        let file = File::options()
            .write(true)
            .open(self.weights())
            .expect("a writable file");
        file.set_len(size).expect("a file can be cut");
    }
}

fn list(folder: &Path, prefix: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let entry = entry.expect("a readable entry");
        let name = format!(
            "{prefix}{}",
            entry.file_name().into_string().expect("names in UTF-8")
        );
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{name}/"), found);
        } else {
            found.push(name);
        }
    }
}

fn framed(header: &str) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes
}

/// The tensors that the header of a file names.
fn tensors_of(path: &Path) -> Vec<Tensor> {
    let mut file = File::open(path).expect("the weights are there");
    let size = file.metadata().expect("a file has a size").len();
    let mut head = Vec::new();
    loop {
        match read_header(&head, size).expect("a sound header") {
            Header::Read(layout) => return layout.index.tensors().to_vec(),
            Header::Needs(bytes) => {
                let from = head.len();
                head.resize(usize::try_from(bytes).expect("a small header"), 0);
                file.read_exact(&mut head[from..]).expect("a header");
            }
        }
    }
}

/// A GGUF file, version 3: pairs, descriptions, zeros up to a multiple of 32, data.
fn gguf_file() -> Vec<u8> {
    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes()[..], text.as_bytes()].concat()
    }
    // Name, elements of a row and rows, ggml type, bytes.
    let tensors: [(&str, [u64; 2], u32, u64); 4] = [
        ("token_embd.weight", [1024, 1024], 0, 4 << 20),
        ("blk.0.attn_q.weight", [1024, 1024], 12, (1 << 20) / 256 * 144),
        ("blk.0.ffn_down.weight", [1024, 1024], 8, (1 << 20) / 32 * 34),
        ("output.weight", [1024, 512], 1, 1 << 20),
    ];
    let words: Vec<Vec<u8>> = (0..40_000).map(|n| text(&format!("word{n}"))).collect();
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend((tensors.len() as u64).to_le_bytes());
    bytes.extend(2_u64.to_le_bytes());
    bytes.extend(
        [
            text("general.architecture"),
            8_u32.to_le_bytes().to_vec(),
            text("tiny"),
        ]
        .concat(),
    );
    bytes.extend(
        [
            text("tokenizer.ggml.tokens"),
            [9_u32, 8].map(u32::to_le_bytes).concat(),
        ]
        .concat(),
    );
    bytes.extend((words.len() as u64).to_le_bytes());
    bytes.extend(words.concat());
    let mut offset = 0;
    for (name, shape, kind, size) in tensors {
        bytes.extend([text(name), 2_u32.to_le_bytes().to_vec()].concat());
        bytes.extend(shape.map(u64::to_le_bytes).concat());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(u64::to_le_bytes(offset));
        offset = (offset + size).next_multiple_of(32);
    }
    bytes.resize(bytes.len().next_multiple_of(32), 0);
    bytes.extend(noise(17, usize::try_from(offset).expect("a small file")));
    bytes
}

/// The header of these F32 tensors, and the length in bytes of their data.
fn safetensors_header(tensors: &[(&str, [usize; 2])]) -> (Vec<u8>, usize) {
    let (mut members, mut at) = (Vec::new(), 0);
    for (name, [rows, columns]) in tensors {
        let end = at + rows * columns * 4;
        members.push(format!(
            r#""{name}":{{"dtype":"F32","shape":[{rows},{columns}],"data_offsets":[{at},{end}]}}"#
        ));
        at = end;
    }
    (framed(&format!("{{{}}}", members.join(","))), at)
}

/// How the page names the chunk at `offset`: chunks count from 0, people from 1.
///
/// # Panics
/// Past the 20th chunk, whose words this does not know.
pub fn nth_chunk(offset: u64) -> String {
    match offset / CHUNK_SIZE + 1 {
        1 => "the 1st of ".to_owned(),
        2 => "the 2nd of ".to_owned(),
        3 => "the 3rd of ".to_owned(),
        n @ ..=20 => format!("the {n}th of "),
        n => panic!("no words for chunk {n}"),
    }
}

/// Bytes that look random and are always the same (splitmix64).
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    let mut state = seed;
    for piece in bytes.chunks_mut(8) {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        piece.copy_from_slice(&(word ^ (word >> 31)).to_le_bytes()[..piece.len()]);
    }
    bytes
}

fn noise_text(seed: u64, length: usize) -> Vec<u8> {
    noise(seed, length)
        .into_iter()
        .map(|byte| if byte % 7 == 0 { b'\n' } else { b'a' + byte % 26 })
        .collect()
}
