//! The built page: `--web DIR` read into memory at start, compressed, and served under a strict policy.
//!
//! Files whose name carries a hash are immutable. Others (the page itself, the workers) are revalidated on
//! every use, by their ETag. The Content-Security-Policy names the hash of each inline script of the built
//! `index.html`, which changes with every build and so is computed here.

use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use provenance::Sha256Digest;

use super::caching::{BYTES, IMMUTABLE, JSON, REVALIDATE, TEXT, answer_with_etag, content_tag, takes};
use crate::pages::{Essentials, Markup, escaped};

const HTML: &str = "text/html; charset=utf-8";

/// Most bytes of all files of the page together: 64 MiB, a hundred times what it needs.
const MAX_WEB_BYTES: u64 = 64 << 20;

/// Hex digits in a row that make a file name a hashed one; Trunk writes 15 or 16.
const HASH_DIGITS: usize = 12;

/// Smallest file that is worth compressing, in bytes.
const MIN_COMPRESSED_BYTES: usize = 512;

/// What `/` says when there is no page to serve.
const NO_PAGE: &str = "This is a Weighbridge registry. It serves its API, but no page: the folder given with --web \
(by default dist) holds no index.html.\n\nTo build the page, run this in the source tree and start the registry again:\n\n    \
cargo xtask build-web\n\nThe API is described in docs/API.md; the log is at /log/checkpoint.\n";

/// The page, or nothing when it has not been built.
#[derive(Debug, Default)]
pub struct Assets {
    files: BTreeMap<String, Arc<Asset>>,
    policy: String,
    template: Option<Template>,
}

/// `index.html` around the places that are different for each page of the site, which comments mark.
#[derive(Debug)]
struct Template {
    before: String,
    between: String,
    essentials: String,
    after: String,
}

impl Template {
    /// Cuts the file at its four marks; none when it has others.
    fn read(html: &[u8]) -> Option<Self> {
        let html = std::str::from_utf8(html).ok()?;
        let (before, rest) = html.split_once("<!--about-->")?;
        let (_, rest) = rest.split_once("<!--/about-->")?;
        let (between, rest) = rest.split_once("<!--essentials-->")?;
        let (essentials, after) = rest.split_once("<!--/essentials-->")?;
        let [before, between, essentials, after] = [before, between, essentials, after].map(str::to_owned);
        Some(Self {
            before,
            between,
            essentials,
            after,
        })
    }

    fn fill(&self, page: &Essentials) -> String {
        let (title, description) = (escaped(&page.title), escaped(&page.description));
        let about = format!(
            "<title>{title}</title>\
             <meta name=\"description\" content=\"{description}\">\
             <meta property=\"og:site_name\" content=\"Weighbridge\">\
             <meta property=\"og:type\" content=\"website\">\
             <meta property=\"og:title\" content=\"{title}\">\
             <meta property=\"og:description\" content=\"{description}\">\
             <meta name=\"twitter:card\" content=\"summary\">"
        );
        let essentials = page
            .body
            .as_ref()
            .map_or(self.essentials.as_str(), Markup::as_str);
        [&self.before, &about, &self.between, essentials, &self.after].concat()
    }
}

#[derive(Debug)]
struct Asset {
    content_type: &'static str,
    cache_control: &'static str,
    etag: String,
    plain: Vec<u8>,
    gzip: OnceLock<Vec<u8>>,
    brotli: OnceLock<Vec<u8>>,
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AssetsError {
    /// A file that does not read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Not the page.
    #[error("the folder {} holds more than {MAX_WEB_BYTES} bytes; it cannot be the built page", path.display())]
    TooLarge {
        /// Which folder.
        path: PathBuf,
    },
}

impl Assets {
    /// Reads the page in `folder`. A folder without `index.html` gives no page.
    ///
    /// # Errors
    /// [`AssetsError`] when there is one that does not read.
    pub fn load(folder: &Path) -> Result<Self, AssetsError> {
        if !folder.join("index.html").is_file() {
            return Ok(Self::default());
        }
        let mut found = BTreeMap::new();
        let mut left = MAX_WEB_BYTES;
        collect(folder, folder, &mut left, &mut found)?;
        let policy = found
            .get("index.html")
            .map(|html| content_security_policy(html))
            .unwrap_or_default();
        let template = found.get("index.html").and_then(|html| Template::read(html));
        let files = found
            .into_iter()
            .map(|(name, bytes)| (name.clone(), Arc::new(Asset::new(&name, bytes))))
            .collect();
        Ok(Self {
            files,
            policy,
            template,
        })
    }

    /// Whether there is a page.
    pub fn is_built(&self) -> bool {
        !self.files.is_empty()
    }

    /// Compresses every file, one after the other. Takes seconds; until a file is done it is served plain.
    pub fn compress(&self) {
        for asset in self
            .files
            .values()
            .filter(|a| a.plain.len() >= MIN_COMPRESSED_BYTES)
        {
            asset.compress();
        }
    }

