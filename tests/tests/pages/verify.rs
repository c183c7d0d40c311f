//! The Verify page in a real browser, on the real all-MiniLM-L6-v2 and the real registry.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use harness::{
    browser::Role,
    lab::{Lab, PUBLISHER},
    models::{Model, noise, nth_chunk},
    page::VerifyPage,
    proxy::Proxy,
    registry::TestRegistry,
    wait::{Shared, assert_unchanged, wait_until_still},
};
use provenance::{Sha256Digest, chunk::CHUNK_SIZE};

/// One registry with the real model for all tests of this file; every test has a browser of its own.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(|| Lab::new(Model::minilm()))
}

/// Flips a bit of a copy at `offset`, and wants the card to name file, chunk and the tensor there.
fn assert_names_the_tensor(lab: &Lab, copy: &str, offset: u64) {
    let model = lab.copy(copy);
    let tensor = model.tensor_at(offset);
    model.flip_bit(offset);
    let page = VerifyPage::trusting(lab);
    let card = page.weigh(model.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "altered"),
        "{}",
        card.text
    );
    assert!(card.text.contains("These files were changed"), "{}", card.text);
    assert_eq!(card.differing(), [("model.safetensors", "altered")]);
    let file = card.file("model.safetensors");
    assert!(
        file.tensors.contains(&tensor),
        "{tensor} is named: {:?}",
        file.tensors
    );
    assert!(
        file.text.contains(&format!("{}22 chunks", nth_chunk(offset))),
        "{}",
        file.text
    );
    assert!(
        !page.verdicts_shown().iter().any(|shown| shown.contains("green")),
        "{:?}",
        page.verdicts_shown()
    );
    page.assert_no_console_errors();
}

#[test]
fn a_stranger_goes_from_no_trust_to_authentic_by_choices_of_their_own() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    assert!(
        page.trust_panel()
            .contains("You have not chosen a log to trust yet"),
        "{}",
        page.trust_panel()
    );

    // No log chosen: the bytes match, and nothing is green.
    let card = page.weigh(lab.model.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("untrusted", "no-log"),
        "{}",
        card.text
    );
    assert!(!card.green);

    // The registry's own file is shown in full, and adopted only on a click.
    page.browser.click(Role::Button, "See what this registry offers");
    page.browser
        .wait_for_text("This registry vouches for itself; compare the log key with one you got elsewhere");
    assert!(
        page.trust_panel().contains(lab.registry.log_key()),
        "the offer is shown in full"
    );
    assert!(
        page.trust_panel()
            .contains("You have not chosen a log to trust yet"),
        "nothing is adopted by itself"
    );
    page.browser.click(Role::Button, "Trust this log key");

    // The same bytes are judged again: logged, but by whom?
    let card = page.browser.wait_for("untrusted with a log", |_| {
        Some(page.verdict()).filter(|card| card.verdict == "untrusted" && card.subtype.is_empty())
    });
    assert!(!card.green);
    assert_eq!(card.check("inclusion").ok, "true");
    assert_eq!(card.check("signatures").ok, "true");
    assert_eq!(card.check("publisher").ok, "none");

    // Pinning shows who it is, and asks once.
    page.browser
        .click(Role::Button, &format!("Trust {PUBLISHER} from now on"));
    let dialog = page.browser.js::<String>(
        "return document.querySelector('dialog[open]').textContent",
        vec![],
    );
    assert!(
        dialog.contains(PUBLISHER) && dialog.contains(&lab.genesis),
        "{dialog}"
    );
    page.browser.click(Role::Button, &format!("Trust {PUBLISHER}"));

    let card = page.verdict_is("authentic");
    assert!(card.green);
    assert!(
        card.text.contains("Authentic") && card.text.contains("byte for byte"),
        "{}",
        card.text
    );
    assert!(card.text.contains("What this does not prove"));
    assert_eq!(card.files.len(), 12, "all but .gitattributes");
    assert!(card.files.iter().all(|file| file.verdict == "match"));
    assert_eq!(card.file("1_Pooling/config.json").verdict, "match");
    assert_eq!(
        page.verdicts_shown(),
        ["untrusted", "authentic (green)"],
        "only the last choice made it green"
    );
    page.assert_no_console_errors();
}

