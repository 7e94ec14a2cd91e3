//! `haloy recover`.

use super::Context;
use crate::args::MetadataArgs;
use crate::error::Error;
use crate::output::Reply;
use haloy_ledger::ledger::Recovery;

/// Rebuild what is damaged, from the copies that are whole; recorded as an event.
///
/// Each event is taken from the store or from the published copy, whichever is the one that was signed.
/// If no copies that are left make the log that was signed, nothing is changed (exit code 6).
#[derive(Debug, clap::Args)]
pub struct Recover {
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Recover) -> Result<Reply, Error> {
    let recovery = cx.service.recover((&args.why).into()).await?;
    Ok(reply(&recovery))
}

/// Message about what was rebuilt.
pub(crate) fn reply(recovery: &Recovery) -> Reply {
    let mut text = String::new();
    for fault in &recovery.faults {
        text.push_str(&format!("  {fault}\n"));
    }
    match recovery.repaired.as_slice() {
        [] => {
            text.push_str(&format!("nothing is damaged that could be rebuilt: {} events\n", recovery.after))
        }
        parts => text.push_str(&format!(
            "rebuilt: {}; {} events before, {} now, this recovery included\n",
            parts.join(", "),
            recovery.before,
            recovery.after
        )),
    }
    if recovery.lost_values > 0 {
        text.push_str(&format!("{} private values are in no copy any more\n", recovery.lost_values));
    }
    Reply::one("recovery/1", recovery, text)
}
