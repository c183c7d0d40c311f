//! Exit codes and messages without a registry.

mod common;

use std::process::Stdio;

use common::Place;

#[test]
fn mistakes_on_the_command_line_end_with_2() {
    let place = Place::new();
    let id = "ab".repeat(32);
    for args in [
        &["frobnicate"][..],
        &[],
        &["verify"],
        &["verify", "x", "--record", "12"],
        &["publisher", "trust", "Acme", &id],
        &["publisher", "trust", "acme.example", "12"],
        &[
            "attest",
            "x",
            "--publisher",
            "a",
            "--key",
            "k",
            "--name",
            "n",
            "--out",
            "o",
            "--stage",
            "cooking",
        ],
        &[
            "attest",
            "x",
            "--publisher",
            "a",
            "--key",
            "k",
            "--name",
            "n",
            "--out",
            "o",
            "--input",
            "a=b",
        ],
        &[
            "show",
            "neither an id nor a name",
            "--registry",
            "http://127.0.0.1:1",
        ],
        &["verify", "x", "--timeout", "0"],
    ] {
        place.expect(2, args);
    }
}

#[test]
fn without_a_registry_the_next_step_is_told() {
    let place = Place::new();
    place.write("m/x", "x");
    let ran = place.expect(2, &["verify", "m"]);
    assert!(
        ran.stderr.contains("no registry is known") && ran.stderr.contains("--registry"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_registry_that_does_not_answer_ends_with_8() {
    let place = Place::new();
    place.write("m/x", "x");
    let ran = place.expect(8, &["verify", "m", "--registry", "http://127.0.0.1:1"]);
    assert!(ran.stderr.contains("http://127.0.0.1:1"), "{}", ran.stderr);
    assert!(ran.stderr.contains("next:"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
    place.expect(2, &["verify", "m", "--registry", "registry.example"]);
}

#[test]
fn a_path_that_is_not_there_ends_with_7_and_is_named() {
    let place = Place::new();
    let ran = place.expect(7, &["verify", "no/such", "--registry", "http://127.0.0.1:1"]);
    assert!(ran.stderr.contains("no/such"), "{}", ran.stderr);
    let ran = place.expect(7, &["publish", "no/such", "--registry", "http://127.0.0.1:1"]);
    assert!(ran.stderr.contains("no/such"), "{}", ran.stderr);
}

#[test]
fn a_folder_that_attest_did_not_write_is_not_published() {
    let place = Place::new();
    place.write("att/1-signature.dsse.json", "{}");
    let ran = place.expect(2, &["publish", "att", "--registry", "http://127.0.0.1:1"]);
    assert!(ran.stderr.contains("1-signature.dsse.json"), "{}", ran.stderr);
    place.write("other/readme", "");
    let ran = place.expect(2, &["publish", "other", "--registry", "http://127.0.0.1:1"]);
    assert!(
        ran.stderr.contains("not a folder that attest wrote"),
        "{}",
        ran.stderr
    );
}

#[test]
fn with_json_an_error_is_an_object_too() {
    let place = Place::new();
    let ran = place.expect(2, &["key", "new", "--out", "k", "--json"]);
    let value = ran.json();
    assert_eq!((&value["v"], &value["error"]["exit"]), (&1.into(), &2.into()));
    assert!(
        value["error"]["what"]
            .as_str()
            .is_some_and(|what| !what.is_empty())
    );
}

#[test]
fn a_reader_that_goes_away_changes_nothing_but_the_output() {
    let place = Place::new();
    let mut child = place
        .command(&["key", "new", "--out", "lab.key", "--no-passphrase"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert!(place.path("lab.key").exists());
}

#[test]
fn help_tells_a_stranger_what_the_codes_mean_and_shows_an_example() {
    let place = Place::new();
    let ran = place.expect(0, &["--help"]);
    for text in ["attest", "publish", "verify", "Exit codes", "never leave it"] {
        assert!(ran.stdout.contains(text), "{text}");
    }
    for command in [
        &["key", "new"][..],
        &["publisher", "create"],
        &["publisher", "trust"],
        &["attest"],
        &["publish"],
        &["verify"],
        &["show"],
    ] {
        let ran = place.expect(0, &[command, &["--help"]].concat());
        assert!(ran.stdout.contains("Example"), "{command:?}");
    }
}

#[test]
fn output_that_is_no_terminal_has_no_colours() {
    let place = Place::new();
    let ran = place.expect(0, &["key", "new", "--out", "lab.key", "--no-passphrase"]);
    assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'));
}
