//! Thousands of seeds, and defects that must be found. `HALOY_SIM_SEEDS` changes their number.

use haloy_ledger::defect::{Defect, plant};
use haloy_replay_tests::simulation::{Coverage, Report, Sabotage, run};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

fn seeds() -> u64 {
    std::env::var("HALOY_SIM_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(10_000)
}

#[test]
fn every_invariant_holds_in_every_seed() {
    let (next, coverage, seeds) = (AtomicU64::new(0), Mutex::new(Coverage::default()), seeds());
    let broken = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds {
                        break;
                    }
                    let report = run(seed, None);
                    coverage.lock().expect("not poisoned").add(&report.coverage);
                    if let Some(what) = report.broken {
                        broken.lock().expect("not poisoned").push((seed, what));
                    }
                }
            });
        }
    });
    let broken = broken.into_inner().expect("not poisoned");
    let coverage = coverage.into_inner().expect("not poisoned");
    print(&coverage, seeds);
    let first: Vec<_> = broken.iter().take(5).collect();
    assert!(broken.is_empty(), "{} of {seeds} seeds break an invariant; first: {first:#?}", broken.len());
    if seeds >= 1000 {
        complete(&coverage);
    }
}

fn print(coverage: &Coverage, seeds: u64) {
    println!("simulation of {seeds} seeds");
    let tables = [
        ("event", &coverage.events),
        ("rejection", &coverage.rejections),
        ("fault", &coverage.faults),
        ("crash after", &coverage.crashes),
    ];
    for (name, table) in tables {
        for (what, count) in table {
            println!("  {name:<12} {what:<24} {count:>9}");
        }
    }
}

/// What the simulation cannot meet, and why; everything else it must.
fn complete(coverage: &Coverage) {
    // No clock that is vouched for, and images that are built are another test's.
    let elsewhere = [
        "ClockAccepted",
        "ImageBuilt",
        // What happens to files of a ledger needs files: tests of faults, of upgrades, and end to end.
        "FormatRaised",
        "KeyRetired",
        "Recovered",
        "PayloadRedacted",
        // No command writes these yet: the format has room for them.
        "DeploymentRefused",
        "ExecRun",
        // What the edge reports by itself needs an edge.
        "UpstreamDown",
        "UpstreamUp",
        "CertificateIssued",
        "CertificateFailed",
        "CertificateImported",
        "AcmeAccountCreated",
        "EdgeStarted",
        "EdgeReplaced",
    ];
    for kind in haloy_ledger::event::AnyEvent::kinds() {
        let met = coverage.events.contains_key(kind.name) || elsewhere.contains(&kind.name);
        assert!(met, "no seed meets {}", kind.name);
    }
    for fault in ["retryable", "fatal", "lost answer", "repeated"] {
        assert!(coverage.faults.contains_key(fault), "no seed meets the fault {fault}");
    }
}

#[test]
fn the_same_seed_gives_the_same_log_byte_for_byte() {
    for seed in [1, 2, 3, 99] {
        let (one, two) = (run(seed, None), run(seed, None));
        assert!(one.entries.len() > 100, "{} events", one.entries.len());
        assert_eq!(one.entries, two.entries, "seed {seed}");
    }
}

/// The first of a thousand seeds that finds a defect.
fn found(run: impl Fn(u64) -> Report) -> Option<(u64, String)> {
    (0..1000).find_map(|seed| run(seed).broken.map(|broken| (seed, broken)))
}

#[test]
fn planted_defects_are_found() {
    for sabotage in [Sabotage::ProjectionOffByOne, Sabotage::EffectBeforeIntent] {
        let found = found(|seed| run(seed, Some(sabotage)));
        println!("{sabotage:?}: {found:?}");
        assert!(found.is_some(), "{sabotage:?}");
    }
    for defect in [
        Defect::LateOutcome,
        Defect::FailedEvicts,
        Defect::EarlyRetire,
        Defect::ForgetsPins,
        Defect::RouteUnhealthy,
        Defect::StopRouted,
        Defect::DomainTwice,
        Defect::FirstStamp,
    ] {
        plant(Some(defect));
        let found = found(|seed| run(seed, None));
        plant(None);
        println!("{defect:?}: {found:?}");
        assert!(found.is_some(), "{defect:?}");
    }
}

/// For `make sim SEED=7`: prints the log of a seed.
#[test]
fn one_seed() {
    let seed = std::env::var("HALOY_SIM_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let report = run(seed, None);
    for entry in &report.entries {
        let recorded = haloy_ledger::log::codec::decode(entry).expect("what this program wrote");
        let (position, stream) = (recorded.head.position, recorded.envelope.stream);
        println!(
            "{position} {stream} {} {}",
            recorded.event.name(),
            haloy::output::event::sentence(&recorded.event)
        );
    }
    println!("seed {seed}: {} events", report.entries.len());
    print(&report.coverage, 1);
    assert_eq!(report.broken, None);
}
