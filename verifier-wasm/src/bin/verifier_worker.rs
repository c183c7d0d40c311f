//! The hashing worker's entry point. All of it is in the library; this file is what Trunk builds.

fn main() {
    #[cfg(target_family = "wasm")]
    verifier_wasm::worker::start();
}
