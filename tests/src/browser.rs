//! A real Chromium, driven through chromedriver. Every browser has a profile of its own and knows nothing of the
//! others.

use std::{
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use thirtyfour::{
    By, ChromiumLikeCapabilities, DesiredCapabilities, LoggingPrefsLogLevel, WebDriver, WebElement,
    error::WebDriverResult,
};
use tokio::runtime::Runtime;

use crate::{registry::lines_of, wait::PATIENCE};

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
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
];

/// A browser with one window. Closed when dropped.
#[derive(Debug)]
pub struct Browser {
    window: Option<WebDriver>,
    driver: Child,
    runtime: Runtime,
    // Deleted after the browser that uses it has ended.
    _profile: TempDir,
}

impl Browser {
    /// Starts chromedriver on a free port, and a headless Chromium with an empty profile.
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let mut driver = start_driver();
        let address = driver_address(&mut driver);
        let mut capabilities = DesiredCapabilities::chrome();
        let mut flags: Vec<String> = FLAGS.iter().map(ToString::to_string).collect();
        flags.push(format!("--user-data-dir={}", profile.path().display()));
        flags.push("--window-size=1280,1000".into());
        for flag in &flags {
            capabilities.add_arg(flag).expect("a flag");
        }
        capabilities
            .set_browser_log_level(LoggingPrefsLogLevel::All)
            .expect("a log level");
        let window = runtime.block_on(async {
            let window = WebDriver::new(&address, capabilities).await?;
            window.set_script_timeout(PATIENCE).await?;
            Ok::<_, thirtyfour::error::WebDriverError>(window)
        });
        let window = window.unwrap_or_else(|error| panic!("Chromium does not start: {error}"));
        Self {
            window: Some(window),
            driver,
            runtime,
            _profile: profile,
        }
    }

    fn window(&self) -> &WebDriver {
        self.window.as_ref().expect("open until dropped")
    }

    fn run<T>(&self, doing: &str, work: impl Future<Output = WebDriverResult<T>>) -> T {
        self.runtime
            .block_on(work)
            .unwrap_or_else(|error| panic!("{doing}: {error}"))
    }

    /// Opens an address.
    pub fn goto(&self, url: &str) {
        self.run(url, self.window().goto(url));
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.run("reload", self.window().refresh());
    }

    /// Runs JavaScript with `arguments` and gives what it returns.
    pub fn js<T: DeserializeOwned>(&self, script: &str, arguments: Vec<Value>) -> T {
        let answer = self.run(script, async {
            Ok(self.window().execute(script, arguments).await?.json().clone())
        });
        serde_json::from_value(answer.clone()).unwrap_or_else(|error| panic!("{script}: {error} in {answer}"))
    }

    /// The element with this `data-test` hook.
    pub fn by_test(&self, hook: &str) -> WebElement {
        let by = By::Css(format!("[data-test=\"{hook}\"]"));
        self.run(hook, self.window().find(by))
    }

    /// Number of elements with this `data-test` hook.
    pub fn count(&self, hook: &str) -> usize {
        self.js(
            "return document.querySelectorAll(`[data-test=\"${arguments[0]}\"]`).length",
            vec![json!(hook)],
        )
    }

    /// Clicks the element with this hook once it is there.
    pub fn click(&self, hook: &str) {
        self.wait_for(hook, |browser| (browser.count(hook) > 0).then_some(()));
        self.run(hook, async {
            let element = self
                .window()
                .find(By::Css(format!("[data-test=\"{hook}\"]")))
                .await?;
            element.scroll_into_view().await?;
            element.click().await
        });
    }

    /// Clicks the button that a screen reader would call `name`.
    pub fn click_button(&self, name: &str) {
        let by = By::XPath(format!("//button[normalize-space(.)='{name}']"));
        self.run(name, async { self.window().find(by).await?.click().await });
    }

    /// Types into the element with this hook.
    pub fn type_into(&self, hook: &str, text: &str) {
        let element = self.by_test(hook);
        self.run(hook, async {
            element.clear().await?;
            element.send_keys(text).await
        });
    }

    /// Chooses files in the file input with this hook.
    pub fn upload(&self, hook: &str, files: &[PathBuf]) {
        let paths: Vec<_> = files
            .iter()
            .map(|path| path.to_string_lossy().into_owned())
            .collect();
        let input = self.by_test(hook);
        self.run(hook, input.send_keys(paths.join("\n")));
    }

    /// Chooses a folder, with everything in it, in the folder input with this hook.
    pub fn upload_folder(&self, hook: &str, folder: &Path) {
        self.upload(hook, &[folder.to_owned()]);
    }

    /// Drops files on the window, as dragging them there would.
    pub fn drop_files(&self, files: &[PathBuf]) {
        let create =
            "const input = document.createElement('input'); input.type = 'file'; input.multiple = true;
            input.dataset.test = 'dropped'; document.body.append(input);";
        self.js::<Value>(create, vec![]);
        self.upload("dropped", files);
        let drop = "const input = document.querySelector('[data-test=dropped]');
            const dataTransfer = new DataTransfer();
            for (const file of input.files) dataTransfer.items.add(file);
            input.remove();
            for (const kind of ['dragover', 'drop'])
              window.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));";
        self.js::<Value>(drop, vec![]);
    }

    /// Everything that can be read on the page.
    pub fn text(&self) -> String {
        self.js("return document.body.innerText", vec![])
    }

    /// Waits until `look` gives something; panics with what the page shows when it does not.
    pub fn wait_for<T>(&self, what: &str, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        let end = std::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = look(self) {
                return found;
            }
            assert!(
                std::time::Instant::now() < end,
                "waited for {what}; the page shows:\n{}\nconsole: {:#?}",
                self.text(),
                self.console_errors()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the page shows `text`.
    pub fn wait_for_text(&self, text: &str) {
        self.wait_for(text, |browser| browser.text().contains(text).then_some(()));
    }

    /// Errors on the console since the last call: scripts that failed, and what the policy forbade.
    pub fn console_errors(&self) -> Vec<String> {
        let entries = self.run("console", self.window().browser_log());
        entries
            .into_iter()
            .filter(|entry| entry.level == "SEVERE")
            .map(|entry| entry.message)
            .collect()
    }

    /// Prefers a dark or a light page, and no motion: a picture taken at once would show colours on their way.
    pub fn set_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [
            { "name": "prefers-color-scheme", "value": value },
            { "name": "prefers-reduced-motion", "value": "reduce" },
        ] });
        self.run(
            "dark",
            self.window()
                .cdp()
                .send_raw("Emulation.setEmulatedMedia", features),
        );
    }

    /// Makes the page `width` by `height` CSS pixels, as a phone or a desk would show it.
    pub fn set_size(&self, width: u32, height: u32) {
        let metrics =
            json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.run(
            "size",
            self.window()
                .cdp()
                .send_raw("Emulation.setDeviceMetricsOverride", metrics),
        );
    }

    /// Writes a picture of the page to `path`.
    pub fn screenshot(&self, path: &Path) {
        self.run("screenshot", self.window().screenshot(path));
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if let Some(window) = self.window.take() {
            // A browser that crashed cannot be asked to end; its driver is killed either way.
            let _ = self.runtime.block_on(window.quit());
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn start_driver() -> Child {
    let program = std::env::var("CHROMEDRIVER").unwrap_or_else(|_| "chromedriver".into());
    let mut command = Command::new(&program);
    command
        .arg("--port=0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{program} does not start ({error}); run: cargo xtask setup"))
}

fn driver_address(driver: &mut Child) -> String {
    let lines = lines_of(driver);
    loop {
        let line = lines
            .recv_timeout(PATIENCE)
            .expect("chromedriver says on which port it listens");
        if let Some((_, rest)) = line.split_once("started successfully on port ") {
            return format!("http://127.0.0.1:{}", rest.trim_end_matches('.').trim());
        }
    }
}
