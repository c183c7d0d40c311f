//! A real browser, driven by WebDriver. Every browser has a profile of its own and knows nothing of the others.
//!
//! What both engines do alike stands here; what each needs in its own way, in [`chromium`] and [`firefox`].

mod chromium;
mod firefox;
mod roles;

use std::{
    env,
    future::Future,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

pub use self::roles::Role;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
pub use thirtyfour::Key;
use thirtyfour::{By, TypingData, WebDriver, WebElement, error::WebDriverResult};
use tokio::runtime::Runtime;

use crate::{registry::lines_of, tls_host::TlsHost, wait::PATIENCE};

/// Which browser a test drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Chromium, through chromedriver.
    Chromium,
    /// Firefox, through geckodriver.
    Firefox,
}

impl Engine {
    /// The engine that the running test program is named after.
    ///
    /// Every page test is compiled into two programs, whose names begin with `chromium` and `firefox`, so that none is
    /// forgotten in one of them and the name of a failing test says where it failed.
    pub fn of_this_program() -> Self {
        let program = env::current_exe().expect("a test knows its own executable");
        let name = program
            .file_name()
            .expect("an executable has a name")
            .to_string_lossy();
        match name.split(['-', '_']).next() {
            Some("chromium") => Self::Chromium,
            Some("firefox") => Self::Firefox,
            _ => panic!(
                "{name} starts a browser, and its name does not begin with the engine; page tests belong in \
                 tests/tests/pages, where they run in every engine"
            ),
        }
    }
}

/// A browser with one window. Closed when dropped.
#[derive(Debug)]
pub struct Browser {
    engine: Engine,
    window: Option<WebDriver>,
    driver: Child,
    runtime: Runtime,
    // Deleted after the browser that uses it has ended.
    _profile: TempDir,
}

impl Browser {
    /// Starts the engine of this test program, headless, with an empty profile and a driver on a free port.
    pub fn start() -> Self {
        Self::start_knowing(None)
    }

    /// As [`Self::start`]; the name of `host` leads to it.
    pub fn start_knowing(host: Option<&TlsHost>) -> Self {
        let engine = Engine::of_this_program();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let profile = tempfile::tempdir().expect("a temporary folder");
        let (driver, address) = start_driver(|| match engine {
            Engine::Chromium => chromium::driver(),
            Engine::Firefox => firefox::driver(profile.path()),
        });
        let window = runtime.block_on(async {
            let window = match engine {
                Engine::Chromium => {
                    WebDriver::new(&address, chromium::capabilities(profile.path(), host)?).await?
                }
                Engine::Firefox => WebDriver::new(&address, firefox::capabilities(host)?).await?,
            };
            window.set_script_timeout(PATIENCE).await?;
            Ok::<_, thirtyfour::error::WebDriverError>(window)
        });
        let window = window.unwrap_or_else(|error| panic!("{engine:?} does not start: {error}"));
        Self {
            engine,
            window: Some(window),
            driver,
            runtime,
            _profile: profile,
        }
    }

    /// The engine.
    pub fn engine(&self) -> Engine {
        self.engine
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
        match self.engine {
            Engine::Chromium => self.upload(hook, &[folder.to_owned()]),
            Engine::Firefox => firefox::upload_folder(self, hook, folder),
        }
    }

