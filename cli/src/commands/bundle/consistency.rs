//! A renewed bundle never goes backwards: the new tree has to contain the old one, and no witness may have signed it
//! earlier.

use provenance::{bundle::Bundle, trust::TrustFile};

use crate::{
    client::Client,
    failure::{Exit, Failure},
    tiles,
};

/// Checks that the view of `new` is the one of `old`, or a later one of the same log. The proof between the two is made
/// from the log's tiles, and proves itself: it has to lead to both roots.
///
/// # Errors
/// [`Exit::LogFault`] when it is not.
pub(super) fn check_forward(
    client: &Client,
    trust: Option<&TrustFile>,
    old: &Bundle,
    new: &Bundle,
) -> Result<(), Failure> {
    let (before, after) = (old.checkpoint(), new.checkpoint());
    let refuse = |why: String| {
        Failure::new(
            Exit::LogFault,
            format!(
                "{} does not continue what the bundle holds, so the bundle stays as it is",
                client.address()
            ),
        )
        .why(why)
    };
    if let Some(Err(error)) = trust.map(|trust| trust.check_checkpoint(old.note())) {
        return Err(
            refuse(format!("the bundle's own checkpoint does not hold: {error}"))
                .next("make the bundle anew: weighbridge bundle RECORD"),
        );
    }
    if before.origin != after.origin {
        return Err(refuse(format!(
            "the bundle is from the log {}, the registry keeps {}",
            before.origin, after.origin
        ))
        .next("name the registry that keeps the bundle's log (--registry)"));
    }
    let (from, to) = (before.head.size, after.head.size);
    if to < from {
        return Err(refuse(format!("the bundle has seen {from} entries, the registry shows {to}"))
            .next("the registry may be a copy that lags, or one restored from a backup; try another, or ask its operator"));
    }
    let proof = tiles::consistency(client, from, to)?;
    proof.verify(&before.head, &after.head).map_err(|error| {
        refuse(error.to_string()).next(
            "keep this bundle: together with the registry's checkpoint it shows that the log changed its past; tell \
             its operator and its witnesses",
        )
    })?;
    let confirmed = |bundle: &Bundle| {
        let checked = trust?.check_checkpoint(bundle.note()).ok()?;
        checked.cosignatures().map(|cosignature| cosignature.time).max()
    };
    if from == to && confirmed(new) < confirmed(old) {
        return Err(refuse(
            "witnesses signed the bundle's view later than the one that the registry shows".into(),
        )
        .next("try again later"));
    }
    Ok(())
}
