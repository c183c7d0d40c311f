//! Files that are not what their name promises, told by their first bytes: what they are, in words and in codes.

use serde::Serialize;

use super::{opened::Opened, report::Report};
use crate::{
    digest::Sha256Digest, lookup::FURTHER_FILES, order::sort_by, path::visible, publisher::PublisherName,
    record_id::RecordId, tensor::Format,
};

/// A file that is not what its name promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Junk {
    /// No byte at all.
    Empty,
    /// A Git LFS pointer, and what it points to when it reads as one.
    LfsPointer(Option<LfsPointer>),
    /// A web page, and how it begins.
    Html(&'static str),
    /// Another format than that of the name, in words.
    WrongFormat(&'static str),
}

/// What a Git LFS pointer says of the file that it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LfsPointer {
    /// The file's SHA-256.
    pub oid: Sha256Digest,
    /// Its size in bytes.
    pub size: u64,
}

impl LfsPointer {
    /// Reads a pointer: `version`, `oid sha256:` and `size`, one a line and nothing else (git-lfs, docs/spec.md).
    fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?;
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        if lines.next()? != "version https://git-lfs.github.com/spec/v1" {
            return None;
        }
        let oid = lines.next()?.strip_prefix("oid sha256:")?.parse().ok()?;
        let size = lines.next()?.strip_prefix("size ")?;
        let plain = size.bytes().all(|b| b.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| plain)?;
        lines.next().is_none().then_some(Self { oid, size })
    }
}

/// Endings of files that hold weights, besides those of [`Format`].
const WEIGHTS: [&str; 5] = [".bin", ".onnx", ".pt", ".pth", ".ckpt"];

impl Junk {
    /// Bytes that [`Junk::sniff`] looks at; a Git LFS pointer has fewer than these.
    pub const SNIFF_BYTES: usize = 1024;

    /// Whether a file is named as one that holds weights.
    pub fn is_named_as_weights(path: &str) -> bool {
        let path = path.to_ascii_lowercase();
        Format::of_name(&path).is_some() || WEIGHTS.iter().any(|ending| path.ends_with(ending))
    }

    /// Recognises junk from the first bytes of the file `path`, which has `size` bytes.
    pub fn sniff(path: &str, first: &[u8], size: u64) -> Option<Self> {
        if size == 0 {
            return Some(Self::Empty);
        }
        if first.starts_with(b"version https://git-lfs.github.com/spec/") {
            let whole = size < Self::SNIFF_BYTES as u64 && first.len() as u64 == size;
            return Some(Self::LfsPointer(LfsPointer::parse(first).filter(|_| whole)));
        }
        // Windows programs and some servers put a byte order mark in front.
        let start = first
            .strip_prefix(b"\xef\xbb\xbf")
            .unwrap_or(first)
            .trim_ascii_start();
        let begins = |tag: &&str| {
            let start = start.get(..tag.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
        };
        if let Some(tag) = ["<!DOCTYPE html", "<html"].into_iter().find(begins) {
            return Some(Self::Html(tag));
        }
        Self::wrong_format(path, first).map(Self::WrongFormat)
    }

    /// What a file named as weights is instead, told by the marks that formats begin with.
    fn wrong_format(path: &str, first: &[u8]) -> Option<&'static str> {
        if !Self::is_named_as_weights(path) {
            return None;
        }
        let named = Format::of_name(path);
        if named == Some(Format::Safetensors) && matches!(first, [_, _, _, _, 0, 0, 0, 0, b'{', ..]) {
            // The length of a header may read like any mark.
            return None;
        }
        // PyTorch's files are zip archives or pickles, whatever they are called.
        let lowercase = path.to_ascii_lowercase();
        let may_be_torch = [".bin", ".pt", ".pth", ".ckpt"]
            .iter()
            .any(|e| lowercase.ends_with(e));
        let text = first.trim_ascii_start();
        match (first, text) {
            ([b'P', b'K', 3, 4, ..], _) if !may_be_torch => Some("a zip archive"),
            ([0x80, 2..=5, ..], _) if !may_be_torch => Some("a Python pickle"),
            ([0x1f, 0x8b, 8, ..], _) => Some("a gzip archive"),
            ([b'G', b'G', b'U', b'F', ..], _) if named != Some(Format::Gguf) && !may_be_torch => {
                Some("a GGUF file")
            }
            (_, [b'<', b'?', ..] | [b'<', b'E', b'r', ..]) => {
                Some("an XML text, as servers answer errors with")
            }
            (_, [b'{' | b'[', ..]) if first.iter().all(|&b| b != 0) => {
                Some("a JSON text, as servers answer errors with")
            }
            _ => None,
        }
    }

