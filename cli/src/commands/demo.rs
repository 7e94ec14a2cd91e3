//! `haloy demo`.

use super::Context;
use crate::error::Error;
use crate::output::Reply;

/// Tell the whole story on this machine.
#[derive(Debug, clap::Args)]
pub struct Demo {}

pub(super) async fn run(_cx: &Context, _args: Demo) -> Result<Reply, Error> {
    Ok(Reply::empty("demo/1", String::new()))
}
