//! The Verify page as a visitor sees it, its parts by role and name, the card by its `data-test` hooks.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::{
    browser::{Browser, Role},
    lab::Lab,
};

/// A browser on the Verify page.
#[derive(Debug)]
pub struct VerifyPage {
    /// The browser.
    pub browser: Browser,
    url: String,
}

/// The verdict card.
#[derive(Debug, Clone, Deserialize)]
pub struct Card {
    /// The code, such as `authentic`.
    pub verdict: String,
    /// The finer kind; empty when there is none.
    pub subtype: String,
    /// Everything that can be read on the card.
    pub text: String,
    /// Whether the card is green.
    pub green: bool,
    /// The files.
    pub files: Vec<FileRow>,
    /// The checks.
    pub checks: Vec<CheckRow>,
}

/// A file on the card.
#[derive(Debug, Clone, Deserialize)]
pub struct FileRow {
    /// Its path.
    pub path: String,
    /// Its verdict, such as `altered`.
    pub verdict: String,
    /// Everything that is written about it.
    pub text: String,
    /// Names of the tensors that differ.
    pub tensors: Vec<String>,
}

/// A check on the card.
#[derive(Debug, Clone, Deserialize)]
pub struct CheckRow {
    /// Its stable name, such as `inclusion`.
    pub name: String,
    /// `true`, `false`, or `none` when it was not made.
    pub ok: String,
    /// What is written about it.
    pub text: String,
}

/// Reads the card out of the page.
const READ_CARD: &str = "
const card = document.querySelector('[data-test=verdict]');
if (!card) return null;
const all = (within, hook) => [...within.querySelectorAll(`[data-test=\"${hook}\"]`)];
return {
  verdict: card.dataset.verdict, subtype: card.dataset.subtype, text: card.textContent,
  green: card.querySelector('header.is-green') !== null,
  files: all(card, 'file-row').map((row) => ({
    path: row.dataset.path, verdict: row.dataset.verdict, text: row.textContent,
    tensors: all(row, 'tensor').map((tensor) => tensor.querySelector('th').textContent),
  })),
  checks: all(card, 'check').map((check) => ({
    name: check.dataset.name, ok: check.dataset.ok, text: check.textContent,
  })),
};";

/// Whether the browser keeps a trust file. Never makes the database: that is the page's.
const IS_KEPT: &str = "
return new Promise((resolve) => {
  const opening = indexedDB.open('weighbridge', 1);
  opening.onupgradeneeded = () => opening.transaction.abort();
  opening.onerror = opening.onblocked = () => resolve(false);
  opening.onsuccess = () => {
    const database = opening.result;
    const asking = database.transaction('kept').objectStore('kept').count('trust');
    asking.onsuccess = () => { database.close(); resolve(asking.result > 0); };
    asking.onerror = () => { database.close(); resolve(false); };
  };
});";

/// Remembers every verdict that the page shows from now on, however briefly.
const REMEMBER_VERDICTS: &str = "
window.verdictsShown = [];
const note = () => {
  const card = document.querySelector('[data-test=verdict]');
  if (!card) return;
  const shown = card.dataset.verdict + (card.querySelector('.is-green.band') ? ' (green)' : '');
  if (window.verdictsShown.at(-1) !== shown) window.verdictsShown.push(shown);
};
new MutationObserver(note).observe(document.body, { subtree: true, childList: true, attributes: true });";

impl VerifyPage {
    /// Opens the page of the registry at `url` in a new browser.
    pub fn open(url: &str) -> Self {
        let page = Self {
            browser: Browser::start(),
            url: url.to_owned(),
        };
        page.visit("/verify");
        page
    }

    /// Opens the Verify page of the lab's registry, and trusts its log and the lab.
    pub fn trusting(lab: &Lab) -> Self {
        let page = Self::open(lab.registry.url());
        page.paste_trust(&lab.trust_pinned_text());
        page
    }

    /// Goes to a path of the same registry, and waits for the page.
    pub fn visit(&self, path: &str) {
        self.browser.goto(&format!("{}{path}", self.url));
        self.settle();
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.browser.reload();
        self.settle();
    }

