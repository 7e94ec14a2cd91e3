//! `haloy status`.

use super::{Context, keys_to_read};
use crate::args::TargetArgs;
use crate::error::{DIFFERENCES, Error, Kind, code};
use crate::machine;
use crate::output::table::Table;
use crate::output::{Reply, time, words};
use haloy_ledger::outcome::Condition;
use haloy_service::{ReplicaRow, RunState, StatusAnswer};

/// Show what runs: release, since when, replicas and where they answer.
///
/// Without a configuration file: every target of the ledger. Never changes anything; what a crash
/// left is shown as such.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    targets: TargetArgs,
    /// Exit with 10 unless everything is as it should be
    #[arg(long)]
    exit_code: bool,
}

pub(crate) async fn run(cx: &Context, args: Status) -> Result<Reply, Error> {
    let answers = cx.service.status(keys_to_read(cx, &args.targets).await?).await?;
    let ids: Vec<_> = answers.iter().filter_map(|answer| answer.release).collect();
    let unknown = answers.iter().any(|answer| answer.state == RunState::Unknown);
    let well = answers.iter().all(|answer| answer.state.is_well());
    let code = match (unknown, args.exit_code && !well) {
        (true, _) => code(Kind::Operational),
        (false, true) => DIFFERENCES,
        (false, false) => 0,
    };
    Ok(Reply::list("status/1", &answers, text(&answers, cx.colour)).ids(ids).exit(code))
}

/// For people.
pub(crate) fn text(answers: &[StatusAnswer], colour: bool) -> String {
    if answers.is_empty() {
        return "nothing was ever deployed here; begin with: haloy deploy".to_owned();
    }
    let now = machine::now();
    let mut table = Table::new(&["APP", "TARGET", "RELEASE", "IMAGE", "SINCE", "REPLICAS", "STATE"]);
    for answer in answers {
        let dash = || "-".to_owned();
        let well = answer.replicas.iter().filter(|row| row.is_well()).count();
        let replicas = match (answer.state, answer.stopped) {
            (RunState::Unknown, _) => "?".to_owned(),
            (_, true) => answer.replicas.iter().filter(|row| row.running == Some(true)).count().to_string(),
            (_, false) => well.to_string(),
        };
        table.row([
            answer.app.clone(),
            answer.target.clone(),
            answer.release.map_or_else(dash, |id| id.to_string()),
            answer.image.clone().unwrap_or_else(dash),
            answer.since.map_or_else(dash, |at| time::ago(at, now)),
            format!("{replicas}/{}", answer.wanted),
            state(answer),
        ]);
    }
    let mut text = table.text(0, colour);
    for answer in answers {
        let (app, target) = (&answer.app, &answer.target);
        let mut say = |line: String| text.push_str(&format!("{app}/{target}  {line}\n"));
        match &answer.unseen {
            Some(why) => say(format!("unknown: {why}")),
            None => answer.replicas.iter().filter_map(|row| place(row, answer.stopped)).for_each(&mut say),
        }
        for stray in &answer.strays {
            say(format!("{stray}: runs, and is not of what is live"));
        }
        if let Some(why) = &answer.not_served {
            say(format!("not served: {why}; see: haloy routes"));
        }
        if let Some((id, step)) = &answer.unfinished {
            text.push_str(&format!("{id} interrupted at {step}; settle with: haloy settle\n"));
        }
    }
    text
}

/// What a target does, in a word or two.
fn state(answer: &StatusAnswer) -> String {
    let count = restarts(answer.replicas.iter().filter_map(|row| row.restarts).max());
    let word = match answer.state {
        RunState::Unknown => "unknown",
        RunState::Unfinished => "unfinished",
        RunState::NothingRuns => "nothing runs",
        RunState::Stopped => "stopped",
        RunState::Degraded => "degraded",
        RunState::Restarting => return format!("restarting, {}", words::count(count, "time")),
        RunState::Paused => "paused",
        RunState::Unhealthy => "unhealthy",
        RunState::NotServed => "not served",
        RunState::Differs => "differs",
        RunState::Starting => "starting",
        RunState::Running => "running",
    };
    word.to_owned()
}

fn restarts(count: Option<u64>) -> usize {
    usize::try_from(count.unwrap_or(0)).unwrap_or(usize::MAX)
}

/// Where a replica is, and whether that is as it should be.
fn place(row: &ReplicaRow, stopped: bool) -> Option<String> {
    let container: String = row.container.iter().flat_map(|id| id.chars().take(12)).collect();
    if stopped {
        let runs = row.running == Some(true);
        let told = || {
            format!("{}: runs, although it was stopped; end it with: docker stop {container}", row.replica)
        };
        return runs.then(told);
    }
    let address = match (row.running, &row.address) {
        (None, _) => return Some(format!("{}: unknown", row.replica)),
        (Some(false), _) => {
            return Some(format!("{}: Docker does not run it; start it with: haloy settle", row.replica));
        }
        (Some(true), None) => format!("{}: runs, without an address", row.replica),
        (Some(true), Some(address)) if row.differs => {
            let recorded = row.recorded.as_deref().unwrap_or("no address");
            format!("{address}  differs: the log has {recorded}; record it with: haloy settle")
        }
        (Some(true), Some(address)) => address.clone(),
    };
    let out = row.out.as_ref().map(|why| format!("  out of the route: it {why}")).unwrap_or_default();
    let times = words::count(restarts(row.restarts), "time");
    let told = match row.condition {
        Some(Condition::Restarting) => {
            format!("{}: restarting, {times} so far; see why with: haloy logs", row.replica)
        }
        Some(Condition::Paused) => format!("{address}  paused; go on with: docker unpause {container}"),
        Some(Condition::Unhealthy) => format!("{address}  unhealthy: its HEALTHCHECK fails; see: haloy logs"),
        Some(Condition::Starting) => format!("{address}  starting: its HEALTHCHECK has not passed yet"),
        Some(Condition::Well) | None => address,
    };
    Some(told + &out)
}
