//! However large a file is, the command line holds a few chunks of it: what it peaks at while it publishes and
//! verifies a file that takes no space on disk.
#![cfg(target_os = "linux")]

use std::process::Stdio;

use harness::{
    cli::{Cli, Ran},
    lab::Lab,
    models::Model,
    processes,
    registry::TestRegistry,
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// More than it has ever needed, and far less than any of the files.
const PEAK: u64 = 64 * MIB;

/// Runs the command line to its end, and gives the most memory it held.
fn with_peak(cli: &Cli, arguments: &[&str]) -> (Ran, u64) {
    let mut command = cli.command(arguments);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the command line starts");
    let process = child.id();
    let watching = std::thread::spawn(move || {
        let mut peak = 0;
        // The peak of a process is never forgotten while it lives, so looking now and then is enough.
        while let Some(bytes) = processes::peak_bytes(process) {
            peak = bytes;
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        peak
    });
    let ran = Ran::of(child.wait_with_output().expect("it ends"));
    (ran, watching.join().expect("it watches to the end"))
}

/// Wants both small, and gives the figures.
fn assert_small(size: u64) -> String {
    let work = tempfile::tempdir().expect("a temporary folder");
    let model = Model::hollow(&work.path().join("large"), size);
    let lab = Lab::on(TestRegistry::start_without_page(), model);
    let folder = lab.model.folder().to_string_lossy();
    let attest = [
        "attest",
        &folder,
        "--publisher",
        "acme.example",
        "--key",
        "lab.key",
        "--name",
        "acme/again",
        "--version",
        "2.0",
        "--out",
        "att-again",
    ];
    let figures = [&attest[..], &["verify", &folder]].map(|arguments| {
        let (ran, peak) = with_peak(&lab.cli(&lab.trust_pinned()), arguments);
        assert_eq!(ran.code, 0, "{ran}");
        let told = format!(
            "   {} of {} GiB peaks at {} MiB",
            arguments[0],
            size / GIB,
            peak / MIB
        );
        assert!((MIB..=PEAK).contains(&peak), "{told}");
        told
    });
    figures.join("\n")
}

#[test]
fn three_gibibytes_need_no_more_memory_than_a_few_chunks() {
    println!("{}", assert_small(3 * GIB));
}

#[test]
#[ignore = "takes minutes: cargo xtask ci --slow"]
fn sixty_four_gibibytes_need_no_more_memory_than_a_few_chunks() {
    println!("{}", assert_small(64 * GIB));
}
