//! Named steps with their durations, and the closing table.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};

/// The steps of one run, in order.
#[derive(Debug)]
pub(crate) struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            done: Vec::new(),
        }
    }

    /// Runs one step, with a heading before and its duration after.
    ///
    /// # Errors
    /// What `work` answers, with the step's name.
    pub(crate) fn run<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        say(&format!("\n== {name}"));
        let begin = Instant::now();
        let result = work().with_context(|| format!("the step `{name}` did not succeed"));
        let took = begin.elapsed();
        say(&format!(
            "== {name}: {} ({})",
            if result.is_ok() { "ok" } else { "failed" },
            seconds(took)
        ));
        self.done.push((name.to_owned(), took));
        result
    }

    /// Prints every step with its duration and the total; nothing when there was one step or none.
    pub(crate) fn summary(&self, ok: bool) {
        if self.done.len() < 2 {
            return;
        }
        let mut text = String::from("\n");
        let width = self.done.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, took) in &self.done {
            let _ = writeln!(text, "  {name:width$}  {:>9}", seconds(*took));
        }
        let _ = write!(
            text,
            "  {:width$}  {:>9}",
            "total",
            seconds(self.started.elapsed())
        );
        let _ = write!(
            text,
            "\n{}",
            if ok {
                "everything passed"
            } else {
                "not everything passed"
            }
        );
        say(&text);
    }
}

/// Seconds to a tenth, or minutes and seconds.
fn seconds(duration: Duration) -> String {
    let tenths = duration.as_millis() / 100;
    if tenths < 600 {
        return format!("{}.{} s", tenths / 10, tenths % 10);
    }
    format!("{} min {:02} s", tenths / 600, tenths % 600 / 10)
}

/// Prints a line on stdout, in order with what child processes print.
///
/// A reader that has gone away is no reason to stop the checks.
pub(crate) fn say(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        assert_eq!(seconds(Duration::from_millis(1_449)), "1.4 s");
        assert_eq!(seconds(Duration::from_millis(59_999)), "59.9 s");
        assert_eq!(seconds(Duration::from_secs(125)), "2 min 05 s");
    }

    #[test]
    fn a_failing_step_is_named_in_the_error() {
        let error = Steps::new()
            .run("a step of this test", || -> Result<()> {
                anyhow::bail!("two warnings")
            })
            .unwrap_err();
        assert_eq!(
            format!("{error:#}"),
            "the step `a step of this test` did not succeed: two warnings"
        );
    }
}
