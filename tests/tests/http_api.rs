//! The registry's HTTP surface: problem codes, caching rules, the page's policy, and the log from outside.

use std::{fs, sync::Arc};

use harness::{
    http::{Answer, Client},
    lab::{self, Lab, PUBLISHER},
    models::Model,
    outside::{assert_extends, checked_head, read_whole_log},
    registry::TestRegistry,
    wait::Shared,
};
use provenance::{
    Sha256Digest,
    api::RecordProof,
    dsse::Envelope,
    key::SigningKey,
    keyset::Keyset,
    statement::{ADVISORY_TYPE, KEYSET_TYPE, SIGNATURE_TYPE, keyset_payload},
    trust::TrustFile,
    verify,
};
use serde_json::{Value, json};

/// One registry with the page and a published model for all tests that only read.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small)
}

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

fn origin(registry: &TestRegistry) -> String {
    registry
        .log_key()
        .split('+')
        .next()
        .expect("a verifier key")
        .to_owned()
}

/// A first keyset of `publisher`, signed.
fn keyset_envelope(publisher: &str, origin: &str, key: &SigningKey) -> Envelope {
    let name = publisher.parse().expect("a name");
    let keyset =
        Keyset::first(name, origin.to_owned(), key.public().clone(), "alice".into()).expect("a keyset");
    Envelope::sign(keyset_payload(&keyset), &[key])
}

/// The keyset that would follow `first`.
fn second_keyset(first: &Envelope, origin: &str, key: &SigningKey) -> Envelope {
    let name = PUBLISHER.parse().expect("a name");
    let keyset =
        Keyset::first(name, origin.to_owned(), key.public().clone(), "alice".into()).expect("a keyset");
    let previous = Some(provenance::RecordId::of_payload(&first.payload));
    Envelope::sign(
        keyset_payload(&Keyset {
            version: 2,
            previous,
            ..keyset
        }),
        &[key],
    )
}

fn submit(client: &Client, envelope: &Envelope) -> Answer {
    client.post("/api/v1/attestations", &envelope.to_json())
}

/// The envelope with one piece of its payload replaced, signed again.
fn resigned(envelope: &Envelope, from: &str, to: &str, key: &SigningKey) -> Envelope {
    let text = String::from_utf8(envelope.payload.clone()).expect("JSON is UTF-8");
    assert!(text.contains(from), "{from} is in {text}");
    Envelope::sign(text.replacen(from, to, 1).into_bytes(), &[key])
}

#[test]
fn every_refusal_is_a_problem_document_that_is_never_cached() {
    let lab = lab();
    let client = lab.registry.client();
    let nothing = "0".repeat(64);
    let cases = [
        (client.get("/api/v1/nothing"), 404, "not-found"),
        (client.get("/log/nothing"), 404, "not-found"),
        (client.get("/log/tile/0/0"), 404, "not-found"),
        (client.get("/log/tile/0/x000/000"), 404, "not-found"),
        (client.get("/log/tile/0/999"), 404, "beyond-checkpoint"),
        (
            client.get("/log/tile/entries/000.p/255"),
            404,
            "beyond-checkpoint",
        ),
        (client.get("/api/v1/records/xyz"), 400, "bad-request"),
        (
            client.get(&format!("/api/v1/records/{nothing}")),
            404,
            "record-unknown",
        ),
        (
            client.get(&format!("/api/v1/records/{nothing}/proof")),
            404,
            "record-unknown",
        ),
        (
            client.get(&format!("/api/v1/blobs/{nothing}")),
            404,
            "blob-unknown",
        ),
        (
            client.get("/api/v1/publishers/nobody.example"),
            404,
            "publisher-unknown",
        ),
        (client.get("/api/v1/publishers/No-Such-Name"), 400, "bad-request"),
        (client.get("/api/v1/lookup/abcdef"), 400, "bad-request"),
        (client.get("/api/v1/lookup/G"), 400, "bad-request"),
        (client.get("/api/v1/search?q=a"), 400, "bad-request"),
        (client.delete("/api/v1/publishers"), 405, "method-not-allowed"),
        (client.get("/api/v1/attestations"), 405, "method-not-allowed"),
        (
            client.post("/api/v1/attestations", b"not json"),
            400,
            "envelope-invalid",
        ),
        (client.post("/api/v1/attestations", b""), 400, "envelope-invalid"),
        (
            client.put(&format!("/api/v1/blobs/{nothing}"), &[], b"x"),
            403,
            "ticket-required",
        ),
    ];
    for (number, (answer, status, code)) in cases.into_iter().enumerate() {
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (status, code),
            "case {number}: {}",
            answer.text()
        );
        assert_eq!(answer.header("cache-control"), "no-store", "case {number}");
    }
    let allowed = client.get("/api/v1/attestations");
    assert_eq!(allowed.header("allow"), "POST");
}

