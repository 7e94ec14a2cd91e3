//! `haloy events`.

use super::{Context, keys_to_read};
use crate::args::TargetArgs;
use crate::error::{Error, Kind};
use crate::output::table::Table;
use crate::output::{Reply, time};
use haloy_ledger::event::AnyEvent;
use haloy_service::{EventRow, EventsRequest};

/// Print the log: every event, in order, with its position.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy events -o ndjson\n  haloy events --kind DeploymentSucceeded --kind DeploymentFailed\n  haloy events --deployment 01k99pmr"
)]
pub struct Events {
    #[command(flatten)]
    targets: TargetArgs,
    /// From this position on
    #[arg(long, value_name = "POSITION", default_value_t = 0)]
    from: u64,
    /// At most this many
    #[arg(short = 'n', long)]
    limit: Option<usize>,
    /// Only this kind; repeat it for several
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Only of this deployment, by id or prefix
    #[arg(long, value_name = "ID")]
    deployment: Option<String>,
}

pub(crate) async fn run(cx: &Context, args: Events) -> Result<Reply, Error> {
    for kind in &args.kind {
        if !AnyEvent::kinds().any(|known| known.name == kind) {
            let names: Vec<&str> = AnyEvent::kinds().map(|known| known.name).collect();
            return Err(Error::new(Kind::Usage, format!("there is no kind of event `{kind}`"))
                .hint(format!("kinds are {}", names.join(", "))));
        }
    }
    // Without a target it is the whole log, whatever file lies around.
    let key = match args.targets.target.is_empty() {
        true => None,
        false => keys_to_read(cx, &args.targets).await?.and_then(|keys| keys.into_iter().next()),
    };
    let request = EventsRequest {
        from: args.from,
        limit: args.limit,
        key,
        kinds: args.kind,
        deployment: args.deployment,
    };
    let rows = cx.service.events(request).await?;
    let ids: Vec<_> = rows.iter().map(|row| row.view.event_id.clone()).collect();
    Ok(Reply::list("events/1", &rows, text(&rows, cx.colour)).ids(ids))
}

fn text(rows: &[EventRow], colour: bool) -> String {
    if rows.is_empty() {
        return "no events\n".to_owned();
    }
    let mut table = Table::new(&["POSITION", "RECORDED", "STREAM", "KIND", "BY", "WHAT"]);
    for row in rows {
        table.row([
            row.view.position.to_string(),
            time::rfc3339(row.view.recorded),
            row.view.stream.to_string(),
            row.view.kind.clone(),
            row.by.clone().unwrap_or_else(|| "-".to_owned()),
            row.sentence.clone().unwrap_or_else(|| "of a newer version".to_owned()),
        ]);
    }
    table.text(0, colour)
}
