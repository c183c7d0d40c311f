//! Every page test in Chromium. A test's name begins with the engine, so that a list of failures tells them apart.

#[path = "pages/mod.rs"]
mod chromium;
