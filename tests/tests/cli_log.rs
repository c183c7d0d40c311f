//! `weighbridge log` and `verify-evidence`: a log that grows, one that is not sound, and one that contradicts itself.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    thread,
};

use harness::{
    cli::Ran,
    lab::{self, Lab},
    outside,
    proxy::Proxy,
    registry::{TestRegistry, copy},
    wait,
};
use provenance::{entry::Entry, tlog_proof::TlogProof};

fn status(lab: &Lab, url: &str) -> Ran {
    lab.cli(&lab.trust()).run(&["log", "status", "--registry", url])
}

/// The evidence file that a run names.
fn evidence(ran: &Ran) -> String {
    assert_eq!(ran.code, 9, "{ran}");
    let (_, after) = ran.stderr.split_once("views are kept in ").expect("a file");
    let (path, _) = after.split_once(';').expect("its name ends");
    path.to_owned()
}

#[test]
fn a_log_that_grows_is_proved_and_an_old_view_is_kept_as_evidence() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let old = lab.registry.get("/log/checkpoint").body;
    let first = cli.ok(&["log", "status", "--json"]).json();
    assert_eq!(
        (&first["size"], &first["before"]),
        (&2.into(), &serde_json::Value::Null)
    );
    assert!(cli.ok(&["log", "status"]).stdout.contains("the same as when"));
    assert_eq!(cli.ok(&["log", "status", "--json"]).json()["before"], 2);
    lab::create_publisher(&cli, "second.example", "second.key");
    let grown = cli.ok(&["log", "status"]).stdout;
    assert!(
        grown.contains("entries    3")
            && grown.contains("1 new")
            && grown.contains("the first 2 are where they were"),
        "{grown}"
    );
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == "/log/checkpoint").then(|| old.clone())
    });
    let ran = status(&lab, proxy.url());
    assert!(
        ran.stderr.contains("had 3 entries") && ran.stderr.contains("shows 2 now"),
        "{ran}"
    );
    let shown = cli.run(&["verify-evidence", &evidence(&ran)]);
    // The order of two views is signed by nobody.
    assert_eq!(shown.code, 5, "{shown}");
    assert!(shown.stdout.contains("nobody signed it"), "{shown}");
    // What was remembered stays.
    assert!(
        status(&lab, lab.registry.url())
            .stdout
            .contains("the same as when")
    );
}

#[test]
fn a_changed_past_is_shown_to_anybody_who_has_the_file_and_the_key() {
    let mut lab = Lab::small_without_page();
    lab.registry.kill9();
    // What somebody makes of a backup: the same key, and another third entry.
    let mut twin = TestRegistry::start_without_page();
    twin.kill9();
    fs::remove_dir_all(twin.data()).expect("its data");
    copy(&lab.registry.data(), &twin.data());
    lab.registry.restart();
    twin.restart();
    assert_eq!(twin.log_key(), lab.registry.log_key());
    let cli = lab.cli(&lab.trust());
    let cli = cli.with("WEIGHBRIDGE_REGISTRY", lab.registry.url());
    lab::create_publisher(&cli, "second.example", "second.key");
    assert_eq!(status(&lab, lab.registry.url()).code, 0);
    let other = cli.clone().with("WEIGHBRIDGE_REGISTRY", twin.url());
    lab::create_publisher(&other, "third.example", "third.key");
    let ran = status(&lab, twin.url());
    assert!(ran.stderr.contains("two different trees of 3 entries"), "{ran}");
    lab::create_publisher(&other, "fourth.example", "fourth.key");
    let ran = status(&lab, twin.url());
    assert!(ran.stderr.contains("its first 3 entries are no longer"), "{ran}");
    // Away from the log, its registry and the trust file.
    let file = evidence(&ran);
    let nobody =
        harness::cli::Cli::new(lab.work()).with("HOME", lab.work().join("elsewhere").to_string_lossy());
    let nobody = nobody.with("XDG_CONFIG_HOME", lab.work().join("elsewhere").to_string_lossy());
    let shown = nobody.run(&["verify-evidence", &file, "--key", twin.log_key()]);
    assert_eq!(shown.code, 9, "{shown}");
    assert!(shown.stdout.contains("the past was changed"), "{shown}");
    assert_eq!(nobody.run(&["verify-evidence", &file]).code, 2);
    let stranger = TestRegistry::start_without_page();
    let shown = nobody.run(&["verify-evidence", &file, "--key", stranger.log_key()]);
    assert_eq!(shown.code, 2, "{shown}");
}

