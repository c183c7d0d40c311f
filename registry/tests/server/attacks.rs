//! Attacks on the HTTP server itself, over raw TCP: shapes that smuggle, addresses that climb, bodies that trickle,
//! connections that wait. Each is answered with a refusal or a closed connection, and the server goes on.

use std::{
    io::{ErrorKind, Read, Write},
    net::{Shutdown, TcpStream},
    time::{Duration, Instant},
};

use registry::{
    http::{MAX_TARGET_BYTES, body::BODY_SLACK},
    limits::{CLOSING_DEADLINE, HEAD_DEADLINE},
};

use crate::common::{Lab, Response, Server, parse, wait_until};

/// What a deadline may take longer on a busy machine.
const MARGIN: Duration = Duration::from_secs(30);

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(&server.address).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream
}

/// Everything that comes back until the connection is closed; none when nothing does.
fn answer(mut stream: &TcpStream) -> Option<Response> {
    let mut bytes = Vec::new();
    // A reset is one way to close.
    let _ = stream.read_to_end(&mut bytes);
    bytes.windows(4).any(|w| w == b"\r\n\r\n").then(|| parse(&bytes))
}

/// Sends these bytes, and that no more will come.
fn send(server: &Server, bytes: &[u8]) -> Option<Response> {
    let mut stream = connect(server);
    // A server that refuses early may close before it has read everything.
    let _ = stream.write_all(bytes);
    let _ = stream.shutdown(Shutdown::Write);
    answer(&stream)
}

fn assert_alive(server: &Server, after: &str) {
    assert_eq!(server.get("/healthz").status, 200, "after {after}");
}

/// A refusal: nothing at all, a bare status, or a problem document that shows nothing hidden.
fn assert_refused(what: &str, answer: Option<&Response>) {
    let Some(answer) = answer else { return };
    assert!(
        (400..=505).contains(&answer.status) && answer.status != 500,
        "{what}: {} {}",
        answer.status,
        answer.text()
    );
    if !answer.body.is_empty() {
        answer.problem();
        let hidden = |c: char| provenance::path::is_hidden_character(c);
        assert!(!answer.text().contains(hidden), "{what}: {:?}", answer.text());
    }
}

#[test]
fn requests_that_two_servers_would_read_differently_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let post = |headers: &str, body: &str| {
        format!("POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\n{headers}\r\n{body}")
    };
    let hidden = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let cases = [
        (
            "both lengths",
            post(
                "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
                &format!("0\r\n\r\n{hidden}"),
            ),
        ),
        (
            "both lengths, the other way round",
            post("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n", "0\r\n\r\n"),
        ),
        (
            "chunks in HTTP/1.0",
            post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n").replace("HTTP/1.1", "HTTP/1.0"),
        ),
        (
            "an encoding that is not quite chunked",
            post("Transfer-Encoding: xchunked\r\n", "0\r\n\r\n"),
        ),
        (
            "an encoding on top of chunked",
            post("Transfer-Encoding: chunked, identity\r\n", "0\r\n\r\n"),
        ),
        (
            "two lengths",
            post("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"),
        ),
        ("a length with a sign", post("Content-Length: +2\r\n", "{}")),
        ("a length below zero", post("Content-Length: -1\r\n", "{}")),
        ("a list of lengths", post("Content-Length: 2, 2\r\n", "{}")),
        ("a length in hex", post("Content-Length: 0x2\r\n", "{}")),
        (
            "a length of 2^64",
            post("Content-Length: 18446744073709551616\r\n", "{}"),
        ),
        ("a space before the colon", post("Content-Length : 2\r\n", "{}")),
        ("a folded header", post("X: a\r\n b\r\n", "")),
        ("a NUL in a header", post("X: a\0b\r\n", "")),
        (
            "a chunk of 2^68 bytes",
            post("Transfer-Encoding: chunked\r\n", "FFFFFFFFFFFFFFFFF\r\n{}"),
        ),
        (
            "a chunk of no size",
            post("Transfer-Encoding: chunked\r\n", "\r\n{}"),
        ),
        (
            "a chunk of -1 bytes",
            post("Transfer-Encoding: chunked\r\n", "-1\r\n{}"),
        ),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".into()),
        ("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into()),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01".into()),
        ("no HTTP at all", "\0\0\0\0".into()),
    ];
    for (what, request) in cases {
        let answered = send(&server, request.as_bytes());
        assert_refused(what, answered.as_ref());
        // Nothing that was hidden in a body was answered.
        assert!(
            answered.is_none_or(|a| !a.text().contains("HTTP/1.1 200")),
            "{what}"
        );
        assert_alive(&server, what);
    }
}

