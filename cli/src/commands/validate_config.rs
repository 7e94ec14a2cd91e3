//! `haloy validate-config`.

use super::{Context, selected};
use crate::cli::TargetArgs;
use crate::config;
use crate::error::Error;
use crate::output::Reply;

/// Check the configuration file; every mistake is told with its place.
#[derive(Debug, clap::Args)]
pub struct ValidateConfig {
    #[command(flatten)]
    targets: TargetArgs,
    /// Print the merged result of every target, secrets as ***
    #[arg(long, visible_alias = "show-resolved-config")]
    show_resolved: bool,
}

pub(super) fn run(cx: &Context, args: ValidateConfig) -> Result<Reply, Error> {
    let mut targets = args.targets.clone();
    if targets.target.is_empty() {
        targets.target = vec!["*".to_owned()];
        targets.all = false;
    }
    let (file, named) = selected(&targets)?;
    let resolved = file.resolve(&named)?;
    for target in &resolved {
        for warning in &target.warnings {
            cx.follow.note(&format!("warning: {}/{}: {warning}", target.app, target.target));
        }
    }
    let shown: Vec<serde_json::Value> = resolved.iter().map(config::show).collect();
    let mut text = format!("{} is valid\n", file.path.display());
    if args.show_resolved {
        for target in &shown {
            text.push_str(&serde_json::to_string_pretty(target).unwrap_or_default());
            text.push('\n');
        }
    }
    Ok(Reply::list("config/1", &shown, text))
}
