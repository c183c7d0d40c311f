//! Folders as a stranger packs them.
#![cfg(unix)]

use std::{fs, path::Path};

use crate::{NOWHERE, attest, common::Place, said};

/// Folders as a stranger packs them. Each has one file whose name is not as it seems.
#[test]
fn folders_whose_names_mislead_are_neither_signed_nor_shown_raw() {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};
    let cases: [(&str, &[u8], &str); 12] = [
        ("reads backwards", "model\u{202e}gpj.py".as_bytes(), "\\u{202e}"),
        (
            "has a zero-width space",
            "config\u{200b}.json".as_bytes(),
            "\\u{200b}",
        ),
        ("clears the screen", b"a\x1b[2Jb", "\\u{1b}"),
        ("rings the bell", b"a\x07b", "\\u{7}"),
        ("has a line break", b"a\nb", "\\n"),
        ("has a carriage return", b"a\rb", "\\r"),
        ("is decomposed", "cafe\u{301}.txt".as_bytes(), "nfc"),
        ("is not UTF-8", b"a\xffb", "utf-8"),
        ("has a backslash", b"..\\..\\x", "no place in a file name"),
        ("is a tag", "a\u{e0041}b".as_bytes(), "\\u{e0041}"),
        ("is a line separator", "a\u{2028}b".as_bytes(), "\\u{2028}"),
        ("is a delete character", b"a\x7fb", "\\u{7f}"),
    ];
    for (what, name, says) in cases {
        let place = Place::new();
        place.key();
        place.write("model/config.json", "{}");
        let file = place.path("model").join(OsStr::from_bytes(name));
        fs::write(file, "x").unwrap();
        let ran = place.run(&attest("model", "lab.key"));
        let told = said(what, &ran);
        assert!(matches!(ran.code, 2 | 7), "a name that {what}: {told}");
        assert!(told.contains(says), "a name that {what}: {told}");
        assert!(!place.path("att").exists(), "a name that {what}");
        // Checking reads such a folder, and shows nothing of the name raw.
        let ran = place.run(&["verify", "model", "--registry", NOWHERE, "--timeout", "2"]);
        said(what, &ran);
        assert!(
            matches!(ran.code, 2 | 7 | 8),
            "a name that {what}: {}",
            ran.stderr
        );
    }
}

/// What a folder holds, how it is made, and what the refusal says.
type Trap<'a> = (&'static str, &'a dyn Fn(&Path), &'static str);

#[test]
fn folders_that_are_traps_are_not_signed() {
    use std::os::unix::fs::symlink;
    let place = |make: &dyn Fn(&Path)| {
        let place = Place::new();
        place.key();
        place.write("model/config.json", "{}");
        make(&place.path("model"));
        place
    };
    let fifo = |folder: &Path| {
        assert!(
            std::process::Command::new("mkfifo")
                .arg(folder.join("w.safetensors"))
                .status()
                .unwrap()
                .success()
        );
    };
    let traps: [Trap<'_>; 6] = [
        (
            "a link out of the folder",
            &|m| symlink("/etc/passwd", m.join("x")).unwrap(),
            "symbolic link",
        ),
        (
            "a link to itself",
            &|m| symlink("x", m.join("x")).unwrap(),
            "symbolic link",
        ),
        (
            "a link to its own folder",
            &|m| symlink(".", m.join("x")).unwrap(),
            "symbolic link",
        ),
        ("a pipe that never ends", &fifo, "neither a file nor a folder"),
        (
            "two names that differ in case",
            &|m| fs::write(m.join("Config.json"), "{}").unwrap(),
            "ignore case",
        ),
        (
            "two names that fold to one",
            &|m| {
                fs::write(m.join("strasse"), "").unwrap();
                fs::write(m.join("straße"), "").unwrap();
            },
            "ignore case",
        ),
    ];
    for (what, make, says) in traps {
        let place = place(make);
        let ran = place.run(&attest("model", "lab.key"));
        let told = said(what, &ran);
        assert!(matches!(ran.code, 2 | 7), "{what}: {told}");
        assert!(told.contains(says), "{what}: {told}");
        assert!(!place.path("att").exists(), "{what}");
    }
}
