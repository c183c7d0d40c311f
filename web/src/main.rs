//! The Weighbridge web app: check in the browser whether model files are the ones that their publisher recorded.
//!
//! | file | holds |
//! |---|---|
//! | `app`, `pages`, `components`, `dom` | what is shown |
//! | `verification`, `candidate`, `judgement`, `progress`, `plan`, `schedule`, `pace`, `trust`, `query`, `route`, `sums`, `text` | state and rules, plain Rust with native tests |
//! | `session`, `check`, `evidence`, `growth`, `loaded`, `trust_session` | the asynchronous work between the two |
//! | `worker_pool`, `api`, `files`, `store`, `clipboard`, `task` | the browser's edges |

mod api;
mod app;
mod bundles;
mod candidate;
mod check;
mod clipboard;
mod components;
mod dom;
mod evidence;
mod files;
mod growth;
mod judgement;
mod loaded;
mod pace;
mod pages;
mod plan;
mod progress;
mod query;
#[cfg(test)]
#[path = "../../fuzz/src/query_body.rs"]
mod query_body;
mod route;
mod schedule;
mod session;
mod sidecars;
mod store;
mod sums;
#[cfg(test)]
#[path = "../../fuzz/src/target.rs"]
mod target;
mod task;
mod text;
mod trust;
mod trust_session;
mod verification;
mod worker_pool;

fn main() {
    // The hashing workers run this same program, so that it is downloaded and compiled once (docs/adr/0001).
    #[cfg(target_family = "wasm")]
    if verifier_wasm::worker::is_here() {
        return verifier_wasm::worker::start();
    }
    console_error_panic_hook::set_once();
    // Leptos starts its executor and the owner of all signals; the view it mounts is empty, ours is built beside it.
    leptos::mount::mount_to_body(|| dom::mount(app::app()));
}
