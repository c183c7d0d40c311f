//! `key show`, `key change-passphrase` and `key backup`: nothing is lost, nothing is claimed that was not checked.

mod common;

use std::fs;

use common::{Place, Ran, names};
use provenance::key::SigningKey;

const OLD: &str = "correct horse battery staple";
const NEW: &str = "a quite different passphrase";

/// A place with the passphrases `old` and `new`, and `lab.key` under the old one.
fn place() -> Place {
    let place = Place::new();
    place.write("old", OLD);
    place.write("new", NEW);
    place.expect(
        0,
        &[
            "key",
            "new",
            "--out",
            "lab.key",
            "--algorithm",
            "p256",
            "--passphrase-file",
            "old",
        ],
    );
    place
}

fn note(place: &Place, key: &str, keyid: &str) {
    let note = serde_json::json!({
        "v": 1, "publisher": "acme.example", "genesis": "ab".repeat(32), "index": 4, "origin": "log.example/log",
        "keyid": keyid, "holder": "alice",
    });
    place.write(&format!("{key}.publisher.json"), note.to_string());
}

fn show(place: &Place, file: &str, more: &[&str]) -> Ran {
    place.expect(0, &[&["key", "show", file], more].concat())
}

#[test]
fn what_is_known_of_an_encrypted_key_is_told_with_where_it_is_from() {
    let place = place();
    let keyid = show(&place, "lab.key.pub", &["--json"]).json()["keyid"]
        .as_str()
        .unwrap()
        .to_owned();
    note(&place, "lab.key", &keyid);
    let ran = show(&place, "lab.key", &[]);
    for said in [
        "encrypted (scrypt N=16384 r=8 p=5, AES-256-CBC)",
        "ECDSA P-256",
        keyid.as_str(),
        "are from lab.key.pub",
        "was not checked",
        "acme.example",
        "BEGIN PUBLIC KEY",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    let opened = show(&place, "lab.key", &["--passphrase-file", "old"]);
    assert!(!opened.stdout.contains("not checked"), "{}", opened.stdout);
    let json = show(&place, "lab.key", &["--json"]).json();
    assert_eq!(
        (&json["checked"], &json["kind"], &json["algorithm"]),
        (&false.into(), &"encrypted".into(), &"p256".into())
    );
    assert_eq!(json["publisher"]["publisher"], "acme.example");

    fs::remove_file(place.path("lab.key.pub")).unwrap();
    let ran = show(&place, "lab.key", &[]);
    assert!(
        ran.stdout.contains("not known without the passphrase"),
        "{}",
        ran.stdout
    );
    assert_eq!(
        show(&place, "lab.key", &["--json"]).json()["keyid"],
        serde_json::Value::Null
    );
}

#[test]
fn a_public_key_or_note_of_another_key_is_pointed_out() {
    let place = place();
    place.expect(0, &["key", "new", "--out", "plain", "--no-passphrase"]);
    fs::copy(place.path("plain.pub"), place.path("lab.key.pub")).unwrap();
    note(&place, "lab.key", &"cd".repeat(32));
    let ran = show(&place, "lab.key", &["--passphrase-file", "old"]);
    assert!(
        ran.stderr.contains("is the public key of another private key"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("is about another key"), "{}", ran.stderr);
    let ran = show(&place, "plain", &[]);
    assert!(ran.stdout.contains("not encrypted"), "{}", ran.stdout);
    assert!(!ran.stdout.contains("PRIVATE KEY"), "{}", ran.stdout);
}

#[test]
fn a_passphrase_is_changed_in_place_and_the_key_stays() {
    let place = place();
    let public = fs::read(place.path("lab.key.pub")).unwrap();
    let change = |more: &[&str]| place.expect(0, &[&["key", "change-passphrase", "lab.key"], more].concat());
    change(&["--passphrase-file", "old", "--new-passphrase-file", "new"]);
    place.expect(2, &["key", "show", "lab.key", "--passphrase-file", "old"]);
    let shown = show(&place, "lab.key", &["--passphrase-file", "new", "--json"]).json();
    assert_eq!(shown["public_key"].as_str().unwrap().as_bytes(), public);

    let ran = change(&["--passphrase-file", "new", "--no-passphrase"]);
    assert!(ran.stdout.contains("warning: not encrypted"), "{}", ran.stdout);
    let plain = SigningKey::from_pkcs8_pem(&fs::read_to_string(place.path("lab.key")).unwrap()).unwrap();
    assert_eq!(plain.public().to_spki_pem().as_bytes(), public);

    change(&["--new-passphrase-file", "old"]);
    show(&place, "lab.key", &["--passphrase-file", "old"]);
    assert_eq!(
        names(place.folder.path()),
        ["lab.key", "lab.key.pub", "new", "old"]
    );
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(place.path("lab.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[test]
fn whatever_goes_wrong_the_old_file_stays() {
    let place = place();
    place.write("short", "horse");
    let before = fs::read(place.path("lab.key")).unwrap();
    let fails = |code, more: &[&str]| {
        place.expect(code, &[&["key", "change-passphrase", "lab.key"], more].concat());
        assert_eq!(fs::read(place.path("lab.key")).unwrap(), before, "{more:?}");
        assert_eq!(
            names(place.folder.path()),
            ["lab.key", "lab.key.pub", "new", "old", "short"]
        );
    };
    fails(2, &["--passphrase-file", "new", "--new-passphrase-file", "new"]);
    fails(2, &["--passphrase-file", "old", "--new-passphrase-file", "short"]);
    fails(
        7,
        &["--passphrase-file", "old", "--new-passphrase-file", "nowhere"],
    );
    fails(2, &["--passphrase-file", "old"]);
    fails(2, &["--passphrase-fd", "3", "--new-passphrase-fd", "3"]);
    fails(
        2,
        &[
            "--passphrase-file",
            "old",
            "--no-passphrase",
            "--new-passphrase-file",
            "new",
        ],
    );
}

#[test]
fn a_backup_is_a_key_of_its_own_that_works() {
    let place = place();
    let keyid = show(&place, "lab.key.pub", &["--json"]).json()["keyid"]
        .as_str()
        .unwrap()
        .to_owned();
    note(&place, "lab.key", &keyid);
    fs::create_dir(place.path("usb")).unwrap();
    let backup = |out: &str| {
        [
            "key",
            "backup",
            "lab.key",
            "--out",
            out,
            "--passphrase-file",
            "old",
            "--new-passphrase-file",
            "new",
        ]
        .map(str::to_owned)
    };
    let args = backup("usb/k");
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let ran = place.expect(0, &args);
    assert!(
        ran.stdout.contains("to restore") && ran.stdout.contains("read back and compared"),
        "{}",
        ran.stdout
    );
    assert_eq!(names(&place.path("usb")), ["k", "k.pub", "k.publisher.json"]);
    let shown = show(&place, "usb/k", &["--passphrase-file", "new", "--json"]).json();
    assert_eq!(
        (&shown["keyid"], &shown["checked"]),
        (&keyid.as_str().into(), &true.into())
    );
    assert_eq!(shown["publisher"]["holder"], "alice");
    place.expect(2, &["key", "show", "usb/k", "--passphrase-file", "old"]);

    let copy = fs::read(place.path("usb/k")).unwrap();
    let again = place.expect(7, &args);
    assert!(again.stderr.contains("never overwritten"), "{}", again.stderr);
    assert_eq!(fs::read(place.path("usb/k")).unwrap(), copy);
}

#[test]
fn a_backup_that_fails_leaves_nothing_behind() {
    let place = place();
    place.write("usb/b.publisher.json", "precious");
    let try_it = |code, out: &str, old: &str| {
        place.expect(
            code,
            &[
                "key",
                "backup",
                "lab.key",
                "--out",
                out,
                "--passphrase-file",
                old,
                "--new-passphrase-file",
                "new",
            ],
        );
        assert_eq!(names(&place.path("usb")), ["b.publisher.json"]);
    };
    try_it(7, "usb/b", "old");
    try_it(2, "usb/a", "new");
    try_it(7, "nowhere/a", "old");
    assert_eq!(
        fs::read_to_string(place.path("usb/b.publisher.json")).unwrap(),
        "precious"
    );
}
