//! Every test of the page. `chromium.rs` and `firefox.rs` above are this same module, each in its own engine.

mod accessibility;
mod badge;
mod bundles;
mod candidates;
mod formats;
mod harness;
mod hostile;
mod keyboard;
#[cfg(target_os = "linux")]
mod memory;
mod pictures;
mod proves;
mod real_models;
mod site;
mod states;
mod verify;
