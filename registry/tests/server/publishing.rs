//! Publishing through the HTTP API of the real server: names, records, sidecars, repetition.

use crate::common::{self, Lab, Model, Server};
use provenance::{
    RecordId, Sha256Digest,
    api::{
        BlobKind, Problem, PublisherAnswer, PublishersAnswer, RecordProof, RecordsAnswer, SearchAnswer,
        Summary, paths,
    },
    dsse::Envelope,
    json::{At, FromJson as _},
    key::SigningKey,
    keyset::Keyset,
    lookup::{KeyKind, LookupAnswer, LookupInfo},
    statement::{Run, keyset_payload, provenance_payload},
};

#[test]
fn a_published_record_is_served_and_proved() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    let model = Model::numbered(1);
    let envelope = lab.attest(&model);
    let receipt = server.publish(&model, &envelope);
    assert_eq!((receipt.index, receipt.control.len()), (1, 1));
    assert_eq!(receipt.control[0].payload.0, lab.keyset.payload);
    assert_eq!(receipt.leaf_hash.to_string().len(), 64);
    server.assert_proved(&receipt.record);
    server.assert_proved(&lab.genesis);
    let served = server.get(&paths::record(&receipt.record));
    assert_eq!(served.body, envelope.payload);
    assert_eq!(served.header("content-type"), "application/vnd.in-toto+json");
    for (digest, bytes) in &model.blobs {
        assert_eq!(&server.get(&paths::blob(digest)).body, bytes);
    }
}

#[test]
fn the_same_record_again_gets_its_first_index() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    let model = Model::numbered(1);
    let first = server.publish(&model, &lab.attest(&model));
    let keyset_again: RecordProof = server.submit(&lab.keyset).json();
    assert_eq!((keyset_again.index, keyset_again.record), (0, lab.genesis));
    let mut envelope = lab.attest(&model);
    let again: RecordProof = server.submit(&envelope).json();
    assert_eq!((again.index, &again.entry), (first.index, &first.entry));
    // Junk beside a good signature is left out, and is no reason for another leaf.
    let stranger = SigningKey::from_seed(&[99; 32]);
    envelope
        .signatures
        .extend(Envelope::sign(envelope.payload.clone(), &[&stranger]).signatures);
    let again: RecordProof = server.submit(&envelope).json();
    assert_eq!((again.index, &again.entry), (first.index, &first.entry));
    assert_eq!(server.published_size(), 2);
}

#[test]
fn many_clients_with_the_same_record_make_one_leaf() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    let model = Model::numbered(1);
    let envelope = lab.attest(&model);
    let ticket = server.submit(&envelope).json::<Problem>().ticket.unwrap();
    for (digest, bytes) in &model.blobs {
        server.request(
            "PUT",
            &paths::blob(digest),
            &[(paths::TICKET_HEADER, &ticket)],
            bytes,
        );
    }
    // A thousand times, then after a restart, then without the index.
    let all_get_index_1 = |server: &Server, each: usize| {
        std::thread::scope(|scope| {
            let submit = || (0..each).map(|_| server.submit(&envelope).json::<RecordProof>().index);
            for _ in 0..32 {
                scope.spawn(move || assert!(submit().all(|index| index == 1)));
            }
        });
        assert_eq!(server.published_size(), 2);
    };
    all_get_index_1(&server, 32);
    drop(server);
    let server = Server::start(data.path());
    all_get_index_1(&server, 2);
    drop(server);
    std::fs::remove_dir_all(data.path().join("sled")).unwrap();
    all_get_index_1(&Server::start(data.path()), 2);
}

