//! The hostile corpus (tests/vectors/hostile) through every command that takes its kinds, folders with names that
//! mislead, and registries that misbehave. No command panics, writes half of anything, or shows a hidden character.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests stop at the first surprise, as tests do"
)]

mod common;
#[path = "../../tests/src/corpus.rs"]
#[expect(unreachable_pub, reason = "public in the package that shares it")]
mod corpus;

use std::{
    fs,
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    path::Path,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use common::{Place, Ran, names, safetensors};
use corpus::cases;
use provenance::{dsse::Envelope, key::SigningKey, path::is_hidden_character};

/// Nothing listens at port 1 of loopback on any common system.
const NOWHERE: &str = "http://127.0.0.1:1";
const GENESIS: &str = "5b41362bc82b7f3d56edc5a306db22105707d01ff4819e26faef9724a2d406c9";

/// What a command said, without anything hidden in it.
fn said(what: &str, ran: &Ran) -> String {
    let all = format!("{}\n{}", ran.stdout, ran.stderr);
    let hidden = |c: char| c != '\n' && is_hidden_character(c);
    assert!(!ran.stderr.contains(hidden), "{what}: {:?}", ran.stderr);
    assert!(!ran.stdout.contains(hidden), "{what}: {:?}", ran.stdout);
    for word in ["unwrap", "os error", "RUST_BACKTRACE", "Some(", "invalid"] {
        assert!(!ran.stderr.contains(word), "{what}: {}", ran.stderr);
    }
    all.to_lowercase()
}

/// The command ends with `code` and says `says`, and what to do next.
fn assert_refused(what: &str, ran: &Ran, code: i32, says: &str) {
    let said = said(what, ran);
    assert_eq!(ran.code, code, "{what}: {said}");
    assert!(
        said.contains(&says.to_lowercase()),
        "{what}: wanted {says:?} in {said}"
    );
    assert!(ran.stderr.contains("next: "), "{what}: {said}");
}

fn attest<'a>(path: &'a str, key: &'a str) -> [&'a str; 13] {
    let publisher = "acme.example";
    [
        "attest",
        path,
        "--publisher",
        publisher,
        "--genesis",
        GENESIS,
        "--key",
        key,
        "--name",
        "acme/tiny",
        "--out",
        "att",
        "--quiet",
    ]
}

#[test]
fn trust_files() {
    let place = Place::new();
    place.write("model/config.json", "{}");
    for case in cases("trust") {
        let says = case
            .says
            .as_deref()
            .expect("every trust file of the corpus is refused");
        let file = place.write("trust", &case.bytes);
        let verify = ["verify", "model", "--trust", "trust", "--registry", NOWHERE];
        let pin = ["publisher", "trust", "acme.example", GENESIS, "--trust", "trust"];
        let publisher = ["show", "acme.example", "--trust", "trust", "--registry", NOWHERE];
        for command in [verify.as_slice(), &pin, &publisher] {
            assert_refused(
                &format!("{} {}", command[0], case.id),
                &place.run(command),
                2,
                says,
            );
        }
        assert_eq!(fs::read(file).unwrap(), case.bytes, "{} was written to", case.id);
        assert_eq!(names(place.folder.path()), ["model", "trust"], "{}", case.id);
    }
}

#[test]
fn private_keys() {
    let place = Place::new();
    place.write("model/config.json", "{}");
    for case in cases("private-key") {
        let says = case.says.as_deref().expect("every key of the corpus is refused");
        place.write("lab.key", &case.bytes);
        let create = [
            "publisher",
            "create",
            "acme.example",
            "--key",
            "lab.key",
            "--registry",
            NOWHERE,
        ];
        for command in [attest("model", "lab.key").as_slice(), &create] {
            let ran = place.run(command);
            let said = said(&case.id, &ran);
            assert!(matches!(ran.code, 2 | 7), "{}: {said}", case.id);
            assert!(said.contains(says), "{}: wanted {says:?} in {said}", case.id);
            // What is in a key file is never shown.
            assert!(
                !said.contains("mc4c") && !said.contains("b3blbnnza"),
                "{}: {said}",
                case.id
            );
        }
        assert_eq!(names(place.folder.path()), ["lab.key", "model"], "{}", case.id);
    }
}

