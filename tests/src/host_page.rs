//! Somebody else's web page: one document on an origin of its own, with a policy of its own.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

/// Most bytes of a request's head.
const MAX_HEAD_BYTES: u64 = 64 << 10;

/// A server with one page.
#[derive(Debug)]
pub struct HostPage {
    url: String,
    stopped: Arc<AtomicBool>,
}

impl HostPage {
    /// Serves `html` under the Content-Security-Policy `policy`; none when it is empty.
    pub fn start(html: &str, policy: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}/", listener.local_addr().expect("a bound address"));
        let policy = match policy {
            "" => String::new(),
            policy => format!("content-security-policy: {policy}\r\n"),
        };
        let answer = format!(
            "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: text/html; charset=utf-8\r\n{policy}content-length: \
             {}\r\n\r\n{html}",
            html.len()
        );
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // A browser that closes the connection early is no failure of the test.
                let _ = serve(&stream, answer.as_bytes());
            }
        });
        Self { url, stopped }
    }

    /// The page's address.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for HostPage {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections, which then ends.
        let address = self.url.trim_start_matches("http://").trim_end_matches('/');
        drop(TcpStream::connect(address));
    }
}

fn serve(mut stream: &TcpStream, page: &[u8]) -> io::Result<()> {
    let mut head = BufReader::new(stream.take(MAX_HEAD_BYTES));
    let mut first = String::new();
    head.read_line(&mut first)?;
    let mut line = String::new();
    while head.read_line(&mut line)? > 2 {
        line.clear();
    }
    if first.starts_with("GET / ") {
        stream.write_all(page)?;
    } else {
        // Its icon, which every browser asks for.
        stream.write_all(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")?;
    }
    stream.shutdown(Shutdown::Write)
}
