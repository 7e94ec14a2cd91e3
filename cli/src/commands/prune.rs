//! `haloy prune`.

use super::{Context, answered, hold, keys_meant};
use crate::args::{MetadataArgs, TargetArgs};
use crate::error::{Error, Kind, code};
use crate::output::table::Table;
use crate::output::{Reply, words};
use haloy_service::{PruneAnswer, PruneRequest, VolumeRow};
use std::sync::Arc;

/// List artefacts that no rule keeps, and volumes that nothing uses; --apply removes them.
///
/// A deploy prunes images by itself, never volumes; this is for what failed then, or for a lower count. What
/// runs or is being deployed, the last good release and what is pinned or held is never removed. Without a
/// configuration file: every target of the ledger.
#[derive(Debug, clap::Args)]
pub struct Prune {
    #[command(flatten)]
    targets: TargetArgs,
    /// Remove them
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    why: MetadataArgs,
}

/// Remove what `haloy prune` lists, as Haloy (Go) spells it: --yes removes, without it nothing is.
#[derive(Debug, clap::Args)]
pub struct PruneImages {
    #[command(flatten)]
    targets: TargetArgs,
    /// Releases that stay, the current one among them; it must be what the target keeps anyway
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    keep: Option<i64>,
    #[command(flatten)]
    why: MetadataArgs,
}

/// `prune`, where the number of what stays is the target's own: another one would make releases unrestorable that
/// its configuration keeps.
pub(crate) async fn images(cx: &Context, args: PruneImages) -> Result<Reply, Error> {
    let PruneImages { targets, keep, why } = args;
    // -1 stands for what the target keeps.
    if let Some(keep) = keep.filter(|keep| *keep != -1) {
        let keys = keys_meant(cx, &targets).await?;
        let kept = cx.service.rollback_targets(Some(keys.clone()), false).await?;
        for (key, kept) in keys.iter().zip(kept) {
            let Some(count) = kept.count else { continue };
            if keep != i64::from(count) + 1 {
                let message = format!(
                    "{key}: --keep {keep} is not what the target keeps, the current release and {count} before it"
                );
                let wanted = (keep - 1).max(1);
                let hint = format!(
                    "write `history: {{count: {wanted}}}` and deploy; what that costs: haloy retention what-if --count {wanted}"
                );
                return Err(Error::new(Kind::Usage, message).hint(hint));
            }
        }
    }
    run(cx, Prune { targets, apply: cx.global.yes, why }).await
}

pub(crate) async fn run(cx: &Context, args: Prune) -> Result<Reply, Error> {
    let mut done = Vec::new();
    for key in keys_meant(cx, &args.targets).await? {
        let request = PruneRequest { key, apply: args.apply, why: (&args.why).into() };
        done.push(cx.service.prune(request, Arc::clone(&cx.follow)).await);
    }
    let (answers, common) = answered(done)?;
    let mut text: String = answers.iter().map(|answer| text(answer, cx.colour)).collect();
    if answers.is_empty() && common == 0 {
        "nothing was ever deployed here\n".clone_into(&mut text);
    }
    let ids: Vec<_> = answers.iter().flat_map(|answer| &answer.artefacts).map(|row| row.release).collect();
    let stay = answers.iter().flat_map(|answer| &answer.volumes).any(|row| row.stays);
    let exit = if stay { code(Kind::Partial) } else { common };
    Ok(Reply::list("prune/1", &answers, text).ids(ids).exit(exit))
}

fn text(answer: &PruneAnswer, colour: bool) -> String {
    let PruneAnswer { app, target, applied, artefacts, volumes, bytes, held } = answer;
    let kept = match held.is_empty() {
        true => String::new(),
        false => format!("{app}/{target}: pinned or held\n{}", hold::table(held, colour)),
    };
    if artefacts.is_empty() && volumes.is_empty() {
        return format!("{app}/{target}: every artefact is kept by a rule\n{kept}");
    }
    let done = if *applied { "removed" } else { "would go; remove with: haloy prune --apply" };
    let mut text = String::new();
    if !artefacts.is_empty() {
        let mut table = Table::new(&["RELEASE", "TAG", "GIVES BACK", "WHY"]);
        for row in artefacts {
            let size = row.bytes.map_or("-".to_owned(), words::bytes);
            table.row([row.release.to_string(), row.tag.clone(), size, words::rule(row.rule, None)]);
        }
        let total =
            bytes.map(|bytes| format!("  in all {}, shared layers counted once\n", words::bytes(bytes)));
        text = format!("{app}/{target}: {done}\n{}{}", table.text(2, colour), total.unwrap_or_default());
    }
    if !volumes.is_empty() {
        text.push_str(&format!("{app}/{target}: volumes that no container uses, with their data: {done}\n"));
        text.push_str(&volume_table(volumes).text(2, colour));
    }
    text + &kept
}

fn volume_table(volumes: &[VolumeRow]) -> Table {
    let mut table = Table::new(&["VOLUME", "PATH", "DEPLOYMENT", "GIVES BACK", ""]);
    for row in volumes {
        let size = row.bytes.map_or("-".to_owned(), words::bytes);
        let stays = if row.stays { "stays: it is in use" } else { "" };
        let (volume, path) = (row.volume.clone(), row.path.clone());
        table.row([volume, path, row.deployment.to_string(), size, stays.to_owned()]);
    }
    table
}
