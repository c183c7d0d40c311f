//! The pages around Verify: what they say, what they prove, what they ask for, and what they make of lies.

use std::sync::Arc;

use harness::{
    browser::{Browser, Role},
    host_page::HostPage,
    hostile::{HostileLog, Lie},
    lab::{self, Lab},
    models::Model,
    page::VerifyPage,
    proxy::Proxy,
    registry::TestRegistry,
    tls_host::TlsHost,
    wait::Shared,
};
use serde_json::{Value, json};

use super::states::{busy_lab, dir_hash1, newest_record};

/// One busy registry for all tests of this file and of the search; every test has a browser of its own.
static LAB: Shared<Lab> = Shared::new();

pub(super) fn lab() -> Arc<Lab> {
    LAB.get(busy_lab)
}

/// A browser on a path of the registry, once what it is about is there: a heading, or a part of the page.
pub(super) fn open(url: &str, path: &str, role: Role, name: &str) -> Browser {
    let browser = Browser::start();
    visit(&browser, url, path, role, name);
    browser
}

pub(super) fn visit(browser: &Browser, url: &str, path: &str, role: Role, name: &str) {
    browser.goto("about:blank");
    browser.goto(&format!("{url}{path}"));
    browser.get(role, name);
}

fn visit_publisher(browser: &Browser, lab: &Lab) {
    let path = format!("/publisher/{}", lab::PUBLISHER);
    visit(browser, lab.registry.url(), &path, Role::Heading, lab::PUBLISHER);
}

#[test]
fn a_record_says_what_it_is_and_leads_on() {
    let lab = lab();
    let record = newest_record(&lab, "signature");
    let browser = open(
        lab.registry.url(),
        &format!("/record/{record}"),
        Role::Region,
        "Files",
    );
    let text = browser.text();
    let entry = browser.wait_for("the entry", |browser| {
        (browser.count("taken-in") > 0).then(|| browser.region("The record"))
    });
    assert!(
        entry.contains(" UTC, as entry ") && entry.contains("says this registry"),
        "{entry}"
    );
    for wanted in [
        "acme/minilm 1.1",
        lab::PUBLISHER,
        "https://models.example/minilm",
        &record,
        "config.json",
    ] {
        assert!(text.contains(wanted), "{wanted} in {text}");
    }
    browser.wait_in_region("How it was made", "post-training");
    browser.wait_in_region("How it was made", "base-model");
    browser.wait_in_region("How it was made", "loss: 2.31");
    browser.click(Role::Link, "Check my copy");
    browser.wait_for_text("You expect acme/minilm 1.1 by acme.example");
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}

/// How far the page jumped since it was opened, once the browser has told of all of it. An engine that does not measure
/// that tells of nothing.
const SHIFTS: &str = "
if (!window.shifts) {
  window.shifts = { sum: 0, told: false };
  new PerformanceObserver((list) => list.getEntries().forEach((shift) => { shifts.sum += shift.value; }))
    .observe({ type: 'layout-shift', buffered: true });
  requestAnimationFrame(() => setTimeout(() => { shifts.told = true; }));
}
return shifts.told ? shifts.sum : null;";

/// Above this a page counts as one that jumps (web.dev/cls).
const MOST_SHIFT: f64 = 0.1;

#[test]
fn what_comes_late_pushes_nothing_about() {
    let lab = lab();
    let record = newest_record(&lab, "signature");
    let browser = Browser::start();
    browser.goto(lab.registry.url());
    browser.set_size(390, 844);
    for (path, region) in [
        ("/log".to_owned(), "Growth"),
        (format!("/publisher/{}", lab::PUBLISHER), "Records"),
        (format!("/record/{record}"), "How it was made"),
        (format!("/badge#record={record}"), "Every state"),
        (format!("/verify#record={record}"), "Whom you trust"),
    ] {
        visit(&browser, lab.registry.url(), &path, Role::Region, region);
        browser.wait_for("everything", |browser| {
            browser
                .js::<bool>("return document.querySelector('.waiting') === null", vec![])
                .then_some(())
        });
        let jumped = browser.wait_for("the shifts", |browser| browser.js::<Option<f64>>(SHIFTS, vec![]));
        assert!(jumped < MOST_SHIFT, "{path}: {jumped}");
    }
}

