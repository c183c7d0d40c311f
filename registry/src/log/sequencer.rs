//! The sequencer: the one thread that writes. The durable order of the log is written down here, in
//! [`Sequencer::commit`] and [`Sequencer::publish`], and nowhere else.
//!
//! ```text
//! 1 COMMIT       a batch, durable; its indices are final
//! 2 MATERIALISE  tiles and bundles, durable
//! 3 SIGN         the signed state, durable, then the signature
//! 5 PUBLISH      the checkpoint, never backwards            (4, asking witnesses, comes with a later version)
//! 6 ACK          and on to the follower, which brings the index after the log
//! ```
//! Batches are committed as requests come; what was committed is published together, at once after a pause and else
//! every [`PUBLISH_INTERVAL`].
//!
//! Any error in 1 to 5 ends the thread: what is on disk is then unknown, waiting requests fail, the process
//! exits non-zero and the next start recovers.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, PoisonError,
        mpsc::{Receiver, RecvTimeoutError, TryRecvError},
    },
    time::{Duration, Instant},
};

use provenance::{
    RecordId, Sha256Digest,
    entry::Entry,
    merkle::{LeafHash, RootHash},
    record::{Body, Record},
    state::StateTree,
};
use tokio::sync::oneshot;

use super::{
    LogError, Shared,
    admission::{self, AdmissionError, Admitted},
    commit::Item,
    follower::{Feed, Published},
    materialise::{self, Edge, Object},
    places::Places,
    publish::{Press, PublishError, View},
    publishers::{ControlError, Publishers},
    segments::{SegmentError, SegmentWriter},
};
use crate::{durable::DurableError, index::NewEntry};

/// Most entries in one batch.
pub const MAX_BATCH_ENTRIES: usize = 1024;

/// A batch that has this many payload bytes takes no further entry: 4 MiB.
pub const MAX_BATCH_BYTES: usize = 4 << 20;

/// Least time between two published checkpoints. Every one of them leaves partial tiles behind, and costs a dozen fsyncs;
/// a client that publishes one record after the other waits this long for each (docs/adr/0014-publication-pacing.md).
pub const PUBLISH_INTERVAL: Duration = Duration::from_millis(20);

/// What is committed is published at once when it has this many bytes: 16 MiB. Together with the largest batch it bounds
/// how far a segment grows past its size, for segments only roll when everything in them is published.
pub const MAX_PENDING_BYTES: usize = 16 << 20;

/// What a request waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wait {
    /// The entry is in the published checkpoint.
    Published,
    /// The entry is durable and its index final.
    Sequenced,
}

/// Answer to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// Index of the entry.
    pub index: u64,
    /// Its leaf hash.
    pub leaf_hash: Sha256Digest,
    /// Whether the published checkpoint includes it already.
    pub published: bool,
}

/// A request in the queue.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) admitted: Admitted,
    pub(crate) wait: Wait,
    pub(crate) answer: oneshot::Sender<Result<Ack, LogError>>,
}

/// Why the sequencer stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequencerError {
    /// Step 1 failed.
    #[error("the log stopped while committing: {0}")]
    Commit(#[from] SegmentError),
    /// Step 2 failed.
    #[error("the log stopped while writing tiles: {0}")]
    Materialise(#[from] DurableError),
    /// Step 3 or 5 failed.
    #[error("the log stopped while publishing: {0}")]
    Publish(#[from] PublishError),
    /// Something that was written reads otherwise.
    #[error("the log stopped on a doubt: {0}")]
    Doubt(String),
    /// A bug.
    #[error("the sequencer panicked")]
    Panic,
}

/// The writing thread's own things.
#[derive(Debug)]
pub(crate) struct Sequencer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) edge: Edge,
    pub(crate) writer: SegmentWriter,
    pub(crate) press: Press,
    /// Root of the state tree after the last entry.
    pub(crate) state: RootHash,
    /// Who brings the index up.
    pub(crate) follower: Feed,
    /// What is committed and not published yet.
    pub(crate) pending: Pending,
    /// When a checkpoint was published last; none since the start.
    pub(crate) published: Option<Instant>,
}

/// A request that becomes an entry.
#[derive(Debug)]
struct Placed {
    job: Job,
    index: u64,
    entry: Vec<u8>,
}

/// Entries that are committed and not published yet, and who waits for them.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    placed: Vec<Placed>,
    /// Bytes of these entries and their payloads.
    bytes: usize,
    /// The tiles and bundles that these entries filled.
    full: Vec<Object>,
    /// Requests whose record is among these entries.
    repeated: Vec<(Job, u64)>,
    /// The state tree after the last of these entries.
    state: Arc<StateTree>,
}

/// First index and holders of each record in a batch that is not committed yet.
type Records = HashMap<RecordId, (u64, BTreeSet<String>)>;

enum Place {
    New,
    Repeated(u64),
}

