//! The command line: what can be typed, and the texts of `--help`.
//!
//! Only parsing and defaults that need no file; what a value means is decided in `commands`.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use clap::{Args, Parser, Subcommand, ValueHint};
use provenance::{
    PublisherName, RecordId, Sha256Digest,
    record::is_decimal,
    statement::{Input, STAGES},
};

const EXIT_CODES: &str = "\
Exit codes:
  0  done; for verify: authentic, or authentic but replaced
  1  the files differ from the record        6  files are missing
  2  the command line is not usable          7  a file could not be read or written
  3  nothing on record                       8  the registry could not be reached
  4  withdrawn, or a parent is               9  a record or proof does not hold
  5  matches, but may not be current        10  publisher not chosen as trusted";

/// Checks model weights against what their publisher signed and logged.
///
/// A lab hashes and signs a model (attest), the registry logs the record (publish), and anyone holding the files
/// checks them (verify). Files are hashed on this computer and never leave it.
#[derive(Debug, Parser)]
#[command(name = "weighbridge", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Address of the registry, such as https://registry.example [default: that of the log in the trust file]
    #[arg(
        long,
        global = true,
        env = "WEIGHBRIDGE_REGISTRY",
        hide_env_values = true,
        value_name = "URL"
    )]
    pub(crate) registry: Option<String>,
    /// The trust file: which log and which publishers you trust [default: ~/.config/weighbridge/trust]
    #[arg(
        long,
        global = true,
        env = "WEIGHBRIDGE_TRUST",
        hide_env_values = true,
        value_name = "FILE"
    )]
    pub(crate) trust: Option<PathBuf>,
    /// Print the result as JSON on stdout
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print the result only: no progress, no notes
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Print without colours (also: set NO_COLOR)
    #[arg(long, global = true)]
    pub(crate) no_color: bool,
    /// Seconds to wait for an answer of the registry
    #[arg(long, global = true, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) timeout: Duration,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create a publisher, or choose which one to trust
    #[command(subcommand)]
    Publisher(PublisherCommand),
    /// Hash and sign a model or dataset; uses no network
    Attest(Box<AttestArgs>),
    /// Send signed records to the registry's log
    Publish(PublishArgs),
    /// Check files against their record
    Verify(VerifyArgs),
    /// Show a record, a publisher, or what is known of a digest
    Show(ShowArgs),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make an Ed25519 signing key
    #[command(after_help = "\
Writes the private key to FILE (readable by you only) and the public key to FILE.pub. Neither is ever overwritten.

