//! Publishers at full load and a registry that is killed under them, round after round. After each round the log is read
//! from outside, and everything that anybody was ever told has to hold.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use provenance::{
    RecordId, Sha256Digest,
    api::paths,
    dsse::Envelope,
    merkle::{ConsistencyProof, HashReader as _, TreeHead},
};

#[cfg(target_os = "linux")]
use crate::strace::{CALLS, FAULTS, Fault, Strace};
use crate::{
    envelopes::{Busy, origin},
    http::{Answer, Client},
    outside::{OutsideView, checked_head, read_tree, read_whole_log},
    registry::TestRegistry,
};

/// Publishers at one time.
const PUBLISHERS: usize = 16;

/// Publishers at one time before the first kill, where only the number of entries matters.
const FILLERS: usize = 128;

/// How long after a start the registry is killed, in ms: anything between.
const KILLED_AFTER_MS: std::ops::Range<u64> = 20..2500;

/// Pause between two looks at the checkpoint.
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// What is asked of a run.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Kills.
    pub rounds: usize,
    /// Entries that the log has before the first kill.
    pub entries: u64,
    /// What the random times follow from.
    pub seed: u64,
}

/// What a run came to. That nothing was lost is not in it: the run panics else.
#[derive(Debug)]
pub struct Outcome {
    /// Entries at the end.
    pub entries: u64,
    /// Entries that were acknowledged.
    pub acknowledged: usize,
    /// Entries that are in the log though the publisher got no answer.
    pub unanswered: usize,
    /// Checkpoints that were seen.
    pub checkpoints: usize,
    /// The longest time from a start of the process to the first receipt.
    pub slowest_start: Duration,
}

/// Everything that the registry has told anybody.
#[derive(Default)]
struct Told {
    /// Index and leaf hash of each acknowledged record.
    receipts: Mutex<BTreeMap<RecordId, (u64, Sha256Digest)>>,
    /// Roots by size, of every checkpoint that was served.
    checkpoints: Mutex<BTreeMap<u64, TreeHead>>,
}

/// Runs `plan` and says after each round, through `say`, how it went.
///
/// # Panics
/// When an acknowledged entry is lost or moved, the log goes back or forks, or any hash does not hold.
pub fn run(plan: Plan, say: &mut dyn FnMut(&str)) -> Outcome {
    let mut registry = TestRegistry::start_without_page();
    let key = registry.log_key().to_owned();
    let publisher = Busy::new("torture.example", &origin(&registry));
    let (told, next) = (Told::default(), AtomicUsize::new(0));
    told.publish(&registry.client(), publisher.first())
        .expect("a receipt of the first keyset");
    fill(&registry, &publisher, &told, &next, plan.entries);
    say(&format!("{} entries before the first kill", plan.entries));

    let mut slowest_start = Duration::ZERO;
    let mut before = read_tree(&registry.client(), &key).head;
    for round in 1..=plan.rounds {
        let sent = kill_under_load(
            &mut registry,
            &publisher,
            &told,
            &next,
            random_delay(plan.seed, round),
        );
        let begun = Instant::now();
        registry.restart();
        told.publish(
            &registry.client(),
            &publisher.record(next.fetch_add(1, Ordering::Relaxed)),
        )
        .expect("a receipt after the restart");
        let start = begun.elapsed();
        slowest_start = slowest_start.max(start);
        let log = read_tree(&registry.client(), &key);
        told.check(&before, &log);
        before = log.head;
        say(&format!(
            "round {round} of {}: killed after {sent} receipts; the first one after the restart came in {} ms; {} entries, all that \
             was acknowledged is there",
            plan.rounds,
            start.as_millis(),
            log.head.size
        ));
    }
    let log = read_whole_log(&registry.client(), &key);
    told.check(&before, &log);
    let acknowledged = told.receipts().len();
    Outcome {
        entries: log.head.size.get(),
        acknowledged,
        unanswered: log.entries.len() - acknowledged,
        checkpoints: told.checkpoints().len(),
        slowest_start,
    }
}

/// Has one system call after the other fail or kill the registry while it publishes a record. Gives how many faults there
/// were.
///
/// # Panics
/// As [`run`]; and when the record cannot be published after the next start.
#[cfg(target_os = "linux")]
pub fn faults(say: &mut dyn FnMut(&str)) -> usize {
    let mut registry = TestRegistry::start_without_page();
    let key = registry.log_key().to_owned();
    let publisher = Busy::new("torture.example", &origin(&registry));
    let told = Told::default();
    told.publish(&registry.client(), publisher.first())
        .expect("a receipt of the first keyset");
    let (mut before, mut number, mut injected) = (read_tree(&registry.client(), &key).head, 0, 0);
    for (call, fault) in CALLS.iter().flat_map(|call| FAULTS.map(|fault| (*call, fault))) {
        for nth in 1.. {
            let record = publisher.record(number);
            number += 1;
            let strace = Strace::inject(registry.pid(), call, fault, nth);
            let answered = told.try_publish(&registry.client(), &record);
            let alive = registry.client().try_get("/healthz").is_some();
            registry.kill9();
            let failed = strace.lines().iter().any(|line| line.contains("INJECTED"));
            let hit = if fault == Fault::Kill { !alive } else { failed };
            registry.restart();
            told.check(&before, &read_tree(&registry.client(), &key));
            told.publish(&registry.client(), &record)
                .expect("a receipt after the restart");
            let log = read_tree(&registry.client(), &key);
            told.check(&before, &log);
            before = log.head;
            if !hit {
                assert!(answered, "without a fault a receipt comes");
                say(&format!("{call}: a publish has {} of them", nth - 1));
                break;
            }
            injected += 1;
            let what = match fault {
                Fault::Error => "fails",
                Fault::Kill => "is the last",
            };
            let outcome = if answered { "a receipt" } else { "no receipt" };
            say(&format!(
                "{call} number {nth} {what}: {outcome} came; everything is there"
            ));
        }
    }
    let log = read_whole_log(&registry.client(), &key);
    told.check(&before, &log);
    injected
}

