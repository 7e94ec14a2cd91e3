//! `haloy rollback-targets` and `haloy status` as whole processes, on ledgers of every size.

use super::history;
use super::line::{Line, median, rounds, sized};
use haloy_ledger::deployment::TargetState;
use haloy_ledger::ids::{AppName, TargetKey, TargetName};
use haloy_ledger::log::{Expected, NewEvent, Stage, StreamWrite};
use haloy_ledger::{Ledger, LedgerOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

/// Targets of a large ledger.
pub const TARGETS: usize = 200;
/// Events of one append: below the log's own limit.
const AT_ONCE: usize = 900;

/// Fills a ledger with the history of so many targets.
pub fn fill(ledger: &Ledger, events: usize, targets: usize) {
    let template =
        ledger.log().read_all(haloy_ledger::ids::Position(0), 1).expect("event 0").remove(0).envelope;
    let app = AppName::new("my-app").expect("a name");
    let target = |number: usize| TargetName::new(format!("t{number}")).expect("a name");
    let key = |number| TargetKey { app: app.clone(), target: target(number) };
    let mut states: Vec<TargetState> = (0..targets).map(|number| TargetState::new(key(number))).collect();
    let (mut written, mut turn) = (0, 0);
    while written < events {
        let index = turn % targets;
        turn += 1;
        let stream = states[index].key.stream();
        let mut batch = Vec::new();
        let mut state = states[index].clone();
        // Up to the end of a deployment, so that every ledger is settled.
        while batch.len() < AT_ONCE.min((events / targets).max(1)) || state.rollout.is_some() {
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

/// Seconds and peak kilobytes of one run of a program.
fn timed(command: &mut Command) -> (f64, u64) {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::null()).spawn().expect("a program");
    let peak = peak(&mut child);
    let seconds = started.elapsed().as_secs_f64();
    assert!(child.wait().expect("ended").success(), "{command:?}");
    (seconds, peak)
}

/// The program, to be run on the ledger and the configuration of a folder.
fn haloy(at: &Path, words: &[&str]) -> Command {
    let binary = std::env::current_exe().expect("a path").with_file_name("haloy");
    let mut command = Command::new(binary);
    command.args(words).arg("--config").arg(at);
    command.env("HALOY_LEDGER", at.join("ledger")).env("HALOY_KEYS", at.join("keys"));
    command
}

/// Seconds and peak kilobytes of one question about one target.
pub fn run(at: &Path) -> (f64, u64) {
    timed(&mut haloy(at, &ASKED[0]))
}

/// The questions about one target that are asked at 3 a.m.
const ASKED: [[&str; 5]; 2] =
    [["rollback-targets", "-o", "id", "--target", "t0"], ["status", "-o", "json", "--target", "t0"]];

/// A ledger of the bench: how many events, of how many targets.
struct Filled {
    at: PathBuf,
    events: usize,
    targets: usize,
}

fn filled(folder: &Path) -> Vec<Filled> {
    let sizes = sized(
        [(1_000, 1), (2_500, 1), (70_000, 64), (1_000_000, TARGETS)],
        [(100, 1), (200, 1), (300, 3), (1_000, 4)],
    );
    let fill = |(events, targets): (usize, usize)| {
        let at = folder.join(events.to_string());
        std::fs::create_dir_all(&at).expect("a folder");
        let names: String = (0..targets).map(|number| format!("  t{number}: {{}}\n")).collect();
        let text = format!("name: my-app\nimage: ghcr.io/my-org/my-app:v1.2.3\ntargets:\n{names}");
        std::fs::write(at.join("haloy.yaml"), text).expect("written");
        self::fill(&open(&at), events, targets);
        Filled { at, events, targets }
    };
    sizes.into_iter().map(fill).collect()
}

fn open(at: &Path) -> Ledger {
    Ledger::open(LedgerOptions::new(at.join("ledger"), at.join("keys"), "bench")).expect("a ledger")
}

/// A line whose ratio is the time of a run to one that is promised.
fn promised(name: String, seconds: &[f64], milliseconds: f64) -> Line {
    let ratios: Vec<f64> = seconds.iter().map(|seconds| seconds * 1e3 / milliseconds).collect();
    let (met, took) = (median(&ratios) <= 1.0, median(seconds) * 1e3);
    Line::new(format!("{name} / {milliseconds} ms"), ratios, ("<= 1", met), format!("{took:.1} ms"))
}

/// One question on ledgers of every size.
fn asked(ledgers: &[Filled], words: &[&str]) -> Vec<Line> {
    let mut seconds = vec![Vec::new(); ledgers.len()];
    let mut peaks = Vec::new();
    for _ in 0..sized(3 * rounds(), 1) {
        for (ledger, seconds) in ledgers.iter().zip(&mut seconds) {
            let (took, peak) = timed(&mut haloy(&ledger.at, words));
            seconds.push(took);
            peaks.push(peak as f64 / 1024.0);
        }
    }
    let mut lines: Vec<Line> = (ledgers.iter().zip(&seconds).skip(1))
        .map(|(ledger, seconds)| {
            let (events, targets) = (ledger.events, ledger.targets);
            promised(
                format!("{} of one target, {events} events of {targets} targets", words[0]),
                seconds,
                50.0,
            )
        })
        .collect();
    let (small, large) = (&seconds[0], &seconds[ledgers.len() - 1]);
    let ratios: Vec<f64> = large.iter().zip(small).map(|(large, small)| large / small).collect();
    let figures = format!("{:.1} ms and {:.1} ms", median(small) * 1e3, median(large) * 1e3);
    let met = median(&ratios) <= 1.5;
    lines.push(Line::new(
        format!("{}, 1,000,000 events / 1,000 events", words[0]),
        ratios,
        ("<= 1.5", met),
        figures,
    ));
    let memory = peaks.iter().copied().fold(0.0, f64::max);
    lines.push(Line::new(
        format!("{}, peak memory / 64 MB", words[0]),
        vec![memory / 64.0],
        ("< 1", memory < 64.0),
        format!("{memory:.0} MB"),
    ));
    lines
}

/// Every target at once, against one call of Docker's own program; none where no engine answers.
fn every_target(ledger: &Filled) -> Option<Line> {
    let answers = Command::new("docker").arg("ps").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !answers.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no Docker engine answers");
        return None;
    }
    let (mut ratios, mut ours, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..sized(3 * rounds(), 1) {
        let (all, _) = timed(&mut haloy(&ledger.at, &["status", "-o", "json"]));
        let (docker, _) = timed(Command::new("docker").arg("ps"));
        ratios.push(all / docker);
        ours.push(all * 1e3);
        theirs.push(docker * 1e3);
    }
    let met = median(&ratios) <= 1.0;
    let figures = format!("{:.1} and {:.1} ms", median(&ours), median(&theirs));
    let name = format!("status of {} targets / docker ps", ledger.targets);
    Some(Line::new(name, ratios, ("<= 1", met), figures))
}

/// The ledger alone: opened to be written, and closed.
fn opened(ledger: &Filled) -> Line {
    let once = || {
        let started = Instant::now();
        drop(open(&ledger.at));
        started.elapsed().as_secs_f64()
    };
    let seconds: Vec<f64> = (0..sized(3 * rounds(), 1)).map(|_| once()).collect();
    promised(format!("open and close, {} events", ledger.events), &seconds, 30.0)
}

/// Every comparison.
pub fn bench(folder: &Path) -> Vec<Line> {
    let ledgers = filled(folder);
    let mut lines: Vec<Line> = ASKED.iter().flat_map(|words| asked(&ledgers, words)).collect();
    lines.extend(every_target(&ledgers[2]));
    lines.push(opened(&ledgers[3]));
    lines
}
