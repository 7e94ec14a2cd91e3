//! `haloy stop`.

use super::{Context, answered, confirm, file_if_there, key, keys_known, pass};
use crate::args::{MetadataArgs, TargetArgs};
use crate::config::Named;
use crate::error::Error;
use crate::output::{Reply, words};
use haloy_ledger::ids::TargetKey;
use haloy_service::StopRequest;
use std::sync::Arc;

/// Stop what runs. The release stays the current one; deploy or roll back to start again.
#[derive(Debug, clap::Args)]
pub struct Stop {
    #[command(flatten)]
    targets: TargetArgs,
    /// Also remove the containers; volumes stay
    #[arg(short, long, visible_alias = "remove-containers")]
    remove: bool,
    /// Also remove the containers, and with them the volumes that haloy made, with their data. A volume that
    /// `volumes:` names is never removed
    #[arg(long)]
    remove_volumes: bool,
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Stop) -> Result<Reply, Error> {
    let keys = keys_known(cx, &args.targets).await?;
    agreed(cx, &args.targets, &keys, "Stop it?")?;
    let mut done = Vec::new();
    for key in keys {
        let volumes = if args.remove_volumes { volumes(cx, &key).await? } else { Vec::new() };
        let (remove, why) = (args.remove || args.remove_volumes, (&args.why).into());
        let request = StopRequest { key, remove, volumes, why };
        // A target that cannot be stopped does not keep the others running.
        done.push(cx.service.stop(request, Arc::clone(&cx.follow)).await);
    }
    let (answers, code) = answered(done)?;
    Ok(Reply::list("status/1", &answers, super::status::text(&answers, cx.colour)).exit(code))
}

/// Asks for confirmation of protected targets, and of those that no file names any more.
pub(crate) fn agreed(
    cx: &Context,
    args: &TargetArgs,
    keys: &[TargetKey],
    question: &str,
) -> Result<(), Error> {
    let mut unnamed: Vec<&TargetKey> = keys.iter().collect();
    if let Some(file) = file_if_there(args)? {
        let named: Vec<Named> = file.names().into_iter().filter(|named| is_among(named, keys)).collect();
        unnamed.retain(|key| !named.iter().any(|named| is_among(named, std::slice::from_ref(key))));
        pass(cx, args, &file.guards(&named), question)?;
    }
    for key in unnamed {
        confirm(cx, &format!("{key} is in no configuration file here. {question}"), None)?;
    }
    Ok(())
}

fn is_among(named: &Named, keys: &[TargetKey]) -> bool {
    key(named).is_ok_and(|key| keys.contains(&key))
}

/// Names of the volumes to remove, after they were shown and confirmed.
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
