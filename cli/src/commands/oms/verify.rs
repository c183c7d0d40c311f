//! `oms verify`: files against a `model.sig` and a public key.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use provenance::{
    oms::{Bundle, FileReport, FileVerdict, OmsError, Options, Report, Resource, Signed, Unsupported},
    path::{BUNDLE_ENDING, visible},
};

use super::{
    files::{below, left_out, list},
    read_bundle, read_public_key,
};
use crate::{
    args::OmsVerifyArgs,
    commands::Context,
    failure::{Exit, Failure},
    output::{Output, Tone, bytes, count},
};

/// Most files that are written out; JSON has them all.
const MOST_FILES: usize = 20;

/// What is compared with what.
pub(super) struct Question<'a> {
    pub(super) path: &'a Path,
    pub(super) signature: &'a Path,
    pub(super) public_key: &'a Path,
    pub(super) ignore_unsigned: bool,
    pub(super) ignore_paths: &'a [PathBuf],
}

/// The report, and how many bytes were compared.
pub(super) struct Answer {
    report: Report,
    bytes: u64,
}

/// Checks what lies at the path.
pub(super) fn run(context: &Context, args: &OmsVerifyArgs) -> Result<Exit, Failure> {
    let question = Question {
        path: &args.path,
        signature: &args.signature,
        public_key: &args.public_key,
        ignore_unsigned: args.ignore_unsigned_files,
        ignore_paths: &args.ignore_paths,
    };
    tell(context, &question, &answer(context, &question)?)
}

/// Tells the report, and gives the exit code.
pub(super) fn tell(context: &Context, question: &Question<'_>, answer: &Answer) -> Result<Exit, Failure> {
    if context.output.json {
        Output::print_json(&answer.report)?;
    } else {
        Output::print(&human(answer, question, context.output))?;
    }
    Ok(if answer.report.verified {
        Exit::Done
    } else {
        Exit::Mismatch
    })
}

/// Reads the signature, then the files that it lists.
pub(super) fn answer(context: &Context, question: &Question<'_>) -> Result<Answer, Failure> {
    let key = read_public_key(question.public_key)?;
    let bundle = read_bundle(question.signature)?;
    let signed = match Bundle::parse(&bundle).and_then(|bundle| bundle.open(&key)) {
        Ok(signed) => signed,
        Err(error) if error.is_fault() => {
            return Ok(Answer {
                report: Report::of_fault(&error),
                bytes: 0,
            });
        }
        Err(error) => return Err(not_supported(question, &error)),
    };
    let tree = list(question.path, signed.allows_symlinks())?;
    let single_file = tree.single_file;
    if signed.is_single_file() && !single_file {
        return Err(Failure::usage(format!(
            "{} is a folder, and the signature is over a single file",
            question.path.display()
        ))
        .next("name that file"));
    }
    let found = {
        let names: BTreeSet<&str> = signed.resources().iter().map(Resource::name).collect();
        let all = signed.is_single_file();
        tree.hash(context.output, question.path, |path| all || names.contains(path))?
    };
    let (found, bytes) = found;
    let mut ignore_paths = left_out(question.path, question.ignore_paths);
    ignore_paths.extend(below(question.path, question.signature));
    // Evidence laid beside the weights for `verify` is not the model's, here as there.
    let beside = found.iter().map(|found| &found.path);
    ignore_paths.extend(beside.filter(|path| is_bundle(path)).cloned());
    let options = Options {
        single_file,
        ignore_unsigned: question.ignore_unsigned,
        ignore_paths,
    };
    Ok(Answer {
        report: Signed::judge(signed, &key, &found, &options),
        bytes,
    })
}

/// Whether `path` is that of an offline bundle at the top of the folder.
fn is_bundle(path: &str) -> bool {
    path.ends_with(BUNDLE_ENDING) && !path.contains('/')
}

/// A signature that was not checked, and what else could check it.
fn not_supported(question: &Question<'_>, error: &OmsError) -> Failure {
    let failure = Failure::usage(format!("{}: {error}", question.signature.display()));
    let tool = "nothing was checked; the Python tool model_signing can";
    match error {
        OmsError::Unsupported(Unsupported::Certificate) => {
            failure.next(format!("{tool}: verify certificate"))
        }
        OmsError::Unsupported(Unsupported::Keyless) => failure.next(format!("{tool}: verify sigstore")),
        OmsError::Unsupported(
            Unsupported::Shards | Unsupported::Hash { .. } | Unsupported::Method { .. },
        ) => failure.next("nothing was checked; ask the signer for a signature over whole files with sha256"),
        OmsError::Bundle(_) => {
            failure.next("check that --signature names the model.sig, and download it again")
        }
        _ => failure.next("nothing was checked; ask the signer for a signature in the form of OMS v1.0"),
    }
}

