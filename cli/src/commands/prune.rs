//! `haloy prune`.

use super::{Context, keys};
use crate::cli::{TargetArgs, WhyArgs};
use crate::error::Error;
use crate::output::table::Table;
use crate::output::{Reply, words};
use crate::service::PruneAnswer;
use std::sync::Arc;

/// List artefacts that no rule keeps; --apply removes them.
///
/// A deploy prunes by itself; this is for what failed then, or for a lower count. What runs, what is
/// on its way and the last good release never go.
#[derive(Debug, clap::Args)]
pub struct Prune {
    #[command(flatten)]
    targets: TargetArgs,
    /// Remove them
    #[arg(long)]
    apply: bool,
    #[command(flatten)]
    why: WhyArgs,
}

pub(super) async fn run(cx: &Context, args: Prune) -> Result<Reply, Error> {
    let mut answers = Vec::new();
    for key in keys(&args.targets)? {
        answers.push(cx.service.prune(&key, args.apply, &(&args.why).into(), Arc::clone(&cx.follow)).await?);
    }
    let text: String = answers.iter().map(|answer| text(answer, cx.colour)).collect();
    let ids: Vec<_> = answers.iter().flat_map(|answer| &answer.artefacts).map(|row| row.release).collect();
    Ok(Reply::list("prune/1", &answers, text).ids(ids))
}

fn text(answer: &PruneAnswer, colour: bool) -> String {
    let PruneAnswer { app, target, applied, artefacts } = answer;
    if artefacts.is_empty() {
        return format!("{app}/{target}: every artefact is kept by a rule\n");
    }
    let done = if *applied { "removed" } else { "would go; remove with: haloy prune --apply" };
    let mut table = Table::new(&["RELEASE", "TAG", "SIZE", "WHY"]);
    for row in artefacts {
        let size = row.bytes.map_or("-".to_owned(), |bytes| format!("{:.1} MB", bytes as f64 / 1e6));
        table.row([row.release.to_string(), row.tag.clone(), size, words::rule(row.rule, None)]);
    }
    format!("{app}/{target}: {done}\n{}", table.text(2, colour))
}
