//! A running registry under `strace`: its system calls in their order, and faults in the middle of them.

use std::{
    io::{BufRead as _, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

/// What a system call comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It fails, as on a disk that breaks.
    Error,
    /// The process is killed at it.
    Kill,
}

/// Every fault.
pub const FAULTS: [Fault; 2] = [Fault::Error, Fault::Kill];

/// System calls by which a commit reaches the disk.
pub const CALLS: [&str; 7] = [
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "renameat2",
    "linkat",
];

/// `strace` on a process and all its threads.
#[derive(Debug)]
pub struct Strace {
    tracer: Child,
    folder: TempDir,
}

impl Strace {
    /// Writes down these system calls of the process `pid`, with the paths behind their descriptors.
    pub fn watch(pid: u32, calls: &str) -> Self {
        Self::attach(pid, &["-y", "-s", "64", "-e", &format!("trace={calls}")])
    }

    /// Has the `nth` call of `call` that a thread of `pid` makes from now on end in `fault`.
    pub fn inject(pid: u32, call: &str, fault: Fault, nth: usize) -> Self {
        let what = match fault {
            Fault::Error => "error=EIO",
            Fault::Kill => "signal=SIGKILL",
        };
        let inject = format!("inject={call}:{what}:when={nth}");
        Self::attach(pid, &["-e", &format!("trace={call}"), "-e", &inject])
    }

    fn attach(pid: u32, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut tracer = Command::new("strace")
            .args(["-f", "-p", &pid.to_string(), "-o"])
            .arg(folder.path().join("calls"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace starts; if it is not there, run: cargo xtask setup");
        let mut said = BufReader::new(tracer.stderr.take().expect("its stderr"));
        let mut line = String::new();
        said.read_line(&mut line).expect("a line");
        assert!(line.contains("attached"), "strace did not attach: {line}");
        // It must be able to say on.
        std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
        Self { tracer, folder }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("calls")
    }

    /// What was written down, once the process has ended.
    pub fn lines(mut self) -> Vec<String> {
        self.tracer.wait().expect("strace ends with the process");
        let text = std::fs::read(self.path()).expect("what strace wrote");
        String::from_utf8_lossy(&text)
            .lines()
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = self.tracer.kill();
        let _ = self.tracer.wait();
    }
}
