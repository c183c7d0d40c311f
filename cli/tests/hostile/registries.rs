//! Registries that lie, stall or talk for ever.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use crate::{
    assert_refused, attest,
    common::{Place, names, safetensors},
    corpus::cases,
    said,
};

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

/// A registry that gives this answer to everything.
pub(crate) fn answering(body: Vec<u8>) -> String {
    registry(move |stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
        let _ = stream
            .write_all(head.as_bytes())
            .and_then(|()| stream.write_all(&body));
    })
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
        let url = answering(case.bytes.clone());
        let ran = place.run(&["verify", "w.safetensors", "--registry", &url, "--timeout", "20"]);
        assert_refused(&format!("verify with {}", case.id), &ran, 8, says);
    }
}
