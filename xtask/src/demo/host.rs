//! Somebody else's page, with every badge on it: `embed-demo.html`, beside the built page.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::{Shown, model};
use crate::registry::Registry;

/// States that a picture can show.
const STATES: [&str; 7] = [
    "logged",
    "superseded",
    "withdrawn",
    "lineage-alert",
    "log-stale",
    "no-record",
    "log-fault",
];

/// How the host's page looks: on purpose not like the registry's own.
const STYLE: &str = "\
:root { color-scheme: light dark }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; font: 1.0625rem/1.6 Georgia, 'Liberation Serif', serif }
h1 { font-size: 2rem; border-bottom: 3px double currentColor; padding-bottom: 0.5rem }
h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100% }
td { padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid #8886; vertical-align: middle }
img { vertical-align: middle; max-width: 100% }
@media (max-width: 34rem) { td { display: block } td:first-child { border: 0; padding-bottom: 0 } }
";

/// Copies the built page in `dist` to `web`, and writes the host's page beside it. `trust` is the registry's
/// trust file.
pub(super) fn write(web: &Path, dist: &Path, registry: &Registry, trust: &Path, shown: &Shown) -> Result<()> {
    model::copy(dist, web)?;
    let scripts: Value = serde_json::from_str(&registry.get("/e/")?).context("/e/ answered no JSON")?;
    let script = &scripts["versions"][0];
    let text = |name: &str| script[name].as_str().context("/e/ listed no script");
    let trust = fs::read_to_string(trust).context("cannot read the trust file")?;
    let log = trust
        .lines()
        .find_map(|line| line.strip_prefix("log ")?.split(' ').next())
        .context("the trust file names no log")?;
    let page = page(text("path")?, text("integrity")?, log, shown);
    fs::write(web.join("embed-demo.css"), STYLE).context("cannot write the host's style")?;
    fs::write(web.join("embed-demo.html"), page).context("cannot write the host's page")
}

fn page(script: &str, integrity: &str, log: &str, shown: &Shown) -> String {
    let Shown { genesis, record, .. } = shown;
    let element = |words: &str, pins: &str, record: &str| {
        format!(
            "<tr><td>{words}</td><td><model-provenance record=\"{record}\"{pins}><a href=\"/record/{record}\">Provenance \
             record</a></model-provenance></td></tr>\n"
        )
    };
    let pins = format!(" log=\"{log}\" genesis=\"{genesis}\"");
    let other = format!(" log=\"{log}\" genesis=\"{}\"", "0".repeat(64));
    let elements = [
        element("The page names the log and the publisher", &pins, record),
        element("It names neither", "", record),
        element("It names another publisher", &other, record),
        element("The log has no such record", &pins, &"0".repeat(64)),
        element("Large, for touch", &format!("{pins} size=\"large\""), record),
    ]
    .concat();
    let row = |state: &&str| {
        let picture = |theme: &str| {
            format!("<img src=\"/badge/v1/example/{state}.svg?theme={theme}\" alt=\"{state}, {theme}\">")
        };
        format!(
            "<tr><td>{state}</td><td>{} {}</td></tr>\n",
            picture("light"),
            picture("dark")
        )
    };
    let pictures = STATES.iter().map(row).collect::<Vec<_>>().concat();
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <link rel=\"icon\" href=\"data:,\">\n<link rel=\"stylesheet\" href=\"/embed-demo.css\">\n\
         <title>Somebody else’s page</title>\n\
         <script type=\"module\" src=\"{script}\" integrity=\"{integrity}\" crossorigin></script>\n\
         <h1>Somebody else’s page</h1>\n\
         <p>What a page that speaks of a model can show. Nothing here has seen any file of yours.</p>\n\
         <h2>The element, which proves the record in your browser</h2>\n<table>\n{elements}</table>\n\
         <h2>A picture of the record</h2>\n\
         <p><a href=\"/record/{record}\"><img src=\"/badge/v1/{record}.svg\" alt=\"Model provenance\"></a></p>\n\
         <h2>Every state of a picture</h2>\n<table>\n{pictures}</table>\n\
         <p><a href=\"/badge#record={record}\">Make such a badge</a></p>\n</html>\n"
    )
}
