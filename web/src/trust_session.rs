//! Trust at work: takes files, keeps the chosen one in the browser, asks the registry what it offers.

use leptos::prelude::*;
use provenance::{PublisherName, RecordId, trust::TrustFile};

use crate::{
    api, store,
    task::spawn,
    trust::{Source, TrustState},
};

/// Key of the chosen trust file in the store.
const KEPT: &str = "trust";

/// Trust at work. Cheap to copy; all copies are the same.
#[derive(Clone, Copy)]
pub(crate) struct TrustSession {
    /// What is shown.
    pub(crate) state: RwSignal<TrustState>,
}

impl TrustSession {
    /// Takes up what this browser kept, and looks whether the registry still offers the same log key.
    pub(crate) fn start() -> Self {
        let session = Self {
            state: RwSignal::new(TrustState::default()),
        };
        spawn(async move {
            match store::load(KEPT).await {
                Ok(Some(kept)) => session.state.update(|state| state.restore(&kept)),
                // A browser that keeps nothing says so when there is something to keep.
                Ok(None) | Err(_) => return,
            }
            // Only a comparison: an answer changes nothing but a warning, and no answer is no news.
            if let Ok(offered) = api::offered_trust().await {
                session.state.update(|state| state.set_offer(offered));
            }
        });
        session
    }

    /// Runs `act` with the chosen trust file. Not tracked.
    pub(crate) fn with_file<T>(self, act: impl FnOnce(Option<&TrustFile>) -> T) -> T {
        self.state
            .with_untracked(|state| act(state.chosen.as_ref().map(|chosen| &chosen.file)))
    }

    /// Takes a trust file that the visitor opened, pasted or adopted. Returns whether it parsed.
    pub(crate) fn choose(self, text: &str, source: Source) -> bool {
        self.change(|state| state.choose(text, source))
    }

    /// Pins a publisher.
    pub(crate) fn pin(self, publisher: &PublisherName, genesis: RecordId) {
        self.change(|state| state.pin(publisher, genesis));
    }

    /// Forgets the chosen file, here and in the browser.
    pub(crate) fn forget(self) {
        self.state.update(TrustState::forget);
        spawn(async move {
            if let Err(error) = store::forget(KEPT).await {
                self.note(error.to_string());
            }
        });
    }

    /// Fetches what the registry offers, to be read.
    pub(crate) fn ask_registry(self) {
        spawn(async move {
            match api::offered_trust().await {
                Ok(text) => self.state.update(|state| state.set_offer(text)),
                Err(error) => self.note(error.to_string()),
            }
        });
    }

    /// Shows `note` in the panel.
    pub(crate) fn note(self, note: String) {
        self.state.update(|state| state.note = Some(note));
    }

    /// Shows why something was not taken, and that nothing changed.
    pub(crate) fn refuse(self, why: &str) {
        let has_file = self.with_file(|file| file.is_some());
        let still = if has_file {
            " What you chose before still holds."
        } else {
            ""
        };
        self.note(format!("{why}{still}"));
    }

    fn change(self, change: impl FnOnce(&mut TrustState) -> Result<(), String>) -> bool {
        match self.state.try_update(change) {
            Some(Ok(())) => {
                let kept = self.state.with_untracked(TrustState::to_kept);
                spawn(async move {
                    if let Some(kept) = kept
                        && let Err(error) = store::save(KEPT, &kept).await
                    {
                        self.note(error.to_string());
                    }
                });
                true
            }
            Some(Err(why)) => {
                self.refuse(&why);
                false
            }
            None => false,
        }
    }
}
