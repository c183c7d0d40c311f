//! The progress bar on stderr: bytes, rate and time left. Shown on a terminal only, and never with `--quiet`
//! or `--json`.

use std::io::{IsTerminal, stderr};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that can be told of bytes from any thread.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// A bar over `total` bytes; silent unless `wanted` and stderr is a terminal.
    pub(crate) fn new(total: u64, wanted: bool) -> Self {
        let template = "  [{bar:24}] {percent:>3}%  {binary_bytes}/{binary_total_bytes}  {binary_bytes_per_sec}  {eta} left";
        Self::with_template(total, wanted, template)
    }

    /// A bar over `total` things called `noun`.
    pub(crate) fn of(total: u64, noun: &str, wanted: bool) -> Self {
        let template =
            format!("  [{{bar:24}}] {{percent:>3}}%  {{human_pos}}/{{human_len}} {noun}  {{eta}} left");
        Self::with_template(total, wanted, &template)
    }

    fn with_template(total: u64, wanted: bool, template: &str) -> Self {
        let bar = ProgressBar::new(total);
        if !wanted || !stderr().is_terminal() {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("#>-"));
        }
        Self(bar)
    }

    /// Counts bytes or things that were read.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.inc(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
