//! Start, stop, kill, start again: nothing that was acknowledged is lost, and a damaged folder is refused.

use std::{
    fs,
    process::Command,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use provenance::{
    RecordId,
    api::{RecordProof, paths},
    trust::TrustFile,
};

use crate::common::{self, Lab, Model, Server};

/// An answer but for when its records were taken in, which is anew with every index.
fn without_times(answer: &str) -> String {
    let mut parts = answer.split(",\"taken_at\":");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|c: char| c.is_ascii_digit())
    })
}

#[test]
fn everything_published_is_there_after_a_restart_and_without_the_index() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::create(&server, "acme.example", 1);
    let models: Vec<_> = (0..3).map(Model::numbered).collect();
    let mut ids: Vec<RecordId> = models
        .iter()
        .map(|m| server.publish(m, &lab.attest(m)).record)
        .collect();
    ids.push(lab.genesis);
    let (key, checkpoint) = (server.log_key.clone(), server.get("/log/checkpoint").body);
    let answers = |server: &Server| {
        let paths = [
            "/api/v1/lookup",
            "/api/v1/publishers",
            "/api/v1/publishers/acme.example",
            "/api/v1/search?q=acme",
        ];
        paths.map(|path| without_times(&server.get(path).text()))
    };
    let before = answers(&server);
    assert_eq!(server.stop(), Some(0));

    for without_index in [false, true] {
        if without_index {
            fs::remove_dir_all(data.path().join("sled")).unwrap();
        }
        let server = Server::start(data.path());
        assert_eq!(
            (&server.log_key, server.get("/log/checkpoint").body),
            (&key, checkpoint.clone())
        );
        for id in &ids {
            server.assert_proved(id);
        }
        assert_eq!(answers(&server), before);
        let again: RecordProof = server.submit(&lab.attest(&models[0])).json();
        assert_eq!((again.index, server.published_size()), (1, 4));
        assert_eq!(server.stop(), Some(0));
    }
}

#[test]
fn a_kill_in_the_middle_of_publishing_loses_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<RecordProof> = Vec::new();
    let mut next = 0;
    for round in 0..6 {
        let server = Server::start(data.path());
        let lab = Lab::create(&server, "acme.example", 1);
        let stop = AtomicBool::new(false);
        let receipts = Mutex::new(Vec::new());
        let numbers = std::sync::atomic::AtomicU64::new(next);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while !stop.load(Ordering::Relaxed) {
                        let model = Model::numbered(numbers.fetch_add(1, Ordering::Relaxed));
                        // The server dies under this; whatever was answered counts.
                        let publish =
                            std::panic::AssertUnwindSafe(|| server.publish(&model, &lab.attest(&model)));
                        match std::panic::catch_unwind(publish) {
                            Ok(receipt) => receipts.lock().unwrap().push(receipt),
                            Err(_) => break,
                        }
                    }
                });
            }
            common::wait_until("some are published", || {
                receipts.lock().unwrap().len() > 3 + round * 2
            });
            let pid = server.pid().to_string();
            assert!(
                Command::new("kill")
                    .args(["-KILL", &pid])
                    .status()
                    .unwrap()
                    .success()
            );
            stop.store(true, Ordering::Relaxed);
        });
        next = numbers.into_inner();
        acknowledged.extend(receipts.into_inner().unwrap());
        drop(server);
        let server = Server::start(data.path());
        for receipt in &acknowledged {
            let now: RecordProof = server.get(&paths::record_proof(&receipt.record)).json();
            assert_eq!((now.index, &now.entry), (receipt.index, &receipt.entry));
            server.assert_proved(&receipt.record);
        }
        assert!(server.published_size() > acknowledged.len() as u64);
    }
}

