//! The pages. Each is made from what its address names.

pub(crate) mod artifact;
pub(crate) mod badge;
pub(crate) mod developers;
pub(crate) mod home;
pub(crate) mod log;
pub(crate) mod publisher;
pub(crate) mod record;
pub(crate) mod search;
pub(crate) mod styleguide;
pub(crate) mod verify;
pub(crate) mod words;