    /// Subtype of the verdict `unknown`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::LfsPointer(_) => "lfs-pointer",
            Self::Html(_) => "html",
            Self::WrongFormat(_) => "wrong-format",
        }
    }

    /// What a file of `size` bytes is instead, to follow its name.
    pub fn told(self, size: u64) -> String {
        match self {
            Self::Empty => {
                "is empty (0 bytes). Its hash e3b0c442… is the hash of nothing. The download never \
                            started."
                    .to_owned()
            }
            Self::LfsPointer(_) => format!("is a {size}-byte Git LFS pointer, not the weights."),
            Self::Html(tag) => format!(
                "starts with \"{tag}\". A web page was saved instead of the model (was the link /blob/ instead of \
                 /resolve/?)."
            ),
            Self::WrongFormat(what) => format!("is {what}, not what its name says."),
        }
    }

    /// What to do about it.
    pub fn next(self) -> &'static str {
        match self {
            Self::Empty => "download again",
            Self::LfsPointer(_) => "git lfs pull",
            Self::Html(_) => "download again from the link to the file itself",
            Self::WrongFormat("a zip archive" | "a gzip archive") => "unpack it and check what is in it",
            Self::WrongFormat(_) => "download again, or give the file the name of what it is",
        }
    }
}

/// A file that is not what its name promises, as it was found.
#[derive(Debug, Clone, Copy)]
pub struct JunkFile<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its size in bytes.
    pub size: u64,
    /// What it is.
    pub junk: Junk,
}

/// The file of a record that a Git LFS pointer stands for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PointsTo {
    /// The pointer.
    pub pointer: String,
    /// The listed file.
    pub path: String,
    /// The record.
    pub record: RecordId,
    /// Its publisher.
    pub publisher: PublisherName,
    /// Whether the record holds and its publisher is pinned.
    pub trusted: bool,
}

/// What the pointers among `junk` say, as far as they are worth looking up: a few.
pub fn pointers(junk: &[JunkFile<'_>]) -> Vec<LfsPointer> {
    let pointer = |file: &JunkFile<'_>| match file.junk {
        Junk::LfsPointer(pointer) => pointer,
        _ => None,
    };
    junk.iter().filter_map(pointer).take(1 + FURTHER_FILES).collect()
}

/// The files that the pointers among `junk` stand for, by records that were opened and their places in the log: of
/// several records one by a trusted publisher, else the oldest.
pub fn points_to(junk: &[JunkFile<'_>], opened: &[(Opened, u64)]) -> Vec<PointsTo> {
    let best = |file: &JunkFile<'_>| {
        let Junk::LfsPointer(Some(pointer)) = file.junk else {
            return None;
        };
        let listed = opened
            .iter()
            .filter_map(|(record, index)| Some((record.pointed_to_by(file.path, pointer)?, *index)));
        let best = listed.min_by(|(a, first), (b, second)| (!a.trusted, first).cmp(&(!b.trusted, second)));
        best.map(|(to, _)| to)
    };
    junk.iter().filter_map(best).collect()
}

impl Opened {
    /// The listed file that `pointer` stands for, when this record has it and holds.
    fn pointed_to_by(&self, path: &str, pointer: LfsPointer) -> Option<PointsTo> {
        let listed = self.manifest().filter(|_| self.fault().is_none())?.files();
        let found = listed
            .iter()
            .find(|file| (file.sha256, file.size) == (pointer.oid, pointer.size))?;
        Some(PointsTo {
            pointer: path.to_owned(),
            path: found.path.to_string(),
            record: self.id(),
            publisher: self.record()?.publisher().clone(),
            trusted: self.is_trusted(),
        })
    }
}

/// Most files that are looked into for junk when nothing is on record.
const MOST_SUSPECTS: usize = 64;

