//! `haloy settle`.

use super::{Context, deploy};
use crate::args::MetadataArgs;
use crate::error::Error;
use crate::output::Reply;
use std::sync::Arc;

/// End what a crash left unfinished: look at what is really there, and go on or back.
///
/// Also starts again what should run and does not, and records where replicas are that were started again by
/// others. A command that changes something does this first, for its own targets.
#[derive(Debug, clap::Args)]
pub struct Settle {
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Settle) -> Result<Reply, Error> {
    let answers = cx.service.settle((&args.why).into(), Arc::clone(&cx.follow)).await?;
    if answers.is_empty() {
        return Ok(Reply::empty("deployments/1", "nothing was unfinished".to_owned()));
    }
    Ok(deploy::reply(&answers))
}
