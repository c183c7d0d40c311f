//! A check of a record that failed.

use crate::trust::CheckpointTrustError;

/// A check that failed, and with it the record.
pub(super) struct Fault {
    pub(super) check: &'static str,
    pub(super) subtype: &'static str,
    pub(super) detail: String,
}

/// Makes a fault of an error.
pub(super) fn fault<E: ToString>(check: &'static str, subtype: &'static str) -> impl Fn(E) -> Fault {
    move |e| Fault {
        check,
        subtype,
        detail: e.to_string(),
    }
}

/// A fault unless `holds`.
pub(super) fn ensure(
    holds: bool,
    check: &'static str,
    subtype: &'static str,
    detail: impl FnOnce() -> String,
) -> Result<(), Fault> {
    if holds {
        Ok(())
    } else {
        Err(Fault {
            check,
            subtype,
            detail: detail(),
        })
    }
}

/// The fault of a checkpoint that the trust file does not let stand.
pub(super) fn checkpoint_fault(error: &CheckpointTrustError) -> Fault {
    Fault {
        check: "log-signature",
        subtype: "checkpoint",
        detail: error.to_string(),
    }
}
