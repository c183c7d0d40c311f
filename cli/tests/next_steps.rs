//! What is said when something does not work: the exit code, and a next step that can be typed as it stands.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case has failed")]

mod common;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpListener,
};

use common::Place;

const GENESIS: &str = "abababababababababababababababababababababababababababababababab";

/// A registry that refuses everything that is sent to it with `status`, has no record, and no more than that.
fn refusing(status: u16, code: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut first = String::new();
            reader.read_line(&mut first).unwrap();
            let mut length = 0;
            loop {
                let mut line = String::new();
                reader.read_line(&mut line).unwrap();
                let line = line.trim().to_ascii_lowercase();
                if line.is_empty() {
                    break;
                }
                if let Some(value) = line.strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            std::io::copy(&mut reader.take(length), &mut std::io::sink()).unwrap();
            let (status, code) = if first.starts_with("GET") {
                (404, "record-unknown")
            } else {
                (status, code)
            };
            let body = format!(
                r#"{{"type":"about:blank","title":"no","status":{status},"code":"{code}","detail":"because"}}"#
            );
            let head = format!(
                "HTTP/1.1 {status} X\r\nContent-Length: {}\r\nRetry-After: 0\r\nConnection: close\r\n\r\n",
                body.len()
            );
            // A client that has seen enough may have gone.
            let _ = stream.write_all(format!("{head}{body}").as_bytes());
        }
    });
    url
}

fn attested(place: &Place) {
    place.key();
    place.write("m/x", "x");
    place.expect(0, &attest("lab.key", &["--genesis", GENESIS]));
}

fn attest<'a>(key: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let base = [
        "attest",
        "m",
        "--publisher",
        "acme.example",
        "--key",
        key,
        "--name",
        "acme/m",
        "--out",
        "att",
    ];
    [&base, more].concat()
}

/// The note that `publisher create` leaves beside a key.
fn note(place: &Place, key: &str, publisher: &str, keyid: &str) {
    let note = format!(
        r#"{{"v":1,"publisher":"{publisher}","genesis":"{GENESIS}","index":0,"origin":"o","keyid":"{keyid}","holder":"h"}}"#
    );
    place.write(&format!("{key}.publisher.json"), note);
}

fn new_key(place: &Place, name: &str) -> String {
    let made = place.expect(0, &["key", "new", "--out", name, "--no-passphrase", "--json"]);
    made.json()["keyid"].as_str().unwrap().to_owned()
}

#[test]
fn a_refused_request_ends_with_2_and_a_registry_in_trouble_with_8() {
    let place = Place::new();
    attested(&place);
    for (status, code, exit) in [
        (403, "invite-required", 2),
        (404, "publisher-unknown", 2),
        (409, "publisher-exists", 2),
        (422, "record-invalid", 2),
        (429, "too-many", 8),
        (500, "internal", 8),
        (503, "busy", 8),
    ] {
        let url = refusing(status, code);
        let ran = place.expect(exit, &["publish", "att", "--registry", &url, "--json"]);
        assert!(ran.stderr.contains(code), "{}", ran.stderr);
        assert_eq!(ran.json()["error"]["exit"], exit, "{}", ran.stdout);
    }
}

#[test]
fn mistakes_on_the_command_line_are_objects_too_with_json() {
    let place = Place::new();
    for args in [
        &["verify", "m", "--record", "zz", "--json"][..],
        &["--json", "verify"],
        &["--json"],
        &["frobnicate", "--json"],
        &["verify", "m", "--json", "--timeout", "0"],
    ] {
        let ran = place.expect(2, args);
        let error = &ran.json()["error"];
        assert_eq!(error["exit"], 2, "{args:?}");
        let what = error["what"].as_str().unwrap();
        assert!(!what.is_empty() && !what.contains("Usage"), "{args:?}: {what}");
        assert!(!ran.stderr.is_empty(), "{args:?}");
    }
    let ran = place.expect(2, &["verify", "m", "--record", "zz", "--", "--json"]);
    assert_eq!(ran.stdout, "", "what comes after -- is no option");
    assert!(
        place
            .expect(0, &["verify", "--json", "--help"])
            .stdout
            .contains("Usage")
    );
}

