//! `log monitor`: tells a lab of every record under its name. Nothing is taken on trust but the log's key: the new entries
//! must lead from the tree that was seen before to the one that is signed now.

mod teller;

use std::{collections::BTreeSet, fs, path::Path, thread};

use provenance::{
    PublisherName, RecordId,
    entry::Entry,
    merkle::{
        LeafHash, TreeSize,
        tile::{TILE_WIDTH, bundles_for_growth},
    },
    trust::TrustFile,
};
use serde_json::json;

use self::teller::Teller;
use super::{
    Context, View,
    memory::{Growth, Memory},
};
use crate::{
    args::MonitorArgs,
    client::Client,
    failure::{Exit, Failure},
    output::{Output, count, grouped},
    progress::Progress,
    tiles::{self, read_entries},
};

/// Most bytes of a file of known records: a million of them.
const MAX_KNOWN_BYTES: u64 = 65 << 20;

/// Watches until it is stopped, or once.
///
/// # Errors
/// [`Exit::LogFault`] when the log contradicts itself. With `--once` also [`Exit::Network`], and whatever kept an event from
/// being told.
pub(super) fn run(
    context: &Context,
    args: &MonitorArgs,
    client: &Client,
    trust: &TrustFile,
) -> Result<Exit, Failure> {
    let teller = Teller::new(args, context.global.timeout);
    let mut watch = Watch {
        output: context.output,
        args,
        client,
        trust,
        from: args.from,
    };
    loop {
        match watch.look(&teller) {
            Ok(told) if args.once => {
                context.output.note(format!("{} told", count(told, "new record")));
                return Ok(Exit::Done);
            }
            Ok(_) => {}
            Err(failure) if failure.exit == Exit::LogFault => {
                let event = json!({
                    "v": 1, "event": "log-fault", "registry": client.address(), "what": failure.to_string(),
                });
                // Whether or not somebody hears of it, the watch ends, and says why.
                if let Err(untold) = teller.tell(&event) {
                    context.output.note(untold);
                }
                return Err(failure);
            }
            Err(failure) if args.once => return Err(failure),
            Err(failure) => context.output.note(format!(
                "{failure}; looking again in {} s",
                args.interval.as_secs()
            )),
        }
        thread::sleep(args.interval);
    }
}

struct Watch<'a> {
    output: Output,
    args: &'a MonitorArgs,
    client: &'a Client,
    trust: &'a TrustFile,
    /// Where to begin, until that was done.
    from: Option<u64>,
}

impl Watch<'_> {
    /// Looks at what is new, tells of it, and then remembers; answers how many records were told.
    fn look(&mut self, teller: &Teller) -> Result<usize, Failure> {
        let view = View::fetch(self.client, self.trust)?;
        let memory = Memory::of_monitor(&view.checkpoint.origin, &self.args.publishers)?;
        let growth = memory.compare(self.client, self.trust, &view)?;
        let size = view.checkpoint.head.size.get();
        let seen = match growth {
            Growth::First | Growth::Same => size,
            Growth::Grew { before } => before,
        };
        if matches!(growth, Growth::First) && self.from.is_none() {
            let names: Vec<&str> = self.args.publishers.iter().map(PublisherName::as_str).collect();
            self.output.note(format!(
                "watching {} on {} from entry {} on",
                names.join(", "),
                view.checkpoint.origin,
                grouped(size)
            ));
        }
        let begin = self.from.unwrap_or(seen).min(size);
        let new = self.entries(&view, begin)?;
        let known = self.known()?;
        let mut told = 0;
        for (index, entry) in new {
            if !self.args.publishers.contains(&entry.publisher) || known.contains(&entry.payload) {
                continue;
            }
            let keyids: Vec<_> = entry.signatures.iter().map(|s| s.keyid.to_string()).collect();
            teller.tell(&json!({
                "v": 1,
                "event": "record",
                "log": view.checkpoint.origin.as_str(),
                "index": index,
                "publisher": entry.publisher,
                "kind": entry.kind,
                "record": entry.payload,
                "keyids": keyids,
                "url": format!("{}/record/{}", self.client.address(), entry.payload),
            }))?;
            told += 1;
        }
        memory.keep(&view)?;
        self.from = None;
        Ok(told)
    }

    /// The entries from `begin` on. Together with what was there before they make the tree of `view`, so none is left out.
    fn entries(&self, view: &View, begin: u64) -> Result<Vec<(u64, Entry)>, Failure> {
        let head = view.checkpoint.head;
        if begin >= head.size.get() {
            return Ok(Vec::new());
        }
        let mut edge = tiles::edge(self.client, TreeSize::new(begin), head.size)?;
        let progress = Progress::of(head.size.get() - begin, "entries", self.output.wants_progress());
        let mut found = Vec::new();
        for bundle in bundles_for_growth(TreeSize::new(begin), head.size) {
            let first = bundle.index * TILE_WIDTH;
            for (index, bytes) in (first..).zip(read_entries(self.client, bundle)?) {
                if index < begin {
                    continue;
                }
                edge.push(LeafHash::of(&bytes));
                progress.add(1);
                // An entry that does not parse is in the log all the same; an audit says so.
                if let Ok(entry) = Entry::parse(&bytes)
                    && self.args.publishers.contains(&entry.publisher)
                {
                    found.push((index, entry));
                }
            }
        }
        if edge.tree_head() == head {
            Ok(found)
        } else {
            let why = "its new entries do not lead to the checkpoint that its key signed";
            Err(self.client.fault(why))
        }
    }

    fn known(&self) -> Result<BTreeSet<RecordId>, Failure> {
        self.args
            .known
            .as_deref()
            .map_or_else(|| Ok(BTreeSet::new()), known)
    }
}

/// The record ids in a file, one a line; empty lines and those that begin with `#` are passed over.
fn known(path: &Path) -> Result<BTreeSet<RecordId>, Failure> {
    let unreadable = |error: std::io::Error| Failure::io("read", path, &error);
    if fs::metadata(path).map_err(unreadable)?.len() > MAX_KNOWN_BYTES {
        let what = format!("{} is larger than {MAX_KNOWN_BYTES} bytes", path.display());
        return Err(Failure::usage(what).next("leave out what was published before the watch began"));
    }
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let lines = (1..).zip(text.lines().map(str::trim));
    let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
    let id = |(number, line): (usize, &str)| {
        line.parse().map(RecordId::from_digest).map_err(|error| {
            Failure::usage(format!("line {number} of {} is no record id", path.display())).why(error)
        })
    };
    lines.map(id).collect()
}
