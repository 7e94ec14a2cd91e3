//! Counters, as Prometheus reads them.

use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the edge counts.
#[derive(Default)]
pub struct Metrics {
    classes: [AtomicU64; 6],
    retries: AtomicU64,
    connections: AtomicU64,
}

impl Metrics {
    /// An answer was given.
    pub fn answered(&self, status: u16) {
        let class = usize::from(status / 100).min(self.classes.len() - 1);
        self.classes[class].fetch_add(1, Ordering::Relaxed);
    }

    /// A request was tried at another replica.
    pub fn retried(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A client connected.
    pub fn connected(&self) {
        self.connections.fetch_add(1, Ordering::Relaxed);
    }

    /// The text format of Prometheus, with the requests on their way per replica.
    pub fn text(&self, generation: Option<u64>, in_flight: &[(String, u32)]) -> String {
        let mut text = String::from("# TYPE haloy_edge_requests_total counter\n");
        for (class, count) in self.classes.iter().enumerate().skip(1) {
            let count = count.load(Ordering::Relaxed);
            // Writing to a string cannot fail.
            let _written = writeln!(text, "haloy_edge_requests_total{{class=\"{class}xx\"}} {count}");
        }
        for (name, counter) in [("retries", &self.retries), ("connections", &self.connections)] {
            let count = counter.load(Ordering::Relaxed);
            let _written =
                writeln!(text, "# TYPE haloy_edge_{name}_total counter\nhaloy_edge_{name}_total {count}");
        }
        let generation = generation.unwrap_or(0);
        let _written =
            writeln!(text, "# TYPE haloy_edge_generation gauge\nhaloy_edge_generation {generation}");
        text.push_str("# TYPE haloy_edge_in_flight gauge\n");
        for (replica, count) in in_flight {
            let _written = writeln!(text, "haloy_edge_in_flight{{replica=\"{replica}\"}} {count}");
        }
        text
    }
}
