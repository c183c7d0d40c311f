//! What the registry takes and what it refuses: problem codes, admission, sidecars, receipts.

use std::{fs, sync::Arc};

use harness::{
    envelopes::{keyset_envelope, origin, resigned, second_keyset, submit},
    lab::{self, Lab, PUBLISHER},
    models::Model,
    outside::read_whole_log,
    registry::TestRegistry,
    wait::Shared,
};
use provenance::{
    api::RecordProof,
    dsse::Envelope,
    key::SigningKey,
    statement::{ADVISORY_TYPE, SIGNATURE_TYPE},
    trust::TrustFile,
    verify,
};
use serde_json::json;

/// One registry with a published model for the tests that do not mind each other.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small_without_page)
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
fn kinds_of_records_that_come_later_are_refused_by_name() {
    let lab = lab();
    let client = lab.registry.client();
    let payload = client.get(&format!("/api/v1/records/{}", lab.record)).ok().text();
    let key = lab_key(&lab);
    for kind in [ADVISORY_TYPE, "https://new.example/kind/v1"] {
        let envelope = Envelope::sign(payload.replace(SIGNATURE_TYPE, kind).into_bytes(), &[&key]);
        let answer = submit(&client, &envelope);
        let refused = (answer.status, answer.problem());
        assert_eq!(refused, (422, "not-yet-supported".into()), "{}", answer.text());
        assert!(answer.text().contains(kind), "{}", answer.text());
    }
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
fn an_address_that_asks_too_much_is_told_when_to_come_back() {
    let limits = [
        "--admission",
        "open",
        "--rate-limit",
        "2",
        "--client-address-header",
        "X-Real-IP",
    ];
    let registry = TestRegistry::start_with(None, &limits);
    let client = registry.client();
    let ask = |address: &str| client.get_with("/api/v1/search?q=model", &[("X-Real-IP", address)]);
    let refused = (0..40)
        .map(|_| ask("203.0.113.7"))
        .find(|answer| answer.status != 200);
    let refused = refused.expect("the fortieth question is one too many");
    assert_eq!((refused.status, refused.header("retry-after")), (429, "1"));
    assert_eq!(refused.json()["code"], "rate-limited");
    assert_eq!(refused.header("cache-control"), "no-store");
    assert_eq!(ask("203.0.113.8").status, 200, "another address");
    let tile = client.get_with("/log/checkpoint", &[("X-Real-IP", "203.0.113.7")]);
    assert_eq!(tile.status, 200, "the static log is not counted");
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert_eq!(ask("203.0.113.7").status, 200, "a second later");
}
