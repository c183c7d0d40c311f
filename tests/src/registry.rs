//! The real registry server on a data folder of its own.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
};

use tempfile::TempDir;

use crate::{
    binaries,
    http::{Answer, Client},
    wait::{PATIENCE, wait_for},
};

/// A running registry. Killed when dropped, and its data deleted.
#[derive(Debug)]
pub struct TestRegistry {
    folder: TempDir,
    page: Option<PathBuf>,
    arguments: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Child,
    url: String,
    log_key: String,
}

impl TestRegistry {
    /// Starts a registry that takes new `.example` names and serves the built page.
    pub fn start() -> Self {
        Self::start_with(Some(binaries::page()), &["--admission", "open"])
    }

    /// Starts a registry without a page: for tests that need no browser.
    pub fn start_without_page() -> Self {
        Self::start_with(None, &["--admission", "open"])
    }

    /// Starts a registry with `page` and further arguments.
    pub fn start_with(page: Option<PathBuf>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let arguments = arguments.iter().map(ToString::to_string).collect();
        let mut registry = Self {
            folder,
            page,
            arguments,
            running: None,
        };
        registry.launch();
        registry
    }

    fn launch(&mut self) {
        let mut process = self.spawn();
        let lines = lines_of(&mut process);
        let line = |prefix: &str| {
            let found = lines.recv_timeout(PATIENCE).unwrap_or_else(|_| {
                panic!(
                    "the registry printed no line {prefix:?}; it said on stderr:\n{}",
                    self.log()
                )
            });
            found
                .strip_prefix(prefix)
                .unwrap_or_else(|| panic!("wanted {prefix:?}, got {found:?}"))
                .to_owned()
        };
        let url = line("listening on ");
        let log_key = line("log key ");
        self.running = Some(Running {
            process,
            url,
            log_key,
        });
    }

    fn spawn(&self) -> Child {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .expect("a log file");
        let no_page = self.folder.path().join("no-page");
        let mut command = Command::new(binaries::program("weighbridge-registry"));
        command
            .arg("--data")
            .arg(self.data())
            .args(["--listen", "127.0.0.1:0", "--web"])
            .arg(self.page.as_ref().unwrap_or(&no_page))
            .args(&self.arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log);
        command.spawn().expect("the registry starts")
    }

    /// Starts the registry where it cannot start; gives its exit code and what it printed on stderr.
    pub fn start_and_fail(&self) -> (Option<i32>, String) {
        let before = self.log().len();
        let mut process = self.spawn();
        let status = wait_for("the registry to give up", || {
            process.try_wait().expect("a child can be waited for")
        });
        (status.code(), self.log()[before..].to_owned())
    }

    /// Ends the process as a crash would, without any chance to tidy up.
    pub fn kill9(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.process.kill().expect("a child can be killed");
            running.process.wait().expect("a child can be waited for");
        }
    }

    /// Starts again on the same data, killing first what still runs. The port is another one.
    pub fn restart(&mut self) {
        self.kill9();
        self.launch();
    }

    /// The process.
    pub fn pid(&self) -> u32 {
        self.running().process.id()
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("the registry runs")
    }

    /// Its address, such as `http://127.0.0.1:4711`.
    pub fn url(&self) -> &str {
        &self.running().url
    }

    /// The log key that it printed.
    pub fn log_key(&self) -> &str {
        &self.running().log_key
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// The starter trust file that it wrote.
    pub fn trust_path(&self) -> PathBuf {
        self.data().join("trust")
    }

    /// The starter trust file's text.
    pub fn trust(&self) -> String {
        fs::read_to_string(self.trust_path()).expect("the registry wrote a trust file")
    }

    /// Everything it printed on stderr.
    pub fn log(&self) -> String {
        fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("stderr")
    }

    /// A plain HTTP client of it.
    pub fn client(&self) -> Client {
        Client::new(self.url())
    }

    /// `GET path`.
    pub fn get(&self, path: &str) -> Answer {
        self.client().get(path)
    }

    /// Deletes the index, as an operator may.
    pub fn delete_index(&self) {
        let index = self.data().join("sled");
        assert!(index.is_dir(), "the index lies in DIR/sled");
        fs::remove_dir_all(index).expect("a folder can be deleted");
    }

    /// Every file below the data folder, with its path.
    pub fn data_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        collect(&self.data(), &mut found);
        found.sort();
        found
    }
}

/// Copies a file, or a folder with all that is in it, as it lies there. Temporary files are left out.
pub fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).expect("a copy");
        return;
    }
    fs::create_dir_all(to).expect("a new folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let name = entry.expect("an entry").file_name();
        if !name.to_string_lossy().starts_with(".writing-") {
            copy(&from.join(&name), &to.join(&name));
        }
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        self.kill9();
        if thread::panicking() {
            eprint_log(&self.log());
        }
    }
}

#[expect(clippy::print_stderr, reason = "shown by the test runner beside the failure")]
fn eprint_log(log: &str) {
    let tail: Vec<&str> = log.lines().rev().take(20).collect();
    for line in tail.iter().rev() {
        eprintln!("registry: {line}");
    }
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The lines that a process prints on stdout, read on a thread of their own so that waiting can end.
pub(crate) fn lines_of(process: &mut Child) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    let stdout = process.stdout.take().expect("stdout is piped");
    thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Nobody may be listening any more; the pipe still has to be emptied.
            let _ = sender.send(line);
        }
    });
    lines
}
