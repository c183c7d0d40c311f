//! The trust file on disk: where it is, reading it, and pinning a publisher in it.
//!
//! What its lines mean is `provenance::trust`'s. Pinning adds one line and leaves every other byte as the user
//! wrote it, comments included; the new text replaces the old in one step, so a crash leaves one or the other.

use std::{
    env,
    fs::{self, File},
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
};

use provenance::{
    PublisherName, RecordId,
    api::paths,
    trust::{MAX_TRUST_BYTES, TrustError, TrustFile},
};

use crate::{args::Global, client::Client, failure::Failure, shell::quoted};

/// What pinning did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pinned {
    /// The line was added.
    Added,
    /// It was there.
    Already,
}

/// The trust file's path: the option or variable, else the user's configuration folder.
///
/// # Errors
/// [`crate::failure::Exit::Usage`] when there is no home folder to look in.
pub(crate) fn path(global: &Global) -> Result<PathBuf, Failure> {
    if let Some(path) = &global.trust {
        return Ok(path.clone());
    }
    let config = user_folder("XDG_CONFIG_HOME", ".config", "APPDATA");
    let none = || {
        Failure::usage("there is no home folder to look for a trust file in")
            .next("name one with --trust FILE")
    };
    Ok(config.ok_or_else(none)?.join("weighbridge").join("trust"))
}

/// A folder of the user's: the one in the variable `xdg`, else `in_home` in the home folder, else the one in `windows`.
pub(crate) fn user_folder(xdg: &str, in_home: &str, windows: &str) -> Option<PathBuf> {
    let folder = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let at_home = || folder("HOME").map(|home| home.join(in_home));
    folder(xdg).or_else(at_home).or_else(|| folder(windows))
}

/// Reads the trust file; none when the user named none and has none.
///
/// # Errors
/// [`crate::failure::Exit::Usage`] when it does not parse or a named one is not there, [`crate::failure::Exit::Io`] when it cannot be read.
pub(crate) fn load(global: &Global) -> Result<Option<TrustFile>, Failure> {
    let Ok(path) = path(global) else { return Ok(None) };
    match read(&path)? {
        Some(text) => parse(&path, &text).map(Some),
        None if global.trust.is_some() => Err(Failure::usage(format!(
            "the trust file {} is not there",
            path.display()
        ))
        .next("check --trust and WEIGHBRIDGE_TRUST")),
        None => Ok(None),
    }
}

/// The registry that keeps the first log with an address: its URL without the final `/log`.
pub(crate) fn registry_address(trust: &TrustFile) -> Option<String> {
    let url = trust
        .logs()
        .iter()
        .find_map(|log| log.url.as_deref())?
        .trim_end_matches('/');
    Some(url.strip_suffix("/log").unwrap_or(url).to_owned())
}

/// Adds `publisher NAME GENESIS` to the trust file; gives its path too.
///
/// # Errors
/// [`crate::failure::Exit::Usage`] when there is no trust file, or it pins another genesis for that name.
pub(crate) fn pin(
    global: &Global,
    name: &PublisherName,
    genesis: RecordId,
) -> Result<(PathBuf, Pinned), Failure> {
    let path = path(global)?;
    let Some(text) = read(&path)? else {
        let registry = global.registry.as_deref();
        let registry = registry.map(|url| Client::new(url, global.timeout)).transpose()?;
        return Err(Failure::usage("You have not chosen a log to trust yet")
            .why(format!("there is no trust file at {}", path.display()))
            .next(how_to_choose_a_log(
                global,
                registry.as_ref().map(Client::address),
            )));
    };
    let trust = parse(&path, &text)?;
    let pinned = trust.pin(name, genesis).map_err(|error| match error {
        TrustError::OtherGenesis { pinned, .. } => {
            Failure::usage(format!("{name} is pinned with another genesis, so nothing was changed"))
                .why(format!("{} has {pinned}; you gave {genesis}. These are two different publishers with one name", path.display()))
                .next("ask the publisher over another channel which is theirs; if yours is outdated, remove its line from the trust file first")
        }
        other => Failure::usage(format!("{name} cannot be pinned in {}", path.display())).why(other),
    })?;
    if pinned == trust {
        return Ok((path, Pinned::Already));
    }
    replace(&path, pinned.to_string().as_bytes())?;
    Ok((path, Pinned::Added))
}

/// How to get a trust file, as commands: from `registry`, or one to be filled in.
pub(crate) fn how_to_choose_a_log(global: &Global, registry: Option<&str>) -> String {
    let Ok(path) = path(global) else {
        return "name a trust file with --trust FILE".into();
    };
    let mut commands = String::new();
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty() && !folder.exists())
    {
        commands = format!("mkdir -p {} && ", quoted(&folder.display().to_string()));
    }
    let place = quoted(&path.display().to_string());
    let url = quoted(&format!(
        "{}{}",
        registry.unwrap_or("https://REGISTRY"),
        paths::TRUST
    ));
    format!(
        "save the trust file of a log that you trust: {commands}curl -f -o {place} {url} ; compare the log key in it with one that you got elsewhere, then run this again"
    )
}

fn read(path: &Path) -> Result<Option<String>, Failure> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io("open the trust file", path, &error)),
    };
    let mut bytes = Vec::new();
    // One more than is allowed, so that a longer file is refused rather than cut.
    file.take(MAX_TRUST_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| Failure::io("read the trust file", path, &error))?;
    String::from_utf8(bytes).map(Some).map_err(|_| {
        Failure::usage(format!("the trust file {} is not UTF-8", path.display()))
            .why("a trust file is plain text; some editors save it in another encoding")
            .next("save it as UTF-8")
    })
}

fn parse(path: &Path, text: &str) -> Result<TrustFile, Failure> {
    TrustFile::parse(text).map_err(|error| {
        Failure::usage(format!("the trust file {} does not parse", path.display()))
            .why(error)
            .next("correct that line; nothing is trusted from a file that is only partly understood")
    })
}

/// Puts `bytes` in place of the file at `path`, whole or not at all. A link is followed: what it leads to is replaced.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let target = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut temporary = target.clone().into_os_string();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let write = || {
        let mut options = File::options();
        options.write(true).create_new(true);
        let metadata = target.metadata();
        // What is replaced may be a key: nobody else may open the new file before it has the old one's permissions.
        #[cfg(unix)]
        if metadata.is_ok() {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(&temporary)?;
        if let Ok(metadata) = metadata {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, &target)
    };
    write().map_err(|error| {
        // Nothing was replaced; the half-written copy is of no use, and the first error is the one to tell.
        let _ = fs::remove_file(&temporary);
        Failure::io("write", path, &error)
    })
}
