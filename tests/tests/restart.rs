//! What was acknowledged stays: across a restart, without the index, and after `kill -9` at any moment.

use std::{
    collections::BTreeSet,
    fs,
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
    time::Duration,
};

use harness::{
    cli::{Cli, Ran},
    envelopes::{Busy, origin, submit},
    lab::{self, Lab, PUBLISHER},
    models::Model,
    outside::{assert_extends, checked_head, read_whole_log},
    registry::{TestRegistry, copy},
};
use provenance::Sha256Digest;
use serde_json::Value;

/// Every kind of answer that comes from the index or the log, by path.
fn answers(lab: &Lab) -> Vec<(String, Value)> {
    let artifact = lab
        .registry
        .get(&format!("/api/v1/records/{}", lab.record))
        .ok()
        .json();
    let dir_hash1 = artifact["subject"][0]["digest"]["dirHash1"]
        .as_str()
        .expect("a dirHash1")
        .to_owned();
    let paths = [
        format!("/api/v1/records/{}", lab.record),
        format!("/api/v1/records/{}/proof", lab.record),
        format!("/api/v1/records/{}/proof", lab.genesis),
        "/api/v1/lookup".into(),
        "/api/v1/lookup/a".into(),
        format!("/api/v1/artifacts/{dir_hash1}"),
        "/api/v1/publishers".into(),
        format!("/api/v1/publishers/{PUBLISHER}"),
        "/api/v1/search?q=minilm".into(),
    ];
    let answer = |path: String| {
        let mut body = lab.registry.get(&path).ok().json();
        // When a record was taken in is anew with every index.
        for list in ["records", "results"] {
            for summary in body[list].as_array_mut().into_iter().flatten() {
                summary
                    .as_object_mut()
                    .and_then(|summary| summary.remove("taken_at"));
            }
        }
        (path, body)
    };
    paths.into_iter().map(answer).collect()
}

/// Waits until the index has caught up with the log, as an operator's probe would.
fn wait_until_ready(registry: &TestRegistry) {
    harness::wait::wait_for("the index", || {
        (registry.get("/readyz").status == 200).then_some(())
    });
}

fn verdict(lab: &Lab) -> Value {
    lab.verify(lab.model.folder()).json()["verdict"].clone()
}

#[test]
fn everything_published_is_still_there_after_a_restart() {
    let mut lab = Lab::small_without_page();
    wait_until_ready(&lab.registry);
    let (before, log_key) = (answers(&lab), lab.registry.log_key().to_owned());
    let log = read_whole_log(&lab.registry.client(), &log_key);
    lab.registry.restart();
    wait_until_ready(&lab.registry);
    assert_eq!(lab.registry.log_key(), log_key, "a log keeps its key");
    assert_eq!(answers(&lab), before);
    assert_extends(&log.head, &read_whole_log(&lab.registry.client(), &log_key));
    assert_eq!(verdict(&lab), "authentic");
    let again = lab.cli(&lab.trust()).ok(&["publish", "att", "--json"]).json();
    assert_eq!(
        again["records"][0]["index"], lab.published["records"][0]["index"],
        "known after a restart"
    );
}

#[test]
fn the_trust_file_follows_the_address_and_keeps_the_key() {
    let mut registry = TestRegistry::start_without_page();
    let lines = |registry: &TestRegistry| {
        let (url, key) = (registry.url().to_owned(), registry.log_key().to_owned());
        assert_eq!(
            registry.trust(),
            format!("log {key} {url}/log\nquorum none\nmax_age none\n")
        );
        assert_eq!(registry.get("/trust").ok().text(), registry.trust());
        key
    };
    let before = lines(&registry);
    registry.restart();
    assert_eq!(lines(&registry), before);
}

#[test]
fn without_its_index_the_registry_rebuilds_it_and_answers_the_same() {
    let mut lab = Lab::small_without_page();
    wait_until_ready(&lab.registry);
    let before = answers(&lab);
    lab.registry.kill9();
    lab.registry.delete_index();
    lab.registry.restart();
    wait_until_ready(&lab.registry);
    assert_eq!(answers(&lab), before);
    let again = lab.cli(&lab.trust()).ok(&["publish", "att", "--json"]).json();
    assert_eq!(
        again["records"][0]["index"], lab.published["records"][0]["index"],
        "no second entry"
    );
    assert_eq!(verdict(&lab), "authentic");
}

