//! What only Firefox has: its preferences, and scripts that run in the browser's own window.
//!
//! Those scripts do what the `DevTools` protocol does in Chromium: read the console, prefer the dark, and make the page
//! narrower than any window may be. They need geckodriver's `--allow-system-access`.
//!
//! Firefox cannot choose a folder by WebDriver; see [`upload_folder`]. Its console tells us of scripts that failed and
//! of breaches of the policy; not of requests that failed nor of what a page writes with `console.error`, as
//! Chromium's does. A panic of ours is both, and the script that fails with it is told.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use http::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thirtyfour::{
    CapabilitiesHelper as _, DesiredCapabilities, FirefoxCapabilities, RequestData, SessionId, WebDriver,
    common::{capabilities::firefox::FirefoxPreferences, command::FormatRequestData},
    error::WebDriverResult,
};

use super::Browser;
use crate::tls_host::TlsHost;

/// Everything but this machine goes to a proxy that is not there.
const DEAD_PROXY: &str = "127.0.0.1";
const DEAD_PROXY_PORT: u16 = 9;

/// geckodriver: `GECKODRIVER`, else the one on the PATH. The profiles that it makes go into `profile`.
pub(super) fn driver(profile: &Path) -> Command {
    let mut command = Command::new(env::var("GECKODRIVER").unwrap_or_else(|_| "geckodriver".into()));
    command
        .args([
            "--port=0",
            "--websocket-port=0",
            "--allow-system-access",
            "--profile-root",
        ])
        .arg(profile);
    command
}

/// `host` is a site that is there besides this machine's own addresses.
pub(super) fn capabilities(host: Option<&TlsHost>) -> WebDriverResult<FirefoxCapabilities> {
    let mut prefs = FirefoxPreferences::new();
    prefs.set("network.proxy.type", 1)?;
    for kind in ["http", "ssl"] {
        prefs.set(&format!("network.proxy.{kind}"), DEAD_PROXY)?;
        prefs.set(&format!("network.proxy.{kind}_port"), DEAD_PROXY_PORT)?;
    }
    let mut without_proxy = "127.0.0.1".to_owned();
    if let Some(host) = host {
        without_proxy = format!("{without_proxy}, {}", host.name());
        prefs.set("network.dns.localDomains", host.name())?;
        prefs.set("network.socket.forcePort", format!("443={}", host.port()))?;
    }
    prefs.set("network.proxy.no_proxies_on", without_proxy)?;
    prefs.set("network.captive-portal-service.enabled", false)?;
    prefs.set("network.connectivity-service.enabled", false)?;
    let mut capabilities = DesiredCapabilities::firefox();
    for flag in ["-headless", "--width=1280", "--height=1000"] {
        capabilities.add_arg(flag)?;
    }
    if let Some(firefox) = debian_firefox() {
        capabilities.set_firefox_binary(&firefox.to_string_lossy())?;
    }
    capabilities.accept_insecure_certs(host.is_some())?;
    capabilities.set_preferences(prefs)?;
    Ok(capabilities)
}

/// Debian's name, which geckodriver does not look for.
fn debian_firefox() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join("firefox-esr"))
        .find(|file| file.is_file())
}

/// Chooses the files of `folder` one by one in an input of our own, tells each its place as a folder picker would,
/// and gives all of them to the page's input.
pub(super) fn upload_folder(browser: &Browser, hook: &str, folder: &Path) {
    let mut files = Vec::new();
    walk(folder, &mut files);
    let above = folder.parent().unwrap_or(folder);
    let places: Vec<String> = files
        .iter()
        .map(|file| {
            let place = file.strip_prefix(above).expect("a file of the folder");
            place.to_string_lossy().into_owned()
        })
        .collect();
    browser.add_input("chosen");
    browser.upload("chosen", &files);
    let give = "const [hook, places] = arguments;
        const chosen = document.querySelector('[data-test=chosen]');
        const input = document.querySelector(`[data-test=\"${hook}\"]`);
        const transfer = new DataTransfer();
        [...chosen.files].forEach((file, at) => {
          Object.defineProperty(file, 'webkitRelativePath', { value: places[at] });
          transfer.items.add(file);
        });
        chosen.remove();
        input.files = transfer.files;
        for (const kind of ['input', 'change']) input.dispatchEvent(new Event(kind, { bubbles: true }));";
    browser.js::<Value>(give, vec![json!(hook), json!(places)]);
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Errors of pages, and what their policies forbade. Warnings and the browser's own troubles are left out.
pub(super) async fn console_errors(window: &WebDriver) -> WebDriverResult<Vec<String>> {
    let read = "
        const errors = Services.console.getMessageArray().filter((message) =>
          message instanceof Ci.nsIScriptError && !message.isFromChromeContext
            && !(message.flags & (Ci.nsIScriptError.warningFlag | Ci.nsIScriptError.infoFlag)));
        Services.console.reset();
        return errors.map((error) => `${error.category}: ${error.errorMessage} (${error.sourceName}:${error.lineNumber})`);";
    in_own_window(window, read, vec![]).await
}

pub(super) async fn set_dark(window: &WebDriver, dark: bool) -> WebDriverResult<()> {
    let set = "
        Services.prefs.setIntPref('layout.css.prefers-color-scheme.content-override', arguments[0] ? 0 : 1);
        Services.prefs.setIntPref('ui.prefersReducedMotion', 1);";
    in_own_window(window, set, vec![json!(dark)]).await
}

pub(super) async fn set_size(window: &WebDriver, width: u32, height: u32) -> WebDriverResult<()> {
    let set = "
        const [width, height] = arguments;
        const { style } = gBrowser.selectedBrowser;
        for (const bound of ['', 'min-', 'max-']) {
          style.setProperty(`${bound}width`, `${width}px`);
          style.setProperty(`${bound}height`, `${height}px`);
        }";
    in_own_window(window, set, vec![json!(width), json!(height)]).await
}

/// Runs a script in the window around the page, where it may do everything.
async fn in_own_window<T: DeserializeOwned>(
    window: &WebDriver,
    script: &str,
    arguments: Vec<Value>,
) -> WebDriverResult<T> {
    window.cmd(Context("chrome")).await?;
    let answer = window.execute(script, arguments).await;
    window.cmd(Context("content")).await?;
    Ok(serde_json::from_value(answer?.json().clone())?)
}

/// geckodriver's own command: whether scripts run in the page or in the window around it.
#[derive(Debug)]
struct Context(&'static str);

impl FormatRequestData for Context {
    fn format_request(&self, session: &SessionId) -> RequestData {
        RequestData::new(Method::POST, format!("/session/{session}/moz/context"))
            .add_body(json!({ "context": self.0 }))
    }
}