/// Positions of the files to look into when nothing is on record: those named as weights, the largest first; where
/// there are none, the largest of all.
pub fn suspects(files: &[(&str, u64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..files.len()).collect();
    sort_by(&mut order, |&a, &b| files[b].1.cmp(&files[a].1));
    let mut named = order.clone();
    named.retain(|at| Junk::is_named_as_weights(files[*at].0));
    if !named.is_empty() {
        order = named;
    }
    order.truncate(MOST_SUSPECTS);
    order
}

/// Whether the files found as junk are what there is to say: `looked_into` were, of `all`.
fn is_all_there_is(junk: &[JunkFile<'_>], looked_into: usize, all: usize) -> bool {
    let whole = junk.len() == looked_into && looked_into == all;
    whole || junk.iter().any(|file| Junk::is_named_as_weights(file.path))
}

impl Report {
    /// The report when no record was found: the bytes are nobody's, or `junk` among the `looked_into` of `all` files
    /// explains it.
    pub fn not_on_record(
        junk: &[JunkFile<'_>],
        looked_into: usize,
        all: usize,
        points_to: Vec<PointsTo>,
        detail: impl Into<String>,
    ) -> Self {
        let Some(first) = junk.first().filter(|_| is_all_there_is(junk, looked_into, all)) else {
            return Self::unknown(None, detail);
        };
        // A pointer that leads somewhere says more than any other file.
        let leads = |file: &&JunkFile<'_>| points_to.iter().any(|to| to.pointer == file.path);
        let first = junk.iter().find(leads).unwrap_or(first);
        let mut summary = format!("{} {}", visible(first.path), first.junk.told(first.size));
        if let Some(to) = points_to.iter().find(|to| to.pointer == first.path) {
            let whom = if to.trusted {
                ""
            } else {
                ", whom you have not chosen to trust"
            };
            summary = format!(
                "{summary} It points to {} of record {} by {}{whom}.",
                to.path,
                to.record.digest().short(),
                to.publisher
            );
        }
        match junk.len() - 1 {
            0 => {}
            1 => summary.push_str(" 1 more file is no model data either."),
            n => summary = format!("{summary} {n} more files are no model data either."),
        }
        Self {
            summary,
            next: Some(first.junk.next().to_owned()),
            points_to,
            ..Self::unknown(Some(first.junk.code()), detail)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POINTER: &str = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

    fn sniff(path: &str, bytes: &[u8]) -> Option<Junk> {
        Junk::sniff(path, bytes, bytes.len() as u64)
    }

    fn pointer(text: &str) -> Option<LfsPointer> {
        match sniff("model.safetensors", text.as_bytes()) {
            Some(Junk::LfsPointer(pointer)) => pointer,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_pointer_says_what_it_points_to() {
        let read = pointer(POINTER).unwrap();
        assert_eq!(read.size, 12345);
        assert!(read.oid.to_string().starts_with("4d7a2146"));
        assert_eq!(pointer(POINTER.trim_end()), Some(read));
    }

    #[test]
    fn a_pointer_that_is_not_written_as_one_points_nowhere() {
        for (from, to) in [
            ("spec/v1", "spec/v2"),
            ("sha256:4d", "sha256:4D"),
            ("sha256:", "md5:"),
            ("size 12345", "size 012345"),
            ("size 12345", "size +12345"),
            ("size 12345", "size 99999999999999999999"),
            ("size 12345\n", "size 12345\n\n"),
            ("size 12345\n", "size 12345\r\n"),
            ("size 12345\n", ""),
            ("oid ", "ext-0-x sha256:00\noid "),
        ] {
            assert_eq!(pointer(&POINTER.replace(from, to)), None, "{to}");
        }
        let long = format!("{POINTER}{}", " ".repeat(2000));
        let first = &long.as_bytes()[..Junk::SNIFF_BYTES];
        let found = Junk::sniff("m", first, long.len() as u64);
        assert_eq!(found, Some(Junk::LfsPointer(None)));
    }

    #[test]
    fn each_kind_of_junk_is_told_by_its_first_bytes() {
        let zip = b"PK\x03\x04\x14\0\0\0\x08\0".as_slice();
        let gzip = b"\x1f\x8b\x08\0\0\0\0\0\0\x03".as_slice();
        for (path, bytes, code) in [
            ("x", b"".as_slice(), Some("empty")),
            ("x", b"<!doctype HTML><p>", Some("html")),
            ("x", b"\n  <HTML lang=en>", Some("html")),
            ("w.safetensors", zip, Some("wrong-format")),
            ("w.gguf", zip, Some("wrong-format")),
            ("w.onnx", zip, Some("wrong-format")),
            ("pytorch_model.bin", zip, None),
            ("w.pt", b"\x80\x02}q", None),
            ("w.safetensors", b"\x80\x02}q\x01(X\x05\0", Some("wrong-format")),
            ("w.GGUF", gzip, Some("wrong-format")),
            ("w.bin", gzip, Some("wrong-format")),
            ("w.safetensors", gzip, Some("wrong-format")),
            ("w.safetensors", b"GGUF\x03\0\0\0", Some("wrong-format")),
            ("w.gguf", b"GGUF\x03\0\0\0", None),
            (
                "w.safetensors",
                b"<?xml version=\"1.0\"?><Error>",
                Some("wrong-format"),
            ),
            ("w.gguf", b"<Error><Code>AccessDenied", Some("wrong-format")),
            ("w.gguf", b"{\"error\":\"Entry not found\"}", Some("wrong-format")),
            ("w.bin", b"[\"no\"]", Some("wrong-format")),
            ("config.json", b"{\"a\":1}", None),
            ("w.zip", zip, None),
            // Lengths of headers that read like the marks of gzip and of JSON.
            ("w.safetensors", b"\x1f\x8b\x08\0\0\0\0\0{\"a\"", None),
            ("w.safetensors", b"{\"\0\0\0\0\0\0{\"a\"", None),
            ("w.safetensors", b"\x40\0\0\0\0\0\0\0{\"a\"", None),
        ] {
            assert_eq!(sniff(path, bytes).map(Junk::code), code, "{path} {bytes:?}");
        }
    }

    #[test]
    fn files_named_as_weights_are_looked_into_first() {
        let files = [("tokenizer.json", 900), ("a.safetensors", 130), ("b.BIN", 140)];
        assert_eq!(suspects(&files), [2, 1]);
        assert_eq!(suspects(&[("a", 1), ("b", 2)]), [1, 0]);
        assert_eq!(suspects(&[("a", 1); 100]).len(), 64);
    }

    #[test]
    fn the_report_names_what_was_given_instead() {
        let file = |path, size, junk| JunkFile { path, size, junk };
        let pointer = file("m.gguf", 135, Junk::LfsPointer(None));
        let to = PointsTo {
            pointer: "m.gguf".into(),
            path: "model.gguf".into(),
            record: RecordId::of_payload(b"r"),
            publisher: "acme.example".parse().unwrap(),
            trusted: false,
        };
        let report = Report::not_on_record(&[pointer], 1, 1, vec![to], "x");
        assert_eq!(report.subtype.as_deref(), Some("lfs-pointer"));
        assert!(
            report.summary.starts_with(
                "m.gguf is a 135-byte Git LFS pointer, not the weights. It points to model.gguf of record "
            ),
            "{}",
            report.summary
        );
        assert!(
            report
                .summary
                .ends_with(" by acme.example, whom you have not chosen to trust.")
        );
        assert_eq!(report.next.as_deref(), Some("git lfs pull"));

        let empty = file("notes.txt", 0, Junk::Empty);
        let of = |junk: &[JunkFile<'_>], looked_into, all| {
            Report::not_on_record(junk, looked_into, all, Vec::new(), "x")
        };
        assert_eq!(of(&[empty], 1, 1).subtype.as_deref(), Some("empty"));
        // One empty file among sound ones explains nothing; weights that are none do.
        assert_eq!(of(&[empty], 2, 2).subtype, None);
        assert_eq!(of(&[empty], 1, 9).subtype, None);
        assert_eq!(of(&[pointer], 2, 9).subtype.as_deref(), Some("lfs-pointer"));
        assert!(
            of(&[pointer, pointer, pointer], 3, 9)
                .summary
                .ends_with("2 more files are no model data either.")
        );
        assert_eq!(of(&[], 0, 0).subtype, None);
    }
}