#[test]
fn with_a_ruined_index_the_registry_rebuilds_it_and_answers_the_same() {
    let mut lab = Lab::small_without_page();
    wait_until_ready(&lab.registry);
    let before = answers(&lab);
    lab.registry.kill9();
    let index = lab.registry.data().join("sled");
    let ruined = lab
        .registry
        .data_files()
        .into_iter()
        .filter(|path| path.starts_with(&index));
    let mut count = 0;
    for path in ruined {
        fs::write(path, b"this is no database").unwrap();
        count += 1;
    }
    assert!(count > 0, "sled lies in DIR/sled");
    lab.registry.restart();
    wait_until_ready(&lab.registry);
    assert_eq!(answers(&lab), before);
}

#[test]
fn a_damaged_log_is_refused_not_guessed() {
    let mut lab = Lab::small_without_page();
    lab.registry.kill9();
    let commit = lab.registry.data().join("commit");
    let segment = lab
        .registry
        .data_files()
        .into_iter()
        .find(|path| path.starts_with(&commit))
        .expect("a segment");
    let mut bytes = fs::read(&segment).unwrap();
    // Inside the first record, with others behind it: no torn tail.
    bytes[100] ^= 1;
    fs::write(&segment, bytes).unwrap();
    let (code, said) = lab.registry.start_and_fail();
    assert!(
        code.is_some_and(|code| code != 0),
        "it exits with an error, got {code:?}"
    );
    assert!(said.contains("commit"), "it names what is damaged:\n{said}");
}

#[test]
fn kill_9_in_the_middle_of_ten_publishes_loses_none_that_was_acknowledged() {
    // Several rounds, each killed after another number of acknowledgements, on one growing log.
    let mut lab = Lab::small_without_page();
    let log_key = lab.registry.log_key().to_owned();
    let mut acknowledged: BTreeSet<(u64, String, String)> = BTreeSet::new();
    for (round, kill_after) in [0, 1, 4].into_iter().enumerate() {
        let head_before = read_whole_log(&lab.registry.client(), &log_key).head;
        let new = publish_ten_and_kill(&mut lab, round, kill_after);
        assert!(new.len() >= kill_after, "{} of ten were acknowledged", new.len());
        acknowledged.extend(new);
        lab.registry.restart();
        let log = read_whole_log(&lab.registry.client(), &log_key);
        assert_extends(&head_before, &log);
        for (index, record, leaf_hash) in &acknowledged {
            let entry = log
                .entries
                .get(usize::try_from(*index).unwrap())
                .expect("an acknowledged entry is there");
            assert_eq!(&entry.payload.to_string(), record);
            assert_eq!(&entry.leaf_hash().digest().to_string(), leaf_hash);
            lab.registry.get(&format!("/api/v1/records/{record}")).ok();
        }
        finish_round(&lab, round, &acknowledged);
    }
}

/// Attests ten one-file models, publishes all at once, and kills the registry as soon as `kill_after` receipts
/// are in. Gives index, record and leaf hash of every receipt that anybody got.
fn publish_ten_and_kill(lab: &mut Lab, round: usize, kill_after: usize) -> Vec<(u64, String, String)> {
    let cli = lab.cli(&lab.trust());
    for n in 0..10 {
        let model = lab.work().join(format!("round-{round}-{n}"));
        fs::create_dir_all(&model).expect("a new folder");
        fs::write(model.join("weights.bin"), format!("model {n} of round {round}"))
            .expect("a writable folder");
        attest(&cli, &model, round, n);
    }
    let (sender, receipts) = mpsc::channel();
    let registry = Mutex::new(&mut lab.registry);
    thread::scope(|scope| {
        for n in 0..10 {
            let (sender, cli) = (sender.clone(), cli.clone());
            scope.spawn(move || sender.send(publish(&cli, round, n)));
        }
        drop(sender);
        let mut got = Vec::new();
        while got.len() < kill_after {
            got.extend(receipts.recv().expect("ten answers come"));
        }
        registry.lock().expect("nothing panicked").kill9();
        got.extend(receipts.iter().flatten());
        got
    })
}

fn attest(cli: &Cli, model: &std::path::Path, round: usize, n: usize) {
    let (model, out) = (model.to_string_lossy(), format!("att-{round}-{n}"));
    let name = format!("acme/model-{round}-{n}");
    cli.ok(&[
        "attest",
        &model,
        "--publisher",
        PUBLISHER,
        "--key",
        "lab.key",
        "--name",
        &name,
        "--out",
        &out,
    ]);
}

