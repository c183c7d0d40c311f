//! The hostile corpus (tests/vectors/hostile) through every input of the page: trust files, what is pasted and linked,
//! files, and what a registry answers. Each is refused in the words of every other surface, and nothing turns green.

use std::{fs, path::PathBuf, sync::Arc};

use harness::{
    browser::Role,
    corpus::{Case, cases},
    lab::Lab,
    page::{Card, VerifyPage},
    proxy::Proxy,
    wait::Shared,
};
use provenance::api::paths;
use serde_json::{Value, json};

/// One registry with a published model for all tests of this file; every test has a browser of its own.
static LAB: Shared<Lab> = Shared::new();

fn lab() -> Arc<Lab> {
    LAB.get(Lab::small)
}

/// Nothing of a stranger runs, is green, or is trusted.
fn assert_untouched(page: &VerifyPage, case: &Case) {
    let green = page
        .verdicts_shown()
        .into_iter()
        .find(|shown| shown.contains("green"));
    assert_eq!(green, None, "{}", case.id);
    let ran: bool = page.browser.js(
        "return document.querySelector('img[src=x], main script') !== null",
        vec![],
    );
    assert!(!ran, "{} put an element into the page", case.id);
}

#[test]
fn trust_files_are_refused_and_adopted_by_nobody() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    for case in cases("trust") {
        let says = case
            .says
            .as_deref()
            .expect("every trust file of the corpus is refused");
        let file = lab.work().join(case.id.replace('/', "-"));
        fs::write(&file, &case.bytes).expect("a writable folder");
        page.browser.upload("trust-file", &[file]);
        let decodes = std::str::from_utf8(&case.bytes).is_ok();
        page.browser
            .wait_for(&format!("{} to be refused with {says:?}", case.id), |_| {
                let panel = page.trust_panel().to_lowercase();
                (panel.contains(&says.to_lowercase()) || !decodes && panel.contains("line 1")).then_some(())
            });
        assert_eq!(page.browser.count("trust-forget"), 0, "{} was adopted", case.id);
        assert_untouched(&page, &case);
        page.reload();
    }
    page.assert_no_console_errors();
}

#[test]
fn what_is_pasted_or_linked_runs_nothing_and_names_nothing() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    for case in cases("query") {
        let text = String::from_utf8(case.bytes.clone()).expect("what is pasted is text");
        let typed = "const field = document.querySelector('[data-test=input-digest]'); field.value = arguments[0]; \
                     field.dispatchEvent(new Event('input', { bubbles: true }));";
        page.browser.js::<Value>(typed, vec![json!(text)]);
        page.browser.click(Role::Button, "Look up");
        page.browser
            .wait_for(&format!("{} to be refused", case.id), |browser| {
                let wrong: String = browser.js(
                    "return document.getElementById('query-wrong').textContent",
                    vec![],
                );
                let refused = wrong.contains("64 characters") || wrong.contains("leads to another registry");
                refused.then_some(())
            });
        assert_untouched(&page, &case);
        if let Some((_, fragment)) = text.split_once('#') {
            page.visit(&format!("/verify#{fragment}"));
            assert_eq!(page.browser.count("verdict"), 0, "{}", case.id);
            assert_eq!(page.browser.count("trust-forget"), 0, "{} was adopted", case.id);
            assert_untouched(&page, &case);
            page.visit("/verify");
        }
        page.reload();
    }
    page.assert_no_console_errors_but_of_leaving();
}

/// A file of the corpus on disk, under an ending that promises weights.
fn written(lab: &Lab, case: &Case, ending: &str) -> PathBuf {
    let file = lab.work().join(case.id.replace('/', "-")).with_extension(ending);
    fs::write(&file, &case.bytes).expect("a writable folder");
    file
}

/// Gives `files` to the page, and has `judge` look at the verdict; nothing of the case may be left in the page.
fn weigh(page: &VerifyPage, case: &Case, files: &[PathBuf], judge: impl FnOnce(&Card)) {
    page.check_files(files);
    judge(&page.verdict());
    assert_untouched(page, case);
    page.start_over();
}

#[test]
fn weights_that_do_not_read_are_unknown() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    for (kind, ending) in [("safetensors", "safetensors"), ("gguf", "gguf")] {
        for case in cases(kind) {
            weigh(&page, &case, &[written(&lab, &case, ending)], |card| {
                assert_eq!(card.verdict, "unknown", "{}: {}", case.id, card.text);
            });
        }
    }
    page.assert_no_console_errors();
}

#[test]
fn files_that_are_no_weights_are_named_for_what_they_are() {
    let lab = lab();
    let page = VerifyPage::trusting(&lab);
    for case in cases("junk") {
        weigh(&page, &case, &[written(&lab, &case, "safetensors")], |card| {
            let found = (card.verdict.as_str(), card.subtype.as_str());
            let wanted = ("unknown", case.says.as_deref().unwrap_or_default());
            assert_eq!(found, wanted, "{}: {}", case.id, card.text);
        });
    }
    page.assert_no_console_errors();
}

#[test]
fn bundles_that_do_not_hold_are_told_and_leave_the_verdict_to_the_registry() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    for case in cases("bundle") {
        let Some(says) = &case.says else { continue };
        let files = [lab.model.weights(), written(&lab, &case, "weighbridge")];
        weigh(&page, &case, &files, |card| {
            assert_eq!(card.verdict, "untrusted", "{}: {}", case.id, card.text);
            let told = card.text.to_lowercase();
            let wanted = says.to_lowercase();
            assert!(told.contains(&wanted), "{}: wanted {says:?} in {told}", case.id);
        });
    }
    page.assert_no_console_errors();
}

#[test]
fn lookup_answers_stop_with_words() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    for case in cases("lookup") {
        let says = case
            .says
            .clone()
            .expect("every lookup answer of the corpus is refused");
        let body = case.bytes.clone();
        let proxy = Proxy::start(lab.registry.url(), move |path, _| {
            (path == paths::LOOKUP).then(|| body.clone())
        });
        page.browser.goto(&format!("{}/verify", proxy.url()));
        page.browser.wait_for("the page", |browser| {
            (browser.count("input-folder") > 0).then_some(())
        });
        page.check_folder(lab.model.folder());
        page.browser
            .wait_for(&format!("{} to be refused with {says:?}", case.id), |browser| {
                let stopped = browser.count("stopped") > 0;
                (stopped && browser.text().to_lowercase().contains(&says.to_lowercase())).then_some(())
            });
        assert_eq!(page.browser.count("verdict"), 0, "{}", case.id);
    }
}
