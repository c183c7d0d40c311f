//! Pieces of the page. Each takes plain values or signals and callbacks, and shows them.
//!
//! Views are written with [`crate::dom`], not with Leptos' `view!`: the macro turns static markup into
//! `innerHTML`, which the page's Trusted Types policy forbids (docs/adr/0003).

pub(crate) mod button;
pub(crate) mod candidates;
pub(crate) mod checks;
pub(crate) mod digest;
pub(crate) mod drop_zone;
pub(crate) mod file_list;
pub(crate) mod frame;
pub(crate) mod growth_chart;
pub(crate) mod icon;
pub(crate) mod identity;
pub(crate) mod older;
pub(crate) mod page;
pub(crate) mod plan;
pub(crate) mod progress;
pub(crate) mod query;
pub(crate) mod record_link;
pub(crate) mod trust_panel;
pub(crate) mod verdict;
pub(crate) mod when;
pub(crate) mod word;

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push((path.display().to_string(), fs::read_to_string(&path).unwrap()));
            }
        }
    }

    #[test]
    fn no_source_file_uses_an_html_sink() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        sources(&root.join("src"), &mut found);
        sources(&root.join("js"), &mut found);
        assert!(found.len() > 20);
        // Split, so that this file is not its own finding.
        for sink in [
            concat!("view", "! {"),
            concat!("inner", "_html("),
            concat!("inner", "HTML ="),
            concat!("insertAdjacent", "HTML"),
        ] {
            for (path, text) in &found {
                assert!(!text.contains(sink), "{path} uses {sink}");
            }
        }
    }
}
