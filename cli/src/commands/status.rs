//! `haloy status`.

use super::{Context, keys_to_read};
use crate::cli::TargetArgs;
use crate::error::{Error, Kind};
use crate::machine;
use crate::output::table::Table;
use crate::output::{Reply, time};
use crate::service::{ReplicaRow, StatusAnswer};
use haloy_executors::TargetKey;
use haloy_ledger::ids::{AppName, TargetName};

/// Show what runs: release, since when, replicas and where they answer.
///
/// Without a configuration file: every target of the ledger. Never changes anything; what a crash
/// left is shown as such.
#[derive(Debug, clap::Args)]
pub struct Status {
    #[command(flatten)]
    targets: TargetArgs,
}

pub(super) async fn run(cx: &Context, args: Status) -> Result<Reply, Error> {
    let answers = cx.service.status(keys_to_read(&args.targets)?).await?;
    let ids: Vec<_> = answers.iter().filter_map(|answer| answer.release).collect();
    Ok(Reply::list("status/1", &answers, text(&answers, cx.colour)).ids(ids))
}

/// Every target of the ledger.
pub(super) async fn all_keys(cx: &Context) -> Result<Vec<TargetKey>, Error> {
    let usage = |error: haloy_ledger::ids::InvalidId| Error::new(Kind::Operational, error.to_string());
    let answers = cx.service.status(None).await?;
    let key = |answer: &StatusAnswer| {
        let app = AppName::new(&*answer.app).map_err(usage)?;
        Ok(TargetKey { app, target: TargetName::new(&*answer.target).map_err(usage)? })
    };
    answers.iter().map(key).collect()
}

/// For people.
pub(super) fn text(answers: &[StatusAnswer], colour: bool) -> String {
    if answers.is_empty() {
        return "nothing was ever deployed here; begin with: haloy deploy".to_owned();
    }
    let now = machine::now();
    let mut table = Table::new(&["APP", "TARGET", "RELEASE", "IMAGE", "SINCE", "REPLICAS", "STATE"]);
    for answer in answers {
        let dash = || "-".to_owned();
        let running = answer.replicas.iter().filter(|row| row.running == Some(true)).count();
        let unknown = answer.replicas.iter().any(|row| row.running.is_none());
        let state = match (&answer.unfinished, answer.release, answer.stopped) {
            (Some(_), _, _) => "unfinished",
            (None, None, _) => "nothing runs",
            (None, Some(_), true) => "stopped",
            (None, Some(_), false) if unknown => "unknown",
            (None, Some(_), false) if running < usize::from(answer.wanted) => "degraded",
            (None, Some(_), false) => "running",
        };
        let replicas = match (answer.stopped, unknown) {
            (true, _) => "0".to_owned(),
            (false, true) => "?".to_owned(),
            (false, false) => running.to_string(),
        };
        table.row([
            answer.app.clone(),
            answer.target.clone(),
            answer.release.map_or_else(dash, |id| id.to_string()),
            answer.image.clone().unwrap_or_else(dash),
            answer.since.map_or_else(dash, |at| time::ago(at, now)),
            format!("{replicas}/{}", answer.wanted),
            state.to_owned(),
        ]);
    }
    let mut text = table.text(0, colour);
    for answer in answers {
        for row in answer.replicas.iter().filter(|_| !answer.stopped) {
            text.push_str(&format!("{}/{}  {}\n", answer.app, answer.target, place(row)));
        }
        if let Some((id, step)) = &answer.unfinished {
            text.push_str(&format!("{id} interrupted at {step}; settle with: haloy settle\n"));
        }
    }
    text
}

/// Where a replica is, and whether that is as it should be.
fn place(row: &ReplicaRow) -> String {
    match (row.running, &row.address) {
        (None, _) => format!("{}: unknown, Docker does not answer", row.replica),
        (Some(false), _) => format!("{}: Docker does not run it; start it with: haloy settle", row.replica),
        (Some(true), None) => format!("{}: runs, without an address", row.replica),
        (Some(true), Some(address)) if row.differs => {
            let recorded = row.recorded.as_deref().unwrap_or("no address");
            format!("{address}  differs: the log has {recorded}; record it with: haloy settle")
        }
        (Some(true), Some(address)) => address.clone(),
    }
}