#[test]
fn a_further_holder_adds_a_leaf_and_the_first_one_stays_the_record() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let (a, b) = (SigningKey::from_seed(&[1; 32]), SigningKey::from_seed(&[2; 32]));
    let mut lab = Lab::new("acme.example", 1, &server.origin());
    let keyset = serde_json::json!({
        "publisher": "acme.example", "origins": [server.origin()], "version": 1, "previous": null,
        "threshold": {"root": 1, "sign": 1}, "revoked": [],
        "keys": [
            {"spki": a.public().to_spki_pem(), "holder": "alice", "roles": ["root", "sign"]},
            {"spki": b.public().to_spki_pem(), "holder": "bob", "roles": ["sign"]},
        ],
    });
    let payload = keyset_payload(&Keyset::from_json(At::new(&keyset)).unwrap());
    let only_one = server.submit(&Envelope::sign(payload.clone(), &[&a]));
    assert_eq!(only_one.problem(), "signatures-insufficient");
    lab.genesis = RecordId::of_payload(&payload);
    assert_eq!(server.submit(&Envelope::sign(payload, &[&b, &a])).status, 200);
    let model = Model::numbered(1);
    let by_alice = lab.attest(&model);
    assert_eq!(server.publish(&model, &by_alice).index, 1);
    let by_both = Envelope::sign(by_alice.payload.clone(), &[&a, &b]);
    let second: RecordProof = server.submit(&by_both).json();
    assert_eq!(second.index, 2);
    assert_eq!(server.submit(&by_both).json::<RecordProof>().index, 1);
    let id = RecordId::of_payload(&by_alice.payload);
    assert_eq!(
        server.get(&paths::record_proof(&id)).json::<RecordProof>().index,
        1
    );
    server.assert_proved(&id);
    assert_eq!(server.published_size(), 3);
}

#[test]
fn names_are_taken_once_and_only_if_they_are_free() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    Lab::create(&server, "acme.example", 1);
    Lab::create(&server, "acme", 2);
    let refused =
        |name: &str, seed, origin: &str| server.submit(&Lab::new(name, seed, origin).keyset).problem();
    assert_eq!(refused("acme.example", 3, &server.origin()), "publisher-exists");
    assert_eq!(refused("acme.ai", 3, &server.origin()), "domain-proof-required");
    assert_eq!(refused("free.test", 3, "other.example/log"), "wrong-origin");
    assert_eq!(server.published_size(), 2);
}

#[test]
fn an_invite_only_registry_takes_no_new_name() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &["--admission", "invite"]);
    let lab = Lab::new("acme.example", 1, &server.origin());
    assert_eq!(server.submit(&lab.keyset).problem(), "invite-required");
}

#[test]
fn records_that_do_not_hold_up_are_refused_with_their_own_code() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &["--max-payload-bytes", "20000"]);
    let lab = Lab::create(&server, "acme.example", 1);
    let model = Model::numbered(1);
    let good = lab.attest(&model);
    let code = |envelope: &Envelope| server.submit(envelope).problem();

    let stranger = Envelope::sign(good.payload.clone(), &[&SigningKey::from_seed(&[9; 32])]);
    assert_eq!(code(&stranger), "signatures-insufficient");
    let other = Lab::new("nobody.example", 2, &server.origin());
    assert_eq!(code(&other.attest(&model)), "publisher-unknown");
    let impostor = Lab {
        genesis: RecordId::of_payload(b"x"),
        ..Lab::new("acme.example", 1, "o")
    };
    assert_eq!(code(&impostor.attest(&model)), "wrong-genesis");
    let changed = |from: &str, to: &str| {
        let text = String::from_utf8(good.payload.clone()).unwrap();
        assert!(text.contains(from), "{text}");
        Envelope::sign(text.replace(from, to).into_bytes(), &[&lab.key])
    };
    assert_eq!(code(&changed("config.json", "../x")), "record-invalid");
    assert_eq!(
        code(&changed("\"weighbridge_size\":7", "\"weighbridge_size\":8")),
        "blobs-missing"
    );
    assert_eq!(
        code(&changed(
            "https://model_signing/signature/v1.0",
            "https://weighbridge.dev/advisory/v1"
        )),
        "not-yet-supported"
    );
    assert_eq!(
        code(&changed(
            "https://model_signing/signature/v1.0",
            "https://x.example/v1"
        )),
        "not-yet-supported"
    );
    assert_eq!(
        code(&Envelope::sign(b"{}".to_vec(), &[&lab.key])),
        "record-invalid"
    );
    assert_eq!(
        code(&Envelope::sign(vec![b' '; 20_001], &[&lab.key])),
        "payload-too-large"
    );
    let post = |body: &[u8]| server.request("POST", paths::ATTESTATIONS, &[], body).problem();
    assert_eq!(post(b"not json"), "envelope-invalid");
    assert_eq!(post(&vec![b' '; 200_000]), "payload-too-large");
    assert_eq!(
        server
            .request("POST", "/api/v1/attestations?wait=x", &[], b"")
            .problem(),
        "bad-request"
    );
    assert_eq!(server.published_size(), 1);
}

