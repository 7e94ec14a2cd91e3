//! `haloy key`.

use super::{Context, confirm};
use crate::args::MetadataArgs;
use crate::error::Error;
use crate::output::Reply;
use crate::output::table::Table;
use clap::Subcommand;
use haloy_ledger::ledger::KeyChange;
use haloy_service::KeyRow;

/// The keys of the ledger: show the public one, go to a new one, or take new ones for lost ones.
///
/// Without a subcommand: show them.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy key\n  haloy key rotate -m \"yearly\"\n  haloy key adopt -m \"disk of the key server died\""
)]
pub struct Key {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Show every key, and what signatures are checked with
    Show,
    /// Go to a new signing key; the head of that is signed by both
    Rotate {
        #[command(flatten)]
        why: MetadataArgs,
    },
    /// Take the keys that are here, and new ones for those that are missing, in place of lost ones
    Adopt {
        #[command(flatten)]
        why: MetadataArgs,
    },
}

pub(crate) async fn run(cx: &Context, args: Key) -> Result<Reply, Error> {
    match args.what.unwrap_or(What::Show) {
        What::Show => {
            let rows = cx.service.keys().await?;
            let text = table(&rows, cx.colour);
            Ok(Reply::list("keys/1", &rows, text).ids(rows.iter().map(|row| row.id.clone())))
        }
        What::Rotate { why } => Ok(changed(&cx.service.rotate_key((&why).into()).await?)),
        What::Adopt { why } => {
            let question = "Keys that are lost can never be used again after this. Are they gone for ever?";
            confirm(cx, question, None)?;
            Ok(changed(&cx.service.adopt_keys((&why).into()).await?))
        }
    }
}

fn changed(change: &KeyChange) -> Reply {
    let mut text = String::new();
    for (old, new) in change.retired.iter().zip(&change.added) {
        text.push_str(&format!("{old} is retired, {new} is valid from now on\n"));
    }
    if change.added.is_empty() {
        text.push_str("the keys here are those that the log names\n");
    }
    Reply::one("key-change/1", change, text)
}

fn table(rows: &[KeyRow], colour: bool) -> String {
    let mut table = Table::new(&["KEY", "ID", "SINCE", "UNTIL", "VERIFIER KEY"]);
    for row in rows {
        table.row([
            row.purpose.clone(),
            row.id.clone(),
            format!("#{}", row.added),
            row.retired.map_or_else(|| "-".to_owned(), |at| format!("#{at}")),
            row.verifier_key.clone().unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    table.text(0, colour)
}
