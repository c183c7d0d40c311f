//! Whom the visitor trusts: one trust file, where it came from, and what the registry offers beside it.
//!
//! Nothing here changes by itself. A file becomes the chosen one by [`TrustState::choose`], which only an act of
//! the visitor calls; a registry's offer is text to read until then.

use provenance::{
    PublisherName, RecordId,
    json::{self, At, FromJson, WrongValue},
    trust::{MAX_TRUST_BYTES, TrustFile},
};
use serde::Serialize;

/// How a trust file got here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Source {
    /// Opened by the visitor; the file's name.
    File(String),
    /// Pasted by the visitor.
    Pasted,
    /// Adopted from the registry that serves this page.
    Registry,
}

impl Source {
    /// Where the file came from, for people.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::File(name) => format!("opened from {}", provenance::path::visible(name)),
            Self::Pasted => "pasted by you".to_owned(),
            Self::Registry => "taken from the registry itself".to_owned(),
        }
    }
}

/// The chosen trust file.
#[derive(Debug, Clone)]
pub(crate) struct Chosen {
    /// How it got here.
    pub(crate) source: Source,
    /// What it says, with what was pinned since.
    pub(crate) file: TrustFile,
}

/// The form kept in the browser.
#[derive(Serialize)]
struct Kept {
    v: u32,
    source: Source,
    text: String,
}

impl FromJson for Kept {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        Ok(Self {
            v: at.get("v")?,
            source: at.get("source")?,
            text: at.get("text")?,
        })
    }
}

impl FromJson for Source {
    fn from_json(at: At<'_>) -> Result<Self, WrongValue> {
        match at.text() {
            Ok("pasted") => Ok(Self::Pasted),
            Ok("registry") => Ok(Self::Registry),
            Ok(_) => Err(at.wrong("is a word that is not known")),
            // A file stands with its name: `{"file":"trust.txt"}`.
            Err(_) => at.only(&["file"]).and_then(|()| at.get("file").map(Self::File)),
        }
    }
}

/// A trust file that the registry offers.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    /// Its text.
    pub(crate) text: String,
    /// What it says, or why it cannot be read.
    pub(crate) file: Result<TrustFile, String>,
}

/// Most bytes of the kept form: every character of the file may be escaped.
const MAX_KEPT_BYTES: usize = 6 * MAX_TRUST_BYTES + 1024;

/// All about trust that the page shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustState {
    /// The chosen file.
    pub(crate) chosen: Option<Chosen>,
    /// What the registry offers, once it was asked.
    pub(crate) offer: Option<Offer>,
    /// Something the visitor should read: a file that does not parse, a browser that keeps nothing.
    pub(crate) note: Option<String>,
    /// Counts changes of the chosen file.
    pub(crate) changes: u64,
}

/// How the registry's log key stands to the chosen one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyChange {
    /// The key was taken from this registry, and now it offers another.
    Replaced,
    /// The chosen file came from elsewhere and names another log.
    Other,
}

impl TrustState {
    /// Takes `text` as the trust file. What was chosen before stays when it does not parse.
    ///
    /// # Errors
    /// The text for the visitor.
    pub(crate) fn choose(&mut self, text: &str, source: Source) -> Result<(), String> {
        let file = read(text)?;
        self.chosen = Some(Chosen { source, file });
        self.note = None;
        self.changes += 1;
        Ok(())
    }

    /// Adds `publisher` with `genesis` to the chosen file.
    ///
    /// # Errors
    /// The text for the visitor, when there is no file or it already pins the name otherwise.
    pub(crate) fn pin(&mut self, publisher: &PublisherName, genesis: RecordId) -> Result<(), String> {
        let Some(chosen) = &mut self.chosen else {
            return Err(
                "Choose a log to trust first: a publisher is known by its first entry in a log.".to_owned(),
            );
        };
        chosen.file = chosen
            .file
            .pin(publisher, genesis)
            .map_err(|error| format!("Not pinned: {error}."))?;
        self.changes += 1;
        Ok(())
    }

    /// Forgets the chosen file.
    pub(crate) fn forget(&mut self) {
        self.chosen = None;
        self.note = None;
        self.changes += 1;
    }

    /// The chosen file in the form that is kept; `None` when there is none.
    pub(crate) fn to_kept(&self) -> Option<String> {
        let Chosen { file, source } = self.chosen.as_ref()?;
        serde_json::to_string(&Kept {
            v: 1,
            source: source.clone(),
            text: file.to_string(),
        })
        .ok()
    }

    /// Takes up what was kept. A kept file that does not parse any more is said, not used.
    pub(crate) fn restore(&mut self, kept: &str) {
        let taken = json::read(kept.as_bytes(), MAX_KEPT_BYTES)
            .map_err(|error| error.to_string())
            .and_then(|Kept { source, text, .. }| self.choose(&text, source));
        if let Err(error) = taken {
            self.note = Some(format!(
                "The trust file kept in this browser cannot be read any more: {error}"
            ));
        }
    }

