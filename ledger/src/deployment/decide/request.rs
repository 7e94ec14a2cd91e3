//! Requests: deploy, rollback, cancel, stop.

use super::deciding::Deciding;
use super::rejection::nothing_running;
use super::{NotRestorable, Rejection, conclude};
use crate::deployment::command::{Deploy, Rollback};
use crate::deployment::evolve::volumes::is_named;
use crate::deployment::restorable::restorable;
use crate::deployment::state::{Direction, RetainedRelease, TargetState};
use crate::event::*;
use crate::ids::{DeploymentId, Timestamp};
use crate::outcome::{Failure, FailureCode};
use crate::release::HistoryStrategy;

pub(super) fn deploy(state: &TargetState, deploy: Deploy) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let Deploy { id, at, release, git, ci, engine, move_domains: _ } = deploy;
    let ask = DeploymentKind::Deploy { release: Box::new(release) };
    Ok(vec![DeploymentRequested { id, at, ask, git, ci, engine }.into(), admitted(id).into()])
}

fn admitted(id: DeploymentId) -> DeploymentAdmitted {
    DeploymentAdmitted {
        id,
        by: vec![Admission {
            gate: Gate::Open,
            decision: Decision::Passed,
            rule: None,
            policy: None,
            evidence: Vec::new(),
        }],
    }
}

pub(super) fn rollback(state: &TargetState, rollback: Rollback) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let release = rollback.to.release;
    let stopped = state.current.as_ref().is_some_and(|live| live.stopped);
    if state.current_release() == Some(release) && !stopped {
        return Err(Rejection::AlreadyCurrent { release });
    }
    allowed(state.kept(release), &rollback).map_err(|why| Rejection::NotRestorable { release, why })?;
    let Rollback { id, at, to, changed_secrets, secrets, git, ci, engine, .. } = rollback;
    let (mut spec, mut image) = (to.spec, to.image);
    spec.config = spec.config.without_private();
    // The host may have dropped it: it is fetched by the digest that was deployed.
    if spec.config.retention.strategy == HistoryStrategy::Registry {
        image.image_id = None;
    }
    let ask = DeploymentKind::Rollback {
        restores: release,
        release: Box::new(spec),
        image: Box::new(image),
        leaves: state.current_release(),
        changed_secrets,
        secrets,
    };
    Ok(vec![DeploymentRequested { id, at, ask, git, ci, engine }.into(), admitted(id).into()])
}

/// Whether this rollback is allowed: the release can be restored, and its image is on the engine that would
/// run it.
fn allowed(kept: Option<&RetainedRelease>, rollback: &Rollback) -> Result<(), NotRestorable> {
    let none = rollback.to.spec.config.retention.strategy == HistoryStrategy::None;
    let kept = kept.ok_or(if none { NotRestorable::StrategyNone } else { NotRestorable::Pruned })?;
    restorable(kept)?;
    let on_engine = kept.tagged.as_ref().filter(|_| kept.strategy == HistoryStrategy::Local);
    match (on_engine, &rollback.engine_id) {
        (Some(tagged), Some(asked)) if *asked != tagged.engine_id => {
            Err(NotRestorable::OnOtherEngine { engine: tagged.engine_id.clone() })
        }
        _there => Ok(()),
    }
}

pub(super) fn cancel(state: &TargetState, id: DeploymentId) -> Result<Vec<TargetEvent>, Rejection> {
    let Some(rollout) = state.rollout.as_ref().filter(|r| r.deployment == id) else {
        return Err(Rejection::NotRunning { id });
    };
    if rollout.direction != Direction::Forward {
        return Err(Rejection::GoesBack { id });
    }
    let mut deciding = Deciding::new(state);
    deciding.push(CancelRequested { id });
    conclude::turn_back(&mut deciding, Failure::new(FailureCode::Cancelled, "cancelled"));
    conclude::conclude(&mut deciding, None);
    Ok(deciding.events)
}

pub(super) fn stop(
    state: &TargetState,
    remove: bool,
    mut volumes: Vec<String>,
    at: Timestamp,
) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let Some(live) = &state.current else { return Err(Rejection::NothingRuns) };
    let made = |volume: &String| is_made(state, volume) && !is_named(state, volume);
    volumes.retain(made);
    if live.stopped && (!remove || live.replicas.is_empty()) && volumes.is_empty() {
        return Err(Rejection::AlreadyStopped);
    }
    let mut deciding = Deciding::new(state);
    deciding.push(StopRequested { at, remove: remove || !volumes.is_empty(), volumes });
    conclude::conclude(&mut deciding, None);
    Ok(deciding.events)
}

/// Whether haloy made a volume of this target.
fn is_made(state: &TargetState, volume: &str) -> bool {
    let had = state.current.iter().flat_map(|live| &live.replicas).flat_map(|replica| &replica.volumes);
    had.chain(state.volumes.iter().map(|left| &left.made)).any(|made| made.volume == volume)
}
