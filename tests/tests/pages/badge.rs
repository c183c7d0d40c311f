//! `<model-provenance>` on other people's pages: it says *logged* only after it has proved it there, whatever the
//! registry answers and whatever the page does.

use harness::{
    browser::Browser,
    host_page::HostPage,
    hostile::{HostileLog, Lie},
    models::Model,
    proxy::Proxy,
    registry::TestRegistry,
};
use serde_json::{Value, json};
use thirtyfour::Key;

/// The badge's state once it has made up its mind.
const STATE: &str = "
const badge = document.querySelector('model-provenance');
const state = badge?.dataset.state;
return state && state !== 'checking' ? state : null;";

/// Everything that the badge shows.
const TEXT: &str = "return document.querySelector('model-provenance').shadowRoot.textContent";

/// Colours of the pill's states, to see that none is green.
const COLOUR: &str = "
const button = document.querySelector('model-provenance').shadowRoot.querySelector('button');
return getComputedStyle(button).backgroundColor.match(/\\d+/g).map(Number)";

struct Stage {
    proxy: Proxy,
    record: String,
    genesis: String,
}

/// A registry that tells `lie`.
fn stage(lie: Lie) -> (Stage, TestRegistry) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let log = HostileLog::about(&Model::small(folder.path()), lie);
    let (record, genesis) = (log.record().to_string(), log.genesis().to_string());
    let registry = TestRegistry::start_without_page();
    let proxy = log.tell(&registry);
    let stage = Stage {
        proxy,
        record,
        genesis,
    };
    (stage, registry)
}

impl Stage {
    fn badge(&self) -> String {
        format!(
            "<model-provenance record=\"{}\" log=\"{}\" genesis=\"{}\"><a href=\"#\">record</a></model-provenance>",
            self.record,
            HostileLog::log_key(),
            self.genesis
        )
    }

    fn script(&self) -> String {
        format!(
            "<script type=\"module\" src=\"{}/e/1.0.0/badge.js\" integrity=\"{}\" crossorigin></script>",
            self.proxy.url(),
            integrity(self.proxy.url())
        )
    }

    /// A page that has `head` before the script and `body` around the badge.
    fn page(&self, head: &str, badge: &str, policy: &str) -> (Browser, HostPage) {
        let html = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>Shop</title>{head}{}<h1>Model</h1>{badge}",
            self.script()
        );
        let host = HostPage::start(&html, policy);
        let browser = Browser::start();
        browser.goto(host.url());
        (browser, host)
    }
}

fn integrity(url: &str) -> String {
    let answer = harness::http::Client::new(url).get("/e/").ok().json();
    answer["versions"][0]["integrity"]
        .as_str()
        .expect("an integrity value")
        .to_owned()
}

fn state(browser: &Browser) -> String {
    browser.wait_for("the badge's state", |browser| {
        browser.js::<Option<String>>(STATE, vec![])
    })
}

fn text(browser: &Browser) -> String {
    browser.js(TEXT, vec![])
}

fn assert_not_green(browser: &Browser) {
    let [red, green, blue] = browser.js::<[u32; 3]>(COLOUR, vec![]);
    assert!(green <= red.max(blue), "{red} {green} {blue}");
}

#[test]
fn an_honest_record_is_logged_and_the_card_says_what_was_checked() {
    let (stage, _registry) = stage(Lie::None);
    let (browser, _host) = stage.page("", &stage.badge(), "");
    assert_eq!(state(&browser), "logged", "{}", text(&browser));
    let text = text(&browser);
    for part in [
        "acme/minilm 1.0",
        "acme.example",
        "entry 2",
        "Not checked",
        "Check my copy",
    ] {
        assert!(text.contains(part), "{part:?} is missing: {text}");
    }
    assert_not_green(&browser);
    assert_eq!(browser.console_errors(), Vec::<String>::new());
    let link: String = browser.js(
        "return document.querySelector('model-provenance').shadowRoot.querySelector('a').href",
        vec![],
    );
    assert_eq!(
        link,
        format!("{}/verify#record={}", stage.proxy.url(), stage.record)
    );
}

/// The card against its window, and the last link's place once the card is scrolled to its end.
const CARD: &str = "
const root = document.querySelector('model-provenance').shadowRoot;
const card = root.querySelector('#card');
card.scrollTop = card.scrollHeight;
const { left, top, right, bottom } = card.getBoundingClientRect();
const link = [...card.querySelectorAll('a')].at(-1).getBoundingClientRect();
const pill = root.querySelector('button').getBoundingClientRect();
return {
  inside: left >= 0 && top >= 0 && right <= innerWidth && bottom <= innerHeight,
  reached: link.top >= top && link.bottom <= bottom,
  gap: Math.round(Math.min(Math.abs(top - pill.bottom), Math.abs(pill.top - bottom))),
};";