#[test]
fn envelopes_and_statements_are_not_sent() {
    let place = Place::new();
    let key = SigningKey::from_seed(&[7; 32]);
    let signed = |kind| {
        cases(kind).into_iter().map(|mut case| {
            case.bytes = Envelope::sign(case.bytes, &[&key]).to_json();
            case
        })
    };
    let all = cases("envelope")
        .into_iter()
        .chain(signed("statement"))
        .chain(signed("keyset"));
    for case in all {
        let Some(says) = &case.says else { continue };
        place.write("att/1-signature.dsse.json", &case.bytes);
        fs::create_dir_all(place.path("att/blob")).unwrap();
        // Refused before the registry is asked: nothing listens there.
        let ran = place.run(&["publish", "att", "--registry", NOWHERE]);
        assert_refused(&format!("publish {} ({})", case.id, case.name), &ran, 2, says);
    }
}

#[test]
fn safetensors_files_that_do_not_read_are_not_signed() {
    let place = Place::new();
    place.key();
    for case in cases("safetensors") {
        place.write("model/w.safetensors", &case.bytes);
        let ran = place.run(&attest("model", "lab.key"));
        if let Some(says) = &case.says {
            assert_refused(&format!("attest {}", case.id), &ran, 2, says);
            assert!(!place.path("att").exists(), "{}", case.id);
        } else {
            assert_eq!(ran.code, 0, "{}: {}", case.id, ran.stderr);
            fs::remove_dir_all(place.path("att")).unwrap();
        }
    }
}

#[test]
fn queries_name_what_was_wanted() {
    let place = Place::new();
    for case in cases("query") {
        // No command line takes a NUL, and no system takes arguments of any length.
        if case.bytes.contains(&0) {
            continue;
        }
        let text = String::from_utf8(case.bytes).unwrap();
        let ran = place.run(&["show", "--registry", NOWHERE, "--", &text]);
        let said = said(&case.id, &ran);
        // Sixty-three digits could be a publisher's name, which is asked for.
        assert!(matches!(ran.code, 2 | 8), "{}: {said}", case.id);
    }
}

/// Folders as a stranger packs them. Each has one file whose name is not as it seems.
#[cfg(unix)]
#[test]
fn folders_whose_names_mislead_are_neither_signed_nor_shown_raw() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let cases: [(&str, &[u8], &str); 12] = [
        ("reads backwards", "model\u{202e}gpj.py".as_bytes(), "\\u{202e}"),
        (
            "has a zero-width space",
            "config\u{200b}.json".as_bytes(),
            "\\u{200b}",
        ),
        ("clears the screen", b"a\x1b[2Jb", "\\u{1b}"),
        ("rings the bell", b"a\x07b", "\\u{7}"),
        ("has a line break", b"a\nb", "\\n"),
        ("has a carriage return", b"a\rb", "\\r"),
        ("is decomposed", "cafe\u{301}.txt".as_bytes(), "nfc"),
        ("is not UTF-8", b"a\xffb", "utf-8"),
        ("has a backslash", b"..\\..\\x", "no place in a file name"),
        ("is a tag", "a\u{e0041}b".as_bytes(), "\\u{e0041}"),
        ("is a line separator", "a\u{2028}b".as_bytes(), "\\u{2028}"),
        ("is a delete character", b"a\x7fb", "\\u{7f}"),
    ];
    for (what, name, says) in cases {
        let place = Place::new();
        place.key();
        place.write("model/config.json", "{}");
        let file = place.path("model").join(OsStr::from_bytes(name));
        fs::write(file, "x").unwrap();
        let ran = place.run(&attest("model", "lab.key"));
        let told = said(what, &ran);
        assert!(matches!(ran.code, 2 | 7), "a name that {what}: {told}");
        assert!(told.contains(says), "a name that {what}: {told}");
        assert!(!place.path("att").exists(), "a name that {what}");
        // Checking reads such a folder, and shows nothing of the name raw.
        let ran = place.run(&["verify", "model", "--registry", NOWHERE, "--timeout", "2"]);
        said(what, &ran);
        assert!(
            matches!(ran.code, 2 | 7 | 8),
            "a name that {what}: {}",
            ran.stderr
        );
    }
}

