//! What the server answers to clients that have never heard of us: static log, headers, errors, the page.

use std::fs;

use provenance::{
    Sha256Digest,
    api::paths,
    merkle::{
        Frontier, LeafHash,
        tile::{TileCoord, TileHashReader, decode_bundle},
    },
    trust::TrustFile,
};

use crate::common::{Lab, Model, Server};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A server with three entries, its lab's genesis and one blob.
fn populated(data: &std::path::Path) -> (Server, Lab, Sha256Digest) {
    let server = Server::start(data);
    let lab = Lab::create(&server, "acme.example", 1);
    for n in 0..2 {
        let model = Model::numbered(n);
        server.publish(&model, &lab.attest(&model));
    }
    let blob = *Model::numbered(0).blobs.keys().next().unwrap();
    (server, lab, blob)
}

#[test]
fn static_files_make_up_the_tree_that_the_checkpoint_signs() {
    let data = tempfile::tempdir().unwrap();
    let (server, _, _) = populated(data.path());
    let note = server.get(paths::CHECKPOINT).text();
    let trust = TrustFile::parse(&server.get(paths::TRUST).text()).unwrap();
    let signed = provenance::note::SignedNote::parse(&note).unwrap();
    signed.verify(&[trust.logs()[0].key.clone()]).unwrap();
    let head = provenance::checkpoint::Checkpoint::parse(signed.text())
        .unwrap()
        .head;
    assert_eq!(head.size.get(), 3);
    let entries = decode_bundle(&server.get("/log/tile/entries/000.p/3").body, 3).unwrap();
    let mut tree = Frontier::new();
    for entry in &entries {
        tree.push(LeafHash::of(entry));
    }
    assert_eq!(tree.tree_head(), head);
    let read = |coord: TileCoord| match server.get(&format!("/log/{coord}")) {
        found if found.status == 200 => Ok(found.body),
        refused => Err(refused.status),
    };
    assert_eq!(
        Frontier::read(&TileHashReader::new(head.size, read), head.size)
            .unwrap()
            .tree_head(),
        head
    );
}

#[test]
fn nothing_above_the_published_size_exists_and_no_refusal_is_cached() {
    let data = tempfile::tempdir().unwrap();
    let (server, ..) = populated(data.path());
    for path in [
        "tile/0/000.p/1",
        "tile/0/000.p/2",
        "tile/0/000.p/3",
        "tile/entries/000.p/2",
    ] {
        let found = server.get(&format!("/log/{path}"));
        assert_eq!(
            (found.status, found.header("cache-control")),
            (200, IMMUTABLE),
            "{path}"
        );
    }
    for path in [
        "tile/0/000.p/4",
        "tile/0/000",
        "tile/0/001.p/1",
        "tile/1/000.p/1",
        "tile/entries/000.p/4",
    ] {
        assert_eq!(
            server.get(&format!("/log/{path}")).problem(),
            "beyond-checkpoint",
            "{path}"
        );
    }
    for path in [
        "tile/0/0",
        "tile/0/000.p/0",
        "tile/0/000.p/03",
        "tile/x",
        "tile/0/../0/000.p/1",
        "nothing",
        "",
    ] {
        assert_eq!(
            server.get(&format!("/log/{path}")).problem(),
            "not-found",
            "{path}"
        );
    }
}