#[test]
fn a_record_is_proved_step_by_step_on_a_click() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    let path = format!("/record/{}", lab.record);
    visit(
        &page.browser,
        lab.registry.url(),
        &path,
        Role::Region,
        "Log proof",
    );
    page.browser.click(Role::Button, "Check the log proof now");
    page.browser.wait_in_region("Log proof", "choose a log to trust");
    page.paste_trust(&lab.registry.trust());
    page.browser
        .wait_in_region("Log proof", "You have not chosen to trust its publisher");
    page.browser.click(Role::Button, "Forget this choice");
    page.paste_trust(&lab.trust_pinned_text());
    page.browser.wait_in_region("Log proof", "whom you trust");
    assert!(page.browser.count("check") >= 8);
    let green: bool = page
        .browser
        .js("return document.querySelector('.is-green') !== null", vec![]);
    assert!(!green, "a proof of a record is no verdict on bytes");
    page.assert_no_console_errors_but_of_leaving();
}

#[test]
fn a_record_that_does_not_hold_says_so_on_its_page() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let model = Model::small(&folder.path().join("model"));
    let registry = TestRegistry::start();
    let log = HostileLog::about(&model, Lie::WrongSignature);
    let (trust, record) = (log.trust().to_owned(), log.record());
    let proxy = log.tell(&registry);
    let page = VerifyPage::open(proxy.url());
    page.paste_trust(&trust);
    visit(
        &page.browser,
        proxy.url(),
        &format!("/record/{record}"),
        Role::Region,
        "Log proof",
    );
    page.browser.click(Role::Button, "Check the log proof now");
    page.browser
        .wait_in_region("Log proof", "This record does not hold");
}

#[test]
fn a_record_whose_bytes_are_anothers_is_not_shown() {
    let lab = lab();
    let (wanted, other) = (newest_record(&lab, "signature"), lab.record.clone());
    let bytes = lab.registry.get(&format!("/api/v1/records/{other}")).body;
    let asked = format!("/api/v1/records/{wanted}");
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == asked).then(|| bytes.clone())
    });
    let browser = open(
        proxy.url(),
        &format!("/record/{wanted}"),
        Role::Button,
        "Try again",
    );
    browser.wait_said(Role::Alert, &format!("what came is record {other}"));
    assert!(!browser.has(Role::Region, "Files"));
}

#[test]
fn a_publisher_is_known_by_its_genesis_and_can_be_trusted_from_its_page() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    page.paste_trust(&lab.registry.trust());
    visit_publisher(&page.browser, &lab);
    assert!(page.browser.region("How it is known").contains(&lab.genesis));
    assert!(page.browser.items_in_region("Records") >= 2);
    let pin = format!("Trust {} by this genesis", lab::PUBLISHER);
    page.browser.click(Role::Button, &pin);
    page.browser
        .wait_in_region("How it is known", "Yes, with this genesis");
    // Nobody answers for acme.example here, which proves nothing either way.
    page.browser.click(Role::Button, "Ask it now");
    page.browser.wait_said(Role::Alert, "proves nothing either way");
    let text = page.browser.region("How it is known");
    assert!(
        text.contains("The site could not be reached") && !text.contains("registry could not be reached"),
        "{text}"
    );
    page.reload_when_kept(true);
    page.visit("/verify");
    let card = page.weigh(lab.model.folder());
    assert_eq!(card.verdict, "authentic", "{}", card.text);
}

#[test]
fn a_publisher_with_another_genesis_than_the_chosen_one_is_red() {
    let lab = lab();
    let page = VerifyPage::open(lab.registry.url());
    let pinned = format!(
        "{}publisher {} {}\n",
        lab.registry.trust(),
        lab::PUBLISHER,
        "0".repeat(64)
    );
    page.paste_trust(&pinned);
    visit_publisher(&page.browser, &lab);
    page.browser
        .wait_in_region("How it is known", "This is not the publisher that you chose");
    let pin = format!("Trust {} by this genesis", lab::PUBLISHER);
    assert!(!page.browser.has(Role::Button, &pin));
}