#[test]
fn the_first_lines_and_the_trust_file_are_as_promised() {
    let data = tempfile::tempdir().unwrap();
    let folder = data.path().join("new/folder");
    let server = Server::start_with(&folder, &["--origin", "registry.example/log"]);
    assert!(server.log_key.starts_with("registry.example/log+"));
    let text = fs::read_to_string(folder.join("trust")).unwrap();
    let expected = format!(
        "log {} http://{}/log\nquorum none\nmax_age none\n",
        server.log_key, server.address
    );
    assert_eq!(text, expected);
    assert_eq!(server.get("/trust").text(), expected);
    let pinned = TrustFile::parse(&text)
        .unwrap()
        .pin(&"acme".parse().unwrap(), RecordId::of_payload(b"x"))
        .unwrap();
    fs::write(folder.join("trust"), pinned.to_string()).unwrap();
    server.stop();

    let server = Server::start_with(&folder, &["--public-url", "https://registry.example/"]);
    let text = fs::read_to_string(folder.join("trust")).unwrap();
    assert!(text.contains(&format!("log {} https://registry.example/log\n", server.log_key)));
    assert!(text.contains("publisher acme "), "{text}");
    assert!(!server.get("/trust").text().contains("publisher"));
}

#[test]
fn only_one_path_of_the_folder_is_the_index() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    Lab::create(&server, "acme.example", 1);
    server.stop();
    fs::remove_dir_all(data.path().join("sled")).unwrap();
    fs::write(data.path().join("sled"), b"no folder at all").unwrap();
    Server::start(data.path()).stop();
    let names: Vec<_> = fs::read_dir(data.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("sled") || name.contains("index"))
        .collect();
    assert_eq!(names, ["sled"]);
    assert!(data.path().join("set-aside-1").exists());
}

#[test]
fn a_folder_that_cannot_be_trusted_is_refused_with_the_reason() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    Lab::create(&server, "acme.example", 1);
    let in_use = Server::refuse(data.path(), &[]);
    assert!(
        in_use.code == Some(1) && in_use.stderr.contains("in use by another registry"),
        "{}",
        in_use.stderr
    );
    server.stop();
    let renamed = Server::refuse(data.path(), &["--origin", "other.example/log"]);
    assert!(
        renamed.code == Some(1) && renamed.stderr.contains("cannot be renamed"),
        "{}",
        renamed.stderr
    );
    let key = fs::read(data.path().join("log.key")).unwrap();
    fs::remove_file(data.path().join("log.key")).unwrap();
    let keyless = Server::refuse(data.path(), &[]);
    assert!(
        keyless.code == Some(1) && keyless.stderr.contains("holds no log key"),
        "{}",
        keyless.stderr
    );
    fs::write(data.path().join("log.key"), key).unwrap();
    let segment = data.path().join("commit/00000000000000000000.seg");
    let mut bytes = fs::read(&segment).unwrap();
    bytes[200] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let damaged = Server::refuse(data.path(), &[]);
    assert!(
        damaged.code == Some(1) && damaged.stderr.contains("entries are lost"),
        "{}",
        damaged.stderr
    );
    let usage = Server::refuse(data.path(), &["--http-threads", "0"]);
    assert!(
        usage.code == Some(2) && usage.stderr.contains("1 to 256"),
        "{}",
        usage.stderr
    );
}

#[test]
fn a_log_that_finds_a_foreign_tile_stops_instead_of_signing() {
    let data = tempfile::tempdir().unwrap();
    let mut server = Server::start_with(data.path(), &["--log-level", "error"]);
    let lab = Lab::create(&server, "acme.example", 1);
    let checkpoint = server.get("/log/checkpoint").body;
    fs::create_dir_all(data.path().join("tile/0/000.p")).unwrap();
    fs::write(data.path().join("tile/0/000.p/2"), [0; 64]).unwrap();
    let second = Lab::new("second.example", 2, &server.origin());
    assert_eq!(server.submit(&second.keyset).problem(), "log-stopped");
    assert_eq!(server.wait(), Some(1));
    assert_eq!(fs::read(data.path().join("checkpoint")).unwrap(), checkpoint);

    let refused = Server::refuse(data.path(), &[]);
    assert!(
        refused
            .stderr
            .contains("differs from what the log's commits make of it"),
        "{}",
        refused.stderr
    );
    fs::remove_file(data.path().join("tile/0/000.p/2")).unwrap();
    let server = Server::start(data.path());
    server.assert_proved(&lab.genesis);
    assert_eq!(
        server.published_size(),
        2,
        "the entry was committed, and so it is in the log"
    );
}
