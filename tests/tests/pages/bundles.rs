//! The Verify page with a bundle among the files: it answers without a request, and with the registry gone.

use std::{fs, path::PathBuf};

use harness::{forgery::forged_bundle, lab::Lab, models::Model, page::VerifyPage, proxy::Proxy};
use provenance::{bundle::Bundle, lookup::MAX_CANDIDATES};

/// A copy of the model with its bundle in it.
fn bundled(lab: &Lab, name: &str) -> (Model, PathBuf) {
    let model = lab.copy(name);
    let bundle = model.path("minilm.weighbridge");
    let path = bundle.to_string_lossy();
    lab.cli(&lab.trust_pinned())
        .ok(&["bundle", &lab.record, "-o", &path]);
    (model, bundle)
}

/// A page that trusts the lab, through a proxy that knows every request.
fn watched(lab: &Lab) -> (Proxy, VerifyPage) {
    let proxy = Proxy::start(lab.registry.url(), |_, _| None);
    let page = VerifyPage::open(proxy.url());
    page.paste_trust(&lab.trust_pinned_text());
    (proxy, page)
}

/// Waits until the workers that the page starts with have loaded.
fn loaded(proxy: &Proxy, page: &VerifyPage) -> usize {
    page.browser.wait_for("the workers", |_| {
        (proxy.seen().iter().any(|path| path.contains("worker.js"))).then_some(())
    });
    // Every worker imports the page's own script, which the browser has.
    page.browser.wait_for("the network to be quiet", |browser| {
        let before = proxy.seen().len();
        browser.js::<bool>(
            "return new Promise((done) => setTimeout(() => done(true), 500))",
            vec![],
        );
        (proxy.seen().len() == before).then_some(before)
    })
}

#[test]
fn a_bundle_answers_without_a_request_and_with_the_registry_gone() {
    let mut lab = Lab::small();
    let (model, bundle) = bundled(&lab, "whole");
    let (damaged, _) = bundled(&lab, "damaged");
    let tensor = damaged.tensors().remove(0);
    damaged.flip_bit(damaged.tensor(&tensor.name).start);
    let (proxy, page) = watched(&lab);
    let before = loaded(&proxy, &page);
    lab.registry.kill9();

    let card = page.weigh(model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    let wanted = "The evidence came from the bundle minilm.weighbridge. The registry was asked nothing.";
    assert!(card.green && card.text.contains(wanted), "{}", card.text);
    assert_eq!(
        proxy.seen()[before..],
        Vec::<String>::new(),
        "no request was made"
    );
    page.assert_no_console_errors();

    page.start_over();
    page.check_files(&[model.weights(), bundle.clone()]);
    let card = page.verdict();
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert_eq!(
        proxy.seen()[before..],
        Vec::<String>::new(),
        "no request was made"
    );

    page.start_over();
    page.check_files(&[bundle]);
    page.browser
        .wait_for_text("minilm.weighbridge holds acme/minilm 1.0 by acme.example.");

    // Files that differ could be those of another record, which only the registry could say.
    page.check_folder(damaged.folder());
    let card = page.verdict();
    assert_eq!(
        (card.verdict.as_str(), card.subtype.as_str()),
        ("mismatch", "altered"),
        "{}",
        card.text
    );
    assert!(
        card.text.contains("the registry could not be asked"),
        "{}",
        card.text
    );
    let file = card
        .files
        .iter()
        .find(|file| file.verdict == "altered")
        .expect("the changed file");
    assert!(file.tensors.contains(&tensor.name), "{:?}", file.tensors);
}

#[test]
fn a_bundle_that_does_not_hold_is_told_and_the_registry_asked() {
    let lab = Lab::small();
    let (model, bundle) = bundled(&lab, "corrupt");
    let good = fs::read(&bundle).expect("the bundle");
    fs::write(&bundle, &good[..good.len() - 512]).expect("a writable file");
    let (proxy, page) = watched(&lab);
    let card = page.weigh(model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    assert!(
        card.text
            .contains("The bundle minilm.weighbridge does not hold: byte"),
        "{}",
        card.text
    );
    assert!(
        proxy.seen().iter().any(|path| path.starts_with("/api/v1/lookup")),
        "{:?}",
        proxy.seen()
    );
    page.start_over();
    page.check_files(&[bundle]);
    page.browser
        .wait_for_text("The bundle minilm.weighbridge does not hold");
    page.assert_no_console_errors();
}

#[test]
fn records_that_do_not_hold_take_no_honest_ones_place() {
    let mut lab = Lab::small();
    let (model, bundle) = bundled(&lab, "flooded");
    let honest = Bundle::parse(fs::read(&bundle).expect("the bundle")).expect("a bundle that holds");
    let forged = forged_bundle(&honest, &lab.record, MAX_CANDIDATES + 4);
    fs::write(model.path("a.weighbridge"), forged.as_bytes()).expect("a writable folder");
    let (proxy, page) = watched(&lab);
    loaded(&proxy, &page);
    lab.registry.kill9();
    let card = page.weigh(model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
    for wanted in [
        "The evidence came from the bundle minilm.weighbridge.",
        "The bundle a.weighbridge does not hold",
    ] {
        assert!(card.text.contains(wanted), "{}", card.text);
    }
}
