//! Relative paths of files in an artifact, and what a path says about the file it names.
//!
//! One path has one spelling, so that a manifest means the same on every file system: relative POSIX, UTF-8 in
//! NFC (the Unicode version of the pinned `unicode-normalization` crate, see `unicode.rs`), no component that walks, no character
//! that a terminal or a page would hide.

use std::{cmp::Ordering, fmt, str::FromStr};

use serde::{Serialize, Serializer};

use crate::unicode::{case_fold, is_nfc, nfc};

/// Longest path in bytes: Linux `PATH_MAX`, past which no common system could hold the file.
pub const MAX_PATH_BYTES: usize = 4096;

/// Names that are left out of a manifest when they stand at the top of the folder; they are never model data.
/// Written into OMS `ignore_paths`, sorted. DESIGN calls this the fixed ignore list.
pub const IGNORED_TOP_LEVEL: [&str; 7] = [
    ".DS_Store",
    ".cache/huggingface",
    ".git",
    ".gitattributes",
    ".github",
    ".gitignore",
    "model.sig",
];

/// Ending of an offline bundle, which may lie beside the weights without being part of them.
pub const BUNDLE_ENDING: &str = ".weighbridge";

/// A checked relative path. Orders bytewise, which for UTF-8 is code-point order.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelativePath(String);

/// Why a text is not a [`RelativePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PathError {
    /// Empty, or longer than [`MAX_PATH_BYTES`].
    #[error("a path has 1 to {MAX_PATH_BYTES} bytes, got {found}")]
    Length {
        /// Bytes found.
        found: usize,
    },
    /// An empty, `.` or `..` component, which includes a leading or trailing slash.
    #[error("the path {path:?} has the component {component:?}, which could lead out of the folder")]
    Component {
        /// The path.
        path: String,
        /// The component.
        component: String,
    },
    /// A control, bidirectional or other character that hides what the name is, or a backslash.
    #[error("the path {path:?} holds the character {found:?}, which has no place in a file name")]
    Character {
        /// The path.
        path: String,
        /// The character.
        found: char,
    },
    /// Not in Unicode normalisation form C.
    #[error("the path {path:?} is not in Unicode form NFC; rename it to its composed form")]
    NotNfc {
        /// The path.
        path: String,
    },
}