#[test]
fn addresses_that_climb_or_hide_lead_nowhere() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let long = format!("/api/v1/search?q={}", "a".repeat(MAX_TARGET_BYTES));
    let targets = [
        "/../../etc/passwd",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/log.key",
        "/assets/..%5c..%5clog.key",
        "/api/v1/records/..%2f..%2f..%2flog.key",
        "/api/v1/records/%ff",
        "/api/v1/records/%00",
        "/api/v1/records/%",
        "/api/v1/records/%zz",
        "/api/v1/records/%E2%80%AE",
        "/api/v1/blobs/..%2f..%2flog.key",
        "/api/v1/blobs/%00/",
        "/api/v1/publishers/%E2%80%AEelpmaxe.emca",
        "/api/v1/publishers/..",
        "/api/v1/publishers/%2e%2e%2f",
        "/api/v1/artifacts/%1b%5b2J",
        "/api/v1/lookup/%00",
        "/api/v1/lookup/%D9%A0",
        "/api/v1/lookup/../records",
        "/api/v1/search?q=a",
        "/api/v1/search?q=aa&q=bb",
        "/api/v1/search?%71[]=aa",
        "/log/tile/../../log.key",
        "/log/tile/%2e%2e/%2e%2e/log.key",
        "/log/tile/0/..%2f..%2f..%2flog.key",
        "/log/tile/0/%00",
        "/log/tile/entries/000.p/0",
        "/log/../log.key",
        "/trust/../log.key",
        "/log.key",
        "/.git/config",
        &long,
    ];
    for target in targets {
        let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let answered = send(&server, request.as_bytes());
        let answered = answered.unwrap_or_else(|| panic!("{target} is answered"));
        assert_refused(target, Some(&answered));
        assert_eq!(answered.header("x-content-type-options"), "nosniff", "{target}");
        assert_alive(&server, target);
    }
    assert_eq!(server.get(&long).problem(), "target-too-long");
}

#[test]
fn methods_that_nothing_takes_are_refused_and_echo_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for method in ["TRACE", "CONNECT", "PATCH", "DELETE", "PROPFIND", "FOO"] {
        for target in ["/healthz", "/api/v1/attestations", "/log/checkpoint", "/"] {
            let what = format!("{method} {target}");
            let request =
                format!("{what} HTTP/1.1\r\nHost: x\r\nX-Secret: echo\r\nConnection: close\r\n\r\n");
            let answered = send(&server, request.as_bytes());
            assert_refused(&what, answered.as_ref());
            assert!(answered.is_none_or(|a| !a.text().contains("echo")), "{what}");
        }
    }
    assert_alive(&server, "all methods");
}

#[test]
fn heads_without_end_are_cut_off() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let one_long = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n",
        "a".repeat(200 << 10)
    );
    let many = format!(
        "GET /healthz HTTP/1.1\r\nHost: x\r\n{}\r\n",
        "X: a\r\n".repeat(200)
    );
    let long_target = format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(200 << 10));
    for (what, head) in [
        ("a header of 200 KiB", one_long),
        ("200 headers", many),
        ("an address of 200 KiB", long_target),
    ] {
        assert_refused(what, send(&server, head.as_bytes()).as_ref());
        assert_alive(&server, what);
    }
}

/// Writes one byte a second until the connection is closed; gives how long that took.
fn trickle(mut stream: &TcpStream, bytes: &str) -> Duration {
    let begun = Instant::now();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    for byte in bytes.bytes().cycle() {
        let mut one = [0];
        match stream.read(&mut one) {
            // Nothing yet: the connection is open.
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            _ => break,
        }
        if stream.write_all(&[byte]).is_err() {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(120),
            "the connection stays open"
        );
    }
    begun.elapsed()
}

#[test]
fn a_head_that_trickles_is_given_up() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut stream = connect(&server);
    stream.write_all(b"GET /healthz HTTP/1.1\r\nX: ").unwrap();
    let took = trickle(&stream, "a");
    assert!(took < HEAD_DEADLINE + MARGIN, "{took:?}");
    assert_alive(&server, "a head that trickles");
}

