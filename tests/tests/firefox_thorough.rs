//! Every state through axe and every hostile input through the page, in Firefox.

#[path = "pages/thorough.rs"]
mod firefox;
