//! `haloy verify`, and an outsider's check of the published files, against hashing the same bytes on both
//! cores; and its memory on a large ledger.

use super::line::{Line, median, rounds, sized, smoke};
use super::process::{self, fill};
use haloy_ledger::event::{AnyEvent, LedgerEvent};
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::hash::leaf;
use haloy_ledger::integrity::note::Verifier;
use haloy_ledger::integrity::verify::{Asked, Report, Sources, entries::IN_MEMORY, verify};
use haloy_ledger::ledger::Evidence;
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

/// Events of both ledgers; read models of both are folded on disk, where anything is measured.
fn sizes() -> [usize; 2] {
    sized([1_000_000, 10_000_000], [1_000, 3_000])
}

fn options(at: &Path) -> LedgerOptions {
    LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench")
}

fn filled(at: &Path, events: usize) {
    let ledger = Ledger::open(options(at)).expect("a ledger");
    fill(&ledger, events, process::TARGETS);
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

/// Seconds that a check takes.
fn took(check: impl FnOnce() -> Report) -> f64 {
    let started = Instant::now();
    let report = check();
    let took = started.elapsed().as_secs_f64();
    assert_eq!(report.faults, []);
    took
}

fn speed(at: &Path) -> Vec<Line> {
    let ledger = Ledger::open(options(at)).expect("a ledger");
    let entries = ledger.log().read_entries(Position(0), usize::MAX).expect("entries");
    // The second event of a ledger names its key.
    let AnyEvent::Ledger(LedgerEvent::KeyAdded(added)) =
        ledger.log().read_all(Position(1), 1).expect("an event").remove(0).event
    else {
        panic!("no key is named");
    };
    let key = Verifier::parse(&added.verifier_key.expect("of signing")).expect("a key");
    drop(ledger);
    let size = entries.len() as u64;
    let (mut whole, mut files, mut since) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rates, mut seconds) = (Vec::new(), Vec::new());
    for _ in 0..rounds() {
        let alone = hash_alone(&entries);
        let evidence = Evidence::open(&options(at)).expect("opened");
        let all = took(|| evidence.verify(&Asked::default(), &mut |_, _| {}));
        let end = took(|| evidence.verify(&Asked { since: size, against: None }, &mut |_, _| {}));
        drop(evidence);
        let published = took(|| verify(&published_alone(at, key.clone()), &Asked::default(), &mut |_, _| {}));
        whole.push(alone / all);
        since.push(alone / end);
        files.push(alone / published);
        rates.push(size as f64 / all);
        seconds.push(published);
    }
    let figures = format!("{:.0} events/s, everything re-derived", median(&rates));
    let met = (median(&whole) >= 0.6, median(&files) >= 0.6);
    let seconds = format!("{size} events in {:.2} s, without the store", median(&seconds));
    let tree = "the tree from its published hashes".to_owned();
    vec![
        Line::new("verify / SHA-256 alone on both cores", whole, (">= 0.6", met.0), figures),
        Line::new(
            "verify of the published files / SHA-256 alone on both cores",
            files,
            (">= 0.6", met.1),
            seconds,
        ),
        Line::new("verify --since the end / SHA-256 alone on both cores", since, ("none", true), tree),
    ]
}

/// What an outsider has: the files, and a key.
fn published_alone(at: &Path, key: Verifier) -> Sources {
    Sources {
        stored: None,
        places: None,
        published: at.join("ledger/published"),
        keys: vec![key],
        heads: None,
        faults: Vec::new(),
    }
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

/// All comparisons.
pub fn bench(folder: &Path) -> Vec<Line> {
    let sizes = sizes();
    assert!(smoke() || sizes.iter().all(|size| *size as u64 > IN_MEMORY), "both fold on disk");
    let [small, large] = sizes.map(|events| folder.join(format!("verify-{events}")));
    filled(&small, sizes[0]);
    let mut lines = speed(&small);
    let few = peak(&small);
    std::fs::remove_dir_all(&small).expect("removed");
    filled(&large, sizes[1]);
    let many = peak(&large);
    std::fs::remove_dir_all(&large).expect("removed");
    let flat = ("<= 1.2", many / few <= 1.2);
    let figures = format!("{few:.0} and {many:.0} MB");
    lines.push(Line::new(
        "verify, peak memory, 10,000,000 events / 1,000,000",
        vec![many / few],
        flat,
        figures,
    ));
    lines
}
