//! `weighbridge-registry invite`: gives out an invitation. The server may run meanwhile.

use std::{
    io::{self, Write as _},
    path::PathBuf,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::Args;
use provenance::PublisherName;
use registry::{config::ConfigError, invites::Invites};
use serde_json::json;

/// Longest time that an invitation is good for: a year of days.
const MAX_DAYS: u64 = 366;

/// What `invite` takes.
#[derive(Debug, Args)]
pub(crate) struct InviteArguments {
    /// The registry's data folder
    #[arg(long, env = "WEIGHBRIDGE_DATA", value_name = "DIR")]
    data: PathBuf,
    /// Good for this name only [default: any name that is free]
    #[arg(long, value_name = "NAME")]
    name: Option<PublisherName>,
    /// How long it is good for: minutes, hours or days, such as 30m, 12h or 7d
    #[arg(long, value_name = "TIME", default_value = "7d", value_parser = seconds)]
    expires: u64,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// `30m`, `12h`, `7d` as seconds.
fn seconds(text: &str) -> Result<u64, String> {
    let units = [("m", 60), ("h", 3600), ("d", 86_400)];
    let read = units.iter().find_map(|(unit, seconds)| {
        text.strip_suffix(unit)?
            .parse::<u64>()
            .ok()?
            .checked_mul(*seconds)
    });
    read.filter(|seconds| (60..=MAX_DAYS * 86_400).contains(seconds))
        .ok_or_else(|| format!("give minutes, hours or days, from 1m to {MAX_DAYS}d, such as 7d"))
}

/// Gives out an invitation, and says how it is used.
pub(crate) fn run(arguments: InviteArguments) -> anyhow::Result<()> {
    let InviteArguments {
        data,
        name,
        expires,
        json,
    } = arguments;
    if !data.join("log.key").is_file() {
        return Err(ConfigError::NoLog { path: data }.into());
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let until = now.saturating_add(expires);
    let token = Invites::in_folder(&data.join("invites")).issue(name.clone(), until)?;
    let mut out = io::stdout().lock();
    if json {
        writeln!(
            out,
            "{}",
            json!({"v": 1, "invite": token, "name": name, "expires": until})
        )?;
        return Ok(());
    }
    let shown = name.as_ref().map_or("NAME", PublisherName::as_str);
    let whom = name
        .as_ref()
        .map_or_else(|| "any free name".to_owned(), ToString::to_string);
    writeln!(
        out,
        "Invitation\n  token    {token}\n  for      {whom}, once\n  expires  in {}\n  next:    give it to the publisher, who runs: weighbridge publisher create {shown} --key lab.key --invite {token}",
        in_words(expires)
    )?;
    Ok(())
}

/// A time in the largest unit that divides it.
fn in_words(seconds: u64) -> String {
    let (count, unit) = [(86_400, "day"), (3600, "hour")]
        .into_iter()
        .find(|(size, _)| seconds.is_multiple_of(*size))
        .map_or((seconds / 60, "minute"), |(size, unit)| (seconds / size, unit));
    let ending = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_and_written() {
        for (text, wanted, words) in [
            ("7d", 604_800, "7 days"),
            ("1h", 3600, "1 hour"),
            ("90m", 5400, "90 minutes"),
            ("48h", 172_800, "2 days"),
        ] {
            assert_eq!(seconds(text), Ok(wanted), "{text}");
            assert_eq!(in_words(wanted), words);
        }
        for text in [
            "",
            "7",
            "d",
            "0d",
            "-1d",
            "367d",
            "7 d",
            "99999999999999999999d",
            "7w",
        ] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
