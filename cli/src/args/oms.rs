//! The command line of `weighbridge oms`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum, ValueHint};

use super::PassphraseArgs;

#[derive(Debug, Subcommand)]
pub(crate) enum OmsCommand {
    /// Check files against an OMS signature and the public key of its signer; uses no network
    Verify(OmsVerifyArgs),
    /// Write a record as an OMS signature that other tools verify
    Export(OmsExportArgs),
    /// The two commands that the OMS conformance suite calls
    #[command(subcommand)]
    Conformance(ConformanceCommand),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Checks signatures of the method key: ECDSA P-256, P-384, P-521 and Ed25519, over whole files hashed with SHA-256. \
Certificates, keyless signatures, other hashes and shards are refused by name.

It says that whoever holds the key signed these bytes. It checks no log, publisher or withdrawal; weighbridge verify \
does.

Example:
  weighbridge oms verify minilm/ --signature minilm/model.sig --public-key acme.pub.pem

Exit codes:
   0  the signature holds and the files are those signed
   1  the signature or a file does not match
   2  the signature or the key is of a kind that is not supported, or does not read
   7  a file could not be read")]
pub(crate) struct OmsVerifyArgs {
    /// The folder or file to check
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) path: PathBuf,
    /// The signature, often named model.sig
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) signature: PathBuf,
    /// The signer's public key, as OpenSSL writes it (-----BEGIN PUBLIC KEY-----)
    #[arg(long, value_name = "PEM", value_hint = ValueHint::FilePath)]
    pub(crate) public_key: PathBuf,
    /// Do not object to files that are not signed
    #[arg(long)]
    pub(crate) ignore_unsigned_files: bool,
    /// Leave this file or folder out, besides those that the signature leaves out. May be repeated
    #[arg(long = "ignore-paths", value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(crate) ignore_paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Signs the record's own statement once more, with a P-256 key, since that is what the Python tool model_signing and \
Sigstore clients verify. A record named by its id is fetched from the registry and proved against your trust file first.

Examples:
  weighbridge oms export att/ -o model.sig --key p256.key
  weighbridge oms export RECORD -o model.sig --key p256.key")]
pub(crate) struct OmsExportArgs {
    /// A record id, or the folder that attest wrote
    #[arg(value_name = "RECORD|DIR")]
    pub(crate) what: String,
    /// Where to write the signature
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) out: PathBuf,
    /// The P-256 private key that signs
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) key: PathBuf,
    #[command(flatten)]
    pub(crate) passphrase: PassphraseArgs,
    /// Replace the file if it is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// The names are those of the suite (sampras343/model-signing-conformance), which looks at the exit code only.
#[derive(Debug, Subcommand)]
pub(crate) enum ConformanceCommand {
    /// Sign a model with a private key
    SignModel(SignModelArgs),
    /// Verify a signature
    VerifyModel(VerifyModelArgs),
}

/// Ways to sign that the suite knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// With a key
    Key,
    /// With a certificate; not supported
    Certificate,
    /// Keyless; not supported
    Sigstore,
}

#[derive(Debug, Args)]
pub(crate) struct SignModelArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// Where to write the signature; what is there is replaced
    #[arg(long, value_name = "FILE")]
    pub(crate) output_bundle: PathBuf,
    /// The private key, unencrypted: P-256, P-384 or P-521, PKCS#8 or SEC 1
    #[arg(long, value_name = "PEM")]
    pub(crate) private_key: Option<PathBuf>,
    /// Of the method certificate
    #[arg(long, value_name = "PEM", hide = true)]
    pub(crate) signing_cert: Option<PathBuf>,
    /// Of the method sigstore
    #[arg(long, value_name = "TOKEN", hide = true)]
    pub(crate) identity_token: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct VerifyModelArgs {
    #[command(flatten)]
    pub(crate) common: CommonArgs,
    /// The signature
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: PathBuf,
    /// The signer's public key
    #[arg(long, value_name = "PEM")]
    pub(crate) public_key: Option<PathBuf>,
    /// Do not object to files that are not signed
    #[arg(long)]
    pub(crate) ignore_unsigned_files: bool,
    /// Of the method sigstore
    #[arg(long, value_name = "NAME", hide = true)]
    pub(crate) identity: Option<String>,
    /// Of the method sigstore
    #[arg(long, value_name = "URL", hide = true)]
    pub(crate) identity_provider: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct CommonArgs {
    /// How the model is signed
    #[arg(long, value_enum)]
    pub(crate) method: Method,
    /// The model: a folder or a file
    #[arg(long, value_name = "PATH")]
    pub(crate) model_path: PathBuf,
    /// Leave this file or folder out. May be repeated
    #[arg(long = "ignore-paths", value_name = "PATH")]
    pub(crate) ignore_paths: Vec<PathBuf>,
    /// Of the method certificate
    #[arg(long, value_name = "PEM", hide = true)]
    pub(crate) cert_chain: Vec<PathBuf>,
    /// Of the method sigstore
    #[arg(long, hide = true)]
    pub(crate) use_staging: bool,
}
