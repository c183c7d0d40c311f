//! The tests of the pages, but for those of `thorough.rs`. `chromium.rs` and `firefox.rs` above are this same module, each in
//! its own engine.

mod badge;
mod bundles;
mod candidates;
mod formats;
mod harness;
mod keyboard;
#[cfg(target_os = "linux")]
mod memory;
mod pictures;
mod proves;
mod real_models;
mod search;
mod site;
mod states;
mod verify;
