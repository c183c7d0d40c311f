//! What the other tests lean on: an error that nobody sees, or a size that is not taken, would make them hold always.

use harness::browser::Browser;
use serde_json::Value;

const PAGE: &str = "data:text/html,<!doctype html><title>A page</title>\
    <meta name=viewport content=width=device-width>\
    <meta http-equiv=Content-Security-Policy content=\"img-src 'none'\"><body><script>\
    function fail() { setTimeout(() => { throw new Error('thrown on purpose') }) }\
    function reject() { Promise.reject(new Error('rejected on purpose')) }\
    function show() { document.body.append(Object.assign(new Image(), { src: 'http://127.0.0.1:9/' })) }\
    </script>";

#[test]
fn an_error_of_the_page_and_a_breach_of_its_policy_are_seen() {
    let browser = Browser::start();
    browser.goto(PAGE);
    assert_eq!(browser.console_errors(), Vec::<String>::new());
    for (act, wanted) in [
        ("fail()", "thrown on purpose"),
        ("reject()", "rejected on purpose"),
        ("show()", "img-src"),
    ] {
        browser.js::<Value>(act, vec![]);
        let mut seen = Vec::new();
        browser.wait_for(wanted, |browser| {
            seen.extend(browser.console_errors());
            seen.iter().any(|error| error.contains(wanted)).then_some(())
        });
    }
}

#[test]
fn colours_and_size_are_as_asked_for() {
    let browser = Browser::start();
    browser.goto(PAGE);
    for dark in [true, false, true] {
        browser.set_dark(dark);
    }
    for (width, height) in [(360, 740), (1280, 1000), (320, 640)] {
        browser.set_size(width, height);
    }
    let still = "return matchMedia('(prefers-reduced-motion: reduce)').matches";
    assert!(browser.js::<bool>(still, vec![]));
}