#[test]
fn an_audit_reads_everything_and_names_what_does_not_hold() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let sound = cli.ok(&["log", "audit", "--json"]).json();
    assert_eq!(sound["audited"]["entries"], 2, "{sound}");
    assert!(cli.ok(&["log", "audit"]).stdout.contains("2 entries read"));
    for (part, wanted) in [
        ("/log/tile/entries/", "entry 1"),
        ("/log/tile/0/", "the tile tile/0/000.p/2"),
        ("/api/v1/records/", "entry 0"),
    ] {
        let proxy = Proxy::start(lab.registry.url(), move |path, body| {
            path.starts_with(part).then(|| {
                let mut changed = body.to_vec();
                let last = changed.len() - 1;
                changed[last] ^= 1;
                changed
            })
        });
        let ran = cli.run(&["log", "audit", "--registry", proxy.url()]);
        assert_eq!(ran.code, 9, "{part}: {ran}");
        assert!(ran.stderr.contains(wanted), "{part}: {ran}");
    }
    let ran = harness::cli::Cli::new(lab.work()).run(&["log", "status", "--registry", lab.registry.url()]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(
        ran.stderr.contains("You have not chosen a log to trust yet"),
        "{ran}"
    );
}

#[test]
fn an_entry_is_shown_and_a_proof_of_it_is_checked_by_other_tools() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let entry = cli.ok(&["log", "get", "1", "--json"]).json();
    assert_eq!(
        (&entry["record"], &entry["publisher"]),
        (&lab.record.as_str().into(), &lab::PUBLISHER.into())
    );
    assert!(cli.ok(&["log", "get", "0"]).stdout.contains("entry      0 of 2"));
    let beyond = cli.run(&["log", "get", "2"]);
    assert_eq!(beyond.code, 3, "{beyond}");
    assert!(beyond.stderr.contains("it has 2, counted from 0"), "{beyond}");
    let file = lab.work().join("x.tlog-proof");
    cli.ok(&["log", "prove", &lab.record, "-o", &file.to_string_lossy()]);
    let text = fs::read_to_string(&file).expect("the proof");
    let shown = cli.ok(&["log", "prove", &lab.record]).stdout;
    assert_eq!(shown.trim_end(), text.trim_end());
    let proof = TlogProof::parse(&text).expect("a tlog-proof");
    let head = outside::checked_head(&proof.checkpoint.to_string(), lab.registry.log_key());
    let leaf = Entry::parse(entry["entry"].as_str().expect("text").as_bytes()).expect("an entry");
    proof
        .proof
        .verify(&head, proof.index, &leaf.leaf_hash())
        .expect("it holds");
    let nobody = cli.run(&["log", "prove", &"0".repeat(64)]);
    assert_eq!(nobody.code, 3, "{nobody}");
    // A byte of entry 1 itself, and one of its sibling's hash.
    for (part, from_the_end) in [("/log/tile/entries/", 20), ("/log/tile/0/", 64)] {
        let proxy = Proxy::start(lab.registry.url(), move |path, body| {
            path.starts_with(part).then(|| {
                let mut changed = body.to_vec();
                let at = changed.len() - from_the_end;
                changed[at] ^= 1;
                changed
            })
        });
        for command in [["log", "get", "1"], ["log", "prove", &lab.record]] {
            let ran = cli.run(&[&command[..], &["--registry", proxy.url()]].concat());
            assert_eq!(ran.code, 9, "{part}: {ran}");
        }
    }
}

/// The events that a run printed, one a line.
fn events(ran: &Ran) -> Vec<serde_json::Value> {
    let lines = ran.stdout.lines();
    lines
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect()
}

