//! Report on a deployment beside its result: foreign text about it, the last lines of a failure, and problems
//! that did not make it fail.

use super::errors;
use crate::{Error, Warned};
use haloy_ledger::event::field::{DETAIL, LOG_TAIL};
use haloy_ledger::event::{AnyEvent, HookStage, TargetEvent};
use haloy_ledger::ids::DeploymentId;
use haloy_ledger::outcome::HookExit;
use haloy_ledger::projection::{DeploymentRow, DeploymentStatus};
use haloy_ledger::read::{EventFilter, EventView, View};
use haloy_ledger::release::PullPolicy;

/// What is shown in place of a private value that was erased.
pub const REDACTED: &str = "(redacted)";

/// The events of one deployment: those of its stream from its request to its end that name it.
pub fn of_deployment(view: &View<'_>, id: DeploymentId) -> Result<Vec<EventView>, Error> {
    let Some(row) = view.deployment(id).map_err(errors::log)? else { return Ok(Vec::new()) };
    let stream = Some(row.key().stream());
    let last = match row.status {
        DeploymentStatus::Ended { at, .. } => Some(at),
        DeploymentStatus::Running => None,
    };
    let filter = EventFilter { from: row.requested, stream, until: last, ..EventFilter::default() };
    view.events(&filter).map_err(errors::log)
}

/// What others wrote about the failure of a deployment: about what turned it back, and not about what failed
/// afterwards, while it was cleared up.
pub fn detail(listed: &[EventView]) -> Option<String> {
    let turned = listed.iter().position(|event| event.kind == "RolloutTurnedBack");
    let until = turned.map_or(listed.len(), |turned| turned + 1);
    let told = listed[..until].iter().rev();
    let told = told.filter(|event| matches!(&*event.kind, "RolloutTurnedBack" | "EffectFailed"));
    told.filter_map(|event| said(event).filter(|said| !said.is_empty())).next()
}

/// What others wrote about an event, or that it was erased.
pub fn said(event: &EventView) -> Option<String> {
    let erased = event.redacted.contains(&DETAIL).then(|| REDACTED.to_owned());
    event.private(DETAIL).map(str::to_owned).or(erased)
}

/// Last lines of what made a deployment fail: of a replica that did not become well, or of a command; else what
/// the engine wrote after its first line, as it does for a build.
pub fn log_tail(view: &View<'_>, listed: &[EventView]) -> Result<Vec<String>, Error> {
    for event in listed.iter().rev() {
        let failed = match &*event.kind {
            "ReplicaUnhealthy" => true,
            "HookFinished" => failed_hook(view, event)?.is_some(),
            "ReleaseCommandFinished" => release_failed(view, event)?,
            _other => false,
        };
        let tail = lines(event.private(LOG_TAIL));
        if failed && !tail.is_empty() {
            return Ok(tail);
        }
    }
    Ok(detail(listed).map(|detail| lines(Some(&detail))).unwrap_or_default().into_iter().skip(1).collect())
}

fn lines(text: Option<&str>) -> Vec<String> {
    let lines = text.unwrap_or_default().lines().filter(|line| !line.trim().is_empty());
    lines.map(str::to_owned).collect()
}

fn release_failed(view: &View<'_>, event: &EventView) -> Result<bool, Error> {
    let recorded = view.recorded(event.position, 1).map_err(errors::log)?;
    let event = recorded.first().map(|recorded| &recorded.event);
    let Some(AnyEvent::Target(TargetEvent::ReleaseCommandFinished(finished))) = event else {
        return Ok(false);
    };
    Ok(finished.exit != HookExit::Code(0))
}

/// Message about a hook that failed; none for a successful one.
fn failed_hook(view: &View<'_>, event: &EventView) -> Result<Option<(HookStage, String)>, Error> {
    let recorded = view.recorded(event.position, 1).map_err(errors::log)?;
    let Some(AnyEvent::Target(TargetEvent::HookFinished(finished))) =
        recorded.first().map(|recorded| &recorded.event)
    else {
        return Ok(None);
    };
    let ended = match finished.exit {
        HookExit::Code(0) => return Ok(None),
        HookExit::Code(code) => format!("ended with code {code}"),
        HookExit::Killed => "was ended by a signal or by its time limit".to_owned(),
        HookExit::Unknown => "may not have ended: haloy was ended meanwhile".to_owned(),
    };
    Ok(Some((finished.hook.stage, format!("command {} {ended}", finished.hook.index + 1))))
}

/// What went wrong, or may be other than meant, without failing the deployment.
pub fn warnings(view: &View<'_>, row: &DeploymentRow, listed: &[EventView]) -> Result<Vec<Warned>, Error> {
    let mut warned = Vec::new();
    for event in listed.iter().filter(|event| event.kind == "HookFinished") {
        if let Some((HookStage::PostDeploy, how)) = failed_hook(view, event)? {
            let lines = lines(event.private(LOG_TAIL));
            warned.push(Warned { text: format!("post_deploy: {how}; the release is live"), lines });
        }
    }
    let release = view.release(row.release).map_err(errors::log)?;
    if let Some(release) = release.filter(|_| row.release == row.id) {
        let image = &release.spec.config.image;
        let asked = image.pull_policy == PullPolicy::Always && image.build.is_none();
        // A digest identifies the image, whatever registry has it.
        let unknown = release.image.as_ref().is_some_and(|image| image.digest.is_none());
        if asked && unknown && image.reference.digest().is_none() {
            let text = format!(
                "the registry does not have {}: what was built here under that name is used",
                image.reference
            );
            warned.push(Warned { text, lines: Vec::new() });
        }
    }
    Ok(warned)
}