#[test]
fn the_publishers_own_site_confirms_its_genesis_or_denies_it() {
    let lab = lab();
    let ask = |genesis: &str| {
        let proof = json!({ "v": 1, "publisher": lab::PUBLISHER, "genesis": genesis }).to_string();
        let host = TlsHost::start(lab::PUBLISHER, "/.well-known/weighbridge.json", &proof);
        let browser = Browser::start_knowing(Some(&host));
        visit_publisher(&browser, &lab);
        browser.click(Role::Button, "Ask it now");
        (browser, host)
    };
    let (browser, _host) = ask(&lab.genesis);
    browser.wait_said(Role::Status, "confirms this genesis on its own site, just now");
    assert_eq!(browser.console_errors(), Vec::<String>::new());
    let (browser, _host) = ask(&"0".repeat(64));
    browser.wait_said(
        Role::Alert,
        "does not confirm this: its file names another genesis",
    );
}

#[test]
fn one_set_of_bytes_lists_every_record_about_it() {
    let lab = lab();
    let path = format!("/artifact/{}", dir_hash1(&lab));
    let browser = open(lab.registry.url(), &path, Role::Heading, "One set of bytes");
    assert_eq!(
        browser.items_in_region("Records about it"),
        3,
        "{}",
        browser.text()
    );
    visit(
        &browser,
        lab.registry.url(),
        &format!("/artifact/{}", "0".repeat(64)),
        Role::Heading,
        "No such artifact",
    );
}

#[test]
fn a_log_that_grew_is_proved_and_one_that_shrank_is_red() {
    let lab = Lab::small();
    let (before, flag) = (lab.registry.get("/log/checkpoint").body, lab.work().join("lie"));
    let told = flag.clone();
    let proxy = Proxy::start(lab.registry.url(), move |path, _| {
        (path == "/log/checkpoint" && told.exists()).then(|| before.clone())
    });
    let browser = open(proxy.url(), "/log", Role::Heading, "The log");
    browser.wait_said(Role::Status, "had not shown this log in this browser before");
    assert!(
        !browser.has(Role::Button, "Compare again"),
        "there is nothing to compare with"
    );
    browser.wait_in_region("Newest entries", &format!("Keys of {}", lab::PUBLISHER));
    browser.wait_in_region("Newest entries", "entry 0");
    browser.wait_in_region("Growth", "entries");
    visit(&browser, proxy.url(), "/log", Role::Heading, "The log");
    browser.wait_said(Role::Status, "The same");
    lab::create_publisher(&lab.cli(&lab.trust()), "copycat.example", "copycat.key");
    visit(&browser, proxy.url(), "/log", Role::Heading, "The log");
    browser.wait_said(Role::Status, "1 new entry");
    std::fs::write(flag, "").expect("a writable folder");
    visit(&browser, proxy.url(), "/log", Role::Heading, "The log");
    browser.wait_said(Role::Alert, "contradicts what it showed this browser before");
    browser.get(Role::Button, "Save both views");
}

#[test]
fn words_of_the_field_lead_to_what_they_mean() {
    let lab = lab();
    let browser = open(lab.registry.url(), "/publishers", Role::Region, "All publishers");
    browser.wait_in_region("All publishers", lab::PUBLISHER);
    let first = "document.querySelector('.page-head a.term').click()";
    browser.js::<()>(first, vec![]);
    browser.get(Role::Heading, "What the words mean");
    let there: bool = browser.js(
        "const word = document.getElementById(location.hash.slice(1));
         return word !== null && word.textContent.includes('first entry in the log')",
        vec![],
    );
    assert!(there, "{}", browser.text());
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}

