//! `haloy rollback-targets`.

use super::{Context, keys_meant, keys_to_read};
use crate::args::TargetArgs;
use crate::error::Error;
use crate::machine;
use crate::output::table::Table;
use crate::output::{Reply, time, words};
use haloy_ledger::ids::Timestamp;
use haloy_ledger::read::{SameAs, Verdict};
use haloy_ledger::release::HistoryStrategy;
use haloy_service::{CheckRequest, CommandMetadata, TargetRow, TargetsAnswer};

/// List what can be rolled back to, newest first, and the release that runs.
///
/// --explain adds every deployment that cannot be restored, why, and the event that made it so.
/// The answer comes from the record; --check looks at engine and registries first.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy rollback-targets\n  haloy rollback-targets --target production --explain\n  haloy rollback $(haloy rollback-targets -o id | head -1)"
)]
pub struct RollbackTargets {
    #[command(flatten)]
    targets: TargetArgs,
    /// Also what is not restorable, why, and what would make it so
    #[arg(long)]
    explain: bool,
    /// Ask the engine and the registries first, and record what changed
    #[arg(long)]
    check: bool,
}

pub(crate) async fn run(cx: &Context, args: RollbackTargets) -> Result<Reply, Error> {
    let keys = if args.check {
        let keys = keys_meant(cx, &args.targets).await?;
        let request = CheckRequest { keys: keys.clone(), why: CommandMetadata::default() };
        cx.service.check(request, std::sync::Arc::clone(&cx.follow)).await?;
        Some(keys)
    } else {
        keys_to_read(cx, &args.targets).await?
    };
    let answers = cx.service.rollback_targets(keys, args.explain).await?;
    let texts: Vec<String> = answers.iter().map(|answer| text(answer, args.explain, cx.colour)).collect();
    let ids: Vec<_> = answers.iter().flat_map(ready).map(|row| row.id).collect();
    let text = if texts.is_empty() { "nothing was ever deployed here".to_owned() } else { texts.join("\n") };
    Ok(Reply::list("rollback-targets/1", &answers, text).ids(ids))
}

fn ready(answer: &TargetsAnswer) -> impl Iterator<Item = &TargetRow> {
    answer.releases.iter().filter(|row| row.verdict == Verdict::Ready)
}

fn text(answer: &TargetsAnswer, explain: bool, colour: bool) -> String {
    let keeps = match (answer.strategy, answer.count) {
        (Some(HistoryStrategy::None), _) => " · none, keeps nothing restorable".to_owned(),
        (Some(strategy), Some(count)) => format!(" · {strategy}, keeps {count}"),
        (_, _) => String::new(),
    };
    let mut text = format!("{} · {}{keeps}\n", answer.app, answer.target);
    let now = machine::now();
    let mut table = Table::new(&["DEPLOYMENT", "VERSION", "DEPLOYED", "BY", "STATUS"]);
    for row in &answer.releases {
        let status = match &row.verdict {
            Verdict::Current => format!("current{}", marks(row)),
            Verdict::Ready if row.default => format!("ready     default{}", marks(row)),
            Verdict::Ready if row.same == Some(SameAs::Current) => {
                format!("ready     same as current{}", marks(row))
            }
            Verdict::Ready if row.same == Some(SameAs::Left) => {
                format!("ready     same as what was left{}", marks(row))
            }
            Verdict::Ready => format!("ready{}{}", left(row), marks(row)),
            Verdict::NotRestorable(_) if !explain => continue,
            Verdict::NotRestorable(why) => format!("not restorable: {}", words::why(why)),
        };
        let by = row.by.clone().unwrap_or_else(|| "-".to_owned());
        table.row([row.id.to_string(), row.version.clone(), time::ago(row.at, now), by, status]);
    }
    if answer.deployments == 0 {
        text.push_str("  nothing was ever deployed to this target; begin with: haloy deploy\n");
        return text;
    }
    if !answer.releases.is_empty() {
        text.push_str(&table.text(2, colour));
    }
    let default = answer.releases.iter().find(|row| row.default);
    let other = || ready(answer).find(|row| row.same.is_none());
    match (default.or_else(other), ready(answer).next()) {
        (Some(row), _) => text.push_str(&format!("rollback with:  haloy rollback {}\n", row.id)),
        (None, Some(_)) => {
            text.push_str("no rollback without an id: all that can be restored is the same as what runs\n");
        }
        (None, None) => text.push_str(&empty(answer, explain)),
    }
    text.push_str(&checked(answer, now));
    if explain {
        let mut remedies: Vec<&str> = answer
            .releases
            .iter()
            .filter_map(|row| match &row.verdict {
                Verdict::NotRestorable(why) => Some(words::remedy(why)),
                Verdict::Current | Verdict::Ready => None,
            })
            .collect();
        remedies.sort_unstable();
        remedies.dedup();
        for remedy in remedies {
            text.push_str(&format!("to restore one of them:  {remedy}\n"));
        }
    }
    text
}

/// Names, pins and holds, and what is known of its registry.
fn marks(row: &TargetRow) -> String {
    let names = row.names.iter().map(ToString::to_string);
    let word = |is: bool, word: &str| is.then(|| word.to_owned());
    let moved = row.moved.as_ref().map(|moved| match &moved.now {
        Some(now) => format!("tag moved to {} ({})", now.short(), moved.at),
        None => format!("tag gone ({})", moved.at),
    });
    let unknown =
        row.unanswered.as_ref().map(|(at, cause)| format!("registry did not answer: {cause} ({at})"));
    let marks: Vec<String> = names
        .chain(word(row.pinned, "pinned"))
        .chain(word(row.held, "held"))
        .chain(moved)
        .chain(unknown)
        .collect();
    if marks.is_empty() { String::new() } else { format!("     {}", marks.join(", ")) }
}

/// Time of the last check; what an engine or registry lost since is not known.
fn checked(answer: &TargetsAnswer, now: Timestamp) -> String {
    let checked = answer.releases.iter().filter_map(|row| row.checked).max();
    match checked {
        Some(at) => format!("images last looked for {}; look again with --check\n", time::ago(at, now)),
        None => String::new(),
    }
}

fn left(row: &TargetRow) -> String {
    match &row.left {
        Some((at, Some(reason))) => format!("     left at {at}: {reason}"),
        Some((at, None)) => format!("     left at {at}"),
        None => String::new(),
    }
}

/// Why there is nothing to roll back to, and what to change.
fn empty(answer: &TargetsAnswer, explain: bool) -> String {
    let good = answer.releases.iter().filter(|row| matches!(row.verdict, Verdict::Current)).count();
    match answer.strategy {
        Some(HistoryStrategy::None) => {
            "no rollback targets: history strategy is none; set `history.strategy: local` and deploy\n"
                .to_owned()
        }
        _ if good > 0 && answer.deployments == 1 => {
            "no rollback targets: only one release was ever deployed; the next one makes this one a target\n"
                .to_owned()
        }
        _ if explain => "no rollback targets\n".to_owned(),
        _ => "no rollback targets: see why with --explain\n".to_owned(),
    }
}
