//! `cargo xtask shots`: a picture of every page in every state, light and dark, desk and phone, and one page to look
//! through them.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

use crate::{
    build,
    setup::{self, Purpose},
    steps::{Steps, say},
    tools::Workspace,
};

/// Takes the pictures that `only` names, or all, in Chromium.
///
/// # Errors
/// When something does not build, or a page is not as its state should be.
pub(crate) fn run(workspace: &Workspace, only: &[String], steps: &mut Steps) -> Result<()> {
    setup::run(workspace, Purpose::Everything, steps)?;
    build::web(workspace, true, steps)?;
    build::programs(workspace, "debug", steps)?;
    let folder = workspace.root().join("target/shots");
    steps.run("pictures", || {
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut filters: Vec<String> = only.iter().map(|walk| format!("pictures::{walk}")).collect();
        if filters.is_empty() {
            filters.push("pictures::".to_owned());
        }
        let run = workspace
            .end_to_end("chromium")
            .args(["--", "--ignored"])
            .args(&filters);
        run.env("WEIGHBRIDGE_PICTURES", &folder).show()
    })?;
    let sheet = write_sheet(&folder)?;
    say(&format!("\n{}", sheet.display()));
    Ok(())
}

/// Writes the page that shows all pictures, a state a row.
fn write_sheet(folder: &Path) -> Result<PathBuf> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ending| ending == "png") {
            names.extend(path.file_name().map(|name| name.to_string_lossy().into_owned()));
        }
    }
    names.sort();
    let mut html = String::from(
        "<!doctype html><meta charset=utf-8><title>Weighbridge: every page</title><style>body{font:14px sans-serif;\
         background:#888}img{height:420px;margin:4px;vertical-align:top}h2{margin:24px 4px 0}</style>",
    );
    let mut shown = "";
    for name in &names {
        let state = state_of(name);
        if state != shown {
            write!(html, "<h2>{state}</h2>")?;
            shown = state;
        }
        write!(
            html,
            "<a href=\"{name}\"><img src=\"{name}\" alt=\"{name}\" loading=lazy></a>"
        )?;
    }
    let sheet = folder.join("index.html");
    fs::write(&sheet, html).with_context(|| format!("cannot write {}", sheet.display()))?;
    Ok(sheet)
}

/// `chromium-STATE-LOOK-SCHEME.png` without the ends.
fn state_of(name: &str) -> &str {
    let stem = name.strip_suffix(".png").unwrap_or(name);
    let state = stem.split_once('-').map_or(stem, |(_, rest)| rest);
    state.rsplitn(3, '-').nth(2).unwrap_or(state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pictures_state_is_read_from_its_name() {
        assert_eq!(
            state_of("chromium-record-missing-phone-dark.png"),
            "record-missing"
        );
        assert_eq!(state_of("x.png"), "x");
    }
}
