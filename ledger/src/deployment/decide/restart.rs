//! Restarts: the replicas of what is live, one after the other, in the containers that they have.

use super::deciding::Deciding;
use super::rejection::nothing_running;
use super::{Rejection, conclude};
use crate::deployment::effect::Effect;
use crate::deployment::plan;
use crate::deployment::state::TargetState;
use crate::event::*;
use crate::ids::{ReplicaId, Timestamp};
use crate::outcome::Failure;

/// Requests a restart.
pub(super) fn request(state: &TargetState, at: Timestamp) -> Result<Vec<TargetEvent>, Rejection> {
    nothing_running(state)?;
    let live = state.current.as_ref().ok_or(Rejection::NothingRuns)?;
    if live.stopped {
        return Err(Rejection::IsStopped);
    }
    let replicas: Vec<ReplicaId> = live.replicas.iter().filter(|r| plan::serves(r)).map(|r| r.id).collect();
    if replicas.is_empty() {
        return Err(Rejection::NothingRuns);
    }
    Ok(vec![RestartRequested { at, replicas }.into()])
}

/// Ends a restart with the replica that is being restarted; does nothing where no restart is running.
pub(super) fn cut_short(deciding: &mut Deciding, cause: Failure) {
    if deciding.state.restart.as_ref().is_some_and(|restart| restart.cause.is_none()) {
        deciding.push(RestartCutShort { cause });
        conclude::conclude(deciding, None);
    }
}

/// Ends a restart whose effect failed for good: replicas that were not touched go on serving.
pub(super) fn failed(deciding: &mut Deciding, effect: &Effect, cause: &Failure) {
    // Without the edge, the next replica would be stopped while it gets requests.
    let of_a_restart = matches!(
        effect,
        Effect::ApplyRoutes { .. }
            | Effect::StopReplica { .. }
            | Effect::StartReplica(_)
            | Effect::AwaitHealthy { .. }
    );
    if of_a_restart && deciding.state.restart.is_some() {
        conclude::end_restart(deciding, Some(cause.clone()));
    }
}
