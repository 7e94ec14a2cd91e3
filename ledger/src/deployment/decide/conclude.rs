//! How a rollout, a stop or a restart ends: checked after every event that may have been the last one.

use super::deciding::{Deciding, expire, plan_prunes, retention_before};
use super::keeping;
use crate::defect::{Defect, planted};
use crate::deployment::plan::{self, Step};
use crate::deployment::state::{Direction, Rollout, TargetState};
use crate::event::*;
use crate::ids::{ReplicaId, Timestamp};
use crate::outcome::{Failure, FailureCode, FailureReport};
use crate::release::HistoryStrategy;

/// Turns the rollout back, unless it is already rolling back.
pub(super) fn turn_back(deciding: &mut Deciding, why: impl Into<FailureReport>) {
    let Some(rollout) = deciding.state.rollout.as_ref() else { return };
    if rollout.direction != Direction::Forward {
        return;
    }
    let (id, after_retired) = (rollout.deployment, retired(&deciding.state));
    let why = why.into();
    let detail = why.private();
    deciding.push(RolloutTurnedBack { id, cause: why.cause, detail, after_retired });
}

/// Whether a serving replica of the old release is gone, or is being stopped right now.
pub(super) fn retired(state: &TargetState) -> bool {
    let Some(live) = state.current.as_ref().filter(|live| !live.stopped) else { return false };
    let leaving = |id: ReplicaId| plan::steps(state).contains(&Step::Stop(id));
    live.replicas.iter().any(|r| !plan::serves(r) || leaving(r.id))
}

/// Ends what has nothing left to do. `at` is when the last report came, where there was one.
pub(super) fn conclude(deciding: &mut Deciding, at: Option<Timestamp>) {
    if !plan::steps(&deciding.state).is_empty() {
        return;
    }
    if let Some(volumes) = deciding.state.stop.as_ref().map(|stop| stop.volumes.clone()) {
        let replicas = deciding.state.current.iter().flat_map(|live| &live.replicas).map(|r| r.id).collect();
        deciding.push(TargetStopped { replicas });
        keeping::remove_volumes(deciding, &volumes);
    }
    end_restart(deciding, None);
    let begun = deciding.state.rollout.clone();
    let proposed = || deciding.state.proposed.clone().filter(|_| planted(Defect::ProposedConcludes));
    let Some(rollout) = begun.or_else(proposed) else { return };
    match &rollout.direction {
        Direction::Forward => succeed(deciding, &rollout, at),
        Direction::Back { cause, after_retired } => {
            let event = ending(&deciding.state, &rollout, cause.clone(), *after_retired);
            deciding.push(event);
        }
    }
    for planned in plan_prunes(&deciding.state) {
        deciding.push(planned);
    }
}

/// Ends a restart of which nothing is left.
pub(super) fn end_restart(deciding: &mut Deciding, cause: Option<Failure>) {
    let Some(restart) = &deciding.state.restart else { return };
    let (restarted, cause) = (restart.done.clone(), cause.or_else(|| restart.cause.clone()));
    deciding.push(RestartEnded { restarted, cause });
}

fn succeed(deciding: &mut Deciding, rollout: &Rollout, at: Option<Timestamp>) {
    let took_ms = at.map_or(0, |at| at.ms_since(rollout.requested));
    let before = retention_before(&deciding.state);
    deciding.push(DeploymentSucceeded { id: rollout.deployment, rel: rollout.release, took_ms });
    let now = retention_before(&deciding.state);
    let (Some(now), false) = (now, rollout.rollback) else { return };
    let dropped = if before.as_ref() == Some(&now) || now.strategy == HistoryStrategy::None {
        Vec::new()
    } else {
        let prunable = crate::deployment::retention::prunable(&deciding.state).into_iter();
        prunable.filter(|(_, rule)| *rule == PruneRule::BeyondCount).map(|(rel, _)| rel).collect()
    };
    expire(deciding, dropped, before);
}

/// How a rollout that went back ended. Never unknown.
fn ending(state: &TargetState, rollout: &Rollout, cause: Failure, after_retired: bool) -> TargetEvent {
    let id = rollout.deployment;
    let restored = state.current.as_ref().filter(|_| after_retired);
    if let Some(live) = restored {
        let whole = rollout
            .replicas
            .iter()
            .filter(|r| r.id.index >= rollout.spec.config.replicas && plan::serves(r))
            .count();
        if whole < usize::from(plan::missing(live)) {
            return DeploymentFailed { id, cause, target_unchanged: false }.into();
        }
    }
    match (cause.code, restored) {
        (FailureCode::Cancelled, restored) => {
            DeploymentCancelled { id, target_unchanged: restored.is_none() }.into()
        }
        (_, Some(live)) => DeploymentRolledBack { id, cause, restored: live.release }.into(),
        (FailureCode::Interrupted | FailureCode::HookUnknown | FailureCode::ReleaseCommandUnknown, None) => {
            DeploymentInterrupted { id, cause, target_unchanged: true }.into()
        }
        (_, None) => DeploymentFailed { id, cause, target_unchanged: true }.into(),
    }
}
