//! However large a file is, the page holds a few chunks of it. Counted over all processes of the browser.

use std::{
    thread,
    time::{Duration, Instant},
};

use harness::{lab::Lab, models::Model, page::VerifyPage, registry::TestRegistry};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// How much the browser's memory may move between a tenth and the end, whatever the size of the file. Garbage that
/// is not collected yet is most of it; what a page holds that keeps the file is as large as the file.
const MOVEMENT: u64 = 256 * MIB;

/// Time between two looks.
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// How far the page is, and what the browser holds then.
struct Look {
    percent: f64,
    bytes: u64,
}

/// Publishes a file of `size` bytes, verifies it in the page within `limit`, and wants the memory flat. Gives the
/// figures.
fn assert_flat(size: u64, limit: Duration) -> String {
    let work = tempfile::tempdir().expect("a temporary folder");
    let lab = Lab::on(
        TestRegistry::start(),
        Model::hollow(&work.path().join("large"), size),
    );
    let page = VerifyPage::trusting(&lab);
    let begun = Instant::now();
    page.check_folder(lab.model.folder());
    let mut looks = Vec::new();
    while page.browser.count("verdict") == 0 {
        assert!(begun.elapsed() < limit, "no verdict after {limit:?}");
        let percent: Option<f64> = page.browser.js(
            "return document.querySelector('[data-test=progress]')?.value ?? null",
            vec![],
        );
        if let Some(percent) = percent {
            let bytes = page.browser.memory_bytes();
            looks.push(Look { percent, bytes });
        }
        thread::sleep(BETWEEN_LOOKS);
    }
    assert_eq!(page.verdict().verdict, "authentic");
    let counted: Vec<_> = looks.iter().filter(|look| look.percent >= 10.0).collect();
    let (first, last) = (counted.first().expect("a look"), counted.last().expect("a look"));
    assert!(
        counted.len() >= 5 && first.percent <= 40.0 && last.percent >= 60.0,
        "too few looks to tell: {} from {} to {} percent",
        counted.len(),
        first.percent,
        last.percent
    );
    let least = counted.iter().map(|look| look.bytes).min().expect("a look");
    let most = counted.iter().map(|look| look.bytes).max().expect("a look");
    let told = format!(
        "   {} GiB in {:.0} s: between {} and {} MiB over {} looks",
        size / GIB,
        begun.elapsed().as_secs_f64(),
        least / MIB,
        most / MIB,
        counted.len()
    );
    assert!(most - least <= MOVEMENT, "memory is not flat: {told}");
    told
}

#[test]
fn memory_is_flat_while_three_gibibytes_are_read() {
    println!("{}", assert_flat(3 * GIB, Duration::from_secs(120)));
}

#[test]
#[ignore = "takes minutes: cargo xtask ci --slow"]
fn memory_is_flat_while_sixty_four_gibibytes_are_read() {
    println!("{}", assert_flat(64 * GIB, Duration::from_secs(40 * 60)));
}