    /// Answers a GET or HEAD of the file at `path`, which starts with a slash. `None` when there is no such file.
    pub fn file(&self, request: &HttpRequest, path: &str) -> Option<HttpResponse> {
        let asset = self.files.get(path.trim_start_matches('/'))?;
        Some(self.send(request, asset))
    }

    /// Answers with the page of the site that `page` describes. Without a built page only the first one says
    /// anything: how to build it.
    pub(crate) fn page(&self, request: &HttpRequest, page: &Essentials) -> Option<HttpResponse> {
        if !self.is_built() {
            let text = || HttpResponse::Ok().content_type(TEXT).body(NO_PAGE);
            return (request.path() == "/").then(text);
        }
        let Some(template) = &self.template else {
            return self.file(request, "/index.html");
        };
        let html = template.fill(page);
        let tag = content_tag(&html);
        let mut response = answer_with_etag(request, &tag, REVALIDATE, HTML, || html.into());
        if !page.found {
            *response.status_mut() = StatusCode::NOT_FOUND;
        }
        self.protect(&mut response);
        if let Some(other) = &page.may_ask {
            let policy = self
                .policy
                .replace("connect-src 'self'", &format!("connect-src 'self' {other}"));
            if let Ok(policy) = policy.parse() {
                response
                    .headers_mut()
                    .insert(header::CONTENT_SECURITY_POLICY, policy);
            }
        }
        Some(response)
    }

    fn send(&self, request: &HttpRequest, asset: &Asset) -> HttpResponse {
        let (encoding, bytes) = asset.encoded_for(request);
        let mut response = answer_with_etag(
            request,
            &asset.etag_for(encoding),
            asset.cache_control,
            asset.content_type,
            || bytes.to_vec().into(),
        );
        let headers = response.headers_mut();
        if let Some(encoding) = encoding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
        self.protect(&mut response);
        response
    }

    /// The headers that keep others out of the page.
    fn protect(&self, response: &mut HttpResponse) {
        let headers = response.headers_mut();
        let mut set = |name: HeaderName, value: &str| {
            if let Ok(value) = value.parse() {
                headers.insert(name, value);
            }
        };
        set(header::CONTENT_SECURITY_POLICY, &self.policy);
        set(header::REFERRER_POLICY, "no-referrer");
        set(
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        );
        set(
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        );
        set(
            HeaderName::from_static("permissions-policy"),
            "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
        );
    }
}

/// How hard Brotli tries: as hard as it can, but for debug builds, which take half a minute of a core for that.
const BROTLI_QUALITY: u32 = if cfg!(debug_assertions) { 5 } else { 11 };

impl Asset {
    fn new(name: &str, plain: Vec<u8>) -> Self {
        let etag = content_tag(&plain);
        let cache_control = if is_hashed(name) { IMMUTABLE } else { REVALIDATE };
        let (gzip, brotli) = (OnceLock::new(), OnceLock::new());
        Self {
            content_type: content_type(name),
            cache_control,
            etag,
            plain,
            gzip,
            brotli,
        }
    }

    fn compress(&self) {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        if let Ok(bytes) = gzip.write_all(&self.plain).and_then(|()| gzip.finish()) {
            self.gzip.get_or_init(|| bytes);
        }
        let mut brotli = brotli::CompressorWriter::new(Vec::new(), 4096, BROTLI_QUALITY, 22);
        if brotli.write_all(&self.plain).is_ok() {
            self.brotli.get_or_init(|| brotli.into_inner());
        }
    }

    /// The best encoding that is ready, that the client takes, and that is smaller than none.
    fn encoded_for(&self, request: &HttpRequest) -> (Option<&'static str>, &[u8]) {
        for (name, encoded) in [("br", &self.brotli), ("gzip", &self.gzip)] {
            match encoded.get().filter(|bytes| bytes.len() < self.plain.len()) {
                Some(bytes) if takes(request, name) => return (Some(name), bytes),
                _ => {}
            }
        }
        (None, &self.plain)
    }

    fn etag_for(&self, encoding: Option<&str>) -> String {
        encoding.map_or_else(
            || self.etag.clone(),
            |encoding| format!("{}-{encoding}", self.etag),
        )
    }
}

fn collect(
    root: &Path,
    folder: &Path,
    left: &mut u64,
    found: &mut BTreeMap<String, Vec<u8>>,
) -> Result<(), AssetsError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| AssetsError::Read { path, source }
    };
    for entry in fs::read_dir(folder).map_err(failed(folder))? {
        let entry = entry.map_err(failed(folder))?;
        let (path, kind) = (entry.path(), entry.file_type().map_err(failed(&entry.path()))?);
        let name = path
            .strip_prefix(root)
            .ok()
            .and_then(Path::to_str)
            .unwrap_or_default()
            .to_owned();
        if name.is_empty() || name.starts_with('.') || name.contains("/.") {
            continue;
        }
        if kind.is_dir() {
            collect(root, &path, left, found)?;
        } else if kind.is_file() {
            let bytes = fs::read(&path).map_err(failed(&path))?;
            let too_large = || AssetsError::TooLarge {
                path: root.to_owned(),
            };
            *left = left.checked_sub(bytes.len() as u64).ok_or_else(too_large)?;
            found.insert(name, bytes);
        }
    }
    Ok(())
}

