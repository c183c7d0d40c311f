//! The command line: what can be typed, and the texts of `--help`.
//!
//! Only parsing and defaults that need no file; what a value means is decided in `commands`.

mod oms;

use std::{path::PathBuf, time::Duration};

use clap::{
    ArgMatches, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum, ValueHint,
    parser::ValueSource,
};
use provenance::{PublisherName, RecordId, key::KeyAlgorithm, note::VerifierKey, statement::STAGES};

pub(crate) use self::oms::{
    CommonArgs, ConformanceCommand, Method, OmsCommand, OmsExportArgs, OmsVerifyArgs, SignModelArgs,
    VerifyModelArgs,
};
use crate::{
    passphrase::Source,
    shell::quoted,
    values::{InputArg, MetricArg, artifact_name, seconds, some_text, web_address},
};

const EXIT_CODES: &str = "\
Exit codes:
   0  done; for verify: authentic, or authentic but replaced
   1  the files differ from the record
   2  the command cannot be used as given, or the registry refused the request
   3  not on record
   4  withdrawn, or a parent is
   5  matches, but may not be current
   6  files are missing
   7  a file could not be read or written
   8  the registry could not be reached, or could not answer
   9  a record or proof does not hold
  10  publisher not chosen as trusted";

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

impl Cli {
    /// Reads what was typed.
    ///
    /// # Errors
    /// What clap says: mistakes, and also the texts of `--help` and `--version`.
    pub(crate) fn read() -> Result<Self, clap::Error> {
        let mut matches = Self::command().try_get_matches()?;
        let typed = ["registry", "trust"].map(|option| is_typed(&matches, option));
        let mut cli =
            Self::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut Self::command()))?;
        cli.global.typed_again = cli.global.typed_again(typed);
        Ok(cli)
    }
}

/// Whether an option stood on the command line, rather than in the environment.
fn is_typed(matches: &ArgMatches, option: &str) -> bool {
    matches.value_source(option) == Some(ValueSource::CommandLine)
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
    /// `--registry` and `--trust` as they were typed, with a space in front: what a command to type next needs too.
    #[arg(skip)]
    pub(crate) typed_again: String,
}