fn human(answer: &Answer, question: &Question<'_>, output: Output) -> String {
    let report = &answer.report;
    let (sign, tone, headline) = match (report.verified, report.signer) {
        (true, _) => ("ok", Tone::Good, "Signed with this key, and unchanged"),
        (false, Some(_)) => ("x ", Tone::Bad, "These files are not as signed"),
        (false, None) => ("x ", Tone::Bad, "This signature does not hold"),
    };
    let mut lines = vec![
        output.paint(format!("{sign} {headline}"), tone),
        format!("   {}", visible(&report.summary)),
    ];
    lines.extend(next_step(report).map(|next| format!("   next: {next}")));
    lines.extend(files(report));
    let mut fact = |name: &str, text: String| lines.push(format!("   {name:<11} {text}"));
    if let Some(signer) = report.signer {
        fact("signature", question.signature.display().to_string());
        fact("key", format!("{}  {}", signer.algorithm, signer.key));
    }
    if let Some(name) = &report.name {
        fact("name", format!("{}  (what the signer calls it)", visible(name)));
    }
    if let Some(root) = report.root {
        fact("root", root.to_string());
    }
    if report.signer.is_some() {
        fact("read", bytes(answer.bytes));
    }
    for ignored in &report.ignored {
        let files = count(usize::try_from(ignored.files).unwrap_or(usize::MAX), "file");
        fact(
            "left out",
            format!("{}  ({files}, not checked)", visible(&ignored.path)),
        );
    }
    for warning in &report.warnings {
        fact("warning", visible(warning));
    }
    if report.signer.is_some() {
        lines.push(output.paint("   what this does not prove:", Tone::Faint));
        let not_proven = report.not_proven.iter();
        lines.extend(not_proven.map(|text| output.paint(format!("     {text}"), Tone::Faint)));
    }
    lines.join("\n")
}

/// The files that need a word.
fn files(report: &Report) -> Vec<String> {
    let told: Vec<_> = report
        .files
        .iter()
        .filter(|file| file.verdict != FileVerdict::Matches)
        .collect();
    let mut lines: Vec<_> = told
        .iter()
        .take(MOST_FILES)
        .map(|file| format!("   {}", line(file)))
        .collect();
    if told.len() > MOST_FILES {
        lines.push(format!(
            "   and {} more; --json has them all",
            told.len() - MOST_FILES
        ));
    }
    lines
}

fn line(file: &FileReport) -> String {
    let what = match (file.verdict, file.signed, file.found) {
        (FileVerdict::Differs, Some(signed), Some(found)) => {
            format!("differs: signed {}, here {}", signed.short(), found.short())
        }
        (FileVerdict::Matches | FileVerdict::Differs, ..) => "differs".into(),
        (FileVerdict::Missing, ..) => "is signed, and is missing".into(),
        (FileVerdict::Extra, ..) => "is not signed".into(),
        (FileVerdict::Link, ..) => {
            "is a symbolic link, and the signature was made without following any".into()
        }
        (FileVerdict::FolderLink, ..) => {
            "is a symbolic link to a folder; what it leads to is not signed".into()
        }
        (FileVerdict::Special, ..) => "is neither a file nor a folder".into(),
    };
    format!("{}  {what}", visible(&file.path))
}

fn next_step(report: &Report) -> Option<&'static str> {
    if report.verified {
        return None;
    }
    let any = |verdict| report.files.iter().any(|file| file.verdict == verdict);
    Some(if report.signer.is_none() {
        "check that signature and key belong together and come from the signer; do not rely on the files"
    } else if any(FileVerdict::Differs) {
        "download what differs again; if it still differs, do not use it, and ask the signer"
    } else if any(FileVerdict::Link) || any(FileVerdict::FolderLink) {
        "copy the folder with its links resolved (cp -rL FROM TO), and check the copy"
    } else if any(FileVerdict::Missing) {
        "name the whole folder, or download what is missing"
    } else {
        "move what is not signed out of the folder, or let it through with --ignore-unsigned-files"
    })
}