#[test]
fn trust_is_kept_across_visits_until_it_is_forgotten() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    page.reload_when_kept(true);
    page.browser.wait_for("kept trust", |browser| {
        (browser.count("trust-forget") > 0).then_some(())
    });
    assert!(page.trust_panel().contains(PUBLISHER), "{}", page.trust_panel());
    let card = page.weigh(&lab.model.weights().parent().expect("a folder").join("1_Pooling"));
    assert_ne!(card.verdict, "untrusted", "{}", card.text);

    page.browser.click(Role::Button, "Forget this choice");
    page.browser
        .wait_for_text("You have not chosen a log to trust yet");
    page.reload_when_kept(false);
    page.browser
        .wait_for_text("You have not chosen a log to trust yet");
}

#[test]
fn a_trust_file_can_be_opened_from_disk_and_a_bad_one_is_refused() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    let bad = lab.work().join("not-trust");
    fs::write(&bad, "log nonsense\n").unwrap();
    page.browser.upload("trust-file", std::slice::from_ref(&bad));
    page.browser.wait_for_text("This is not a trust file");
    assert!(
        page.trust_panel()
            .contains("You have not chosen a log to trust yet")
    );
    assert!(!page.trust_panel().contains("still holds"));
    page.open_trust(&lab.trust_pinned());
    assert!(page.trust_panel().contains(PUBLISHER), "{}", page.trust_panel());
    page.browser
        .js::<()>("document.querySelector('#trust summary').click()", vec![]);
    page.browser.upload("trust-file", &[bad]);
    page.browser.wait_for_text("What you chose before still holds");
    assert!(page.trust_panel().contains(PUBLISHER), "{}", page.trust_panel());
}

#[test]
fn a_changed_copy_leads_a_stranger_to_a_plain_answer() {
    let lab = lab();
    let changed = lab.copy("page-stranger");
    changed.flip_bit(CHUNK_SIZE / 2);
    let page = VerifyPage::open(lab.registry.url());
    let card = page.weigh(changed.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("unknown", "near"),
        "{}",
        card.text
    );
    assert!(
        page.browser.has(Role::Link, "Choose a log to trust"),
        "{}",
        card.text
    );
    page.browser
        .click(Role::Button, "They should be this record’s files");
    let card = page.verdict_is("mismatch");
    assert!(card.text.contains("These files were changed"), "{}", card.text);
    assert!(
        card.differing()
            .iter()
            .any(|(path, _)| *path == "model.safetensors")
    );
    page.assert_no_console_errors();
}

#[test]
fn files_of_something_else_are_not_said_to_be_unrecorded_when_a_record_was_named() {
    let lab = lab();
    let other = lab.work().join("page-other");
    fs::create_dir_all(&other).unwrap();
    fs::write(other.join("weights.bin"), noise(98, 100_000)).unwrap();
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    page.visit(&format!("/verify#record={}", lab.record));
    page.browser.wait_for_text("You expect acme/minilm");
    let card = page.weigh(&other);
    assert_eq!(card.verdict, "unknown", "{}", card.text);
    assert!(
        card.text.contains("None of these files is in this record"),
        "{}",
        card.text
    );
    assert_eq!(page.browser.count("trust-publisher"), 0, "nothing was compared");
}

#[test]
fn nothing_in_the_address_changes_whom_one_trusts() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    for path in [
        "/verify?trust=1#trust=all",
        &format!(
            "/verify?publisher={PUBLISHER}&genesis={}#log={}",
            lab.genesis,
            lab.registry.log_key()
        ),
        &format!("/verify#record={}", lab.record),
    ] {
        page.visit(path);
        page.browser
            .wait_for_text("You have not chosen a log to trust yet");
        assert_eq!(page.browser.count("trust-forget"), 0, "{path}");
    }
}