Example:
  weighbridge key new --out lab.key --no-passphrase")]
    New {
        /// Where to write the private key
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: PathBuf,
        /// Write the key unencrypted; needed until encrypted keys are supported
        #[arg(long)]
        no_passphrase: bool,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublisherCommand {
    /// Create a publisher name in the registry, signed by your key
    #[command(after_help = "\
Prints the genesis id, which with the name is the publisher's identity: give it to those who should trust you.
Also writes it to FILE.publisher.json beside the key. Running it again changes nothing.

Example:
  weighbridge publisher create acme.example --key lab.key")]
    Create {
        /// The name: lowercase letters, digits, hyphens, dots
        name: PublisherName,
        /// The private key that signs it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: PathBuf,
        /// Who holds this key, as others will see it [default: the publisher's name]
        #[arg(long, value_name = "TEXT")]
        holder: Option<String>,
    },
    /// Trust a publisher: pin its name and genesis id in your trust file
    #[command(after_help = "\
Get the genesis id from the publisher itself: its web site, a talk, a paper. A registry that names both the model
and the genesis proves nothing.

Example:
  weighbridge publisher trust acme.example GENESIS")]
    Trust {
        /// The publisher's name
        name: PublisherName,
        /// The record id of its first keyset: 64 hex digits
        genesis: RecordId,
    },
}

#[derive(Debug, Args)]
#[command(after_help = "\
Example, the files only:
  weighbridge attest minilm/ --publisher acme.example --key lab.key \\
      --name acme/minilm --version 1.0 --out att/

Example, with how it was made; add to the above:
      --stage pretraining --input training-dataset=RECORD --metric validation_loss=2.31")]
pub(crate) struct AttestArgs {
    /// The folder of the model or dataset, or one file
    #[arg(value_name = "DIR|FILE", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// The publisher whose record this is
    #[arg(long, value_name = "NAME")]
    pub(crate) publisher: PublisherName,
    /// The private key that signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    /// Name of the model or dataset, such as acme/minilm
    #[arg(long, value_name = "TEXT")]
    pub(crate) name: String,
    /// Its version, such as 1.0
    #[arg(long, value_name = "TEXT")]
    pub(crate) version: Option<String>,
    /// The publisher's genesis id [default: from KEY.publisher.json, else from the trust file]
    #[arg(long, value_name = "ID")]
    pub(crate) genesis: Option<RecordId>,
    /// Also record how it was made: which stage this was
    #[arg(long, value_name = "STAGE", value_parser = clap::builder::PossibleValuesParser::new(STAGES))]
    pub(crate) stage: Option<String>,
    /// A parent, as ROLE=RECORD, such as base-model=3f1c...; or ROLE=RECORD@DIRHASH1. May be repeated
    #[arg(long = "input", value_name = "ROLE=RECORD", requires = "stage")]
    pub(crate) inputs: Vec<InputArg>,
    /// A measured number, as NAME=VALUE, such as validation_loss=2.31. May be repeated
    #[arg(long = "metric", value_name = "NAME=VALUE", requires = "stage")]
    pub(crate) metrics: Vec<MetricArg>,
    /// An address at which you offer it. May be repeated
    #[arg(long, value_name = "URL")]
    pub(crate) official: Vec<String>,
    /// Folder to write the signed records to
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: PathBuf,
    /// Replace an earlier result in that folder
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Sends the signed statements, and for each file its list of chunk digests: 8 bytes per MiB. No file of yours is
sent. Running it again changes nothing, and continues where it was interrupted.

Example:
  weighbridge publish att/ --registry https://registry.example")]
pub(crate) struct PublishArgs {
    /// The folder that attest wrote
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) att: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
Without --record it finds the record by itself, asking the registry only for the first digits of a few hashes.

Examples:
  weighbridge verify minilm/
  weighbridge verify minilm/ --record RECORD
  weighbridge verify model.safetensors --json

{EXIT_CODES}"))]
pub(crate) struct VerifyArgs {
    /// The folder or file to check
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// Check against this record
    #[arg(long, value_name = "ID")]
    pub(crate) record: Option<RecordId>,
    /// Also compute each file's own SHA-256; slower, and proves no more
    #[arg(long)]
    pub(crate) full: bool,
    /// Do not object to files that the record does not list
    #[arg(long)]
    pub(crate) allow_extra: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weighbridge show acme.example
  weighbridge show RECORD")]
pub(crate) struct ShowArgs {
    /// A record id, a publisher's name, or a SHA-256 digest
    #[arg(value_name = "RECORD|PUBLISHER|DIGEST")]
    pub(crate) what: String,
}

/// `ROLE=RECORD` or `ROLE=RECORD@DIRHASH1`.
#[derive(Debug, Clone)]
pub(crate) struct InputArg(pub(crate) Input);

/// `NAME=VALUE`.
#[derive(Debug, Clone)]
pub(crate) struct MetricArg {
    pub(crate) name: String,
    pub(crate) value: String,
}

/// Why a value on the command line does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ArgError(String);

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgError {}

impl FromStr for InputArg {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Self, ArgError> {
        let wanted = || ArgError("wanted ROLE=RECORD, such as base-model=3f1c...64 hex digits".into());
        let (role, parent) = text
            .split_once('=')
            .filter(|(role, _)| !role.is_empty())
            .ok_or_else(wanted)?;
        let (record, dir_hash1) = parent
            .split_once('@')
            .map_or((parent, None), |(record, hash)| (record, Some(hash)));
        let record = record
            .parse()
            .map_err(|error| ArgError(format!("the record: {error}")))?;
        let dir_hash1 = dir_hash1.map(str::parse::<Sha256Digest>).transpose();
        let dir_hash1 = dir_hash1.map_err(|error| ArgError(format!("the dirHash1: {error}")))?;
        Ok(Self(Input {
            role: role.to_owned(),
            record,
            dir_hash1,
        }))
    }
}

impl FromStr for MetricArg {
    type Err = ArgError;

    fn from_str(text: &str) -> Result<Self, ArgError> {
        match text.split_once('=') {
            Some((name, value)) if !name.is_empty() && is_decimal(value) => Ok(Self {
                name: name.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err(ArgError(
                "wanted NAME=VALUE with a decimal number, such as validation_loss=2.31".into(),
            )),
        }
    }
}

fn seconds(text: &str) -> Result<Duration, ArgError> {
    match text.parse() {
        Ok(seconds @ 1..=86_400) => Ok(Duration::from_secs(seconds)),
        _ => Err(ArgError("wanted whole seconds from 1 to 86400".into())),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn inputs_name_a_record_and_may_name_its_digest() {
        let id = "ab".repeat(32);
        let InputArg(plain) = format!("base-model={id}").parse().unwrap();
        assert_eq!(
            (plain.role.as_str(), plain.record.to_string(), plain.dir_hash1),
            ("base-model", id.clone(), None)
        );
        let InputArg(full) = format!("base-model={id}@{id}").parse().unwrap();
        assert_eq!(full.dir_hash1.unwrap().to_string(), id);
        for text in ["", "base-model", "=x", "base-model=12", &format!("a={id}@12")] {
            assert!(text.parse::<InputArg>().is_err(), "{text}");
        }
    }

    #[test]
    fn metrics_are_decimal_strings() {
        assert_eq!("loss=2.31".parse::<MetricArg>().unwrap().value, "2.31");
        for text in ["loss", "loss=", "=1", "loss=high", "loss=NaN", "loss=1,5"] {
            assert!(text.parse::<MetricArg>().is_err(), "{text}");
        }
    }
}
