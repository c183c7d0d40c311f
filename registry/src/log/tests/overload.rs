//! More records than the queue has room for, while the disk stands still.

use std::{collections::BTreeSet, future::poll_fn, task::Poll};

use super::{super::sequencer::MAX_BATCH_ENTRIES, *};

/// How many are there before the queue is full, and after.
const FEW: usize = 20;

/// Submits all at once while the sequencer cannot write, then lets it; answers what each was told.
fn submit_while_it_stands(
    opened: &Opened,
    all: impl Iterator<Item = Admitted>,
) -> Vec<Result<Ack, LogError>> {
    // Admission reads what the sequencer may be about to change.
    let all: Vec<_> = all.collect();
    let standing = opened.log.shared.places();
    wait_for(async {
        let mut waiting = Vec::new();
        for admitted in all {
            let mut one = Box::pin(opened.log.submit(admitted, Wait::Published));
            // The first look queues it, or says that there is no room.
            let first = poll_fn(|context| Poll::Ready(one.as_mut().poll(context))).await;
            waiting.push(match first {
                Poll::Ready(told) => Err(told),
                Poll::Pending => Ok(one),
            });
        }
        drop(standing);
        let mut told = Vec::new();
        for one in waiting {
            told.push(match one {
                Ok(one) => one.await,
                Err(told) => told,
            });
        }
        told
    })
}

#[test]
fn what_finds_the_queue_full_is_refused_and_all_else_is_logged() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let origin = opened.origin();
    let named = |n: usize| keyset(&format!("n{n}"), &origin);
    // Between those that find room and those that do not: one record again and again, which is logged once.
    let (early, late): (Vec<_>, Vec<_>) =
        ((0..FEW).map(named).collect(), (FEW..2 * FEW).map(named).collect());
    let same = vec![keyset("same", &origin); QUEUE_LENGTH + MAX_BATCH_ENTRIES];
    let all = || early.iter().chain(&same).chain(&late);
    let admit = |envelope: &Envelope| opened.log.admit(&envelope.to_json(), false).unwrap();
    let told = submit_while_it_stands(&opened, all().map(admit));

    let mut places = BTreeMap::new();
    let mut refused = BTreeSet::new();
    for (envelope, told) in all().zip(told) {
        let record = RecordId::of_payload(&envelope.payload);
        match told {
            Ok(ack) => assert!(ack.published && *places.entry(record).or_insert(ack.index) == ack.index),
            Err(LogError::QueueFull) => drop(refused.insert(record)),
            Err(other) => panic!("{other}"),
        }
    }
    let ids = |envelopes: &[Envelope]| -> BTreeSet<_> {
        envelopes
            .iter()
            .map(|e| RecordId::of_payload(&e.payload))
            .collect()
    };
    assert!(refused.is_superset(&ids(&late)) && refused.is_disjoint(&ids(&early)));
    assert!(places.keys().all(|record| !ids(&late).contains(record)));
    let logged = FEW as u64 + 1;
    assert_eq!(
        places.into_values().collect::<BTreeSet<_>>(),
        (0..logged).collect()
    );
    assert_eq!(opened.head().size.get(), logged);

    // Those that were refused come again, and are new.
    let again = opened.submit(&late).into_iter().map(|told| told.unwrap().index);
    let total = logged + FEW as u64;
    assert_eq!(again.collect::<BTreeSet<_>>(), (logged..total).collect());
    drop(opened);
    assert_eq!(open(data.path()).unwrap().head().size.get(), total);
}
