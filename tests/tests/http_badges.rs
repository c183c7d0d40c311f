//! Badges over HTTP: what they say, for how long, to whom; and that text of strangers stays text in them.

use std::sync::Arc;

use harness::{
    lab::{Lab, PUBLISHER, publish},
    wait::Shared,
};
use provenance::Sha256Digest;

static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small_without_page)
}

#[test]
fn a_picture_says_logged_with_its_entry_and_may_be_shown_anywhere() {
    let lab = lab();
    let client = lab.registry.client();
    let path = format!("/badge/v1/{}.svg", lab.record);
    let answer = client.get(&path).ok();
    let svg = answer.text();
    assert!(
        svg.contains("<title>Model provenance: logged, entry 1, publisher acme.example</title>"),
        "{svg}"
    );
    assert!(
        svg.contains(">logged #1</text>") && !svg.contains("verified"),
        "{svg}"
    );
    assert!(svg.len() <= 2048);
    for (name, value) in [
        ("content-type", "image/svg+xml; charset=utf-8"),
        (
            "content-security-policy",
            "default-src 'none'; style-src 'unsafe-inline'; sandbox",
        ),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "*"),
        ("cache-control", "public, max-age=300"),
    ] {
        assert_eq!(answer.header(name), value, "{name}");
    }
    let etag = answer.header("etag").to_owned();
    assert_eq!(client.get_with(&path, &[("If-None-Match", &etag)]).status, 304);
    for name in ["@acme.example/acme/minilm", "@acme.example/acme/minilm@1.0"] {
        assert_eq!(
            client.get(&format!("/badge/v1/{name}.svg")).ok().text(),
            svg,
            "{name}"
        );
    }
}

#[test]
fn what_is_not_logged_is_a_picture_that_says_so_and_is_soon_asked_again() {
    let lab = lab();
    let client = lab.registry.client();
    let other = Sha256Digest::of(b"nothing of ours");
    for name in [
        other.to_string(),
        "@acme.example/acme/minilm@2.0".into(),
        "@nobody.example/x".into(),
    ] {
        let answer = client.get(&format!("/badge/v1/{name}.svg")).ok();
        assert!(answer.text().contains(">no record</text>"), "{name}");
        assert_eq!(answer.header("cache-control"), "public, max-age=60");
    }
    let missing = client.get(&format!("/badge/v1/{other}.json"));
    assert_eq!(missing.status, 404);
    assert_eq!(missing.json()["code"], "record-unknown");
}

#[test]
fn a_new_record_turns_its_badge_over_at_once() {
    let lab = Lab::small_without_page();
    let client = lab.registry.client();
    let path = "/badge/v1/@acme.example/acme/next.svg";
    assert!(client.get(path).ok().text().contains("no record"));
    let published = publish(
        &lab.cli(&lab.trust()),
        &lab.model,
        "lab.key",
        PUBLISHER,
        "acme/next",
        "3.0",
        "next",
    );
    assert!(published["records"][0]["record"].is_string(), "{published}");
    assert!(client.get(path).ok().text().contains("logged #"));
}

#[test]
fn shields_reads_exactly_the_members_that_it_knows() {
    let lab = lab();
    let answer = lab
        .registry
        .client()
        .get(&format!("/badge/v1/{}/shields.json", lab.record))
        .ok();
    let expected = serde_json::json!({
        "schemaVersion": 1, "label": "provenance", "message": "logged #1", "color": "0a58ca", "cacheSeconds": 300, "isError": false,
    });
    assert_eq!(answer.json(), expected);
}

#[test]
fn the_document_is_what_a_second_verifier_needs() {
    let lab = lab();
    let client = lab.registry.client();
    let document = client.get(&format!("/badge/v1/{}.json", lab.record)).ok();
    assert!(document.body.len() <= 16 << 10, "{} bytes", document.body.len());
    let document = document.json();
    assert_eq!(document["record"], lab.record.as_str());
    assert_eq!(document["genesis"], lab.genesis.as_str());
    let proof = client
        .get(&format!("/api/v1/records/{}/proof", lab.record))
        .ok()
        .json();
    assert_eq!(document["proof"], proof);
    let payload = client.get(document["payload"].as_str().expect("an address")).ok();
    assert_eq!(Sha256Digest::of(&payload.body).to_string(), lab.record);
}

#[test]
fn every_state_has_an_example_that_says_that_it_is_one() {
    let lab = lab();
    let client = lab.registry.client();
    let states = [
        "logged",
        "superseded",
        "withdrawn",
        "lineage-alert",
        "log-stale",
        "no-record",
        "log-fault",
    ];
    for state in states {
        for query in ["", "?style=large&theme=dark", "?style=square&label=mine"] {
            let svg = client
                .get(&format!("/badge/v1/example/{state}.svg{query}"))
                .ok()
                .text();
            assert!(svg.contains(">example</text>") && !svg.contains("mine"), "{svg}");
        }
    }
    assert_eq!(client.get("/badge/v1/example/green.svg").status, 404);
}

#[test]
fn a_label_is_inert_and_a_wrong_query_is_told() {
    let lab = lab();
    let client = lab.registry.client();
    let of = |query: &str| client.get(&format!("/badge/v1/{}.svg?{query}", lab.record));
    let svg = of("label=%3C%2Ftitle%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE%00")
        .ok()
        .text();
    assert!(
        !svg.contains("<script") && !svg.contains('\u{202E}') && !svg.contains('\0'),
        "{svg}"
    );
    assert!(svg.contains("&lt;script&gt;"), "{svg}");
    for query in ["style=round", "theme=pink", "style=flat&style=flat"] {
        let answer = of(query);
        assert_eq!(
            (answer.status, answer.json()["code"].as_str()),
            (400, Some("bad-request")),
            "{query}"
        );
    }
    for path in [
        "/badge/v1/x.svg",
        "/badge/v1/@.json",
        "/badge/v1/",
        "/e/9.9.9/badge.js",
    ] {
        assert!(matches!(client.get(path).status, 400 | 404), "{path}");
    }
}

#[test]
fn the_script_is_immutable_and_is_what_its_integrity_value_says() {
    let lab = lab();
    let client = lab.registry.client();
    let listed = client.get("/e/").ok().json();
    let version = &listed["versions"][0];
    let script = client.get(version["path"].as_str().expect("a path")).ok();
    assert_eq!(
        script.header("cache-control"),
        "public, max-age=31536000, immutable"
    );
    assert_eq!(script.header("access-control-allow-origin"), "*");
    let integrity = format!("sha256-{}", Sha256Digest::of(&script.body).to_base64());
    assert_eq!(version["integrity"], integrity.as_str());
}
