//! Configuration: flag, else environment, else file, else default; validated once into [`Config`].
//!
//! [`Arguments`] is what was typed, [`Config`] what the server runs on. The unit is part of every name.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use actix_web::http::header::HeaderName;
use clap::{Parser, ValueEnum};
use provenance::{checkpoint::MAX_ORIGIN_BYTES, dsse::MAX_PAYLOAD_BYTES};
use serde::Deserialize;

/// Connections at one time, when not configured: half of the 1,024 file descriptors that a process usually has, so that
/// strangers cannot take those that the log is written with.
pub const DEFAULT_MAX_CONNECTIONS: usize = 512;

/// Writes, and questions to the index, that one address may make in a second, when not configured.
pub const DEFAULT_RATE_LIMIT: u32 = 50;

/// What the server is started with.
#[derive(Debug, Parser)]
pub struct Arguments {
    /// TOML file with any of the options below.
    #[arg(long, env = "WEIGHBRIDGE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Folder that holds the log, its key and everything else; made when it is missing or empty.
    #[arg(long, env = "WEIGHBRIDGE_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Address to listen on; port 0 picks a free port. [default: 127.0.0.1:8080]
    #[arg(long, env = "WEIGHBRIDGE_LISTEN", value_name = "ADDR:PORT")]
    pub listen: Option<String>,
    /// Who may create a publisher: `open` lets anybody take a name without a dot or one that ends in .example
    /// or .test; with `invite` each needs an invitation (weighbridge-registry invite). [default: invite]
    #[arg(long, env = "WEIGHBRIDGE_ADMISSION", value_name = "MODE")]
    pub admission: Option<AdmissionMode>,
    /// Name of the log, without a scheme, such as registry.example/log; only when DIR is new. Without it the
    /// name is derived from the log's key.
    #[arg(long, env = "WEIGHBRIDGE_ORIGIN", value_name = "NAME")]
    pub origin: Option<String>,
    /// Address under which clients reach this server, such as https://registry.example; written to DIR/trust.
    /// [default: http://ADDR:PORT]
    #[arg(long, env = "WEIGHBRIDGE_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Folder of the built page (`cargo xtask build-web`); without it only the API is served. [default: dist]
    #[arg(long, env = "WEIGHBRIDGE_WEB", value_name = "DIR")]
    pub web: Option<PathBuf>,
    /// Largest record in bytes, 1024 to 8388608. [default: 8388608]
    #[arg(long, env = "WEIGHBRIDGE_MAX_PAYLOAD_BYTES", value_name = "BYTES")]
    pub max_payload_bytes: Option<usize>,
    /// Threads that answer HTTP requests, 1 to 256. [default: number of cores]
    #[arg(long, env = "WEIGHBRIDGE_HTTP_THREADS", value_name = "N")]
    pub http_threads: Option<usize>,
    /// Most connections at one time, 16 to 65536; further ones wait. Each takes a file descriptor. [default: 512]
    #[arg(long, env = "WEIGHBRIDGE_MAX_CONNECTIONS", value_name = "N")]
    pub max_connections: Option<usize>,
    /// Writes, and questions to the index, that one address may make in a second, 0 to 100000; ten times as many at once, and 0
    /// is no limit. Loopback is not counted. [default: 50]
    #[arg(long, env = "WEIGHBRIDGE_RATE_LIMIT", value_name = "N")]
    pub rate_limit: Option<u32>,
    /// Header in which your own proxy names the client's address, such as X-Forwarded-For; the last address in it counts. Only
    /// for servers that nobody reaches but through that proxy.
    #[arg(long, env = "WEIGHBRIDGE_CLIENT_ADDRESS_HEADER", value_name = "NAME")]
    pub client_address_header: Option<String>,
    /// How log lines on stderr are written. [default: text]
    #[arg(long, env = "WEIGHBRIDGE_LOG_FORMAT", value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: error, warn, info, debug or trace. [default: info]
    #[arg(long, env = "WEIGHBRIDGE_LOG_LEVEL", value_name = "LEVEL")]
    pub log_level: Option<LogLevel>,
}

/// Who may create a publisher.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AdmissionMode {
    /// Names without a dot, and those under `.example` and `.test`, are free.
    Open,
    /// Every new name needs an invitation.
    Invite,
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(missing_docs, reason = "the names are those of every logging library")]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// The file that `--config` names.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ConfigFile {
    data: Option<PathBuf>,
    listen: Option<String>,
    admission: Option<AdmissionMode>,
    origin: Option<String>,
    public_url: Option<String>,
    web: Option<PathBuf>,
    max_payload_bytes: Option<usize>,
    http_threads: Option<usize>,
    max_connections: Option<usize>,
    rate_limit: Option<u32>,
    client_address_header: Option<String>,
    log_format: Option<LogFormat>,
    log_level: Option<LogLevel>,
}

