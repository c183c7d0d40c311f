//! How fast the page verifies, against what a page would use today: hash-wasm's SHA-256 over slices of the file,
//! in the same page of the same browser on the same file. Run by `cargo xtask bench`; ignored otherwise, because
//! figures mean nothing while other tests run.

use std::{
    fs::{self, File},
    io::Read as _,
    path::Path,
};

use harness::{
    binaries::tool, browser::Browser, lab::Lab, models::Model, page::VerifyPage, registry::TestRegistry,
};
use provenance::digest::Sha256Hasher;
use serde_json::{Value, json};

const WEIGHTS_BYTES: u64 = 1 << 30;

/// Runs of each, alternating; the best of each counts.
const RUNS: usize = 3;

/// The page must be at least this many times as fast.
const LIMIT: f64 = 2.0;

/// Remembers when files were chosen and when the verdict stood there, both in ms of the page's own clock.
const WATCH: &str = "
window.began = null; window.ended = null;
document.addEventListener('change', () => { window.began ??= performance.now(); }, true);
new MutationObserver(() => {
  if (document.querySelector('[data-test=verdict]')) window.ended ??= performance.now();
}).observe(document.body, { subtree: true, childList: true });";

/// Hashes the file in the input `peer` in slices of 8 MiB, which is what hash-wasm is fastest with.
const PEER: &str = "
return (async () => {
  const file = document.querySelector('[data-test=peer]').files[0];
  const hasher = await hashwasm.createSHA256();
  hasher.init();
  const began = performance.now();
  for (let at = 0; at < file.size; at += 8 << 20) {
    hasher.update(new Uint8Array(await file.slice(at, at + (8 << 20)).arrayBuffer()));
  }
  return [hasher.digest('hex'), performance.now() - began];
})();";

#[test]
#[ignore = "measures speed, alone on the machine: cargo xtask bench"]
fn the_page_verifies_at_least_twice_as_fast_as_hash_wasm_hashes() {
    let work = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::on(
        TestRegistry::start(),
        Model::hollow(&work.path().join("large"), WEIGHTS_BYTES),
    );
    let weights = lab.model.weights();
    let size = fs::metadata(&weights).expect("the weights are there").len();
    let sha256 = sha256(&weights);
    let page = VerifyPage::open(lab.registry.url());
    page.open_trust(&lab.trust_pinned());
    let (mut ours, mut theirs) = (f64::MAX, f64::MAX);
    for _ in 0..RUNS {
        page.visit("/verify");
        ours = ours.min(verify(&page, lab.model.folder()));
        page.visit("/verify");
        theirs = theirs.min(hash_with_peer(&page.browser, &weights, &sha256));
    }
    let rate = |ms: f64| f64::from(u32::try_from(size >> 20).expect("a small file")) / (ms / 1000.0);
    let ratio = theirs / ours;
    println!(
        "   the page verifies {:.0} MiB/s, hash-wasm hashes {:.0} MiB/s: {ratio:.2} times as fast, at least {LIMIT:.2}",
        rate(ours),
        rate(theirs)
    );
    assert!(
        ratio >= LIMIT,
        "{ratio:.2} times as fast, wanted at least {LIMIT:.2}"
    );
}

/// Milliseconds that the page may take until it can be used, on a processor four times as slow.
const READY_LIMIT_MS: f64 = 4000.0;

/// Milliseconds from the navigation to the first paint, and until the drop zone stands there.
const READY: &str = "
return new Promise((done) => {
  const look = () => {
    if (document.querySelector('[data-test=drop-zone]') === null) return requestAnimationFrame(look);
    const paint = performance.getEntriesByName('first-contentful-paint')[0];
    done([paint ? paint.startTime : 0, performance.now()]);
  };
  look();
});";

#[test]
#[ignore = "measures speed, alone on the machine: cargo xtask bench"]
fn the_page_is_soon_there_on_a_slow_processor() {
    let registry = TestRegistry::start();
    for slower in [1, 4] {
        let browser = Browser::start();
        browser.set_slower(slower);
        let (mut paint, mut ready) = (f64::MAX, f64::MAX);
        for _ in 0..RUNS {
            browser.goto("about:blank");
            browser.goto(registry.url());
            let (painted, there): (f64, f64) = browser.js(READY, vec![]);
            (paint, ready) = (paint.min(painted), ready.min(there));
        }
        println!(
            "   the page on a processor {slower} times as slow: first text after {paint:.0} ms, ready after {ready:.0} ms"
        );
        assert!(
            ready <= READY_LIMIT_MS,
            "{ready:.0} ms, at most {READY_LIMIT_MS:.0}"
        );
    }
}

/// Milliseconds from choosing the folder to the verdict.
fn verify(page: &VerifyPage, folder: &Path) -> f64 {
    page.browser.js::<Value>(WATCH, vec![]);
    page.check_folder(folder);
    page.verdict_is("authentic");
    page.browser.js("return window.ended - window.began", vec![])
}

/// Milliseconds that hash-wasm takes for the file, once it is loaded.
fn hash_with_peer(browser: &Browser, weights: &Path, wanted: &str) -> f64 {
    let library =
        fs::read_to_string(tool("node_modules/hash-wasm/dist/sha256.umd.min.js")).expect("a readable file");
    browser.js::<Value>(&library, vec![]);
    let input = "const input = document.createElement('input'); input.type = 'file';
        input.dataset.test = arguments[0]; document.body.append(input);";
    browser.js::<Value>(input, vec![json!("peer")]);
    browser.upload("peer", &[weights.to_owned()]);
    let (digest, took): (String, f64) = browser.js(PEER, vec![]);
    assert_eq!(digest, wanted, "hash-wasm hashed something else");
    took
}

fn sha256(path: &Path) -> String {
    let mut file = File::open(path).expect("the weights are there");
    let (mut hasher, mut buffer) = (Sha256Hasher::new(), vec![0; 1 << 20]);
    loop {
        match file.read(&mut buffer).expect("the weights can be read") {
            0 => return hasher.finish().to_string(),
            read => hasher.update(&buffer[..read]),
        }
    }
}
