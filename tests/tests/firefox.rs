//! Every page test in Firefox. A test's name begins with the engine, so that a list of failures tells them apart.

#[path = "pages/mod.rs"]
mod firefox;
