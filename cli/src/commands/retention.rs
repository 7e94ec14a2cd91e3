//! `haloy retention`.

use super::{Context, keys_to_read};
use crate::args::TargetArgs;
use crate::error::Error;
use crate::machine;
use crate::output::{Reply, time, words};
use haloy_ledger::release::HistoryStrategy;
use haloy_service::{WhatIfAnswer, WhatIfRequest};
use std::time::Duration;

/// See the effect of another retention before it is in force.
#[derive(Debug, clap::Args)]
pub struct Retention {
    #[command(subcommand)]
    command: RetentionCommand,
}

#[derive(Debug, clap::Subcommand)]
enum RetentionCommand {
    WhatIf(WhatIf),
}

/// What would be restorable with another count or strategy, what would be saved, and which rollbacks
/// of the past would have failed.
///
/// Changes nothing. The answer is for the moment after the next deploy, which is when a changed
/// `history` applies: what runs now takes the first place then.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy retention what-if --count 2\n  haloy retention what-if --count 10 --strategy registry --over 365d"
)]
struct WhatIf {
    /// Earlier releases kept
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=1000))]
    count: u16,
    /// Strategy [default: the one in force]
    #[arg(long, value_enum)]
    strategy: Option<Strategy>,
    /// How far back past rollbacks are tried: `180d`, `12h`
    #[arg(long, default_value = "180d", value_parser = duration)]
    over: Duration,
    #[command(flatten)]
    targets: TargetArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Strategy {
    Local,
    Registry,
    None,
}

fn duration(text: &str) -> Result<Duration, String> {
    let error = || format!("`{text}` must be a number and d, h, m or s, like 180d");
    let unit = text.chars().last().ok_or_else(error)?;
    let number: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| error())?;
    let seconds = match unit {
        'd' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _other => return Err(error()),
    };
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(error)
}

pub(crate) async fn run(cx: &Context, args: Retention) -> Result<Reply, Error> {
    let RetentionCommand::WhatIf(args) = args.command;
    let keys = keys_to_read(cx, &args.targets).await?;
    let strategy = args.strategy.map(|strategy| match strategy {
        Strategy::Local => HistoryStrategy::Local,
        Strategy::Registry => HistoryStrategy::Registry,
        Strategy::None => HistoryStrategy::None,
    });
    let request = WhatIfRequest { count: args.count, strategy, over: args.over };
    let answers = cx.service.what_if(keys, request).await?;
    let mut text: String = answers.iter().map(text).collect();
    if answers.is_empty() {
        "nothing was ever deployed here\n".clone_into(&mut text);
    }
    let ids: Vec<_> = answers.iter().flat_map(|answer| &answer.keeps).map(|row| row.release).collect();
    Ok(Reply::list("retention-what-if/1", &answers, text).ids(ids))
}

fn text(answer: &WhatIfAnswer) -> String {
    let WhatIfAnswer { app, target, strategy, count, keeps, drops, past, .. } = answer;
    let now = answer.now.as_ref().map(|now| format!(" (now {} {})", now.strategy, now.count));
    let mut text = format!("{app}/{target}: {strategy} {count}{}\n", now.unwrap_or_default());
    let mut list = |what: &str, rows: &[haloy_service::WhatIfRow]| {
        text.push_str(&format!("  {what}: {}\n", rows.len()));
        for row in rows {
            text.push_str(&format!("    {}  {}\n", row.release, row.image));
        }
    };
    list("restorable after the next deploy", keeps);
    list("no longer restorable", drops);
    if let Some(bytes) = answer.bytes {
        text.push_str(&format!("  saves {} on the engine\n", words::bytes(bytes)));
    }
    let failed: Vec<_> = past.iter().filter(|past| !past.possible).collect();
    text.push_str(&format!("  past rollbacks that would have failed: {} of {}\n", failed.len(), past.len()));
    let clock = machine::now();
    for past in failed {
        let ago = time::ago(past.at, clock);
        text.push_str(&format!(
            "    {}  {ago}, to release {} ({})\n",
            past.deployment, past.release, past.position
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_a_number_and_a_unit() {
        assert_eq!(duration("180d"), Ok(Duration::from_secs(180 * 86_400)));
        assert_eq!(duration("90s"), Ok(Duration::from_secs(90)));
        for text in ["", "d", "1w", "-1d", "1.5h", "99999999999999999d"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }
}
