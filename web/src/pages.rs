//! Pages. A page owns state and gives it to components.

pub(crate) mod verify;
