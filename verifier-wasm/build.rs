//! Gives page and worker one build id: a fingerprint of the sources that both compile.
//!
//! Trunk does not hash the worker's file name, so after a deploy a browser may hold a page and a worker of two
//! builds. Both carry this id and the page refuses a worker whose id differs.

use std::{env, error::Error, fs, path::PathBuf};

/// FNV-1a, 64 bits. It tells builds apart; nothing trusts it.
fn fingerprint(state: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(state, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn main() -> Result<(), Box<dyn Error>> {
    let crate_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut files = Vec::new();
    for folder in ["src", "src/bin"] {
        for entry in fs::read_dir(crate_dir.join(folder))? {
            let path = entry?.path();
            if path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut hash = fingerprint(0xcbf2_9ce4_8422_2325, env::var("CARGO_PKG_VERSION")?.as_bytes());
    for file in files {
        hash = fingerprint(hash, &fs::read(file)?);
    }
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rustc-env=WEIGHBRIDGE_WORKER_BUILD={hash:016x}");
    Ok(())
}
