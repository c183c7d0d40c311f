//! Numbers about the server, in the text format of Prometheus (OpenMetrics). None of them is about a visitor.

use std::{fmt, time::Duration};

use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};

/// What a request was answered with.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    /// `read` or `write`.
    kind: &'static str,
    /// The status' class, such as `2xx`.
    status: &'static str,
}

/// All numbers. Counted where things happen, or read when somebody asks.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Histogram,
    /// Entries that the log has published.
    pub(crate) entries: Gauge,
    /// Entries that the index reflects.
    pub(crate) indexed: Gauge,
    /// Publishers.
    pub(crate) publishers: Gauge,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// Whether the log takes records.
    pub(crate) running: Gauge,
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("weighbridge");
        let requests = Family::<Answered, Counter>::default();
        // A quarter of a millisecond to four seconds.
        let seconds = Histogram::new(exponential_buckets(0.000_25, 2.0, 15));
        let mut gauge = |name: &str, help: &str| {
            let gauge = Gauge::default();
            registry.register(name, help, gauge.clone());
            gauge
        };
        let entries = gauge("log_entries", "Entries that the log has published");
        let indexed = gauge("index_entries", "Entries that the index reflects");
        let publishers = gauge("publishers", "Publishers on the log");
        let connections = gauge("connections", "Connections that are open");
        let running = gauge("log_running", "1 while the log takes records");
        registry.register("requests", "Requests answered", requests.clone());
        registry.register("request_seconds", "Time until an answer began", seconds.clone());
        Self {
            registry,
            requests,
            seconds,
            entries,
            indexed,
            publishers,
            connections,
            running,
        }
    }
}

impl Metrics {
    /// Counts an answer.
    pub(crate) fn answered(&self, is_read: bool, status: u16, took: Duration) {
        let kind = if is_read { "read" } else { "write" };
        let status = match status {
            ..200 => "1xx",
            200..300 => "2xx",
            300..400 => "3xx",
            400..500 => "4xx",
            500.. => "5xx",
        };
        self.requests.get_or_create(&Answered { kind, status }).inc();
        self.seconds.observe(took.as_secs_f64());
    }

    /// The text.
    ///
    /// # Errors
    /// When the library cannot write it.
    pub(crate) fn text(&self) -> Result<String, fmt::Error> {
        let mut out = String::new();
        encode(&mut out, &self.registry)?;
        Ok(out)
    }
}
