//! Pictures of the pages in every state, to be looked at: light and dark and in forced colours, desk and phone (`cargo xtask shots`).
//!
//! Nothing is compared here. `WEIGHBRIDGE_PICTURES` names the folder; without it they go to target/tmp/pictures.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use harness::page::VerifyPage;

use super::states::{self, Look};

/// Whose colours.
#[derive(Clone, Copy)]
enum Colours {
    Light,
    Dark,
    /// The reader's own.
    Forced,
}

/// Name, width and height in CSS pixels, colours.
const LOOKS: [(&str, u32, u32, Colours); 5] = [
    ("desk-light", 1280, 1100, Colours::Light),
    ("desk-dark", 1280, 1100, Colours::Dark),
    ("desk-forced", 1280, 1100, Colours::Forced),
    ("phone-light", 360, 780, Colours::Light),
    ("phone-dark", 360, 780, Colours::Dark),
];

fn photograph(walk: fn(Look<'_>)) {
    let default = || Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    let folder = env::var_os("WEIGHBRIDGE_PICTURES").map_or_else(default, PathBuf::from);
    fs::create_dir_all(&folder).expect("a writable folder");
    walk(&mut |page: &VerifyPage, state: &str| {
        let engine = format!("{:?}", page.browser.engine()).to_lowercase();
        for (look, width, height, colours) in LOOKS {
            match colours {
                Colours::Light => page.browser.set_dark(false),
                Colours::Dark => page.browser.set_dark(true),
                Colours::Forced if page.browser.force_colours() => {}
                Colours::Forced => continue,
            }
            page.browser.set_size(width, height);
            page.browser.js::<()>("window.scrollTo(0, 0)", vec![]);
            page.browser
                .screenshot(&folder.join(format!("{engine}-{state}-{look}.png")));
        }
    });
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn before_files() {
    photograph(states::before_files);
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn site() {
    photograph(states::site);
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn verdicts() {
    photograph(states::verdicts);
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn formats() {
    photograph(states::formats);
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn faults() {
    photograph(states::faults);
}

#[test]
#[ignore = "makes pictures for people to look at"]
fn on_the_way() {
    photograph(states::on_the_way);
}