impl Global {
    fn typed_again(&self, [registry, trust]: [bool; 2]) -> String {
        let registry = self.registry.as_ref().filter(|_| registry);
        let trust = self.trust.as_ref().filter(|_| trust);
        let registry = registry.map(|url| format!(" --registry {}", quoted(url)));
        let trust = trust.map(|path| format!(" --trust {}", quoted(&path.display().to_string())));
        [registry, trust].into_iter().flatten().collect()
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, show and keep signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Create a publisher, or choose which one to trust
    #[command(subcommand)]
    Publisher(PublisherCommand),
    /// Hash and sign a model or dataset; uses no network
    Attest(Box<AttestArgs>),
    /// Send signed records to the registry's log
    Publish(PublishArgs),
    /// Pack a record with its proofs into one file, for checking without a network; or renew such a file
    Bundle(BundleArgs),
    /// Check files against their record
    Verify(VerifyArgs),
    /// Find records by the words of a model's name or publisher
    Search(SearchArgs),
    /// Show a record, a publisher, or what is known of a digest
    Show(ShowArgs),
    /// Look at the log itself
    #[command(subcommand)]
    Log(LogCommand),
    /// Check a file that is said to show that a log contradicted itself; uses no network
    VerifyEvidence(EvidenceArgs),
    /// Read and write signatures of OpenSSF Model Signing (model.sig)
    #[command(subcommand)]
    Oms(OmsCommand),
}

#[derive(Debug, Subcommand)]
pub(crate) enum LogCommand {
    /// Show how large it is, and prove that it only grew since it was last looked at here
    ///
    /// What the log shows is remembered in ~/.local/state/weighbridge. A log that contradicts what it showed before ends with
    /// exit code 9, and both signed views are kept in a file.
    Status,
    /// Read all of it, and compute again everything that it claims
    ///
    /// Every entry and its record, every signature, every state root and every tile. Takes one request for each entry.
    Audit,
    /// Show one entry, proved to be in the log
    Get {
        /// Its index, from 0
        #[arg(value_name = "INDEX")]
        index: u64,
    },
    /// Write a proof that a record is logged, which needs no network to be checked (c2sp tlog-proof)
    ///
    /// The proof is checked before it is written. What it proves is the log's entry; weighbridge bundle packs the record too.
    Prove {
        /// The record: the id that publish and verify print
        #[arg(value_name = "RECORD")]
        record: RecordId,
        /// Where to write it, usually as *.tlog-proof [default: the terminal]
        #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<PathBuf>,
    },
    /// Watch the log, and tell of every new record of a publisher
    Monitor(MonitorArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
For a lab: who else can publish under your name, if your key is stolen, can only do so in the open. Each new record is one \
line of JSON on stdout, and is handed to --exec and --webhook as well. It is told again when one of them fails: they may hear \
of it twice, never not at all. Every new entry is read and must lead to the signed root, so none can be left out.

Begins with the records that come from now on; a later run goes on where the last one for these publishers ended. A log that \
contradicts what it showed before is told too, with the file that proves it, and ends the watch with exit code 9.

Examples:
  weighbridge log monitor --publisher acme.ai --known published.txt --exec ./alert.sh
  weighbridge log monitor --publisher acme.ai --webhook https://chat.example/hook --interval 10
  weighbridge log monitor --publisher acme.ai --from 0 --once")]
pub(crate) struct MonitorArgs {
    /// The publisher to watch. May be repeated
    #[arg(long = "publisher", value_name = "NAME", required = true)]
    pub(crate) publishers: Vec<PublisherName>,
    /// Do not tell of the records in this file: record ids, one a line. It is read anew at each look
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) known: Option<PathBuf>,
    /// Run this command of the shell for each, with the line on its stdin
    #[arg(long, value_name = "COMMAND")]
    pub(crate) exec: Option<String>,
    /// Post each to this address, as JSON
    #[arg(long, value_name = "URL", value_parser = web_address)]
    pub(crate) webhook: Option<String>,
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = seconds)]
    pub(crate) interval: Duration,
    /// Begin with this entry, whatever was told before
    #[arg(long, value_name = "INDEX")]
    pub(crate) from: Option<u64>,
    /// Look once and end
    #[arg(long)]
    pub(crate) once: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Exit code 9 means that the log's signatures prove what the file says; 5 that it holds two signed
views whose order is only its writer's word; 2 that it shows nothing.

Example:
  weighbridge verify-evidence evidence-1234abcd.json")]
pub(crate) struct EvidenceArgs {
    /// The file
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// The log's key [default: that of the trust file]
    #[arg(long, value_name = "VKEY")]
    pub(crate) key: Option<VerifierKey>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a signing key
    New(KeyNewArgs),
    /// Show what a key file is, and whose
    Show(KeyShowArgs),
    /// Encrypt a key with another passphrase
    ChangePassphrase(KeyPassphraseArgs),
    /// Make an encrypted copy of a key, under a passphrase of its own
    Backup(KeyBackupArgs),
}

/// Where the passphrase of an encrypted key comes from; without any of these it is asked for on the terminal.
#[derive(Debug, Clone, Args)]
pub(crate) struct PassphraseArgs {
    /// Read the key's passphrase from the first line of this file, not from the terminal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "passphrase_fd")]
    passphrase_file: Option<PathBuf>,
    /// Read it from this open file descriptor
    #[arg(long, value_name = "N")]
    passphrase_fd: Option<u32>,
}

impl PassphraseArgs {
    /// Where it comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            option: "--passphrase-file",
            file: self.passphrase_file.as_deref(),
            descriptor: self.passphrase_fd,
        }
    }
}

/// As [`PassphraseArgs`], for the new passphrase of a command that needs two.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewPassphraseArgs {
    /// Read the new passphrase from the first line of this file, not from the terminal
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "new_passphrase_fd")]
    new_passphrase_file: Option<PathBuf>,
    /// Read it from this open file descriptor
    #[arg(long, value_name = "N")]
    new_passphrase_fd: Option<u32>,
}

impl NewPassphraseArgs {
    /// Where it comes from.
    pub(crate) fn source(&self) -> Source<'_> {
        Source {
            option: "--new-passphrase-file",
            file: self.new_passphrase_file.as_deref(),
            descriptor: self.new_passphrase_fd,
        }
    }
}

