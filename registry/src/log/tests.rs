//! The log without HTTP: every crash point of a batch, every damage that must be refused, restart, the index.

mod backups;
mod damage;
mod overload;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use provenance::{
    PublisherName, RecordId, Sha256Digest,
    dsse::Envelope,
    entry::Entry,
    key::SigningKey,
    keyset::Keyset,
    manifest::{Manifest, ManifestFile},
    merkle::{Frontier, LeafHash, TreeHead, tile::decode_bundle},
    record::Record,
    state::{StateLine, StateTree},
    statement::{Run, SubjectFacts, keyset_payload, provenance_payload},
};

use super::*;
use crate::{
    config::{AdmissionMode, LogFormat, LogLevel},
    durable::TEMPORARY_PREFIX,
};

fn config(data: &Path) -> Config {
    Config {
        data: data.to_owned(),
        listen: "127.0.0.1:0".parse().unwrap(),
        admission: AdmissionMode::Open,
        origin: None,
        public_url: None,
        web: "nonexistent".into(),
        max_payload_bytes: 8 << 20,
        http_threads: 1,
        max_connections: 16,
        rate_limit: 0,
        client_address_header: None,
        log_format: LogFormat::Text,
        log_level: LogLevel::Warn,
    }
}

/// An open log with its folder held.
#[derive(Debug)]
struct Opened {
    log: Log,
    _folder: Folder,
    _ended: Ended,
}

fn open(data: &Path) -> Result<Opened, OpenError> {
    let (folder, age) = Folder::open(data).expect("the folder is ours");
    Log::open(&folder, age, &config(data)).map(|(log, ended)| Opened {
        log,
        _folder: folder,
        _ended: ended,
    })
}

impl Opened {
    fn origin(&self) -> String {
        self.log.verifier().name().to_string()
    }

    /// Submits envelopes so that the sequencer may take them in one batch.
    fn submit(&self, envelopes: &[Envelope]) -> Vec<Result<Ack, LogError>> {
        let admit = |e: &Envelope| {
            self.log
                .admit(&e.to_json(), false)
                .expect("the envelope is admitted")
        };
        let admitted: Vec<_> = envelopes.iter().map(admit).collect();
        wait_for(async {
            let waiting: Vec<_> = admitted
                .into_iter()
                .map(|a| Box::pin(self.log.submit(a, Wait::Published)))
                .collect();
            futures_util::future::join_all(waiting).await
        })
    }

    fn head(&self) -> TreeHead {
        self.log.view().head
    }

    fn index(&self) -> Arc<Index> {
        wait_for(self.log.index()).unwrap()
    }
}

fn wait_for<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().build().unwrap().block_on(future)
}

fn keyset(name: &str, origin: &str) -> Envelope {
    let key = SigningKey::from_seed(Sha256Digest::of(name.as_bytes()).as_bytes());
    let name: PublisherName = name.parse().unwrap();
    let keyset = Keyset::first(name, origin.to_owned(), key.public().clone(), "alice".into()).unwrap();
    Envelope::sign(keyset_payload(&keyset), &[&key])
}

/// Publishes names `n<from>` to `n<to - 1>`, one batch each.
fn publish(opened: &Opened, from: u32, to: u32) -> Vec<RecordId> {
    let origin = opened.origin();
    (from..to)
        .map(|n| {
            let envelope = keyset(&format!("n{n}"), &origin);
            let ack = opened.submit(std::slice::from_ref(&envelope)).remove(0).unwrap();
            assert_eq!((ack.index, ack.published), (u64::from(n), true));
            RecordId::of_payload(&envelope.payload)
        })
        .collect()
}

