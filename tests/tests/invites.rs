//! Invitations, from the operator's command to the publisher's: a registry that takes no name without one.

use std::process::Command;

use harness::{binaries::program, cli::Cli, registry::TestRegistry};

fn invite(registry: &TestRegistry, more: &[&str]) -> String {
    let output = Command::new(program("weighbridge-registry"))
        .args(["invite", "--json", "--data"])
        .arg(registry.data())
        .args(more)
        .output()
        .expect("the registry's program runs");
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    answer["invite"].as_str().expect("a token").to_owned()
}

#[test]
fn a_name_is_created_with_an_invitation_and_once() {
    let registry = TestRegistry::start_with(None, &["--admission", "invite"]);
    let work = tempfile::tempdir().expect("a temporary folder");
    let cli = Cli::new(work.path()).with("WEIGHBRIDGE_REGISTRY", registry.url());
    for key in ["a.key", "b.key", "c.key"] {
        cli.ok(&["key", "new", "--out", key, "--no-passphrase"]);
    }
    let create = |name: &str, key: &str, token: Option<&str>| {
        let mut words = vec!["publisher", "create", name, "--key", key];
        words.extend(token.iter().flat_map(|token| ["--invite", *token]));
        cli.run(&words)
    };
    let refused = create("acme.ai", "a.key", None);
    assert!(
        refused.code == 2 && refused.stderr.contains("--invite"),
        "{}",
        refused.stderr
    );
    let wrong = create("acme.ai", "a.key", Some(&"0".repeat(64)));
    assert!(
        wrong.stderr.contains("gave out no such invitation"),
        "{}",
        wrong.stderr
    );
    let short = create("acme.ai", "a.key", Some("abc"));
    assert!(short.stderr.contains("64 hex digits"), "{}", short.stderr);

    // While the server runs, for a name that could be a domain.
    let token = invite(&registry, &[]);
    let created = create("acme.ai", "a.key", Some(&token));
    assert_eq!(created.code, 0, "{}", created.stderr);
    let again = create("acme.ai", "a.key", Some(&token));
    assert_eq!(again.code, 0, "{}", again.stderr);
    let other = create("other.ai", "b.key", Some(&token));
    assert!(
        other.code == 2 && other.stderr.contains("has been used"),
        "{}",
        other.stderr
    );

    let named = invite(&registry, &["--name", "third.ai", "--expires", "1h"]);
    let other = create("other.ai", "b.key", Some(&named));
    assert!(
        other.stderr.contains("is for the name third.ai"),
        "{}",
        other.stderr
    );
    assert_eq!(create("third.ai", "c.key", Some(&named)).code, 0);
}

#[test]
fn an_invitation_for_no_registry_is_refused() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let output = Command::new(program("weighbridge-registry"))
        .args(["invite", "--data"])
        .arg(work.path())
        .output()
        .expect("the registry's program runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("holds no registry"), "{said}");
}
