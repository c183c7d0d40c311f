//! The verify page: one panel that goes from a choice of files to a verdict, and the trust panel beside it.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use crate::{
    components::{
        button::{button, cancel_button},
        candidates::candidate_list,
        drop_zone::drop_zone,
        icon::{Icon, icon},
        plan::plan_view,
        progress::{Controls, progress_panel},
        query::{named_record, query_form},
        trust_panel::trust_panel,
        verdict::{Actions, Told, verdict_card},
    },
    dom::{IntoView, View, el},
    query::Query,
    session::Session,
    trust::Source,
    verification::{Phase, Stop, Verification},
};

/// Which panel is shown. Changes far less often than the state, so that a panel is not rebuilt by every chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Panel {
    Waiting,
    Identifying,
    Choosing,
    Hashing,
    Judged,
    Stopped,
}

impl Panel {
    fn of(state: &Verification) -> Self {
        match state.phase {
            Phase::Waiting => Self::Waiting,
            Phase::Identifying => Self::Identifying,
            Phase::Choosing(_) => Self::Choosing,
            Phase::Hashing(_) => Self::Hashing,
            Phase::Judged(_) => Self::Judged,
            Phase::Stopped(_) => Self::Stopped,
        }
    }
}

/// The page, with `more` below it. `over` is true while files are dragged over the window.
pub(crate) fn verify_page(session: Session, over: Signal<bool>, more: View) -> impl IntoView {
    let state = session.state;
    let view = Memo::new(move |_| state.with(Panel::of));
    Effect::new(move |_| {
        if view.get() == Panel::Judged {
            request_animation_frame(focus_headline);
        }
    });
    Effect::new(move |_| {
        session.trust.state.track();
        if state.with(|state| matches!(state.phase, Phase::Judged(_))) {
            request_animation_frame(focus_headline_if_lost);
        }
    });
    el("div").class("page").class_if("is-at-work", move || view.get() != Panel::Waiting).child((
        el("div").class("hero").child((
            el("h1").child("Is this the model that the lab published?"),
            el("p").class("lead").child(
                "Your files do not leave this computer. This page hashes them here and compares every byte with a \
                 signed, publicly logged record.",
            ),
        )),
        el("div").class("columns").child((
            el("section").class("panel").attr("aria-label", "Check files").child((
                el("p").class("visually-hidden").attr("role", "status").child({
                    let text = announcement(state);
                    move || text.get()
                }),
                move || panel(session, over, view.get()),
            )),
            trust_panel(session.trust),
        )),
        more,
    ))
}

/// The buttons that had the focus are gone with the run; keys go on from the verdict.
fn focus_headline() {
    let headline = document().get_element_by_id("verdict-headline");
    if let Some(headline) = headline.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
        // An element that cannot take the focus leaves it where it was.
        let _ = headline.focus();
    }
}

/// A verdict that is judged again is built anew, and the button that had the focus is gone with the old one.
fn focus_headline_if_lost() {
    let document = document();
    if document
        .active_element()
        .is_none_or(|active| active.is_same_node(document.body().as_deref().map(AsRef::as_ref)))
    {
        focus_headline();
    }
}

/// What a screen reader hears when the panel changes.
fn announcement(state: RwSignal<Verification>) -> Memo<String> {
    Memo::new(move |_| {
        state.with(|state| match &state.phase {
            Phase::Waiting => String::new(),
            Phase::Identifying => "Looking up the record of these files.".to_owned(),
            Phase::Choosing(_) => "Several publishers recorded these bytes.".to_owned(),
            Phase::Hashing(_) => state
                .identification()
                .unwrap_or_else(|| "Checking every byte.".to_owned()),
            Phase::Judged(judged) => {
                provenance::path::visible(&format!("{}. {}", judged.report.headline, judged.report.summary))
            }
            Phase::Stopped(stop) => stop.what.clone(),
        })
    })
}