/// What a folder holds, how it is made, and what the refusal says.
type Trap<'a> = (&'static str, &'a dyn Fn(&Path), &'static str);

#[cfg(unix)]
#[test]
fn folders_that_are_traps_are_not_signed() {
    use std::os::unix::fs::symlink;
    let place = |make: &dyn Fn(&Path)| {
        let place = Place::new();
        place.key();
        place.write("model/config.json", "{}");
        make(&place.path("model"));
        place
    };
    let fifo = |folder: &Path| {
        assert!(
            std::process::Command::new("mkfifo")
                .arg(folder.join("w.safetensors"))
                .status()
                .unwrap()
                .success()
        );
    };
    let traps: [Trap<'_>; 6] = [
        (
            "a link out of the folder",
            &|m| symlink("/etc/passwd", m.join("x")).unwrap(),
            "symbolic link",
        ),
        (
            "a link to itself",
            &|m| symlink("x", m.join("x")).unwrap(),
            "symbolic link",
        ),
        (
            "a link to its own folder",
            &|m| symlink(".", m.join("x")).unwrap(),
            "symbolic link",
        ),
        ("a pipe that never ends", &fifo, "neither a file nor a folder"),
        (
            "two names that differ in case",
            &|m| fs::write(m.join("Config.json"), "{}").unwrap(),
            "ignore case",
        ),
        (
            "two names that fold to one",
            &|m| {
                fs::write(m.join("strasse"), "").unwrap();
                fs::write(m.join("straße"), "").unwrap();
            },
            "ignore case",
        ),
    ];
    for (what, make, says) in traps {
        let place = place(make);
        let ran = place.run(&attest("model", "lab.key"));
        let told = said(what, &ran);
        assert!(matches!(ran.code, 2 | 7), "{what}: {told}");
        assert!(told.contains(says), "{what}: {told}");
        assert!(!place.path("att").exists(), "{what}");
    }
}

/// A registry that does `misbehave` on every connection.
fn registry(misbehave: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let misbehave = Arc::new(misbehave);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let misbehave = Arc::clone(&misbehave);
            thread::spawn(move || {
                let mut head = [0; 4096];
                // Whatever was asked gets the same answer.
                let _ = stream.read(&mut head);
                misbehave(&mut stream);
            });
        }
    });
    url
}

/// Every command that asks a registry.
fn commands(url: &str) -> Vec<Vec<String>> {
    let digest = "0".repeat(64);
    let all: [&[&str]; 6] = [
        &["verify", "w.safetensors"],
        &["verify", "w.safetensors", "--record", &digest],
        &["show", &digest],
        &["show", "acme.example"],
        &["publish", "att"],
        &["publisher", "create", "acme.example", "--key", "lab.key"],
    ];
    let more = ["--registry", url, "--timeout", "2"];
    all.map(|command| command.iter().chain(&more).map(ToString::to_string).collect())
        .to_vec()
}

/// A folder with a model, a key and something to publish.
fn lab() -> Place {
    let place = Place::new();
    place.key();
    place.write("w.safetensors", safetensors(100));
    place.expect(0, &attest("w.safetensors", "lab.key"));
    place
}

/// Every command ends by itself, within `patience`, with a network failure in words.
fn assert_every_command_survives(what: &str, url: &str, patience: Duration) {
    let place = lab();
    let before = names(place.folder.path());
    for command in commands(url) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let begun = Instant::now();
        let ran = place.run(&words);
        let told = said(what, &ran);
        assert!(
            begun.elapsed() < patience,
            "{what}: {words:?} took {:?}",
            begun.elapsed()
        );
        assert!(
            matches!(ran.code, 2 | 8),
            "{what}: {words:?} ended with {}: {told}",
            ran.code
        );
        // A problem document says itself what to do.
        let is_told = ran.stderr.contains("next: ") || what.starts_with("a problem");
        assert!(is_told, "{what}: {words:?}: {told}");
    }
    assert_eq!(names(place.folder.path()), before, "{what}");
}

