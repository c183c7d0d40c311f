//! Whether everyone can use the page, as far as axe can tell: every state, light and dark, desk and phone.
//!
//! All rules run but those that axe itself calls experimental or deprecated, and those of level AAA. Colour contrast
//! is among them.

use std::fs;

use harness::{binaries::tool, browser::Browser, lab::Lab, page::VerifyPage};
use serde::Deserialize;
use serde_json::Value;

use super::states;

/// Both colour schemes, and both shapes of the page.
const LOOKS: [(u32, u32, bool); 2] = [(1280, 1000, false), (360, 740, true)];

/// What axe says. What it could not decide is as good as broken: somebody has to look, and name it here.
#[derive(Debug, Deserialize)]
struct Findings {
    broken: Vec<String>,
    undecided: Vec<String>,
    held: Vec<String>,
}

/// axe's own list of rules says what each is for; the page gives no reason to leave one out.
const RUN: &str = "
const left_out = ['experimental', 'deprecated', 'wcag2aaa', 'wcag2a-obsolete'];
const rules = {};
for (const { ruleId, tags } of axe.getRules()) {
  rules[ruleId] = { enabled: !tags.some((tag) => left_out.includes(tag)) };
}
return axe.run(document, { rules }).then((answer) => {
  const told = (results) => results.flatMap(({ id, nodes }) => nodes.map((node) =>
    `${id}: ${node.target.join(' ')}: ${node.failureSummary}: ${node.html}`));
  return {
    broken: told(answer.violations), undecided: told(answer.incomplete), held: answer.passes.map(({ id }) => id),
  };
});";

fn examine(browser: &Browser) -> Findings {
    if !browser.js::<bool>("return window.axe !== undefined", vec![]) {
        let axe = fs::read_to_string(tool("node_modules/axe-core/axe.min.js")).expect("a readable file");
        browser.js::<Value>(&axe, vec![]);
    }
    browser.js(RUN, vec![])
}

fn assert_clean(page: &VerifyPage, state: &str) {
    for (width, height, dark) in LOOKS {
        page.browser.set_dark(dark);
        page.browser.set_size(width, height);
        let found = examine(&page.browser);
        let nothing: [String; 0] = [];
        assert_eq!(found.broken, nothing, "{state}, {width} pixels, dark: {dark}");
        assert_eq!(found.undecided, nothing, "{state}, {width} pixels, dark: {dark}");
        for rule in ["color-contrast", "target-size", "region"] {
            assert!(
                found.held.iter().any(|held| held == rule),
                "{state}: {rule} was looked at"
            );
        }
    }
}

#[test]
fn axe_sees_what_is_broken() {
    let lab = Lab::small();
    let page = VerifyPage::open(lab.registry.url());
    let damage = "const [image, text] = ['img', 'p'].map((tag) => document.createElement(tag));
        text.textContent = 'too pale to read'; text.style.color = '#999'; text.style.background = '#fff';
        document.querySelector('main').append(image, text);";
    page.browser.js::<Value>(damage, vec![]);
    let broken = examine(&page.browser).broken;
    for rule in ["image-alt: ", "color-contrast: "] {
        assert!(
            broken.iter().any(|found| found.starts_with(rule)),
            "{rule}: {broken:#?}"
        );
    }
}

#[test]
fn nothing_stands_in_the_way_before_files_are_chosen() {
    states::before_files(&mut assert_clean);
}

#[test]
fn nothing_stands_in_the_way_of_a_verdict() {
    states::verdicts(&mut assert_clean);
}

#[test]
fn nothing_stands_in_the_way_of_other_formats() {
    states::formats(&mut assert_clean);
}

#[test]
fn nothing_stands_in_the_way_on_the_other_pages() {
    states::site(&mut assert_clean);
}

#[test]
fn nothing_stands_in_the_way_of_a_fault() {
    states::faults(&mut assert_clean);
}

#[test]
fn nothing_stands_in_the_way_while_files_are_read() {
    states::on_the_way(&mut assert_clean);
}