#[test]
fn the_card_stays_inside_a_small_window_and_at_its_pill() {
    let (stage, _registry) = stage(Lie::None);
    let badge = format!(
        "<div style='height:2000px'><div style='position:absolute;top:440px'>{}</div></div>",
        stage.badge()
    );
    let (browser, _host) = stage.page("", &badge, "");
    browser.set_size(390, 844);
    assert_eq!(state(&browser), "logged", "{}", text(&browser));
    assert!(!text(&browser).contains('…'), "{}", text(&browser));
    let wanted = json!({"inside": true, "reached": true, "gap": 6});
    let open = "
scrollTo(0, arguments[0]);
const card = document.querySelector('model-provenance').shadowRoot.querySelector('#card');
card.hidePopover();
card.showPopover();";
    // With more room above the pill, and with more below it.
    for scrolled in [0, 250] {
        browser.js::<Value>(open, vec![json!(scrolled)]);
        assert_eq!(browser.js::<Value>(CARD, vec![]), wanted, "{scrolled}");
    }
    browser.js::<Value>("scrollTo(0, 300)", vec![]);
    assert_eq!(browser.js::<Value>(CARD, vec![])["gap"], 6);
    browser.set_size(700, 500);
    browser.wait_for("the card at its pill", |browser| {
        (browser.js::<Value>(CARD, vec![]) == wanted).then_some(())
    });
}

#[test]
fn every_lie_is_told_from_the_truth() {
    let lies = [
        (Lie::WrongSignature, "fault", "does not verify"),
        (Lie::StrangersSignature, "fault", "not in the publisher's keyset"),
        (Lie::WrongInclusionProof, "fault", "does not lead from entry"),
        (Lie::FalseStateRoot, "fault", "state does not contain"),
        (
            Lie::OtherLogKey,
            "fault",
            "not signed by the log that this page names",
        ),
        (Lie::OtherPayload, "fault", "another record"),
        (
            Lie::OtherPublisher,
            "fault",
            "something else than what was served",
        ),
        (Lie::OtherGenesis, "fault", "another genesis"),
        (Lie::WithheldKeyset, "unsupported", "did not show entry 0"),
    ];
    let browser = Browser::start();
    for (lie, wanted, message) in lies {
        let (stage, _registry) = stage(lie);
        let html = format!(
            "<!doctype html><title>x</title>{}{}",
            stage.script(),
            stage.badge()
        );
        let host = HostPage::start(&html, "");
        browser.goto(host.url());
        let found = state(&browser);
        let text = text(&browser);
        assert_eq!(found, wanted, "{lie:?}: {text}");
        assert!(text.contains(message), "{lie:?}: {message:?} is missing: {text}");
        assert!(!text.contains("logged"), "{lie:?}: {text}");
    }
}

#[test]
fn without_pins_or_an_answer_nothing_is_claimed() {
    let (stage, _registry) = stage(Lie::None);
    let (log, record, genesis) = (
        HostileLog::log_key(),
        stage.record.as_str(),
        stage.genesis.as_str(),
    );
    let other = "0".repeat(64);
    let cases = [
        (
            json!({"record": record, "genesis": genesis}),
            "not-checked",
            "names no log key",
        ),
        (json!({"record": record, "log": log}), "not-checked", "no genesis"),
        (
            json!({"record": "x", "log": log, "genesis": genesis}),
            "not-checked",
            "64 hex digits",
        ),
        (
            json!({"record": record, "log": "x", "genesis": genesis}),
            "fault",
            "verifier key",
        ),
        (
            json!({"record": record, "log": log, "genesis": other}),
            "fault",
            "another genesis",
        ),
        (
            json!({"record": other, "log": log, "genesis": genesis}),
            "no-record",
            "nothing about the model",
        ),
        (
            json!({"record": record, "log": log, "genesis": genesis, "registry": "http://127.0.0.1:9"}),
            "unreachable",
            "Nothing was checked",
        ),
    ];
    let (browser, _host) = stage.page("", "<main></main>", "");
    let show = "
const badge = document.createElement('model-provenance');
for (const [name, value] of Object.entries(arguments[0])) badge.setAttribute(name, value);
document.querySelector('main').replaceChildren(badge);";
    for (attributes, wanted, message) in cases {
        browser.js::<Value>(show, vec![attributes.clone()]);
        assert_eq!(state(&browser), wanted, "{attributes}: {}", text(&browser));
        let text = text(&browser);
        assert!(
            text.contains(message),
            "{attributes}: {message:?} is missing: {text}"
        );
        assert_not_green(&browser);
    }
}

#[test]
fn the_strictest_page_needs_two_sources_and_no_exception() {
    let (stage, _registry) = stage(Lie::None);
    let url = stage.proxy.url();
    let policy = format!(
        "default-src 'none'; script-src {url}; connect-src {url}; img-src 'self'; require-trusted-types-for 'script'; trusted-types 'none'; \
         base-uri 'none'; form-action 'none'"
    );
    let (browser, _host) = stage.page("", &stage.badge(), &policy);
    assert_eq!(state(&browser), "logged", "{}", text(&browser));
    assert_eq!(browser.console_errors(), Vec::<String>::new());
}

