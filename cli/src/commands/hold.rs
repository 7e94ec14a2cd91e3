//! `haloy hold`.

use super::{Context, keys_to_read, tag};
use crate::args::{MetadataArgs, TargetArgs};
use crate::error::{Error, Kind};
use crate::output::Reply;
use crate::output::table::Table;
use haloy_service::{HeldRow, Keep, KeepRequest};
use std::sync::Arc;

/// Hold a release: nothing of it is pruned until the hold is released. Without an id: list the holds.
///
/// For an audit, a dispute, an investigation. Say why with -m; who holds it is recorded.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy hold 01k99pmr -m \"incident 4711\"\n  haloy hold --release 01k99pmr\n  haloy hold"
)]
pub struct Hold {
    /// Release: a name, its id, a unique prefix, or `~n` of one target
    id: Option<String>,
    /// Release the hold
    #[arg(long, requires = "id")]
    release: bool,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Hold) -> Result<Reply, Error> {
    let keys = keys_to_read(cx, &args.targets).await?;
    let Some(release) = args.id else {
        let mut held = cx.service.held(keys).await?;
        held.retain(|row| row.hold);
        let text = if held.is_empty() { "nothing is held\n".to_owned() } else { table(&held, cx.colour) };
        let ids: Vec<_> = held.iter().map(|row| row.release).collect();
        return Ok(Reply::list("held/1", &held, text).ids(ids));
    };
    if !args.release && args.why.reason.as_ref().is_none_or(|reason| reason.trim().is_empty()) {
        return Err(Error::new(Kind::Usage, "a hold needs a reason").hint("add -m \"why\""));
    }
    let keep = if args.release { Keep::ReleaseHold } else { Keep::Hold };
    let request = KeepRequest { keys, release, keep, why: (&args.why).into() };
    let answer = cx.service.keep(request, Arc::clone(&cx.follow)).await?;
    let word = if args.release { "is no longer held" } else { "is held" };
    Ok(tag::reply(&answer, &format!("release {} {word}", answer.release)))
}

/// Holds and pins: by whom, and why.
pub(crate) fn table(held: &[HeldRow], colour: bool) -> String {
    let mut table = Table::new(&["RELEASE", "BY", "SINCE", "WHY"]);
    for row in held {
        let kind = if row.hold { "hold" } else { "pin" };
        let by = row.by.clone().unwrap_or_else(|| "-".to_owned());
        let reason = row.reason.clone().unwrap_or_else(|| "-".to_owned());
        table.row([row.release.to_string(), format!("{kind} of {by}"), row.at.to_string(), reason]);
    }
    table.text(2, colour)
}