impl RelativePath {
    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The part behind the last slash.
    pub fn base_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// The components, from the top.
    pub fn components(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// Whether the file is outside every manifest: on [`IGNORED_TOP_LEVEL`], below such a folder, or a
    /// `*.weighbridge` bundle at the top.
    pub fn is_ignored(&self) -> bool {
        let listed = IGNORED_TOP_LEVEL.iter().any(|name| {
            self.0
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        listed || (!self.0.contains('/') && self.0.ends_with(BUNDLE_ENDING))
    }

    /// The key under which two names collide on a file system that ignores case.
    pub fn case_folded(&self) -> String {
        nfc(&case_fold(&self.0))
    }

    /// Compares as the Python `model_signing` tool sorts: component by component, so that `a/b` stands before
    /// `a-b`, unlike in bytewise order.
    pub fn cmp_by_component(&self, other: &Self) -> Ordering {
        self.components().cmp(other.components())
    }

    /// Whether a loader could run this file or prefer it over a listed one: code, pickles, weights, tokenizers
    /// and configuration. Such a file beside a model changes what the model does.
    pub fn could_be_loaded(&self) -> bool {
        const ENDINGS: [&str; 64] = [
            "bat",
            "bin",
            "cfg",
            "ckpt",
            "cmd",
            "cpickle",
            "dill",
            "dll",
            "dylib",
            "egg",
            "engine",
            "exe",
            "ggml",
            "gguf",
            "h5",
            "hdf5",
            "ipynb",
            "jar",
            "jinja",
            "jinja2",
            "joblib",
            "js",
            "json",
            "keras",
            "llamafile",
            "mar",
            "marshal",
            "mjs",
            "mlmodel",
            "model",
            "msgpack",
            "nemo",
            "npy",
            "npz",
            "onnx",
            "onnx_data",
            "ot",
            "pb",
            "pdparams",
            "pickle",
            "pkl",
            "ps1",
            "pt",
            "pt2",
            "pte",
            "pth",
            "py",
            "pyc",
            "pyd",
            "pyo",
            "pyw",
            "pyz",
            "safetensors",
            "sh",
            "so",
            "spm",
            "tflite",
            "tiktoken",
            "toml",
            "torchscript",
            "wasm",
            "whl",
            "yaml",
            "yml",
        ];
        const NAMES: [&str; 6] = [
            "checkpoint",
            "merges.txt",
            "modelfile",
            "sentencepiece.vocab",
            "vocab.bpe",
            "vocab.txt",
        ];
        let name = self.base_name().to_ascii_lowercase();
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        // A shared object with a version, parts of a TensorFlow checkpoint, and a pickle that calls itself an archive.
        let longer = [".so.", ".data-"].iter().any(|part| name.contains(part))
            || [".ckpt.index", ".pth.tar"].iter().any(|end| name.ends_with(end));
        longer || ENDINGS.contains(&ending) || NAMES.contains(&name.as_str()) || name.starts_with("tokenizer")
    }
}

/// Whether `c` hides or reorders text: control characters, bidirectional controls, line marks, and every character that
/// is not shown where fonts do not know better (Unicode's Default_Ignorable_Code_Point, variation selectors among them).
pub fn is_hidden_character(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
            | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}'
            | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

/// The first 80 characters of a stranger's text, for an error that shows what was found.
pub(crate) fn clip(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

/// `text` with every hidden character written as `\u{…}`, for showing text that a stranger wrote.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_hidden_character(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

impl FromStr for RelativePath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        if text.is_empty() || text.len() > MAX_PATH_BYTES {
            return Err(PathError::Length { found: text.len() });
        }
        if let Some(found) = text.chars().find(|&c| c == '\\' || is_hidden_character(c)) {
            return Err(PathError::Character {
                path: text.to_owned(),
                found,
            });
        }
        if let Some(component) = text.split('/').find(|c| matches!(*c, "" | "." | "..")) {
            return Err(PathError::Component {
                path: text.to_owned(),
                component: component.to_owned(),
            });
        }
        if !is_nfc(text) {
            return Err(PathError::NotNfc {
                path: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Serialize for RelativePath {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RelativePath {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_paths_that_could_lead_out_of_the_folder() {
        for text in [
            "", "/a", "a/", "a//b", ".", "..", "../a", "a/../b", "a/./b", "a\\b", "a\0b", "a\nb",
        ] {
            assert!(text.parse::<RelativePath>().is_err(), "{text:?}");
        }
        assert!("a".repeat(MAX_PATH_BYTES + 1).parse::<RelativePath>().is_err());
    }

    #[test]
    fn refuses_names_that_hide_what_they_are() {
        for text in [
            "gpj.\u{202E}exe",
            "a\u{200B}b",
            "a\u{FEFF}",
            "a\u{2066}b",
            "config\u{AD}.json",
            "a\u{3164}",
            "❤\u{FE0F}.md",
            "a\u{E0041}",
            "e\u{301}",
        ] {
            assert!(text.parse::<RelativePath>().is_err(), "{text:?}");
        }
        assert_eq!(path("é.txt").as_str(), "é.txt");
    }

    #[test]
    fn ignores_only_at_the_top_level() {
        for text in [
            ".git",
            ".git/config",
            ".cache/huggingface/x",
            "model.sig",
            "m.weighbridge",
        ] {
            assert!(path(text).is_ignored(), "{text}");
        }
        for text in [
            "a/.git",
            ".gitx",
            ".cache/other",
            "a/model.sig",
            "a/m.weighbridge",
            "model.sigx",
        ] {
            assert!(!path(text).is_ignored(), "{text}");
        }
    }

    #[test]
    fn knows_what_a_loader_might_prefer() {
        for text in [
            "modeling_x.py",
            "w.PKL",
            "a/lib.so.1",
            "tokenizer",
            "vocab.txt",
            "x.safetensors",
            "config.json",
            "model.ckpt.data-00000-of-00001",
            "model.pth.tar",
            "Modelfile",
        ] {
            assert!(path(text).could_be_loaded(), "{text}");
        }
        for text in ["README.md", "LICENSE", "notes.txt", "photo.png"] {
            assert!(!path(text).could_be_loaded(), "{text}");
        }
    }

    #[test]
    fn component_order_differs_from_bytewise_order() {
        let (a, b) = (path("tokenizer/vocab.txt"), path("tokenizer-extra/x.txt"));
        assert_eq!(a.cmp(&b), Ordering::Greater);
        assert_eq!(a.cmp_by_component(&b), Ordering::Less);
    }

    #[test]
    fn case_folding_joins_names_that_collide() {
        assert_eq!(path("Straße").case_folded(), path("STRASSE").case_folded());
    }
}
