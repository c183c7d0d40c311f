//! The commands: one file for each verb. Each returns the exit code, or a [`Failure`] that says what to do.

mod attest;
mod bundle;
mod evidence;
mod key;
mod log;
mod oms;
mod publish;
mod publisher;
mod search;
mod show;
mod verify;

use std::time::{SystemTime, UNIX_EPOCH};

use provenance::trust::TrustFile;

use crate::{
    args::{Cli, Command, Global, KeyCommand, PublisherCommand},
    client::Client,
    failure::{Exit, Failure},
    output::Output,
    trust_store,
};

/// What every command has at hand.
pub(crate) struct Context {
    global: Global,
    output: Output,
}

/// Runs the command that was typed.
///
/// # Errors
/// [`Failure`], with the exit code.
pub(crate) fn run(cli: Cli, output: Output) -> Result<Exit, Failure> {
    let context = Context {
        global: cli.global,
        output,
    };
    match cli.command {
        Command::Key(KeyCommand::New(args)) => key::new(&context, &args),
        Command::Key(KeyCommand::Show(args)) => key::show(&context, &args),
        Command::Key(KeyCommand::ChangePassphrase(args)) => key::change_passphrase(&context, &args),
        Command::Key(KeyCommand::Backup(args)) => key::backup(&context, &args),
        Command::Publisher(PublisherCommand::Create {
            name,
            key,
            passphrase,
            holder,
            invite,
        }) => publisher::create(&context, &name, &key, &passphrase, holder, invite.as_deref()),
        Command::Publisher(PublisherCommand::Trust { name, genesis }) => {
            publisher::trust(&context, &name, genesis)
        }
        Command::Attest(args) => attest::run(&context, &args),
        Command::Publish(args) => publish::run(&context, &args),
        Command::Bundle(args) => bundle::run(&context, &args),
        Command::Verify(args) => verify::run(&context, &args),
        Command::Search(args) => search::run(&context, &args),
        Command::Show(args) => show::run(&context, &args),
        Command::Log(command) => log::run(&context, &command),
        Command::VerifyEvidence(args) => evidence::run(&context, &args),
        Command::Oms(command) => oms::run(&context, &command),
    }
}

/// POSIX seconds; none when the clock stands before 1970.
pub(crate) fn now() -> Option<u64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
    Some(now.as_secs())
}

impl Context {
    /// The trust file; none when the user has not made one.
    fn trust(&self) -> Result<Option<TrustFile>, Failure> {
        trust_store::load(&self.global)
    }

    /// A command to type next, with the options of this one that it needs as well.
    fn again(&self, command: &str) -> String {
        format!("weighbridge {command}{}", self.global.typed_again)
    }

    /// The registry that was named, else the one of the log that is trusted; none when there is neither.
    fn registry(&self, trust: Option<&TrustFile>) -> Result<Option<Client>, Failure> {
        let address = self
            .global
            .registry
            .clone()
            .or_else(|| trust.and_then(trust_store::registry_address));
        address
            .map(|address| Client::new(&address, self.global.timeout))
            .transpose()
    }

    /// As [`Self::registry`], for commands that cannot do without.
    fn needed_registry(&self, trust: Option<&TrustFile>) -> Result<Client, Failure> {
        self.registry(trust)?.ok_or_else(|| {
            Failure::usage("no registry is known")
                .why("neither --registry nor a log with an address in the trust file")
                .next("add --registry https://registry.example, or set WEIGHBRIDGE_REGISTRY")
        })
    }
}