fn panel(session: Session, over: Signal<bool>, view: Panel) -> View {
    let state = session.state;
    let cancel = Callback::new(move |()| session.cancel());
    match view {
        Panel::Waiting => start(session, over).into_view(),
        Panel::Identifying => (
            plan(state),
            move || state.with(identification),
            el("p")
                .class("quiet working")
                .child("Looking up the record of these files …"),
            el("div").class("buttons").child(cancel_button(cancel)),
        )
            .into_view(),
        Panel::Choosing => (plan(state), move || {
            state.with(|state| match &state.phase {
                Phase::Choosing(candidates) => Some(candidate_list(
                    candidates,
                    Callback::new(move |record| session.pick(record)),
                    cancel,
                )),
                _ => None,
            })
        })
            .into_view(),
        Panel::Hashing => {
            let pause = Callback::new(move |paused| session.set_paused(paused));
            (
                plan(state),
                move || state.with(identification),
                progress_panel(state, Controls { pause, cancel }),
            )
                .into_view()
        }
        Panel::Judged => (move || judged(session)).into_view(),
        Panel::Stopped => (move || stopped(session, over)).into_view(),
    }
}

fn start(session: Session, over: Signal<bool>) -> impl IntoView {
    let state = session.state;
    let forget = Callback::new(move |()| session.unname());
    let whole = move |event| state.update(|state| state.whole = event_target_checked(&event));
    (
        move || {
            if session.open_questions.get() > 0 {
                return el("p")
                    .class("notice is-blue waiting")
                    .attr("role", "status")
                    .child("Looking up what you expect …")
                    .into_view();
            }
            state
                .with(|state| state.named.as_ref().map(|named| named_record(named, forget)))
                .into_view()
        },
        drop_zone(over, Callback::new(move |picked| session.take(picked))),
        query_form(Callback::new(move |query| session.ask(query))),
        el("label").class("choice").child((
            el("input")
                .attr("type", "checkbox")
                .hook("whole-files")
                .prop("checked", move || state.with(|state| state.whole).into())
                .on("change", whole),
            el("span").child((
                "Also recompute whole-file SHA-256",
                el("span")
                    .class("quiet")
                    .child("Slower; every 4 MiB chunk is checked either way."),
            )),
        )),
    )
}

fn plan(state: RwSignal<Verification>) -> impl IntoView {
    let plan = Memo::new(move |_| state.with(|state| state.plan.clone()));
    move || plan.with(|plan| plan.as_deref().map(plan_view))
}

/// Blue, not green: nothing is proved yet.
fn identification(state: &Verification) -> Option<impl IntoView + use<>> {
    let text = state.identification()?;
    Some(el("p").class("notice is-blue").hook("identification").child(text))
}

fn judged(session: Session) -> Option<View> {
    let source = session
        .trust
        .state
        .with(|trust| trust.chosen.as_ref().map(|chosen| chosen.source.clone()));
    session.state.with(|state| match &state.phase {
        Phase::Judged(judged) => {
            let actions = Actions {
                again: Callback::new(move |()| session.again()),
                other: Callback::new(move |()| session.cancel()),
                pin: Callback::new(move |()| session.pin_publisher()),
                expect: Callback::new(move |()| session.expect_shown()),
            };
            let source: Option<Source> = source;
            Some(verdict_card(
                judged,
                source.as_ref(),
                Told {
                    registry: state.told.clone(),
                    bundles: state.bundles.clone(),
                },
                state.plan.is_some(),
                actions,
            ))
        }
        _ => None,
    })
}

fn stopped(session: Session, over: Signal<bool>) -> impl IntoView {
    let stop = session.state.with(|state| match &state.phase {
        Phase::Stopped(stop) => Some((stop.clone(), state.plan.is_some())),
        _ => None,
    });
    let notice = stop.map(|(stop, has_files)| stop_notice(session, &stop, has_files));
    (notice, start(session, over))
}

fn stop_notice(session: Session, stop: &Stop, has_files: bool) -> impl IntoView + use<> {
    let retry = (stop.retry && has_files).then(|| button("Try again", move || session.again()).hook("retry"));
    let open = stop.perhaps.map(|record| {
        button("Ask for it as a record id", move || {
            session.ask(Query::Record(record));
        })
        .hook("open-as-record")
    });
    el("div")
        .class("notice is-amber")
        .hook("stopped")
        .attr("role", "alert")
        .child((
            icon(Icon::Warning, "notice-icon"),
            el("div").child((
                el("p").class("notice-title").child(stop.title),
                el("p").child(provenance::path::visible(&stop.what)),
                retry,
                open,
            )),
        ))
}