#[test]
fn a_hostile_page_gets_no_claim_that_was_not_checked() {
    // What the page's own script does before the badge's, and what the badge must then say of a lying registry.
    let attacks = [
        // Members that a careless reader would find on every object.
        "Object.assign(Object.prototype, { proof: 'x', holder: 'x', previous: null, weighbridge_genesis: 'x', version: 1 });",
        // Cryptography that says yes to everything.
        "crypto.subtle.verify = async () => true;",
        "SubtleCrypto.prototype.verify = async () => true;",
        // A digest of what was hoped for.
        "SubtleCrypto.prototype.digest = async () => new Uint8Array(32).buffer;",
    ];
    let browser = Browser::start();
    for lie in [Lie::WrongSignature, Lie::OtherPayload] {
        let (stage, _registry) = stage(lie);
        for attack in attacks {
            let html = format!(
                "<!doctype html><title>x</title><script>{attack}</script>{}{}",
                stage.script(),
                stage.badge()
            );
            let host = HostPage::start(&html, "");
            browser.goto(host.url());
            let found = state(&browser);
            assert!(
                matches!(found.as_str(), "fault" | "not-checked"),
                "{lie:?} after {attack}: {found}: {}",
                text(&browser)
            );
        }
    }
}

#[test]
fn a_replaced_fetch_and_reset_styles_change_nothing() {
    let (stage, _registry) = stage(Lie::None);
    let other = {
        let folder = tempfile::tempdir().expect("a temporary folder");
        HostileLog::about(&Model::small(folder.path()), Lie::WrongSignature)
    };
    let registry = TestRegistry::start_without_page();
    let lying = other.tell(&registry);
    let head = format!(
        "<style>*{{display:block!important;background:green!important;color:green!important;font-size:3px!important}}\
         model-provenance{{all:unset!important;background:green!important}}</style>\
         <script>const real = fetch; window.fetch = (url, o) => real(String(url).replace('{}', '{}'), o);</script>",
        stage.proxy.url(),
        lying.url()
    );
    let (browser, _host) = stage.page(&head, &stage.badge(), "");
    assert_eq!(state(&browser), "fault", "{}", text(&browser));
    assert_not_green(&browser);
    let size: String = browser.js(
        "return getComputedStyle(document.querySelector('model-provenance').shadowRoot.querySelector('button')).fontSize",
        vec![],
    );
    assert_ne!(size, "3px");
}

#[test]
fn a_changed_script_is_refused_by_its_integrity_and_the_link_stays() {
    let (stage, _registry) = stage(Lie::None);
    let url = stage.proxy.url().to_owned();
    let changing = Proxy::start(&url, |path, body| {
        (path == "/e/1.0.0/badge.js").then(|| [body, b"// one more line\n"].concat())
    });
    let html = format!(
        "<!doctype html><title>x</title><script type=\"module\" src=\"{}/e/1.0.0/badge.js\" integrity=\"{}\" crossorigin>\
         </script>{}",
        changing.url(),
        integrity(&url),
        stage.badge()
    );
    let host = HostPage::start(&html, "");
    let browser = Browser::start();
    browser.goto(host.url());
    browser.wait_for("the script to be refused", |browser| {
        browser
            .console_errors()
            .iter()
            .any(|error| error.contains("integrity"))
            .then_some(())
    });
    let shown: String = browser.js(
        "return document.querySelector('model-provenance').textContent",
        vec![],
    );
    assert_eq!(shown, "record");
    assert!(browser.js::<bool>("return !customElements.get('model-provenance')", vec![]));
}

#[test]
fn the_card_opens_and_closes_by_keys_and_stays_in_a_narrow_window() {
    let (stage, _registry) = stage(Lie::None);
    let (browser, _host) = stage.page("", &stage.badge(), "");
    browser.set_size(360, 640);
    assert_eq!(state(&browser), "logged");
    let is_open = "return document.querySelector('model-provenance').shadowRoot.querySelector('.card').matches(':popover-open')";
    assert!(!browser.js::<bool>(is_open, vec![]));
    browser.press(Key::Tab);
    browser.press(Key::Enter);
    browser.wait_for("the card", |browser| {
        browser.js::<bool>(is_open, vec![]).then_some(())
    });
    let inside: bool = browser.js(
        "const r = document.querySelector('model-provenance').shadowRoot.querySelector('.card').getBoundingClientRect();
         return r.left >= 0 && r.right <= innerWidth && r.top >= 0 && r.bottom <= innerHeight && r.width > 200",
        vec![],
    );
    assert!(inside);
    browser.press(Key::Escape);
    browser.wait_for("the card to close", |browser| {
        (!browser.js::<bool>(is_open, vec![])).then_some(())
    });
}
