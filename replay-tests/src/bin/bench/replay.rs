//! Full replay with all read models, against a scan of a raw file that only decodes the same entries.

use super::line::{Line, median, rounds, sized};
use super::process::fill;
use haloy_ledger::ids::Position;
use haloy_ledger::log::bundle;
use haloy_ledger::log::codec;
use haloy_ledger::{Ledger, LedgerOptions};
use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;
use std::time::Instant;

const CHUNK: usize = 4096;

/// The comparison.
pub fn bench(folder: &Path) -> Line {
    let (at, events) = (folder.join("replay"), sized(1_000_000, 3_000));
    let options = || LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench");
    fill(&Ledger::open(options()).expect("a ledger"), events, super::process::TARGETS);
    let ledger = Ledger::open(options()).expect("a ledger");
    let raw = at.join("raw");
    copy(&ledger, &raw);
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let started = Instant::now();
        let report = ledger.replay(&mut |_| {}).expect("replayed");
        assert!(report.differences.is_empty());
        let replayed = report.events as f64 / started.elapsed().as_secs_f64();
        ratios.push(replayed / scan(&raw));
        rates.push(replayed);
    }
    drop(ledger);
    std::fs::remove_dir_all(&at).expect("removed");
    let figures = format!("{:.0} events/s replayed, {events} events of 200 targets", median(&rates));
    let met = median(&ratios) >= 0.5;
    Line::new("replay with all read models / raw file scan that decodes", ratios, (">= 0.5", met), figures)
}

/// The same entries in one file, each with its length before it.
fn copy(ledger: &Ledger, raw: &Path) {
    let mut file = BufWriter::new(File::create(raw).expect("a file"));
    let mut next = 0;
    loop {
        let entries = ledger.log().read_entries(Position(next), CHUNK).expect("entries");
        if entries.is_empty() {
            break;
        }
        next += entries.len() as u64;
        let mut bytes = Vec::new();
        entries.iter().try_for_each(|entry| bundle::push_entry(&mut bytes, entry)).expect("short");
        file.write_all(&bytes).expect("written");
    }
    file.flush().expect("written");
}

/// Events per second.
fn scan(raw: &Path) -> f64 {
    let (started, mut events) = (Instant::now(), 0);
    let mut file = BufReader::with_capacity(1 << 20, File::open(raw).expect("a file"));
    let (mut length, mut entry) = ([0; 2], Vec::new());
    while file.read_exact(&mut length).is_ok() {
        entry.resize(usize::from(u16::from_be_bytes(length)), 0);
        file.read_exact(&mut entry).expect("a whole entry");
        std::hint::black_box(codec::decode(&entry).expect("an event"));
        events += 1;
    }
    f64::from(events) / started.elapsed().as_secs_f64()
}
