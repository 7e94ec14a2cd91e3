//! `make bench`: speed against named competitors in the same run, as ratios. Writes
//! docs/benchmarks.md. Speed is never a test: machines differ, ratios less so. That every group runs is one:
//! with `--smoke` each does the least that meets all of its code, and measures nothing.

mod append;
mod deploy;
mod edge;
mod engine;
mod history;
mod line;
mod process;
mod replay;
mod rolling;
mod sealed;
mod targets;
mod verify;

use line::{Line, SMOKE, median, sized, smoke};
use std::fmt::Write;
use std::path::{Path, PathBuf};

const INTRODUCTION: &str = "# Benchmarks

Written by `make bench`. Ratios of haloy to a named competitor, in the same run, of the same bytes, with the
same fsync, on the same filesystem; median of at least five interleaved rounds, spread behind it. Absolute figures are of
one machine and one hour.

";

/// Why goals are missed, for the reader of the figures.
const MISSED: &str = "
Where goals are missed:

- *whole processes on a large ledger.* A command that reads opens a copy whose tables are links; the time grows with their
  number. Half of it was comparing each table with what was noted at the close, until only both ends were compared.
- *durable commands.* Each command reads its state row, decides, encodes, and folds every read model; with two cores
  that, and not the disk, is the limit.
- *replay.* Folding an event into eight read models takes longer than decoding it, and the rows (2.3 per event) are
  compared one by one. A quarter of the time is the allocator's.
- *verify.* SHA-256 is the smallest part: it decodes every event, folds it, and compares every row of the index and of the
  read models. What an outsider checks, without the store, is the line of the published files.
- *peak memory of verify.* Filters and indexes of the store's tables, and those of the folded rows: about 30 MB per million
  events.
";

/// One group of comparisons.
type Group = fn(&Path) -> Vec<Line>;

/// Every group, by the name that picks it: `make bench ONLY="rolling edge"`.
const GROUPS: [(&str, Group); 9] = [
    ("append", append::bench),
    ("sealed", sealed::bench),
    ("replay", |folder| vec![replay::bench(folder)]),
    ("verify", verify::bench),
    ("process", process::bench),
    ("targets", targets::bench),
    ("deploy", |folder| deploy::bench(folder).into_iter().collect()),
    ("rolling", rolling::bench),
    ("edge", edge::bench),
];

fn main() {
    let (flags, only): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with("--"));
    assert!(flags.iter().all(|flag| flag == "--smoke"), "{flags:?}: there is --smoke, and names of groups");
    SMOKE.get_or_init(|| !flags.is_empty());
    let folder = folder();
    let picked: Vec<_> =
        GROUPS.iter().filter(|(name, _)| only.is_empty() || only.iter().any(|only| only == name)).collect();
    assert!(!picked.is_empty(), "{only:?}: there is no such group");
    if smoke() {
        for (name, bench) in picked {
            let started = std::time::Instant::now();
            let lines = bench(&folder).len();
            println!("{name}: {lines} comparisons, {:.1} s", started.elapsed().as_secs_f64());
        }
        return std::fs::remove_dir_all(&folder).expect("removed");
    }
    let rows: String = picked.iter().flat_map(|(_, bench)| bench(&folder)).map(|line| told(&line)).collect();
    std::fs::remove_dir_all(&folder).expect("removed");
    let mut text = INTRODUCTION.to_owned();
    let _written = writeln!(
        text,
        "Machine: {}.\n\n| comparison | ratio | spread | goal | | figures |\n|---|---|---|---|---|---|",
        machine()
    );
    text.push_str(&rows);
    text.push_str(MISSED);
    // A part is for whoever works on it; the document shows one whole run.
    if only.is_empty() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        std::fs::write(root.join("docs/benchmarks.md"), text).expect("written");
    }
}

/// Prints a line; the same as a row of the document.
fn told(line: &Line) -> String {
    let (low, high) = line.ratios.iter().fold((f64::MAX, f64::MIN), |(l, h), r| (l.min(*r), h.max(*r)));
    let verdict = match (line.goal, line.met) {
        ("none", _) => "-",
        (_, true) => "met",
        (_, false) => "MISSED",
    };
    let (ratio, Line { name, goal, figures, .. }) = (median(&line.ratios), line);
    println!("{name} {ratio:.2} {goal} {verdict}   ({figures})");
    format!("| {name} | {ratio:.2} | {low:.2} to {high:.2} | {goal} | {verdict} | {figures} |\n")
}

/// On the disk of the build, never in memory.
fn folder() -> PathBuf {
    let name = sized("bench", "bench-smoke");
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target").join(name);
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.canonicalize().expect("a path")
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, Linux {}", kernel.trim())
}