#[test]
fn a_log_key_that_changed_is_warned_of_loudly_and_not_adopted() {
    let lab = lab();
    let other = TestRegistry::start_without_page();
    let changed = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let (flag, instead) = (Arc::clone(&changed), other.trust());
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        let lies = path == "/trust" && flag.load(std::sync::atomic::Ordering::Relaxed);
        lies.then(|| instead.clone().into_bytes())
    });
    let page = VerifyPage::open(proxy.url());
    page.browser.click(Role::Button, "See what this registry offers");
    page.browser.click(Role::Button, "Trust this log key");
    page.browser.wait_for("a trust file", |browser| {
        (browser.count("trust-forget") > 0).then_some(())
    });
    page.reload_when_kept(true);
    page.browser.wait_for("kept trust", |browser| {
        (browser.count("trust-forget") > 0).then_some(())
    });
    assert_eq!(page.browser.count("trust-warning"), 0);

    changed.store(true, std::sync::atomic::Ordering::Relaxed);
    page.reload();
    page.browser.wait_for("a warning", |browser| {
        (browser.count("trust-warning") > 0).then_some(())
    });
    let panel = page.trust_panel();
    assert!(
        panel.contains("another log key than the one you took from it"),
        "{panel}"
    );
    let role = "return document.querySelector('[data-test=trust-warning]').closest('[role=alert]') !== null";
    assert!(page.browser.js::<bool>(role, vec![]), "it is announced");
    assert!(panel.contains(lab.registry.log_key()), "the remembered key stays");
}

#[test]
fn a_bit_flipped_in_the_middle_of_a_tensor_is_found_and_the_tensor_named() {
    let lab = lab();
    let bytes = lab.model.tensor("encoder.layer.3.attention.self.query.weight");
    assert_names_the_tensor(&lab, "page-middle", bytes.start.midpoint(bytes.end));
}

#[test]
fn a_bit_flipped_in_the_first_chunk_is_found_and_the_tensor_named() {
    assert_names_the_tensor(&lab(), "page-first-chunk", CHUNK_SIZE / 2);
}

#[test]
fn a_truncated_file_is_called_cut_short() {
    let lab = lab();
    let model = lab.copy("page-truncated");
    model.truncate(50_000_000);
    let card = VerifyPage::trusting(&lab).weigh(model.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "truncated"),
        "{}",
        card.text
    );
    assert_eq!(card.differing(), [("model.safetensors", "truncated")]);
}

#[test]
fn an_added_python_file_swapped_names_and_a_missing_file_are_each_told() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    let added = lab.copy("page-added");
    added.write("modeling_x.py", b"print('hello')\n");
    let card = page.weigh(added.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "extra"),
        "{}",
        card.text
    );
    assert!(
        card.text.contains("A file was added that is not on record"),
        "{}",
        card.text
    );
    assert_eq!(card.differing(), [("modeling_x.py", "extra")]);

    page.start_over();
    let swapped = lab.copy("page-swapped");
    swapped.swap("config.json", "tokenizer_config.json");
    let card = page.weigh(swapped.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "swapped"),
        "{}",
        card.text
    );
    assert_eq!(
        card.differing(),
        [("config.json", "swapped"), ("tokenizer_config.json", "swapped")]
    );

    page.start_over();
    let missing = lab.copy("page-missing");
    missing.remove("vocab.txt");
    let card = page.weigh(missing.folder());
    assert_eq!(card.verdict, "incomplete", "{}", card.text);
    assert_eq!(card.differing(), [("vocab.txt", "missing")]);
    assert!(
        !page.verdicts_shown().iter().any(|shown| shown.contains("green")),
        "{:?}",
        page.verdicts_shown()
    );
    page.assert_no_console_errors();
}