#[test]
fn connections_that_begin_a_second_request_and_stop_leave_room_for_others() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &["--max-connections", "16"]);
    let held: Vec<TcpStream> = (0..40)
        .map(|_| {
            let mut stream = connect(&server);
            // The server may have closed it after its answer, which is the point.
            let _ = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
            let _ = stream.read(&mut [0; 1]);
            let _ = stream.write_all(b"G");
            stream
        })
        .collect();
    for _ in 0..20 {
        assert_alive(&server, "held connections");
    }
    drop(held);
}

#[test]
fn a_body_that_trickles_is_given_up_with_words() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let mut stream = connect(&server);
    let head =
        "POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nConnection: close\r\n\r\n{";
    stream.write_all(head.as_bytes()).unwrap();
    let begun = Instant::now();
    let answered = answer(&stream).expect("an answer");
    assert_eq!(
        (answered.status, answered.problem().as_str()),
        (408, "request-timeout")
    );
    assert!(
        (BODY_SLACK..BODY_SLACK + MARGIN).contains(&begun.elapsed()),
        "{:?}",
        begun.elapsed()
    );
}

#[test]
fn a_body_without_end_is_cut_off_at_the_limit() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &["--max-payload-bytes", "1024"]);
    let mut stream = connect(&server);
    let head = "POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
    let begun = Instant::now();
    // What comes after the refusal is thrown away for a moment, so that the refusal can be heard.
    while stream.write_all(chunk.as_bytes()).is_ok() {
        assert!(
            begun.elapsed() < CLOSING_DEADLINE + MARGIN,
            "the body is still taken"
        );
    }
    assert_alive(&server, "a body without end");
    let announced = "POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999\r\nConnection: close\r\n\r\n";
    let answered = send(&server, announced.as_bytes()).expect("an answer");
    assert_eq!(
        (answered.status, answered.problem().as_str()),
        (413, "payload-too-large")
    );
}

#[test]
fn a_body_that_breaks_off_logs_nothing() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let lab = Lab::new("acme.example", 1, &server.origin());
    let envelope = lab.keyset.to_json();
    let head = format!(
        "POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n",
        envelope.len() + 1
    );
    assert_refused(
        "a body that breaks off",
        send(&server, &[head.as_bytes(), &envelope].concat()).as_ref(),
    );
    assert_eq!(server.published_size(), 0);
    assert_eq!(server.submit(&lab.keyset).status, 200);
}

#[test]
fn a_compressed_body_is_not_unpacked() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    for encoding in ["gzip", "br", "zstd", "deflate", "gzip, gzip"] {
        let refused = server.request(
            "POST",
            "/api/v1/attestations",
            &[("Content-Encoding", encoding)],
            b"\x1f\x8b",
        );
        assert_eq!(
            (refused.status, refused.problem().as_str()),
            (415, "encoding-unsupported"),
            "{encoding}"
        );
    }
}

#[test]
fn announcements_alone_take_no_memory_from_others() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start(data.path());
    let idle: Vec<TcpStream> = (0..32)
        .map(|_| {
            let mut stream = connect(&server);
            let head = "POST /api/v1/attestations HTTP/1.1\r\nHost: x\r\nContent-Length: 11000000\r\n\r\n{";
            stream.write_all(head.as_bytes()).unwrap();
            stream
        })
        .collect();
    let lab = Lab::new("acme.example", 1, &server.origin());
    assert_eq!(
        server.submit(&lab.keyset).status,
        200,
        "while {} bodies are announced",
        idle.len()
    );
}

#[test]
fn connections_that_say_nothing_make_room_for_others() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_with(data.path(), &["--max-connections", "16"]);
    let silent: Vec<TcpStream> = (0..64).map(|_| connect(&server)).collect();
    let begun = Instant::now();
    wait_until("an honest client is served", || {
        let mut stream = connect(&server);
        let asked = stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        asked.is_ok() && answer(&stream).is_some_and(|answered| answered.status == 200)
    });
    // 80 connections, 16 at one time.
    assert!(
        begun.elapsed() < HEAD_DEADLINE * 6 + MARGIN,
        "{:?} with {}",
        begun.elapsed(),
        silent.len()
    );
}
