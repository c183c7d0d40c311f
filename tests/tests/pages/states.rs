//! Every state that the page can be in, one after the other, for tests that look at each.

use std::{fs, path::PathBuf};

use harness::{
    browser::Role,
    hostile::{HostileLog, Lie},
    lab::{self, Lab, PUBLISHER},
    models::{Model, lfs_pointer_to, noise},
    page::VerifyPage,
    proxy::Proxy,
    registry::TestRegistry,
};

/// Looks at the page in a state, by its name.
pub(crate) type Look<'a> = &'a mut dyn FnMut(&VerifyPage, &str);

/// Before files are chosen: no trust, trust offered, chosen, refused, warned of; addresses that name something.
pub(crate) fn before_files(look: Look<'_>) {
    let lab = Lab::small();
    let other = TestRegistry::start_without_page();
    let (flag, lie) = (lab.work().join("lie"), other.trust().into_bytes());
    let told = flag.clone();
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == "/trust" && told.exists()).then(|| lie.clone())
    });
    let page = VerifyPage::open(proxy.url());
    look(&page, "start");
    page.browser.fill(Role::TextBox, "Or paste one", "log nonsense");
    page.browser.click(Role::Button, "Use the pasted file");
    page.browser.wait_for_text("This is not a trust file");
    look(&page, "trust-refused");
    page.reload();
    page.browser.click(Role::Button, "See what this registry offers");
    page.browser.wait_for("the offer", |browser| {
        (browser.count("trust-adopt") > 0).then_some(())
    });
    look(&page, "trust-offered");
    page.browser.click(Role::Button, "Trust this log key");
    page.browser.wait_for("a trust file", |browser| {
        (browser.count("trust-forget") > 0).then_some(())
    });
    look(&page, "trust-chosen");
    page.visit("/");
    look(&page, "home");
    page.visit("/verify#record=zzz");
    page.browser.wait_for_text("This address names no record");
    look(&page, "no-such-record");
    // Another path, for an address that differs in its fragment alone is the same page still.
    page.visit("/");
    page.visit(&format!("/verify#record={}", lab.record));
    page.browser.wait_for("the named record", |browser| {
        (browser.count("named") > 0).then_some(())
    });
    look(&page, "record-named");
    page.visit("/verify");
    fs::write(flag, "").expect("a writable folder");
    page.reload_when_kept(true);
    page.browser.wait_for("a warning", |browser| {
        (browser.count("trust-warning") > 0).then_some(())
    });
    look(&page, "log-key-changed");
}

/// The verdicts that a lab's own record and damaged copies of it give, and the question whom to trust.
pub(crate) fn verdicts(look: Look<'_>) {
    let lab = Lab::new(Model::wordllama());
    let page = VerifyPage::open(lab.registry.url());
    page.weigh(lab.model.folder());
    look(&page, "untrusted-no-log");
    page.paste_trust(&lab.registry.trust());
    page.browser.wait_for("a log", |_| {
        Some(page.verdict()).filter(|card| card.verdict == "untrusted" && card.subtype.is_empty())
    });
    look(&page, "untrusted");
    page.browser
        .click(Role::Button, &format!("Trust {PUBLISHER} from now on"));
    look(&page, "asking-whom-to-trust");
    page.browser.click(Role::Button, &format!("Trust {PUBLISHER}"));
    page.verdict_is("authentic");
    look(&page, "authentic");

    let mut judge = |copy: &str, damage: &dyn Fn(&Model), wanted: &str| {
        let model = lab.copy(copy);
        damage(&model);
        page.start_over();
        let card = page.weigh(model.folder());
        assert_eq!(card.verdict, wanted, "{copy}: {}", card.text);
        look(&page, copy);
    };
    let config = "l2_supercat_tokenizer_config.json";
    judge("altered", &|model| model.flip_bit(9_000_000), "mismatch");
    judge("cut-short", &|model| model.truncate(9_000_000), "mismatch");
    judge(
        "added",
        &|model| model.write("modeling_x.py", b"print('hello')\n"),
        "mismatch",
    );
    judge("incomplete", &|model| model.remove(config), "incomplete");
    let nobody = |model: &Model| {
        model.remove(config);
        fs::write(model.weights(), noise(99, 5_000_000)).expect("a writable file");
    };
    judge("unknown", &nobody, "unknown");
}

