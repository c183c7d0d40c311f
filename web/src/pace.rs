//! How fast the work goes and how long it will take, from what was done in the last seconds.

use std::collections::VecDeque;

use crate::text::as_float;

/// Span of the moving average, in milliseconds: long enough to be calm, short enough to follow a slow disk.
const WINDOW_MS: f64 = 4000.0;

/// Below this much history, in milliseconds, no figure is given.
const WARM_UP_MS: f64 = 400.0;

/// Times are milliseconds of any monotonic clock.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace {
    /// Moment and bytes done by then, oldest first.
    samples: VecDeque<(f64, u64)>,
}

impl Pace {
    /// Notes that `done` bytes were finished at `now`.
    pub(crate) fn note(&mut self, now: f64, done: u64) {
        self.samples.push_back((now, done));
        while self.samples.len() > 2 && self.samples[1].0 < now - WINDOW_MS {
            self.samples.pop_front();
        }
    }

    /// Forgets the past, as after a pause.
    pub(crate) fn restart(&mut self) {
        self.samples.clear();
    }

    /// Bytes per second over the window, once there is enough of it.
    pub(crate) fn rate(&self) -> Option<f64> {
        let ((start, from), (end, to)) = (*self.samples.front()?, *self.samples.back()?);
        (end - start >= WARM_UP_MS && to > from).then(|| as_float(to - from) * 1000.0 / (end - start))
    }

    /// Seconds until `total` bytes are done.
    pub(crate) fn seconds_left(&self, total: u64) -> Option<f64> {
        let (_, done) = self.samples.back()?;
        Some(as_float(total.saturating_sub(*done)) / self.rate()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_pace_gives_its_rate_and_the_time_left() {
        let mut pace = Pace::default();
        assert_eq!(pace.rate(), None);
        for i in 0..=10_u32 {
            pace.note(f64::from(i) * 100.0, u64::from(i) * 1000);
        }
        assert_eq!(
            (pace.rate(), pace.seconds_left(20_000)),
            (Some(10_000.0), Some(1.0))
        );
    }

    #[test]
    fn only_the_last_seconds_count() {
        let mut pace = Pace::default();
        for (now, done) in [
            (0.0, 0),
            (1000.0, 1_000_000),
            (10_000.0, 1_000_000),
            (11_000.0, 1_000_500),
        ] {
            pace.note(now, done);
        }
        assert!(pace.rate().unwrap() < 1000.0);
    }

    #[test]
    fn after_a_restart_nothing_is_guessed() {
        let mut pace = Pace::default();
        pace.note(0.0, 0);
        pace.note(1000.0, 10);
        pace.restart();
        assert_eq!((pace.rate(), pace.seconds_left(10)), (None, None));
    }
}