    /// Notes what the registry offers.
    pub(crate) fn set_offer(&mut self, text: String) {
        self.offer = Some(Offer {
            file: read(&text),
            text,
        });
    }

    /// Whether the registry offers a log key that the chosen file does not have.
    pub(crate) fn key_change(&self) -> Option<KeyChange> {
        let chosen = self.chosen.as_ref()?;
        let offered = self.offer.as_ref()?.file.as_ref().ok()?;
        let known = |key: &String| log_keys(&chosen.file).contains(key);
        if log_keys(offered).iter().all(known) {
            return None;
        }
        Some(if chosen.source == Source::Registry {
            KeyChange::Replaced
        } else {
            KeyChange::Other
        })
    }
}

/// Keys of the logs that `file` trusts, as c2sp verifier keys.
pub(crate) fn log_keys(file: &TrustFile) -> Vec<String> {
    file.logs().iter().map(|log| log.key.to_string()).collect()
}

fn read(text: &str) -> Result<TrustFile, String> {
    let unreadable = |error| provenance::path::visible(&format!("This is not a trust file: {error}."));
    TrustFile::parse(text).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use provenance::note::{KeyName, NoteAlgorithm, NoteSigner};

    use super::*;

    fn file(seed: u8) -> String {
        let name: KeyName = "log.example/log".parse().unwrap();
        let signer = NoteSigner::from_seed(name, NoteAlgorithm::Ed25519, &[seed; 32]).unwrap();
        TrustFile::starter(signer.verifier(), "https://log.example/log")
    }

    fn genesis(n: u8) -> RecordId {
        RecordId::of_payload(&[n])
    }

    #[test]
    fn an_offer_changes_nothing_until_it_is_chosen() {
        let mut state = TrustState::default();
        state.set_offer(file(1));
        assert!(state.chosen.is_none());
        assert_eq!(state.key_change(), None);
    }

    #[test]
    fn a_file_that_does_not_parse_leaves_the_chosen_one() {
        let mut state = TrustState::default();
        state.choose(&file(1), Source::Pasted).unwrap();
        assert!(state.choose("log nonsense", Source::Pasted).is_err());
        assert!(state.chosen.is_some());
    }

    #[test]
    fn a_pin_is_kept_with_the_file_and_survives_the_store() {
        let mut state = TrustState::default();
        let acme: PublisherName = "acme.example".parse().unwrap();
        assert!(state.pin(&acme, genesis(1)).is_err());
        state.choose(&file(1), Source::Registry).unwrap();
        state.pin(&acme, genesis(1)).unwrap();
        assert!(state.pin(&acme, genesis(2)).is_err());
        let mut again = TrustState::default();
        again.restore(&state.to_kept().unwrap());
        let chosen = again.chosen.unwrap();
        assert!(chosen.file.is_pinned(&acme, genesis(1)));
        assert_eq!(chosen.source, Source::Registry);
    }

    #[test]
    fn every_source_is_read_as_it_was_kept() {
        for source in [Source::File("trust.txt".into()), Source::Pasted, Source::Registry] {
            let mut state = TrustState::default();
            state.choose(&file(1), source.clone()).unwrap();
            let mut again = TrustState::default();
            again.restore(&state.to_kept().unwrap());
            assert_eq!(again.chosen.unwrap().source, source);
        }
    }

    #[test]
    fn a_registry_that_changes_its_log_key_is_noticed() {
        let mut state = TrustState::default();
        state.choose(&file(1), Source::Registry).unwrap();
        state.set_offer(file(1));
        assert_eq!(state.key_change(), None);
        state.set_offer(file(2));
        assert_eq!(state.key_change(), Some(KeyChange::Replaced));
        state.choose(&file(3), Source::Pasted).unwrap();
        assert_eq!(state.key_change(), Some(KeyChange::Other));
    }

    #[test]
    fn a_damaged_store_is_said_and_gives_no_trust() {
        let mut state = TrustState::default();
        state.restore("{\"v\":1,\"source\":\"pasted\",\"text\":\"quorum none\"}");
        assert!(state.chosen.is_none() && state.note.is_some());
    }

    #[test]
    fn only_a_change_of_the_chosen_file_counts_as_one() {
        let mut state = TrustState::default();
        let acme: PublisherName = "acme.example".parse().unwrap();
        state.set_offer(file(1));
        assert!(state.choose("log nonsense", Source::Pasted).is_err());
        assert!(state.pin(&acme, genesis(1)).is_err());
        assert_eq!(state.changes, 0);
        state.choose(&file(1), Source::Pasted).unwrap();
        state.pin(&acme, genesis(1)).unwrap();
        state.forget();
        assert_eq!(state.changes, 3);
    }

    #[test]
    fn forgetting_leaves_nothing_to_keep() {
        let mut state = TrustState::default();
        state.choose(&file(1), Source::File("trust".into())).unwrap();
        state.forget();
        assert!(state.chosen.is_none() && state.to_kept().is_none());
    }
}
