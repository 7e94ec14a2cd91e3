//! Counters, as Prometheus reads them.

use super::workers;
use hyper::StatusCode;
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Hundreds of status codes, from 0 on.
const CLASSES: usize = 6;
/// Upper bounds of the buckets of answer times, in milliseconds.
const BUCKETS: [u64; 10] = [1, 5, 10, 25, 50, 100, 250, 1000, 5000, 30_000];

/// What the edge counts: each worker for itself, so that they do not wait for each other.
pub struct Metrics(Box<[Counters]>);

/// Counters of one worker; alone on their cache lines.
#[derive(Default)]
#[repr(align(128))]
struct Counters {
    classes: [AtomicU64; CLASSES],
    /// One more than bounds: for what took longer than all of them.
    times: [AtomicU64; BUCKETS.len() + 1],
    time_us: AtomicU64,
    retries: AtomicU64,
    connections: AtomicU64,
    turned_away: AtomicU64,
    handshakes_failed: AtomicU64,
}

/// Values that are not counted but measured at each scrape.
pub struct Now {
    /// Generation of the routes in force.
    pub generation: Option<u64>,
    /// Replicas, by name.
    pub replicas: Vec<(String, Load)>,
    /// When certificates end, in seconds since 1970, by first name.
    pub certificates: Vec<(String, i64)>,
    /// Lines of the access log that could not be written.
    pub lost_lines: u64,
}

/// What a replica has to do.
pub struct Load {
    /// Requests in flight through the replica.
    pub in_flight: u32,
    /// Checks keep it out of the route.
    pub out: bool,
}

/// Picks a counter.
type Pick<'a> = &'a dyn Fn(&Counters) -> &AtomicU64;

impl Default for Metrics {
    fn default() -> Self {
        Self((0..workers::count()).map(|_| Counters::default()).collect())
    }
}

impl Metrics {
    fn mine(&self) -> &Counters {
        &self.0[workers::number() % self.0.len()]
    }

    /// An answer began.
    pub fn answered(&self, status: StatusCode, took: Duration) {
        let mine = self.mine();
        let class = usize::from(status.as_u16() / 100).min(mine.classes.len() - 1);
        mine.classes[class].fetch_add(1, Ordering::Relaxed);
        let bucket = BUCKETS.iter().position(|bound| took <= Duration::from_millis(*bound));
        mine.times[bucket.unwrap_or(BUCKETS.len())].fetch_add(1, Ordering::Relaxed);
        mine.time_us.fetch_add(u64::try_from(took.as_micros()).unwrap_or(0), Ordering::Relaxed);
    }

    /// A request was tried at another replica.
    pub fn retried(&self) {
        self.mine().retries.fetch_add(1, Ordering::Relaxed);
    }

    /// A client connected.
    pub fn connected(&self) {
        self.mine().connections.fetch_add(1, Ordering::Relaxed);
    }

    /// A client had, or all clients had, too many connections.
    pub fn turned_away(&self) {
        self.mine().turned_away.fetch_add(1, Ordering::Relaxed);
    }

    /// A client and the edge could not agree on TLS.
    pub fn handshake_failed(&self) {
        self.mine().handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }

    /// The text format of Prometheus.
    pub fn text(&self, now: &Now) -> String {
        let mut text = Text::default();
        let read = |pick: Pick<'_>| -> u64 {
            self.0.iter().map(|of_one| pick(of_one).load(Ordering::Relaxed)).sum()
        };
        text.about("requests_total", "counter", "Answers, by class of status.");
        for class in 1..CLASSES {
            text.line(&format!("requests_total{{class=\"{class}xx\"}}"), read(&|of| &of.classes[class]));
        }
        let name = "answer_seconds";
        text.about(name, "histogram", "From the head of a request to the head of its answer.");
        let mut sum = 0;
        for number in 0..=BUCKETS.len() {
            sum += read(&|of| &of.times[number]);
            let bound = BUCKETS.get(number).map_or("+Inf".to_owned(), |ms| (*ms as f64 / 1e3).to_string());
            text.line(&format!("{name}_bucket{{le=\"{bound}\"}}"), sum);
        }
        text.line(&format!("{name}_sum"), read(&|of| &of.time_us) as f64 / 1e6);
        text.line(&format!("{name}_count"), sum);
        let counters: [(&str, Pick<'_>, &str); 4] = [
            ("retries_total", &|of| &of.retries, "Requests that were tried at another replica."),
            ("connections_total", &|of| &of.connections, "Connections of clients."),
            ("connections_refused_total", &|of| &of.turned_away, "Connections over a limit."),
            ("tls_handshakes_failed_total", &|of| &of.handshakes_failed, "Connections that came to no TLS."),
        ];
        for (name, counter, help) in counters {
            text.about(name, "counter", help);
            text.line(name, read(counter));
        }
        text.about("access_log_lost_total", "counter", "Lines of the access log that were not written.");
        text.line("access_log_lost_total", now.lost_lines);
        text.about("generation", "gauge", "Generation of the routes in force.");
        text.line("generation", now.generation.unwrap_or(0));
        text.about("in_flight", "gauge", "Requests and tunnels in flight through a replica.");
        for (replica, load) in &now.replicas {
            text.line(&format!("in_flight{{replica=\"{replica}\"}}"), load.in_flight);
        }
        text.about("out_of_route", "gauge", "Whether checks keep a replica out of the route.");
        for (replica, load) in &now.replicas {
            text.line(&format!("out_of_route{{replica=\"{replica}\"}}"), u8::from(load.out));
        }
        text.about("certificate_not_after_seconds", "gauge", "When a certificate ends, in Unix time.");
        for (name, seconds) in &now.certificates {
            text.line(&format!("certificate_not_after_seconds{{name=\"{name}\"}}"), seconds);
        }
        text.0
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn about(&mut self, name: &str, kind: &str, help: &str) {
        // Writing to a string cannot fail.
        let _written = writeln!(self.0, "# HELP haloy_edge_{name} {help}\n# TYPE haloy_edge_{name} {kind}");
    }

    fn line(&mut self, name: &str, value: impl std::fmt::Display) {
        let _written = writeln!(self.0, "haloy_edge_{name} {value}");
    }
}
