//! Pictures of the page in every state, to be looked at: light and dark, desk and phone.
//!
//! Nothing is compared here. `WEIGHBRIDGE_PICTURES` names the folder; without it they go to target/tmp/pictures:
//! `cargo test -p weighbridge-tests --test firefox pictures -- --ignored`.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use super::states;

/// Name, width and height in CSS pixels, dark.
const LOOKS: [(&str, u32, u32, bool); 4] = [
    ("desk-light", 1280, 1100, false),
    ("desk-dark", 1280, 1100, true),
    ("phone-light", 360, 780, false),
    ("phone-dark", 360, 780, true),
];

#[test]
#[ignore = "makes pictures for people to look at"]
fn every_state_of_the_page_has_its_picture() {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    let folder = env::var_os("WEIGHBRIDGE_PICTURES").map_or_else(default, PathBuf::from);
    fs::create_dir_all(&folder).expect("a writable folder");
    for walk in [
        states::before_files,
        states::verdicts,
        states::formats,
        states::faults,
        states::on_the_way,
    ] {
        walk(&mut |page, state| {
            let engine = format!("{:?}", page.browser.engine()).to_lowercase();
            for (look, width, height, dark) in LOOKS {
                page.browser.set_dark(dark);
                page.browser.set_size(width, height);
                page.browser.js::<()>("window.scrollTo(0, 0)", vec![]);
                page.browser
                    .screenshot(&folder.join(format!("{engine}-{state}-{look}.png")));
            }
        });
    }
}
