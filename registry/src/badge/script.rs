//! The script behind `<model-provenance>`: the parts of web/embed joined, without comments and indentation.
//!
//! It is part of the program, not of the page's build, so that every registry of a version serves the same bytes and a
//! page can pin them. Changing the parts means a new [`VERSION`] and, in the test below, its new integrity value.

use std::sync::LazyLock;

use provenance::Sha256Digest;

/// Version of the script; part of its address.
pub(crate) const VERSION: &str = "1.0.0";

const PARTS: [&str; 6] = [
    include_str!("../../../web/embed/bytes.js"),
    include_str!("../../../web/embed/keys.js"),
    include_str!("../../../web/embed/log.js"),
    include_str!("../../../web/embed/record.js"),
    include_str!("../../../web/embed/pill.js"),
    include_str!("../../../web/embed/element.js"),
];

/// The script as it is served.
pub(crate) static SCRIPT: LazyLock<String> = LazyLock::new(|| PARTS.map(stripped).concat());

/// Its integrity value for a `<script>` element: `sha256-` and base64.
pub(crate) static INTEGRITY: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", Sha256Digest::of(SCRIPT.as_bytes()).to_base64()));

/// Leaves out indentation, empty lines and the comments, which stand on lines of their own.
fn stripped(part: &str) -> String {
    let mut in_comment = false;
    let mut out = String::with_capacity(part.len());
    for line in part.lines().map(str::trim) {
        if in_comment || line.starts_with("/**") {
            in_comment = !line.ends_with("*/");
        } else if !line.is_empty() && !line.starts_with("//") {
            out.push_str(line);
            out.push('\n');
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// Most bytes of the script under gzip.
    const MAX_GZIP_BYTES: usize = 12_000;

    #[test]
    fn a_released_script_never_changes() {
        // A page pins these bytes. After a change: a new VERSION, and the value that this test prints.
        let released = [("1.0.0", "sha256-8aLgRQvW98OQCE/oruZYcDLupB/233FFzTPqXPH306Q=")];
        let known = released.iter().find(|(version, _)| *version == VERSION);
        assert_eq!(known.map(|(_, integrity)| *integrity), Some(INTEGRITY.as_str()));
    }

    #[test]
    fn the_script_is_small() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        gzip.write_all(SCRIPT.as_bytes()).unwrap();
        let bytes = gzip.finish().unwrap().len();
        assert!(bytes <= MAX_GZIP_BYTES, "{bytes} bytes");
    }

    #[test]
    fn the_script_has_no_sinks_and_loads_no_code() {
        for forbidden in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "new Function",
            "import(",
            "setAttribute(\"style",
            "localStorage",
            "document.cookie",
            "verified",
        ] {
            assert!(!SCRIPT.contains(forbidden), "{forbidden}");
        }
    }
}
