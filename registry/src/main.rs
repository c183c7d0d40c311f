//! `weighbridge-registry`: reads the configuration, opens the log, says where it listens, runs.

mod invite_command;
mod panics;

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use self::invite_command::InviteArguments;
use anyhow::Context as _;
use clap::Parser as _;
use registry::{
    Running,
    config::{Arguments, Config, ConfigError, LogFormat, LogLevel},
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

/// Of the allocators that were measured under sled, the smallest of the quick ones (docs/adr/0002).
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Exit code of a configuration that is not right, as for an option that does not parse.
const USAGE: u8 = 2;

/// The Weighbridge registry: takes signed records about models, keeps them in a transparency log, and serves
/// records, proofs and the pages of the site.
///
/// Every option can also be given as an environment variable (named with it below) or in a TOML file named by
/// --config, under the option's name with underscores, such as `admission = "open"`. A flag wins over the
/// environment, the environment over the file.
#[derive(Debug, clap::Parser)]
#[command(
    name = "weighbridge-registry",
    version,
    max_term_width = 100,
    args_override_self = true,
    args_conflicts_with_subcommands = true
)]
struct Typed {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Arguments,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// Give out an invitation to create a publisher; the server may run meanwhile
    Invite(InviteArguments),
}

#[actix_web::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Every message names its cause already. Nobody can be told when standard error is closed.
            let _ = writeln!(io::stderr(), "weighbridge-registry: {error}");
            if error.is::<ConfigError>() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

async fn run() -> anyhow::Result<()> {
    let typed = Typed::parse();
    if let Some(Command::Invite(arguments)) = typed.command {
        return invite_command::run(arguments);
    }
    let config = Config::new(typed.serve)?;
    log_to_stderr(&config);
    panics::log_them();
    let running = registry::start(&config)?;
    announce(&running).context("cannot write to standard output")?;
    if !running.has_page() {
        let web = config.web.display();
        tracing::warn!(
            "{web} holds no index.html: serving the API only; `cargo xtask build-web` builds the page"
        );
    }
    tracing::warn!(
        "no witness confirms this log (quorum none): clients trust its key alone, and a restored backup could sign a second history"
    );
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let handle = running.handle();
    actix_web::rt::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: answering what was accepted");
        handle.stop(true).await;
    });
    Ok(running.run().await?)
}

/// The first lines on standard output; others wait for them.
fn announce(running: &Running) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "listening on http://{}", running.address())?;
    writeln!(out, "log key {}", running.log_key())?;
    out.flush()
}

fn log_to_stderr(config: &Config) {
    let level = match config.log_level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    // Libraries speak only when something is wrong.
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_targets([("registry", level), ("weighbridge_registry", level)])
        // What strangers send it calls errors: anybody could fill the log with them.
        .with_target("actix_http", LevelFilter::OFF);
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    let registry = tracing_subscriber::registry().with(targets);
    match config.log_format {
        LogFormat::Text => registry.with(layer).init(),
        LogFormat::Json => registry.with(layer.json()).init(),
    }
}