/// Kinds of keys.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum AlgorithmArg {
    /// Short and fast; the default
    Ed25519,
    /// ECDSA P-256, which OpenSSF Model Signing tools read
    P256,
}

impl From<AlgorithmArg> for KeyAlgorithm {
    fn from(arg: AlgorithmArg) -> Self {
        match arg {
            AlgorithmArg::Ed25519 => Self::Ed25519,
            AlgorithmArg::P256 => Self::P256,
        }
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Asks for a passphrase and writes the encrypted private key to FILE (PKCS#8, as OpenSSL reads it) and the public key to \
FILE.pub. Neither is ever overwritten. Nobody can restore a lost passphrase.

Examples:
  weighbridge key new --out lab.key
  weighbridge key new --out oms.key --algorithm p256")]
pub(crate) struct KeyNewArgs {
    /// Where to write the private key
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    /// What kind of key
    #[arg(long, value_enum, default_value = "ed25519")]
    pub(crate) algorithm: AlgorithmArg,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Write the key unencrypted
    #[arg(long, conflicts_with_all = ["passphrase_file", "passphrase_fd"])]
    pub(crate) no_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Of an encrypted key it says what can be said without the passphrase, and does not ask for it. With --passphrase-file it \
also checks that the public key beside it belongs to it.

Example:
  weighbridge key show lab.key")]
pub(crate) struct KeyShowArgs {
    /// A private or public key
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
The key stays the same, and so do publisher and records. The old file is replaced in one step, or not at all. Copies of \
it still open with the old passphrase.

Example:
  weighbridge key change-passphrase lab.key")]
pub(crate) struct KeyPassphraseArgs {
    /// The private key
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) new_passphrase: NewPassphraseArgs,
    /// Take the passphrase away, and write the key unencrypted
    #[arg(long, conflicts_with_all = ["new_passphrase_file", "new_passphrase_fd"])]
    pub(crate) no_passphrase: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Writes DEST, DEST.pub and, if there is a note of the publisher beside the key, DEST.publisher.json. None is ever \
overwritten. The copy is read back and compared before the command says that it is done. To restore, copy the files \
back; the copy's passphrase opens it.

Example:
  weighbridge key backup lab.key --out /media/usb/lab.key")]
pub(crate) struct KeyBackupArgs {
    /// The private key
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) file: PathBuf,
    /// Where to write the copy
    #[arg(long, value_name = "DEST", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    #[command(flatten)]
    pub(crate) new_passphrase: NewPassphraseArgs,
}

#[derive(Debug, Subcommand)]
pub(crate) enum PublisherCommand {
    /// Create a publisher name in the registry, signed by your key
    #[command(after_help = "\
Prints the genesis id, which with the name is the publisher's identity: give it to those who should trust you. \
Also writes it to FILE.publisher.json beside the key. Running it again changes nothing.

Example:
  weighbridge publisher create acme.example --key lab.key")]
    Create {
        /// The name: lowercase letters, digits, hyphens, dots
        name: PublisherName,
        /// The private key that signs it
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        key: PathBuf,
        #[command(flatten)]
        passphrase: PassphraseArgs,
        /// Who holds this key, as others will see it [default: the publisher's name]
        #[arg(long, value_name = "TEXT", value_parser = some_text)]
        holder: Option<String>,
        /// An invitation from the registry's operator, where new names need one
        #[arg(long, value_name = "TOKEN")]
        invite: Option<String>,
    },
    /// Trust a publisher: pin its name and genesis id in your trust file
    #[command(after_help = "\
Get the genesis id from the publisher itself: its web site, a talk, a paper. A registry that names both the model \
and the genesis proves nothing.

The pin goes into your trust file, which must be there already. To get one, see README.md, or run this without one: \
it says how.

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
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Name of the model or dataset, such as acme/minilm
    #[arg(long, value_name = "TEXT", value_parser = artifact_name)]
    pub(crate) name: String,
    /// Its version, such as 1.0
    #[arg(long, value_name = "TEXT", value_parser = some_text)]
    pub(crate) version: Option<String>,
    /// The publisher's genesis id [default: from KEY.publisher.json, else from the trust file]
    #[arg(long, value_name = "ID")]
    pub(crate) genesis: Option<RecordId>,
    /// Also record how it was made: which stage this was
    #[arg(long, value_name = "STAGE", value_parser = clap::builder::PossibleValuesParser::new(STAGES))]
    pub(crate) stage: Option<String>,
    /// A parent, as ROLE=RECORD, such as base-model=3f1c...; or ROLE=RECORD@DIRHASH1. RECORD is the id that attest
    /// printed "as --input" for the parent. May be repeated
    #[arg(long = "input", value_name = "ROLE=RECORD", requires = "stage")]
    pub(crate) inputs: Vec<InputArg>,
    /// A measured number, as NAME=VALUE, such as validation_loss=2.31. May be repeated
    #[arg(long = "metric", value_name = "NAME=VALUE", requires = "stage")]
    pub(crate) metrics: Vec<MetricArg>,
    /// An address at which you offer it. May be repeated
    #[arg(long, value_name = "URL", value_parser = web_address)]
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
Sends the signed statements, for each file its list of chunk digests (8 bytes per MiB), and for each safetensors \
or GGUF file the names, types and shapes of its tensors. Statements name your files. All of this is public once it is \
logged. The files themselves are not sent.

Running it again changes nothing, and continues where it was interrupted.

Example:
  weighbridge publish att/ --registry https://registry.example")]
pub(crate) struct PublishArgs {
    /// The folder that attest wrote
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) att: PathBuf,
}

#[derive(Debug, Args)]
#[command(after_help = "\
A bundle is one file, NAME.weighbridge. Laid beside the weights, verify and the Verify page try it first and ask \
nobody when it answers; it works when the registry is gone. It holds public data and no trust file: it changes \
nothing about whom its user trusts.

Its proofs age. Renew it before it is older than the max_age of those who verify (24 hours, unless their trust file \
says otherwise). A renewed bundle never goes back to an older view of the log.

Examples:
  weighbridge bundle RECORD
  weighbridge bundle RECORD -o minilm/minilm.weighbridge
  weighbridge bundle --refresh minilm/minilm.weighbridge")]
pub(crate) struct BundleArgs {
    /// The record: the id that publish and verify print
    #[arg(value_name = "RECORD", required_unless_present = "refresh")]
    pub(crate) record: Option<RecordId>,
    /// Where to write it [default: the artifact's name with .weighbridge, in this folder]
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: Option<PathBuf>,
    /// Renew the proofs of this bundle
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with_all = ["record", "out", "force"])]
    pub(crate) refresh: Option<PathBuf>,
    /// Replace a file of that name
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
#[command(after_help = format!("\
A bundle (*.weighbridge) beside the files is tried first; when it answers, nothing is sent to anybody. \
Without --record it finds the record by itself, asking the registry only for the first digits of a few hashes, and then for the records that match.

Examples:
  weighbridge verify minilm/
  weighbridge verify minilm/ --record RECORD
  weighbridge verify model.gguf --json
  weighbridge verify minilm/ --offline --bundle minilm.weighbridge

{EXIT_CODES}"))]
pub(crate) struct VerifyArgs {
    /// The folder or file to check
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// Check against this record
    #[arg(long, value_name = "ID")]
    pub(crate) record: Option<RecordId>,
    /// Use this bundle instead of those beside the files
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) bundle: Option<PathBuf>,
    /// Ask no registry: a bundle answers, or nothing does
    #[arg(long)]
    pub(crate) offline: bool,
    /// Also compute each file's own SHA-256; slower, and proves no more
    #[arg(long)]
    pub(crate) full: bool,
    /// Do not object to files that the record does not list
    #[arg(long)]
    pub(crate) allow_extra: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Newest first. A search finds nothing by a file's name: give a file's SHA-256 to weighbridge show.

Example:
  weighbridge search acme minilm")]
pub(crate) struct SearchArgs {
    /// Words; a record has to have all of them
    #[arg(value_name = "WORD", required = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  weighbridge show acme.example
  weighbridge show RECORD")]
pub(crate) struct ShowArgs {
    /// A record id or its link, a publisher's name, or a SHA-256 digest
    #[arg(value_name = "RECORD|PUBLISHER|DIGEST")]
    pub(crate) what: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
