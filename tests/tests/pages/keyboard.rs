//! The whole way to a verdict by keys alone. No mouse moves, and what has the focus can be seen at every step.

use harness::{
    browser::{Browser, Key},
    lab::Lab,
    models::Model,
    page::VerifyPage,
};
use serde::Deserialize;
use serde_json::Value;

/// Most stops between two elements of the page.
const MOST_STOPS: usize = 60;

/// Where the focus is.
#[derive(Debug, Deserialize)]
struct Focus {
    /// The hook, else the id, else the text.
    name: String,
    /// Whether an outline or a bar beside it shows it: on the element, or on its label when the element itself is not to be
    /// seen.
    marked: bool,
    /// Whether it stands within the window.
    in_view: bool,
}

const READ_FOCUS: &str = "
const at = document.activeElement;
const hidden = at.classList.contains('visually-hidden');
const shown = hidden ? at.closest('label') : at;
const style = getComputedStyle(shown);
const { top, left, bottom, right } = shown.getBoundingClientRect();
return {
  name: at.dataset.test ?? (at.id || at.textContent.trim()),
  marked: (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2)
    || parseFloat(getComputedStyle(at, '::before').borderInlineStartWidth) >= 2,
  in_view: bottom > 0 && right > 0 && top < innerHeight && left < innerWidth,
};";

/// Remembers whether a mouse or finger did anything.
const WATCH_POINTERS: &str = "
window.pointersUsed = [];
for (const kind of ['pointerdown', 'pointermove', 'mousedown', 'touchstart'])
  addEventListener(kind, (event) => { if (event.isTrusted) pointersUsed.push(kind); }, { capture: true });";

fn focus(browser: &Browser) -> Focus {
    browser.js(READ_FOCUS, vec![])
}

/// Presses Tab until the focus is on `name`; gives the stops on the way. Each has to be seen.
fn tab_to(browser: &Browser, name: &str) -> Vec<String> {
    let mut stops = Vec::new();
    for _ in 0..MOST_STOPS {
        browser.press(Key::Tab);
        let focus = focus(browser);
        assert!(
            focus.marked && focus.in_view,
            "the focus cannot be seen: {focus:?}"
        );
        if focus.name == name {
            return stops;
        }
        stops.push(focus.name);
    }
    panic!("Tab does not reach {name}, only {stops:#?}");
}

fn dialog_is_open(browser: &Browser) -> bool {
    browser.js("return document.querySelector('dialog[open]') !== null", vec![])
}

#[test]
fn the_way_to_a_verdict_needs_no_mouse() {
    let lab = Lab::new(Model::wordllama());
    let page = VerifyPage::open(lab.registry.url());
    let browser = &page.browser;
    browser.js::<Value>(WATCH_POINTERS, vec![]);

    // The header comes first, and a link past it to the page's own purpose. A chooser cannot be shown here; what it would
    // give, the focused element gets.
    assert_eq!(tab_to(browser, "Skip to the main part"), Vec::<String>::new());
    browser.press(Key::Enter);
    assert_eq!(tab_to(browser, "input-folder"), Vec::<String>::new());
    assert_eq!(tab_to(browser, "input-files"), Vec::<String>::new());
    assert_eq!(
        tab_to(browser, "trust-file"),
        ["input-digest", "look-up", "whole-files", "trust file", "log"]
    );
    page.open_trust(&lab.trust());
    page.check_folder(lab.model.folder());
    page.verdict_is("untrusted");

    // The verdict has the focus, and keys go on from there.
    browser.wait_for("the focus on the verdict", |browser| {
        (focus(browser).name == "verdict-headline").then_some(())
    });
    assert!(focus(browser).marked, "the focus on the verdict can be seen");
    assert_eq!(
        tab_to(browser, "trust-publisher"),
        ["who that is, and how to find out"]
    );

    // Escape leaves the question, and the focus where it was.
    browser.press(Key::Enter);
    assert!(dialog_is_open(browser));
    browser.press(Key::Escape);
    assert!(!dialog_is_open(browser));
    assert_eq!(focus(browser).name, "trust-publisher");
    assert_eq!(page.verdict().verdict, "untrusted");

    browser.press(Key::Enter);
    assert!(dialog_is_open(browser));
    if focus(browser).name != "trust-publisher-confirm" {
        tab_to(browser, "trust-publisher-confirm");
    }
    browser.press(Key::Space);
    page.verdict_is("authentic");
    browser.wait_for("the focus on the verdict", |browser| {
        (focus(browser).name == "verdict-headline").then_some(())
    });

    // Folds open and close by keys.
    tab_to(browser, "What this does not prove");
    let unfolded = |browser: &Browser| {
        browser.js::<bool>(
            "return document.querySelector('[data-test=not-proven]').open",
            vec![],
        )
    };
    assert!(!unfolded(browser));
    browser.press(Key::Enter);
    assert!(unfolded(browser));

    tab_to(browser, "check-again");
    browser.js::<Value>(
        "document.querySelector('[data-test=verdict]').dataset.verdict = 'old'",
        vec![],
    );
    browser.press(Key::Enter);
    page.verdict_is("authentic");
    browser.wait_for("the focus on the verdict", |browser| {
        (focus(browser).name == "verdict-headline").then_some(())
    });
    tab_to(browser, "check-other");
    browser.press(Key::Space);
    browser.wait_for("the start", |browser| {
        (browser.count("drop-zone") > 0).then_some(())
    });

    assert_eq!(
        browser.js::<Vec<String>>("return window.pointersUsed", vec![]),
        Vec::<String>::new()
    );
    page.assert_no_console_errors();
}
