//! The shell: the frame around the page, drops anywhere in the window, the title, deep links.

use leptos::{ev, leptos_dom::helpers::WindowListenerHandle, prelude::*};
use web_sys::DragEvent;

use crate::{
    components::frame::{footer, header},
    dom::{IntoView, el},
    files,
    pages::verify::verify_page,
    query,
    session::Session,
    task::spawn,
    trust_session::TrustSession,
};

/// The whole app.
pub(crate) fn app() -> impl IntoView {
    let session = Session::new(TrustSession::start());
    let over = take_drops(session);
    follow_address(session);
    mirror_in_window(session);
    el("div")
        .class("site")
        .child((verify_page(session, over.into()), header(), footer()))
}

/// Makes the whole window a drop target. Gives whether files hover over it.
fn take_drops(session: Session) -> RwSignal<bool> {
    let over = RwSignal::new(false);
    let has_files = |event: &DragEvent| {
        let types = event.data_transfer().map(|transfer| transfer.types());
        types.is_some_and(|types| types.includes(&"Files".into(), 0))
    };
    keep(window_event_listener(ev::dragover, move |event| {
        if has_files(&event) {
            event.prevent_default();
            over.set(true);
        }
    }));
    keep(window_event_listener(ev::dragleave, move |event| {
        // Leaving one element for another has a target; leaving the window has none.
        if event.related_target().is_none() {
            over.set(false);
        }
    }));
    keep(window_event_listener(ev::drop, move |event| {
        over.set(false);
        let Some(transfer) = event.data_transfer().filter(|_| has_files(&event)) else {
            return;
        };
        event.prevent_default();
        // Called here and not in the task: the browser forgets the items when this handler returns.
        let picked = files::from_drop(&transfer);
        spawn(async move {
            match picked.await {
                Ok(picked) => session.take(picked),
                Err(what) => session.refuse(&what),
            }
        });
    }));
    over
}

/// Takes `/record/…`, `#record=…` and `#hash=…` from the address. Fragments never reach a server.
fn follow_address(session: Session) {
    let path = window().location().pathname().unwrap_or_default();
    let fragment = move || query::from_fragment(&window().location().hash().unwrap_or_default());
    let follow = move |named| match named {
        Some(Ok(query)) => session.ask(query),
        Some(Err(what)) => session.misled(what),
        None => {}
    };
    let in_path = query::from_path(&path);
    let astray = in_path.is_none() && !query::is_page(&path);
    session.state.update(|state| state.astray = astray);
    follow(fragment().or(in_path));
    keep(window_event_listener(ev::hashchange, move |_| follow(fragment())));
}

/// Shows progress in the title, and warns before leaving a run.
fn mirror_in_window(session: Session) {
    let state = session.state;
    let title = Memo::new(move |_| state.with(crate::verification::Verification::window_title));
    Effect::new(move |_| document().set_title(&title.get()));
    keep(window_event_listener(ev::beforeunload, move |event| {
        if state.with_untracked(crate::verification::Verification::is_busy) {
            event.prevent_default();
        }
    }));
}

/// The listeners live as long as the page.
fn keep(listener: WindowListenerHandle) {
    std::mem::forget(listener);
}
