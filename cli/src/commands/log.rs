//! `log`: the log itself. `status` compares what it shows now with what it showed this user before, as all others do
//! first; `audit` computes all of it again, `get` and `prove` show single entries, `monitor` tells of new ones.

mod audit;
mod entry;
mod memory;
mod monitor;

use provenance::{checkpoint::Checkpoint, note::SignedNote, trust::TrustFile};
use serde_json::json;

use self::memory::{Growth, Memory};
use super::{Context, now};
use crate::{
    args::LogCommand,
    client::Client,
    failure::{Exit, Failure},
    output::{self, Output, count},
    trust_store,
};

/// What the log shows now, signed by the key that the user trusts.
struct View {
    note: SignedNote,
    checkpoint: Checkpoint,
    /// Witnesses of the trust file that confirm it.
    witnesses: usize,
    /// Seconds since the last of them did.
    age_s: Option<u64>,
}

/// Looks at the log.
pub(super) fn run(context: &Context, command: &LogCommand) -> Result<Exit, Failure> {
    let Some(trust) = context.trust()? else {
        let registry = context.registry(None)?;
        return Err(Failure::usage("You have not chosen a log to trust yet").next(
            trust_store::how_to_choose_a_log(&context.global, registry.as_ref().map(Client::address)),
        ));
    };
    let client = context.needed_registry(Some(&trust))?;
    match command {
        LogCommand::Monitor(args) => monitor::run(context, args, &client, &trust),
        LogCommand::Status => compared(&client, &trust, |view, growth| {
            status(context, view, growth, None)
        }),
        LogCommand::Audit => compared(&client, &trust, |view, growth| {
            let audited = audit::run(context.output, &client, view)?;
            status(context, view, growth, Some(&audited))
        }),
        LogCommand::Get { index } => compared(&client, &trust, |view, _| {
            entry::get(context.output, &client, view, *index)
        }),
        LogCommand::Prove { record, out } => compared(&client, &trust, |view, _| {
            entry::prove(context.output, &client, view, record, out.as_deref())
        }),
    }
}

/// Compares what the log shows now with what it showed before, and remembers it when `then` went well.
fn compared(
    client: &Client,
    trust: &TrustFile,
    then: impl FnOnce(&View, &Growth) -> Result<(), Failure>,
) -> Result<Exit, Failure> {
    let view = View::fetch(client, trust)?;
    let memory = Memory::of(&view.checkpoint.origin)?;
    let growth = memory.compare(client, trust, &view)?;
    then(&view, &growth)?;
    memory.keep(&view)?;
    Ok(Exit::Done)
}

/// Tells what the log shows, and what was found out about it.
fn status(
    context: &Context,
    view: &View,
    growth: &Growth,
    audited: Option<&audit::Audited>,
) -> Result<(), Failure> {
    let head = view.checkpoint.head;
    if context.output.json {
        Output::print_json(&json!({
            "v": 1,
            "origin": view.checkpoint.origin.as_str(),
            "size": head.size.get(),
            "root": head.root.to_string(),
            "witnesses": view.witnesses,
            "age_s": view.age_s,
            "before": growth.before(head.size.get()),
            "audited": audited.map(audit::Audited::json),
        }))?;
        return Ok(());
    }
    let mut lines = vec![
        format!("log        {}", view.checkpoint.origin),
        format!("entries    {}", output::grouped(head.size.get())),
        format!("root       {}", head.root),
        format!("signature  by the log's key; {}", view.confirmed()),
        format!("growth     {}", growth.words(head.size.get())),
    ];
    if let Some(audited) = audited {
        lines.push(format!("audit      {}", audited.words()));
    } else {
        lines.push(format!(
            "not done   the entries were not read; that does {}",
            context.again("log audit")
        ));
    }
    Output::print(&lines.join("\n"))
}

impl View {
    fn fetch(client: &Client, trust: &TrustFile) -> Result<Self, Failure> {
        let note = client.checkpoint()?;
        let checkpoint = Checkpoint::parse(note.text()).map_err(|error| client.no_checkpoint(error))?;
        let checked =
            trust.check_checkpoint(&note).map_err(|error| {
                Failure::new(
                Exit::LogFault,
                format!("what {} shows is not a view of a log that you trust", client.address()),
            )
            .why(error)
            .next("check that the registry and your trust file belong to the same log (--registry, --trust)")
            })?;
        let times = checked.cosignatures().map(|cosignature| cosignature.time);
        let age_s = times.max().zip(now()).map(|(time, now)| now.saturating_sub(time));
        let witnesses = checked.cosignatures().len();
        Ok(Self {
            note,
            checkpoint,
            witnesses,
            age_s,
        })
    }

    fn confirmed(&self) -> String {
        match self.age_s {
            None => "no witness confirms this view, so its age is not known".to_owned(),
            Some(age_s) => format!(
                "confirmed by {}, last {} seconds ago",
                count(self.witnesses, "witness"),
                output::grouped(age_s)
            ),
        }
    }
}

impl Growth {
    /// Entries when it was last looked at, of a log that has `size` now.
    fn before(&self, size: u64) -> Option<u64> {
        match self {
            Self::First => None,
            Self::Same => Some(size),
            Self::Grew { before } => Some(*before),
        }
    }

    fn words(&self, size: u64) -> String {
        match self {
            Self::First => "seen for the first time here; remembered from now on".to_owned(),
            Self::Same => "the same as when it was last looked at here".to_owned(),
            Self::Grew { before } => format!(
                "{} new since it was last looked at here; proved: the first {} are where they were",
                output::grouped(size - before),
                output::grouped(*before)
            ),
        }
    }
}
