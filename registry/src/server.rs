//! Starting and stopping: the folder, the socket, the log, the trust file, the page, the HTTP threads.

use std::{
    net::{SocketAddr, TcpListener},
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use actix_web::{
    App as ActixApp, HttpServer,
    dev::{Server, ServerHandle},
    middleware,
    web::Data,
};
use provenance::note::VerifierKey;

use crate::{
    badge::Cache,
    blobs::Blobs,
    config::Config,
    durable::DurableError,
    folder::{Folder, FolderError},
    http::{
        self,
        assets::{Assets, AssetsError},
        body::Budget,
    },
    index::IndexError,
    invites::Invites,
    limits::{CLOSING_DEADLINE, Connections, HEAD_DEADLINE, KEEP_ALIVE},
    log::{Ended, Log, OpenError, SequencerError},
    metrics::Metrics,
    rates::Rates,
    starter,
    tickets::Tickets,
};

/// Seconds that requests under way have to end when the server is asked to stop.
const SHUTDOWN_SECONDS: u64 = 30;

/// How long the server goes on answering after the log has stopped on an error.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Threads for work that blocks: checks of signatures, files, the index. More of them than processors can work wait for
/// disks, and each costs memory; an index that lags is waited for without one.
const BLOCKING_THREADS: usize = 8;

/// How often orphaned sidecars and partial tiles that are no longer needed are looked for.
const CLEANING_INTERVAL: Duration = Duration::from_secs(3600);

/// Everything that the HTTP threads share.
#[derive(Debug)]
pub struct App {
    pub(crate) log: Log,
    pub(crate) blobs: Blobs,
    pub(crate) tickets: Tickets,
    pub(crate) invites: Invites,
    pub(crate) budget: Arc<Budget>,
    pub(crate) assets: Arc<Assets>,
    pub(crate) badges: Cache,
    pub(crate) metrics: Metrics,
    pub(crate) trust: String,
    pub(crate) public_url: String,
    pub(crate) max_payload_bytes: usize,
    pub(crate) connections: Arc<Connections>,
    pub(crate) rates: Option<Rates>,
    /// Dropped last: it holds the lock.
    _folder: Folder,
}

/// Why the server does not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The data folder cannot be used.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The log in it cannot be opened.
    #[error("the log in {} cannot be opened: {source}", path.display())]
    Log {
        /// The data folder.
        path: PathBuf,
        /// Why.
        source: Box<OpenError>,
    },
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The page cannot be served.
    #[error(transparent)]
    Assets(#[from] AssetsError),
    /// A file cannot be read or written.
    #[error(transparent)]
    Durable(#[from] DurableError),
}

/// Why a running server ended by itself.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The log stopped on an error.
    #[error(transparent)]
    Log(#[from] SequencerError),
    /// The HTTP server stopped on an error.
    #[error("the HTTP server stopped: {0}")]
    Http(#[from] std::io::Error),
}

/// A server that listens. Nothing is answered before [`Running::run`].
pub struct Running {
    app: Data<App>,
    server: Server,
    ended: Ended,
    address: SocketAddr,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Opens everything and listens. On return `DIR/trust` names the address.
///
/// # Errors
/// [`StartError`]. Nothing has been published or changed that a further start would not do as well.
pub fn start(config: &Config) -> Result<Running, StartError> {
    let failed = |source| StartError::Listen {
        address: config.listen,
        source,
    };
    let listener = TcpListener::bind(config.listen).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    // After the socket: an address that is taken leaves no new folder behind.
    let (folder, age) = Folder::open(&config.data)?;
    let (log, ended) = Log::open(&folder, age, config).map_err(|source| StartError::Log {
        path: config.data.clone(),
        source: Box::new(source),
    })?;
    let blobs = Blobs::open(&folder.blobs())?;
    let public_url = config
        .public_url
        .clone()
        .unwrap_or_else(|| format!("http://{address}"));
    let trust = starter::write(&folder.trust(), log.verifier(), &public_url)?;
    let assets = Arc::new(Assets::load(&config.web)?);
    compress_aside(&assets);
    let connections = Arc::new(Connections::new(config.max_connections));
    let app = Data::new(App {
        log,
        blobs,
        tickets: Tickets::default(),
        invites: Invites::in_folder(&folder.invites()),
        budget: Arc::new(Budget::default()),
        assets,
        badges: Cache::default(),
        metrics: Metrics::default(),
        trust,
        public_url,
        max_payload_bytes: config.max_payload_bytes,
        connections: Arc::clone(&connections),
        rates: Rates::new(config.rate_limit, config.client_address_header.clone()),
        _folder: folder,
    });
    let shared = app.clone();
    let factory = move || {
        let app = shared.clone();
        ActixApp::new()
            .wrap(middleware::from_fn(http::common_headers))
            .configure(move |routes| http::routes(routes, app))
    };
    let server = HttpServer::new(factory)
        .on_connect(move |_, data| drop(data.insert(connections.opened())))
        .workers(config.http_threads)
        .worker_max_blocking_threads(BLOCKING_THREADS.div_ceil(config.http_threads))
        .max_connections(config.max_connections.div_ceil(config.http_threads))
        .client_request_timeout(HEAD_DEADLINE)
        .keep_alive(KEEP_ALIVE)
        .client_disconnect_timeout(CLOSING_DEADLINE)
        .shutdown_timeout(SHUTDOWN_SECONDS)
        .disable_signals()
        .listen(listener)
        .map_err(failed)?
        .run();
    Ok(Running {
        app,
        server,
        ended,
        address,
    })
}

/// Compresses the page on a thread of its own; until a file is done it is served plain.
fn compress_aside(assets: &Arc<Assets>) {
    let assets = Arc::clone(assets);
    let spawned = std::thread::Builder::new()
        .name("compress".into())
        .spawn(move || assets.compress());
    if let Err(error) = spawned {
        tracing::warn!(%error, "the page is served uncompressed: {error}");
    }
}

impl Running {
    /// The address that was bound.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The log's public key.
    pub fn log_key(&self) -> &VerifierKey {
        self.app.log.verifier()
    }

    /// Whether there is a page to serve.
    pub fn has_page(&self) -> bool {
        self.app.assets.is_built()
    }

    /// Stops the server from elsewhere; `stop(true)` answers what was accepted.
    pub fn handle(&self) -> ServerHandle {
        self.server.handle()
    }

    /// Answers requests until the server is stopped through its handle or the log stops.
    ///
    /// # Errors
    /// [`RunError`] when it did not end because somebody asked: the process exits non-zero.
    pub async fn run(self) -> Result<(), RunError> {
        let Self {
            app, server, ended, ..
        } = self;
        let handle = server.handle();
        let cleaning = actix_web::rt::spawn(clean(app.clone()));
        let mut server = std::pin::pin!(server);
        let result = tokio::select! {
            result = &mut server => result.map_err(RunError::from),
            result = ended => {
                let result = result.unwrap_or(Err(SequencerError::Panic));
                if let Err(error) = &result {
                    tracing::error!(%error, "stopping: {error}");
                }
                // Those who wait still hear that the log has stopped.
                let stopping = async { tokio::join!(handle.stop(true), &mut server) };
                let _ = tokio::time::timeout(LAST_WORDS, stopping).await;
                result.map_err(RunError::from)
            }
        };
        cleaning.abort();
        let closing = actix_web::rt::task::spawn_blocking(move || app.log.close());
        // The sequencer cannot panic past its own guard.
        let _ = closing.await;
        result
    }
}

/// Removes what is no longer needed, now and every hour: sidecars that no logged record names, and partial tiles.
async fn clean(app: Data<App>) {
    let mut hours = actix_web::rt::time::interval(CLEANING_INTERVAL);
    loop {
        hours.tick().await;
        let log = app.clone();
        let partials = move || log.log.collect_partials(SystemTime::now());
        report(
            "partial tiles",
            actix_web::rt::task::spawn_blocking(partials).await,
        );
        match app.log.index().await {
            Ok(index) => {
                let app = app.clone();
                let orphans = move || {
                    let is_named =
                        |digest: &provenance::Sha256Digest| Ok::<_, CleaningError>(index.names_blob(digest)?);
                    app.blobs.remove_orphans(SystemTime::now(), is_named)
                };
                report(
                    "orphaned sidecars",
                    actix_web::rt::task::spawn_blocking(orphans).await,
                );
            }
            Err(error) => tracing::warn!(%error, "could not look for orphaned sidecars: {error}"),
        }
    }
}

fn report<E: std::error::Error>(what: &str, ended: Result<Result<usize, E>, impl std::error::Error>) {
    match ended {
        Ok(Ok(0)) => {}
        Ok(Ok(removed)) => tracing::info!(removed, "removed {removed} {what}"),
        Ok(Err(error)) => tracing::warn!(%error, "could not look for {what}: {error}"),
        Err(error) => tracing::warn!(%error, "looking for {what} panicked: {error}"),
    }
}

#[derive(Debug, thiserror::Error)]
enum CleaningError {
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error(transparent)]
    Durable(#[from] DurableError),
}
