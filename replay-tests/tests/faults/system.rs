//! A process that dies, or whose disk fails, at any of its system calls that write. strace counts the
//! calls, and then makes one of them fail, or kills.

use crate::harness::{key, seed, torture};
use haloy_ledger::Ledger;
use haloy_ledger::deployment::Command as Ask;
use haloy_ledger::ids::Position;
use haloy_ledger::integrity::verify::Asked;
use haloy_ledger::{CommandContext, OpenError};
use haloy_replay_tests::faults::oracle::{refusal, verify};
use haloy_replay_tests::faults::{Outcome, Tally, World, folder};
use haloy_replay_tests::simulation::Random;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

/// Calls of a run of the tests that fail.
const SAMPLE: usize = 30;
const CHILD: &str = "HALOY_FAULTS_CHILD";
const CALLS: &str = "write,pwrite64,writev,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,\
                     ftruncate,openat,mkdir,mkdirat,rmdir,flock";
const FAULTS: [&str; 4] = ["signal=KILL", "error=EIO", "error=ENOSPC", "error=EROFS"];

/// The child: opens, deploys, pins, and prints what was acknowledged.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else { return };
    let world = World::new(Path::new(&folder), 3);
    let Ok(ledger) = Ledger::open(world.options()) else { return };
    let ledger = Arc::new(ledger);
    acknowledged(&ledger, 0, ledger.head().next.0);
    let from = ledger.head().next.0;
    if world.deploy(&ledger, 0..1).is_err() {
        return;
    }
    acknowledged(&ledger, from, ledger.head().next.0);
    let key = key();
    let Ok(state) = ledger.state(&key) else { return };
    for pinned in [true, false] {
        let release = state.current_release().expect("deployed");
        let context = CommandContext::system("faults", "pin");
        match ledger.execute(&key, &Ask::Pin { release, pinned }, &context) {
            Ok(executed) => {
                executed.positions.into_iter().for_each(|(from, to)| acknowledged(&ledger, from.0, to.0))
            }
            Err(_) => return,
        }
    }
}

fn acknowledged(ledger: &Ledger, from: u64, to: u64) {
    let count = usize::try_from(to - from).expect("few");
    let Ok(entries) = ledger.log().read_entries(Position(from), count) else { return };
    let lines =
        (from..).zip(entries).map(|(at, entry)| format!("acknowledged {at} {}\n", hex::encode(&entry)));
    // One write, so that it is told whole or not at all.
    print!("{}", lines.collect::<String>());
}