/// The receipt, if one came before the crash.
fn publish(cli: &Cli, round: usize, n: usize) -> Option<(u64, String, String)> {
    let out = format!("att-{round}-{n}");
    let mut command = cli.command(&["publish", &out, "--json", "--timeout", "5"]);
    let ran = Ran::of(
        command
            .stdin(Stdio::null())
            .output()
            .expect("the command line starts"),
    );
    let receipt = (ran.code == 0).then(|| ran.json()["records"][0].clone())?;
    let text = |member: &str| receipt[member].as_str().map(str::to_owned);
    Some((receipt["index"].as_u64()?, text("record")?, text("leaf_hash")?))
}

/// After the crash, publishing the same ten again succeeds, gives acknowledged ones their old index, and logs
/// nothing twice.
fn finish_round(lab: &Lab, round: usize, acknowledged: &BTreeSet<(u64, String, String)>) {
    let cli = lab
        .cli(&lab.trust())
        .with("WEIGHBRIDGE_REGISTRY", lab.registry.url());
    for n in 0..10 {
        let receipt = publish(&cli, round, n).expect("publishing works again");
        if let Some(old) = acknowledged.iter().find(|(_, record, _)| *record == receipt.1) {
            assert_eq!(old, &receipt, "the first receipt stands");
        }
    }
    let log = read_whole_log(&lab.registry.client(), lab.registry.log_key());
    let payloads: BTreeSet<_> = log.entries.iter().map(|entry| entry.payload).collect();
    assert_eq!(payloads.len(), log.entries.len(), "nothing is logged twice");
    assert_eq!(log.entries.len(), 2 + (round + 1) * 10);
}

#[test]
fn a_blob_survives_with_its_record() {
    let mut lab = Lab::small_without_page();
    let payload = lab
        .registry
        .get(&format!("/api/v1/records/{}", lab.record))
        .ok()
        .json();
    let resources = payload["predicate"]["resources"].as_array().unwrap().clone();
    lab.registry.restart();
    let weights = resources
        .iter()
        .find(|r| r["name"] == "model.safetensors")
        .expect("the weights are listed");
    for member in ["weighbridge_chunks", "weighbridge_tensors"] {
        let digest = weights["annotations"][member].as_str().unwrap();
        let blob = lab.registry.get(&format!("/api/v1/blobs/{digest}")).ok();
        assert_eq!(Sha256Digest::of(&blob.body).to_string(), digest);
    }
}

#[test]
fn the_small_model_needs_no_second_upload_in_another_lab() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    lab::create_publisher(&cli, "second.example", "second.key");
    let copy = Model::small(&lab.work().join("copy"));
    lab::attest(
        &cli,
        &copy,
        "second.key",
        "second.example",
        "second/minilm",
        "1.0",
        "att-second",
    );
    let ran = cli.ok(&["publish", "att-second", "--json"]);
    assert!(
        !ran.stderr.contains("sidecars ("),
        "the sidecars are there already:\n{ran}"
    );
}

/// docs/OPERATIONS.md, "Backup and restore".
#[test]
fn a_running_log_that_is_copied_in_the_order_of_the_manual_is_whole() {
    let registry = TestRegistry::start_without_page();
    let publisher = Busy::new("copied.example", &origin(&registry));
    let client = registry.client();
    submit(&client, publisher.first()).ok();
    let mut other = TestRegistry::start_without_page();
    other.kill9();
    let (from, to) = (registry.data(), other.data());
    fs::remove_dir_all(&to).expect("its data");
    fs::create_dir(&to).expect("a folder");
    let stop = AtomicBool::new(false);
    let (before, received) = thread::scope(|scope| {
        let publishing = scope.spawn(|| {
            let mut received = 0;
            while !stop.load(Ordering::Relaxed) {
                submit(&registry.client(), &publisher.record(received)).ok();
                received += 1;
            }
            received
        });
        // Somewhere in the middle of it.
        thread::sleep(Duration::from_millis(300));
        let before = client.get("/log/checkpoint").ok().text();
        for name in [
            "checkpoint",
            "signed-state",
            "commit",
            "blob",
            "checkpoints",
            "log.vkey",
            "trust",
            "log.key",
        ] {
            copy(&from.join(name), &to.join(name));
        }
        stop.store(true, Ordering::Relaxed);
        (before, publishing.join().expect("a publisher does not panic"))
    });
    other.restart();
    let copied = read_whole_log(&other.client(), registry.log_key());
    assert_extends(&checked_head(&before, registry.log_key()), &copied);
    assert!(copied.entries.len() > 2 && copied.entries.len() <= received + 1);
    // The two have one history, as far as the copy goes.
    let all = read_whole_log(&client, registry.log_key());
    assert_eq!(all.entries[..copied.entries.len()], copied.entries);
}
