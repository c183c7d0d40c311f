//! The Python tool `model_signing`, unmodified, as `cargo xtask setup` installed it.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

use crate::binaries::tool;

/// What a run ended with.
#[derive(Debug)]
pub struct Told {
    /// Whether the exit code was 0.
    pub ok: bool,
    /// stdout and stderr.
    pub text: String,
}

/// Runs `python -m model_signing` with these arguments.
pub fn model_signing<A: AsRef<OsStr>>(arguments: &[A]) -> Told {
    let output = Command::new(tool("model-signing/bin/python"))
        .args(["-m", "model_signing"])
        .args(arguments)
        .output()
        .expect("the Python tool starts");
    let text = [output.stdout, output.stderr].concat();
    Told {
        ok: output.status.success(),
        text: String::from_utf8_lossy(&text).into_owned(),
    }
}

/// The statement in a bundle.
pub fn statement(bundle: &Path) -> Value {
    let bundle: Value = serde_json::from_slice(&fs::read(bundle).expect("a bundle")).expect("JSON");
    let payload = bundle["dsseEnvelope"]["payload"].as_str().expect("a payload");
    serde_json::from_slice(&STANDARD.decode(payload).expect("base64")).expect("a statement")
}

/// Makes a private key on `curve` and its public half with OpenSSL: `NAME.key` and `NAME.pub.pem` in `folder`.
pub fn openssl_key(folder: &Path, name: &str, curve: &str) -> (PathBuf, PathBuf) {
    let (private, public) = (
        folder.join(format!("{name}.key")),
        folder.join(format!("{name}.pub.pem")),
    );
    let openssl = |arguments: &[&OsStr]| {
        let output = Command::new("openssl").args(arguments).output();
        let output = output.expect("openssl starts; cargo xtask setup installs it");
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    };
    let curve = format!("ec_paramgen_curve:{curve}");
    openssl(&[
        "genpkey".as_ref(),
        "-algorithm".as_ref(),
        "EC".as_ref(),
        "-pkeyopt".as_ref(),
        curve.as_ref(),
        "-out".as_ref(),
        private.as_ref(),
    ]);
    openssl(&[
        "pkey".as_ref(),
        "-in".as_ref(),
        private.as_ref(),
        "-pubout".as_ref(),
        "-out".as_ref(),
        public.as_ref(),
    ]);
    (private, public)
}
