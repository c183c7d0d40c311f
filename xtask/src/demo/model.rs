//! What the demo publishes: a dataset and small safetensors models, always the same bytes; and a changed copy.

use std::{
    fs::{self, File},
    io::{BufWriter, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use serde_json::{Map, json};

/// Writes a small dataset.
///
/// # Errors
/// When `folder` cannot be written.
pub(super) fn write_dataset(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder)?;
    let sentence = "A truck is weighed against its papers before it leaves the yard.\n";
    fs::write(folder.join("sentences.txt"), sentence.repeat(20_000))?;
    fs::write(
        folder.join("README.md"),
        "# Sentences\n\nOne sentence, twenty thousand times.\n",
    )?;
    Ok(())
}

/// Writes a valid safetensors model: for each of `widths` a layer of three square F32 matrices, with the files
/// that usually lie beside. `seed` makes its weights its own.
///
/// # Errors
/// When `folder` cannot be written.
pub(super) fn write(folder: &Path, seed: u64, widths: &[u64]) -> Result<()> {
    fs::create_dir_all(folder.join("tokenizer"))?;
    let mut header = Map::new();
    let mut end = 0;
    for (layer, width) in widths.iter().enumerate() {
        for part in ["self_attn.q_proj", "self_attn.v_proj", "mlp.up_proj"] {
            let begin = end;
            end += width * width * 4;
            let tensor = json!({"dtype": "F32", "shape": [width, width], "data_offsets": [begin, end]});
            header.insert(format!("model.layers.{layer}.{part}.weight"), tensor);
        }
    }
    let header = serde_json::to_vec(&header)?;
    let mut file = BufWriter::new(File::create(folder.join("model.safetensors"))?);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    let mut state = seed;
    for _ in 0..end / 4 {
        // Knuth's MMIX generator; its upper bits become the mantissa of a number from 1/128 to 1/64.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bits = 0x3c00_0000 | u32::try_from(state >> 41)?;
        file.write_all(&bits.to_le_bytes())?;
    }
    file.flush()?;
    fs::write(
        folder.join("config.json"),
        format!("{}\n", json!({"model_type": "demo", "widths": widths})),
    )?;
    fs::write(
        folder.join("tokenizer/vocab.txt"),
        "[PAD]\n[UNK]\ntruck\nweight\n",
    )?;
    fs::write(
        folder.join("README.md"),
        "# Demo model\n\nNumbers without meaning, in the right format.\n",
    )?;
    Ok(())
}

/// Copies a folder with everything in it.
///
/// # Errors
/// When something cannot be read or written.
pub(super) fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        // Follows links: model folders of download caches are full of them.
        if entry.path().is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("cannot copy {}", entry.path().display()))?;
        }
    }
    Ok(())
}

/// Flips one bit in the middle of the largest file below `folder`.
///
/// # Errors
/// When there is no file, or it cannot be changed.
pub(super) fn flip_one_bit(folder: &Path) -> Result<()> {
    let (size, path) = largest(folder)?
        .filter(|(size, _)| *size > 0)
        .context("the model has no file with bytes")?;
    let mut file = File::options().read(true).write(true).open(&path)?;
    let mut byte = [0];
    file.seek(SeekFrom::Start(size / 2))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(size / 2))?;
    file.write_all(&[byte[0] ^ 1])
        .with_context(|| format!("cannot change {}", path.display()))
}

fn largest(folder: &Path) -> Result<Option<(u64, PathBuf)>> {
    let mut found = None;
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let candidate = if path.is_dir() {
            largest(&path)?
        } else {
            Some((path.metadata()?.len(), path))
        };
        found = found.max(candidate);
    }
    Ok(found)
}