/// Publishes `count` records of `n0`, whose first keyset is `genesis`, about models of one file each.
fn publish_models(opened: &Opened, genesis: RecordId, count: u32) -> Vec<RecordId> {
    let key = SigningKey::from_seed(Sha256Digest::of(b"n0").as_bytes());
    let envelope = |n: u32| {
        let digest = Sha256Digest::of(&n.to_be_bytes());
        let file = ManifestFile {
            path: "model.bin".parse().unwrap(),
            size: 1,
            sha256: digest,
            chunks: Sha256Digest::of(digest.as_bytes()),
            chunk0: digest,
            tensors: None,
        };
        let facts = SubjectFacts {
            publisher: "n0".parse().unwrap(),
            genesis,
            name: format!("model-{n}"),
            version: None,
            official: vec![],
        };
        let run = Run {
            stage: "checkpoint".into(),
            inputs: vec![],
            metrics: BTreeMap::new(),
        };
        let manifest = Manifest::new(vec![file]).unwrap();
        Envelope::sign(provenance_payload(&facts, &manifest, &run), &[&key])
    };
    let envelopes: Vec<_> = (0..count).map(envelope).collect();
    for answer in opened.submit(&envelopes) {
        answer.unwrap();
    }
    envelopes
        .iter()
        .map(|envelope| RecordId::of_payload(&envelope.payload))
        .collect()
}

/// All files of a folder but the index, the lock, the trust file and temporary ones.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_owned();
            let temporary = name.to_string_lossy().starts_with(TEMPORARY_PREFIX);
            let apart = ["sled", "lock", "set-aside-1", "trust"];
            let skipped = temporary || apart.iter().any(|s| name.starts_with(s));
            match path.is_dir() {
                _ if skipped => {}
                true => folders.push(path),
                false => drop(found.insert(name, fs::read(&path).unwrap())),
            }
        }
    }
    found
}

fn lay_out(root: &Path, files: &BTreeMap<PathBuf, Vec<u8>>) {
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
    for (name, bytes) in files {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
    fs::create_dir_all(root.join("commit")).unwrap();
    fs::create_dir_all(root.join("tile")).unwrap();
}

const SEGMENT: &str = "commit/00000000000000000000.seg";

/// The folder of a log with `n` entries, and of the same log one batch later.
fn before_and_after(n: u32) -> (BTreeMap<PathBuf, Vec<u8>>, BTreeMap<PathBuf, Vec<u8>>) {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    publish(&opened, 0, n);
    let before = files(data.path());
    publish(&opened, n, n + 1);
    (before, files(data.path()))
}

#[test]
fn a_batch_cut_at_any_byte_is_whole_or_was_never_there() {
    let (before, after) = before_and_after(2);
    let data = tempfile::tempdir().unwrap();
    let (whole, segment) = (before[Path::new(SEGMENT)].len(), &after[Path::new(SEGMENT)]);
    // That every single cut is seen as a torn tail is shown by the segments' own tests; here each costs fsyncs.
    for end in (whole..segment.len())
        .step_by(11)
        .chain([segment.len() - 1, segment.len()])
    {
        let mut crashed = before.clone();
        crashed.insert(SEGMENT.into(), segment[..end].to_vec());
        lay_out(data.path(), &crashed);
        let folder = Folder::open(data.path()).unwrap().0;
        let segments = Segments::new(folder.commits());
        let recovered = recovery::open(&folder, Age::Existing, None, &segments).unwrap();
        let committed = end == segment.len();
        assert_eq!(
            recovered.view.head.size.get(),
            if committed { 3 } else { 2 },
            "cut at {end}"
        );
        drop((recovered, folder));
        let shown = if committed { &after } else { &before };
        let now = files(data.path());
        assert_eq!(
            now[Path::new("checkpoint")],
            shown[Path::new("checkpoint")],
            "cut at {end}"
        );
        assert!(
            shown
                .iter()
                .filter(|(name, _)| name.starts_with("tile"))
                .all(|(name, bytes)| now[name] == *bytes)
        );
    }
}

#[test]
fn every_crash_after_the_commit_ends_in_the_same_log() {
    let (before, after) = before_and_after(2);
    let mut order: Vec<&PathBuf> = after
        .keys()
        .filter(|name| before.get(*name) != after.get(*name))
        .collect();
    let rank = |name: &Path| {
        let prefixes = ["commit", "tile", "signed-state", "checkpoints/", "checkpoint"];
        prefixes
            .iter()
            .position(|p| name.to_str().unwrap().starts_with(p))
            .unwrap()
    };
    order.sort_by_key(|name| (rank(name), (*name).clone()));
    let data = tempfile::tempdir().unwrap();
    let mut crashed = before.clone();
    for name in &order {
        crashed.insert((*name).clone(), after[*name].clone());
        lay_out(data.path(), &crashed);
        let opened = open(data.path()).unwrap_or_else(|e| panic!("after {}: {e}", name.display()));
        assert_eq!(opened.head().size.get(), 3);
        publish(&opened, 3, 4);
        drop(opened);
        let now = files(data.path());
        let same = |name: &Path| name.starts_with("tile") || name.starts_with("checkpoints");
        assert!(
            after
                .iter()
                .filter(|(name, _)| same(name))
                .all(|(name, bytes)| now[name] == *bytes)
        );
        assert!(open(data.path()).is_ok());
    }
    assert!(order.len() >= 6, "{order:?}");
}

#[test]
fn partial_tiles_that_were_collected_are_answered_from_the_full_ones() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    publish(&opened, 0, 258);
    let before = files(data.path());
    let is_partial = |name: &Path| name.starts_with("tile") && name.to_string_lossy().contains(".p/");
    let partials = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().filter(|name| is_partial(name)).count();
    assert!(partials(&before) >= 2 * 255);
    // Not before an hour, and nothing but what a full one stands for.
    assert_eq!(opened.log.collect_partials(SystemTime::now()).unwrap(), 0);
    let later = SystemTime::now() + std::time::Duration::from_secs(3601);
    assert_eq!(opened.log.collect_partials(later).unwrap(), 2 * 255);
    assert_eq!(opened.log.collect_partials(later).unwrap(), 0);
    let after = files(data.path());
    assert!(partials(&after) <= 6, "{after:?}");
    for (name, bytes) in before.iter().filter(|(name, _)| name.starts_with("tile")) {
        let coord = TileCoord::parse(&name.to_string_lossy()).unwrap();
        assert_eq!(opened.log.tile(&coord).unwrap().as_ref(), Some(bytes), "{coord}");
    }
    let head = opened.head();
    drop(opened);
    // The next start neither misses them nor writes them again.
    let opened = open(data.path()).unwrap();
    assert_eq!(opened.head(), head);
    assert_eq!(partials(&files(data.path())), partials(&after));
}

