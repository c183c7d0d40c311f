//! What the registry serves: caching rules, the page's policy, the log from outside, and how a model is found.

use std::{io::Read as _, sync::Arc};

use flate2::read::GzDecoder;
use harness::{
    envelopes::{keyset_envelope, origin, submit},
    http::Client,
    lab::{Lab, PUBLISHER},
    outside::{OutsideView, assert_extends, checked_head, read_whole_log},
    registry::TestRegistry,
    wait::Shared,
};
use provenance::{
    Sha256Digest,
    key::SigningKey,
    merkle::{ConsistencyProof, InclusionProof, LeafIndex, MemoryTree},
};
use serde_json::{Value, json};

/// One registry with the page and a published model for all tests of this file.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small)
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

#[test]
fn what_never_changes_is_immutable_and_has_head_and_etag() {
    let lab = lab();
    let client = lab.registry.client();
    let size = checked_head(&client.get("/log/checkpoint").ok().text(), lab.registry.log_key())
        .size
        .get();
    let paths = [
        format!("/api/v1/records/{}", lab.record),
        format!("/log/tile/entries/000.p/{size}"),
        format!("/log/tile/0/000.p/{size}"),
    ];
    for path in paths {
        let answer = client.get(&path).ok();
        assert_eq!(answer.header("cache-control"), IMMUTABLE, "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        let etag = answer.header("etag").to_owned();
        assert!(etag.len() > 2 && etag.starts_with('"'), "{path}: {etag}");
        let head = client.head(&path);
        assert_eq!(
            (head.status, head.body.len(), head.header("etag")),
            (200, 0, etag.as_str()),
            "{path}"
        );
        assert_eq!(
            head.header("content-length"),
            answer.body.len().to_string(),
            "{path}"
        );
        assert_eq!(
            head.header("content-type"),
            answer.header("content-type"),
            "{path}"
        );
        let again = client.get_with(&path, &[("If-None-Match", &etag)]);
        assert_eq!((again.status, again.body.len()), (304, 0), "{path}");
        let other = client.get_with(&path, &[("If-None-Match", "\"other\"")]);
        assert_eq!(other.status, 200, "{path}");
    }
    assert_eq!(
        client
            .get(&format!("/api/v1/records/{}", lab.record))
            .header("content-type"),
        "application/vnd.in-toto+json"
    );
}

#[test]
fn what_changes_is_cached_for_five_seconds_at_most() {
    let lab = lab();
    let client = lab.registry.client();
    let paths = [
        "/log/checkpoint".to_owned(),
        format!("/api/v1/records/{}/proof", lab.record),
        "/api/v1/lookup".into(),
        "/api/v1/publishers".into(),
        "/trust".into(),
        "/healthz".into(),
        "/readyz".into(),
    ];
    for path in paths {
        let answer = client.get(&path).ok();
        let rule = answer.header("cache-control").to_owned();
        let age = rule
            .strip_prefix("public, max-age=")
            .and_then(|seconds| seconds.parse::<u32>().ok());
        assert!(
            matches!(rule.as_str(), "no-store" | "no-cache") || age.is_some_and(|age| age <= 5),
            "{path}: {rule}"
        );
        assert_eq!(client.head(&path).status, 200, "{path}");
    }
    let checkpoint = client.get("/log/checkpoint");
    assert_eq!(checkpoint.header("content-type"), "text/plain; charset=utf-8");
}

#[test]
fn the_page_comes_under_a_policy_that_allows_only_its_own_files() {
    let lab = lab();
    let client = lab.registry.client();
    for path in ["/", "/verify", &format!("/record/{}", lab.record)] {
        let page = client.get(path).ok();
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        let policy = page.header("content-security-policy");
        for rule in [
            "default-src 'none'",
            "connect-src 'self'",
            "worker-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types weighbridge",
        ] {
            assert!(policy.contains(rule), "{path}: {rule} is missing from {policy}");
        }
        for forbidden in ["unsafe-inline", "'unsafe-eval'", "http:", "https:", " *"] {
            assert!(!policy.contains(forbidden), "{path}: {forbidden} is in {policy}");
        }
        assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");
        // Every inline script is named by its hash, and so nothing else inline runs.
        let text = page.text();
        let scripts = text.split("<script").skip(1).filter_map(|tag| {
            let (attributes, rest) = tag.split_once('>')?;
            (!attributes.contains("src=")).then(|| rest.split("</script").next().unwrap_or_default())
        });
        let mut inline = 0;
        for script in scripts {
            let hash = Sha256Digest::of(script.as_bytes()).to_base64();
            assert!(
                policy.contains(&format!("'sha256-{hash}'")),
                "{path}: a script is not named in {policy}"
            );
            inline += 1;
        }
        assert!(inline > 0, "{path}: the built page starts with an inline script");
    }
}

#[test]
fn the_pages_files_are_compressed_and_hashed_ones_are_immutable() {
    let lab = lab();
    let client = lab.registry.client();
    let page = client.get("/").ok().text();
    let names = page.split(['"', '\'']).filter_map(|part| part.strip_prefix('/'));
    // Names in folders are the start script's own modules; they carry a hash of their crate, not of their content.
    let is_hashed = |name: &&str| {
        let ending = name.rsplit('.').next().unwrap_or_default();
        !name.contains('/') && name.contains('-') && ["js", "wasm"].contains(&ending)
    };
    let hashed: Vec<_> = names.filter(is_hashed).collect();
    assert!(!hashed.is_empty(), "the page names its files: {page}");
    for name in hashed {
        let path = format!("/{name}");
        assert_eq!(
            client.get(&path).ok().header("cache-control"),
            IMMUTABLE,
            "{path}"
        );
        // Compression is prepared in the background; until then a file comes as it is.
        harness::wait::wait_for("compressed files", || {
            let answer = client.get_with(&path, &[("Accept-Encoding", "br")]);
            (answer.header("content-encoding") == "br").then_some(())
        });
        assert!(
            client
                .get(&path)
                .header("vary")
                .eq_ignore_ascii_case("accept-encoding"),
            "{path}"
        );
    }
    assert_eq!(client.get("/no-such-file.js").status, 404);
    assert_eq!(client.get("/../Cargo.toml").status, 404);
}

#[test]
fn without_a_page_the_registry_is_an_api_and_says_how_to_build_it() {
    let registry = TestRegistry::start_without_page();
    let answer = registry.get("/").ok();
    assert!(
        answer.text().contains("cargo xtask build-web"),
        "{}",
        answer.text()
    );
    registry.get("/api/v1/publishers").ok();
}

#[test]
fn writing_from_another_site_is_not_allowed() {
    let lab = lab();
    let answer = lab.registry.client().post("/api/v1/attestations", b"{}");
    assert_eq!(answer.header("access-control-allow-origin"), "");
}

#[test]
fn an_outsider_can_check_every_entry_tile_and_state_root() {
    let lab = lab();
    let client = lab.registry.client();
    let before = read_whole_log(&client, lab.registry.log_key());
    assert!(before.entries.len() >= 2);
    let key = SigningKey::from_seed(&[5; 32]);
    submit(
        &client,
        &keyset_envelope("third.example", &origin(&lab.registry), &key),
    )
    .ok();
    let after = read_whole_log(&client, lab.registry.log_key());
    assert_extends(&before.head, &after);
    assert!(after.entries.len() > before.entries.len());
}

#[test]
fn a_log_of_more_than_a_tile_can_be_checked_from_outside() {
    let registry = TestRegistry::start_without_page();
    let (client, origin) = (registry.client(), origin(&registry));
    for n in 0_u16..258 {
        let [high, low] = n.to_be_bytes();
        let mut seed = [9; 32];
        (seed[0], seed[1]) = (high, low);
        let envelope = keyset_envelope(&format!("p{n}.example"), &origin, &SigningKey::from_seed(&seed));
        let wait = if n == 257 { "published" } else { "sequenced" };
        let answer = client.post(&format!("/api/v1/attestations?wait={wait}"), &envelope.to_json());
        assert!(matches!(answer.status, 200 | 202), "{}", answer.text());
    }
    let view = read_whole_log(&client, registry.log_key());
    assert_eq!(view.entries.len(), 258);
    assert_eq!(client.get("/log/tile/0/000").ok().body.len(), 8192);
    check_proofs_of_the_api(&client, &view);
    check_archived_checkpoints(&client, &view, registry.log_key());
    let plain = client.get("/log/tile/entries/000").ok();
    let packed = client.get_with("/log/tile/entries/000", &[("Accept-Encoding", "gzip")]);
    assert_eq!(
        (packed.header("content-encoding"), packed.header("vary")),
        ("gzip", "Accept-Encoding")
    );
    assert_ne!(packed.header("etag"), plain.header("etag"));
    let mut unpacked = Vec::new();
    GzDecoder::new(packed.body.as_slice())
        .read_to_end(&mut unpacked)
        .expect("gzip");
    assert!(packed.body.len() < plain.body.len() && unpacked == plain.body);
}

/// Proofs for many pairs of sizes lead to the roots of the tree that was read whole.
fn check_proofs_of_the_api(client: &Client, view: &OutsideView) {
    let hashes = |answer: &Value| -> Vec<Sha256Digest> {
        let hashes = answer["hashes"].as_array().expect("hashes").iter();
        hashes
            .map(|hash| hash.as_str().expect("text").parse().expect("a digest"))
            .collect()
    };
    let mut tree = MemoryTree::new();
    let mut heads = vec![tree.head()];
    for entry in &view.entries {
        tree.push(entry.leaf_hash());
        heads.push(tree.head());
    }
    let sizes = [1, 2, 3, 100, 255, 256, 257, 258];
    for size in sizes {
        for index in [0, size / 2, size - 1] {
            let path = format!("/api/v1/log/inclusion/{index}?size={size}");
            let answer = client.get(&path).ok();
            assert!(answer.header("cache-control").contains("immutable"));
            let answer = answer.json();
            let proof = InclusionProof {
                hashes: hashes(&answer),
            };
            let leaf = view.entries[index].leaf_hash();
            assert_eq!(answer["leaf_hash"], json!(leaf.digest()), "{path}");
            proof
                .verify(&heads[size], LeafIndex::new(index as u64), &leaf)
                .unwrap_or_else(|e| panic!("{path}: {e}"));
        }
        for from in sizes.into_iter().filter(|from| *from <= size) {
            let path = format!("/api/v1/log/consistency/{from}/{size}");
            let answer = client.get(&path).ok().json();
            let proof = ConsistencyProof {
                hashes: hashes(&answer),
            };
            assert_eq!(answer["to_root"], json!(heads[size].root.digest()), "{path}");
            assert_eq!(answer["from_root"], json!(heads[from].root.digest()), "{path}");
            proof
                .verify(&heads[from], &heads[size])
                .unwrap_or_else(|e| panic!("{path}: {e}"));
        }
    }
    let newest = client.get("/api/v1/log/inclusion/7").ok();
    assert_eq!(newest.json()["size"], 258);
    assert_eq!(newest.header("cache-control"), "public, max-age=5");
    for (path, status) in [
        ("inclusion/258", 404),
        ("inclusion/5?size=5", 404),
        ("inclusion/5?size=259", 404),
        ("inclusion/05", 400),
        ("inclusion/5?size=-1", 400),
        ("consistency/3/2", 400),
        ("consistency/3/259", 404),
        ("consistency/x/2", 400),
    ] {
        let answer = client.get(&format!("/api/v1/log/{path}"));
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
    }
}

fn check_archived_checkpoints(client: &Client, view: &OutsideView, log_key: &str) {
    let newest = client.get("/log/checkpoints/258").ok();
    assert_eq!(newest.body, client.get("/log/checkpoint").ok().body);
    assert!(newest.header("cache-control").contains("immutable"));
    let empty = checked_head(&client.get("/log/checkpoints/0").ok().text(), log_key);
    assert_extends(&empty, view);
    for size in ["259", "00", "-1", "x", "../log.key", "%2e%2e%2flog.key"] {
        let answer = client.get(&format!("/log/checkpoints/{size}"));
        assert_eq!(answer.status, 404, "{size}: {}", answer.text());
    }
}

#[test]
fn lookup_search_and_lists_find_the_published_model() {
    let lab = lab();
    let client = lab.registry.client();
    let payload = client.get(&format!("/api/v1/records/{}", lab.record)).ok().json();
    let dir_hash1 = payload["subject"][0]["digest"]["dirHash1"].as_str().unwrap();
    let resources = payload["predicate"]["resources"].as_array().unwrap();
    let weights = resources
        .iter()
        .find(|r| r["name"] == "model.safetensors")
        .unwrap();
    let wanted = [
        ("dirhash1", dir_hash1),
        ("file", weights["digest"].as_str().unwrap()),
        (
            "chunk0",
            weights["annotations"]["weighbridge_chunk0"].as_str().unwrap(),
        ),
        (
            "chunks",
            weights["annotations"]["weighbridge_chunks"].as_str().unwrap(),
        ),
        (
            "tensors",
            weights["annotations"]["weighbridge_tensors"].as_str().unwrap(),
        ),
    ];
    for (kind, digest) in wanted {
        let answer = client
            .get(&format!("/api/v1/lookup/{}", &digest[..5]))
            .ok()
            .json();
        let matches = answer["matches"].as_array().unwrap();
        let found = |m: &&Value| m["key"] == digest && m["kind"] == kind && m["record"] == json!(lab.record);
        assert!(matches.iter().any(|m| found(&m)), "{kind} {digest} in {answer}");
    }
    for path in [
        format!("/api/v1/artifacts/{dir_hash1}"),
        format!("/api/v1/publishers/{PUBLISHER}"),
        "/api/v1/search?q=minilm".into(),
    ] {
        let text = client.get(&path).ok().text();
        assert!(text.contains(&lab.record), "{path}: {text}");
    }
    let listed = client.get("/api/v1/publishers").ok().json();
    let acme = listed["publishers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|p| p["publisher"] == PUBLISHER)
        .cloned();
    assert_eq!(acme.expect("acme is listed")["genesis"], json!(lab.genesis));
}

#[test]
fn the_newest_records_and_the_growth_of_the_log_agree_with_its_size() {
    let lab = lab();
    let client = lab.registry.client();
    let newest = client.get("/api/v1/log/newest").ok().json();
    let records = newest["records"].as_array().expect("a list");
    let indices: Vec<u64> = records
        .iter()
        .filter_map(|record| record["index"].as_u64())
        .collect();
    assert!(indices.is_sorted_by(|a, b| a > b), "newest first: {indices:?}");
    assert_eq!(indices.last(), Some(&0));
    assert!(
        records
            .iter()
            .all(|record| record["taken_at"].as_u64() > Some(1_700_000_000)),
        "{newest}"
    );

    let before = client
        .get(&format!("/api/v1/log/newest?before={}", indices[0]))
        .ok()
        .json();
    assert_eq!(
        before["records"].as_array().map(Vec::len),
        Some(records.len() - 1)
    );
    assert_eq!(client.get("/api/v1/log/newest?before=yesterday").status, 400);

    let growth = client.get("/api/v1/log/growth").ok().json();
    let points = growth["points"].as_array().expect("a list");
    assert_eq!(points.first().map(|point| &point["size"]), Some(&json!(1)));
    assert_eq!(
        points.last().map(|point| &point["size"]),
        Some(&growth["as_of_size"])
    );
    let times: Vec<u64> = points
        .iter()
        .filter_map(|point| point["taken_at"].as_u64())
        .collect();
    assert!(times.len() == points.len() && times.is_sorted(), "{growth}");
}

#[test]
fn whoever_tries_the_apis_folder_is_led_to_its_description() {
    let lab = lab();
    for path in ["/api", "/api/"] {
        let answer = lab.registry.client().get(path);
        assert_eq!(
            (answer.status, answer.header("location")),
            (303, "/developers"),
            "{path}"
        );
    }
    let nothing = lab.registry.client().get("/api/v1/nothing");
    assert_eq!(nothing.status, 404);
    assert!(nothing.text().contains("/developers"), "{}", nothing.text());
}
