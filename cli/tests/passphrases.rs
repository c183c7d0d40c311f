//! Passphrases: keys are encrypted by default, OpenSSL reads them, and a script never waits for somebody to type.

#![expect(clippy::unwrap_used, reason = "a test that cannot set up its case has failed")]

mod common;

use std::{
    fs,
    io::{Read, Write},
    path::Path,
    process::{Command, Stdio},
};

use common::{Place, names};
use provenance::key::PublicKey;

const PASS: &str = "correct horse battery staple";

const VECTORS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/vectors/keys");

/// A place with a file `pass` that only its owner reads.
fn place() -> Place {
    let place = Place::new();
    secret(&place, "pass", PASS);
    place
}

fn secret(place: &Place, name: &str, text: &str) {
    let path = place.write(name, format!("{text}\n"));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = path;
}

fn new_key(place: &Place, out: &str, algorithm: &str) {
    let ran = place.expect(
        0,
        &[
            "key",
            "new",
            "--out",
            out,
            "--algorithm",
            algorithm,
            "--passphrase-file",
            "pass",
            "--json",
        ],
    );
    assert_eq!(ran.json()["encrypted"], true);
    assert_eq!(ran.json()["algorithm"], algorithm);
    for text in [&ran.stdout, &ran.stderr] {
        assert!(!text.contains(PASS) && !text.contains("PRIVATE KEY-"), "{text}");
    }
}

