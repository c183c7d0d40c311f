//! A small HTTP proxy on loopback that stands between a client and a registry and changes answers.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use crate::http::{Answer, Client};

/// Headers that concern one connection or the unchanged body only.
const NOT_FORWARDED: [&str; 5] = [
    "connection",
    "content-length",
    "transfer-encoding",
    "etag",
    "date",
];

/// Most bytes of a request's head and of its body.
const MAX_REQUEST_BYTES: u64 = 16 << 20;

type Tamper = dyn Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync;

/// The proxy. Every answer passes a closure that gets the path and the body, and may give another body, which
/// is then sent with status 200. Headers, such as the page's policy, pass unchanged.
#[derive(Debug)]
pub struct Proxy {
    url: String,
    stopped: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Proxy {
    /// Stands in front of the server at `upstream`.
    pub fn start(
        upstream: &str,
        tamper: impl Fn(&str, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("a bound address"));
        let stopped = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Vec::new()));
        let shared: Arc<Tamper> = Arc::new(tamper);
        let (client, stop, log) = (Client::new(upstream), Arc::clone(&stopped), Arc::clone(&seen));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let (client, tamper, log) = (client.clone(), Arc::clone(&shared), Arc::clone(&log));
                // A browser that closes the connection early is no failure of the test.
                thread::spawn(move || serve(&stream, &client, &*tamper, &log).ok());
            }
        });
        Self { url, stopped, seen }
    }

    /// The proxy's address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Paths asked for so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections, which then ends.
        drop(TcpStream::connect(self.url.trim_start_matches("http://")));
    }
}

/// One request on one connection.
fn serve(stream: &TcpStream, client: &Client, tamper: &Tamper, log: &Mutex<Vec<String>>) -> io::Result<()> {
    let mut reader = BufReader::new(stream.take(MAX_REQUEST_BYTES));
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let mut words = line.split_whitespace();
    let (Some(method), Some(path)) = (words.next().map(str::to_owned), words.next().map(str::to_owned))
    else {
        return Ok(());
    };
    let mut length = 0;
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        header.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    log.lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(path.clone());
    let mut answer = match method.as_str() {
        "GET" => client.get(&path),
        "HEAD" => client.head(&path),
        "POST" => client.post(&path, &body),
        _ => return Ok(()),
    };
    if let Some(other) = tamper(path.split('?').next().unwrap_or_default(), &answer.body) {
        answer = Answer {
            status: 200,
            body: other,
            ..answer
        };
    }
    send(stream, &answer)
}

fn send(mut stream: &TcpStream, answer: &Answer) -> io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} Answer\r\nconnection: close\r\ncontent-length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in answer
        .headers
        .iter()
        .filter(|(name, _)| !NOT_FORWARDED.contains(&name.as_str()))
    {
        head.extend([name, ": ", value, "\r\n"]);
    }
    stream.write_all(head.as_bytes())?;
    stream.write_all(b"\r\n")?;
    stream.write_all(&answer.body)?;
    stream.shutdown(Shutdown::Write)
}
