//! `haloy checkpoint`.

use super::Context;
use crate::error::Error;
use crate::output::Reply;

/// Print the newest signed head: name, number of events, root, signature (a C2SP checkpoint).
///
/// Anybody who keeps it can later check whether the log still begins with the same entries: `haloy verify
/// --against FILE`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  haloy checkpoint > checkpoint-of-march")]
pub struct Checkpoint {}

pub(crate) async fn run(cx: &Context, _args: Checkpoint) -> Result<Reply, Error> {
    let answer = cx.service.checkpoint().await?;
    let text = answer.checkpoint.clone();
    Ok(Reply::one("checkpoint/1", &answer, text))
}