fn openssl(place: &Place, args: &[&str]) -> String {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(place.folder.path())
        .output();
    let output = output.expect("openssl, which `cargo xtask setup` checks for");
    assert!(
        output.status.success(),
        "{args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn new_keys_are_encrypted_and_openssl_reads_them() {
    let place = place();
    for algorithm in ["ed25519", "p256"] {
        new_key(&place, algorithm, algorithm);
        let text = fs::read_to_string(place.path(algorithm)).unwrap();
        assert!(
            text.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"),
            "{text}"
        );
        let public = openssl(
            &place,
            &["pkey", "-in", algorithm, "-passin", "file:pass", "-pubout"],
        );
        let written = fs::read_to_string(place.path(&format!("{algorithm}.pub"))).unwrap();
        assert_eq!(public, written);
        let shown = place
            .expect(
                0,
                &["key", "show", algorithm, "--passphrase-file", "pass", "--json"],
            )
            .json();
        assert_eq!(shown["public_key"], written);
        assert_eq!(shown["encryption"], "scrypt N=16384 r=8 p=5, AES-256-CBC");
    }
}

#[test]
fn keys_that_openssl_encrypted_are_read() {
    let place = place();
    let mut seen = 0;
    for file in fs::read_dir(VECTORS).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let Some(algorithm) = ["ed25519", "p256"]
            .into_iter()
            .find(|kind| name.starts_with(kind))
        else {
            continue;
        };
        let path = path.to_str().unwrap();
        let shown = place
            .expect(0, &["key", "show", path, "--passphrase-file", "pass", "--json"])
            .json();
        assert_eq!(shown["algorithm"], algorithm, "{name}");
        let public = openssl(&place, &["pkey", "-in", path, "-passin", "file:pass", "-pubout"]);
        assert_eq!(shown["public_key"], public, "{name}");
        PublicKey::from_spki_pem(&public).unwrap();
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn keys_that_cannot_be_used_are_refused_by_name() {
    let place = place();
    for (name, said) in [
        ("hostile-scrypt-long-zero", "does not read"),
        ("hostile-scrypt-no-block", "does not read"),
        ("hostile-scrypt-no-repetition", "does not read"),
        ("hostile-scrypt-odd-n", "does not read"),
        ("hostile-scrypt-work", "scrypt with N=16384, r=127, p=127"),
        ("refused-des3", "not supported"),
        ("refused-explicit", "spells out the parameters of its curve"),
        ("refused-p384", "another elliptic curve than P-256"),
        ("refused-p384-plain", "another elliptic curve than P-256"),
        ("refused-pbkdf2-sha1", "not supported"),
        ("refused-sec1", "openssl pkcs8 -topk8"),
    ] {
        let path = format!("{VECTORS}/{name}.pem");
        let ran = place.expect(2, &["key", "show", &path, "--passphrase-file", "pass"]);
        assert!(ran.stderr.contains(said), "{name}: {}", ran.stderr);
    }
}

#[test]
fn without_a_terminal_it_fails_at_once_and_names_the_option() {
    let place = place();
    let ran = place.expect(2, &["key", "new", "--out", "lab.key"]);
    for said in ["no terminal", "--passphrase-file", "--no-passphrase"] {
        assert!(ran.stderr.contains(said), "{}", ran.stderr);
    }
    assert_eq!(names(place.folder.path()), ["pass"]);
    new_key(&place, "lab.key", "ed25519");
    place.write("model/a.txt", "a");
    let genesis = "ab".repeat(32);
    let attest = [
        "attest",
        "model",
        "--publisher",
        "acme.example",
        "--key",
        "lab.key",
        "--name",
        "a/b",
        "--genesis",
        &genesis,
        "--out",
        "att",
    ];
    let ran = place.expect(2, &attest);
    assert!(
        ran.stderr.contains("lab.key is encrypted") && ran.stderr.contains("--passphrase-file"),
        "{}",
        ran.stderr
    );
    secret(&place, "other", "correct horse battery stable");
    let ran = place.expect(2, &[&attest[..], &["--passphrase-file", "other"]].concat());
    assert!(
        ran.stderr.contains("does not open lab.key") && ran.stderr.contains("nothing was written"),
        "{}",
        ran.stderr
    );
    assert!(!place.path("att").exists());
    place.expect(0, &[&attest[..], &["--passphrase-file", "pass"]].concat());
}

#[test]
fn a_new_passphrase_that_is_short_or_empty_is_refused() {
    let place = place();
    secret(&place, "short", "horse");
    secret(&place, "empty", "");
    for (file, said) in [("short", "has 5 characters"), ("empty", "is empty")] {
        let ran = place.expect(2, &["key", "new", "--out", "k", "--passphrase-file", file]);
        assert!(
            ran.stderr.contains(said) && ran.stderr.contains("at least 12"),
            "{}",
            ran.stderr
        );
        assert!(!place.path("k").exists() && !place.path("k.pub").exists());
    }
    place.expect(7, &["key", "new", "--out", "k", "--passphrase-file", "nowhere"]);
}

#[test]
#[cfg(unix)]
fn passphrases_come_from_descriptors_too() {
    let place = place();
    let binary = env!("CARGO_BIN_EXE_weighbridge");
    let shell = |line: &str| {
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .current_dir(place.folder.path())
            .stdin(Stdio::null());
        command.output().unwrap()
    };
    let made = shell(&format!("{binary} key new --out a --passphrase-fd 3 3< pass"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let piped = shell(&format!(
        "cat pass | {binary} key show a --passphrase-fd 0 --json"
    ));
    assert!(String::from_utf8_lossy(&piped.stdout).contains("\"checked\": true"));
    let closed = shell(&format!("{binary} key show a --passphrase-fd 7"));
    assert_eq!(closed.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&closed.stderr).contains("descriptor 7 cannot be read"));
}

#[test]
#[cfg(unix)]
fn a_passphrase_that_others_can_read_is_pointed_out() {
    use std::os::unix::fs::PermissionsExt;
    let place = place();
    fs::set_permissions(place.path("pass"), fs::Permissions::from_mode(0o644)).unwrap();
    let ran = place.expect(0, &["key", "new", "--out", "k", "--passphrase-file", "pass"]);
    assert!(ran.stderr.contains("chmod 600 pass"), "{}", ran.stderr);
}

/// Runs `args` on a terminal of its own, and answers each prompt when it stands there. Returns all that was shown,
/// and the exit code.
#[cfg(target_os = "linux")]
fn on_a_terminal(place: &Place, args: &str, answers: &[(&str, &str)]) -> (String, i32) {
    let line = format!("{} {args}", env!("CARGO_BIN_EXE_weighbridge"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .current_dir(place.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script, of util-linux");
    let (mut input, mut output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let (mut shown, mut buffer) = (String::new(), [0; 512]);
    for (prompt, answer) in answers {
        let from = shown.len();
        while !shown[from..].contains(prompt) {
            let read = output.read(&mut buffer).unwrap();
            assert!(read > 0, "wanted {prompt:?}, got {shown:?}");
            shown.push_str(&String::from_utf8_lossy(&buffer[..read]));
        }
        input.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }
    output.read_to_string(&mut shown).unwrap();
    (shown, child.wait().unwrap().code().unwrap())
}

#[test]
#[cfg(target_os = "linux")]
fn on_a_terminal_it_asks_twice_without_showing_what_is_typed() {
    let place = place();
    let asked = ("New passphrase for lab.key", PASS);
    let (shown, code) = on_a_terminal(
        &place,
        "key new --out lab.key",
        &[asked, ("The same again", PASS)],
    );
    assert_eq!(code, 0, "{shown}");
    assert!(shown.contains("Key made") && !shown.contains("horse"), "{shown}");
    place.expect(0, &["key", "show", "lab.key", "--passphrase-file", "pass"]);

    let (shown, code) = on_a_terminal(
        &place,
        "key new --out b",
        &[("New passphrase", PASS), ("again", "another one, long")],
    );
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("differ"), "{shown}");
    let (shown, code) = on_a_terminal(&place, "key new --out b", &[("New passphrase", "horse")]);
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("5 characters"), "{shown}");
    assert_eq!(names(place.folder.path()), ["lab.key", "lab.key.pub", "pass"]);

    let copy = "key backup lab.key --out copy --new-passphrase-file pass";
    let (shown, code) = on_a_terminal(
        &place,
        copy,
        &[("Passphrase for lab.key", "correct horse battery stable")],
    );
    assert_eq!(code, 2, "{shown}");
    assert!(shown.contains("does not open lab.key") && !Path::new(&place.path("copy")).exists());
    let (shown, code) = on_a_terminal(&place, copy, &[("Passphrase for lab.key", PASS)]);
    assert_eq!(code, 0, "{shown}");
    assert!(!shown.contains("horse"), "{shown}");
}
