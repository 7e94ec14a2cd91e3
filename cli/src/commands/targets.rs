//! `haloy targets`.

use super::{Context, selecting};
use crate::args::TargetArgs;
use crate::error::Error;
use crate::output::Reply;
use crate::output::table::Table;
use std::path::PathBuf;

/// List the targets of the configuration file. Needs neither Docker nor a ledger.
///
/// What a target does now: haloy status.
#[derive(Debug, clap::Args)]
pub struct Targets {
    /// Configuration file, or the folder that it is in [default: haloy.yaml here or above]
    #[arg(short, long, value_name = "FILE|DIR")]
    config: Option<PathBuf>,
}

pub(crate) fn run(cx: &Context, args: Targets) -> Result<Reply, Error> {
    let file = selecting::open(&TargetArgs { config: args.config, ..TargetArgs::default() })?;
    let listed = file.list();
    let mut table = Table::new(&["NAME", "SERVER", "DOMAINS", "REPLICAS", "PROTECTED"]);
    for target in &listed {
        table.row([
            target.target.clone(),
            target.server.clone().unwrap_or_else(|| "-".to_owned()),
            if target.domains.is_empty() { "-".to_owned() } else { target.domains.join(", ") },
            target.replicas.to_string(),
            if target.protected { "yes" } else { "no" }.to_owned(),
        ]);
    }
    Ok(Reply::list("config-targets/1", &listed, table.text(0, cx.colour)))
}
