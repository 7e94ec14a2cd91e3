//! `haloy tag`.

use super::{Context, confirm, keys_to_read};
use crate::args::{MetadataArgs, TargetArgs};
use crate::error::{Error, Kind, code};
use crate::output::Reply;
use crate::output::table::Table;
use haloy_ledger::ids::{ReleaseName, TargetKey};
use haloy_service::{Keep, KeepRequest, KeptAnswer, TagRequest, TargetRow, UntagRequest};
use serde::Serialize;
use std::sync::Arc;

/// Give releases names (`stable`, `v2.6`), pin them, or list what has a name or a pin.
///
/// A name works wherever an id does: `haloy rollback stable`. It becomes a tag on the engine, where the image
/// is there, and with --push in the registry, without moving a layer. A name that another release has moves
/// only after a confirmation; every move is recorded. A pinned release is kept whatever `history.count` says.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy tag                         list names and pins\n  haloy tag 01k99pmr stable         name a release\n  haloy tag 01k99pmr v2.6 --push    in the registry, too\n  haloy tag --pin stable            keep it whatever the count says\n  haloy tag --remove stable"
)]
pub struct Tag {
    /// Release: a name, its id, a unique prefix, or `~n` of one target
    id: Option<String>,
    /// Name to give it
    name: Option<String>,
    /// Keep the release whatever the count is
    #[arg(long, requires = "id", conflicts_with = "unpin")]
    pin: bool,
    /// Keep the release by the count only
    #[arg(long, requires = "id")]
    unpin: bool,
    /// Take a name away
    #[arg(long, value_name = "NAME", conflicts_with_all = ["id", "name", "pin", "unpin"])]
    remove: Option<String>,
    /// In the registry, too; with --remove only if no other tag has the same image there
    #[arg(long)]
    push: bool,
    #[command(flatten)]
    targets: TargetArgs,
    #[command(flatten)]
    why: MetadataArgs,
}

#[derive(Serialize)]
struct Named {
    app: String,
    target: String,
    #[serde(flatten)]
    release: TargetRow,
}

pub(crate) async fn run(cx: &Context, args: Tag) -> Result<Reply, Error> {
    let keys = keys_to_read(cx, &args.targets).await?;
    if let Some(name) = &args.remove {
        let (name, push, why) = (release_name(name)?, args.push, (&args.why).into());
        let request = UntagRequest { keys, name: name.clone(), push, why };
        let answer = cx.service.untag(request, Arc::clone(&cx.follow)).await?;
        return Ok(reply(&answer, &format!("{name} is no longer a name of release {}", answer.release)));
    }
    let Some(id) = args.id.clone() else { return list(cx, keys).await };
    let mut answer = None;
    if let Some(name) = &args.name {
        let (release, push, why) = (id.clone(), args.push, (&args.why).into());
        let request = TagRequest { keys: keys.clone(), release, name: release_name(name)?, push, why };
        answer = Some(give(cx, request).await?);
    }
    if args.pin || args.unpin {
        let keep = if args.pin { Keep::Pin } else { Keep::Unpin };
        let request = KeepRequest { keys, release: id.clone(), keep, why: (&args.why).into() };
        let pinned = cx.service.keep(request, Arc::clone(&cx.follow)).await?;
        let word = if args.pin { "is pinned" } else { "is no longer pinned" };
        let reply = reply(&pinned, &format!("release {} {word}", pinned.release));
        return Ok(reply);
    }
    let nothing = || {
        Error::new(Kind::Usage, format!("there is nothing to do with release `{id}`"))
            .hint("give it a name (`haloy tag ID NAME`), or add --pin or --unpin")
    };
    let answer = answer.ok_or_else(nothing)?;
    let name = args.name.as_deref().unwrap_or_default();
    Ok(reply(&answer, &format!("{name} is release {}", answer.release)))
}

async fn give(cx: &Context, request: TagRequest) -> Result<KeptAnswer, Error> {
    let preview = cx.service.tag_preview(&request).await?;
    if let Some(before) = preview.before {
        let (name, after) = (&request.name, preview.release);
        confirm(cx, &format!("`{name}` moves from release {before} to {after}. Go on?"), None)?;
    }
    cx.service.tag(request, Arc::clone(&cx.follow)).await
}

fn release_name(text: &str) -> Result<ReleaseName, Error> {
    ReleaseName::new(text).map_err(|error| Error::new(Kind::Usage, error.to_string()))
}

/// What was recorded; exit 1 where the engine or the registry could not be brought to it.
pub(crate) fn reply(answer: &KeptAnswer, said: &str) -> Reply {
    let mut text = format!("{}/{}: {said}\n", answer.app, answer.target);
    if !answer.changed {
        text = format!("{}/{}: {said} already\n", answer.app, answer.target);
    }
    for failed in &answer.failed {
        text.push_str(&format!(
            "  recorded, but not carried out: {failed}\n  give the command again to try again\n"
        ));
    }
    let exit = if answer.failed.is_empty() { 0 } else { code(Kind::Operational) };
    Reply::list("kept/1", std::slice::from_ref(answer), text).ids(vec![answer.release]).exit(exit)
}

async fn list(cx: &Context, keys: Option<Vec<TargetKey>>) -> Result<Reply, Error> {
    let mut rows = Vec::new();
    let mut table = Table::new(&["TARGET", "NAME", "RELEASE", "IMAGE", "KEPT BY"]);
    for answer in cx.service.rollback_targets(keys, true).await? {
        let key = format!("{}/{}", answer.app, answer.target);
        for release in answer.releases {
            if release.names.is_empty() && !release.pinned {
                continue;
            }
            let names: Vec<String> = release.names.iter().map(ToString::to_string).collect();
            let kept = match (release.pinned, release.held) {
                (true, true) => "pin, hold",
                (true, false) => "pin",
                (false, true) => "hold",
                (false, false) => "count",
            };
            let names = if names.is_empty() { "-".to_owned() } else { names.join(", ") };
            table.row([key.clone(), names, release.id.to_string(), release.image.clone(), kept.to_owned()]);
            rows.push(Named { app: answer.app.clone(), target: answer.target.clone(), release });
        }
    }
    let ids: Vec<_> = rows.iter().map(|row| row.release.id).collect();
    let text = if rows.is_empty() {
        "no release has a name or a pin\n".to_owned()
    } else {
        table.text(0, cx.colour)
    };
    Ok(Reply::list("names/1", &rows, text).ids(ids))
}