/// Whether the name carries a content hash, as in `web-8f3a2c5d1e90b764_bg.wasm`.
fn is_hashed(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let is_hash = |part: &str| {
        part.len() >= HASH_DIGITS
            && part
                .bytes()
                .all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
    };
    file.split(['-', '_', '.']).any(is_hash)
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => HTML,
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => JSON,
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => TEXT,
        _ => BYTES,
    }
}

/// The policy of the page and of its workers: nothing but files of this server and the inline scripts that
/// stand in `html` now.
fn content_security_policy(html: &[u8]) -> String {
    let html = String::from_utf8_lossy(html);
    let source = |script: &str| format!(" 'sha256-{}'", Sha256Digest::of(script.as_bytes()).to_base64());
    let scripts: Vec<String> = inline_scripts(&html).into_iter().map(source).collect();
    let scripts = scripts.concat();
    format!(
        "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'{scripts}; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types weighbridge"
    )
}

/// The text of every `<script>` without `src`, exactly as a browser hashes it.
fn inline_scripts(html: &str) -> Vec<&str> {
    let lower = html.to_ascii_lowercase();
    let mut scripts = Vec::new();
    let mut at = 0;
    while let Some(found) = lower[at..].find("<script") {
        let tag = at + found;
        let Some(open) = lower[tag..].find('>').map(|end| tag + end + 1) else {
            break;
        };
        let Some(close) = lower[open..].find("</script").map(|end| open + end) else {
            break;
        };
        let has_src = lower[tag..open]
            .split_ascii_whitespace()
            .any(|word| word.starts_with("src="));
        if !has_src && close > open {
            scripts.push(&html[open..close]);
        }
        at = close;
    }
    scripts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_names_the_hash_of_each_inline_script() {
        let html = b"<!doctype html><SCRIPT type=\"module\">\nimport x;\n</script><script src=\"/a.js\"></script><script>1</script>";
        let policy = content_security_policy(html);
        // printf '\nimport x;\n' | openssl dgst -sha256 -binary | base64
        assert!(
            policy.contains("'sha256-o8qrrgPw3zjsDsTwSjGoK+/LhuGQxgOVjobczd4hE/8='"),
            "{policy}"
        );
        assert_eq!(policy.matches("'sha256-").count(), 2);
        assert!(!policy.contains("unsafe-inline") && !policy.contains("'unsafe-eval'"));
    }

    #[test]
    fn a_script_of_another_file_is_not_inline() {
        assert_eq!(
            inline_scripts("<script defer src=x.js></script><script></script>"),
            Vec::<&str>::new()
        );
        assert_eq!(inline_scripts("<script>a<b</script>"), ["a<b"]);
        assert_eq!(inline_scripts("<script>unclosed"), Vec::<&str>::new());
    }

    #[test]
    fn only_hashed_names_are_immutable() {
        assert!(is_hashed("web-8f3a2c5d1e90b764_bg.wasm"));
        assert!(is_hashed("base-1a2b3c4d5e6f7890.css"));
        for name in [
            "index.html",
            "worker.js",
            "web_bg.wasm",
            "facade.js",
            "deadbeef.js",
        ] {
            assert!(!is_hashed(name), "{name}");
        }
    }

    #[test]
    fn a_page_of_the_site_stands_where_the_file_is_marked() {
        let html = b"<head><!--about--><title>x</title><!--/about--></head><body><main><!--essentials-->y<!--/essentials--></main></body>";
        let template = Template::read(html).unwrap();
        let missing = Essentials::missing("No <such> page", "\"why\"");
        let filled = template.fill(&missing);
        assert!(
            filled.starts_with("<head><title>No &lt;such&gt; page: Weighbridge</title>"),
            "{filled}"
        );
        assert!(filled.contains("content=\"&quot;why&quot;\""), "{filled}");
        assert!(
            !filled.contains("<!--") && filled.ends_with("</main></body>"),
            "{filled}"
        );
        let home = Essentials::fixed("/").unwrap();
        assert!(template.fill(&home).contains("<main>y</main>"));
        assert!(Template::read(b"<!--about--><!--essentials-->").is_none());
    }

    #[test]
    fn hidden_files_are_not_served() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("index.html"), "x").unwrap();
        fs::write(folder.path().join(".secret"), "x").unwrap();
        let assets = Assets::load(folder.path()).unwrap();
        assert_eq!(assets.files.keys().collect::<Vec<_>>(), ["index.html"]);
    }

    #[test]
    fn a_folder_without_the_page_gives_none() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!Assets::load(folder.path()).unwrap().is_built());
        assert!(!Assets::load(&folder.path().join("missing")).unwrap().is_built());
    }
}