/// What the server runs on. Everything in it has been checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Data folder.
    pub data: PathBuf,
    /// Address to bind; port 0 picks one.
    pub listen: SocketAddr,
    /// Who may create a publisher.
    pub admission: AdmissionMode,
    /// Origin for a new log, or that an existing one must have.
    pub origin: Option<String>,
    /// Address under which clients reach the server, without a slash at the end.
    pub public_url: Option<String>,
    /// Folder of the built page.
    pub web: PathBuf,
    /// Largest record in bytes.
    pub max_payload_bytes: usize,
    /// HTTP threads.
    pub http_threads: usize,
    /// Most connections at one time.
    pub max_connections: usize,
    /// Writes and questions a second that one address may make; 0 is no limit.
    pub rate_limit: u32,
    /// Header in which a proxy names the client's address.
    pub client_address_header: Option<HeaderName>,
    /// How log lines are written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: LogLevel,
}

/// Why the server cannot be configured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file of `--config` cannot be read.
    #[error("cannot read the configuration file {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file of `--config` is not TOML, or has an option that does not exist.
    #[error("the configuration file {} is not right: {reason}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// What the TOML parser says.
        reason: String,
    },
    /// An option without which nothing works.
    #[error("no {option} was given; add --{option}, or set {variable}")]
    Missing {
        /// Name without dashes.
        option: &'static str,
        /// Environment variable.
        variable: &'static str,
    },
    /// A folder that should hold a registry, and does not.
    #[error("{} holds no registry (log.key is not there); name the data folder of one with --data", path.display())]
    NoLog {
        /// Which folder.
        path: PathBuf,
    },
    /// A value that cannot be used.
    #[error("--{option} wants {wanted}, got {found:?}")]
    Value {
        /// Name without dashes.
        option: &'static str,
        /// What would do.
        wanted: &'static str,
        /// What was given.
        found: String,
    },
}

impl Config {
    /// Reads the file that `arguments` may name, fills in defaults and checks every value.
    ///
    /// # Errors
    /// [`ConfigError`], naming the option and what would do.
    pub fn new(arguments: Arguments) -> Result<Self, ConfigError> {
        let file = arguments
            .config
            .as_deref()
            .map_or(Ok(ConfigFile::default()), read_file)?;
        let missing = ConfigError::Missing {
            option: "data",
            variable: "WEIGHBRIDGE_DATA",
        };
        let listen = arguments
            .listen
            .or(file.listen)
            .unwrap_or_else(|| "127.0.0.1:8080".into());
        let cores = std::thread::available_parallelism().map_or(2, std::num::NonZero::get);
        Ok(Self {
            data: arguments.data.or(file.data).ok_or(missing)?,
            listen: listen.parse().map_err(|_| ConfigError::Value {
                option: "listen",
                wanted: "a numeric address and a port, such as 127.0.0.1:8080 or [::]:8080",
                found: listen,
            })?,
            admission: arguments
                .admission
                .or(file.admission)
                .unwrap_or(AdmissionMode::Invite),
            origin: arguments.origin.or(file.origin).map(origin).transpose()?,
            public_url: arguments
                .public_url
                .or(file.public_url)
                .map(public_url)
                .transpose()?,
            web: arguments.web.or(file.web).unwrap_or_else(|| "dist".into()),
            max_payload_bytes: within(
                "max-payload-bytes",
                "1024 to 8388608",
                arguments
                    .max_payload_bytes
                    .or(file.max_payload_bytes)
                    .unwrap_or(MAX_PAYLOAD_BYTES),
                1024..=MAX_PAYLOAD_BYTES,
            )?,
            http_threads: within(
                "http-threads",
                "1 to 256",
                arguments
                    .http_threads
                    .or(file.http_threads)
                    .unwrap_or(cores.min(256)),
                1..=256,
            )?,
            max_connections: within(
                "max-connections",
                "16 to 65536",
                arguments
                    .max_connections
                    .or(file.max_connections)
                    .unwrap_or(DEFAULT_MAX_CONNECTIONS),
                16..=65_536,
            )?,
            rate_limit: within(
                "rate-limit",
                "0 to 100000",
                arguments
                    .rate_limit
                    .or(file.rate_limit)
                    .unwrap_or(DEFAULT_RATE_LIMIT),
                0..=100_000,
            )?,
            client_address_header: arguments
                .client_address_header
                .or(file.client_address_header)
                .map(header)
                .transpose()?,
            log_format: arguments
                .log_format
                .or(file.log_format)
                .unwrap_or(LogFormat::Text),
            log_level: arguments.log_level.or(file.log_level).unwrap_or(LogLevel::Info),
        })
    }
}