#[test]
fn sidecars_need_a_ticket_and_must_be_what_the_record_says() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    // Five MiB of nothing that anybody has: two chunks.
    let (first, second) = (Sha256Digest::of(b"chunk 0"), Sha256Digest::of(b"chunk 1"));
    let list: Vec<u8> = [*second.as_bytes(), *first.as_bytes()].concat();
    let mut model = Model::of("acme/big", &[("big.bin", "x")]);
    let mut file = model.manifest.files()[0].clone();
    (file.size, file.chunk0, file.chunks) = (5 << 20, first, Sha256Digest::of(&list));
    model.manifest = provenance::manifest::Manifest::new(vec![file]).unwrap();
    let envelope = lab.attest(&model);
    let problem: Problem = server.submit(&envelope).json();
    assert_eq!(problem.missing.len(), 1);
    let missing = &problem.missing[0];
    assert_eq!(
        (missing.kind, missing.length, missing.max_length),
        (BlobKind::Chunks, Some(64), 64)
    );
    let ticket = problem.ticket.unwrap();
    let put = |ticket: &str, digest: &Sha256Digest, bytes: &[u8]| {
        server.request(
            "PUT",
            &paths::blob(digest),
            &[(paths::TICKET_HEADER, ticket)],
            bytes,
        )
    };
    assert_eq!(put("", &missing.digest, &list).problem(), "ticket-required");
    assert_eq!(put("00", &missing.digest, &list).problem(), "ticket-required");
    assert_eq!(put(&ticket, &first, &list).problem(), "ticket-required");
    assert_eq!(
        put(&ticket, &missing.digest, &list[..32]).problem(),
        "blob-length"
    );
    assert_eq!(
        put(&ticket, &missing.digest, &[0; 64]).problem(),
        "digest-mismatch"
    );
    assert_eq!(
        server.get(&paths::blob(&missing.digest)).problem(),
        "blob-unknown"
    );
    assert_eq!(put(&ticket, &missing.digest, &list).status, 201);
    assert_eq!(put(&ticket, &missing.digest, &list).status, 200);
    // The list has the digest that the record names, and starts with another chunk than it says.
    assert_eq!(server.submit(&envelope).problem(), "blob-malformed");
    assert_eq!(server.published_size(), 1);
}

#[test]
fn a_sequenced_answer_comes_before_publication_and_is_kept() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::new("acme.example", 1, &server.origin());
    let path = format!("{}?wait=sequenced", paths::ATTESTATIONS);
    let answer = server.request("POST", &path, &[], &lab.keyset.to_json());
    assert_eq!(answer.status, 202, "{}", answer.text());
    let value: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(
        (value["index"].as_u64(), value["record"].as_str()),
        (Some(0), Some(lab.genesis.to_string().as_str()))
    );
    common::wait_until("the entry is published", || server.published_size() == 1);
    let proof: RecordProof = server.get(&paths::record_proof(&lab.genesis)).json();
    assert_eq!(value["leaf_hash"], proof.leaf_hash.to_string());
}