/// Runs the child under strace; what it acknowledged.
fn run(folder: &Path, trace: &Path, strace: &[String]) -> BTreeMap<usize, String> {
    let output = Command::new("strace")
        .args(["-f", "-y", "-qq", "-o"])
        .arg(trace)
        .args(strace)
        .arg(std::env::current_exe().expect("this test"))
        .args(["system::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, folder)
        .stderr(Stdio::null())
        .output()
        .expect("strace runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let told = text.lines().filter_map(|line| {
        let (at, entry) = line.split("acknowledged ").nth(1)?.split_once(' ')?;
        Some((at.parse().ok()?, entry.to_owned()))
    });
    told.collect()
}

/// A call of the child on a file of the ledger, and how often it was made by one thread.
type Calls = BTreeMap<(String, String), usize>;

/// Reads what strace wrote: which calls were made on which files below the folder.
fn calls(folder: &Path, trace: &Path) -> Calls {
    let root = folder.to_string_lossy().into_owned();
    let mut by_thread: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    for line in std::fs::read_to_string(trace).expect("a trace").lines() {
        let Some((thread, call)) = line.split_once(' ') else { continue };
        let Some((name, arguments)) = call.trim_start().split_once('(') else { continue };
        let Some(path) = arguments.split(&root).nth(1) else { continue };
        let path: String = path.chars().take_while(|c| !matches!(c, '"' | '>' | ',')).collect();
        let reads = name == "openat" && !arguments.contains("O_CREAT") && !arguments.contains("O_WRONLY");
        if !reads && !name.starts_with('<') {
            *by_thread.entry((thread.to_owned(), name.to_owned(), path)).or_default() += 1;
        }
    }
    let mut calls = Calls::new();
    for ((_, name, path), count) in by_thread {
        let most = calls.entry((name, path)).or_default();
        *most = (*most).max(count);
    }
    calls
}

fn strace_runs() -> bool {
    let tried =
        Command::new("strace").args(["-f", "-e", "trace=write", "true"]).stderr(Stdio::null()).status();
    if tried.is_ok_and(|status| status.success()) {
        return true;
    }
    assert!(std::env::var_os("HALOY_REQUIRE_E2E").is_none(), "strace is missing, or may not trace");
    eprintln!("SKIPPED: strace is missing, or may not trace; no system call is made to fail");
    false
}

#[test]
fn no_system_call_that_fails_loses_anything_that_was_acknowledged() {
    if !strace_runs() {
        return;
    }
    let (folder, traces) = (folder(), tempfile::tempdir().expect("a folder"));
    let trace = traces.path().join("trace");
    let whole = run(folder.path(), &trace, &["-e".to_owned(), format!("trace={CALLS}")]);
    assert!(whole.len() > 15, "{} acknowledged", whole.len());
    let calls = calls(folder.path(), &trace);
    let mut points = Vec::new();
    for ((name, path), count) in &calls {
        for number in 1..=*count {
            points.extend(FAULTS.iter().map(|fault| (name.clone(), path.clone(), number, *fault)));
        }
    }
    println!("{} calls on {} files, {} faults", calls.values().sum::<usize>(), calls.len(), points.len());
    let mut random = Random(seed());
    let chosen = match torture() {
        Some(_) => points,
        None => (0..SAMPLE).map(|_| points[random.below(points.len())].clone()).collect(),
    };
    let mut tally = Tally::default();
    for (name, path, number, fault) in chosen {
        drop(std::fs::remove_dir_all(folder.path().join("ledger")));
        drop(std::fs::remove_dir_all(folder.path().join("keys")));
        let full = format!("{}{path}", folder.path().display());
        let inject = format!("inject={name}:{fault}:when={number}");
        let strace =
            ["-P".to_owned(), full, "-e".to_owned(), format!("trace={CALLS}"), "-e".to_owned(), inject];
        let told = run(folder.path(), &trace, &strace);
        let outcome = afterwards(folder.path(), &told);
        tally.add(&format!("{name} {fault}"), &format!("{name} {path} {number} {fault}"), &outcome);
    }
    tally.conclude("system calls that failed");
}

/// The ledger opens, or is refused by name and recovered; and has what was acknowledged.
fn afterwards(folder: &Path, told: &BTreeMap<usize, String>) -> Outcome {
    let world = World::new(folder, 4);
    let mut recovered = None;
    let ledger = match Ledger::open(world.options()) {
        Ok(ledger) => ledger,
        Err(error) => {
            let context = CommandContext::system("faults", "recovery");
            let code = match refusal(&error) {
                Outcome::Refused(code) => code,
                other => return other,
            };
            if let Err(error) = Ledger::recover(world.options(), &context) {
                return not_recovered(&code, &error);
            }
            recovered = Some(code);
            match Ledger::open(world.options()) {
                Ok(ledger) => ledger,
                Err(error) => return refusal(&error),
            }
        }
    };
    let entries = match ledger.log().read_entries(Position(0), usize::MAX) {
        Ok(entries) => entries,
        Err(error) => return Outcome::Unreadable(error.to_string()),
    };
    let lost = told.iter().find(|(at, entry)| entries.get(**at).map(hex::encode).as_ref() != Some(entry));
    if let Some((at, _)) = lost {
        return Outcome::Silent(format!("the entry at {at} was acknowledged, and is not there"));
    }
    if let Some(found) =
        ledger.replay(&mut |_| {}).map_or(None, |report| report.differences.into_iter().next())
    {
        return Outcome::Silent(format!("a row of {} differs", found.projection));
    }
    drop(ledger);
    match (verify(&world, &Asked::default()), recovered) {
        (Ok(_), None) => Outcome::Same,
        (Ok(_), Some(code)) => Outcome::Refused(format!("{code}, recovered")),
        (Err(fault), _) => Outcome::Silent(format!("it opens, and verify key {fault}")),
    }
}

fn not_recovered(code: &str, error: &OpenError) -> Outcome {
    match refusal(error) {
        Outcome::Refused(why) => Outcome::Silent(format!("refused ({code}), and not recovered: {why}")),
        other => other,
    }
}
