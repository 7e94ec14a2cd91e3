//! Options that commands share.

use crate::output::{Color, Format, progress};
use clap::Args;
use std::path::PathBuf;

/// Options of every command.
#[derive(Debug, Clone, Default, Args)]
pub struct Global {
    /// Folder of the ledger [default: /var/lib/haloy/ledger for root, else ~/.local/state/haloy/ledger]
    #[arg(long, env = crate::settings::LEDGER, value_name = "DIR", global = true, hide_env_values = true)]
    pub ledger: Option<PathBuf>,
    /// Folder of the published tree [default: `published` in the ledger]
    #[arg(long, env = crate::settings::PUBLISH, value_name = "DIR", global = true, hide_env_values = true)]
    pub publish: Option<PathBuf>,
    /// How the result is printed
    #[arg(short, long, value_enum, default_value_t, global = true)]
    pub output: Format,
    /// The same as `--output json`
    #[arg(long, global = true)]
    pub json: bool,
    /// How progress is shown on stderr
    #[arg(long, value_enum, default_value_t, global = true)]
    pub progress: progress::Mode,
    /// No progress
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// When colour is used
    #[arg(long, value_enum, default_value_t, global = true)]
    pub color: Color,
    /// Seconds to wait for another process that holds the ledger
    #[arg(long, value_name = "SECONDS", default_value_t = 30, global = true)]
    pub wait: u64,
    /// Answer every question with yes
    #[arg(short, long, global = true)]
    pub yes: bool,
    /// Vouch for a clock that is far ahead of the last event
    #[arg(long, global = true)]
    pub accept_clock: bool,
}

impl Global {
    /// How the result is printed.
    pub fn format(&self) -> Format {
        if self.json { Format::Json } else { self.output }
    }
}

/// The configuration file and which of its targets.
#[derive(Debug, Clone, Default, Args)]
pub struct TargetArgs {
    /// Configuration file, or the folder that it is in [default: haloy.yaml here or above]
    #[arg(short, long, value_name = "FILE|DIR")]
    pub config: Option<PathBuf>,
    /// Target by name or glob; repeat it or join names with commas
    #[arg(short, long, visible_alias = "targets", value_name = "NAME")]
    pub target: Vec<String>,
    /// Every target that is not protected
    #[arg(short, long, conflicts_with = "target")]
    pub all: bool,
    /// This machine stands for the `server` that the file names
    #[arg(long, env = crate::settings::HERE, value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, default_missing_value = "true", default_value = "false")]
    pub here: bool,
}

/// Why a command is given; recorded with it.
#[derive(Debug, Clone, Default, Args)]
pub struct MetadataArgs {
    /// Why; recorded, and can be erased later
    #[arg(short = 'm', long)]
    pub reason: Option<String>,
    /// Ticket or change number
    #[arg(long)]
    pub ticket: Option<String>,
    /// The same key makes the same command happen once
    #[arg(long, value_name = "KEY")]
    pub idempotency_key: Option<String>,
}

impl From<&MetadataArgs> for haloy_service::CommandMetadata {
    fn from(args: &MetadataArgs) -> Self {
        let MetadataArgs { reason, ticket, idempotency_key } = args.clone();
        Self { reason, ticket, key: idempotency_key }
    }
}
