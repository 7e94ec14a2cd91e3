//! `haloy deploy`.

use super::{Context, confirm, pass, selected_with};
use crate::args::{MetadataArgs, TargetArgs};
use crate::config::{Asked, TargetConfig};
use crate::error::{Error, Kind, exit, tell};
use crate::facts;
use crate::output::{Reply, time, words};
use crate::signals;
use haloy_executors::process::Group;
use haloy_ledger::deployment::state::Ending;
use haloy_service::{DeployRequest, Deployed, DeploymentAnswer, Dropped, Warned};
use std::io::IsTerminal;
use std::path::Path;

/// Deploy the app: start the new release, and stop the old one once the new one is healthy.
///
/// A release that does not become healthy is removed, and what ran before goes on running (exit code 3), or
/// is restored where a part of it had already been stopped (exit code 4). Ctrl-C rolls back cleanly; what a
/// crash leaves is settled by the next command.
///
/// Variables of `from: {env}` come from the environment of this command, else from `.env.TARGET`, `.env.local` and
/// `.env`: docs/configuration.md says of which folders, and which wins.
#[derive(Debug, clap::Args)]
#[command(
    after_long_help = "Examples:\n  haloy deploy -m \"new checkout\"\n  haloy deploy --target production,staging\n  haloy deploy --all --yes -o json"
)]
pub struct Deploy {
    #[command(flatten)]
    targets: TargetArgs,
    /// With --all: protected targets, too; each needs a confirmation
    #[arg(long, requires = "all")]
    include_protected: bool,
    /// No progress, as --quiet; it still waits, and the exit code is the result
    #[arg(long)]
    pub(crate) no_logs: bool,
    /// Take over domains that another target has, once the new release is healthy
    #[arg(long)]
    move_domains: bool,
    #[command(flatten)]
    why: MetadataArgs,
}

pub(crate) async fn run(cx: &Context, args: Deploy) -> Result<Reply, Error> {
    let (file, named) = selected_with(&args.targets, args.include_protected)?;
    file.providers.tell_waits(&cx.waits);
    let targets = file.resolve(&named)?;
    if targets.is_empty() {
        cx.follow.note(
            "no target is deployed: --all leaves out those that are protected; name them with --target, or add \
             --include-protected",
        );
        return Ok(reply(&[]));
    }
    for target in &targets {
        for warning in &target.warnings {
            cx.follow.note(&format!("warning: {}/{}: {warning}", target.app, target.target));
        }
    }
    pass(cx, &args.targets, &file.guards(&named), "Deploy it?")?;
    if targets.iter().any(|target| target.asked != Asked::default())
        && let Some(offer) = cx.service.offer().await
    {
        file.fit(&targets, &offer)?;
    }
    let agreed = ask_about_retention(cx, &targets, &[]).await?;
    let folder = file.folder();
    if !file.global_pre_deploy.is_empty() {
        hooks(&file.global_pre_deploy, &folder, cx).await?;
        // The ledger was closed meanwhile, and may have changed: only the confirmed change is agreed to.
        ask_about_retention(cx, &targets, &agreed).await?;
    }
    let request = DeployRequest {
        targets: targets.into_iter().map(TargetConfig::request).collect(),
        move_domains: args.move_domains,
        why: (&args.why).into(),
        git: facts::git(&folder),
        ci: facts::ci(),
    };
    let deployed = cx.service.deploy(request, std::sync::Arc::clone(&cx.follow)).await?;
    let code = exit(deployed.failure());
    let Deployed { answers, errors } = deployed;
    // What worked is answered, whatever became of the others.
    if let ([], [error]) = (answers.as_slice(), errors.as_slice()) {
        return Err(error.clone());
    }
    for error in &errors {
        tell(error);
    }
    // All is live by now: later failures are reported, and do not make the command fail.
    if code == 0
        && let Err(error) = hooks(&file.global_post_deploy, &folder, cx).await
    {
        cx.follow.note(&format!("warning: everything is live; global_post_deploy: {}", error.message));
    }
    Ok(reply(&answers).exit(code))
}

/// A lower count makes releases unrestorable: it needs a confirmation before. Returns what was confirmed;
/// that is not asked twice.
async fn ask_about_retention(
    cx: &Context,
    targets: &[TargetConfig],
    agreed: &[Dropped],
) -> Result<Vec<Dropped>, Error> {
    let wanted = targets.iter().map(|target| (target.key(), target.config.retention.clone())).collect();
    let all = cx.service.dropped(wanted).await?;
    for dropped in all.iter().filter(|dropped| !agreed.contains(dropped)) {
        let Dropped { key, before, after, releases } = dropped;
        let ids: Vec<String> = releases.iter().map(ToString::to_string).collect();
        let question = format!(
            "{key}: `count` goes from {before} to {after}, so {} can no longer be restored: {}. Go on?",
            words::count(ids.len(), "release"),
            ids.join(", ")
        );
        confirm(cx, &question, Some(key.app.as_str()))?;
    }
    Ok(all)
}