    /// Drops files on the window, as dragging them there would.
    pub fn drop_files(&self, files: &[PathBuf]) {
        self.add_input("dropped");
        self.upload("dropped", files);
        let drop = "const input = document.querySelector('[data-test=dropped]');
            const dataTransfer = new DataTransfer();
            for (const file of input.files) dataTransfer.items.add(file);
            input.remove();
            for (const kind of ['dragover', 'drop'])
              window.dispatchEvent(new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true }));";
        self.js::<Value>(drop, vec![]);
    }

    /// Adds a file input of ours to the page.
    fn add_input(&self, hook: &str) {
        let create =
            "const input = document.createElement('input'); input.type = 'file'; input.multiple = true;
            input.dataset.test = arguments[0]; document.body.append(input);";
        self.js::<Value>(create, vec![json!(hook)]);
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
        match self.engine {
            Engine::Chromium => self.run("console", chromium::console_errors(self.window())),
            Engine::Firefox => self.run("console", firefox::console_errors(self.window())),
        }
    }

    /// Prefers a dark or a light page, and no motion: a picture taken at once would show colours on their way.
    pub fn set_dark(&self, dark: bool) {
        match self.engine {
            Engine::Chromium => self.run("dark", chromium::set_dark(self.window(), dark)),
            Engine::Firefox => self.run("dark", firefox::set_dark(self.window(), dark)),
        }
        self.wait_for("the colours", |browser| {
            let dark_now = "return matchMedia('(prefers-color-scheme: dark)').matches";
            (browser.js::<bool>(dark_now, vec![]) == dark).then_some(())
        });
    }

    /// Shows the page in the reader's own few colours, as high contrast modes do, until [`Self::set_dark`]. Whether it
    /// does: only Chromium can be told to.
    pub fn force_colours(&self) -> bool {
        if self.engine != Engine::Chromium {
            return false;
        }
        self.run("forced colours", chromium::force_colours(self.window()));
        self.wait_for("the forced colours", |browser| {
            let forced = "return matchMedia('(forced-colors: active)').matches";
            browser.js::<bool>(forced, vec![]).then_some(())
        });
        true
    }

    /// Makes the page `width` by `height` CSS pixels, as a phone or a desk would show it.
    pub fn set_size(&self, width: u32, height: u32) {
        match self.engine {
            Engine::Chromium => self.run("size", chromium::set_size(self.window(), width, height)),
            Engine::Firefox => self.run("size", firefox::set_size(self.window(), width, height)),
        }
        self.wait_for("the size", |browser| {
            let size: (u32, u32) = browser.js("return [innerWidth, innerHeight]", vec![]);
            (size == (width, height)).then_some(())
        });
    }

    /// Makes the processor seem `times` as slow, in Chromium.
    pub fn set_slower(&self, times: u32) {
        self.run("slower", chromium::set_slower(self.window(), times));
    }

    /// Bytes of memory that the driver, the browser and all processes of both hold.
    #[cfg(target_os = "linux")]
    pub fn memory_bytes(&self) -> u64 {
        crate::processes::memory_below(self.driver.id())
    }

    /// Presses keys one after the other, as fingers do: whatever has the focus gets them.
    pub fn press(&self, keys: impl Into<TypingData>) {
        let keys = keys.into();
        self.run("keys", self.window().action_chain().send_keys(keys).perform());
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

/// Starts a driver, and gives its address. One that ends before it has any, as for a port that was taken in the very
/// moment, is started once more.
fn start_driver(command: impl Fn() -> Command) -> (Child, String) {
    for _ in 0..2 {
        let mut command = command();
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut driver = command
            .spawn()
            .unwrap_or_else(|error| panic!("{program} does not start ({error}); run: cargo xtask setup"));
        if let Some(address) = driver_address(&mut driver) {
            return (driver, address);
        }
        // It may have ended already.
        let _ = driver.kill();
        let _ = driver.wait();
    }
    panic!("the driver does not say on which port it listens")
}

/// Both drivers say it in a line that ends with the port.
fn driver_address(driver: &mut Child) -> Option<String> {
    let lines = lines_of(driver);
    loop {
        let line = lines.recv_timeout(PATIENCE).ok()?;
        let port = ["started successfully on port ", "Listening on 127.0.0.1:"]
            .iter()
            .find_map(|before| line.split_once(before));
        if let Some((_, port)) = port {
            return Some(format!("http://127.0.0.1:{}", port.trim_end_matches('.').trim()));
        }
    }
}