/// Publishes until the log has `entries`.
fn fill(registry: &TestRegistry, publisher: &Busy, told: &Told, next: &AtomicUsize, entries: u64) {
    thread::scope(|scope| {
        for _ in 0..FILLERS {
            scope.spawn(|| {
                let client = registry.client();
                while (told.receipts().len() as u64) < entries {
                    let record = publisher.record(next.fetch_add(1, Ordering::Relaxed));
                    told.publish(&client, &record).expect("a receipt");
                }
            });
        }
    });
}

/// Publishes at full load, and kills the registry after `delay`. Gives the number of receipts.
fn kill_under_load(
    registry: &mut TestRegistry,
    publisher: &Busy,
    told: &Told,
    next: &AtomicUsize,
    delay: Duration,
) -> usize {
    let (before, killed) = (told.receipts().len(), AtomicBool::new(false));
    let (client, key) = (registry.client(), registry.log_key().to_owned());
    thread::scope(|scope| {
        for _ in 0..PUBLISHERS {
            let client = client.clone();
            scope.spawn(move || {
                let one = || publisher.record(next.fetch_add(1, Ordering::Relaxed));
                while told.publish(&client, &one()).is_some() {}
            });
        }
        scope.spawn(|| {
            while !killed.load(Ordering::Relaxed) {
                told.look(&client, &key);
                thread::sleep(BETWEEN_LOOKS);
            }
        });
        thread::sleep(delay);
        registry.kill9();
        killed.store(true, Ordering::Relaxed);
    });
    told.receipts().len() - before
}

impl Told {
    fn receipts(&self) -> std::sync::MutexGuard<'_, BTreeMap<RecordId, (u64, Sha256Digest)>> {
        self.receipts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn checkpoints(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, TreeHead>> {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Publishes a record and remembers the receipt; none when no answer comes.
    fn publish(&self, client: &Client, envelope: &Envelope) -> Option<()> {
        let answer = client.try_post(paths::ATTESTATIONS, &envelope.to_json())?;
        self.remember(envelope, &answer.ok());
        Some(())
    }

    /// As [`Self::publish`], where the registry may refuse too. Says whether a receipt came.
    #[cfg(target_os = "linux")]
    fn try_publish(&self, client: &Client, envelope: &Envelope) -> bool {
        let answer = client.try_post(paths::ATTESTATIONS, &envelope.to_json());
        let receipt = answer.filter(|answer| answer.status == 200);
        if let Some(answer) = &receipt {
            self.remember(envelope, answer);
        }
        receipt.is_some()
    }

    fn remember(&self, envelope: &Envelope, answer: &Answer) {
        let receipt = answer.json();
        let index = receipt["index"].as_u64().expect("an index");
        let leaf = receipt["leaf_hash"].as_str().and_then(|hash| hash.parse().ok());
        let place = (index, leaf.expect("a leaf hash"));
        let record = RecordId::of_payload(&envelope.payload);
        let known = self.receipts().insert(record, place);
        assert!(
            known.is_none_or(|known| known == place),
            "a second receipt names another place"
        );
    }

    /// Remembers what the log shows now, and that it shows no less than before.
    fn look(&self, client: &Client, key: &str) {
        let Some(answer) = client.try_get(paths::CHECKPOINT) else {
            return;
        };
        let head = checked_head(&answer.ok().text(), key);
        let mut seen = self.checkpoints();
        let largest = seen.last_key_value().map_or(0, |(size, _)| *size);
        assert!(
            head.size.get() >= largest,
            "the log went back from {largest} to {}",
            head.size
        );
        let known = seen.insert(head.size.get(), head);
        assert!(
            known.is_none_or(|known| known == head),
            "two roots of size {}",
            head.size
        );
    }

    /// Whether `log` is everything that was ever told: receipts, checkpoints, and what it was `before`.
    fn check(&self, before: &TreeHead, log: &OutsideView) {
        for (record, (index, leaf)) in &*self.receipts() {
            let at = usize::try_from(*index).expect("an index of a vector");
            let entry = log.entries.get(at);
            let entry = entry.unwrap_or_else(|| panic!("entry {index} was acknowledged and is lost"));
            assert_eq!(entry.payload, *record, "entry {index} is of another record");
            assert_eq!(
                log.tree.node(0, *index).as_ref(),
                Ok(leaf),
                "the leaf hash of entry {index}"
            );
        }
        for head in self.checkpoints().values().chain([before]) {
            let proof = ConsistencyProof::prove(&log.tree, head.size, log.head.size);
            let proof =
                proof.unwrap_or_else(|_| panic!("the log went back: it once had {} entries", head.size));
            proof.verify(head, &log.head).expect("the log only grew");
        }
        let mut payloads: Vec<_> = log.entries.iter().map(|entry| entry.payload).collect();
        payloads.sort_unstable();
        payloads.dedup();
        assert_eq!(payloads.len(), log.entries.len(), "a record has two leaves");
    }
}

/// A time that follows from `seed` and `round`.
fn random_delay(seed: u64, round: usize) -> Duration {
    let digest = Sha256Digest::of(format!("{seed} {round}").as_bytes());
    let number = u64::from_be_bytes(*digest.as_bytes().first_chunk().expect("32 bytes"));
    let span = KILLED_AFTER_MS.end - KILLED_AFTER_MS.start;
    Duration::from_millis(KILLED_AFTER_MS.start + number % span)
}