/// Between two checkpoints several batches may be committed, and the last of them torn.
#[test]
fn several_batches_that_were_committed_and_not_published_are_published_by_the_next_start() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    publish(&opened, 0, 2);
    let before = files(data.path());
    let lengths: Vec<_> = (2..5)
        .map(|n| {
            publish(&opened, n, n + 1);
            files(data.path())[Path::new(SEGMENT)].len()
        })
        .collect();
    drop(opened);
    let segment = files(data.path())[Path::new(SEGMENT)].clone();
    for (end, size) in [(lengths[1], 4), (lengths[2] - 1, 4), (lengths[2], 5)] {
        let mut crashed = before.clone();
        crashed.insert(SEGMENT.into(), segment[..end].to_vec());
        lay_out(data.path(), &crashed);
        let opened = open(data.path()).unwrap();
        assert_eq!(opened.head().size.get(), size, "cut at {end}");
        publish(&opened, u32::try_from(size).unwrap(), 6);
        drop(opened);
        assert_eq!(open(data.path()).unwrap().head().size.get(), 6);
    }
}

/// What is committed and not yet in the index is known all the same.
#[test]
fn a_repeated_record_waits_for_the_entry_that_is_not_published_yet() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let origin = opened.origin();
    publish(&opened, 0, 1);
    // Within the interval after a checkpoint: both are committed first, maybe in batches of their own.
    let (one, two) = (keyset("n1", &origin), keyset("n2", &origin));
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let admitted = |envelope: &Envelope| opened.log.admit(&envelope.to_json(), false).unwrap();
    let acks = runtime.block_on(async {
        let sequenced = opened.log.submit(admitted(&one), Wait::Sequenced).await;
        tokio::join!(
            async { sequenced },
            opened.log.submit(admitted(&one), Wait::Published),
            opened.log.submit(admitted(&two), Wait::Published),
        )
    });
    let (sequenced, repeated, next) = (acks.0.unwrap(), acks.1.unwrap(), acks.2.unwrap());
    assert_eq!((sequenced.index, sequenced.published), (1, false));
    assert_eq!((repeated.index, repeated.published), (1, true));
    assert_eq!((next.index, next.published), (2, true));
    assert_eq!(opened.head().size.get(), 3);
}

