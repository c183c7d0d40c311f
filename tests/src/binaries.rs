//! Where the programs under test are: beside the test's own executable, as cargo leaves them; and where
//! `cargo xtask setup` puts what tests need.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The built program `name`.
pub fn program(name: &str) -> PathBuf {
    let this = env::current_exe().expect("a program knows its own executable");
    // target/PROFILE/deps/TEST: programs are one folder up from tests, and beside each other.
    let folder = this.parent().expect("an executable lies in a folder");
    let folder = match folder.parent() {
        Some(above) if folder.ends_with("deps") => above,
        _ => folder,
    };
    let path = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    assert!(
        path.is_file(),
        "{} is not built; run: cargo xtask test",
        path.display()
    );
    path
}

/// The built page: `WEIGHBRIDGE_DIST`, else `dist` at the top of the repository.
pub fn page() -> PathBuf {
    let in_repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../dist");
    let folder = env::var_os("WEIGHBRIDGE_DIST").map_or_else(in_repository, PathBuf::from);
    assert!(
        folder.join("index.html").is_file(),
        "{} holds no built page; run: cargo xtask test",
        folder.display()
    );
    folder
}

/// A file that `cargo xtask setup` fetched, by its path below the folder of our tools.
pub fn tool(path: &str) -> PathBuf {
    let found = place_of_tool(path);
    assert!(
        found.exists(),
        "{} is missing; run: cargo xtask setup",
        found.display()
    );
    found
}

/// Where that is, whether or not it is there.
pub fn place_of_tool(path: &str) -> PathBuf {
    let home = || env::home_dir().expect("a home folder").join(".cargo");
    let cargo_home = env::var_os("CARGO_HOME").map_or_else(home, PathBuf::from);
    cargo_home.join("weighbridge-tools").join(path)
}
