//! `haloy logs`.

use super::{Context, keys};
use crate::cli::TargetArgs;
use crate::error::{Error, Kind};
use crate::output::{Reply, foreign};
use crate::service::LogsRequest;
use std::io::{IsTerminal, Write};

/// Print what the containers of a target wrote. Opens no ledger.
#[derive(Debug, clap::Args)]
pub struct Logs {
    #[command(flatten)]
    targets: TargetArgs,
    /// Go on with what is written from now on
    #[arg(short, long)]
    follow: bool,
    /// Last lines of each replica
    #[arg(short = 'n', long, default_value_t = 100)]
    tail: u32,
    /// With Docker's timestamps
    #[arg(long)]
    timestamps: bool,
}

pub(super) async fn run(cx: &Context, args: Logs) -> Result<Reply, Error> {
    let keys = keys(&args.targets)?;
    let [key] = keys.as_slice() else {
        return Err(Error::new(Kind::Usage, "logs are of one target").hint("name one with --target"));
    };
    let request = LogsRequest {
        key: key.clone(),
        tail: Some(args.tail),
        follow: args.follow,
        timestamps: args.timestamps,
    };
    // In a pipe it is what the app wrote, as it wrote it.
    let terminal = std::io::stdout().is_terminal();
    let mut each = |line: haloy_executors::LogLine| {
        // A reader that went away ends a pipe as it always does.
        let text = if terminal { foreign::log_line(&line.line) } else { line.line.as_str().into() };
        if writeln!(std::io::stdout(), "{} | {text}", line.replica.index + 1).is_err() {
            std::process::exit(0);
        }
    };
    let found = cx.service.logs(request, &mut each).await?;
    if found == 0 {
        return Err(Error::new(Kind::Operational, format!("{key} has no containers")).hint("haloy status"));
    }
    Ok(Reply::empty("logs/1", String::new()))
}
