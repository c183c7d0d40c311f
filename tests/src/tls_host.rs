//! A publisher's own site: one file over HTTPS, under a certificate that nobody signed.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// Answers the path in its first argument with the text in its second, to pages of every origin.
const SERVE: &str = "
const { readFileSync } = require('node:fs');
const [path, text] = process.argv.slice(1);
const keys = { key: readFileSync('key.pem'), cert: readFileSync('cert.pem') };
const server = require('node:https').createServer(keys, (request, response) => {
  const there = request.url === path;
  response.writeHead(there ? 200 : 404, { 'access-control-allow-origin': '*', 'content-type': 'application/json' });
  response.end(there ? text : '');
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));";

/// A site on a port of this machine. Closed when dropped.
#[derive(Debug)]
pub struct TlsHost {
    name: String,
    port: u16,
    server: Child,
    _folder: TempDir,
}

impl TlsHost {
    /// Starts the site called `name`, which has `text` at `path` and nothing else.
    pub fn start(name: &str, path: &str, text: &str) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        make_certificate(folder.path(), name);
        let mut server = Command::new("node")
            .args(["-e", SERVE, path, text])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        let said = server.stdout.take().expect("its output");
        BufReader::new(said).read_line(&mut line).expect("its port");
        Self {
            name: name.to_owned(),
            port: line.trim().parse().expect("a port"),
            server,
            _folder: folder,
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its port on this machine.
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for TlsHost {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn make_certificate(folder: &Path, name: &str) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
        ])
        .args(["-days", "2", "-keyout", "key.pem", "-out", "cert.pem"])
        .args([
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            &format!("subjectAltName=DNS:{name}"),
        ])
        .current_dir(folder)
        .output()
        .expect("openssl starts");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}