#[test]
fn options_that_were_typed_are_in_the_next_command_and_those_of_the_environment_are_not() {
    let place = Place::new();
    let typed = [
        "key",
        "new",
        "--out",
        "my key",
        "--no-passphrase",
        "--registry",
        "https://registry.example",
        "--trust",
        "my trust",
    ];
    let ran = place.expect(0, &typed);
    let wanted = "weighbridge publisher create NAME --key 'my key' --registry https://registry.example --trust 'my trust'";
    assert!(ran.stdout.contains(wanted), "{}", ran.stdout);

    place.write("m/x", "x");
    let mut command = place.command(&attest("my key", &["--genesis", GENESIS]));
    let output = command
        .env("WEIGHBRIDGE_REGISTRY", "https://registry.example")
        .output()
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("weighbridge publish att\n"), "{stdout}");
}

#[test]
fn without_a_trust_file_the_commands_that_get_one_are_told() {
    let place = Place::new();
    let trust = ["publisher", "trust", "acme.example", GENESIS];
    let registry = ["--registry", "http://127.0.0.1:1/"];
    let ran = place.expect(2, &[&trust[..], &registry].concat());
    let folder = place.path("home/.config/weighbridge");
    let wanted = format!(
        "mkdir -p {0} && curl -f -o {0}/trust http://127.0.0.1:1/trust ",
        folder.display()
    );
    assert!(ran.stderr.contains(&wanted), "wanted {wanted} in {}", ran.stderr);
    assert!(
        ran.stderr.contains("one that you got elsewhere"),
        "{}",
        ran.stderr
    );
    assert!(!place.path("home").exists(), "nothing is fetched silently");

    let ran = place.expect(2, &[&trust[..], &["--trust", "here"]].concat());
    assert!(
        ran.stderr.contains(": curl -f -o here https://REGISTRY/trust "),
        "{}",
        ran.stderr
    );
    let ran = place.expect(2, &[&trust[..], &["--registry", "registry.example"]].concat());
    assert!(
        ran.stderr
            .contains("wanted a URL such as https://registry.example"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_key_of_another_publisher_is_named_when_it_signs() {
    let place = Place::new();
    place.write("m/x", "x");
    let (lab, other) = (new_key(&place, "lab.key"), new_key(&place, "other.key"));
    let ran = place.expect(2, &attest("other.key", &[]));
    assert!(
        ran.stderr
            .contains("create the publisher first, or is this the wrong key? weighbridge publisher create"),
        "{}",
        ran.stderr
    );
    let warned = |key: &str, genesis: &str, wanted: &[&str]| {
        let ran = place.expect(0, &attest(key, &["--genesis", genesis, "--force", "--json"]));
        let warnings = ran.json()["warnings"].to_string();
        for text in wanted {
            assert!(warnings.contains(text), "wanted {text} in {warnings}");
            assert!(ran.stderr.contains(text), "wanted {text} in {}", ran.stderr);
        }
        assert_eq!(wanted.is_empty(), warnings == "[]", "{warnings}");
    };
    warned("other.key", GENESIS, &[]);
    note(&place, "lab.key", "acme.example", &lab);
    let wrong = "Is this the wrong key?";
    warned(
        "other.key",
        GENESIS,
        &["lab.key.publisher.json", &lab, &other, wrong],
    );
    note(&place, "other.key", "other.example", &other);
    warned(
        "other.key",
        GENESIS,
        &["other.key.publisher.json", "other.example", wrong],
    );
    let another = "cd".repeat(32);
    warned("lab.key", &another, &[GENESIS, &another]);
    warned("lab.key", GENESIS, &[]);
}

#[test]
fn a_genesis_that_the_trust_file_contradicts_is_told() {
    let place = Place::new();
    place.write("m/x", "x");
    place.key();
    let log = "log registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 https://registry.example/log";
    let pinned = "cd".repeat(32);
    place.write(
        "trust",
        format!("{log}\nquorum none\nmax_age none\npublisher acme.example {pinned}\n"),
    );
    let trust = ["--trust", "trust", "--force", "--genesis"];
    let ran = place.expect(0, &attest("lab.key", &[&trust[..], &[GENESIS]].concat()));
    assert!(
        ran.stderr.contains("warning:") && ran.stderr.contains(&pinned) && ran.stderr.contains(GENESIS),
        "{}",
        ran.stderr
    );
    let ran = place.expect(0, &attest("lab.key", &[&trust[..], &[&pinned]].concat()));
    assert!(!ran.stderr.contains("warning:"), "{}", ran.stderr);
}

#[test]
fn the_id_for_a_child_is_the_one_of_the_making_when_there_is_one() {
    let place = Place::new();
    attested(&place);
    let plain = place.expect(
        0,
        &attest("lab.key", &["--genesis", GENESIS, "--force", "--json"]),
    );
    assert_eq!(plain.json()["input_record"], plain.json()["records"][0]["record"]);

    let made = ["--genesis", GENESIS, "--force", "--stage", "pretraining"];
    let ran = place.expect(0, &attest("lab.key", &made)).stdout;
    let json = place
        .expect(0, &attest("lab.key", &[&made[..], &["--json"]].concat()))
        .json();
    assert_eq!(json["records"][0]["kind"], "provenance");
    assert_eq!(json["input_record"], json["records"][0]["record"]);
    let id = json["input_record"].as_str().unwrap();
    assert!(
        ran.contains(&format!("as --input             ROLE={id}")),
        "{ran}"
    );

    let zeros = format!("base-model={}", "0".repeat(64));
    let ran = place.expect(2, &attest("lab.key", &[&made[..], &["--input", &zeros]].concat()));
    assert!(ran.stderr.contains("as --input"), "{}", ran.stderr);
}

#[test]
fn files_that_are_left_out_are_counted_and_named() {
    let place = Place::new();
    place.key();
    for file in [
        "x",
        ".gitattributes",
        ".git/config",
        ".git/objects/ab/cd",
        "model.sig",
    ] {
        place.write(&format!("m/{file}"), file);
    }
    let genesis = ["--genesis", GENESIS];
    let ran = place.expect(0, &attest("lab.key", &genesis)).stdout;
    assert!(
        ran.contains(
            "left out               4 files on the fixed ignore list: .git, .gitattributes, model.sig\n"
        ),
        "{ran}"
    );
    let json = place.expect(
        0,
        &attest("lab.key", &[&genesis[..], &["--force", "--json"]].concat()),
    );
    let json = json.json();
    assert_eq!(
        json["ignored"],
        serde_json::json!([".git", ".gitattributes", "model.sig"])
    );
    assert_eq!(json["ignored_files"], 4);
}

#[test]
fn empty_names_are_refused_in_plain_words() {
    let place = Place::new();
    place.key();
    place.write("m/x", "x");
    let args = [
        "attest",
        "m",
        "--publisher",
        "a",
        "--key",
        "lab.key",
        "--name",
        "",
        "--out",
        "att",
    ];
    let ran = place.expect(2, &args);
    assert!(ran.stderr.contains("a name cannot be empty"), "{}", ran.stderr);
}

#[test]
fn a_shortened_id_is_told_how_long_ids_are() {
    let place = Place::new();
    let registry = ["--registry", "http://127.0.0.1:1"];
    for text in ["7f3c…", "7f3c...", "7F3C12"] {
        let ran = place.expect(2, &[&["show", text][..], &registry].concat());
        assert!(ran.stderr.contains("64 hex digits"), "{}", ran.stderr);
    }
}
