//! `key new` without a passphrase, and `publisher trust`: files that must never be lost or half written.

mod common;

use std::fs;

use common::{Place, names};
use provenance::key::{PublicKey, SigningKey};

#[test]
fn a_key_pair_is_written_readable_by_its_owner_only() {
    let place = Place::new();
    let ran = place.expect(
        0,
        &["key", "new", "--out", "lab.key", "--no-passphrase", "--json"],
    );
    let key = SigningKey::from_pkcs8_pem(&fs::read_to_string(place.path("lab.key")).unwrap()).unwrap();
    let public = PublicKey::from_spki_pem(&fs::read_to_string(place.path("lab.key.pub")).unwrap()).unwrap();
    assert_eq!(key.public(), &public);
    assert_eq!(ran.json()["keyid"], public.keyid().to_string());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = |name| fs::metadata(place.path(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("lab.key"), 0o600);
        assert_eq!(mode("lab.key.pub") & 0o022, 0);
    }
    assert!(!ran.stdout.contains("PRIVATE"));
}

#[test]
fn two_keys_differ() {
    let place = Place::new();
    for name in ["a", "b"] {
        place.expect(0, &["key", "new", "--out", name, "--no-passphrase"]);
    }
    assert_ne!(
        fs::read(place.path("a")).unwrap(),
        fs::read(place.path("b")).unwrap()
    );
}

#[test]
fn an_existing_key_is_never_overwritten() {
    let place = Place::new();
    place.write("lab.key", "precious");
    let ran = place.expect(7, &["key", "new", "--out", "lab.key", "--no-passphrase"]);
    assert!(
        ran.stderr.contains("lab.key") && ran.stderr.contains("never overwritten"),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_to_string(place.path("lab.key")).unwrap(), "precious");
    assert_eq!(names(place.folder.path()), ["lab.key"]);

    place.write("b.pub", "precious");
    place.expect(7, &["key", "new", "--out", "b", "--no-passphrase"]);
    assert_eq!(names(place.folder.path()), ["b.pub", "lab.key"]);
}

/// A log line as `trust` files have it: the worked example of the specification.
const LOG: &str = "log registry.example/log+952bc5e7+AQOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 https://registry.example/log";

#[test]
fn pinning_adds_one_line_and_keeps_every_other_byte() {
    let place = Place::new();
    let before = format!("# mine\n{LOG}\n\nquorum none\nmax_age none");
    place.write("trust", &before);
    let genesis = "ab".repeat(32);
    let pin = ["publisher", "trust", "acme.example", &genesis, "--trust", "trust"];
    place.expect(0, &pin);
    let after = format!("{before}\npublisher acme.example {genesis}\n");
    assert_eq!(fs::read_to_string(place.path("trust")).unwrap(), after);

    let again = place.expect(0, &[&pin[..], &["--json"]].concat());
    assert_eq!(again.json()["added"], false);
    assert_eq!(fs::read_to_string(place.path("trust")).unwrap(), after);

    let other = "cd".repeat(32);
    let ran = place.expect(
        2,
        &["publisher", "trust", "acme.example", &other, "--trust", "trust"],
    );
    assert!(
        ran.stderr.contains(&genesis) && ran.stderr.contains(&other),
        "{}",
        ran.stderr
    );
    assert_eq!(fs::read_to_string(place.path("trust")).unwrap(), after);
    assert_eq!(names(place.folder.path()), ["trust"], "no temporary file is left");
}

#[test]
fn without_a_trust_file_nothing_is_pinned_and_the_next_step_is_told() {
    let place = Place::new();
    let ran = place.expect(2, &["publisher", "trust", "acme.example", &"ab".repeat(32)]);
    assert!(
        ran.stderr.contains("You have not chosen a log to trust yet"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("weighbridge/trust"), "{}", ran.stderr);
    assert!(ran.stderr.contains("next:"), "{}", ran.stderr);
}

#[test]
fn a_trust_file_that_is_only_partly_understood_is_refused() {
    let place = Place::new();
    place.write("trust", format!("{LOG}\nquorum none\nfrobnicate yes\n"));
    let ran = place.expect(
        2,
        &[
            "publisher",
            "trust",
            "acme.example",
            &"ab".repeat(32),
            "--trust",
            "trust",
        ],
    );
    assert!(ran.stderr.contains("trust file"), "{}", ran.stderr);
    let named = place.expect(
        2,
        &[
            "verify",
            "trust",
            "--trust",
            "nowhere",
            "--registry",
            "http://127.0.0.1:1",
        ],
    );
    assert!(named.stderr.contains("nowhere is not there"), "{}", named.stderr);
}