#[test]
fn records_are_found_by_digest_name_and_publisher() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    let model = Model::numbered(7);
    let run = Run {
        stage: "pretraining".into(),
        inputs: vec![],
        metrics: [].into(),
    };
    let provenance = provenance_payload(&lab.facts("acme/model-7"), &model.manifest, &run);
    assert_eq!(
        server.submit(&Envelope::sign(provenance, &[&lab.key])).status,
        200
    );
    let id = server.publish(&model, &lab.attest(&model)).record;

    let info: LookupInfo = server.get(paths::LOOKUP).json();
    assert_eq!((info.digits, info.as_of_size), (0, 3));
    let all = info.matches.unwrap();
    assert_eq!(info.keys, all.len() as u64);
    let file = &model.manifest.files()[0];
    for (digest, kind, path) in [
        (file.sha256, KeyKind::File, Some("config.json")),
        (file.chunks, KeyKind::Chunks, Some("config.json")),
        (file.chunk0, KeyKind::Chunk0, Some("config.json")),
        (model.manifest.dir_hash1(), KeyKind::DirHash1, None),
        (model.manifest.oms_root(), KeyKind::OmsRoot, None),
        (
            model.manifest.oms_root_components(),
            KeyKind::OmsRootComponents,
            None,
        ),
    ] {
        for digits in 0..=5 {
            let answer: LookupAnswer = server.get(&paths::lookup(&digest.to_string()[..digits])).json();
            let found = answer
                .matches
                .iter()
                .find(|m| m.key == digest && m.kind == kind && m.record == id);
            assert_eq!(found.expect("the key is found").path.as_deref(), path);
            assert!(
                answer
                    .matches
                    .iter()
                    .all(|m| m.key.to_string().starts_with(&digest.to_string()[..digits]))
            );
        }
    }
    assert!(
        all.iter().all(|m| m.key != Sha256Digest::OF_NOTHING),
        "an empty file is no key"
    );
    assert_eq!(server.get("/api/v1/lookup/abcdef").problem(), "bad-request");
    assert_eq!(server.get("/api/v1/lookup/AB").problem(), "bad-request");

    let artifact: RecordsAnswer = server.get(&paths::artifact(&model.manifest.dir_hash1())).json();
    assert_eq!(
        artifact.records.iter().map(|r| r.index).collect::<Vec<_>>(),
        [1, 2]
    );
    let publishers: PublishersAnswer = server.get(paths::PUBLISHERS).json();
    assert_eq!(
        (publishers.publishers[0].records, publishers.publishers[0].genesis),
        (3, lab.genesis)
    );
    let one: PublisherAnswer = server.get(&paths::publisher(&lab.name)).json();
    assert_eq!(one.records.iter().map(|r| r.index).collect::<Vec<_>>(), [2, 1, 0]);
    assert_eq!(one.keys[0].keyid, lab.key.public().keyid());
    for (before, indices) in [(9, &[2, 1, 0][..]), (2, &[1, 0]), (1, &[0]), (0, &[])] {
        let older: PublisherAnswer = server.get(&paths::publisher_before(&lab.name, before)).json();
        assert_eq!(older.records.iter().map(|r| r.index).collect::<Vec<_>>(), indices);
        assert_eq!(older.count, 3);
    }
    let wrong = format!("{}?before=x", paths::publisher(&lab.name));
    assert_eq!(server.get(&wrong).problem(), "bad-request");
    assert_eq!(
        server.get("/api/v1/publishers/nobody").problem(),
        "publisher-unknown"
    );
    assert_eq!(server.get("/api/v1/publishers/No+Body").problem(), "bad-request");

    let search = |q: &str| {
        server
            .get(&format!("/api/v1/search?q={q}"))
            .json::<SearchAnswer>()
            .results
    };
    let indices = |found: Vec<Summary>| found.iter().map(|s| s.index).collect::<Vec<_>>();
    assert_eq!(indices(search("model-7")), [2, 1]);
    assert_eq!(indices(search("ACME%20mod")), [2, 1]);
    assert_eq!(indices(search("acme.example")), [2, 1, 0]);
    assert_eq!(indices(search(&file.sha256.to_string())), [2]);
    assert_eq!(indices(search(&id.to_string())), [2]);
    assert_eq!(indices(search("nothing")), Vec::<u64>::new());
    assert_eq!(server.get("/api/v1/search?q=a").problem(), "bad-request");
}
