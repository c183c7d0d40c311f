//! Every state through axe and every hostile input through the page, in Chromium.

#[path = "pages/thorough.rs"]
mod chromium;