/// Verdicts over logs that lie.
pub(crate) fn faults(look: Look<'_>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = Model::small(&folder.path().join("model"));
    let registry = TestRegistry::start();
    for (lie, wanted, state) in [
        (Lie::WrongSignature, "log-fault", "log-fault"),
        (Lie::WithheldKeyset, "stale", "stale-withheld"),
    ] {
        let log = HostileLog::about(&model, lie);
        let trust = log.trust().to_owned();
        let proxy = log.tell(&registry);
        let page = VerifyPage::open(proxy.url());
        page.paste_trust(&trust);
        let card = page.weigh(model.folder());
        assert_eq!(card.verdict, wanted, "{}", card.text);
        look(&page, state);
    }
}

/// What is no weights, weights of GGUF, and a bundle that answers.
pub(crate) fn formats(look: Look<'_>) {
    let work = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::on(TestRegistry::start(), Model::gguf(&work.path().join("model")));
    let page = VerifyPage::trusting(&lab);
    let mut judge = |state: &str, files: &[PathBuf], wanted: (&str, &str)| {
        page.check_files(files);
        let card = page.verdict();
        assert_eq!(
            (card.verdict.as_str(), card.subtype.as_str()),
            wanted,
            "{}",
            card.text
        );
        look(&page, state);
        page.start_over();
    };
    let bundle = lab.work().join("tiny.weighbridge");
    let path = bundle.to_string_lossy();
    lab.cli(&lab.trust_pinned())
        .ok(&["bundle", &lab.record, "-o", &path]);
    judge(
        "by-bundle",
        &[lab.model.weights(), bundle.clone()],
        ("authentic", ""),
    );
    let changed = lab.copy("changed");
    changed.flip_bit(changed.tensor("output.weight").start);
    judge("gguf-altered", &[changed.weights()], ("mismatch", "altered"));
    let pointer = lfs_pointer_to(&lab.model.weights());
    for (state, bytes) in [
        ("empty", ""),
        ("html", "<!DOCTYPE html><title>Sign in</title>"),
        ("lfs-pointer", &pointer),
    ] {
        let file = lab.work().join("model.gguf");
        fs::write(&file, bytes).expect("a writable folder");
        judge(state, &[file], ("unknown", state));
    }
}

/// While files are read, when there is a choice to make, and when it stops without a verdict.
pub(crate) fn on_the_way(look: Look<'_>) {
    let work = tempfile::tempdir().expect("a temporary folder");
    let mut lab = Lab::on(
        TestRegistry::start(),
        Model::hollow(&work.path().join("acme-7b"), 3 << 30),
    );
    let page = VerifyPage::trusting(&lab);
    // Byte 0 of the weights is the length of the header, so the change is found with the first chunk.
    lab.model.flip_bit(1 << 20);
    page.check_folder(lab.model.folder());
    page.browser.wait_for("the difference", |browser| {
        (browser.count("difference") > 0).then_some(())
    });
    page.browser.click(Role::Button, "Pause");
    page.browser.wait_for("a paused page", |browser| {
        (browser.count("resume") > 0).then_some(())
    });
    look(&page, "reading-and-paused");
    page.browser.click(Role::Button, "Cancel");
    lab.registry.kill9();
    page.check_files(&[lab.model.path("config.json")]);
    page.browser.wait_for("the notice", |browser| {
        (browser.count("stopped") > 0).then_some(())
    });
    look(&page, "stopped");

    let lab = Lab::small();
    lab::create_publisher(&lab.cli(&lab.trust()), "copycat.example", "copycat.key");
    lab::publish(
        &lab.cli(&lab.trust()),
        &lab.model,
        "copycat.key",
        "copycat.example",
        "copycat/minilm",
        "9.9",
        "att-copycat",
    );
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    page.check_folder(lab.model.folder());
    page.browser.wait_for("a choice", |browser| {
        (browser.count("candidate") == 2).then_some(())
    });
    look(&page, "choosing");
}