#[test]
fn a_crash_while_the_tail_was_copied_is_survived() {
    let (before, after) = before_and_after(2);
    let data = tempfile::tempdir().unwrap();
    let whole = before[Path::new(SEGMENT)].len();
    let mut crashed = before.clone();
    // Copied to a segment of its own, and not yet cut from the old one.
    crashed.insert(SEGMENT.into(), after[Path::new(SEGMENT)].clone());
    crashed.insert(
        "commit/00000000000000000002.seg".into(),
        after[Path::new(SEGMENT)][whole..].to_vec(),
    );
    lay_out(data.path(), &crashed);
    let opened = open(data.path()).unwrap();
    publish(&opened, 3, 5);
    drop(opened);
    assert_eq!(files(data.path())[Path::new(SEGMENT)].len(), whole);
    assert_eq!(open(data.path()).unwrap().head().size.get(), 5);
}

#[test]
fn a_batch_keeps_order_repeats_and_conflicts_apart() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let origin = opened.origin();
    let other_key = SigningKey::from_seed(&[200; 32]);
    let rival = Keyset::first(
        "a".parse().unwrap(),
        origin.clone(),
        other_key.public().clone(),
        "mallory".into(),
    )
    .unwrap();
    let rival = Envelope::sign(keyset_payload(&rival), &[&other_key]);
    let answers = opened.submit(&[
        keyset("a", &origin),
        keyset("b", &origin),
        keyset("a", &origin),
        rival,
    ]);
    let index = |at: usize| answers[at].as_ref().unwrap().index;
    assert_eq!((index(0), index(1), index(2)), (0, 1, 0));
    assert!(matches!(
        answers[3],
        Err(LogError::Admission(AdmissionError::PublisherExists { .. }))
    ));
    assert_eq!(opened.head().size.get(), 2);
}

#[test]
fn state_roots_and_tiles_follow_from_the_leaves() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let origin = opened.origin();
    // Batches of different sizes, across the edge of a full tile.
    let names: Vec<String> = (0..260).map(|n| format!("n{n}.example")).collect();
    for batch in [
        &names[..1],
        &names[1..255],
        &names[255..256],
        &names[256..257],
        &names[257..],
    ] {
        let envelopes: Vec<_> = batch.iter().map(|name| keyset(name, &origin)).collect();
        assert!(opened.submit(&envelopes).iter().all(Result::is_ok));
    }
    let bundle =
        |path: &str, width| decode_bundle(&fs::read(data.path().join(path)).unwrap(), width).unwrap();
    let mut entries = bundle("tile/entries/000", 256);
    entries.extend(bundle("tile/entries/001.p/4", 4));
    let (mut tree, mut state) = (Frontier::new(), StateTree::new());
    for (index, bytes) in (0..).zip(&entries) {
        let entry = Entry::parse(bytes).unwrap();
        let payload = opened.log.payload(&entry.payload).unwrap().unwrap();
        let record = Record::parse(&payload).unwrap();
        assert_eq!(
            (&record.kind, record.publisher()),
            (&entry.kind, &entry.publisher)
        );
        let line = StateLine {
            index,
            kind: entry.kind.clone(),
            payload: entry.payload,
            target: None,
        };
        state.append(entry.publisher.clone(), line);
        assert_eq!(state.root(), entry.state, "entry {index}");
        tree.push(LeafHash::of(bytes));
    }
    assert_eq!(tree.tree_head(), opened.head());
    assert_eq!(fs::read(data.path().join("tile/0/000")).unwrap().len(), 8192);
    assert_eq!(fs::read(data.path().join("tile/1/000.p/1")).unwrap().len(), 32);
}

#[test]
fn an_empty_log_publishes_the_empty_root() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    let note = opened.log.view().note.clone();
    let lines: Vec<_> = note.lines().collect();
    assert_eq!(lines[1..3], ["0", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="]);
    assert_eq!(
        fs::read_to_string(data.path().join("checkpoints/0")).unwrap(),
        note
    );
    drop(opened);
    assert_eq!(open(data.path()).unwrap().log.view().note, note);
}

#[test]
fn a_closed_log_takes_nothing_and_says_so() {
    let data = tempfile::tempdir().unwrap();
    let opened = open(data.path()).unwrap();
    opened.log.close();
    assert!(!opened.log.is_running());
    let answer = opened.submit(&[keyset("a", &opened.origin())]).remove(0);
    assert!(matches!(answer, Err(LogError::Stopped)));
}
