//! `haloy backup` and `haloy restore`.

use super::{Context, confirm, recover};
use crate::args::MetadataArgs;
use crate::error::Error;
use crate::output::Reply;
use haloy_service::{BackupRequest, RestoreRequest};
use std::path::PathBuf;

/// Copy the ledger into a folder, while it is in use, and verify the copy.
///
/// Events, private values and the encrypted vault, up to the newest published head. The keys are not in
/// it: copy their folder to another place. Given the same folder again, only what is new is copied.
#[derive(Debug, clap::Args)]
pub struct Backup {
    /// Folder to copy into
    dir: PathBuf,
}

pub(crate) async fn run(cx: &Context, args: Backup) -> Result<Reply, Error> {
    let answer = cx.service.backup(BackupRequest { into: args.dir.clone() }).await?;
    let text = format!(
        "{} events in {}, verified; root {}; {} files copied\n",
        answer.entries,
        args.dir.display(),
        answer.root,
        answer.copied
    );
    Ok(Reply::one("backup/1", &answer, text))
}

/// Put a backup in the place of the ledger, or where there is none; recorded as an event.
///
/// The backup is verified against its own head first. A backup that is older than what was signed here is
/// refused, unless --older is given; the loss is then recorded.
#[derive(Debug, clap::Args)]
pub struct Restore {
    /// Folder of the backup
    dir: PathBuf,
    /// Also if the backup is older than what was signed here
    #[arg(long)]
    older: bool,
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn restore(cx: &Context, args: Restore) -> Result<Reply, Error> {
    if args.older {
        confirm(cx, "Events that are not in the backup are lost.", None)?;
    }
    let request = RestoreRequest { from: args.dir, older: args.older, why: (&args.why).into() };
    let recovery = cx.service.restore(request).await?;
    Ok(recover::reply(&recovery))
}
