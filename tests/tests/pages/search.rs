//! Searching: by name, by digest, by a list, and what is said when there is nothing to find.

use harness::{
    browser::{Browser, Role},
    proxy::Proxy,
};

use super::{
    site::{lab, open, visit},
    states::dir_hash1,
};

/// What the search box is called.
const SEARCH: &str = "A model’s name, a publisher, a record id or link, or the SHA-256 of a file";

fn search_for(browser: &Browser, text: &str) {
    browser.fill(Role::SearchBox, SEARCH, text);
    browser.click(Role::Button, "Search");
}

#[test]
fn search_finds_words_and_never_sends_a_digest() {
    let lab = lab();
    let proxy = Proxy::start(lab.registry.url(), |_, _| None);
    let browser = open(proxy.url(), "/search", Role::Heading, "Search");
    search_for(&browser, "minilm");
    browser.wait_in_region("Found by name", "acme/minilm 1.1");
    assert!(browser.items_in_region("Found by name") >= 3);
    let address: String = browser.js("return location.search", vec![]);
    assert_eq!(address, "?q=minilm");

    let digest = dir_hash1(&lab);
    for input in [digest.clone(), format!("sha256:{digest}"), digest.to_uppercase()] {
        visit(&browser, proxy.url(), "/search", Role::Heading, "Search");
        search_for(&browser, &input);
        browser.wait_in_region("Found by digest", "All bytes together");
    }
    let list = format!("{digest}  minilm\n{}  nothing\n", "0".repeat(64));
    visit(&browser, proxy.url(), "/search", Role::Heading, "Search");
    browser.click(Role::Fold, "Look up a whole list (SHA256SUMS)");
    let field = "Paste the list: a digest and a file name on each line";
    browser.fill(Role::TextBox, field, list.trim_end());
    browser.click(Role::Button, "Look up the list");
    browser.wait_said(Role::Status, "1 of 2 digests on record");
    assert_eq!(browser.items_in_region("Found by digest"), 2);
    visit(
        &browser,
        proxy.url(),
        &format!("/search#hash={}", "0".repeat(64)),
        Role::Region,
        "Found by digest",
    );
    browser.wait_said(Role::Status, "says nothing good or bad");
    let leaked: Vec<_> = proxy
        .seen()
        .into_iter()
        .filter(|path| path.contains(&digest[..12]))
        .collect();
    assert_eq!(leaked, Vec::<String>::new(), "no digest was sent");

    visit(&browser, proxy.url(), "/search", Role::Heading, "Search");
    search_for(&browser, &format!("{}/record/{}", proxy.url(), lab.record));
    browser.get(Role::Region, "Files");
}

#[test]
fn a_search_that_cannot_be_made_says_why_and_where_to_go() {
    let lab = lab();
    let url = lab.registry.url();
    let browser = open(url, "/search", Role::Heading, "Search");
    search_for(&browser, &lab.record);
    browser.wait_said(Role::Status, "No record of such a file");
    browser.click(Role::Link, "ask for it as a record id");
    browser.get(Role::Region, "Files");

    let link = format!(
        "/search?q=http%3A%2F%2Felsewhere.example%2Frecord%2F{}",
        lab.record
    );
    visit(&browser, url, &link, Role::Heading, "Search");
    browser.wait_said(Role::Alert, "another registry, elsewhere.example");
    visit(&browser, url, "/search", Role::Heading, "Search");
    search_for(&browser, " ");
    browser.wait_said(Role::Alert, "Type a name");

    browser.click(Role::Fold, "Look up a whole list (SHA256SUMS)");
    let field = "Paste the list: a digest and a file name on each line";
    browser.fill(Role::TextBox, field, &format!("{}  a\nhello", "0".repeat(64)));
    browser.click(Role::Button, "Look up the list");
    browser.wait_said(Role::Alert, "Line 2 does not start with a digest: “hello”");
}
