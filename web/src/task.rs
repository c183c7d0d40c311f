//! Work that goes on while the page is used, and the clock.

use std::pin::Pin;

/// Work that has begun; awaiting several one after the other waits for all of them.
pub(crate) type Begun<T> = Pin<Box<dyn Future<Output = T>>>;

/// POSIX seconds.
pub(crate) fn now_s() -> u64 {
    crate::text::whole(js_sys::Date::now() / 1000.0)
}

/// Goes on with `work` in the background. Boxed, because what runs a future would otherwise be machine code for
/// each one.
pub(crate) fn spawn(work: impl Future<Output = ()> + 'static) {
    spawn_boxed(Box::pin(work));
}

#[inline(never)]
fn spawn_boxed(work: Begun<()>) {
    leptos::task::spawn_local(work);
}

/// Lets a listener live as long as the page.
pub(crate) fn keep(listener: leptos::prelude::WindowListenerHandle) {
    std::mem::forget(listener);
}
