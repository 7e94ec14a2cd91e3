//! `haloy rollback`.

use super::{Context, confirm, deploy, key, pass, selected};
use crate::args::{MetadataArgs, TargetArgs};
use crate::config::{Providers, ask_again};
use crate::error::{Error, Kind, exit};
use crate::facts;
use crate::machine;
use crate::output::{Reply, time};
use haloy_ledger::event::SecretsFrom;
use haloy_service::{DeploymentAnswer, RollbackAnswer, RollbackRequest};
use std::sync::Arc;

/// Make an earlier good release live again: its image and its whole configuration.
///
/// Without an id: the last good release before the current one, which is shown and, on a terminal, confirmed.
/// Needs no registry. Values of secrets are resolved again from their sources, and those that changed since
/// are named. Refuses with exit code 11 what cannot be restored.
#[derive(Debug, clap::Args)]
#[command(
    name = "rollback",
    after_long_help = "Examples:\n  haloy rollback                    the last good release\n  haloy rollback 01k99pmr           by a prefix of its id\n  haloy rollback ~2                 two good releases back\n  haloy rollback -t production -y -m \"checkout is down\""
)]
pub struct RollbackArgs {
    /// Release: its id (`dep_` in front is ignored), a unique prefix, or `~n`
    id: Option<String>,
    #[command(flatten)]
    targets: TargetArgs,
    /// No progress, as --quiet; it still waits, and the exit code is the result
    #[arg(long)]
    pub(crate) no_logs: bool,
    /// Where values of secrets come from
    #[arg(long, value_enum, default_value_t)]
    secrets: Secrets,
    #[command(flatten)]
    why: MetadataArgs,
}

/// Where values of secrets come from.
#[derive(Debug, Clone, Copy, Default, clap::ValueEnum)]
enum Secrets {
    /// From their sources, and the recorded values where a source is not available here.
    #[default]
    Auto,
    /// From their sources; refuse where one is not available.
    Fresh,
    /// The values that the release was deployed with.
    Recorded,
}

pub(crate) async fn run(cx: &Context, args: RollbackArgs) -> Result<Reply, Error> {
    let (file, named) = selected(&args.targets)?;
    let [named] = named.as_slice() else {
        let names: Vec<&str> = named.iter().map(|named| named.target.as_str()).collect();
        return Err(Error::new(
            Kind::Usage,
            format!("a rollback is of one target, not of {}", names.join(", ")),
        )
        .hint("name one with --target"));
    };
    let key = key(named)?;
    // The file decides where, and whether to confirm; the release comes from the ledger, so a mistake in
    // today's values does not matter.
    pass(cx, &args.targets, &file.guards(std::slice::from_ref(named)), "Roll it back?")?;
    let mut to = args.id;
    if to.is_none() {
        let choice = cx.service.rollback_choice(&key, None).await?;
        let age = time::ago(choice.at, machine::now());
        let text =
            format!("{key}: the last good release is {} ({}), deployed {age}.", choice.release, choice.image);
        cx.follow.note(&text);
        if !choice.same.is_empty() {
            let ids: Vec<String> = choice.same.iter().map(ToString::to_string).collect();
            cx.follow.note(&format!(
                "passed over, being the same as what runs or as what was left: {}",
                ids.join(", ")
            ));
        }
        // A script without an id means the default; a person at a terminal may not.
        use std::io::IsTerminal;
        if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
            confirm(cx, "Roll back to it?", None)?;
            // What was agreed to, and nothing else, whatever is found meanwhile.
            to = Some(choice.release.to_string());
        }
    }
    let secrets = match args.secrets {
        Secrets::Auto => SecretsFrom::Auto,
        Secrets::Fresh => SecretsFrom::Fresh,
        Secrets::Recorded => SecretsFrom::Recorded,
    };
    let (git, ci, why) = (facts::git(&file.folder()), facts::ci(), (&args.why).into());
    file.providers.tell_waits(&cx.waits);
    let request = RollbackRequest { key, to, secrets, values: None, why, git, ci };
    let answer = roll_back(cx, request, &file.providers).await?;
    let code = exit(answer.failure());
    Ok(deploy::reply(&[answer]).exit(code))
}

/// How often the chosen release may turn out to be another one than that whose sources were queried.
const ATTEMPTS: usize = 3;

/// Queries the sources of the release to restore, and requests the rollback with their values.
async fn roll_back(
    cx: &Context,
    mut request: RollbackRequest,
    providers: &Providers,
) -> Result<DeploymentAnswer, Error> {
    let (target, from) = (request.key.target.to_string(), request.secrets);
    if from != SecretsFrom::Recorded {
        match cx.service.rollback_sources(&request.key, request.to.as_deref()).await {
            Ok(sources) => request.values = Some(ask_again(sources, &target, from, providers)?),
            // What a look at the engine finds, or the end of what a crash left, may change that.
            Err(error) if error.kind == Kind::NotRestorable => {}
            Err(error) => return Err(error),
        }
    }
    for _ in 0..ATTEMPTS {
        match cx.service.rollback(request.clone(), Arc::clone(&cx.follow)).await? {
            RollbackAnswer::Ended(answer) => return Ok(*answer),
            RollbackAnswer::Asks(sources) => {
                request.values = Some(ask_again(sources, &target, from, providers)?);
            }
        }
    }
    let message = format!("{}: what can be restored keeps changing", request.key);
    Err(Error::new(Kind::Locked, message).hint("name the release: haloy rollback RELEASE"))
}
