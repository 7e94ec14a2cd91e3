//! `haloy validate-config`.

use super::Context;
use crate::args::TargetArgs;
use crate::config::{self, Asked, ConfigFile, Selection, TargetConfig};
use crate::error::{Error, Kind};
use crate::output::Reply;

/// Check the configuration file; every mistake is reported with its place.
///
/// Where Docker answers, networks and CPUs that it does not have are mistakes, too.
#[derive(Debug, clap::Args)]
pub struct ValidateConfig {
    #[command(flatten)]
    targets: TargetArgs,
    /// Print the merged result of every target, secrets as ***
    #[arg(long, visible_alias = "show-resolved-config")]
    show_resolved: bool,
}

pub(crate) async fn run(cx: &Context, args: ValidateConfig) -> Result<Reply, Error> {
    let mut targets = args.targets.clone();
    if targets.target.is_empty() {
        targets.target = vec!["*".to_owned()];
        targets.all = false;
    }
    let here = std::env::current_dir().map_err(|error| Error::new(Kind::Operational, error.to_string()))?;
    let file = ConfigFile::open_to_check(targets.config.as_deref(), &here)?;
    let named =
        file.select(&Selection { names: targets.target.clone(), all: targets.all, protected: false })?;
    file.providers.tell_waits(&cx.waits);
    let resolved = file.resolve(&named)?;
    // What another machine has is not known here.
    let own: Vec<TargetConfig> = resolved
        .iter()
        .filter(|target| target.config.server.as_deref().is_none_or(config::is_here) || args.targets.here)
        .cloned()
        .collect();
    if own.iter().any(|target| target.asked != Asked::default())
        && let Some(offer) = cx.service.offer().await
    {
        file.fit(&own, &offer)?;
    }
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