#[test]
fn a_file_that_nobody_recorded_is_unknown_and_stays_secret() {
    let lab = lab();
    let proxy = Proxy::start(lab.registry.url(), |_, _| None);
    let page = VerifyPage::open(proxy.url());
    page.paste_trust(&lab.trust_pinned_text());
    let path = lab.work().join("nobody.safetensors");
    fs::write(&path, noise(99, 5_000_000)).unwrap();
    page.check_files(&[path]);
    let card = page.verdict();
    assert_eq!(card.verdict, "unknown", "{}", card.text);
    assert!(card.text.contains("No record of this file"), "{}", card.text);
    for path in proxy.seen().iter().filter(|path| path.starts_with("/api/")) {
        let longest = path.split(|c: char| !c.is_ascii_hexdigit()).map(str::len).max();
        assert!(longest <= Some(5), "{path} says too much");
    }
}

#[test]
fn single_files_without_folders_are_matched_by_name_size_and_bytes() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    // Two listed files are called config.json; the bytes tell which one this is.
    let files: Vec<PathBuf> = lab
        .model
        .files()
        .iter()
        .filter(|name| !name.starts_with('.'))
        .map(|name| lab.model.path(name))
        .collect();
    page.check_files(&files);
    let card = page.verdict();
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(card.text.contains("Folder names were not seen"), "{}", card.text);

    page.start_over();
    page.browser.drop_files(&[lab.model.weights()]);
    let card = page.verdict();
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(card.text.contains("This file is byte for byte"), "{}", card.text);
}

#[test]
fn damaged_files_of_a_publisher_nobody_pinned_are_not_called_changed() {
    let lab = lab();
    let model = lab.copy("page-near");
    model.flip_bit(60_000_000);
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    let card = page.weigh(model.folder());
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("unknown", "near"),
        "{}",
        card.text
    );
    assert!(!card.green);
}

#[test]
fn while_paused_no_byte_is_read_and_cancel_ends_it() {
    let registry = TestRegistry::start();
    let work = tempfile::tempdir().unwrap();
    // Large enough that even a fast machine is still reading when the button is found.
    let lab = Lab::on(registry, Model::hollow(&work.path().join("hollow"), 3 << 30));
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.trust_pinned_text());
    page.check_folder(lab.model.folder());
    let state = || {
        let read = "const bar = document.querySelector('[data-test=progress]');
            return bar && [bar.value, bar.getAttribute('aria-valuetext'),
              ...[...document.querySelectorAll('.file-row-live .file-state')].map((row) => row.textContent)].join('|')";
        page.browser.js::<Option<String>>(read, vec![])
    };
    let percent = || {
        page.browser.js::<f64>(
            "return document.querySelector('[data-test=progress]').value",
            vec![],
        )
    };
    page.browser.click(Role::Button, "Pause");
    page.browser.wait_for("a paused page", |browser| {
        (browser.count("resume") > 0).then_some(())
    });
    // A chunk that was under way may still be counted; after that nothing moves.
    wait_until_still("what was under way", Duration::from_millis(500), state);
    assert_unchanged("progress while paused", Duration::from_secs(2), state);
    let paused_at = percent();
    assert!(paused_at < 100.0, "paused at {paused_at} percent");

    page.browser.click(Role::Button, "Resume");
    page.browser.wait_for("progress again", |browser| {
        let now: Option<f64> = browser.js(
            "return document.querySelector('[data-test=progress]')?.value ?? null",
            vec![],
        );
        now.is_none_or(|now| now > paused_at).then_some(())
    });
    page.browser.click(Role::Button, "Cancel");
    page.browser.wait_for("the start", |browser| {
        (browser.count("drop-zone") > 0).then_some(())
    });
    assert_unchanged("the page after a cancel", Duration::from_secs(1), || {
        (page.browser.count("verdict"), page.browser.count("progress"))
    });
    assert_eq!(page.verdicts_shown(), Vec::<String>::new());

    // A cancelled run leaves nothing behind: the next one is whole.
    page.check_files(&[lab.model.path("config.json")]);
    assert_eq!(page.verdict().verdict, "authentic");
}

