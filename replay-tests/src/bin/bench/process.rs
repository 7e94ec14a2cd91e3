//! `haloy rollback-targets` as a whole process, on a small and on a large ledger.

use super::history;
use super::line::{Line, median, rounds, sized};
use haloy_ledger::deployment::TargetState;
use haloy_ledger::ids::{AppName, TargetKey, TargetName};
use haloy_ledger::log::{Expected, NewEvent, Stage, StreamWrite};
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

const TARGETS: usize = 200;
/// Events of one append: below the log's own limit.
const AT_ONCE: usize = 900;

/// Fills a ledger with the history of many targets.
pub fn fill(ledger: &Ledger, events: usize) {
    let template =
        ledger.log().read_all(haloy_ledger::ids::Position(0), 1).expect("event 0").remove(0).envelope;
    let app = AppName::new("my-app").expect("a name");
    let target = |number: usize| TargetName::new(format!("t{number}")).expect("a name");
    let key = |number| TargetKey { app: app.clone(), target: target(number) };
    let mut states: Vec<TargetState> = (0..TARGETS).map(|number| TargetState::new(key(number))).collect();
    let (mut written, mut turn) = (0, 0);
    while written < events {
        let index = turn % TARGETS;
        turn += 1;
        let stream = states[index].key.stream();
        let mut batch = Vec::new();
        let mut state = states[index].clone();
        // Up to the end of a deployment, so that every ledger is settled.
        while batch.len() < AT_ONCE.min(events / TARGETS) || state.rollout.is_some() {
            let (after, happened) = history::step(state);
            state = after;
            batch.extend(happened.into_iter().map(|event| {
                let envelope = haloy_ledger::log::Envelope { stream: stream.clone(), ..template.clone() };
                NewEvent::seal(envelope, event.into(), || ledger.entropy().salt())
            }));
        }
        written += batch.len();
        states[index] = state;
        let write = StreamWrite { stream, expected: Expected::Any, events: batch };
        ledger.log().append(vec![write], None, Stage::Durable).expect("appended");
    }
}

/// Peak kilobytes of a process, once it has ended.
pub fn peak(child: &mut Child) -> u64 {
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    while child.try_wait().expect("waited").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
        peak = peak.max(kilobytes.unwrap_or(0));
        std::thread::sleep(std::time::Duration::from_micros(200));
    }
    peak
}

/// Seconds and peak kilobytes of one run.
pub fn run(at: &Path) -> (f64, u64) {
    let binary = std::env::current_exe().expect("a path").with_file_name("haloy");
    let started = Instant::now();
    let mut child = Command::new(binary)
        .args(["rollback-targets", "-o", "id", "--target", "t7", "--config"])
        .arg(at)
        .env("HALOY_LEDGER", at.join("ledger"))
        .env("HALOY_KEYS", at.join("keys"))
        .stdout(Stdio::null())
        .spawn()
        .expect("target/release/haloy");
    let peak = peak(&mut child);
    let seconds = started.elapsed().as_secs_f64();
    assert!(child.wait().expect("ended").success(), "haloy rollback-targets");
    (seconds, peak)
}

/// Both comparisons.
pub fn bench(folder: &Path) -> Vec<Line> {
    let sizes = sized([1_000, 1_000_000], [200, 2_000]);
    let ledgers = [(folder.join("small"), sizes[0]), (folder.join("large"), sizes[1])];
    for (at, events) in &ledgers {
        std::fs::create_dir_all(at).expect("a folder");
        let targets: String = (0..TARGETS).map(|number| format!("  t{number}: {{}}\n")).collect();
        let text = format!("name: my-app\nimage: ghcr.io/my-org/my-app:v1.2.3\ntargets:\n{targets}");
        std::fs::write(at.join("haloy.yaml"), text).expect("written");
        let ledger = Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench"));
        fill(&ledger.expect("a ledger"), *events);
    }
    let (mut ratios, mut small_ms, mut large_ms, mut peaks) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..sized(3 * rounds(), 1) {
        let (small, _) = run(&ledgers[0].0);
        let (large, peak) = run(&ledgers[1].0);
        ratios.push(large / small);
        small_ms.push(small * 1e3);
        large_ms.push(large * 1e3);
        peaks.push(peak as f64 / 1024.0);
    }
    let figures = format!("{:.1} ms and {:.1} ms", median(&small_ms), median(&large_ms));
    let met = median(&ratios) <= 1.5;
    let memory = median(&peaks);
    vec![
        Line::new("rollback-targets, 1,000,000 events / 1,000 events", ratios, ("<= 1.5", met), figures),
        Line::new(
            "rollback-targets, 1,000,000 events, peak memory / 64 MB",
            peaks.iter().map(|peak| peak / 64.0).collect(),
            ("< 1", memory < 64.0),
            format!("{memory:.0} MB"),
        ),
    ]
}