#[test]
fn the_badge_builders_element_checks_on_another_page() {
    let lab = lab();
    let browser = open(
        lab.registry.url(),
        &format!("/badge#record={}", lab.record),
        Role::Heading,
        "An element that checks",
    );
    assert_eq!(browser.items_in_region("Every state"), 7);
    let broken: u32 = browser.js(
        "return Promise.all([...document.images].map((image) => image.decode().then(() => 0, () => 1)))
           .then((all) => all.reduce((a, b) => a + b, 0))",
        vec![],
    );
    assert_eq!(broken, 0, "every picture is there");
    let snippets: Vec<String> = browser.js(
        "return [...document.querySelectorAll('.snippet pre')].map((pre) => pre.textContent)",
        vec![],
    );
    let element = snippets
        .iter()
        .find(|code| code.contains("<model-provenance"))
        .expect("the element's snippet");
    let policy = snippets
        .iter()
        .find(|code| code.starts_with("script-src"))
        .expect("the policy");
    // Without an icon of its own a browser asks for one, which this policy forbids.
    let policy = format!("default-src 'none'; img-src data:; {}", policy.replace('\n', " "));
    let html = format!("<!doctype html><title>Host</title><link rel=icon href=\"data:,\"><p>{element}</p>");
    let host = HostPage::start(&html, &policy);
    browser.goto(host.url());
    browser.wait_for("the element to say logged", |browser| {
        let state: Option<String> = browser.js(
            "return document.querySelector('model-provenance').dataset.state ?? null",
            vec![],
        );
        (state.as_deref() == Some("logged")).then_some(())
    });
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}

#[test]
fn the_api_page_shows_every_operation() {
    let lab = lab();
    let browser = open(lab.registry.url(), "/developers", Role::Heading, "The log");
    let listed: usize = browser.js("return document.querySelectorAll('.operation').length", vec![]);
    let document = lab.registry.get("/api/v1/openapi.json").json();
    let paths = document["paths"].as_object().expect("paths");
    let operations: usize = paths
        .values()
        .map(|methods| methods.as_object().expect("methods").len())
        .sum();
    assert_eq!(listed, operations);
    let shapes: Vec<String> = browser.js(
        "return [...document.querySelectorAll('.operation pre')].map((pre) => pre.textContent)",
        vec![],
    );
    let search = shapes.iter().find(|shape| shape.contains("\"results\": [ {"));
    let search = search.expect("the shape of a search's answer");
    assert!(search.contains("\"record\": 64 hex digits"), "{search}");
}

/// Names that a publisher may give, and that no page may take for more than text.
fn misleading_names() -> [String; 3] {
    [
        "<img src=x onerror=alert(1)>\"><script>alert(1)</script> {{7*7}} ${7*7} %3Cscript%3E &lt;b&gt;".to_owned(),
        "\u{1f4a5}\u{1f9ea} \u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{0645}\u{0631}\u{062d} [click](javascript:alert(1)) `code` |pipe| *star*"
            .to_owned(),
        "long-".repeat(200),
    ]
}

