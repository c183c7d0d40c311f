//! A record after all checks that need no file.

use super::report::{Check, Identity, LogView};
use crate::{manifest::Manifest, record::Record, record_id::RecordId};

/// Why a verdict is not green, found before any byte of a file was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// `record`, `proof`, `checkpoint`; or for views that are not confirmed `no-witness`, `old`, `quorum`,
    /// `clock`, `withheld`, `unsupported`.
    pub subtype: &'static str,
    /// What was found, for people.
    pub detail: String,
}

/// A record after all checks that need no file. Holds what was found, good or bad; only
/// [`Opened::judge`] turns it into a verdict.
#[derive(Debug, Clone)]
pub struct Opened {
    pub(super) id: RecordId,
    pub(super) record: Option<Record>,
    pub(super) checks: Vec<Check>,
    pub(super) fault: Option<Standing>,
    pub(super) stale: Option<Standing>,
    pub(super) has_log: bool,
    pub(super) identity: Option<Identity>,
    pub(super) log: Option<LogView>,
}

impl Opened {
    /// The record's id.
    pub fn id(&self) -> RecordId {
        self.id
    }

    /// The record, if its payload is the one that its id names and it parses.
    pub fn record(&self) -> Option<&Record> {
        self.record.as_ref()
    }

    /// The files that the record lists.
    pub fn manifest(&self) -> Option<&Manifest> {
        self.record.as_ref()?.manifest()
    }

    /// The checks made so far.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// Why the record does not hold, if it does not.
    pub fn fault(&self) -> Option<&Standing> {
        self.fault.as_ref()
    }

    /// Why the view is not confirmed as current, if it is not.
    pub fn stale(&self) -> Option<&Standing> {
        self.stale.as_ref()
    }

    /// Who signed, once proved.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// Where it is logged, once proved.
    pub fn log(&self) -> Option<&LogView> {
        self.log.as_ref()
    }

    /// Whether the record holds and its publisher is pinned.
    pub fn is_trusted(&self) -> bool {
        self.fault.is_none() && self.identity.as_ref().is_some_and(|i| i.pinned)
    }

    /// Notes a check that held.
    pub(super) fn hold(&mut self, name: &str, detail: impl Into<String>) {
        self.checks.push(Check::held(name, detail));
    }

    /// Notes a check that could not be made, so that nothing becomes green.
    pub(super) fn not_confirmed(&mut self, check: &'static str, subtype: &'static str, detail: String) {
        self.checks.push(Check::failed(check, detail.clone()));
        // What cannot be judged at all weighs more than how old the view is, which a newer one would mend.
        let unjudged = |subtype| matches!(subtype, "withheld" | "unsupported");
        if self
            .stale
            .as_ref()
            .is_none_or(|told| unjudged(subtype) && !unjudged(told.subtype))
        {
            self.stale = Some(Standing { subtype, detail });
        }
    }
}