    /// Loads the page again once the browser has kept the choice of trust, or the lack of one: it does so a moment
    /// after the click.
    pub fn reload_when_kept(&self, kept: bool) {
        self.browser.wait_for("the choice to be kept", |browser| {
            (browser.js::<bool>(IS_KEPT, vec![]) == kept).then_some(())
        });
        self.reload();
    }

    fn settle(&self) {
        self.browser.wait_for("the page", |browser| {
            (browser.count("trust-panel") > 0).then_some(())
        });
        self.browser.js::<Value>(REMEMBER_VERDICTS, vec![]);
    }

    /// Takes a trust file by pasting it.
    pub fn paste_trust(&self, text: &str) {
        self.browser.fill(Role::TextBox, "Or paste one", text.trim_end());
        self.browser.click(Role::Button, "Use the pasted file");
        self.wait_for_trust();
    }

    /// Takes a trust file by opening it.
    pub fn open_trust(&self, path: &Path) {
        self.browser.upload("trust-file", &[path.to_owned()]);
        self.wait_for_trust();
    }

    fn wait_for_trust(&self) {
        self.browser.wait_for("a trust file", |browser| {
            (browser.count("trust-forget") > 0).then_some(())
        });
    }

    /// Everything in the trust panel.
    pub fn trust_panel(&self) -> String {
        self.browser.js(
            "return document.querySelector('[data-test=trust-panel]').textContent",
            vec![],
        )
    }

    /// Chooses a folder to check.
    pub fn check_folder(&self, folder: &Path) {
        self.browser.upload_folder("input-folder", folder);
    }

    /// Chooses single files to check.
    pub fn check_files(&self, files: &[PathBuf]) {
        self.browser.upload("input-files", files);
    }

    /// Waits for the verdict.
    pub fn verdict(&self) -> Card {
        self.browser.wait_for("a verdict", |browser| {
            let stopped = browser.count("stopped") > 0;
            assert!(!stopped, "stopped without a verdict:\n{}", browser.text());
            browser.js::<Option<Card>>(READ_CARD, vec![])
        })
    }

    /// Waits for the verdict `code`.
    pub fn verdict_is(&self, code: &str) -> Card {
        self.browser.wait_for(&format!("the verdict {code}"), |browser| {
            browser
                .js::<Option<Card>>(READ_CARD, vec![])
                .filter(|card| card.verdict == code)
        })
    }

    /// Chooses a folder, and waits for the verdict.
    pub fn weigh(&self, folder: &Path) -> Card {
        self.check_folder(folder);
        self.verdict()
    }

    /// Puts the verdict away, to check other files.
    pub fn start_over(&self) {
        self.browser.click(Role::Button, "Check other files");
        self.browser.wait_for("the start", |browser| {
            (browser.count("drop-zone") > 0).then_some(())
        });
    }

    /// Every verdict shown since the page was loaded, in order; green ones say so.
    pub fn verdicts_shown(&self) -> Vec<String> {
        self.browser.js("return window.verdictsShown", vec![])
    }

    /// As [`Self::assert_no_console_errors`], after a page was left: Firefox tells of workers that were still loading.
    pub fn assert_no_console_errors_but_of_leaving(&self) {
        let mut errors = self.browser.console_errors();
        errors.retain(|error| !error.contains("error loading dynamically imported module"));
        assert_eq!(errors, Vec::<String>::new());
    }

    /// Fails when the console has an error, such as a script that the policy forbade.
    pub fn assert_no_console_errors(&self) {
        assert_eq!(self.browser.console_errors(), Vec::<String>::new());
    }
}

impl Card {
    /// The file at `path`.
    pub fn file(&self, path: &str) -> &FileRow {
        let found = self.files.iter().find(|file| file.path == path);
        found.unwrap_or_else(|| panic!("{path} is on the card: {:?}", self.files))
    }

    /// The check `name`.
    pub fn check(&self, name: &str) -> &CheckRow {
        let found = self.checks.iter().find(|check| check.name == name);
        found.unwrap_or_else(|| panic!("{name} is on the card: {:?}", self.checks))
    }

    /// Paths of the files that do not match, with their verdicts.
    pub fn differing(&self) -> Vec<(&str, &str)> {
        let differs = self.files.iter().filter(|file| file.verdict != "match");
        differs
            .map(|file| (file.path.as_str(), file.verdict.as_str()))
            .collect()
    }
}