#[test]
fn text_of_records_is_inert_on_every_page() {
    let lab = Lab::small();
    let cli = lab.cli(&lab.trust());
    for (n, name) in misleading_names().iter().enumerate() {
        let out = format!("att-{n}");
        lab::attest(
            &cli,
            &lab.model,
            "lab.key",
            lab::PUBLISHER,
            name,
            "<b>1</b>",
            &out,
        );
        cli.ok(&["publish", &out]);
    }
    let answer = lab
        .registry
        .get(&format!("/api/v1/publishers/{}", lab::PUBLISHER))
        .json();
    let records: Vec<String> = answer["records"]
        .as_array()
        .expect("records")
        .iter()
        .filter_map(|record| record["record"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(records.len(), 2 + misleading_names().len());
    let browser = open(lab.registry.url(), "/search", Role::Heading, "Search");
    browser.set_size(360, 740);
    let mut pages = vec![
        (format!("/publisher/{}", lab::PUBLISHER), "Records"),
        (format!("/artifact/{}", dir_hash1(&lab)), "Records about it"),
        ("/search?q=click".to_owned(), "Found by name"),
        ("/search?q=long".to_owned(), "Found by name"),
        (
            "/search?q=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E".to_owned(),
            "Found by name",
        ),
    ];
    for record in &records {
        pages.push((format!("/record/{record}"), "The record"));
        pages.push((format!("/badge#record={record}"), "Your badge"));
    }
    for (path, region) in pages {
        visit(&browser, lab.registry.url(), &path, Role::Region, region);
        let found: Value = browser.js(
            "return {
               elements: document.querySelectorAll('img[src=x], main script, main b, main a[href^=\"javascript:\"]').length,
               wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
             }",
            vec![],
        );
        assert_eq!(found["elements"], 0, "{path}");
        assert_eq!(found["wide"], 0, "{path} is wider than the phone");
        // What the server wrote, before any script.
        let html = lab
            .registry
            .get(path.split('#').next().unwrap_or_default())
            .text();
        for tag in ["<img src=x", "<script>alert", "<b>1"] {
            assert!(!html.contains(tag), "{path} has {tag}");
        }
    }
    for record in &records {
        for ending in [".svg", "/shields.json", ".json"] {
            let answer = lab.registry.get(&format!("/badge/v1/{record}{ending}")).ok();
            assert!(
                !answer.text().contains("<script>") || ending == ".json",
                "{record}{ending}"
            );
        }
    }
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}

#[test]
fn what_is_not_there_is_a_404_and_says_so_without_scripts() {
    let lab = lab();
    let client = lab.registry.client();
    for path in [
        "/nosuch".to_owned(),
        "/record/zzz".to_owned(),
        format!("/record/{}", "0".repeat(64)),
        format!("/artifact/{}", "0".repeat(64)),
        "/publisher/nobody.example".to_owned(),
        "/publisher/%00".to_owned(),
    ] {
        let answer = client.get(&path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            "text/html; charset=utf-8",
            "{path}"
        );
        assert!(answer.text().contains("<h1>No such"), "{path}");
    }
    let record = client.get(&format!("/record/{}", lab.record)).ok().text();
    for wanted in [
        "<title>acme/minilm 1.0: Files recorded by acme.example</title>",
        "property=\"og:title\" content=\"acme/minilm 1.0",
        "config.json",
        "weighbridge verify FOLDER --record",
    ] {
        assert!(record.contains(wanted), "{wanted} in {record}");
    }
    let publisher = client.get(&format!("/publisher/{}", lab::PUBLISHER)).ok();
    assert!(publisher.text().contains(&lab.genesis));
    let policy = publisher.header("content-security-policy");
    assert!(
        policy.contains("connect-src 'self' https://acme.example;"),
        "{policy}"
    );
    let policy = client
        .get("/publishers")
        .ok()
        .header("content-security-policy")
        .to_owned();
    assert!(policy.contains("connect-src 'self';"), "{policy}");
}

#[test]
fn a_long_list_of_records_is_shown_a_page_at_a_time() {
    let lab = lab();
    let path = format!("/api/v1/publishers/{}", lab::PUBLISHER);
    let all = lab.registry.get(&path).ok().json();
    let count = all["records"].as_array().map_or(0, Vec::len);
    assert!(count > 1, "{all}");
    // A registry whose lists have one record each.
    let proxy = Proxy::start(lab.registry.url(), move |asked, body| {
        asked.starts_with(&path).then(|| {
            let mut answer: serde_json::Value = serde_json::from_slice(body).expect("JSON");
            if let Some(records) = answer["records"].as_array_mut() {
                records.truncate(1);
            }
            answer.to_string().into_bytes()
        })
    });
    let browser = open(
        proxy.url(),
        &format!("/publisher/{}", lab::PUBLISHER),
        Role::Heading,
        lab::PUBLISHER,
    );
    for shown in 1..count {
        browser.wait_for("a page of the list", |browser| {
            let text = browser.text();
            text.contains(&format!("The newest {shown} of {count}."))
                .then_some(())
        });
        browser.click(Role::Button, "Show older records");
    }
    browser.wait_for("the whole list", |browser| {
        (!browser.text().contains("The newest")).then_some(())
    });
    for record in all["records"].as_array().into_iter().flatten() {
        let entry = format!("entry {}", record["index"]);
        assert!(browser.text().contains(&entry), "{entry}");
    }
}