#[test]
fn reads_are_open_to_every_origin_and_answer_head_and_etags() {
    let data = tempfile::tempdir().unwrap();
    let (server, lab, blob) = populated(data.path());
    let cases = [
        (
            paths::CHECKPOINT.to_owned(),
            "public, max-age=5",
            "text/plain; charset=utf-8",
        ),
        (
            "/log/tile/0/000.p/3".into(),
            IMMUTABLE,
            "application/octet-stream",
        ),
        (
            paths::record(&lab.genesis),
            IMMUTABLE,
            "application/vnd.in-toto+json",
        ),
        (
            paths::record_proof(&lab.genesis),
            "public, max-age=5",
            "application/json",
        ),
        (paths::blob(&blob), IMMUTABLE, "application/octet-stream"),
        (
            paths::TRUST.into(),
            "public, max-age=5",
            "text/plain; charset=utf-8",
        ),
    ];
    for (path, caching, content_type) in cases {
        let get = server.get(&path);
        assert_eq!(
            (get.status, get.header("cache-control")),
            (200, caching),
            "{path}"
        );
        assert_eq!(get.header("content-type"), content_type, "{path}");
        assert_eq!(get.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(get.header("x-content-type-options"), "nosniff", "{path}");
        let head = server.request("HEAD", &path, &[], b"");
        assert_eq!((head.status, head.body.len()), (200, 0), "{path}");
        assert_eq!(
            head.header("content-length"),
            get.body.len().to_string(),
            "{path}"
        );
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
        let again = server.request("GET", &path, &[("If-None-Match", get.header("etag"))], b"");
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        assert_eq!(
            (again.header("etag"), again.header("cache-control")),
            (get.header("etag"), caching),
            "{path}"
        );
        let preflight = server.request("OPTIONS", &path, &[("Origin", "https://x.example")], b"");
        assert_eq!(
            (preflight.status, preflight.header("access-control-allow-origin")),
            (204, "*"),
            "{path}"
        );
        let deleted = server.request("DELETE", &path, &[], b"");
        assert_eq!(
            (deleted.problem().as_str(), deleted.header("allow")),
            ("method-not-allowed", "GET, HEAD"),
            "{path}"
        );
    }
    let posted = server.request(
        "POST",
        paths::ATTESTATIONS,
        &[("Origin", "https://x.example")],
        b"{}",
    );
    assert_eq!(posted.header("access-control-allow-origin"), "");
    assert_eq!(server.get(paths::ATTESTATIONS).problem(), "method-not-allowed");
}

#[test]
fn unknown_things_are_problems_with_their_own_code() {
    let data = tempfile::tempdir().unwrap();
    let (server, ..) = populated(data.path());
    let digest = Sha256Digest::of(b"nobody has this");
    let code = |path: &str| server.get(path).problem();
    assert_eq!(code(&format!("/api/v1/records/{digest}")), "record-unknown");
    assert_eq!(code(&format!("/api/v1/records/{digest}/proof")), "record-unknown");
    assert_eq!(code("/api/v1/records/ABC"), "bad-request");
    assert_eq!(code(&format!("/api/v1/blobs/{digest}")), "blob-unknown");
    assert_eq!(code("/api/v1/blobs/x"), "bad-request");
    assert_eq!(code("/api/v2/records"), "not-found");
    assert_eq!(code("/api/v1"), "not-found");
    assert_eq!(code("/missing.js"), "not-found");
    assert_eq!(server.get("/healthz").status, 200);
    assert_eq!(server.get("/readyz").status, 200);
    assert_eq!(
        server.request("POST", "/", &[], b"x").problem(),
        "method-not-allowed"
    );
}

#[test]
fn without_the_page_the_root_says_how_to_build_it() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let root = server.get("/");
    assert_eq!(
        (root.status, root.header("content-type")),
        (200, "text/plain; charset=utf-8")
    );
    assert!(root.text().contains("cargo xtask build-web"));
    assert_eq!(server.get("/verify").problem(), "not-found");
}

#[test]
fn the_page_is_served_under_a_strict_policy() {
    let (data, web) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let script = "import init from '/web-0123456789abcdef.js';";
    let html = format!("<!DOCTYPE html><html><head><script type=\"module\">{script}</script></head></html>");
    fs::write(web.path().join("index.html"), &html).unwrap();
    fs::write(
        web.path().join("web-0123456789abcdef.js"),
        "export default 1;\n".repeat(200),
    )
    .unwrap();
    fs::write(web.path().join("worker.js"), "1").unwrap();
    let server = Server::start_with(data.path(), &["--web", web.path().to_str().unwrap()]);
    for path in ["/", "/verify", "/record/abc", "/index.html"] {
        let page = server.get(path);
        assert_eq!((page.status, page.text()), (200, html.clone()), "{path}");
        assert_eq!(
            (page.header("content-type"), page.header("cache-control")),
            ("text/html; charset=utf-8", "no-cache")
        );
        let policy = page.header("content-security-policy");
        let hash = Sha256Digest::of(script.as_bytes()).to_base64();
        for part in [
            "default-src 'none'",
            &format!("script-src 'self' 'wasm-unsafe-eval' 'sha256-{hash}'"),
            "connect-src 'self'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types weighbridge",
        ] {
            assert!(policy.contains(part), "{part} is missing from {policy}");
        }
        assert!(!policy.contains("unsafe-inline"));
        assert_eq!(page.header("referrer-policy"), "no-referrer");
        assert_eq!(page.header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(page.header("x-content-type-options"), "nosniff");
        assert_eq!(page.header("access-control-allow-origin"), "");
    }
    let worker = server.get("/worker.js");
    assert_eq!(worker.header("cache-control"), "no-cache");
    assert!(
        worker
            .header("content-security-policy")
            .contains("default-src 'none'")
    );
    assert_eq!(
        server
            .request(
                "GET",
                "/worker.js",
                &[("If-None-Match", worker.header("etag"))],
                b""
            )
            .status,
        304
    );
    let hashed = "/web-0123456789abcdef.js";
    assert_eq!(server.get(hashed).header("cache-control"), IMMUTABLE);
    for encoding in ["gzip", "br"] {
        let ask = || server.request("GET", hashed, &[("Accept-Encoding", encoding)], b"");
        crate::common::wait_until("the page is compressed", || {
            ask().header("content-encoding") == encoding
        });
        let compressed = ask();
        assert!(compressed.body.len() < 1000 && compressed.header("vary") == "Accept-Encoding");
        assert_ne!(compressed.header("etag"), server.get(hashed).header("etag"));
    }
    assert_eq!(server.get("/web-0000000000000000.js").problem(), "not-found");
    assert_eq!(server.get("/../log.key").status, 404);
    assert_eq!(server.get("/%2e%2e/log.key").status, 404);
}