fn read_file(path: &Path) -> Result<ConfigFile, ConfigError> {
    let text = std::fs::read_to_string(path).map_err(|source| ConfigError::File {
        path: path.into(),
        source,
    })?;
    toml::from_str(&text).map_err(|e| ConfigError::Syntax {
        path: path.into(),
        reason: e.to_string(),
    })
}

fn within<T: PartialOrd + ToString>(
    option: &'static str,
    wanted: &'static str,
    found: T,
    range: std::ops::RangeInclusive<T>,
) -> Result<T, ConfigError> {
    if range.contains(&found) {
        Ok(found)
    } else {
        Err(ConfigError::Value {
            option,
            wanted,
            found: found.to_string(),
        })
    }
}

fn header(found: String) -> Result<HeaderName, ConfigError> {
    found.parse().map_err(|_| ConfigError::Value {
        option: "client-address-header",
        wanted: "the name of a header, such as X-Forwarded-For",
        found,
    })
}

/// An origin: a schema-less URL prefix (c2sp tlog-checkpoint), and a valid key name (c2sp signed-note).
fn origin(found: String) -> Result<String, ConfigError> {
    let plain = found.bytes().all(|b| b.is_ascii_graphic() && b != b'+');
    let fits = !found.is_empty() && found.len() <= MAX_ORIGIN_BYTES;
    if plain && fits && !found.contains("://") && !found.starts_with('/') && !found.ends_with('/') {
        return Ok(found);
    }
    let wanted = "a name without scheme, space, plus or slash at the end, such as registry.example/log";
    Err(ConfigError::Value {
        option: "origin",
        wanted,
        found,
    })
}

fn public_url(found: String) -> Result<String, ConfigError> {
    let url = found.trim_end_matches('/');
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"));
    let plain = url.bytes().all(|b| b.is_ascii_graphic()) && !url.contains(['?', '#', '@']);
    if plain && rest.is_some_and(|r| !r.is_empty()) {
        return Ok(url.to_owned());
    }
    Err(ConfigError::Value {
        option: "public-url",
        wanted: "an http or https address without query or fragment",
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(arguments: &[&str]) -> Result<Config, ConfigError> {
        let typed = ["weighbridge-registry"].iter().chain(arguments);
        Config::new(Arguments::try_parse_from(typed).expect("the arguments parse"))
    }

    #[test]
    fn needs_only_a_data_folder() {
        let config = config(&["--data", "d"]).unwrap();
        assert_eq!(config.listen, "127.0.0.1:8080".parse().unwrap());
        assert_eq!(
            (config.admission, config.max_payload_bytes),
            (AdmissionMode::Invite, 8 << 20)
        );
        assert!(matches!(
            super::tests::config(&[]),
            Err(ConfigError::Missing { option: "data", .. })
        ));
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(
            &path,
            "data = \"f\"\nadmission = \"open\"\nmax_payload_bytes = 2048\n",
        )
        .unwrap();
        let config = config(&["--config", path.to_str().unwrap(), "--max-payload-bytes", "4096"]).unwrap();
        assert_eq!(config.data, Path::new("f"));
        assert_eq!(
            (config.admission, config.max_payload_bytes),
            (AdmissionMode::Open, 4096)
        );
    }

    #[test]
    fn an_unknown_option_in_the_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        std::fs::write(&path, "datta = \"f\"\n").unwrap();
        assert!(matches!(
            config(&["--config", path.to_str().unwrap()]),
            Err(ConfigError::Syntax { .. })
        ));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        let wrong = [
            ["--listen", "localhost"],
            ["--origin", "https://x.example/log"],
            ["--origin", "x.example/log/"],
            ["--origin", "a+b"],
            ["--public-url", "x.example"],
            ["--max-payload-bytes", "8388609"],
            ["--http-threads", "0"],
            ["--max-connections", "15"],
            ["--rate-limit", "100001"],
            ["--client-address-header", "X Forwarded For"],
        ];
        for case in wrong {
            let result = config(&["--data", "d", case[0], case[1]]);
            assert!(matches!(result, Err(ConfigError::Value { .. })), "{case:?}");
        }
    }

    #[test]
    fn help_names_units_and_defaults() {
        let help = <Arguments as clap::CommandFactory>::command()
            .render_long_help()
            .to_string();
        for text in [
            "--max-payload-bytes <BYTES>",
            "[default: 127.0.0.1:8080]",
            "WEIGHBRIDGE_DATA",
            "--admission <MODE>",
        ] {
            assert!(help.contains(text), "{text} is missing from\n{help}");
        }
    }
}