#[test]
fn a_lab_hears_of_every_record_under_its_name_that_it_does_not_know() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let watch = |more: &[&str]| {
        let watch = ["log", "monitor", "--publisher", lab::PUBLISHER, "--once"];
        cli.run(&[&watch[..], more].concat())
    };
    // From the beginning: the name itself, and one record.
    let ran = watch(&["--from", "0"]);
    assert_eq!(ran.code, 0, "{ran}");
    let told = events(&ran);
    let indices: Vec<_> = told.iter().map(|event| event["index"].as_u64()).collect();
    assert_eq!(indices, [Some(0), Some(1)], "{ran}");
    assert_eq!(told[1]["record"], lab.record.as_str());
    assert_eq!(told[1]["event"], "record");
    // What another publisher does is none of its business; and nothing is told twice.
    lab::create_publisher(&cli, "second.example", "second.key");
    assert_eq!(events(&watch(&[])), Vec::<serde_json::Value>::new());
    // What the lab itself knows is passed over.
    let known = lab.work().join("known.txt");
    fs::write(&known, format!("# ours\n{}\n", lab.genesis)).expect("a file");
    let ran = watch(&["--from", "0", "--known", &known.to_string_lossy()]);
    assert_eq!(events(&ran).len(), 1, "{ran}");
    fs::write(&known, "not an id\n").expect("a file");
    let ran = watch(&["--known", &known.to_string_lossy()]);
    assert!(ran.code == 2 && ran.stderr.contains("line 1"), "{ran}");
    // A command gets the line; when it fails, the record is told again next time.
    let out = lab.work().join("told.jsonl");
    let append = format!("cat >> '{}'", out.display());
    let failing = watch(&["--from", "1", "--exec", "exit 3"]);
    assert_eq!(failing.code, 7, "{failing}");
    let ran = watch(&["--from", "1", "--exec", &append]);
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(
        fs::read_to_string(&out).expect("what the command wrote"),
        ran.stdout
    );
}

#[test]
fn a_watch_that_runs_tells_of_a_new_record_and_of_a_log_that_goes_back() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let old = lab.registry.get("/log/checkpoint").body;
    let back = Arc::new(AtomicBool::new(false));
    let there = Arc::clone(&back);
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == "/log/checkpoint" && there.load(Ordering::Relaxed)).then(|| old.clone())
    });
    let (hook, posted) = webhook();
    let arguments = [
        "log",
        "monitor",
        "--publisher",
        "second.example",
        "--interval",
        "1",
        "--registry",
        proxy.url(),
        "--webhook",
        &hook,
        "--from",
        "2",
    ];
    thread::scope(|scope| {
        let watch = scope.spawn(|| cli.run(&arguments));
        lab::create_publisher(&cli, "second.example", "second.key");
        let first: serde_json::Value = posted.recv_timeout(wait::PATIENCE).expect("an event");
        assert_eq!((&first["event"], &first["index"]), (&"record".into(), &2.into()));
        back.store(true, Ordering::Relaxed);
        let second = posted.recv_timeout(wait::PATIENCE).expect("an event");
        assert_eq!(second["event"], "log-fault");
        let ran = watch.join().expect("it ends");
        assert_eq!(ran.code, 9, "{ran}");
        assert_eq!(events(&ran), [first, second]);
        assert_eq!(cli.run(&["verify-evidence", &evidence(&ran)]).code, 5);
    });
}

/// A web address, and what is posted to it.
fn webhook() -> (String, mpsc::Receiver<serde_json::Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let (sender, posted) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(&stream);
            let (mut length, mut line) = (0, String::new());
            while reader.read_line(&mut line).is_ok_and(|read| read > 2) {
                let lower = line.to_ascii_lowercase();
                if let Some(value) = lower.strip_prefix("content-length:") {
                    length = value.trim().parse().expect("a length");
                }
                line.clear();
            }
            let mut body = vec![0; length];
            reader.read_exact(&mut body).expect("the body");
            (&stream)
                .write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
                .expect("an answer");
            if sender.send(serde_json::from_slice(&body).expect("JSON")).is_err() {
                return;
            }
        }
    });
    (url, posted)
}
