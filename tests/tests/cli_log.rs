//! `weighbridge log` and `verify-evidence`: a log that grows, one that is not sound, and one that contradicts itself.

use std::{fs, path::Path};

use harness::{
    cli::Ran,
    lab::{self, Lab},
    proxy::Proxy,
    registry::TestRegistry,
};

fn status(lab: &Lab, url: &str) -> Ran {
    lab.cli(&lab.trust()).run(&["log", "status", "--registry", url])
}

/// The evidence file that a run names.
fn evidence(ran: &Ran) -> String {
    assert_eq!(ran.code, 9, "{ran}");
    let (_, after) = ran.stderr.split_once("views are kept in ").expect("a file");
    let (path, _) = after.split_once(';').expect("its name ends");
    path.to_owned()
}

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_folder(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).expect("a copy");
        }
    }
}

#[test]
fn a_log_that_grows_is_proved_and_an_old_view_is_kept_as_evidence() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let old = lab.registry.get("/log/checkpoint").body;
    let first = cli.ok(&["log", "status", "--json"]).json();
    assert_eq!(
        (&first["size"], &first["before"]),
        (&2.into(), &serde_json::Value::Null)
    );
    assert!(cli.ok(&["log", "status"]).stdout.contains("the same as when"));
    lab::create_publisher(&cli, "second.example", "second.key");
    let grown = cli.ok(&["log", "status"]).stdout;
    assert!(
        grown.contains("entries    3")
            && grown.contains("1 new")
            && grown.contains("the first 2 are where they were"),
        "{grown}"
    );
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == "/log/checkpoint").then(|| old.clone())
    });
    let ran = status(&lab, proxy.url());
    assert!(
        ran.stderr.contains("had 3 entries") && ran.stderr.contains("shows 2 now"),
        "{ran}"
    );
    let shown = cli.run(&["verify-evidence", &evidence(&ran)]);
    assert_eq!(shown.code, 9, "{shown}");
    assert!(shown.stdout.contains("somebody was given an old view"), "{shown}");
    // What was remembered stays.
    assert!(
        status(&lab, lab.registry.url())
            .stdout
            .contains("the same as when")
    );
}

#[test]
fn a_changed_past_is_shown_to_anybody_who_has_the_file_and_the_key() {
    let mut lab = Lab::small_without_page();
    lab.registry.kill9();
    // What somebody makes of a backup: the same key, and another third entry.
    let mut twin = TestRegistry::start_without_page();
    twin.kill9();
    fs::remove_dir_all(twin.data()).expect("its data");
    copy_folder(&lab.registry.data(), &twin.data());
    lab.registry.restart();
    twin.restart();
    assert_eq!(twin.log_key(), lab.registry.log_key());
    let cli = lab.cli(&lab.trust());
    let cli = cli.with("WEIGHBRIDGE_REGISTRY", lab.registry.url());
    lab::create_publisher(&cli, "second.example", "second.key");
    assert_eq!(status(&lab, lab.registry.url()).code, 0);
    let other = cli.clone().with("WEIGHBRIDGE_REGISTRY", twin.url());
    lab::create_publisher(&other, "third.example", "third.key");
    let ran = status(&lab, twin.url());
    assert!(ran.stderr.contains("two different trees of 3 entries"), "{ran}");
    lab::create_publisher(&other, "fourth.example", "fourth.key");
    let ran = status(&lab, twin.url());
    assert!(ran.stderr.contains("its first 3 entries are no longer"), "{ran}");
    // Away from the log, its registry and the trust file.
    let file = evidence(&ran);
    let nobody =
        harness::cli::Cli::new(lab.work()).with("HOME", lab.work().join("elsewhere").to_string_lossy());
    let nobody = nobody.with("XDG_CONFIG_HOME", lab.work().join("elsewhere").to_string_lossy());
    let shown = nobody.run(&["verify-evidence", &file, "--key", twin.log_key()]);
    assert_eq!(shown.code, 9, "{shown}");
    assert!(shown.stdout.contains("the past was changed"), "{shown}");
    assert_eq!(nobody.run(&["verify-evidence", &file]).code, 2);
    let stranger = TestRegistry::start_without_page();
    let shown = nobody.run(&["verify-evidence", &file, "--key", stranger.log_key()]);
    assert_eq!(shown.code, 2, "{shown}");
}

#[test]
fn an_audit_reads_everything_and_names_what_does_not_hold() {
    let lab = Lab::small_without_page();
    let cli = lab.cli(&lab.trust());
    let sound = cli.ok(&["log", "audit", "--json"]).json();
    assert_eq!(sound["audited"]["entries"], 2, "{sound}");
    assert!(cli.ok(&["log", "audit"]).stdout.contains("2 entries read"));
    for (part, wanted) in [
        ("/log/tile/entries/", "entry 1"),
        ("/log/tile/0/", "the tile tile/0/000.p/2"),
        ("/api/v1/records/", "entry 0"),
    ] {
        let proxy = Proxy::start(lab.registry.url(), move |path, body| {
            path.starts_with(part).then(|| {
                let mut changed = body.to_vec();
                let last = changed.len() - 1;
                changed[last] ^= 1;
                changed
            })
        });
        let ran = cli.run(&["log", "audit", "--registry", proxy.url()]);
        assert_eq!(ran.code, 9, "{part}: {ran}");
        assert!(ran.stderr.contains(wanted), "{part}: {ran}");
    }
    let ran = harness::cli::Cli::new(lab.work()).run(&["log", "status", "--registry", lab.registry.url()]);
    assert_eq!(ran.code, 2, "{ran}");
    assert!(
        ran.stderr.contains("You have not chosen a log to trust yet"),
        "{ran}"
    );
}