#[test]
fn a_record_named_in_the_address_is_what_the_files_are_compared_with() {
    let lab = lab();
    let small = Model::small(&lab.work().join("named"));
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    page.visit(&format!("/verify#record={}", lab.record));
    page.browser.wait_for_text("acme/minilm");
    // Other files than those recorded: against a named record that is a mismatch, not a miss.
    let card = page.weigh(small.folder());
    assert_eq!(card.verdict, "mismatch", "{}", card.text);
}

#[test]
fn a_registry_that_is_gone_is_told_within_seconds() {
    let work = tempfile::tempdir().unwrap();
    let mut lab = Lab::on(TestRegistry::start(), Model::small(&work.path().join("model")));
    let page = VerifyPage::trusting(&lab);
    lab.registry.kill9();
    let begun = Instant::now();
    page.check_folder(lab.model.folder());
    page.browser.wait_for("the notice", |browser| {
        (browser.count("stopped") > 0).then_some(())
    });
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        begun.elapsed()
    );
    let text = page.browser.text();
    assert!(text.contains("We could not check this"), "{text}");
    // The workers wait since the page was loaded; where they had not come yet, they are what is missed first.
    let missed = [
        "The registry could not be reached for lookup",
        "did not start: its script could not be loaded",
    ];
    assert!(missed.iter().any(|told| text.contains(told)), "{text}");
    assert_eq!(page.browser.count("retry"), 1);
}

#[test]
fn a_fragment_that_names_nothing_says_so() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    for path in ["/verify#record=zzz", "/verify#hash=zzz"] {
        // Another path, for an address that differs in its fragment alone is the same page still.
        page.visit("/");
        page.visit(path);
        page.browser.wait_for_text("This address names no record");
        let text = page.browser.text();
        assert!(text.contains("“zzz”"), "{path}: {text}");
        assert_eq!(page.browser.count("drop-zone"), 1);
    }
}

#[test]
fn an_empty_choice_is_told() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    // What a browser does that tells of an empty folder; the test's own only opens the chooser again.
    page.browser.js::<serde_json::Value>(
        "document.querySelector('[data-test=input-folder]').dispatchEvent(new Event('change', { bubbles: true }))",
        vec![],
    );
    page.browser.wait_for_text("This folder holds no file.");
}

#[test]
fn what_is_named_while_files_are_here_is_compared_with_them_at_once() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    let small = Model::small(&lab.work().join("named-late"));
    let weights = Sha256Digest::of(&fs::read(lab.model.weights()).unwrap()).to_string();
    for named in [&lab.record, &weights] {
        let card = page.weigh(small.folder());
        assert_eq!(card.verdict, "unknown", "{}", card.text);
        page.browser.js::<serde_json::Value>(
            "location.hash = arguments[0]",
            vec![
                if named == &lab.record {
                    format!("record={named}")
                } else {
                    format!("hash={named}")
                }
                .into(),
            ],
        );
        let card = page.verdict_is("mismatch");
        assert!(card.text.contains("acme/minilm"), "{}", card.text);
        page.visit("/verify");
    }
}

#[test]
fn the_page_fits_a_phone_and_the_dark() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    for (width, height, dark) in [
        (1280, 1000, false),
        (1280, 1000, true),
        (360, 740, false),
        (360, 740, true),
    ] {
        page.browser.set_dark(dark);
        page.browser.set_size(width, height);
        let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert!(
            page.browser.js::<i64>(wide, vec![]) <= 0,
            "nothing sticks out at {width} pixels"
        );
        let lightness = "const paint = getComputedStyle(document.documentElement).backgroundColor;
            const [r, g, b, opacity = 1] = paint.match(/[\\d.]+/g).map(Number);
            return opacity === 1 ? Math.round((r + g + b) / 3) : null";
        let lightness: i64 = page.browser.js(lightness, vec![]);
        assert_eq!(lightness < 128, dark, "background lightness {lightness}");
    }
}
