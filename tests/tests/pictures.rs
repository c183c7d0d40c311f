//! Pictures of the Verify page in its main states, to be looked at: light and dark, desk and phone.
//!
//! Nothing is compared here. `WEIGHBRIDGE_PICTURES` names the folder; without it they go to target/tmp/pictures:
//! `cargo test -p weighbridge-tests --test pictures -- --ignored`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use harness::{lab::Lab, models::Model, page::VerifyPage, registry::TestRegistry};

/// Name, width and height in CSS pixels, dark.
const LOOKS: [(&str, u32, u32, bool); 4] = [
    ("desk-light", 1280, 1100, false),
    ("desk-dark", 1280, 1100, true),
    ("phone-light", 360, 780, false),
    ("phone-dark", 360, 780, true),
];

fn take(page: &VerifyPage, folder: &Path, state: &str) {
    for (look, width, height, dark) in LOOKS {
        page.browser.set_dark(dark);
        page.browser.set_size(width, height);
        page.browser.js::<()>("window.scrollTo(0, 0)", vec![]);
        page.browser
            .screenshot(&folder.join(format!("{state}-{look}.png")));
    }
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn every_main_state_of_the_page_has_its_picture() {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    let folder = env::var_os("WEIGHBRIDGE_PICTURES").map_or_else(default, PathBuf::from);
    fs::create_dir_all(&folder).expect("a writable folder");
    let lab = Lab::new(Model::minilm());
    let page = VerifyPage::open(lab.registry.url());
    take(&page, &folder, "1-before");
    page.browser.click("trust-offer");
    page.browser.wait_for("the offer", |browser| {
        (browser.count("trust-adopt") > 0).then_some(())
    });
    take(&page, &folder, "2-offer");
    page.browser.click("trust-adopt");
    assert_eq!(page.weigh(lab.model.folder()).verdict, "untrusted");
    take(&page, &folder, "3-untrusted");
    page.browser.click("trust-publisher");
    take(&page, &folder, "4-asking-once");
    page.browser.click("trust-publisher-confirm");
    page.verdict_is("authentic");
    take(&page, &folder, "5-authentic");

    page.start_over();
    let changed = lab.copy("minilm");
    let bytes = changed.tensor("encoder.layer.3.attention.self.query.weight");
    changed.flip_bit(bytes.start.midpoint(bytes.end));
    assert_eq!(page.weigh(changed.folder()).verdict, "mismatch");
    take(&page, &folder, "6-mismatch");

    let work = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::on(
        TestRegistry::start(),
        Model::hollow(&work.path().join("acme-7b"), 3 << 30),
    );
    let page = VerifyPage::open(lab.registry.url());
    page.open_trust(&lab.trust_pinned());
    page.check_folder(lab.model.folder());
    page.browser.click("pause");
    page.browser.wait_for("a paused page", |browser| {
        (browser.count("resume") > 0).then_some(())
    });
    take(&page, &folder, "7-during");
}
