//! What a signed head costs: the same appends to a ledger that seals, and to the same log without
//! sealing. Then how long one writer waits for its seal, and for its place in the published files.

use super::history;
use super::line::{Line, median, rounds, sized};
use haloy_ledger::deployment::TargetState;
use haloy_ledger::ids::{AppName, Position, TargetKey, TargetName};
use haloy_ledger::log::*;
use haloy_ledger::ports::SystemClock;
use haloy_ledger::projection::Projections;
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

/// Appends of one writer in one round.
fn appends() -> usize {
    sized(400, 16)
}

fn many_writers() -> usize {
    sized(64, 4)
}

/// The appends of one writer.
type Appends = Vec<StreamWrite>;

fn ledger(folder: &Path) -> Ledger {
    Ledger::open(LedgerOptions::new(folder.join("ledger"), folder.join("keys"), "bench")).expect("a ledger")
}

/// The same log, with the same read models, that signs nothing.
fn unsealed(folder: &Path) -> FjallLog {
    let options = FjallOptions {
        clock: Arc::new(SystemClock),
        policy: ClockPolicy::default(),
        in_batch: Box::new(Projections::default()),
        seal: Box::new(Unsealed),
        frozen: None,
        bundle_after: BUNDLE_AFTER,
        progress: no_progress(),
    };
    FjallLog::open(&folder.join("log"), options).expect("a log")
}

/// One append per command, made before anything is measured.
fn made(ledger: &Ledger, writers: usize, appends: usize) -> Vec<Appends> {
    let template = ledger.log().read_all(Position(0), 1).expect("event 0").remove(0).envelope;
    let app = AppName::new("bench").expect("a name");
    let writer = |writer: usize| {
        let target = TargetName::new(format!("t{writer}")).expect("a name");
        let mut state = TargetState::new(TargetKey { app: app.clone(), target });
        let stream = state.key.stream();
        let mut append = || {
            let (after, events) = history::step(state.clone());
            state = after;
            let sealed = events.into_iter().map(|event| {
                let envelope = Envelope { stream: stream.clone(), ..template.clone() };
                NewEvent::seal(envelope, event.into(), || ledger.entropy().salt())
            });
            StreamWrite { stream: stream.clone(), expected: Expected::Any, events: sealed.collect() }
        };
        (0..appends).map(|_| append()).collect()
    };
    (0..writers).map(writer).collect()
}

/// Appends per second.
fn rate(log: &dyn EventLog, writers: &[Appends]) -> f64 {
    let total: usize = writers.iter().map(Vec::len).sum();
    let copies = writers.to_vec();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for appends in copies {
            scope.spawn(move || {
                for append in appends {
                    log.append(vec![append], None, Stage::Sealed).expect("appended");
                }
            });
        }
    });
    total as f64 / started.elapsed().as_secs_f64()
}

/// Milliseconds that most appends of one writer took, and all but one of a hundred.
fn latency(log: &dyn EventLog, appends: Appends, stage: Stage) -> (f64, f64) {
    let wait = |append| {
        let started = Instant::now();
        log.append(vec![append], None, stage).expect("appended");
        started.elapsed().as_secs_f64() * 1e3
    };
    let mut waited: Vec<f64> = appends.into_iter().map(wait).collect();
    waited.sort_by(f64::total_cmp);
    (median(&waited), waited[waited.len() * 99 / 100])
}

/// All comparisons.
pub fn bench(folder: &Path) -> Vec<Line> {
    let (mut one, mut many) = (Vec::new(), Vec::new());
    let (mut one_rate, mut many_rate) = (Vec::new(), Vec::new());
    let (mut sealed, mut published) = (Vec::new(), Vec::new());
    for round in 0..rounds() {
        let at = folder.join(format!("sealed-{round}"));
        for (writers, ratios, rates) in
            [(1, &mut one, &mut one_rate), (many_writers(), &mut many, &mut many_rate)]
        {
            let at = at.join(writers.to_string());
            std::fs::create_dir_all(&at).expect("a folder");
            let ledger = ledger(&at);
            let appends = made(&ledger, writers, if writers == 1 { appends() } else { appends() / 8 });
            let sealing = rate(ledger.log(), &appends);
            // What is published meanwhile is over before the other one is measured.
            drop(ledger);
            ratios.push(sealing / rate(&unsealed(&at), &appends));
            rates.push(sealing);
        }
        let ledger = ledger(&at.join("latency"));
        // Appends whose latency is looked at: sealed, and published.
        let (latencies, few) = sized((2000, 200), (20, 5));
        let mut appends = made(&ledger, 1, latencies + few).remove(0);
        let last = appends.split_off(latencies);
        sealed.push(latency(ledger.log(), appends, Stage::Sealed));
        published.push(latency(ledger.log(), last, Stage::Published));
        drop(ledger);
        std::fs::remove_dir_all(&at).expect("removed");
    }
    let met = (median(&one) >= 0.45, median(&many) >= 0.8);
    let one_rate = format!("{:.0} sealed appends/s, 1 writer", median(&one_rate));
    let many_rate = format!("{:.0} sealed appends/s, {} writers", median(&many_rate), many_writers());
    vec![
        Line::new("sealed appends, 1 writer / the same without sealing", one, (">= 0.45", met.0), one_rate),
        Line::new(
            "sealed appends, 64 writers / the same without sealing",
            many,
            (">= 0.8", met.1),
            many_rate,
        ),
        waited("sealed, 1 writer, p99 / 50 ms", &sealed),
        waited("published, 1 writer, p99 / 1 s", &published),
    ]
}

fn waited(name: &'static str, rounds: &[(f64, f64)]) -> Line {
    let limit = if name.ends_with("1 s") { 1000.0 } else { 50.0 };
    let ratios: Vec<f64> = rounds.iter().map(|(_, p99)| p99 / limit).collect();
    let (p50, p99): (Vec<f64>, Vec<f64>) = rounds.iter().copied().unzip();
    let figures = format!("{:.2} ms median, {:.2} ms p99", median(&p50), median(&p99));
    let met = median(&ratios) < 1.0;
    Line::new(name, ratios, ("< 1", met), figures)
}
