//! Full replay with all read models, against a scan that only decodes the same entries.

use super::process::fill;
use super::{Line, ROUNDS, median};
use haloy_ledger::ids::Position;
use haloy_ledger::log::codec;
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::time::Instant;

const EVENTS: usize = 100_000;
const CHUNK: usize = 4096;

/// The comparison.
pub fn bench(folder: &Path) -> Line {
    let at = folder.join("replay");
    let ledger = Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench"));
    let ledger = ledger.expect("a ledger");
    fill(&ledger, EVENTS);
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let started = Instant::now();
        let report = ledger.replay(&mut |_| {}).expect("replayed");
        assert!(report.differences.is_empty());
        let replayed = report.events as f64 / started.elapsed().as_secs_f64();
        ratios.push(replayed / scan(&ledger));
        rates.push(replayed);
    }
    let figures = format!("{:.0} events/s replayed", median(&rates));
    Line::new("replay with 7 read models / scan that decodes", ratios, ("none", true), figures)
}

fn scan(ledger: &Ledger) -> f64 {
    let (started, mut next) = (Instant::now(), 0);
    loop {
        let entries = ledger.log().read_entries(Position(next), CHUNK).expect("entries");
        if entries.is_empty() {
            return next as f64 / started.elapsed().as_secs_f64();
        }
        next += entries.len() as u64;
        for entry in &entries {
            std::hint::black_box(codec::decode(entry).expect("an event"));
        }
    }
}
