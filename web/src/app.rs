//! The shell: the frame around the page, drops anywhere in the window, the title, deep links.

use leptos::{ev, prelude::*};
use web_sys::DragEvent;

use crate::{
    components::{
        frame::{footer, header, skip_link},
        page::missing,
    },
    dom::{IntoView, View, el},
    files,
    pages::{
        artifact, badge, developers, home, log, publisher, record, search, styleguide, verify::verify_page,
        words,
    },
    query,
    route::Route,
    session::Session,
    task::{keep, spawn},
    trust_session::TrustSession,
};

/// The whole app: the page that the address names, in its frame.
pub(crate) fn app() -> impl IntoView {
    forget_essentials();
    let path = window().location().pathname().unwrap_or_default();
    let route = Route::of(&path);
    let trust = TrustSession::start();
    let page = match &route {
        Route::Home => verify(trust, home::ways_in()),
        Route::Verify => verify(trust, View::Nothing),
        Route::Search => search::search_page(),
        Route::Record(id) => record::record_page(*id, trust),
        Route::Artifact(dir_hash1) => artifact::artifact_page(*dir_hash1),
        Route::Publisher(name) => publisher::publisher_page(name.clone(), trust),
        Route::Publishers => publisher::publishers_page(),
        Route::Log => log::log_page(trust),
        Route::Badge => badge::badge_page(),
        Route::Developers => developers::developers_page(),
        Route::Words => words::words_page(),
        Route::Styleguide => styleguide::styleguide_page(),
        Route::Nowhere => nowhere(&path),
    };
    let main = el("main").class("site-main").attr("id", "main").child(page);
    el("div")
        .class("site")
        .child((skip_link(), header(&route), main, footer()))
}

/// The page of an address that names none. One that should name a record says what is wrong with the id.
fn nowhere(path: &str) -> View {
    match query::from_path(path) {
        Some(Err(why)) => missing("No such record", provenance::path::visible(&why)),
        _ => missing("No such page", "There is nothing at this address."),
    }
}

/// What the server wrote for readers without scripts has served.
fn forget_essentials() {
    if let Some(essentials) = document().get_element_by_id("essentials") {
        essentials.remove();
    }
}

/// The Verify page, with `more` below it.
fn verify(trust: TrustSession, more: View) -> View {
    let session = Session::new(trust);
    let over = take_drops(session);
    follow_address(session);
    mirror_in_window(session);
    verify_page(session, over.into(), more).into_view()
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

/// Takes `#record=…` and `#hash=…` from the address. Fragments never reach a server.
fn follow_address(session: Session) {
    let follow = move || match query::from_fragment(&window().location().hash().unwrap_or_default()) {
        Some(Ok(query)) => session.ask(query),
        Some(Err(what)) => session.misled(what),
        None => {}
    };
    follow();
    keep(window_event_listener(ev::hashchange, move |_| follow()));
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
