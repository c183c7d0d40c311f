//! Writes the samples of every target into a folder for each, below the folder that is named.

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "target/seeds".into()));
    for (name, samples) in targets::seeds() {
        fs::create_dir_all(folder.join(name))?;
        for (number, sample) in samples.iter().enumerate() {
            fs::write(folder.join(name).join(format!("sample-{number}")), sample)?;
        }
        println!("{name}");
    }
    Ok(())
}
