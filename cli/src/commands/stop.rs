//! `haloy stop`.

use super::{Context, confirm, keys, require_here, selected};
use crate::cli::{TargetArgs, WhyArgs};
use crate::error::Error;
use crate::output::Reply;
use std::sync::Arc;

/// Stop what runs. The release stays the current one; deploy or roll back to start again.
#[derive(Debug, clap::Args)]
pub struct Stop {
    #[command(flatten)]
    targets: TargetArgs,
    /// Also remove the containers
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    why: WhyArgs,
}

pub(super) async fn run(cx: &Context, args: Stop) -> Result<Reply, Error> {
    let (file, named) = selected(&args.targets)?;
    if let Ok(targets) = file.resolve(&named) {
        let servers: Vec<_> =
            targets.iter().map(|target| (target.target.to_string(), target.config.server.clone())).collect();
        require_here(&args.targets, &servers)?;
        for target in targets.iter().filter(|target| target.config.protected) {
            let question = format!("{}/{} is protected. Stop it?", target.app, target.target);
            confirm(cx, &question, Some(target.app.as_str()))?;
        }
    }
    let mut answers = Vec::new();
    for key in keys(&args.targets)? {
        answers.push(cx.service.stop(&key, args.remove, &(&args.why).into(), Arc::clone(&cx.follow)).await?);
    }
    Ok(Reply::list("status/1", &answers, super::status::text(&answers, cx.colour)))
}
