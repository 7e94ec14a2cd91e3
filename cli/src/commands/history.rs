//! `haloy history`.

use super::{Context, keys_to_read};
use crate::args::TargetArgs;
use crate::error::Error;
use crate::machine;
use crate::output::table::Table;
use crate::output::{Reply, time, words};
use haloy_service::HistoryRow;

/// List every deployment, failed ones too: who, when, why, what, and how it ended.
#[derive(Debug, clap::Args)]
pub struct History {
    #[command(flatten)]
    targets: TargetArgs,
    /// Most deployments listed
    #[arg(short = 'n', long, default_value_t = 50)]
    limit: usize,
}

pub(crate) async fn run(cx: &Context, args: History) -> Result<Reply, Error> {
    let rows = cx.service.history(keys_to_read(cx, &args.targets).await?, args.limit).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    Ok(Reply::list("history/1", &rows, text(&rows, cx.colour)).ids(ids))
}

fn text(rows: &[HistoryRow], colour: bool) -> String {
    if rows.is_empty() {
        return "nothing was ever deployed here; begin with: haloy deploy".to_owned();
    }
    let now = machine::now();
    let mut table = Table::new(&["DEPLOYMENT", "TARGET", "WHAT", "WHEN", "BY", "OUTCOME", "TOOK", "WHY"]);
    for row in rows {
        let what = if row.rollback { format!("rollback to {}", row.release) } else { row.image.clone() };
        let outcome = match (row.ending, &row.cause) {
            (Some(ending), Some(cause)) => format!("{}: {cause}", words::ending(ending)),
            (Some(ending), None) => words::ending(ending).to_owned(),
            (None, _) => "unfinished".to_owned(),
        };
        let dash = || "-".to_owned();
        table.row([
            row.id.to_string(),
            format!("{}/{}", row.app, row.target),
            what,
            time::ago(row.at, now),
            row.by.clone().unwrap_or_else(dash),
            outcome,
            row.took_ms.map_or_else(dash, time::took),
            row.reason.clone().unwrap_or_else(dash),
        ]);
    }
    table.text(0, colour)
}
