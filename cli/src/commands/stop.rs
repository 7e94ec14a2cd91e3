//! `haloy stop`.

use super::{Context, confirm, keys, require_here, selected};
use crate::cli::{TargetArgs, WhyArgs};
use crate::error::Error;
use crate::output::{Reply, words};
use crate::service::StopRequest;
use haloy_executors::TargetKey;
use std::sync::Arc;

/// Stop what runs. The release stays the current one; deploy or roll back to start again.
#[derive(Debug, clap::Args)]
pub struct Stop {
    #[command(flatten)]
    targets: TargetArgs,
    /// Also remove the containers; volumes stay
    #[arg(long)]
    remove: bool,
    /// Also remove the containers, and with them the volumes that haloy made, with their data. A volume that
    /// `volumes:` names is never removed
    #[arg(long)]
    remove_volumes: bool,
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
        let volumes = if args.remove_volumes { volumes(cx, &key).await? } else { Vec::new() };
        let request = StopRequest { key, remove: args.remove || args.remove_volumes, volumes };
        answers.push(cx.service.stop(request, &(&args.why).into(), Arc::clone(&cx.follow)).await?);
    }
    Ok(Reply::list("status/1", &answers, super::status::text(&answers, cx.colour)))
}

/// Names of the volumes that go, after somebody has seen them and agreed.
async fn volumes(cx: &Context, key: &TargetKey) -> Result<Vec<String>, Error> {
    let rows = cx.service.volumes(key).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    for row in &rows {
        let size = row.bytes.map(|bytes| format!(", {}", words::bytes(bytes))).unwrap_or_default();
        cx.follow.note(&format!("{key}: volume {} of {}{size}", row.volume, row.path));
    }
    let names: Vec<String> = rows.into_iter().map(|row| row.volume).collect();
    let count = words::count(names.len(), "volume");
    let question = format!("{key}: this removes {count} with all data: {}. Go on?", names.join(", "));
    confirm(cx, &question, Some(key.app.as_str()))?;
    Ok(names)
}