#[test]
fn admission_says_why_it_refuses_and_logs_nothing() {
    let registry = TestRegistry::start_without_page();
    let (client, origin) = (registry.client(), origin(&registry));
    let key = SigningKey::from_seed(&[1; 32]);
    let stranger = SigningKey::from_seed(&[2; 32]);
    let acme = keyset_envelope(PUBLISHER, &origin, &key);
    submit(&client, &acme).ok();
    let size = read_whole_log(&client, registry.log_key()).entries.len();

    let mut unsigned = acme.clone();
    unsigned.signatures.clear();
    let mut forged = keyset_envelope("new.example", &origin, &key);
    forged.signatures[0].sig[0] ^= 1;
    let new = keyset_envelope("new.example", &origin, &key);
    let second = second_keyset(&acme, &origin, &key);
    let twice = resigned(&new, "\"version\":1", "\"version\":1,\"version\":1", &key);
    let cases = [
        (unsigned, 400, "envelope-invalid"),
        (forged, 422, "signatures-insufficient"),
        (
            keyset_envelope(PUBLISHER, &origin, &stranger),
            409,
            "publisher-exists",
        ),
        (
            keyset_envelope("lab.ai", &origin, &key),
            403,
            "domain-proof-required",
        ),
        (
            keyset_envelope("new.example", "other.example/log", &key),
            422,
            "wrong-origin",
        ),
        (second, 422, "not-yet-supported"),
        (twice, 422, "record-invalid"),
        (
            resigned(&new, KEYSET_TYPE, "https://evil.example/v1", &key),
            422,
            "not-yet-supported",
        ),
        (Envelope::sign(b"{}".to_vec(), &[&key]), 422, "record-invalid"),
    ];
    for (number, (envelope, status, code)) in cases.iter().enumerate() {
        let answer = submit(&client, envelope);
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (*status, *code),
            "case {number}: {}",
            answer.text()
        );
    }
    assert_eq!(
        read_whole_log(&client, registry.log_key()).entries.len(),
        size,
        "nothing was logged"
    );
}

#[test]
fn by_invitation_no_new_name_is_taken() {
    let registry = TestRegistry::start_with(None, &["--admission", "invite"]);
    let key = SigningKey::from_seed(&[1; 32]);
    let answer = submit(
        &registry.client(),
        &keyset_envelope(PUBLISHER, &origin(&registry), &key),
    );
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (403, "invite-required")
    );
}

#[test]
fn advisories_wait_for_a_later_version() {
    let lab = lab();
    let client = lab.registry.client();
    let payload = client.get(&format!("/api/v1/records/{}", lab.record)).ok().text();
    let key = lab_key(&lab);
    let advisory = Envelope::sign(
        payload.replace(SIGNATURE_TYPE, ADVISORY_TYPE).into_bytes(),
        &[&key],
    );
    let answer = submit(&client, &advisory);
    assert_eq!(
        (answer.status, answer.problem().as_str()),
        (422, "not-yet-supported"),
        "{}",
        answer.text()
    );
}

fn lab_key(lab: &Lab) -> SigningKey {
    let pem = fs::read_to_string(lab.work().join("lab.key")).expect("the lab's key");
    SigningKey::from_pkcs8_pem(&pem).expect("a sound key")
}

/// An envelope that the lab attested and did not publish, and its sidecars' folder.
fn attested(lab: &Lab, name: &str) -> (Vec<u8>, std::path::PathBuf) {
    let model = Model::small(&lab.work().join(name));
    // Other bytes than those published, so that its sidecars are not there yet.
    model.flip_bit(6_000_000);
    let out = format!("att-{name}");
    lab::attest(
        &lab.cli(&lab.trust()),
        &model,
        "lab.key",
        PUBLISHER,
        &format!("acme/{name}"),
        "1.0",
        &out,
    );
    let folder = lab.work().join(out);
    let envelope =
        fs::read(folder.join("1-signature.dsse.json")).expect("attest writes the signature record");
    (envelope, folder.join("blob"))
}

