//! Which files are found, which are passed over, and which are refused.

use super::*;

fn folder(files: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in files {
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file).unwrap();
    }
    folder
}

fn names(walk: &Walk) -> Vec<&str> {
    walk.files.iter().map(|f| f.path.as_str()).collect()
}

#[test]
fn lists_files_in_bytewise_order_and_ignores_only_at_the_top() {
    let folder = folder(&[
        "b.txt",
        "a/z",
        "a-b",
        ".git/config",
        ".gitignore",
        "a/.gitignore",
        "x.weighbridge",
        "d.weighbridge/x.py",
        ".cache/huggingface/y",
        ".cache/other",
        "model.sig",
    ]);
    let walk = walk(folder.path(), Purpose::Sign).unwrap();
    assert_eq!(
        names(&walk),
        [
            ".cache/other",
            "a-b",
            "a/.gitignore",
            "a/z",
            "b.txt",
            "d.weighbridge/x.py"
        ]
    );
    assert_eq!(
        walk.ignored,
        [
            ".cache/huggingface",
            ".git",
            ".gitignore",
            "model.sig",
            "x.weighbridge"
        ]
    );
    assert_eq!(
        walk.total_bytes(),
        walk.files.iter().map(|f| f.path.len() as u64).sum::<u64>()
    );
    assert_eq!(walk.ignored_files, 5, "folders count by the files in them");
    assert_eq!(walk.scope, Scope::Folder);
}

#[test]
fn one_file_is_listed_under_its_base_name() {
    let folder = folder(&["a/model.bin"]);
    let walk = walk(&folder.path().join("a/model.bin"), Purpose::Sign).unwrap();
    assert_eq!(names(&walk), ["model.bin"]);
    assert_eq!(walk.scope, Scope::SingleFile);
}

#[test]
#[cfg(unix)]
fn links_are_refused_when_signing_and_followed_to_files_when_verifying() {
    let folder = folder(&["blob", "sub/x"]);
    std::os::unix::fs::symlink("blob", folder.path().join("model.bin")).unwrap();
    let error = walk(folder.path(), Purpose::Sign).unwrap_err();
    assert!(
        matches!(&error, WalkError::Link { path } if path.ends_with("model.bin")),
        "{error}"
    );
    assert_eq!(
        names(&walk(folder.path(), Purpose::Check).unwrap()),
        ["blob", "model.bin", "sub/x"]
    );
    std::os::unix::fs::symlink("sub", folder.path().join("loop")).unwrap();
    let error = walk(folder.path(), Purpose::Check).unwrap_err();
    assert!(
        matches!(&error, WalkError::LinkToFolder { path } if path.ends_with("loop")),
        "{error}"
    );
}

#[test]
#[cfg(unix)]
fn a_link_that_leads_nowhere_is_no_file_when_checking() {
    let folder = folder(&["x"]);
    std::os::unix::fs::symlink("gone", folder.path().join("model.bin")).unwrap();
    assert_eq!(names(&walk(folder.path(), Purpose::Check).unwrap()), ["x"]);
    assert!(matches!(
        walk(folder.path(), Purpose::Sign),
        Err(WalkError::Link { .. })
    ));
}

#[test]
#[cfg(target_os = "linux")]
fn a_name_that_is_not_text_is_refused_when_signing_and_seen_when_checking() {
    use std::os::unix::ffi::OsStrExt;
    let folder = folder(&[]);
    fs::write(folder.path().join(OsStr::from_bytes(b"a\xff.py")), "x").unwrap();
    assert!(matches!(
        walk(folder.path(), Purpose::Sign),
        Err(WalkError::NotUtf8 { .. })
    ));
    assert_eq!(
        names(&walk(folder.path(), Purpose::Check).unwrap()),
        ["a\u{fffd}.py"]
    );
}

#[test]
#[cfg(unix)]
fn a_socket_is_refused_and_never_opened() {
    let folder = folder(&[]);
    let path = folder.path().join("model.bin");
    std::os::unix::net::UnixListener::bind(&path).unwrap();
    for purpose in [Purpose::Sign, Purpose::Check] {
        assert!(matches!(
            walk(folder.path(), purpose),
            Err(WalkError::Special { .. })
        ));
    }
}

#[test]
fn a_path_that_is_not_there_says_so() {
    let failure = Failure::from(walk(Path::new("no/such/folder"), Purpose::Sign).unwrap_err());
    assert_eq!(failure.exit, Exit::Io);
    assert_eq!(
        failure.what,
        "could not look at no/such/folder: there is no such file or folder"
    );
}
