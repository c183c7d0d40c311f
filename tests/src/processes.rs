//! How much memory processes take, from Linux's `/proc`.

use std::fs;

/// Bytes of memory that a process and all below it hold, pages that several share counted once.
pub fn memory_below(root: u32) -> u64 {
    let parents = parents();
    let mut tree = vec![root];
    let mut at = 0;
    while let Some(&process) = tree.get(at) {
        tree.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == process)
                .map(|(child, _)| child),
        );
        at += 1;
    }
    tree.into_iter().filter_map(proportional_bytes).sum()
}

/// The most memory that a process has held so far; nothing once it has ended.
pub fn peak_bytes(process: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{process}/status"), "VmHWM:")
}

/// Every process with its parent. One that ends meanwhile is left out.
fn parents() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").expect("Linux has /proc");
    entries
        .filter_map(|entry| {
            let process: u32 = entry.ok()?.file_name().to_str()?.parse().ok()?;
            let status = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
            // `PID (NAME) STATE PARENT …`, and the name may hold anything.
            let (_, after_name) = status.rsplit_once(") ")?;
            let parent = after_name.split(' ').nth(1)?.parse().ok()?;
            Some((process, parent))
        })
        .collect()
}

fn proportional_bytes(process: u32) -> Option<u64> {
    kilobytes(&format!("/proc/{process}/smaps_rollup"), "Pss:")
}

fn kilobytes(path: &str, name: &str) -> Option<u64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kilobytes << 10)
}