impl Sequencer {
    /// Writes until the queue is closed and empty.
    ///
    /// # Errors
    /// [`SequencerError`]: the server must exit.
    pub(crate) fn run(mut self, jobs: &Receiver<Job>) -> Result<(), SequencerError> {
        loop {
            let next = match self.left() {
                None => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(left) => jobs.recv_timeout(left),
            };
            match next {
                Ok(first) => self.commit(gather(first, jobs))?,
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if self.left().is_some_and(|left| left.is_zero()) {
                self.publish()?;
            }
        }
        self.publish()
    }

    /// How long what is pending may still wait for more; none when nothing is pending.
    fn left(&self) -> Option<Duration> {
        if self.pending.bytes >= MAX_PENDING_BYTES {
            return Some(Duration::ZERO);
        }
        let since = |published: Instant| PUBLISH_INTERVAL.saturating_sub(published.elapsed());
        (!self.pending.placed.is_empty()).then(|| self.published.map_or(Duration::ZERO, since))
    }

    /// Step 1. A crash before it leaves nothing; during it, a torn tail that is cut off; after it, the entries are in
    /// the log for ever.
    fn commit(&mut self, jobs: Vec<Job>) -> Result<(), SequencerError> {
        let placed = self.decide(jobs)?;
        if placed.is_empty() {
            return Ok(());
        }
        let before = self.edge.head();
        let items: Vec<Item<'_>> = placed
            .iter()
            .map(|p| Item {
                entry: &p.entry,
                payload: &p.job.admitted.payload,
            })
            .collect();
        let sizes = items.iter().map(|item| item.entry.len() + item.payload.len());
        self.pending.bytes += sizes.sum::<usize>();
        let locations = self.writer.append(before.size.get(), before.root, &items)?;
        {
            let mut places = self.shared.places.write().unwrap_or_else(PoisonError::into_inner);
            for (one, location) in placed.iter().zip(&locations) {
                places.push(one.job.admitted.record.id, *location);
            }
        }
        let placed = answer_sequenced(placed);
        for one in &placed {
            self.pending.full.extend(self.edge.push(&one.entry));
        }
        self.pending.state = self.publishers(|p| p.state().clone());
        self.pending.placed.extend(placed);
        Ok(())
    }

    /// Steps 2 to 6, for everything that is committed.
    fn publish(&mut self) -> Result<(), SequencerError> {
        let Pending {
            placed,
            full: mut objects,
            repeated,
            state,
            bytes,
        } = std::mem::take(&mut self.pending);
        let Some(last) = placed.last() else {
            return Ok(());
        };

        // 2 MATERIALISE. A crash here leaves some of the tiles; recovery writes the same bytes again.
        objects.extend(self.edge.take_partials());
        materialise::write(&self.shared.tiles, &objects)?;

        // 3 SIGN and 5 PUBLISH.
        let head = self.edge.head();
        let signed = self.press.publish(head)?;
        let view = View::new(signed, head, state, last.entry.clone());
        *self.shared.view.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(view);

        self.writer.roll_when_full();
        self.published = Some(Instant::now());
        tracing::info!(
            size = head.size.get(),
            entries = placed.len(),
            "the log has {} entries, {} of them new",
            head.size.get(),
            placed.len()
        );

        // 6 ACK, and on to the index.
        let entries = acknowledge(placed, &self.shared.places());
        for (job, index) in repeated {
            acknowledge_repeated(job, index);
        }
        self.follower.tell(Published { entries, head, bytes });
        Ok(())
    }

    fn publishers<T>(&self, read: impl FnOnce(&Publishers) -> T) -> T {
        read(
            &self
                .shared
                .publishers
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Decides about each request in turn: refused, known already, or the next entry.
    fn decide(&mut self, jobs: Vec<Job>) -> Result<Vec<Placed>, SequencerError> {
        let mut placed = Vec::with_capacity(jobs.len());
        let mut batch = Records::new();
        for mut job in jobs {
            match self.place(&mut job.admitted, &batch) {
                Ok(Place::New) => placed.push(self.append(job, placed.len(), &mut batch)),
                Ok(Place::Repeated(index)) if index < self.press.signed().size.get() => {
                    acknowledge_repeated(job, index);
                }
                Ok(Place::Repeated(index)) => self.pending.repeated.push((job, index)),
                Err(LogError::Admission(error)) => {
                    // Nobody may be waiting any more.
                    let _ = job.answer.send(Err(error.into()));
                }
                Err(doubt) => return Err(SequencerError::Doubt(doubt.to_string())),
            }
        }
        Ok(placed)
    }

    fn place(&self, admitted: &mut Admitted, batch: &Records) -> Result<Place, LogError> {
        match self.publishers(|p| p.check(&admitted.record)) {
            Ok(()) => {}
            Err(ControlError::Exists { genesis, .. }) if genesis == admitted.record.id => {
                let name = admitted.record.publisher().clone();
                let index = self.publishers(|p| p.get(&name).map(|found| found.index));
                return index.map(Place::Repeated).ok_or(LogError::Stopped);
            }
            Err(ControlError::Exists { publisher, genesis }) => {
                return Err(AdmissionError::PublisherExists { publisher, genesis }.into());
            }
            Err(ControlError::Unsupported) => {
                let kind = admitted.record.kind.clone();
                return Err(AdmissionError::Unsupported { kind, detail: "" }.into());
            }
        }
        if !matches!(admitted.record.body, Body::Keyset(_)) {
            let publisher = admitted.record.publisher().clone();
            let keyset = self.publishers(|p| p.get(&publisher).map(|found| Arc::clone(&found.keyset)));
            admitted.recheck(&keyset.ok_or(AdmissionError::PublisherUnknown { publisher })?)?;
        }
        let here = batch.get(&admitted.record.id);
        let (mut first, mut holders) = (here.map(|(index, _)| *index), BTreeSet::new());
        if let Some(logged) = self.shared.logged(admitted, u64::MAX)? {
            first = Some(logged.first);
            holders = logged.holders;
        }
        holders.extend(here.into_iter().flat_map(|(_, holders)| holders.iter().cloned()));
        match first {
            Some(first) if admitted.holders().is_subset(&holders) => Ok(Place::Repeated(first)),
            _ => Ok(Place::New),
        }
    }

    /// The entry for `job`, with `before` others between the edge and it.
    fn append(&mut self, job: Job, before: usize, batch: &mut Records) -> Placed {
        let index = self.edge.size() + before as u64;
        let record: &Record = &job.admitted.record;
        let mut publishers = self
            .shared
            .publishers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        if publishers
            .take(index, record)
            .expect("the record was checked against the same publishers a moment ago")
        {
            self.state = publishers.state().root();
        }
        drop(publishers);
        let known = batch.entry(record.id);
        let known = known.or_insert_with(|| (index, BTreeSet::new()));
        known.1.extend(job.admitted.holders());
        let entry = job.admitted.entry(self.state).to_bytes();
        Placed { job, index, entry }
    }
}

/// A record that is in the log.
pub(crate) struct Logged {
    /// Index of its first leaf.
    pub(crate) first: u64,
    /// Holders whose signatures its leaves carry.
    pub(crate) holders: BTreeSet<String>,
}

impl Shared {
    /// The leaves of a record among the first `size` entries.
    pub(crate) fn logged(&self, admitted: &Admitted, size: u64) -> Result<Option<Logged>, LogError> {
        let mut leaves = self.places().leaves(&admitted.record.id);
        leaves.retain(|index| *index < size);
        let Some(&first) = leaves.first() else {
            return Ok(None);
        };
        let mut holders = BTreeSet::new();
        for index in leaves {
            let entry = self.entry(index)?;
            let damaged = |_| LogError::Damaged { index };
            let signatures = Entry::parse(&entry).map_err(damaged)?.signatures;
            holders.extend(admission::holders(
                &admitted.keyset,
                &admitted.record,
                &signatures,
            ));
        }
        Ok(Some(Logged { first, holders }))
    }
}

fn gather(first: Job, jobs: &Receiver<Job>) -> Vec<Job> {
    let mut bytes = first.admitted.payload.len();
    let mut batch = vec![first];
    while batch.len() < MAX_BATCH_ENTRIES && bytes < MAX_BATCH_BYTES {
        match jobs.try_recv() {
            Ok(job) => {
                bytes += job.admitted.payload.len();
                batch.push(job);
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => break,
        }
    }
    batch
}

fn ack(entry: &[u8], index: u64, published: bool) -> Ack {
    Ack {
        index,
        leaf_hash: *LeafHash::of(entry).digest(),
        published,
    }
}

/// Answers those who wait for the commit only. They stay in the batch, with nobody behind them.
fn answer_sequenced(placed: Vec<Placed>) -> Vec<Placed> {
    let answer = |mut one: Placed| {
        if one.job.wait == Wait::Sequenced {
            let (nobody, _) = oneshot::channel();
            let waiting = std::mem::replace(&mut one.job.answer, nobody);
            let _ = waiting.send(Ok(ack(&one.entry, one.index, false)));
        }
        one
    };
    placed.into_iter().map(answer).collect()
}

/// Answers those whose entries are published now; gives what the index takes in.
fn acknowledge(placed: Vec<Placed>, places: &Places) -> Vec<NewEntry> {
    let answer = |Placed { job, index, entry }: Placed| {
        let ack = ack(&entry, index, true);
        let _ = job.answer.send(Ok(ack));
        NewEntry {
            index,
            leaf: LeafHash::from(ack.leaf_hash),
            is_first: places.is_first(&job.admitted.record.id, index),
            record: job.admitted.record,
        }
    };
    placed.into_iter().map(answer).collect()
}

/// Answers a request whose record was there already, under `index`.
fn acknowledge_repeated(job: Job, index: u64) {
    // The leaf hash is in the receipt, which is made from the log.
    let _ = job.answer.send(Ok(Ack {
        index,
        leaf_hash: Sha256Digest::OF_NOTHING,
        published: true,
    }));
}