/// Commands around all targets: run by this command, once, on this machine.
async fn hooks(commands: &[String], folder: &Path, cx: &Context) -> Result<(), Error> {
    let shell = std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".to_owned());
    for command in commands {
        cx.follow.note(&format!("running `{command}`"));
        let work = signals::interrupt().work();
        let mut child = tokio::process::Command::new(&shell);
        child.arg("-c").arg(command).current_dir(folder).kill_on_drop(true);
        // Its children end with it; on a terminal it stays in the group that Ctrl-C reaches, and may prompt.
        let apart = !std::io::stdin().is_terminal();
        if apart {
            child.process_group(0);
        }
        let ended = async {
            let mut child = child.spawn()?;
            let group = apart.then(|| Group::of(&child));
            tokio::select! {
                status = child.wait() => {
                    if let Some(group) = group {
                        group.ended();
                    }
                    status.map(Some)
                }
                () = work.asked() => {
                    drop(group);
                    // A process that is already gone is fine.
                    drop(child.kill().await);
                    Ok(None)
                }
            }
        };
        let Some(status) = ended.await.transpose() else {
            return Err(Error::new(Kind::Interrupted, format!("`{command}` was ended")));
        };
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => {
                return Err(Error::new(Kind::Failed, format!("`{command}` ended with {status}")));
            }
            Err(error) => {
                return Err(Error::new(Kind::Failed, format!("{shell} could not be started: {error}")));
            }
        }
    }
    Ok(())
}

/// The result of deployments, for people and programs.
pub(crate) fn reply(answers: &[DeploymentAnswer]) -> Reply {
    let mut text = String::new();
    for answer in answers {
        text.push_str(&one(answer));
    }
    let ids: Vec<_> = answers.iter().map(|answer| answer.id).collect();
    Reply::list("deployments/1", answers, text).ids(ids)
}

fn one(answer: &DeploymentAnswer) -> String {
    let verb = if answer.rollback { "rollback" } else { "deployment" };
    let DeploymentAnswer { app, target, id, image, .. } = answer;
    let took = time::took(answer.took_ms);
    let mut text = match answer.ending {
        Ending::Succeeded if answer.rollback => {
            format!("{app}/{target}: rolled back to {} ({image}) in {took}\n", answer.release)
        }
        Ending::Succeeded => format!("{app}/{target}: {image} is live as {id} after {took}\n"),
        Ending::Failed | Ending::RolledBack | Ending::Cancelled | Ending::Interrupted | Ending::Refused => {
            let cause = answer.cause.as_ref().map(|cause| format!(": {cause}")).unwrap_or_default();
            let cause = words::with_detail(cause, beginning(answer.detail.as_deref(), &answer.log_tail));
            format!("{app}/{target}: {verb} {id} {}{cause}\n", words::ending(answer.ending))
        }
    };
    if answer.ending != Ending::Succeeded {
        text.push_str(&what_runs(answer));
        for line in &answer.log_tail {
            text.push_str(&format!("  | {line}\n"));
        }
        if answer.rollback && answer.image_missing() {
            text.push_str("  what else can be restored: haloy rollback-targets --check\n");
        }
        text.push_str(&format!("  more: haloy show {id}\n"));
    }
    text.push_str(&warned(&answer.warnings));
    for made in &answer.volumes {
        text.push_str(&format!("  warning: {}\n", words::unnamed(made)));
    }
    for domain in &answer.domains {
        text.push_str(&format!("  {domain}, through the edge\n"));
    }
    for address in &answer.addresses {
        text.push_str(&format!("  {address}\n"));
    }
    if let (Ending::Succeeded, Some(why)) = (answer.ending, &answer.unseen) {
        text.push_str(&format!("  where it answers is unknown: {why}\n"));
    }
    if !answer.changed_secrets.is_empty() {
        text.push_str(&format!(
            "  values that changed since that release: {}\n",
            answer.changed_secrets.join(", ")
        ));
    }
    text
}

/// What runs after a deployment that did not succeed: as it was seen, not as it should be.
fn what_runs(answer: &DeploymentAnswer) -> String {
    const LOOK: &str = "look with: haloy status";
    let wanted = answer.wanted;
    let restored = answer.target_unchanged == Some(false);
    let text = match (answer.running, answer.runs) {
        (None, _) => {
            let why = answer.unseen.as_deref().unwrap_or("Docker did not answer");
            let should = answer.runs.map(|runs| format!(", and release {runs} should")).unwrap_or_default();
            format!("what runs is unknown{should}: {why}; {LOOK}")
        }
        (Some(0), None) => "nothing runs, as before".to_owned(),
        (Some(running), None) => format!("{} of it still run; {LOOK}", words::count(running, "replica")),
        (Some(_), Some(runs)) if wanted == 0 => format!("release {runs} stays stopped"),
        (Some(_), Some(runs)) if answer.all_run() && restored => {
            format!("release {runs} was restored and runs")
        }
        (Some(_), Some(runs)) if answer.all_run() => format!("release {runs} runs unchanged"),
        (Some(running), Some(runs)) if restored => {
            format!("release {runs} was to be restored, and {running} of {wanted} replicas run; {LOOK}")
        }
        (Some(running), Some(runs)) => {
            format!("release {runs} was not touched; {running} of its {wanted} replicas run; {LOOK}")
        }
    };
    format!("  {text}\n")
}

/// What went wrong without failing a deployment.
pub(crate) fn warned(warnings: &[Warned]) -> String {
    let mut text = String::new();
    for Warned { text: what, lines } in warnings {
        text.push_str(&format!("  warning: {what}\n"));
        lines.iter().for_each(|line| text.push_str(&format!("  | {line}\n")));
    }
    text
}

/// What others wrote about a failure, without the lines that are shown below it.
pub(crate) fn beginning<'a>(detail: Option<&'a str>, log_tail: &[String]) -> Option<&'a str> {
    let goes_on = |detail: &str| log_tail.last().is_some_and(|last| detail.trim_end().ends_with(last));
    detail.map(|detail| if goes_on(detail) { detail.lines().next().unwrap_or_default() } else { detail })
}
