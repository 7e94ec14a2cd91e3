//! `haloy replay`.

use super::Context;
use crate::error::{Error, Kind, code};
use crate::output::{Reply, time};

/// Rebuild every read model from the log, and compare it byte for byte with the one in use.
///
/// Ends with exit code 6 if anything differs.
#[derive(Debug, clap::Args)]
pub struct Replay {}

pub(crate) async fn run(cx: &Context, _args: Replay) -> Result<Reply, Error> {
    let answer = cx.service.replay().await?;
    let mut text = format!(
        "replayed {} events into {} rows in {}: {}\n  digest {}\n",
        answer.events,
        answer.rows,
        time::took(answer.took_ms),
        if answer.differences.is_empty() { "every row is the same" } else { "rows differ" },
        answer.digest
    );
    for difference in &answer.differences {
        text.push_str(&format!("  {difference}\n"));
    }
    let code = if answer.differences.is_empty() { 0 } else { code(Kind::Verification) };
    Ok(Reply::one("replay/1", &answer, text).exit(code))
}
