//! What goes through many states or many inputs: it takes minutes in each engine, so Firefox runs it in the slow checks
//! only (`cargo xtask ci --slow`).

mod accessibility;
mod hostile;
mod states;