#[test]
fn sidecars_are_taken_with_a_ticket_and_only_as_the_record_says() {
    let lab = lab();
    let client = lab.registry.client();
    let (envelope, blobs) = attested(&lab, "ticket");
    let refused = client.post("/api/v1/attestations", &envelope);
    assert_eq!(
        (refused.status, refused.problem().as_str()),
        (409, "blobs-missing"),
        "{}",
        refused.text()
    );
    let problem = refused.json();
    let ticket = problem["ticket"].as_str().expect("a ticket").to_owned();
    let missing = problem["missing"].as_array().expect("a list").clone();
    assert!(!missing.is_empty(), "{problem}");
    let digest = missing[0]["digest"].as_str().expect("a digest").to_owned();
    let bytes = fs::read(blobs.join(&digest)).expect("attest wrote the sidecar");
    let path = format!("/api/v1/blobs/{digest}");
    let with = [("Weighbridge-Ticket", ticket.as_str())];

    let mut altered = bytes.clone();
    altered[0] ^= 1;
    let mut longer = bytes.clone();
    longer.push(0);
    let cases = [
        (client.put(&path, &[], &bytes), 403, "ticket-required"),
        (
            client.put(&path, &[("Weighbridge-Ticket", "stolen")], &bytes),
            403,
            "ticket-required",
        ),
        (client.put(&path, &with, &altered), 422, "digest-mismatch"),
        (client.put(&path, &with, &longer), 422, "blob-length"),
        (
            client.put(&format!("/api/v1/blobs/{}", "0".repeat(64)), &with, &bytes),
            403,
            "ticket-required",
        ),
    ];
    for (number, (answer, status, code)) in cases.iter().enumerate() {
        assert_eq!(
            (answer.status, answer.problem().as_str()),
            (*status, *code),
            "case {number}: {}",
            answer.text()
        );
        assert_eq!(client.get(&path).status, 404, "case {number} stored nothing");
    }
    for blob in &missing {
        let digest = blob["digest"].as_str().expect("a digest");
        let bytes = fs::read(blobs.join(digest)).expect("attest wrote the sidecar");
        let path = format!("/api/v1/blobs/{digest}");
        assert_eq!(client.put(&path, &with, &bytes).status, 201);
        assert_eq!(
            client.put(&path, &with, &bytes).status,
            200,
            "it is there already"
        );
        assert_eq!(client.get(&path).ok().body, bytes);
    }
    let receipt: RecordProof = client.post("/api/v1/attestations", &envelope).ok().parse();
    let again: RecordProof = client.post("/api/v1/attestations", &envelope).ok().parse();
    assert_eq!(
        (receipt.index, receipt.leaf_hash),
        (again.index, again.leaf_hash),
        "one leaf"
    );
}

#[test]
fn a_receipt_proves_itself_with_the_trust_file_alone() {
    let lab = lab();
    let client = lab.registry.client();
    let payload = client.get(&format!("/api/v1/records/{}", lab.record)).ok().body;
    let proof: RecordProof = client
        .get(&format!("/api/v1/records/{}/proof", lab.record))
        .ok()
        .parse();
    let trust = TrustFile::parse(&fs::read_to_string(lab.trust_pinned()).unwrap()).unwrap();
    let opened = verify::open(Some(&trust), lab.record.parse().unwrap(), &payload, &proof, None);
    assert_eq!(opened.fault(), None, "{:?}", opened.checks());
    assert!(opened.is_trusted());
    let published = &lab.published["records"][0];
    assert_eq!(published["leaf_hash"], json!(proof.leaf_hash));
    assert_eq!(published["index"], json!(proof.index));
}

#[test]
fn sequenced_is_answered_before_published() {
    let registry = TestRegistry::start_without_page();
    let client = registry.client();
    let key = SigningKey::from_seed(&[3; 32]);
    let envelope = keyset_envelope(PUBLISHER, &origin(&registry), &key);
    let answer = client.post("/api/v1/attestations?wait=sequenced", &envelope.to_json());
    assert_eq!(answer.status, 202, "{}", answer.text());
    let index = answer.json()["index"].clone();
    let receipt = submit(&client, &envelope).ok().json();
    assert_eq!(receipt["index"], index, "the index was final");
    let refused = client.post("/api/v1/attestations?wait=never", &envelope.to_json());
    assert_eq!((refused.status, refused.problem().as_str()), (400, "bad-request"));
}

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
