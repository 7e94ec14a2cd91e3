//! `haloy verify` against hashing the same bytes on both cores, and its memory on a large ledger.

use super::process::{self, fill};
use super::{Line, ROUNDS, median};
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::hash::leaf;
use haloy_ledger::integrity::verify::{Asked, entries::IN_MEMORY};
use haloy_ledger::ledger::Evidence;
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const EVENTS: usize = 200_000;
/// Two sizes above the one up to which read models are folded in memory.
const SIZES: [usize; 2] = [300_000, 3_000_000];

fn options(at: &Path) -> LedgerOptions {
    LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench")
}

fn filled(at: &Path, events: usize) {
    let ledger = Ledger::open(options(at)).expect("a ledger");
    fill(&ledger, events);
}

/// Seconds to hash every entry as a leaf, half of them on each core.
fn hash_alone(entries: &[Vec<u8>]) -> f64 {
    let started = Instant::now();
    let halves = entries.split_at(entries.len() / 2);
    std::thread::scope(|scope| {
        for half in [halves.0, halves.1] {
            scope.spawn(move || {
                for entry in half {
                    std::hint::black_box(leaf(entry));
                }
            });
        }
    });
    started.elapsed().as_secs_f64()
}

fn speed(folder: &Path) -> Vec<Line> {
    let at = folder.join("verify");
    filled(&at, EVENTS);
    let ledger = Ledger::open(options(&at)).expect("a ledger");
    let entries = ledger.log().read_entries(Position(0), usize::MAX).expect("entries");
    drop(ledger);
    let (mut whole, mut since, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let alone = hash_alone(&entries);
        let evidence = Evidence::open(&options(&at)).expect("opened");
        let started = Instant::now();
        let report = evidence.verify(&Asked::default(), &mut |_, _| {});
        let took = started.elapsed().as_secs_f64();
        assert_eq!(report.faults, []);
        whole.push(alone / took);
        rates.push(report.entries as f64 / took);
        let asked = Asked { since: report.entries, against: None };
        let started = Instant::now();
        assert_eq!(evidence.verify(&asked, &mut |_, _| {}).faults, []);
        since.push(alone / started.elapsed().as_secs_f64());
    }
    let figures = format!("{:.0} events/s, everything re-derived", median(&rates));
    let met = median(&whole) >= 0.6;
    vec![
        Line::new("verify / SHA-256 alone on both cores", whole, (">= 0.6", met), figures),
        Line::new(
            "verify --since the end / SHA-256 alone on both cores",
            since,
            ("none", true),
            "the tree from its published hashes".to_owned(),
        ),
    ]
}

/// Peak memory of `haloy verify` as a process, in megabytes.
fn peak(at: &Path) -> f64 {
    let binary = std::env::current_exe().expect("a path").with_file_name("haloy");
    let mut child = Command::new(binary)
        .arg("verify")
        .env("HALOY_LEDGER", at.join("ledger"))
        .env("HALOY_KEYS", at.join("keys"))
        .stdout(Stdio::null())
        .spawn()
        .expect("target/release/haloy");
    let peak = process::peak(&mut child);
    assert!(child.wait().expect("ended").success(), "haloy verify");
    peak as f64 / 1024.0
}

fn memory(folder: &Path) -> Line {
    assert!(SIZES.iter().all(|size| *size as u64 > IN_MEMORY), "both fold on disk");
    let [small, large] = SIZES.map(|events| {
        let at = folder.join(format!("verify-{events}"));
        filled(&at, events);
        peak(&at)
    });
    let figures = format!("{small:.0} and {large:.0} MB");
    Line::new(
        "verify, peak memory, 3,000,000 events / 300,000",
        vec![large / small],
        ("<= 1.2", large / small <= 1.2),
        figures,
    )
}

/// All comparisons.
pub fn bench(folder: &Path) -> Vec<Line> {
    let mut lines = speed(folder);
    lines.push(memory(folder));
    lines
}
