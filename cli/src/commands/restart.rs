//! `haloy restart`.

use super::{Context, answered, keys_known, stop};
use crate::args::{MetadataArgs, TargetArgs};
use crate::error::Error;
use crate::output::Reply;
use haloy_service::RestartRequest;
use std::sync::Arc;

/// Restart what runs, one replica after the other, in the same containers and with the values that they were
/// started with. Behind the edge a replica gets no requests while it restarts, and the next one waits until it
/// is healthy: with two or more, none is lost. Where only one runs, there is a gap until it is healthy again; a
/// rolling `haloy deploy` has none.
#[derive(Debug, clap::Args)]
pub struct Restart {
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Restart) -> Result<Reply, Error> {
    let keys = keys_known(cx, &args.targets).await?;
    stop::agreed(cx, &args.targets, &keys, "Restart it?")?;
    let mut done = Vec::new();
    for key in keys {
        // A target that cannot be restarted does not keep the others from it.
        let request = RestartRequest { key, why: (&args.why).into() };
        done.push(cx.service.restart(request, Arc::clone(&cx.follow)).await);
    }
    let (answers, code) = answered(done)?;
    Ok(Reply::list("status/1", &answers, super::status::text(&answers, cx.colour)).exit(code))
}
