//! What only Chromium has: its flags, its log, and the `DevTools` protocol.

use std::{env, path::Path, process::Command};

use serde_json::json;
use thirtyfour::{
    CapabilitiesHelper as _, ChromeCapabilities, ChromiumLikeCapabilities, DesiredCapabilities,
    LoggingPrefsLogLevel, WebDriver, error::WebDriverResult,
};

use crate::tls_host::TlsHost;

/// What Chromium needs to run as root, without a screen and without a word to the outside (measured on Debian 12
/// with Chromium 156).
const FLAGS: [&str; 12] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--no-proxy-server",
    "--window-size=1280,1000",
];

/// chromedriver: `CHROMEDRIVER`, else the one on the PATH.
pub(super) fn driver() -> Command {
    let mut command = Command::new(env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into()));
    command.arg("--port=0");
    command
}

/// `host` is a site that is there besides this machine's own addresses.
pub(super) fn capabilities(profile: &Path, host: Option<&TlsHost>) -> WebDriverResult<ChromeCapabilities> {
    let mut capabilities = DesiredCapabilities::chrome();
    for flag in FLAGS {
        capabilities.add_arg(flag)?;
    }
    let mut known = String::new();
    if let Some(host) = host {
        capabilities.accept_insecure_certs(true)?;
        known = format!("MAP {} 127.0.0.1:{}, ", host.name(), host.port());
    }
    capabilities.add_arg(&format!(
        "--host-resolver-rules={known}MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    ))?;
    capabilities.add_arg(&format!("--user-data-dir={}", profile.display()))?;
    capabilities.set_browser_log_level(LoggingPrefsLogLevel::All)?;
    Ok(capabilities)
}

pub(super) async fn console_errors(window: &WebDriver) -> WebDriverResult<Vec<String>> {
    let entries = window.browser_log().await?;
    let errors = entries.into_iter().filter(|entry| entry.level == "SEVERE");
    Ok(errors.map(|entry| entry.message).collect())
}

pub(super) async fn set_dark(window: &WebDriver, dark: bool) -> WebDriverResult<()> {
    let value = if dark { "dark" } else { "light" };
    set_media(window, &[("prefers-color-scheme", value)]).await
}

/// Puts the reader's own colours, few of them, in the place of the page's, until the next [`set_dark`].
pub(super) async fn force_colours(window: &WebDriver) -> WebDriverResult<()> {
    set_media(
        window,
        &[("forced-colors", "active"), ("prefers-color-scheme", "dark")],
    )
    .await
}

async fn set_media(window: &WebDriver, media: &[(&str, &str)]) -> WebDriverResult<()> {
    let still = ("prefers-reduced-motion", "reduce");
    let all = media.iter().chain([&still]);
    let features: Vec<_> = all
        .map(|(name, value)| json!({ "name": name, "value": value }))
        .collect();
    let features = json!({ "features": features });
    window
        .cdp()
        .send_raw("Emulation.setEmulatedMedia", features)
        .await?;
    Ok(())
}

/// Makes the processor seem `times` as slow.
pub(super) async fn set_slower(window: &WebDriver, times: u32) -> WebDriverResult<()> {
    let rate = json!({ "rate": times });
    window
        .cdp()
        .send_raw("Emulation.setCPUThrottlingRate", rate)
        .await?;
    Ok(())
}

pub(super) async fn set_size(window: &WebDriver, width: u32, height: u32) -> WebDriverResult<()> {
    let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
    window
        .cdp()
        .send_raw("Emulation.setDeviceMetricsOverride", metrics)
        .await?;
    Ok(())
}