/// A lab with a record of how its model was made too, and another publisher of the same bytes.
pub(crate) fn busy_lab() -> Lab {
    let lab = Lab::small();
    let cli = lab.cli(&lab.trust());
    let folder = lab.model.folder().to_string_lossy().into_owned();
    let attest = [
        "attest",
        &folder,
        "--publisher",
        lab::PUBLISHER,
        "--key",
        "lab.key",
        "--name",
        "acme/minilm",
        "--version",
        "1.1",
        "--stage",
        "post-training",
        "--input",
        &format!("base-model={}", lab.record),
        "--metric",
        "loss=2.31",
        "--out",
        "att-made",
        "--official",
        "https://models.example/minilm",
    ];
    cli.ok(&attest);
    cli.ok(&["publish", "att-made"]);
    lab
}

/// Every page but Verify, in every state.
pub(crate) fn site(look: Look<'_>) {
    let lab = busy_lab();
    let newest = newest_record(&lab, "signature");
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    let mut at = |path: &str, hook: &str, state: &str| {
        page.browser.goto("about:blank");
        page.browser.goto(&format!("{}{path}", lab.registry.url()));
        page.browser
            .wait_for(state, |browser| (browser.count(hook) > 0).then_some(()));
        look(&page, state);
    };
    at(&format!("/record/{newest}"), "files", "record");
    at(
        &format!("/record/{}", "0".repeat(64)),
        "missing",
        "record-missing",
    );
    at(&format!("/publisher/{}", lab::PUBLISHER), "identity", "publisher");
    at("/publisher/nobody.example", "missing", "publisher-missing");
    at("/publishers", "publisher-row", "publishers");
    at(&format!("/artifact/{}", dir_hash1(&lab)), "records", "artifact");
    at("/search?q=minilm", "record-row", "search-words");
    at("/search?q=nothing+of+that+name", "none", "search-none");
    at(
        &format!("/search#hash={}", dir_hash1(&lab)),
        "match",
        "search-digest",
    );
    at("/log", "growth", "log");
    at(&format!("/badge#record={newest}"), "badge-preview", "badge");
    at("/developers", "operation", "developers");
    at("/styleguide", "record-row", "styleguide");
    at("/nosuch", "missing", "no-such-page");
    page.browser
        .goto(&format!("{}/record/{newest}", lab.registry.url()));
    page.browser.wait_for("the record", |browser| {
        (browser.count("check-proof") > 0).then_some(())
    });
    page.browser.click(Role::Button, "Check the log proof now");
    page.browser
        .wait_for("the proof", |browser| (browser.count("proved") > 0).then_some(()));
    look(&page, "record-proved");
}

/// The newest record of the lab's model of this kind of predicate.
pub(crate) fn newest_record(lab: &Lab, kind: &str) -> String {
    let found = lab.registry.get("/api/v1/search?q=minilm");
    let answer = found.json();
    let results = answer["results"].as_array().expect("results");
    let of_kind =
        |record: &&serde_json::Value| record["kind"].as_str().is_some_and(|found| found.contains(kind));
    let newest = results.iter().find(of_kind).expect("a record of this kind");
    newest["record"].as_str().expect("an id").to_owned()
}

/// The dirHash1 of the lab's model.
pub(crate) fn dir_hash1(lab: &Lab) -> String {
    let found = lab.registry.get(&format!("/api/v1/records/{}", lab.record));
    let statement = found.json();
    statement["subject"][0]["digest"]["dirHash1"]
        .as_str()
        .expect("a digest")
        .to_owned()
}
