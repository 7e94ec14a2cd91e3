//! `make bench`: speed against named competitors in the same run, as ratios. Writes
//! docs/benchmarks.md. Never a test: machines differ, ratios less so.

mod append;
mod deploy;
mod history;
mod process;
mod replay;
mod targets;

use std::fmt::Write;
use std::path::{Path, PathBuf};

/// Why goals are missed, for the reader of the figures.
const MISSED: &str = "
Where goals are missed:

- *rollback-targets on a large ledger, and with a long history.* The question itself takes the same time (the line
  *ledger open*). What is opened is the store's active journal, which fjall rotates at 64 MB
  only and reads back at every open, also when everything in it was flushed on a clean close. So the time goes up and
  down between about 10 and 300 ms, whatever the number of events; fjall offers no way to rotate it earlier.
- *durable commands.* Each command reads its state row, decides, encodes, and folds seven read models; with two cores
  that, and not the disk, is the limit.
";

/// Interleaved rounds of every comparison.
pub const ROUNDS: usize = 5;

/// What one comparison came to.
pub struct Line {
    /// What was compared, and with what.
    pub name: String,
    /// Ratios, one per round, haloy to competitor.
    pub ratios: Vec<f64>,
    /// The goal, and whether a ratio meets it.
    pub goal: &'static str,
    /// Whether the median meets the goal.
    pub met: bool,
    /// Absolute figures of the median round, for the curious.
    pub figures: String,
}

/// The middle one.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

impl Line {
    /// With a goal for the median.
    pub fn new(
        name: impl Into<String>,
        ratios: Vec<f64>,
        goal: (&'static str, bool),
        figures: String,
    ) -> Self {
        Self { name: name.into(), ratios, goal: goal.0, met: goal.1, figures }
    }
}

fn main() {
    let folder = folder();
    let mut lines = Vec::new();
    lines.extend(append::bench(&folder));
    lines.push(replay::bench(&folder));
    lines.extend(process::bench(&folder));
    lines.extend(targets::bench(&folder));
    lines.extend(deploy::bench(&folder));
    std::fs::remove_dir_all(&folder).expect("removed");
    let mut text = "# Benchmarks\n\nWritten by `make bench`. Ratios of haloy to a named competitor, in the same run, of the same bytes, with the\nsame fsync, on the same filesystem; median of five interleaved rounds, spread behind it. Absolute figures are of one\nmachine and one hour.\n\n".to_owned();
    let _written = writeln!(
        text,
        "Machine: {}.\n\n| comparison | ratio | spread | goal | | figures |\n|---|---|---|---|---|---|",
        machine()
    );
    for line in &lines {
        let (low, high) = line.ratios.iter().fold((f64::MAX, f64::MIN), |(l, h), r| (l.min(*r), h.max(*r)));
        let verdict = match (line.goal, line.met) {
            ("none", _) => "-",
            (_, true) => "met",
            (_, false) => "MISSED",
        };
        let ratio = median(&line.ratios);
        println!("{} {ratio:.2} {} {verdict}   ({})", line.name, line.goal, line.figures);
        let _written = writeln!(
            text,
            "| {} | {ratio:.2} | {low:.2} to {high:.2} | {} | {verdict} | {} |",
            line.name, line.goal, line.figures
        );
    }
    text.push_str(MISSED);
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    std::fs::write(root.join("docs/benchmarks.md"), text).expect("written");
}

/// On the disk of the build, never in memory.
fn folder() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/bench");
    drop(std::fs::remove_dir_all(&folder));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder.canonicalize().expect("a path")
}

fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("{cores} cores, Linux {}", kernel.trim())
}