/// What a command may take on a busy machine, beyond the two seconds that it was given.
const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn registries_that_answer_nonsense() {
    let answers: [(&str, String); 12] = [
        ("nothing", String::new()),
        ("no HTTP", "SSH-2.0-OpenSSH_9.2\r\n".into()),
        ("no status", "HTTP/1.1 \r\n\r\n".into()),
        ("half a head", "HTTP/1.1 200 OK\r\nContent-Le".into()),
        (
            "a web page",
            "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<!DOCTYPE html>".into(),
        ),
        (
            "half a body",
            "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{".into(),
        ),
        (
            "a body of 2^63 bytes",
            "HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\n{}".into(),
        ),
        (
            "a length below zero",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}".into(),
        ),
        (
            "a chunk of 2^68 bytes",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n{}".into(),
        ),
        (
            "a redirect to a file",
            "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n".into(),
        ),
        (
            "a redirect elsewhere",
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n"
                .into(),
        ),
        ("a problem that clears the screen", {
            let body = r#"{"type":"about:blank","title":"\u001b[2J","status":400,"code":"\u202e","detail":"\u001b]0;x\u0007Authentic\u2028"}"#;
            format!(
                "HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{body}",
                body.len()
            )
        }),
    ];
    for (what, answer) in answers {
        let url = registry(move |stream| drop(stream.write_all(answer.as_bytes())));
        assert_every_command_survives(what, &url, PATIENCE);
    }
}

#[test]
fn registries_that_never_end() {
    // Headers for ever.
    let url = registry(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n");
        while stream
            .write_all(b"X-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n")
            .is_ok()
        {}
    });
    assert_every_command_survives("headers without end", &url, PATIENCE);
    // Interim answers for ever.
    let url = registry(|stream| while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").is_ok() {});
    assert_every_command_survives("interim answers without end", &url, PATIENCE);
    // A body for ever.
    let url = registry(|stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("10000\r\n{}\r\n", "[".repeat(0x10000));
        while stream.write_all(chunk.as_bytes()).is_ok() {}
    });
    assert_every_command_survives("a body without end", &url, PATIENCE);
}

#[test]
fn registries_that_say_nothing() {
    let url = registry(|stream| {
        // Until the client gives up.
        let _ = stream.read(&mut [0; 1]);
    });
    assert_every_command_survives("silence", &url, PATIENCE);
    let url = registry(|stream| {
        for byte in b"HTTP/1.1 200 OK\r\nX: ".iter().chain(std::iter::repeat(&b'a')) {
            if stream.write_all(&[*byte]).is_err() {
                return;
            }
            thread::sleep(Duration::from_millis(200));
        }
    });
    assert_every_command_survives("a head that trickles", &url, PATIENCE);
}

#[test]
fn registries_that_compress_what_nobody_asked_for() {
    // Ten bytes that a decompressor would make ten megabytes of are taken as the bytes they are.
    for encoding in ["gzip", "br", "zstd", "deflate"] {
        let url = registry(move |stream| {
            let head =
                format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: 10\r\n\r\n");
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]));
        });
        assert_every_command_survives(encoding, &url, PATIENCE);
    }
}

#[test]
fn lookup_answers() {
    let place = lab();
    for case in cases("lookup") {
        let says = case
            .says
            .as_deref()
            .expect("every lookup answer of the corpus is refused");
        let body = case.bytes.clone();
        let url = registry(move |stream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
            let _ = stream
                .write_all(head.as_bytes())
                .and_then(|()| stream.write_all(&body));
        });
        let ran = place.run(&["verify", "w.safetensors", "--registry", &url, "--timeout", "20"]);
        assert_refused(&format!("verify with {}", case.id), &ran, 8, says);
    }
}
